"""Real programs under the built-in policy, in their workspace, as root and as an ordinary user.

Nothing here is told that it is behind a wall: what a developer types outside must work inside,
and every test looks at what the program really produced.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import tarfile
import textwrap
import time
import zipfile

import pytest

from debian_source import orig_tar

pytestmark = pytest.mark.both

GIT_NAME = ("export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org "
            "GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org;")


def need(program):
    if shutil.which(program, path="/usr/local/bin:/usr/bin:/bin") is None:
        pytest.skip(f"{program} is not installed (make deps)")


@pytest.fixture
def inside(run_capsule):
    """inside(script) -> stdout of the shell script; status other than `status` fails the test."""

    def call(script, status=0, timeout=60, **more):
        done = run_capsule(["run", "--quiet", "--", "/bin/sh", "-ec", textwrap.dedent(script)],
                           timeout=timeout, **more)
        assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + (done.stderr if status else "")

    return call


@pytest.fixture
def put(workspace, who):
    """put(name, text) writes a file of the workspace, as its owner would."""

    def write(name, text):
        path = workspace / name
        path.write_text(textwrap.dedent(text))
        os.chown(path, who.uid, who.gid)
        return path

    return write


# --- git

def test_git_init_commit_log(inside, workspace):
    out = inside(GIT_NAME + """
        git init -q -b main .
        echo one > a.txt; git add a.txt; git commit -qm 'first of them'
        echo two >> a.txt; git commit -qam second
        git log --format=%s; git diff --stat HEAD~1; git status --porcelain; git fsck --strict
    """)
    assert out.splitlines()[:2] == ["second", "first of them"]
    assert "1 file changed, 1 insertion(+)" in out
    assert (workspace / ".git/HEAD").read_text() == "ref: refs/heads/main\n"


def test_git_in_a_repository_that_was_there(inside, workspace):
    """The second session finds .git: its hooks and config are protected, the rest works."""
    inside(GIT_NAME + "git init -q -b main .; echo 1 > a; git add a; git commit -qm base")
    out = inside(GIT_NAME + """
        git switch -qc topic; echo 2 > b; git add b; git commit -qm topic
        git switch -q main; echo 3 > c; git add c; git commit -qm main
        git merge -q -m merged topic; echo 4 >> a; git stash -q; git stash pop -q
        git checkout -q -- a; git tag v1; git gc -q; git fsck --no-dangling
        git rev-list --count HEAD; git tag; ls
    """)
    assert out.split() == ["4", "v1", "a", "b", "c"]


def test_git_clone_of_a_local_repository(inside, workspace):
    out = inside(GIT_NAME + """
        git init -q -b main src; cd src; seq 1000 > numbers; git add .; git commit -qm n; cd ..
        git clone -q src copy; git clone -q --bare src bare.git
        cd copy; echo more >> numbers; git commit -qam more
        git push -q ../bare.git main; git -C ../bare.git log --format=%s; wc -l < numbers
    """)
    assert out.split() == ["more", "n", "1001"]


def test_git_worktree(inside, workspace):
    inside(GIT_NAME + "git init -q -b main .; echo 1 > a; git add a; git commit -qm base")
    out = inside(GIT_NAME + """
        git worktree add -q tree -b side; cd tree; echo 2 > b; git add b; git commit -qm 'in the tree'
        cd ..; git log --format=%s side; git worktree list | wc -l; git worktree remove tree; ls
    """)
    assert out.split("\n") == ["in the tree", "base", "2", "a", ""]


# --- python

def wheel(path, module, text, script):
    """A wheel by hand: one module, one console script."""
    info = f"{module}-1.0.dist-info"
    files = {f"{module}.py": text,
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n",
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
             f"{info}/entry_points.txt": f"[console_scripts]\n{script} = {module}:main\n"}
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as z:
        for name, body in files.items():
            z.writestr(name, body)
    path.chmod(0o644)


def test_python_venv(inside, workspace):
    wheel(workspace / "thing-1.0-py3-none-any.whl", "thing",
          "def main():\n    print('a thing says hello')\n", "say-thing")
    out = inside("""
        /usr/bin/python3 -m venv env
        env/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)'
        env/bin/pip install -q --no-index --disable-pip-version-check ./thing-1.0-py3-none-any.whl
        env/bin/say-thing; env/bin/pip list --format=freeze --disable-pip-version-check | grep thing
    """, timeout=120)
    assert out.splitlines() == ["True", "a thing says hello", "thing==1.0"]


def test_pytest_in_two_processes(inside, put):
    put("test_it.py", """
        import os, pytest
        @pytest.mark.parametrize("n", range(6))
        def test_n(n, tmp_path):
            (tmp_path / "f").write_text(str(n))
            assert (tmp_path / "f").read_text() == str(n)
        def test_worker():
            assert os.environ["PYTEST_XDIST_WORKER"] in ("gw0", "gw1")
    """)
    if subprocess.run(["/usr/bin/python3", "-c", "import xdist"], capture_output=True).returncode:
        pytest.skip("pytest-xdist is not installed (make deps)")
    out = inside("/usr/bin/python3 -m pytest -q -n 2 -p no:cacheprovider test_it.py")
    assert "7 passed" in out


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(inside, put, method):
    """Pools, semaphores and shared memory (/dev/shm), managers (Unix sockets)."""
    put("work.py", f"""
        import multiprocessing as mp, os
        from multiprocessing import shared_memory
        def square(x):
            return x * x, os.getpid()
        def add(lock, value, memory):
            shared = shared_memory.SharedMemory(memory)
            for _ in range(100):
                with lock:
                    value.value += 1
            shared.buf[0] += 1
            shared.close()
        if __name__ == "__main__":
            mp.set_start_method({method!r})
            with mp.Pool(2) as pool:
                done = pool.map(square, range(50))
            assert [x for x, _ in done] == [i * i for i in range(50)]
            assert os.getpid() not in {{p for _, p in done}}
            memory = shared_memory.SharedMemory(create=True, size=16)
            lock, value = mp.Lock(), mp.Value("i", 0)
            workers = [mp.Process(target=add, args=(lock, value, memory.name)) for _ in range(2)]
            for w in workers: w.start()
            for w in workers: w.join()
            with mp.Manager() as manager:
                d = manager.dict(a=1)
                print(mp.get_start_method(), value.value, memory.buf[0] >= 1, dict(d))
            memory.close(); memory.unlink()
    """)
    assert inside("/usr/bin/python3 work.py") == f"{method} 200 True {{'a': 1}}\n"


def test_python_threads_asyncio_and_subprocesses(inside, put):
    put("work.py", """
        import asyncio, concurrent.futures, subprocess, tempfile, sqlite3, ssl, hashlib
        async def main():
            p = await asyncio.create_subprocess_exec("echo", "child", stdout=subprocess.PIPE)
            return (await p.communicate())[0].decode().strip()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            print(sum(pool.map(lambda n: n * 2, range(10))), asyncio.run(main()))
        with tempfile.NamedTemporaryFile(suffix=".db") as f:
            db = sqlite3.connect(f.name)
            db.execute("create table t(x)"); db.execute("insert into t values (42)"); db.commit()
            print(db.execute("select x from t").fetchone())
        print(hashlib.sha256(b"").hexdigest()[:8], bool(ssl.OPENSSL_VERSION))
    """)
    assert inside("/usr/bin/python3 work.py").splitlines() == ["90 child", "(42,)", "e3b0c442 True"]


# --- node

def test_node(inside, put):
    need("node")
    put("main.js", """
        const http = require('http'), fs = require('fs'), os = require('os');
        const { Worker, isMainThread, parentPort } = require('worker_threads');
        const { execFileSync } = require('child_process');
        if (!isMainThread) { parentPort.postMessage(6 * 7); return; }
        fs.writeFileSync('out.txt', 'written by node');
        console.log(fs.readFileSync('out.txt', 'utf8'), execFileSync('echo', ['child']).toString().trim());
        new Worker(__filename).on('message', n => {
            const server = http.createServer((q, s) => s.end('served ' + n));
            server.listen(0, '127.0.0.1', () => http.get(
                { port: server.address().port, host: '127.0.0.1' },
                r => r.on('data', d => { console.log(d.toString()); server.close(); })));
        });
    """)
    assert inside("node main.js").splitlines() == ["written by node child", "served 42"]


def test_npm_offline_install_from_a_tarball(inside, workspace):
    need("npm")
    out = inside("""
        mkdir lib app; cd lib
        cat > package.json <<'E'
        {"name": "left", "version": "1.2.3", "main": "i.js", "bin": {"left-cli": "cli.js"},
         "scripts": {"postinstall": "node -e \\"require('fs').writeFileSync('ran','yes')\\""}}
        E
        echo 'module.exports = (s, n) => s.padStart(n);' > i.js
        printf '#!/usr/bin/env node\\nconsole.log("cli", require("./i.js")("x", 3));\\n' > cli.js
        chmod +x cli.js
        npm pack --silent; cd ../app; npm init -y >/dev/null
        npm install --offline --no-audit --no-fund --silent ../lib/left-1.2.3.tgz
        node -p 'require("left")("y", 2)'; npx --no-install left-cli; cat node_modules/left/ran
        npm ls --parseable | wc -l
    """, timeout=120)
    assert out.splitlines() == ["left-1.2.3.tgz", " y", "cli   x", "yes2"]


# --- compilers

def test_gcc_and_make_build_a_debian_source_package(inside, workspace):
    """zlib: configure, a parallel build, and its own self-test."""
    tar = orig_tar("zlib")
    shutil.copy(tar, workspace / tar.name)
    (workspace / tar.name).chmod(0o644)
    out = inside(f"""
        mkdir z; tar -C z --strip-components=1 --no-same-owner -xf {tar.name}; cd z
        ./configure >/dev/null; make -s -j2 >/dev/null 2>&1; make -s test
        ls -l libz.so.1.* | wc -l
    """, timeout=300)
    assert "*** zlib test OK ***" in out and "*** zlib shared test OK ***" in out
    # What was built behind the wall works outside it.
    assert (workspace / "z/minigzip").exists()
    packed = subprocess.run([workspace / "z/minigzip"], input=b"abc" * 100, capture_output=True)
    assert subprocess.run(["gzip", "-dc"], input=packed.stdout,
                          capture_output=True).stdout == b"abc" * 100


def test_make_with_many_small_files(inside, workspace):
    out = inside("""
        for i in $(seq 40); do echo "int f$i(void) { return $i; }" > f$i.c; done
        { for i in $(seq 40); do echo "int f$i(void);"; done
          echo '#include <stdio.h>'; echo 'int main(void) { int s = 0;'
          for i in $(seq 40); do echo "s += f$i();"; done
          echo 'return printf("%d", s) != 3; }'; } > main.c
        printf 'OBJ := $(patsubst %%.c,%%.o,$(wildcard *.c))\\nprog: $(OBJ)\\n\\tgcc -o $@ $^\\n' > Makefile
        make -s -j4; ./prog; gcc -flto -O2 -o lto *.c; ./lto
    """, timeout=120)
    assert out == "820820"


# --- the rest of a developer's day

def test_sqlite3(inside, workspace):
    need("sqlite3")
    out = inside("""
        sqlite3 a.db 'pragma journal_mode=wal; create table t(n integer primary key, s text);'
        seq 1 2000 | sed 's/.*/insert into t values(&, "row &");/' | { echo 'begin;'; cat; echo 'commit;'; } | sqlite3 a.db
        sqlite3 a.db "select count(*), max(s) from t" ".backup b.db"
        sqlite3 b.db "pragma integrity_check; select sum(n) from t;"
    """)
    assert out.split() == ["wal", "2000|row", "999", "ok", "2001000"]
    assert subprocess.run(["sqlite3", workspace / "b.db", "select count(*) from t"], text=True,
                          capture_output=True).stdout == "2000\n"


def test_tar(inside, workspace):
    out = inside("""
        mkdir -p d/sub; echo x > d/f; ln d/f d/hard; ln -s f d/soft; mkfifo -m 644 d/fifo
        printf '#!/bin/sh\\necho ran\\n' > d/run; chmod 750 d/run; touch -d 2020-02-02T02:02:02Z d/f
        for z in gzip xz; do command -v $z >/dev/null && tar --$z -cf d.tar.$z d; done
        mkdir out; tar -C out -xf d.tar.gzip; diff -r --no-dereference d/sub out/d/sub
        out/d/run; readlink out/d/soft; stat -c %h out/d/hard; stat -c '%a %F' out/d/run out/d/fifo
        date -u -r out/d/f +%F
    """)
    assert out.splitlines() == ["ran", "f", "2", "750 regular file", "644 fifo", "2020-02-02"]
    with tarfile.open(workspace / "d.tar.gzip") as t:
        assert t.getmember("d/hard").islnk() != t.getmember("d/f").islnk()


def test_ssh_keygen(inside, workspace, who):
    need("ssh-keygen")
    out = inside("""
        ssh-keygen -q -t ed25519 -N '' -C me -f key; ssh-keygen -q -t rsa -b 2048 -N pass -C me -f rsa
        echo text > msg; ssh-keygen -q -Y sign -f key -n file msg
        { printf 'me '; cat key.pub; } > signers
        ssh-keygen -Y verify -f signers -I me -n file -s msg.sig < msg
        stat -c %a key; ssh-keygen -y -P pass -f rsa | cut -d' ' -f1
    """)
    assert 'Good "file" signature for me' in out
    assert out.splitlines()[-2:] == ["600", "ssh-rsa"]


def test_gdb_works_on_its_own_child(inside, put):
    need("gdb")
    put("p.c", """
        #include <stdio.h>
        static int twice(int x) { return 2 * x; }
        int main(void) { printf("%d\\n", twice(21)); return 7; }
    """)
    out = inside("""
        gcc -g -O0 -o p p.c
        gdb -q -batch -nx -ex 'break twice' -ex run -ex 'print x' -ex bt -ex continue ./p </dev/null 2>&1
    """)
    assert "$1 = 21" in out and "in main () at p.c:4" in out
    assert "exited with code 07" in out


def test_gdb_is_denied_what_is_outside(inside, workspace, who):
    """It says so at once, and the process outside has never been stopped or traced."""
    need("gdb")
    from harness import as_account
    victim = subprocess.Popen(["sleep", "60"], **as_account(who))
    try:
        out = inside(f"""
            kill -0 {victim.pid} 2>&1 || echo 'no such process here'
            gdb -q -batch -nx -p {victim.pid} -ex 'print 1' </dev/null 2>&1 || true
        """)
        status = pathlib.Path(f"/proc/{victim.pid}/status").read_text()
        assert "no such process here" in out
        assert "No such process" in out or "Operation not permitted" in out
        assert "TracerPid:\t0\n" in status and "S (sleeping)" in status
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()


def test_background_server_on_loopback(inside, workspace, start_capsule):
    """It serves its own session, and nobody else: the port is not the host's."""
    need("curl")
    out = inside("""
        mkdir www; echo 'over loopback' > www/index.html
        /usr/bin/python3 -u -m http.server -d www --bind 127.0.0.1 38471 >server.log 2>&1 &
        for i in $(seq 100); do curl -s -o got http://127.0.0.1:38471/ && break; sleep 0.1; done
        cat got; curl -s -o /dev/null -w '%{http_code}\\n' http://localhost:38471/none; kill $!
    """)
    assert out == "over loopback\n404\n"
    assert "GET / HTTP/1.1" in (workspace / "server.log").read_text()

    server = start_capsule(["run", "--quiet", "--", "/usr/bin/python3", "-u", "-m", "http.server",
                            "--bind", "127.0.0.1", "38472"])
    line = server.stdout.readline()
    assert "Serving HTTP" in line, server.stderr.read()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 38472), timeout=2)
    server.terminate()
    assert server.wait(10) == 128 + 15


def test_server_left_behind_ends_with_the_run(inside, workspace):
    """A daemon in the background does not outlive, or hold up, the run that started it."""
    start = time.monotonic()
    inside("setsid sh -c 'while :; do date > beat; sleep 0.1; done' </dev/null >/dev/null 2>&1 &\n"
           "while ! [ -s beat ]; do sleep 0.05; done")
    assert time.monotonic() - start < 10
    before = (workspace / "beat").stat().st_mtime_ns
    time.sleep(0.5)
    assert (workspace / "beat").stat().st_mtime_ns == before


def test_shell_tools(inside, workspace, who):
    """Accounts, time, locks, pipes, terminals that are none, /proc of the session."""
    out = inside("""
        id -u; whoami; [ "$HOME" ] && cd "$HOME" && touch mine && ls; cd - >/dev/null
        seq 100000 | sort -R | sort -n | tail -1; mkfifo p; (echo through >p &) ; cat p
        flock lock echo locked; mktemp /tmp/x.XXXXXX | wc -l; find . -name lock; echo a b | awk '{print $2}'
        date -d @0 -u +%Y; [ -r /etc/hostname ] && echo etc; head -c 16 /dev/urandom | wc -c
        ps -e -o comm= | grep -c . | awk '{print ($1 < 8)}'; test -t 0 || echo 'no tty'
    """)
    lines = out.splitlines()
    assert lines[:2] == [str(who.uid), who.name]
    assert lines[2:] == ["mine", "100000", "through", "locked", "1", "./lock", "b", "1970", "etc",
                         "16", "1", "no tty"]
    assert not (who.home / "mine").exists()  # the home inside is a private one

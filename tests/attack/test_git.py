"""C3, C4, C6: what a session leaves in repositories that it makes, and git on the host that comes by later."""

import os
import subprocess

import pytest

import harness
from test_mediation import FREE, PRELUDE

POLICY = FREE + """\
filesystem:
  protect: ["**/.git/hooks", "**/.git/config", "**/.git/config.worktree", "**/.git/commondir"]
"""
# A program that leaves a mark, and a hook; then each way to have git on the host run it.
SETUP = """
set -e
git init -q r; git -C r config user.name a; git -C r config user.email a@b
echo x > r/f; git -C r add f; git -C r commit -qm x
printf '#!/bin/sh\\ntouch %(mark)s\\n' > evil; chmod +x evil
echo ran
set +e
E="$PWD/evil"
"""
SET = "printf '[core]\\n\\tfsmonitor = %s\\n[user]\\nname=a\\nemail=a@b\\n' \"$E\""
WAYS = {
    "git config": 'git -C r config core.fsmonitor "$E"',
    "write the config": f"{SET} > r/.git/config",
    "append to the config": f"{SET} >> r/.git/config",
    "rename over the config": f"{SET} > r/x; mv r/x r/.git/config",
    "git's own way": f"{SET} > r/.git/config.lock; mv r/.git/config.lock r/.git/config",
    "link": f"{SET} > r/x; rm -f r/.git/config; ln r/x r/.git/config",
    "symlink": f"{SET} > r/x; ln -sf ../x r/.git/config",
    "exchange": f"{SET} > r/x; python3 -c \"$PY\nrenameat2('r/x', 'r/.git/config', 2)\"",
    "unnamed file": "python3 -c \"$PY\nimport sys\n"
                    "fd = os.open('.', os.O_TMPFILE | os.O_RDWR)\n"
                    "os.write(fd, ('[core]\\n fsmonitor = %s\\n' % sys.argv[1]).encode())\n"
                    "os.unlink('r/.git/config')\nlinkat('/proc/self/fd/%d' % fd, 'r/.git/config')\" \"$E\"",
    "a descriptor kept": "python3 -c \"$PY\nimport sys\n"
                         "open('r/.git/config.lock', 'w').write('[core]\\n bare = false\\n')\n"
                         "fd = os.open('r/.git/config.lock', os.O_RDWR | os.O_APPEND)\n"
                         "os.rename('r/.git/config.lock', 'r/.git/config')\n"
                         "os.write(fd, (' fsmonitor = %s\\n' % sys.argv[1]).encode())\" \"$E\"",
    "a mapping kept": "python3 -c \"$PY\nimport mmap, sys\n"
                      "open('r/.git/config.lock', 'w').write('[core]\\n bare = false\\n' + ' ' * 300 + '\\n')\n"
                      "fd = os.open('r/.git/config.lock', os.O_RDWR)\nmap = mmap.mmap(fd, 300)\n"
                      "os.rename('r/.git/config.lock', 'r/.git/config')\n"
                      "t = ('\\n fsmonitor = %s\\n' % sys.argv[1]).encode()\nmap[24:24 + len(t)] = t\" \"$E\"",
    "include": "git -C r config include.path ../x; printf '[core]\\nfsmonitor=%s\\n' \"$E\" > r/x",
    "hooks path": 'mkdir h; cp evil h/post-commit; git -C r config core.hooksPath "$PWD/h"',
    "alias": 'git -C r config alias.st "!$E"; git -C r config core.fsmonitor "$E"',
    "filter": "git -C r config filter.x.clean \"$E\"; echo '* filter=x' > r/.gitattributes; echo y > r/f",
    "hook": "mkdir -p r/.git/hooks; cp evil r/.git/hooks/post-commit",
    "hook by rename": "cp evil r/hook; mkdir -p r/.git/hooks; mv r/hook r/.git/hooks/post-commit",
    "hook by link": "mkdir -p r/.git/hooks; ln evil r/.git/hooks/post-commit",
    "hook by symlink": 'mkdir -p r/.git/hooks; ln -s "$E" r/.git/hooks/post-commit',
    "hook from a sample": "mkdir -p r/.git/hooks; cp evil r/.git/hooks/a.sample; "
                          "mv r/.git/hooks/a.sample r/.git/hooks/post-commit",
    "hook linked from a sample": "mkdir -p r/.git/hooks; cp evil r/.git/hooks/a.sample; "
                                 "ln r/.git/hooks/a.sample r/.git/hooks/post-commit",
    "folder of hooks": "mkdir h; cp evil h/post-commit; rm -rf r/.git/hooks; mv h r/.git/hooks",
    "symlink for hooks": "mkdir h; cp evil h/post-commit; rm -rf r/.git/hooks; ln -s ../../h r/.git/hooks",
    "the folder away and back": "mv r/.git r/g; mkdir -p r/g/hooks; cp evil r/g/hooks/post-commit; mv r/g r/.git",
    "the repository away": "mv r/.git r/g; mkdir -p r/g/hooks; cp evil r/g/hooks/post-commit; "
                           "ln -s g r/.git",
    "a tree with hooks": "cp -r r/.git g; mkdir -p g/hooks; cp evil g/hooks/post-commit; rm -rf r/.git; mv g r/.git",
    "an upper folder": "mkdir u; cp -r r/.git u/g; mkdir -p u/g/hooks; cp evil u/g/hooks/post-commit; "
                       "mv u/g u/.git; cp r/f u/",
    "a file for a repository": "cp -r r/.git g; mkdir -p g/hooks; cp evil g/hooks/post-commit; rm -rf r/.git; "
                               "echo \"gitdir: $PWD/g\" > r/.git",
    "a link for a repository": "cp -r r/.git g; mkdir -p g/hooks; cp evil g/hooks/post-commit; rm -rf r/.git; "
                               "ln -s ../g r/.git",
    "commondir": "cp -r r/.git g; mkdir -p g/hooks; cp evil g/hooks/post-commit; echo ../../g > r/.git/commondir",
    "template": "mkdir -p t/hooks; cp evil t/hooks/post-commit; git init -q --template=$PWD/t n; "
                "cp r/f n/; git -C n config user.name a; git -C n config user.email a@b",
    "clone with a template": "mkdir -p t/hooks; cp evil t/hooks/post-commit; git clone -q --template=$PWD/t r n",
    "git -c": 'git -c core.fsmonitor="$E" -C r clone -q -c core.fsmonitor="$E" . ../n',
    "nested": "git init -q r/a/b/c; mkdir -p r/a/b/c/.git/hooks; cp evil r/a/b/c/.git/hooks/post-commit",
    "by /proc": "mkdir -p r/.git/hooks; cp evil /proc/self/cwd/r/.git/hooks/post-commit",
    "tar": "mkdir -p q/.git/hooks.; mkdir -p z/.git/hooks 2>/dev/null || mkdir -p z/.git; "
           "(cd z && git init -q . ; mkdir -p x/hooks; cp ../evil x/hooks/post-commit; "
           "tar cf ../t.tar --transform 's,^x/,.git/,' x/hooks/post-commit); tar xf t.tar -C r",
}


def visit(workspace, who):
    """Somebody on the host who works in every repository there."""
    run = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL,
           "env": harness.environment(who), **harness.as_account(who)}
    for folder, names, files in os.walk(workspace):
        if ".git" not in names + files:
            continue
        git = ["git", "-C", folder, "-c", "user.name=h", "-c", "user.email=h@h", "-c", "safe.directory=*"]
        for words in (["status"], ["add", "-A"], ["commit", "--allow-empty", "-m", "by the host"], ["diff"],
                      ["checkout", "."]):
            subprocess.run([*git, *words], timeout=20, **run)


@pytest.mark.both
@pytest.mark.attack("C3")
@pytest.mark.attack("C4")
@pytest.mark.attack("C6")
@pytest.mark.parametrize("way", WAYS)
def test_the_hosts_git_runs_nothing_of_the_sessions(way, run_capsule, workspace, who, place):
    mark = place / "outside-mark"
    place.chmod(0o777)  # whoever runs the host's git may leave the mark
    policy = place / "policy.yaml"
    text = SETUP + WAYS[way]
    code = text.replace("%(mark)s", str(mark))
    run = lambda: run_capsule(["run", "--policy", policy, "--", "env", f"PY={PRELUDE}", "sh", "-c", code])
    policy.write_text(POLICY)
    done = run()
    assert done.stdout.startswith("ran\n"), done
    visit(workspace, who)
    assert not mark.exists(), done
    subprocess.run(f"rm -rf {workspace}/* {workspace}/.[!.]*", shell=True, check=True)
    policy.write_text(FREE)
    done = run()
    assert done.stdout.startswith("ran\n"), done
    visit(workspace, who)
    assert mark.exists(), f"this does not work without the policy either: {done}"


@pytest.mark.both
@pytest.mark.attack("C4")
def test_git_itself_works(run_capsule, workspace, place, who):
    """What is not an attack goes on working: make, clone, commit, branch, merge, name a remote."""
    policy = place / "policy.yaml"
    policy.write_text(POLICY)
    script = """
set -e
git init -q one; cd one; git config user.name a; git config user.email a@b
echo x > f; git add f; git commit -qm x; git checkout -qb side; echo y > f; git commit -qam y
git checkout -q -; git merge -q side; git tag t; git stash -q || true
cd ..; git clone -q one two; cd two; git config user.name a; git config user.email a@b; git pull -q
git remote add other https://example.org/a.git; git remote rename other elsewhere; git branch -m renamed
git config --unset user.name; git gc -q; git fsck
cd ..; git clone -q --bare one three; git init -q --bare four; rm -rf three four
"""
    done = run_capsule(["run", "--policy", policy, "--", "sh", "-c", script])
    assert done.returncode == 0, done


@pytest.mark.both
@pytest.mark.attack("C4")
def test_the_new_config_is_nobodys_yet(run_capsule, workspace, place):
    """While a config is put there no name of it can be opened to write by somebody who waits for that."""
    policy = place / "policy.yaml"
    policy.write_text(POLICY)
    code = PRELUDE + """
import threading, time
os.system('git init -q r')
over, caught, turns = False, 0, 0
def waiter():
    global caught
    while not over:
        for name in os.listdir('r/.git'):
            if name.startswith('config') and not name.startswith('config.lock'):
                try: fd = os.open('r/.git/' + name, os.O_RDWR)
                except OSError: continue
                caught += 1
                os.write(fd, b'[core]\\nfsmonitor = evil\\n')
                os.close(fd)
t = threading.Thread(target=waiter); t.start()
end = time.monotonic() + 3
while time.monotonic() < end:
    open('r/.git/config.lock', 'w').write('[core]\\n\\tbare = false\\n')
    os.rename('r/.git/config.lock', 'r/.git/config')
    turns += 1
over = True; t.join()
print(caught, turns > 50, 'evil' in open('r/.git/config').read())
"""
    done = run_capsule(["run", "--policy", policy, "--", "python3", "-c", code])
    assert done.stdout.split() == ["0", "True", "False"], done

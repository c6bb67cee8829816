"""C11, F4, F6, F10, X: what Capsule itself does on the host, and what reaches its log."""

import json
import os
import re
import secrets
import shutil
import subprocess

import pytest

import arena
import harness
from arena import PROBES


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]


@pytest.mark.both
@pytest.mark.attack("C11")
def test_no_predictable_file_is_followed(scene, who, capsule):
    """Whatever Capsule creates on the host, it creates so that a planted symlink is not followed."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    trace = scene.place / "trace"
    # strace as root may follow a run of root's only; as the user, it follows the user's.
    os.chmod(scene.place, 0o777)
    done = subprocess.run(
        ["strace", "-qq", "-f", "-o", trace, "-e", "trace=open,openat,creat,mkdir,mkdirat", capsule,
         "run", "--", "true"], cwd=scene.ws, capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL, env=harness.environment(who), **harness.as_account(who))
    if "ptrace" in done.stderr.lower() and done.returncode:
        pytest.skip(f"strace does not work here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    supervisor = trace.read_text().split()[0]
    made = [line for line in trace.read_text().splitlines()
            if line.startswith(supervisor) and "O_CREAT" in line]
    assert made, "no log was created?"
    for line in made:
        assert "O_EXCL" in line or "O_NOFOLLOW" in line, line
        assert '"/tmp/' not in line and '"/var/tmp/' not in line or str(who.home) in line, line


@pytest.mark.both
@pytest.mark.attack("F6")
@pytest.mark.parametrize("option,name", [("--log", "here.log"), ("--report", "report.json")])
def test_our_files_where_the_session_writes(option, name, scene, run_capsule):
    """The session could put a file of its own in the place of ours."""
    for path in (scene.ws / name, name, f"x/../{name}"):
        done = run_capsule(["run", option, path, "--", "touch", "RAN"], cwd=scene.ws)
        assert done.returncode == 125 and "session may write" in done.stderr, done
        assert not (scene.ws / "RAN").exists()


def attack_the_log(run_capsule, scene, state, **more):
    """What lies below @state is not to be seen or changed by the session that it records."""
    script = (f"find '{state}' -name '*.log'; echo x > '{state}/capsule/sessions/x';"
              f"mv '{state}' '{state}.old'; rm -rf '{state}'; rm -rf '{state}/capsule';"
              f"ls -l /proc/*/fd/ 2>/dev/null | grep -F capsule/sessions;"
              f"grep -F '{state}' /proc/*/maps; echo tried")
    done = run_capsule(["run", *more.pop("argv", []), "--", "sh", "-c", script], cwd=scene.ws, **more)
    if done.returncode == 125:
        return done
    assert done.stdout == "tried\n", done.stdout
    logs = list(state.glob("capsule/sessions/*.log"))
    assert logs, "the log is gone"
    for log in logs:
        assert run_capsule(["verify", log]).returncode == 0
    return done


@pytest.mark.both
@pytest.mark.attack("C11")
@pytest.mark.attack("F6")
@pytest.mark.parametrize("how", ["there", "new", "symlink"])
def test_state_folder_in_the_workspace(how, scene, who, run_capsule):
    """XDG_STATE_HOME within the workspace: covered, even when it is made for this very run."""
    state = scene.ws / "state"
    if how != "new":
        state.mkdir()
        os.chown(state, who.uid, who.gid)
    if how == "symlink":
        (scene.place / "link").symlink_to(state)
    env = {"XDG_STATE_HOME": str(scene.place / "link" if how == "symlink" else state)}
    attack_the_log(run_capsule, scene, state, env=env)


@pytest.mark.both
@pytest.mark.attack("F6")
def test_log_is_out_of_reach(scene, who, run_capsule):
    """Open, map, truncate, remove, or find by a descriptor: the log of this very run."""
    assert run_capsule(["run", "--", "true"], cwd=scene.ws).returncode == 0
    assert list(who.logs.glob("*.log")), "no log where it is looked for"
    assert attack_the_log(run_capsule, scene, who.home / ".local/state").returncode == 0


@pytest.mark.both
@pytest.mark.attack("F6")
def test_policy_and_log_beneath_a_grant(scene, who, run_capsule, place):
    """A policy that makes the whole home writable would make the log writable too."""
    policy = place / "home.yaml"
    policy.write_text("version: 1\nname: h\nextends: preset:agent\nfilesystem:\n"
                      f"  home: host\n  write: [{who.home}]\n")
    attack_the_log(run_capsule, scene, who.home / ".local/state", argv=["--policy", policy])


@pytest.mark.both
@pytest.mark.attack("F4")
def test_flood_of_denials(run_capsule, who, workspace):
    """A hundred thousand refused calls: the run ends, the log verifies, and does not grow with them."""
    code = ("import ctypes\nlibc = ctypes.CDLL(None)\n"
            "for _ in range(100000): libc.unshare(0x10000000)\nprint('tried')\n")
    done = run_capsule(["run", "--", "python3", "-c", code], timeout=60)
    assert done.stdout == "tried\n", done.stderr
    log = max(who.logs.glob("*.log"))
    assert run_capsule(["verify", log]).returncode == 0
    assert log.stat().st_size < 1 << 20


@pytest.mark.both
@pytest.mark.attack("F4")
def test_flood_of_output(run_capsule, who):
    done = run_capsule(["run", "--", "sh", "-c",
                        "head -c 50000000 /dev/zero; head -c 20000000 /dev/zero >&2"], timeout=60)
    assert done.returncode == 0 and len(done.stdout) == 50000000 and len(done.stderr) == 20000000
    log = max(who.logs.glob("*.log"))
    assert log.stat().st_size < 1 << 20
    assert run_capsule(["verify", log]).returncode == 0


@pytest.mark.both
@pytest.mark.attack("F5")
def test_hostile_words_in_the_command(run_capsule, who):
    """Newlines, escapes, invalid UTF-8 and look-alike records as arguments."""
    words = ['{"type":"end"}\n{"type":"end"}', "\033[2J\033]0;x\007", "a\u202eb", "x" * 100000,
             "\n\n— capsule AAAA\n"]
    done = run_capsule(["run", "--", "echo", *words])
    assert done.returncode == 0, done.stderr
    log = max(who.logs.glob("*.log"))
    assert run_capsule(["verify", log]).returncode == 0
    shown = run_capsule(["log", "show", log])
    assert shown.returncode == 0 and "\033" not in shown.stdout and "\u202e" not in shown.stdout


@pytest.mark.both
@pytest.mark.attack("F10")
@pytest.mark.parametrize("text", [
    "version: 1\nname: x\nfilesytem: {}\n", "version: 2\n", "{", "", "version: 1\nnetwork: maybe\n",
    "version: 1\nextends: preset:none\n", "version: 1\nfilesystem: {read: [relative]}\n",
    "version: 1\nrequire: [no-such-layer]\n", "version: 1\nisolation: vm\n",
    "version: 1\nfilesystem: {deny: ['**/.env']}\n",
    "version: 1\nfilesystem: {write: [/nonexistent/capsule]}\n", None,
], ids=lambda t: repr(t)[:40])
def test_broken_policy_runs_nothing(text, run_capsule, place, workspace):
    policy = place / "broken.yaml"
    if text is not None:
        policy.write_text(text)
    done = run_capsule(["run", "--policy", policy, "--", "touch", workspace / "RAN"])
    assert done.returncode in (2, 125), done
    assert "broken.yaml" in done.stderr and not (workspace / "RAN").exists()


@pytest.mark.both
@pytest.mark.attack("F10")
@pytest.mark.attack("F9")
def test_broken_project_policy_runs_nothing(run_capsule, workspace):
    """A capsule.yaml that came with a clone: broken, or asking for more than the user gave."""
    for text in ("version: 1\nnonsense: true\n",
                 "version: 1\nextends: preset:agent\nnetwork: host\n",
                 "version: 1\nextends: preset:agent\nfilesystem: {write: [/var/tmp]}\n",
                 "version: 1\nextends: preset:agent\nfilesystem: {read: ['${home}']}\n",
                 "version: 1\nextends: preset:agent\nrequire: []\n",
                 "version: 1\nextends: preset:agent\nprocess: {env: {pass: [AWS_SECRET]}}\n"):
        (workspace / "capsule.yaml").write_text(text)
        done = run_capsule(["run", "--", "touch", "RAN"])
        assert done.returncode in (2, 125) and "capsule.yaml:" in done.stderr, (text, done)
        assert not (workspace / "RAN").exists(), text


@pytest.mark.both
@pytest.mark.attack("F10")
def test_log_that_cannot_be_written_runs_nothing(run_capsule, workspace, place, who):
    blocker = place / "blocked"
    blocker.write_text("not a folder")
    done = run_capsule(["run", "--", "touch", "RAN"], env={"XDG_STATE_HOME": str(blocker)})
    assert done.returncode == 125 and not (workspace / "RAN").exists(), done


@pytest.mark.both
@pytest.mark.attack("X11")
def test_secrets_do_not_pass(run_capsule, who):
    mark = secrets.token_hex(8)
    names = ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DB_PASSWORD", "OPENAI_API_KEY", "MY_SECRET",
             "GOOGLE_APPLICATION_CREDENTIALS"]
    env = {name: mark for name in names}
    env |= {"LESSOPEN": f"ghp_{'a' * 36}", "LC_X": "sk-" + "b" * 48}
    done = run_capsule(["run", "--", "sh", "-c", "env; cat /proc/*/environ; echo END"], env=env)
    assert "END" in done.stdout, done.stderr
    assert mark not in done.stdout and "ghp_" not in done.stdout and "sk-b" not in done.stdout
    for log in who.logs.glob("*.log"):
        assert mark not in log.read_text(), "a secret of the environment is in the log"


@pytest.mark.both
@pytest.mark.attack("X12")
@pytest.mark.parametrize("name", ["with space", "new\nline", "tab\there", "back\\slash", "co:lon",
                                  "com,ma=rw", "quo'te\"", "${home}", "-o", "ünï", "*", "a" * 200])
def test_hostile_name_of_the_workspace(name, place, who, run_capsule):
    """It works, or it is refused; never is something else granted."""
    folder = place / name
    folder.mkdir()
    os.chown(folder, who.uid, who.gid)
    (place / "beside").write_text(arena.SECRET)
    done = run_capsule(["run", "--", "sh", "-c", "cat ../beside; pwd; echo x > made; ls .."],
                       cwd=folder)
    assert arena.SECRET not in done.stdout and "beside" not in done.stdout
    if done.returncode == 125:
        assert not (folder / "made").exists()
    else:
        assert (folder / "made").read_text() == "x\n", done.stderr


@pytest.mark.both
@pytest.mark.attack("X12")
@pytest.mark.parametrize("folder", ["/", "home", "above home", "/etc", "/proc", "/usr"])
def test_workspace_that_gives_everything_away(folder, run_capsule, who, scene):
    """A run from / or from the home folder itself must not make it writable by the by."""
    cwd = {"home": who.home, "above home": who.home.parent}.get(folder, folder)
    if folder not in ("/", "home", "above home") and not who.is_root:
        pytest.skip("an ordinary user cannot write there anyway")
    done = run_capsule(["run", "--", "sh", "-c", "touch RAN; echo ran"], cwd=cwd)
    if folder in ("/", "home", "above home"):
        assert done.returncode in (2, 125) and "ran" not in done.stdout, done
    else:
        ran = os.path.exists(os.path.join(cwd, "RAN"))
        if ran:
            os.unlink(os.path.join(cwd, "RAN"))
        assert not ran, f"{folder} became the writable workspace"


@pytest.mark.both
@pytest.mark.attack("X13")
def test_capsule_within_capsule(run_capsule, scene, capsule):
    """A second wall inside: refused, or no weaker than the first."""
    (scene.ws / "c").write_bytes(capsule.read_bytes())
    (scene.ws / "c").chmod(0o755)
    done = run_capsule(["run", "--", "sh", "-c", f"./c run -- cat '{scene.outside}/secret' "
                        f"'{scene.ws}/private/inner'; ./c run --best-effort -- unshare -Ur id;"
                        "echo tried"], cwd=scene.ws)
    assert "tried" in done.stdout, done.stderr
    assert "uid=" not in done.stdout


@pytest.mark.both
@pytest.mark.attack("X14")
def test_loader_variables_of_the_caller(run_capsule, scene, capsule):
    """Capsule is static: nothing that the environment names is loaded into it."""
    done = run_capsule(["run", "--", "echo", "ran"], cwd=scene.ws,
                       env={"LD_PRELOAD": str(scene.ws / "evil.so"), "LD_AUDIT": "x",
                            "GLIBC_TUNABLES": "glibc.malloc.check=3", "GCONV_PATH": "."})
    assert done.stdout == "ran\n"
    with open(capsule, "rb") as f:
        assert b"/lib64/ld-linux" not in f.read(4096), "the launcher is not static"


@pytest.mark.both
@pytest.mark.attack("X15")
def test_closed_descriptors(run_capsule, scene, capsule, who):
    """Started with 0, 1 or 2 closed, a file of ours must not take their place."""
    for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
        subprocess.run(["sh", "-c", f"exec '{capsule}' run -- sh -c 'echo evil; echo evil >&2; "
                        f"ls -l /proc/self/fd > fds; echo done > done' {closed}"], cwd=scene.ws,
                       env=harness.environment(who), timeout=30, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       **harness.as_account(who))
        fds = (scene.ws / "fds").read_text() if (scene.ws / "fds").exists() else ""
        assert "capsule/sessions" not in fds and ".log" not in fds, fds
        for log in who.logs.glob("*.log"):
            assert "evil\n" not in log.read_text()
            assert run_capsule(["verify", log]).returncode == 0, closed


@pytest.mark.both
@pytest.mark.attack("X17")
def test_policy_files_in_the_workspace(run_capsule, scene, who):
    """A session that could write the policy it runs under would write the next session's."""
    names = {"pol/top.yaml": "version: 1\nextends: base.yaml\n",
             "pol/base.yaml": "version: 1\nextends: preset:agent\n"}
    (scene.ws / "pol").mkdir()
    for name, text in names.items():
        (scene.ws / name).write_text(text)
    subprocess.run(["chown", "-R", f"{who.uid}:{who.gid}", scene.ws / "pol"], check=True)
    script = ("for f in pol/top.yaml pol/base.yaml; do echo '# evil' >> $f; echo evil > new;"
              "mv new $f; rm -f $f; done; mv pol q; echo tried; ls pol")
    done = run_capsule(["run", "--policy", "pol/top.yaml", "--", "sh", "-c", script], cwd=scene.ws)
    assert done.stdout.split() == ["tried", "base.yaml", "top.yaml"], done.stdout + done.stderr
    for name, text in names.items():
        assert (scene.ws / name).read_text() == text
    # Found, not named, and a policy that says nothing of protecting itself.
    (scene.ws / "capsule.yaml").write_text("version: 1\nextends: preset:agent\n")
    run_capsule(["run", "--", "sh", "-c", "echo '# evil' >> capsule.yaml"], cwd=scene.ws)
    assert "evil" not in (scene.ws / "capsule.yaml").read_text()


@pytest.mark.both
@pytest.mark.attack("C9")
def test_reopen_what_was_given_to_read(scene, who, capsule):
    """stdin from a file outside: /proc/self/fd/0 leads to it, but to no more than reading it."""
    code = ("for f in ('/proc/self/fd/0', '/dev/stdin', '/proc/thread-self/fd/0'):\n"
            "    for mode in ('r+', 'a', 'w'):\n"
            "        try: open(f, mode); print('SUCCEEDED', f, mode)\n"
            "        except OSError: print('stopped')\n")
    given = scene.outside / "given"
    given.write_text("given\n")
    os.chown(given, who.uid, who.gid)
    with open(given) as f:
        done = subprocess.run([capsule, "run", "--", "python3", "-c", code], cwd=scene.ws, stdin=f,
                              capture_output=True, text=True, timeout=30,
                              env=harness.environment(who), **harness.as_account(who))
    assert done.stdout == "stopped\n" * 9, done.stdout + done.stderr
    assert given.read_text() == "given\n"
    scene.before = scene.state()

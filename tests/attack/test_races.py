"""C2: a name that is one thing when it is looked at and another when it is used."""

import subprocess
import time

import pytest

import arena
import harness
from arena import PROBES

SECONDS = 20 if harness.LONG else 5


@pytest.mark.both
@pytest.mark.attack("C2")
def test_component_swapped(scene, control_scene, attack):
    probe = PROBES["C2-race"]
    params = lambda s, n: {"secret": s.param("secret"), "outside": s.param("outside"), "seconds": n}
    control = arena.run_outside(control_scene, probe, params(control_scene, 2))
    # An ordinary user's and root's runs are alike here: one of them is enough for the whole time.
    seconds = SECONDS if scene.account.is_root else max(1, SECONDS // 4)
    arena.judge(probe, attack(probe, params=params(scene, seconds), timeout=seconds + 20), control)


@pytest.mark.both
@pytest.mark.attack("C2")
@pytest.mark.parametrize("name,decoy", [(".vscode", "folder"), (".envrc", "file"),
                                        ("private", "folder")])
def test_swapped_while_the_wall_is_built(scene, start_capsule, run_capsule, name, decoy):
    """
    A protected or denied name is swapped with a symlink to outside while sessions start. None of
    them may show what is outside, whichever of the two it saw. (A denied folder may come to be
    seen: its name led elsewhere when the session began, and whoever can rename it out there
    could have copied it. See X16.)
    """
    ws = scene.ws
    path = ws / name
    if not path.exists():
        if decoy == "folder":
            path.mkdir()
            (path / "secret").write_text("harmless")
        else:
            path.write_text("harmless")
        harness.subprocess.run(["chown", "-R", f"{scene.account.uid}:{scene.account.gid}", path])
    target = scene.outside if decoy == "folder" else scene.outside / "secret"
    (ws / "evil").symlink_to(target)
    probe = PROBES["C2-swap"]
    seconds = SECONDS if harness.LONG else 1
    # Swapping goes on outside: a session that is behind its wall cannot move protected names, but
    # one that was started before the name was there can, and so can anything else of the user's.
    swapper = subprocess.Popen(
        [scene.probe, probe.id, f"a={path}", f"b={ws / 'evil'}", f"seconds={seconds}"], cwd=ws,
        stdout=subprocess.PIPE, text=True, **harness.as_account(scene.account))
    look = f"cat {name}/secret {name}/inner {name} 2>/dev/null; ls {name} 2>/dev/null; echo looked"
    runs, refused = 0, 0
    try:
        while swapper.poll() is None:
            done = run_capsule(["run", "--policy", scene.policy, "--", "sh", "-c", look], cwd=ws)
            assert arena.SECRET not in done.stdout, "the wall followed a symlink to outside"
            runs += "looked" in done.stdout
            refused += done.returncode == 125
    finally:
        swapper.wait()
    assert '"attempted":true' in swapper.stdout.read()
    assert runs + refused > 2, "the race was hardly run"
    if path.is_symlink():  # as it was, for the scene's own check
        path.unlink()
        (ws / "evil").rename(path)

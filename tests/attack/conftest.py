"""Fixtures of the attack tests; see arena.py for what they are made of."""

import shutil

import pytest

import arena


@pytest.fixture(scope="session", autouse=True)
def probe_copy(session_dir):
    path = session_dir / "bin/attack_probe"
    path.parent.mkdir(exist_ok=True)
    shutil.copy(arena.PROBE, path)
    path.chmod(0o755)
    return path


@pytest.fixture
def scene(place, who):
    made = arena.Scene(place / "inside", who)
    yield made
    made.check()


@pytest.fixture
def control_scene(place, who):
    return arena.Scene(place / "control", who)


@pytest.fixture
def attack(run_capsule, scene):
    """attack(probe, policy=PATH or None for the default, params={...}) -> the probe's report"""

    def perform(probe, policy=None, params=None, argv=(), cwd=None, **more):
        words = [f"{k}={v}" for k, v in (params or {}).items()]
        options = ["--policy", policy] if policy else []
        done = run_capsule(["run", *options, *argv, "--", scene.probe, probe.id, *words],
                           cwd=cwd or scene.ws, **more)
        return arena.parse(done)

    return perform

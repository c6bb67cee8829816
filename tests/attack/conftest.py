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


@pytest.fixture(scope="module")
def once(session_dir):
    """
    once(name, who, make) -> what make(scene, control) returned, made once in this module for that
    name and account: for attacks that share a session.
    """
    made = {}

    def get(name, who, make):
        key = name, who.uid
        if key not in made:
            place = session_dir / f"once-{name}-{who.uid}-{len(made)}-{id(made):x}"
            place.mkdir()
            account = arena.dataclasses.replace(who, home=arena.Scene.home(place, who))
            scene = arena.Scene(place / "inside", account)
            try:
                made[key] = make(scene, arena.Scene(place / "control", account))
                scene.check()
            except AssertionError as error:
                made[key] = error
        if isinstance(made[key], AssertionError):
            raise made[key]
        return made[key]

    return get


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

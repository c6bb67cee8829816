"""Fixtures: `fake` (a capsule that misbehaves on demand) and `workspace` (for the real one)."""

import os
import pathlib
import shutil
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent


@pytest.fixture
def fake(monkeypatch, tmp_path_factory):
    """fake(mode) puts tests/fake_capsule.py in the real one's place."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))

    def use(mode="run"):
        monkeypatch.setenv("CAPSULE_BIN", str(HERE / "fake_capsule.py"))
        monkeypatch.setenv("FAKE", mode)

    return use


@pytest.fixture
def real(monkeypatch):
    """The binary that was built; HOME is a fresh folder, so keys and logs are this test's own."""
    binary = pathlib.Path(os.environ.get("CAPSULE_BIN", ROOT / "build/src/cli/capsule")).absolute()
    if not binary.exists():
        pytest.fail(f"{binary} is not there: run make, or set CAPSULE_BIN")
    # Outside /tmp: the default policy has a private /tmp.
    home = pathlib.Path(tempfile.mkdtemp(prefix="capsule-sdk-home-", dir="/var/tmp"))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("CAPSULE_BIN", str(binary))
    yield binary
    shutil.rmtree(home)


@pytest.fixture
def workspace(real):
    path = pathlib.Path(tempfile.mkdtemp(prefix="capsule-sdk-ws-", dir="/var/tmp"))
    yield path
    shutil.rmtree(path)

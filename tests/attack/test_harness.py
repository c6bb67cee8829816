"""The fixtures themselves: a harness that runs the wrong thing would let every attack pass."""

import os

import pytest


@pytest.mark.both
def test_runs_as_the_account_it_says(run_capsule, who, workspace, outside):
    done = run_capsule(["version"])
    assert done.returncode == 0 and done.stdout.startswith("capsule ")
    assert os.stat(workspace).st_uid == who.uid == os.stat(outside).st_uid


def test_ordinary_user_is_not_root(ordinary_user):
    assert ordinary_user.uid != 0


@pytest.mark.both
def test_start_gives_a_live_process(start_capsule):
    proc = start_capsule(["version"])
    assert proc.communicate(timeout=10)[0].startswith("capsule ")
    assert proc.returncode == 0

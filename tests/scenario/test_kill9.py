"""kill -9 of the supervisor at random moments: every log it leaves verifies up to its last
checkpoint, the tail is named for what it is, and nothing of the session survives.

200 kills: 100 of a program that does nothing but write records with the real library (a kill meets
it in the middle of its writes), 100 of real runs.
"""

import json
import pathlib
import random
import signal
import subprocess
import time

import pytest

import harness
from test_run import processes_with, unique_sleep, wait_for

KILLS = 100


def verify(capsule, account, log):
    done = subprocess.run([str(capsule), "verify", "--json", str(log)], capture_output=True, text=True,
                          env=harness.environment(account), timeout=30, **harness.as_account(account))
    return done.returncode, json.loads(done.stdout), done.stderr


def lines_of(log):
    """The whole lines of a log, parsed, and the bytes of an unfinished one behind them."""
    data = pathlib.Path(log).read_bytes()
    whole, _, torn = data.rpartition(b"\n")
    return [json.loads(line) for line in whole.split(b"\n")] if whole else [], torn


def check_log(capsule, account, log):
    """What must hold for a log whose writer was killed; gives (records, in the tail, torn)."""
    records, torn = lines_of(log)
    status, verdict, stderr = verify(capsule, account, log)
    assert status == 0, (verdict, stderr)
    last = max(i for i, r in enumerate(records) if r["type"] == "checkpoint")
    tail = len(records) - 1 - last
    ended = len(records) > 1 and records[-2]["type"] == "session.end"
    text = json.dumps(verdict)
    if not ended:
        assert "tail" in text, text
    return len(records), tail, bool(torn), verdict


def test_writer_killed_at_its_work(capsule, who, place):
    tool = harness.BUILD / "tests/tools/log_writer"
    if not tool.exists():
        pytest.skip(f"{tool} is not built")
    config, state = who.home / "config", who.home / "state"
    rng = random.Random(20261122)
    seen = {"records": 0, "tails": 0, "torn": 0}
    for _ in range(KILLS):
        proc = subprocess.Popen([tool, config, state], stdout=subprocess.PIPE, text=True)
        log = proc.stdout.readline().strip()
        time.sleep(rng.uniform(0, 0.06))
        proc.send_signal(signal.SIGKILL)
        proc.wait()
        proc.stdout.close()
        assert log
        records, tail, torn, _verdict = check_log(capsule, who, log)
        seen["records"] += records
        seen["tails"] += tail > 0
        seen["torn"] += torn
        pathlib.Path(log).unlink()
    # The kills must have met it at work, or the test proves nothing.
    assert seen["records"] > 100 * KILLS, seen
    assert seen["tails"] > KILLS // 10, seen


def test_runs_killed_at_any_moment(capsule, who, workspace, start_capsule, run_capsule):
    """From the first instruction on: before the log, while the wall is built, in the run, at its end."""
    mark = unique_sleep()
    run_capsule(["run", "--", "true"])  # keys exist: their making has tests of its own
    start = time.monotonic()
    run_capsule(["run", "--", "true"])
    longest = max(0.02, 3 * (time.monotonic() - start))  # a busy machine is slower
    rng = random.Random(4711)
    stages = {"no log": 0, "unfinished": 0, "whole": 0}
    for i in range(KILLS):
        before = set(who.logs.iterdir())
        command = ["true"] if i % 2 else ["sh", "-c", f"setsid sleep {mark} & sleep {mark}"]
        proc = start_capsule(["run", "--quiet", "--", *command], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0, longest))
        proc.send_signal(signal.SIGKILL)
        proc.wait()
        logs = [p for p in set(who.logs.iterdir()) - before if p.suffix == ".log"]
        assert len(logs) <= 1
        if not logs:
            stages["no log"] += 1
            continue
        _records, _tail, _torn, verdict = check_log(capsule, who, logs[0])
        records, _ = lines_of(logs[0])
        whole = records[-2]["type"] == "session.end"
        stages["whole" if whole else "unfinished"] += 1
    assert wait_for(lambda: not processes_with(mark)), "something survived"
    assert stages["unfinished"] > KILLS // 10, stages
    done = run_capsule(["ledger", "verify"])
    assert done.returncode == 0, done.stdout + done.stderr


def test_killed_before_its_log_had_a_name(who, start_capsule, run_capsule):
    """The ledger's line comes before the name: what is still called .new is found, and a log that ended is not excused."""
    mark = unique_sleep()
    proc = start_capsule(["run", "--quiet", "--", "sleep", mark], stdout=subprocess.DEVNULL)
    assert wait_for(lambda: [p for p in who.logs.glob("*.log")] and processes_with(mark))
    proc.send_signal(signal.SIGKILL)
    proc.wait()
    log = next(who.logs.glob("*.log"))
    log.rename(f"{log}.new")
    done = run_capsule(["ledger", "verify"])
    assert done.returncode == 0 and "no end is known" in done.stdout, done.stdout + done.stderr
    run_capsule(["run", "--quiet", "--", "true"])
    log = next(who.logs.glob("*.log"))
    log.rename(f"{log}.new")
    done = run_capsule(["ledger", "verify"])
    assert done.returncode == 1 and "MISSING" in done.stdout, done.stdout + done.stderr

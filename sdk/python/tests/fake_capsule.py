#!/usr/bin/python3
"""Stands in for `capsule` where a test needs the supervisor to misbehave.

FAKE=run       run the command as it is (no wall) and report its end
FAKE=no-report the same without a report
FAKE=error     fail at a step, as capsule does, with status 125
FAKE=denied    refuse the command by policy
FAKE=garbage   a report that is not JSON
FAKE=list      a report that is not an object
FAKE=hang      ignore SIGTERM for ever
"""
import json
import os
import signal
import subprocess
import sys
import time

mode = os.environ.get("FAKE", "run")
args = sys.argv[2:]
at = args.index("--")
options, command = args[:at], args[at + 1 :]
given = {}
while options:
    name = options.pop(0)
    given[name] = True if name == "--quiet" else options.pop(0)
    if name == "--env":
        os.environ.update([given[name].split("=", 1)])
report = given["--report"]


def write(text):
    with open(report, "w") as f:
        f.write(text)


if os.environ.get("FAKE_ARGS"):
    policy = given.get("--policy")
    text = open(policy).read() if policy and policy[:7] != "preset:" else None
    with open(os.environ["FAKE_ARGS"], "w") as f:
        json.dump({"options": given, "command": command, "cwd": os.getcwd(), "policy": text}, f)
if mode == "hang":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("hanging", flush=True)
    time.sleep(60)
if mode == "garbage":
    write("{")
elif mode == "list":
    write("[]")
elif mode == "error":
    write(json.dumps({"error": {"step": "landlock", "errno": 38, "message": "landlock: not here"}}))
    sys.exit(125)
elif mode == "denied":
    denial = {"event": "process.exec", "object": command[0], "layer": "policy",
              "rule": "process.commands.deny", "where": {"file": "capsule.yaml", "line": 3, "col": 5},
              "reason": "the policy denies this command", "retry": False, "layer_detail": 1}
    write(json.dumps({"error": {"step": "policy", "message": "refused"}, "denied": [denial]}))
    sys.exit(125)
try:
    status = subprocess.call(command)
except OSError:
    write(json.dumps({"exit": 127, "error": {"step": "exec", "errno": 2, "message": "not there"}}))
    sys.exit(127)
status = status if status >= 0 else 128 - status
if mode == "run":
    write(json.dumps({"exit": status, "log": "/nowhere/x.log", "session": "0" * 32,
                      "error": None}))
sys.exit(status)

"""C9, A5, B13: descriptors that were open before the wall was built."""

import ctypes
import os
import socket
import subprocess

import pytest

import arena
import harness
from arena import PROBES


def _leak(scene):
    """Descriptors of every dangerous kind, none of them close-on-exec."""
    fds = {
        "folder": os.open("/", os.O_RDONLY | os.O_DIRECTORY),
        "path": os.open("/etc", os.O_PATH | os.O_DIRECTORY),
        "secret": os.open(scene.outside / "secret", os.O_RDWR),
        "namespace": os.open("/proc/self/ns/mnt", os.O_RDONLY),
        "socket": socket.socket(socket.AF_INET, socket.SOCK_STREAM).detach(),
        "pidfd": os.pidfd_open(os.getpid()),
        "mem": os.open("/proc/self/mem", os.O_RDWR),
    }
    ring = ctypes.CDLL(None).syscall(425, 4, ctypes.create_string_buffer(256))
    if ring >= 0:
        fds["io_uring"] = ring
    fds["high"] = os.dup2(fds["secret"], 900)
    return fds


@pytest.mark.both
@pytest.mark.attack("C9")
@pytest.mark.attack("A5")
@pytest.mark.attack("B13")
def test_inherited_descriptors(scene, control_scene, run_capsule):
    fds = _leak(scene)
    try:
        keep = tuple(fds.values())
        probe = PROBES["C9-any"]
        control = arena.parse(subprocess.run(
            [scene.probe, probe.id], capture_output=True, text=True, pass_fds=keep,
            **harness.as_account(scene.account)))
        assert control["result"] == "succeeded", "nothing was inherited outside either"
        done = run_capsule(["run", "--", scene.probe, probe.id], cwd=scene.ws, pass_fds=keep)
        arena.judge(probe, arena.parse(done), control)
    finally:
        for fd in fds.values():
            os.close(fd)


@pytest.mark.both
@pytest.mark.attack("C9")
def test_nothing_of_our_own_is_inherited(scene, attack):
    """Log, policy, pipes of the start: all closed when the command runs."""
    arena.judge(PROBES["C9-any"], attack(PROBES["C9-any"]), None)


@pytest.mark.both
@pytest.mark.attack("C9")
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_PATH], ids=["read", "path"])
@pytest.mark.parametrize("where", ["root", "outside", "workspace"])
def test_folder_as_stdin(scene, control_scene, run_capsule, capsule, where, flags):
    """`capsule run < /`: openat(0, ...) would walk the host's own tree, past every mount."""
    folder = {"root": "/", "outside": scene.outside, "workspace": scene.ws}[where]
    name = {"root": str(scene.outside / "secret")[1:], "outside": "secret",
            "workspace": "private.txt"}[where]
    probe = PROBES["C9-folder"]
    fd = os.open(folder, flags | os.O_DIRECTORY)
    try:
        control = arena.parse(subprocess.run(
            [scene.probe, probe.id, f"name={name}"], capture_output=True, text=True, stdin=fd,
            **harness.as_account(scene.account)))
        assert control["result"] == "succeeded", control
        done = subprocess.run(
            [capsule, "run", "--policy", scene.policy, "--", scene.probe, probe.id, f"name={name}"],
            cwd=scene.ws, stdin=fd, capture_output=True, text=True, timeout=30,
            env=harness.environment(scene.account), **harness.as_account(scene.account))
    finally:
        os.close(fd)
    if done.returncode == 125 and "is a directory" in done.stderr:
        return  # refused before anything ran, and said why
    arena.judge(probe, arena.parse(done), control)

"""X: attacks on this design that need something prepared outside first."""

import pytest

import arena
from arena import PROBES


@pytest.mark.both
@pytest.mark.attack("A13")
def test_open_by_handle(attack, scene, control_scene):
    """The shape of the Shocker exploit: a handle needs no path."""
    import ctypes
    import os
    import struct

    def handle(path):
        buf = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
        mount = ctypes.c_int()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.name_to_handle_at(-100, os.fsencode(path), buf, ctypes.byref(mount), 0):
            pytest.skip(f"no file handles here: {os.strerror(ctypes.get_errno())}")
        size, kind = struct.unpack_from("Ii", buf.raw)
        return f"{kind}:{buf.raw[8:8 + size].hex()}"

    probe = PROBES["A13-open"]
    control = arena.run_outside(control_scene, probe,
                                {"handle": handle(control_scene.outside / "secret")})
    arena.judge(probe, attack(probe, params={"handle": handle(scene.outside / "secret")}), control)


@pytest.mark.both
@pytest.mark.attack("X7")
def test_mountinfo_keeps_the_denied_name(attack, scene):
    """The sources of masks must not lead to what they mask."""
    arena.judge(PROBES["X7-mountinfo"], attack(PROBES["X7-mountinfo"], policy=scene.policy,
                                               params={"secret": scene.param("secret")}), None)

"""C15, C16, D1, D23: real listeners outside, of every kind; nothing may arrive at them."""

import os
import pathlib
import secrets
import socket
import threading

import pytest

import arena
from arena import PROBES

TAG = secrets.token_hex(4)


class Listener:
    """A socket that listens, and what arrived at it. Datagrams are answered when `answer`."""

    def __init__(self, family, kind, address, answer=False):
        self.sock = socket.socket(family, kind)
        self.kind, self.arrived, self.answer = kind, 0, answer
        self.sock.bind(address)
        if kind == socket.SOCK_STREAM:
            self.sock.listen(16)
        self.sock.settimeout(0.05)
        self.over = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while not self.over:
            try:
                if self.kind == socket.SOCK_STREAM:
                    self.sock.accept()[0].close()
                    self.arrived += 1
                else:
                    _, peer = self.sock.recvfrom(64)
                    self.arrived += 1
                    if self.answer:
                        self.sock.sendto(b"!", peer)
            except OSError:
                pass

    def close(self):
        self.over = True
        self.thread.join()
        self.sock.close()


@pytest.fixture
def listen():
    made = []

    def make(*args, **more):
        made.append(Listener(*args, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def perform(attack, control_scene, listener, probe, policy, params):
    """Outside it must arrive, or the listener is no target; inside it must not."""
    control = arena.run_outside(control_scene, probe, params)
    threading.Event().wait(0.06)
    if control["result"] == "succeeded":
        assert listener.arrived > 0, "the control said it got through and nothing arrived"
    before = listener.arrived
    report = attack(probe, policy=policy, params=params)
    threading.Event().wait(0.06)
    assert listener.arrived == before, f"it arrived outside: {report}"
    arena.judge(probe, report, control)


PLACES = {
    "run": "/run/capsule-t-{tag}/docker.sock",
    "user-bus": "/run/user/{uid}/capsule-t-{tag}-bus",
    "x11": "/tmp/.X11-unix/X{tag}",
    "ssh-agent": "/tmp/ssh-{tag}/agent.1",
    "gpg-agent": "{home}/.gnupg/S.gpg-agent",
    "pulse": "{home}/.config/pulse/native",
    "beside": "{outside}/agent.sock",
    "shm": "/dev/shm/capsule-t-{tag}.sock",
    "state": "{home}/.local/state/control.sock",
}


@pytest.mark.both
@pytest.mark.attack("C15")
@pytest.mark.parametrize("kind", ["C15-stream", "C15-dgram"])
@pytest.mark.parametrize("where", PLACES)
def test_socket_by_path(where, kind, who, scene, control_scene, attack, listen):
    path = pathlib.Path(PLACES[where].format(tag=TAG, uid=who.uid, home=who.home,
                                             outside=scene.outside))
    made = [p for p in path.parents if not p.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except PermissionError as error:
        pytest.skip(f"cannot listen there as this user: {error}")
    # The account's own real names are left alone: only what did not exist is made.
    for folder in made:
        os.chmod(folder, 0o755)
        os.chown(folder, who.uid, who.gid)
    try:
        stream = kind == "C15-stream"
        try:
            listener = listen(socket.AF_UNIX, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM,
                              str(path))
        except PermissionError as error:
            pytest.skip(f"cannot listen there as this user: {error}")
        path.chmod(0o777)
        perform(attack, control_scene, listener, PROBES[kind], None, {"socket": path})
    finally:
        path.unlink(missing_ok=True)
        for folder in made:
            if who.home not in folder.parents:
                folder.rmdir()
        scene.before = scene.state() if where == "beside" else scene.before


@pytest.mark.both
@pytest.mark.attack("C15")
def test_agent_variables_do_not_pass(run_capsule, who):
    env = {"SSH_AUTH_SOCK": "/tmp/s", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/tmp/b",
           "GPG_AGENT_INFO": "/tmp/g", "DOCKER_HOST": "unix:///run/docker.sock",
           "XAUTHORITY": "/tmp/x"}
    done = run_capsule(["run", "--", "env"], env=env)
    assert done.returncode == 0, done.stderr
    seen = {line.split("=")[0] for line in done.stdout.splitlines()}
    assert "PATH" in seen and not seen & set(env)


@pytest.mark.both
@pytest.mark.attack("C16")
@pytest.mark.parametrize("network", ["none", "host"])
@pytest.mark.parametrize("probe", ["C16-stream", "C16-sendto", "C16-sendmsg", "C16-connected"])
def test_abstract_socket(probe, network, place, who, attack, control_scene, listen):
    """With the host's network it is Landlock's scope alone that refuses."""
    name = f"capsule-t-{TAG}-{secrets.token_hex(4)}"
    kind = socket.SOCK_STREAM if probe == "C16-stream" else socket.SOCK_DGRAM
    listener = listen(socket.AF_UNIX, kind, f"\0{name}")
    policy = place / "network.yaml"
    policy.write_text(f"version: 1\nname: x\nextends: preset:agent\nnetwork: {network}\n")
    perform(attack, control_scene, listener, PROBES[probe], policy, {"socket": name})


def _own_address():
    """An address of this machine that is not loopback; no packet is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return None


@pytest.mark.both
@pytest.mark.attack("D1")
@pytest.mark.attack("D23")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "own"])
@pytest.mark.parametrize("probe", ["D1-tcp", "D1-fastopen", "D1-mptcp", "D1-udp"])
def test_network_none(probe, address, attack, control_scene, listen):
    address = _own_address() if address == "own" else address
    if not address:
        pytest.skip("this machine has no address but loopback")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_DGRAM if probe == "D1-udp" else socket.SOCK_STREAM
    try:
        listener = listen(family, kind, (address, 0), answer=True)
    except OSError as error:
        pytest.skip(f"cannot listen on {address}: {error}")
    port = listener.sock.getsockname()[1]
    perform(attack, control_scene, listener, PROBES[probe], None, {"address": address, "port": port})


@pytest.mark.both
@pytest.mark.attack("D9")
@pytest.mark.parametrize("address", ["169.254.169.254", "192.0.2.1", "fd00:ec2::254"])
def test_no_way_to_addresses_elsewhere(address, attack):
    report = attack(PROBES["D1-tcp"], params={"address": address, "port": 80})
    arena.judge(PROBES["D1-tcp"], report, None)


@pytest.mark.both
@pytest.mark.attack("A15")
def test_setns_with_a_received_descriptor(who, scene, control_scene, attack):
    """A helper outside that means well hands a namespace over a socket in the workspace."""

    def offer(path):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        path.chmod(0o777)
        listener.listen(4)
        listener.settimeout(10)

        def hand_over():
            fd = os.open("/proc/self/ns/mnt", os.O_RDONLY)
            try:
                while True:  # until the listener is closed; a control may come twice
                    peer, _ = listener.accept()
                    socket.send_fds(peer, [b"x"], [fd])
                    peer.close()
            except OSError:
                pass
            finally:
                os.close(fd)

        thread = threading.Thread(target=hand_over, daemon=True)
        thread.start()
        return listener

    probe = PROBES["A15-received"]
    reports = []
    for where, perform_it in ((control_scene, arena.run_outside), (scene, None)):
        path = where.ws / "offer.sock"
        with offer(path):
            params = {"socket": path}
            reports.append(perform_it(where, probe, params) if perform_it else
                           attack(probe, params=params))
        path.unlink()
    arena.judge(probe, reports[1], reports[0])

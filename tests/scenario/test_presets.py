"""What a session under each preset finds of the system's own files."""

import json
import pathlib

import pytest

PRESETS = ["agent", "strict", "readonly", "build", "online"]

RESOLVE = """
import json, os, socket
def ask(what, *words):
    try:
        return what(*words)
    except OSError as error:
        return str(error)
def names(service):
    return sorted({row[4][0] for row in socket.getaddrinfo("localhost", service)})
def readable(path):
    try:
        with open(path, "rb") as f:
            f.read(1)
        return True
    except OSError:
        return False
print(json.dumps({
    "localhost": ask(names, None), "https": ask(names, "https"), "tcp": ask(socket.getprotobyname, "tcp"),
    "etc": sorted(os.path.join(folder, name) for folder, _, files in os.walk("/etc") for name in files
                  if readable(os.path.join(folder, name)))}))
"""

# The folders of /etc are what is below them: programs' alternatives, libraries, public certificates.
STRICT_ETC = {"group", "hosts", "ld.so.cache", "ld.so.conf", "localtime", "nsswitch.conf", "passwd",
              "protocols", "services"}
STRICT_FOLDERS = ("alternatives/", "ld.so.conf.d/", "ssl/certs/")


def seen(run_capsule, preset):
    done = run_capsule(["run", "--policy", f"preset:{preset}", "--", "python3", "-c", RESOLVE])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.both
@pytest.mark.parametrize("preset", PRESETS)
def test_localhost_has_an_address(run_capsule, workspace, preset):
    found = seen(run_capsule, preset)
    assert set(found["localhost"]) & {"127.0.0.1", "::1"}, found
    # a minimal system has no list of services and protocols
    if pathlib.Path("/etc/services").exists():
        assert found["https"] == found["localhost"]
    if pathlib.Path("/etc/protocols").exists():
        assert found["tcp"] == 6


@pytest.mark.both
def test_strict_shows_little_of_etc(run_capsule, workspace):
    names = {path.removeprefix("/etc/") for path in seen(run_capsule, "strict")["etc"]}
    assert "hosts" in names
    more = {name for name in names - STRICT_ETC if not name.startswith(STRICT_FOLDERS)}
    assert not more, f"readable as well: {more}"

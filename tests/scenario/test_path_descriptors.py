"""O_PATH: such a descriptor cannot be handed over, and gives nothing by itself."""

import os

import pytest

POLICY = "version: 1\nextends: preset:agent\nfilesystem: { deny: ['**/secret'] }\n"
SCRIPT = """
import os
for flags in (os.O_PATH, os.O_PATH | os.O_DIRECTORY):
    for path in ('d', 'd/'):
        fd = os.open(path, flags)
        os.stat(fd)
        os.close(fd)
fd = os.open('d', os.O_PATH)
print(os.listdir(f'/proc/self/fd/{fd}'))
for path in ('d/secret', 'link'):
    try:
        fd = os.open(path, os.O_PATH)
        print(open(f'/proc/self/fd/{fd}').read())
    except OSError as error:
        print(error.errno)
os.mkdir('e')
os.rename('d/plain', 'e/plain')
"""


@pytest.mark.both
def test_path_descriptors(run_capsule, workspace, who, place):
    (workspace / "d").mkdir()
    for name in ("secret", "plain"):
        (workspace / "d" / name).write_text(f"the-{name}\n")
    (workspace / "link").symlink_to("d/secret")
    for path in (workspace / "d", workspace / "d/secret", workspace / "d/plain"):
        os.chown(path, who.uid, who.gid)
    policy = place / "p.yaml"
    policy.write_text(POLICY)
    done = run_capsule(["run", "--policy", policy, "--", "python3", "-c", SCRIPT])
    assert done.returncode == 0, done.stderr
    assert "the-secret" not in done.stdout and done.stdout.splitlines()[1:] == ["13", "13"]
    # mv opens its target folder so
    done = run_capsule(["run", "--policy", policy, "--", "mv", "e/plain", "d/"])
    assert done.returncode == 0 and (workspace / "d/plain").exists(), done.stderr

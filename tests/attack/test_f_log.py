"""F1, F3, F5, F7: whoever owns the files after the session, against the log.

Each test makes a real log, really does it, and asks `capsule verify`: exit status 1, the kind of the
alteration and the record. What a file alone cannot tell (that it was cut, put back, replaced as a
whole) must be told by the ledger, or by a checkpoint that was kept elsewhere.
"""

import json
import os
import random
import shutil
import subprocess

import pytest

import harness

MAKE = harness.BUILD / "tests/tools/log_make"


class Install:
    """A user's configuration and state folders, and the tools pointed at them."""

    def __init__(self, capsule, folder):
        self.capsule, self.folder = capsule, folder
        self.config, self.state = folder / "config/capsule", folder / "state/capsule"
        self.key, self.ledger = self.config / "install.pub", self.state / "ledger"
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder),
                    "XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")}

    def make(self, name, records, text="x", check=True):
        where = name if name == "-" else str(self.folder / name)
        done = subprocess.run([MAKE, self.config, self.state, where, str(records), text],
                              capture_output=True, text=True, timeout=60)
        if check:
            assert done.returncode == 0, done.stderr
            return Log(self, done.stdout.strip())
        return done

    def run(self, *args, status=None):
        done = subprocess.run([self.capsule, *map(str, args)], capture_output=True, text=True,
                              env=self.env, timeout=60)
        if status is not None:
            assert done.returncode == status, (args, done.stdout, done.stderr)
        return done

    def json(self, *args, status):
        return json.loads(self.run(*args, "--json", status=status).stdout)


class Log:
    def __init__(self, install, path):
        self.install, self.path = install, harness.pathlib.Path(path)

    @property
    def lines(self):
        return self.path.read_bytes().splitlines(keepends=True)

    @lines.setter
    def lines(self, lines):
        self.path.write_bytes(b"".join(lines))

    def verify(self, status, *options):
        return self.install.json("verify", *options, self.path, status=status)

    def altered(self, kind, first, last=None, *options):
        """Altered, and in exactly this one way."""
        verdict = self.verify(1, *(options or ["--no-ledger"]))
        told = [(f["kind"], f["first"], f["last"]) for f in verdict["findings"]]
        assert told == [(kind, first, first if last is None else last)], verdict
        assert verdict["verdict"] == "altered"


@pytest.fixture
def install(capsule, place):
    if not MAKE.exists():
        pytest.skip(f"{MAKE} is not built")
    return Install(capsule, place)


@pytest.fixture
def log(install):
    made = install.make("a.log", 250)
    made.verify(0)
    return made


def type_of(line):
    return json.loads(line)["type"]


@pytest.mark.attack("F1")
def test_flip(log):
    rng = random.Random(1)
    good = log.lines
    for number in [0, 1, 2, 101, 102, 150, len(good) - 2, len(good) - 1]:
        for _ in range(4):
            lines, at = list(good), rng.randrange(len(good[number]) - 1)
            line = bytearray(lines[number])
            line[at] ^= 1
            if line[at] == 10:
                continue
            lines[number] = bytes(line)
            log.lines = lines
            verdict = log.verify(1, "--no-ledger")
            assert any(f["first"] <= number <= f["last"] for f in verdict["findings"]), (at, verdict)


@pytest.mark.attack("F1")
def test_change_one_word(log):
    lines = log.lines
    lines[77] = lines[77].replace(b'"x"', b'"y"')
    log.lines = lines
    log.altered("changed", 77)
    human = log.install.run("verify", "--no-ledger", log.path, status=1).stdout
    assert "ALTERED" in human and "record 77 (line 78)" in human


@pytest.mark.attack("F1")
def test_drop(log):
    good = log.lines
    log.lines = good[:60] + good[61:]
    log.altered("removed", 60)
    log.lines = good[:60] + good[90:]
    log.altered("removed", 60, 89)
    log.lines = good[1:]
    log.altered("removed", 0)


@pytest.mark.attack("F1")
def test_reorder(log):
    lines = log.lines
    lines[50], lines[51] = lines[51], lines[50]
    log.lines = lines
    assert [f["kind"] for f in log.verify(1, "--no-ledger")["findings"]] == ["reordered"]


@pytest.mark.attack("F1")
def test_duplicate(log):
    good = log.lines
    log.lines = good[:50] + good[49:]
    log.altered("duplicated", 49)
    log.lines = good + [good[49]]
    log.altered("duplicated", 49)


@pytest.mark.attack("F1")
def test_insert(log):
    good = log.lines
    forged = good[49].replace(b'"x"', b'"never happened"')
    log.lines = good[:49] + [forged] + good[49:]
    log.altered("inserted", 49)
    log.lines = good + [b'{"seq":999}\n']
    log.altered("inserted", len(good))


@pytest.mark.attack("F1")
def test_splice_two_sessions(install, log):
    other = install.make("b.log", 250)
    mine, theirs = log.lines, other.lines
    log.lines = mine[:80] + [theirs[80]] + mine[81:]
    log.altered("spliced", 80)
    log.lines = mine[:80] + theirs[80:]
    log.altered("spliced", 80, len(mine) - 1)
    # a whole other session under this one's name: only the ledger can know
    log.lines = theirs
    log.verify(0, "--no-ledger")
    assert "re-signed" in [f["kind"] for f in log.verify(1)["findings"]]


@pytest.mark.attack("F1", "F7")
def test_truncate_the_tail(log):
    """Looks like a crash to the file alone; not to the ledger, nor to a kept checkpoint."""
    note = log.path.with_suffix(".note")
    log.install.run("log", "checkpoint", log.path, "-o", note, status=0)
    good = log.lines
    for keep in [2, 50, 102, 103, 200, len(good) - 2, len(good) - 1]:
        log.lines = good[:keep]
        alone = log.verify(0, "--no-ledger")
        assert not alone["ended"] and alone["tail"] == keep - 1 - alone["covered"]
        log.altered("truncated", *((keep, len(good) - 2) if keep < len(good) - 1 else
                                   (keep, None)), "--ledger", log.install.ledger)
        if keep < len(good) - 1:
            log.altered("truncated", keep, len(good) - 2, "--no-ledger", "--checkpoint", note)
    log.path.write_bytes(b"")
    assert log.verify(1)["findings"][0]["kind"] == "truncated"


@pytest.mark.attack("F1", "F7")
def test_roll_back(install, log):
    """The log as it was earlier, put back after more was written."""
    good = log.lines
    at = [i for i, line in enumerate(good) if type_of(line) == "checkpoint"]
    old = good[:at[1] + 1]
    log.lines = old
    log.verify(0, "--no-ledger")
    assert log.verify(1)["findings"][0]["kind"] == "truncated"


@pytest.mark.attack("F1")
def test_re_sign_with_a_key_of_ones_own(install, place, capsule, log):
    evil = Install(capsule, place / "evil")
    evil.folder.mkdir()
    forged = evil.make("a.log", 250)
    shutil.copy(forged.path, log.path)
    log.altered("re-signed", 0)
    # with no key to compare with, verify says that it does not know whose it is
    anyone = log.install.json("verify", "--no-ledger", "--key", "none", log.path, status=0)
    assert anyone["key"] == "unknown"
    assert "nobody vouched for" in log.install.run("verify", "--no-ledger", "--key", "none",
                                                   log.path, status=0).stdout


@pytest.mark.attack("F1")
def test_re_sign_with_the_install_key(install, log):
    """Whoever has the install key can make a perfect session; the ledger knows another one."""
    config, state = install.folder / "config/capsule", install.folder / "elsewhere"
    state.mkdir()
    done = subprocess.run([MAKE, config, state, install.folder / "forged.log", "250"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    forged = install.folder / "forged.log"
    assert install.json("verify", "--no-ledger", forged, status=0)["key"] == "expected"
    verdict = install.json("verify", forged, status=1)
    assert verdict["findings"][0]["kind"] == "unknown"
    shutil.copy(forged, log.path)
    assert "re-signed" in [f["kind"] for f in log.verify(1)["findings"]]


@pytest.mark.attack("F1", "F7")
def test_older_checkpoint_still_holds(log):
    good = log.lines
    note = log.path.with_suffix(".note")
    at = [i for i, line in enumerate(good) if type_of(line) == "checkpoint"][1]
    note.write_text(json.loads(good[at])["note"])
    assert log.verify(0, "--checkpoint", note)["checkpoint"] == "compared"
    note.write_text(json.loads(good[at])["note"].replace("\ntime 2", "\ntime 3"))
    assert log.verify(1, "--checkpoint", note)["checkpoint"] == "foreign"


@pytest.mark.attack("F1")
def test_ledger_notices_a_log_that_vanished(install, log):
    other = install.make("b.log", 10)
    install.run("ledger", "verify", status=0)
    other.path.unlink()
    result = install.json("ledger", "verify", status=1)
    assert [s["verdict"] for s in result["sessions"]] == ["intact", "missing"]
    assert "MISSING" in install.run("ledger", "verify", status=1).stdout


@pytest.mark.attack("F1")
def test_the_ledger_itself(install, log):
    """Its lines are held to the same rules, and a log beside an altered ledger is not called intact."""
    for _ in range(3):
        install.make("-", 3)
    note = install.folder / "ledger.note"
    note.write_text(install.run("ledger", "checkpoint", status=0).stdout)
    good = install.ledger.read_bytes().splitlines(keepends=True)

    def put(lines):
        install.ledger.write_bytes(b"".join(lines))

    put(good[:4] + good[5:])
    assert install.json("ledger", "verify", status=1)["findings"][0]["kind"] == "removed"
    assert log.verify(1)["ledger"] == "altered"
    put([line.replace(b'"size":', b'"size":1', 1) for line in good])
    assert install.json("ledger", "verify", status=1)["findings"][0]["kind"] == "changed"
    # put back to an older state as a whole: perfect in itself
    last = max(i for i, line in enumerate(good[:-1]) if type_of(line) == "checkpoint")
    put(good[:last + 1])
    install.run("ledger", "verify", status=0)
    found = install.json("ledger", "verify", "--checkpoint", note, status=1)["findings"]
    assert found[0]["kind"] == "truncated"
    put(good)
    install.run("ledger", "verify", "--checkpoint", note, status=0)


@pytest.mark.attack("F1")
def test_no_checkpoint_of_an_altered_ledger(install, log):
    """Kept elsewhere, it would vouch for what was done to the ledger."""
    good = install.ledger.read_bytes()
    install.ledger.write_bytes(good.replace(b'"size":', b'"size":1', 1))
    done = install.run("ledger", "checkpoint", status=2)
    assert "the ledger was altered" in done.stderr and not done.stdout
    install.ledger.write_bytes(good)
    shutil.copy(install.make("other.log", 3).path, install.folder / "log")
    done = install.run("ledger", "checkpoint", "--ledger", install.folder / "log", status=2)
    assert "is not a ledger" in done.stderr and not done.stdout
    install.run("ledger", "checkpoint", status=0)


@pytest.mark.attack("F3")
def test_torn_line_is_named(log):
    good = log.lines
    log.path.write_bytes(b"".join(good[:150]) + good[150][:70])
    verdict = log.verify(0, "--no-ledger")
    assert (verdict["torn_bytes"], verdict["tail"], verdict["ended"]) == (70, 150 - 103, False)
    human = log.install.run("verify", "--no-ledger", log.path, status=0).stdout
    assert "ended without session.end: 47 unsigned records in the tail" in human
    assert "torn line: 70 bytes" in human


@pytest.mark.attack("F3")
@pytest.mark.parametrize("damage", ["cut", "empty", "flip", "readable", "symlink"])
def test_a_bad_key_is_never_replaced(install, log, damage):
    key = install.config / "install.key"
    good = key.read_bytes()
    if damage == "cut":
        key.write_bytes(good[:100])
    elif damage == "empty":
        key.write_bytes(b"")
    elif damage == "flip":
        key.write_bytes(good[:80] + bytes([good[80] ^ 1]) + good[81:])
    elif damage == "readable":
        key.chmod(0o644)
    else:
        key.rename(install.folder / "moved")
        key.symlink_to(install.folder / "moved")
    bad = key.read_bytes()
    done = install.make("c.log", 1, check=False)
    assert done.returncode == 1 and "install.key" in done.stderr
    assert key.read_bytes() == bad and not (install.folder / "c.log").exists()


@pytest.mark.attack("F5")
def test_injection(install):
    text = 'a\nb","type":"checkpoint"}\n{"seq":3\x1b[2J\x1b]0;owned\x07\u202e\u2066\U000e0041'
    log = install.make("i.log", 2, text)
    assert len(log.lines) == 2 + 2 + 2
    raw = log.path.read_bytes()
    assert b"\x1b" not in raw and "\u202e".encode() not in raw
    assert json.loads(log.lines[2])["text"] == text
    log.verify(0)
    shown = install.run("log", "show", log.path, status=0).stdout
    assert "\x1b" not in shown and "\u202e" not in shown and len(shown.splitlines()) == 6


@pytest.mark.attack("F5")
def test_a_forged_tail_cannot_act_on_the_terminal(log):
    good = log.lines
    log.path.write_bytes(b"".join(good[:120]) + b'{"seq":120}\x1b[2J\xff\n' +
                         "\u202e evil\n".encode())
    shown = log.install.run("log", "show", log.path)
    assert "\x1b" not in shown.stdout + shown.stderr and "\u202e" not in shown.stdout
    assert "ALTERED" in shown.stderr
    log.verify(1, "--no-ledger")


def numbered(line, number):
    return b'{"seq":%d' % number + line[line.index(b","):]


@pytest.mark.attack("F2")
@pytest.mark.parametrize("numbers", [[4] * 60000 + [5] * 60000, range(100000, 300000, 2),
                                     [2 ** 63 + i for i in range(1000)]])
def test_numbers_that_cost(log, numbers):
    """Numbers chosen to make the diagnosis compare everything with everything."""
    good = log.lines
    log.lines = good[:2] + [numbered(good[2], n) for n in numbers]
    log.verify(1, "--no-ledger")


def test_proofs(install, log, place, capsule):
    proof = install.folder / "p.json"
    for number in [0, 1, 77, 250]:
        install.run("log", "prove", "-o", proof, log.path, number, status=0)
        result = install.json("log", "check-proof", proof, status=0)
        assert (result["index"], result["key"]) == (number, "expected")
        assert result["record"].encode() + b"\n" == log.lines[number]
    good = json.loads(proof.read_text())

    def fails(**change):
        proof.write_text(json.dumps({**good, **change}))
        install.run("log", "check-proof", proof, status=1)

    fails(record=good["record"].replace('"x"', '"y"'))
    fails(index=good["index"] - 1)
    fails(size=good["size"] + 1)
    fails(proof=good["proof"][:-1])
    fails(proof=good["proof"][::-1])
    fails(proof=good["proof"] + [good["proof"][0]])
    fails(certificate="A" * 86 + "==")
    evil = Install(capsule, place / "evil")
    evil.folder.mkdir()
    evil.make("a.log", 3)
    proof.write_text(json.dumps(good))
    install.run("log", "check-proof", "--key", evil.key, proof, status=1)
    install.run("log", "check-proof", "--key", "none", proof, status=0)

    install.run("log", "prove", "--from", 102, "-o", proof, log.path, status=0)
    assert install.json("log", "check-proof", proof, status=0)["from"] == 102
    good = json.loads(proof.read_text())
    fails(**{"from": 101})
    fails(from_root=good["proof"][0])
    note = install.folder / "n"
    note.write_text(good["checkpoint"])  # a newer one than the proof starts from
    proof.write_text(json.dumps(good))
    install.run("log", "check-proof", "--checkpoint", note, proof, status=1)
    # an altered log proves nothing
    lines = log.lines
    lines[9] = lines[9].replace(b'"x"', b'"y"')
    log.lines = lines
    install.run("log", "prove", log.path, 9, status=2)


def test_leaf_is_what_the_documentation_says(log):
    """docs/LOG.md section 2, held against another implementation of BLAKE3."""
    if not shutil.which("b3sum"):
        pytest.skip("b3sum is not installed")
    lines = log.lines
    for i in [0, 5, 200]:
        done = subprocess.run(["b3sum", "--no-names"], input=b"\0" + lines[i].rstrip(b"\n"),
                              capture_output=True, check=True)
        assert json.loads(lines[i + 1])["prev"] == done.stdout.decode().strip()


def old_chain(place, records, at_its_word=False):
    """As the earlier Capsule wrote them; BLAKE3 by b3sum."""
    before, lines = bytes(32), []
    for i in range(records):
        payload = {"timestamp": f"2025-06-01T10:00:{i:02}+00:00", "pid": 4000 + i,
                   "event": {"type": "syscall", "number": i, "name": "openat",
                             "args": ["\u00fc\"\n"], "ret": -2}}
        canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        done = subprocess.run(["b3sum", "--no-names"], input=before + canonical.encode(),
                              capture_output=True, check=True)
        own = bytes.fromhex(done.stdout.decode().strip())
        carried = before if at_its_word else own
        before = own
        lines.append(json.dumps({"prev_hash": carried.hex(), **payload}, ensure_ascii=False) + "\n")
    path = place / "capsule.log"
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("at_its_word", [False, True])
def test_old_chains(install, place, at_its_word):
    if not shutil.which("b3sum"):
        pytest.skip("b3sum is not installed")
    path = old_chain(place, 12, at_its_word)
    assert install.json("verify", path, status=0)["format"] == "old chain"
    good = path.read_text().splitlines(keepends=True)
    path.write_text("".join(good[:6] + [good[6].replace("openat", "unlink")] + good[7:]))
    found = install.json("verify", path, status=1)["findings"]
    assert [(f["kind"], f["first"]) for f in found] == [("changed", 6)]
    path.write_text("".join(good[:6] + good[7:]))
    install.json("verify", path, status=1)


def test_usage_and_unreadable(install, log):
    assert "which log?" in install.run("verify", status=2).stderr
    install.run("verify", "/nonexistent", status=2)
    install.run("verify", "/etc/passwd", "--no-ledger", status=2)
    install.run("verify", "--wrong", status=2)
    install.run("verify", "--key", "/etc/passwd", log.path, status=2)
    install.run("log", status=2)
    install.run("log", "prove", log.path, 999999, status=2)
    install.run("ledger", "nonsense", status=2)
    for verb in [["verify"], ["log"], ["log", "show"], ["log", "prove"], ["ledger"]]:
        assert "usage:" in install.run(*verb, "--help", status=0).stdout


def test_tail_follows_to_the_end(install):
    writer = harness.BUILD / "tests/tools/log_writer"
    if not writer.exists():
        pytest.skip(f"{writer} is not built")
    proc = subprocess.Popen([writer, install.config, install.state], stdout=subprocess.PIPE, text=True)
    path = proc.stdout.readline().strip()
    tail = subprocess.Popen([install.capsule, "log", "tail", "-f", "-n", "1", "--json", path],
                            stdout=subprocess.PIPE, text=True, env=install.env)
    seen = [json.loads(tail.stdout.readline())["seq"] for _ in range(300)]
    tail.kill()
    proc.kill()
    tail.wait()
    proc.wait()
    assert seen == list(range(seen[0], seen[0] + 300))

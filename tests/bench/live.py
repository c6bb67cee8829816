"""Rows of a live session: work done inside, beside the same outside, under strace and in gVisor.

Each command is timed by bench_live inside the session, so that starting it (rows of their own) does not
count. Contenders take turns; figures are medians.

    recorded    the preset, audit.record: security: opens that change, execs and sockets are recorded
    decided     besides a rule that could stop any call on a file: the supervisor does them all
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

STRACE = ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=%file,%process,%network"]
RECORDED = "version: 1\nextends: preset:agent\n"
DECIDED = RECORDED + 'rules: [{ name: any, on: "file.*", action: block, when: "file.activity.name == \'nobody\'" }]\n'
FILES, FOLDERS = 50000, 500
PACKED = 20000
LONGEST = 60  # seconds of one run
ONCE = {"runsc", "strace"}  # shown beside, not judged: the first turn will do


class Place:
    """A workspace, with the ways to run something in it."""

    def __init__(self, folder, build, capsule):
        self.folder = folder
        self.ws = folder / "project"
        self.home = folder / "home"
        for path in (self.ws, self.home, folder / "runsc"):
            path.mkdir()
        self.tool = self.ws / "bench_live"
        shutil.copy(build / "tests/bench/bench_live", self.tool)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}
        self.ways = {"outside": []}
        for name, text in (("recorded", RECORDED), ("decided", DECIDED)):
            policy = folder / f"{name}.yaml"
            policy.write_text(text)
            self.ways[name] = [capsule, "run", "--quiet", "--policy", policy, "--"]
        if shutil.which("strace"):
            self.ways["strace"] = STRACE
        if shutil.which("runsc"):
            self.ways["runsc"] = ["runsc", "--platform=ptrace", "--network=none", "--ignore-cgroups",
                                  "--root", folder / "runsc",
                                  *(["--rootless"] if os.getuid() else []), "do", "--cwd", self.ws]

    def run(self, way, words):
        """Figures that the tool printed; None: it could not run there."""
        argv = [str(w) for w in [*self.ways[way], self.tool, *words]]
        try:
            done = subprocess.run(argv, cwd=self.ws, env=self.env, text=True, capture_output=True,
                                  timeout=LONGEST, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return None, f"it did not end within {LONGEST} s"
        if done.returncode:
            return None, done.stderr.strip().splitlines()[-1:] or f"exit {done.returncode}"
        return [float(line) for line in done.stdout.split()], ""

    def turns(self, words, rounds, ways=("outside", "recorded", "decided", "strace", "runsc")):
        """{way: median}, and {way: why not}."""
        found, failed = {}, {}
        for turn in range(rounds):
            for way in ways:
                if way not in self.ways or way in failed or (turn and way in ONCE):
                    continue
                figures, why = self.run(way, words)
                if figures is None:
                    failed[way] = why
                else:
                    found.setdefault(way, []).extend(figures)
        if "outside" not in found or "recorded" not in found:
            sys.exit(f"bench_live {words}: {failed}")
        return {way: statistics.median(values) for way, values in found.items()}, failed


def rows_of(report, note, title, medians, failed, budget, at_most=True):
    outside = medians["outside"]
    one = (lambda way: medians[way]) if at_most else (lambda way: 1000 / medians[way])
    unit = "ms" if at_most else "runs/s"
    report(f"{title}, recorded", one("recorded"), unit, peer="outside", peer_value=one("outside"), budget=budget,
           at_most=at_most)
    if "decided" in medians:
        report(f"{title}, decided", one("decided"), unit, peer="outside", peer_value=one("outside"))
    for way in ("strace", "runsc"):
        if way in medians:
            report(f"{title}, {way}", one(way), unit, peer="outside", peer_value=one("outside"))
        elif way in failed:
            note(f"{title}, {way}", f"cannot run it here: {failed[way]}")
    return outside


def bench_open(place, report, note, rounds):
    done = subprocess.run([str(place.tool), "notify", "40000"], capture_output=True, text=True, timeout=120)
    trip = [float(x) for x in done.stdout.split()] if done.returncode == 0 else []
    for value, where in zip(trip, ("", ", both on one processor")):
        report(f"a bare notification of seccomp, answered{where}", value, "us")
    (place.ws / "file").write_text("x")
    medians, failed = place.turns(["open", "file", "40000"], rounds)
    added = medians["decided"] - medians["outside"]
    report("open and close, decided by the supervisor: added", added, "us", budget=5)
    if trip:
        report("... beside a bare notification", added, "us", peer="notification", peer_value=min(trip))
    for way in ("recorded", "strace", "runsc"):
        if way in medians:
            report(f"open and close, {way}: added", medians[way] - medians["outside"], "us")
        elif way in failed:
            note(f"open and close, {way}", f"cannot run it here: {failed[way]}")


def bench_status(place, report, note, rounds):
    tree = place.ws / "tree"
    for i in range(FOLDERS):
        folder = tree / f"d{i % 20}" / f"e{i}"
        folder.mkdir(parents=True)
        for k in range(FILES // FOLDERS):
            (folder / f"f{k}").write_text(f"{i} {k}\n")
    git = ["git", "-C", str(tree), "-c", "user.name=b", "-c", "user.email=b@b"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], check=True, env=place.env)
    subprocess.run([*git, "status"], check=True, env=place.env, stdout=subprocess.DEVNULL)
    command = ["time", "5", "git", "-C", "tree", "-c", "safe.directory=*", "status", "--porcelain"]
    medians, failed = place.turns(command, rounds)
    rows_of(report, note, "git status of 50,000 files", medians, failed, 1.10)


def sources(place):
    """A real C project: zlib from Debian's archive, else nothing."""
    sys.path[:0] = [str(pathlib.Path(__file__).parent.parent / n) for n in ("scenario", ".")]
    try:
        import debian_source
        archive = debian_source.orig_tar("zlib")
    except BaseException as error:  # pytest's Skipped is one
        if isinstance(error, KeyboardInterrupt):
            raise
        return None, str(error)
    (place.ws / "zlib").mkdir()
    subprocess.run(["tar", "xf", str(archive), "-C", str(place.ws / "zlib")], check=True)
    return next((place.ws / "zlib").iterdir()), ""


def bench_compile(place, report, note, rounds):
    folder, why = sources(place)
    if not folder:
        note("compile of zlib", f"not measured: {why}")
        return
    subprocess.run(["./configure"], cwd=folder, check=True, env=place.env, stdout=subprocess.DEVNULL)
    inside = os.path.relpath(folder, place.ws)
    command = ["time", "1", "sh", "-c", f"cd {inside} && make -s clean && make -s -j2 libz.a"]
    medians, failed = place.turns(command, rounds)
    rows_of(report, note, "compile of zlib", medians, failed, 1.05)


def bench_unpack(place, report, note, rounds):
    names = [f"node_modules/p{i % 700}/lib/m{i}.js" for i in range(PACKED)]
    packed = place.folder / "packed"
    for i, name in enumerate(names):
        path = packed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"module.exports = {i};\n" * (1 + i % 40))
    subprocess.run(["tar", "cf", str(place.ws / "packed.tar"), "-C", str(packed), "node_modules"], check=True)
    # the last one's files are taken away by the next, outside of what is measured by a name that is free
    command = ["time", "1", "sh", "-c", "mkdir -p new && tar xf packed.tar -C new"]
    found, failed = {}, {}
    for turn in range(rounds):
        for way in place.ways:
            if way in failed or (turn and way in ONCE):
                continue
            shutil.rmtree(place.ws / "new", ignore_errors=True)
            os.sync()
            figures, why = place.run(way, command)
            if figures is None:
                failed[way] = why
            else:
                found.setdefault(way, []).extend(figures)
    medians = {way: statistics.median(values) for way, values in found.items()}
    rows_of(report, note, "unpacking 20,000 small files", medians, failed, 1.25)


SQL = """
create table t(a integer primary key, b text, c real);
{inserts}
create index i on t(b);
select count(*), sum(c) from t where b like 'row 1%';
update t set c = c + 1 where a % 7 = 0;
delete from t where a % 11 = 0;
select count(*) from t x join t y on x.a = y.a + 1;
"""


def bench_sqlite(place, report, note, rounds):
    if not shutil.which("sqlite3"):
        note("SQLite load", "not measured: there is no sqlite3 here")
        return
    inserts = "\n".join(
        "begin;\n" + "\n".join(f"insert into t values({g * 100 + i}, 'row {g * 100 + i}', {i}.5);"
                               for i in range(100)) + "\ncommit;" for g in range(600))
    (place.ws / "load.sql").write_text(SQL.format(inserts=inserts))
    command = ["time", "3", "sh", "-c", "rm -f db && sqlite3 db < load.sql"]
    medians, failed = place.turns(command, rounds)
    rows_of(report, note, "SQLite load", medians, failed, 0.97, at_most=False)


def bench(build, capsule, rounds, report, note):
    for part in (bench_open, bench_status, bench_compile, bench_unpack, bench_sqlite):
        with tempfile.TemporaryDirectory(prefix="capsule-bench-", dir="/var/tmp") as folder:
            part(Place(pathlib.Path(folder), build, capsule), report, note, max(3, rounds // 40))

#!/usr/bin/env python3
"""Measures what DESIGN's budgets name, each figure beside its peer in the same run.

    tests/bench/bench.py [--build DIR] [--rounds N] [--only WORD]

Prints one table and writes DIR/bench.json: a list of {name, value, unit, peer, ratio, budget, ok}.
`ratio` is value over peer, or null where the budget is absolute; `ok` is null where there is no
budget. Commands that are compared take turns, run by run, so that the ratios hold on a machine
whose speed drifts; figures are medians. Exit status 1 when a budget is missed.
"""
import argparse
import json
import os
import pathlib
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile

import live

USER = "capsule-test"
BWRAP = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
         "--tmpfs", "/tmp", "--die-with-parent"]
RUNSC = ["runsc", "--platform=ptrace", "--network=none", "--ignore-cgroups"]
ROWS = []


def row(name, value, unit, *, peer=None, peer_value=None, budget=None, at_most=True, note=""):
    """One line of the table. With a peer the budget is on value/peer_value, else on the value."""
    ratio = value / peer_value if peer_value else None
    judged = ratio if peer_value else value
    ok = None if budget is None else (judged <= budget if at_most else judged >= budget)
    ROWS.append({"name": name, "value": value, "unit": unit, "peer": peer,
                 "peer_value": peer_value, "ratio": ratio,
                 "budget": None if budget is None else f"{'<=' if at_most else '>='} {budget:g}",
                 "ok": ok, "note": note})


def note(name, text):
    """A peer that could not run is said, never dropped."""
    ROWS.append({"name": name, "value": None, "unit": "", "peer": None, "peer_value": None,
                 "ratio": None, "budget": None, "ok": None, "note": text})


def ordinary_user():
    """The name of an ordinary user to measure as, made if need be; None where that cannot be."""
    if os.getuid() != 0:
        return None
    try:
        pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", USER], check=True)
    return pwd.getpwnam(USER)


def as_user(user, command, home):
    """
    @command as @user (a pwd entry; None: ourselves) with a HOME of its own.

    As root in a mount namespace without the hybrid cgroup2 mount, next to which crun refuses to
    run; all contenders see the same.
    """
    env = ["env", "-i", f"PATH={os.environ['PATH']}", f"HOME={home}", "LANG=C.UTF-8"]
    if os.getuid() == 0:
        env = ["unshare", "--mount", "sh", "-c",
               'umount -l /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', "sh", *env]
    if user is None:
        return env + command
    return [*env, "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
            "--", *command]


def interleaved(spawn, commands, rounds, user, home, cwd):
    """Median microseconds of each command, None for one that failed."""
    argv = [str(spawn), str(rounds)]
    for index, command in enumerate(commands):
        argv += ([","] if index else []) + [str(word) for word in command]
    done = subprocess.run(as_user(user, argv, home), text=True, capture_output=True, cwd=cwd)
    if done.returncode != 0:
        sys.exit(f"bench_spawn failed: {done.stderr}")
    medians = []
    for line in done.stdout.splitlines():
        _, _, median, _, failures = line.split()
        medians.append(float(median) if int(failures) == 0 else None)
    return medians, done.stderr


def oci_bundle(folder, rootless):
    """A bundle for crun: the host's /usr read-only, every namespace, no capabilities."""
    bundle = folder / "bundle"
    rootfs = bundle / "rootfs"
    rootfs.mkdir(parents=True)
    subprocess.run(["crun", "spec", *(["--rootless"] if rootless else [])], cwd=bundle, check=True)
    spec = json.loads((bundle / "config.json").read_text())
    spec["process"]["terminal"] = False
    spec["process"]["args"] = ["/usr/bin/true"]
    for kind in spec["process"].get("capabilities", {}):
        spec["process"]["capabilities"][kind] = []
    (rootfs / "usr").mkdir()
    for name in ("bin", "lib", "lib64"):
        (rootfs / name).symlink_to(f"usr/{name}")
    for name in ("proc", "dev", "sys"):
        (rootfs / name).mkdir()
    spec["mounts"] = [mount for mount in spec["mounts"]
                      if mount["destination"] not in ("/sys", "/sys/fs/cgroup")]
    spec["mounts"].append({"destination": "/usr", "type": "none", "source": "/usr",
                           "options": ["rbind", "ro"]})
    (bundle / "config.json").write_text(json.dumps(spec))
    return bundle


def bench_start(build, capsule, rounds, user):
    who = "root" if os.getuid() == 0 and user is None else "ordinary user"
    spawn = build / "tests/bench/bench_spawn"
    with tempfile.TemporaryDirectory(prefix="capsule-bench-", dir="/var/tmp") as folder:
        folder = pathlib.Path(folder)
        workspace = folder / "project"
        home = folder / "home"
        workspace.mkdir()
        home.mkdir()
        run = folder / "run"
        run.mkdir()
        bundle = oci_bundle(folder, who != "root") if shutil.which("crun") else None
        if user:
            subprocess.run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", str(folder)], check=True)
        folder.chmod(0o755)
        contenders = {"capsule run -- true": [capsule, "run", "--", "true"],
                      "bwrap": [*BWRAP, "true"]}
        if shutil.which("firejail"):
            contenders["firejail"] = ["firejail", "--quiet", "--noprofile", "--net=none",
                                      "--private", "--private-dev", "--private-tmp", "--caps.drop=all",
                                      "--seccomp", "true"]
        if bundle:
            contenders["crun"] = ["crun", "--root", run, "--cgroup-manager=disabled", "run",
                                  "--bundle", bundle, "bench"]
        if shutil.which("runsc"):
            contenders["runsc"] = [*RUNSC, "--root", run,
                                   *(["--rootless"] if who != "root" else []), "do", "true"]
        medians, stderr = interleaved(spawn, list(contenders.values()), rounds, user, home, workspace)
        figures = dict(zip(contenders, medians))
        mine = figures.pop("capsule run -- true")
        if mine is None:
            sys.exit(f"capsule run -- true failed as {who}:\n{stderr[-2000:]}")
        for peer, median in figures.items():
            if median is None:
                note(f"start of true, {who}", f"{peer} failed on this machine, not compared")
                continue
            row(f"start of true, {who}", mine / 1000, "ms", peer=peer, peer_value=median / 1000,
                budget=0.8 if peer == "bwrap" else None)
        for peer in ("firejail", "crun", "runsc"):
            if peer not in figures:
                note(f"start of true, {who}", f"{peer} is not installed, not compared")


def timed_work(before, home, cwd):
    """Milliseconds of ./work, by a clock beside it: what starting a session takes has rows of its own."""
    argv = [str(w) for w in [*before, "./timed", "time", "1", "./work"]]
    done = subprocess.run(as_user(None, argv, home), text=True, capture_output=True, cwd=cwd)
    if done.returncode:
        sys.exit(f"CPU-bound work failed: {done.stderr[-2000:]}")
    return float(done.stdout)


def bench_cpu(build, capsule, rounds, user):
    work = build / "tests/bench/bench_cpu"
    with tempfile.TemporaryDirectory(prefix="capsule-bench-", dir="/var/tmp") as folder:
        folder = pathlib.Path(folder)
        workspace = folder / "project"
        workspace.mkdir()
        shutil.copy(work, workspace / "work")
        (folder / "home").mkdir()
        shutil.copy(build / "tests/bench/bench_live", workspace / "timed")
        pairs = [[timed_work(words, folder / "home", workspace) for words in ([capsule, "run", "--"], [])]
                 for _ in range(max(rounds // 20, 7))]
        ratio = statistics.median(inside / outside for inside, outside in pairs)
        inside = statistics.median(inside for inside, _ in pairs)
        # each beside its neighbour: the processor's own speed wanders by more than what is looked for
        row("CPU-bound work inside", inside, "ms", peer="outside", peer_value=inside / ratio, budget=1.01)


def figures_of(program):
    """A program's "NAME VALUE UNIT" lines as {NAME: (value, unit)}."""
    done = subprocess.run([str(program)], text=True, capture_output=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        words = line.split(maxsplit=2)
        if len(words) >= 2:
            try:
                found[words[0]] = (float(words[1]), words[2] if len(words) > 2 else "")
            except ValueError:
                continue
    return found


def bench_log(build, capsule, rounds, user):
    found = figures_of(build / "tests/bench/bench_log")
    for name, budget in (("log_append", 1e6), ("log_verify", 3e6)):
        value, unit = found.pop(name)
        row(name.replace("_", " "), value, unit, budget=budget, at_most=False)
    for name, (value, unit) in found.items():
        row(name.replace("_", " "), value, unit)


def bench_blake3(build, capsule, rounds, user):
    found = {name: value for name, (value, _) in figures_of(build / "tests/bench/bench_blake3").items()}
    best = next(b for b in ("avx512", "avx2", "sse41", "portable") if f"blake3.{b}.1MiB" in found)
    for way in ("read", "mmap"):
        if f"b3sum.{way}.1MiB" not in found:
            note(f"BLAKE3 of a 1 MiB file, {way}", "b3sum is not installed, not compared")
            continue
        row(f"BLAKE3 of a 1 MiB file, {way}", found[f"blake3.{way}.1MiB"], "GB/s", peer="b3sum",
            peer_value=found[f"b3sum.{way}.1MiB"], budget=0.9, at_most=False)
    batch = found[f"blake3.{best}.256B.batch"]
    if "b3sum.read.256B" in found:
        # per byte, against b3sum where it is quickest: its opening of small files is not held against it
        row("BLAKE3 of 256-byte records in batches", batch * 256 / 1e9, "GB/s", peer="b3sum, 1 MiB",
            peer_value=max(found["b3sum.read.1MiB"], found["b3sum.mmap.1MiB"]))
        row("BLAKE3 of 256-byte records in batches", batch, "records/s", peer="b3sum, a file each",
            peer_value=max(found["b3sum.read.256B"], found["b3sum.mmap.256B"]), budget=1,
            at_most=False)
    row("BLAKE3 of 256-byte records in batches", batch, "records/s", peer="one at a time",
        peer_value=found[f"blake3.{best}.256B.single"], budget=1, at_most=False)
    row("Merkle node, many at once", found[f"merkle.{best}.node"], "ns")
    for name, value in found.items():
        if name.endswith(".1MiB") and name.split(".")[1] in ("avx512", "avx2", "sse41", "portable"):
            row(f"BLAKE3 of 1 MiB in memory, {name.split('.')[1]}", value, "GB/s")


CEL_PEERS = ("@marcbachmann/cel-js", "cel-js", "@bufbuild/cel")


def cel_peers(build):
    """{(package, what, rule): ns} of what can be had from the npm registry, and why others are missing."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            return {}, f"{tool} is not installed, no peers compared"
    folder = build / "bench-npm"
    folder.mkdir(exist_ok=True)
    (folder / "package.json").write_text('{"private": true}\n')
    missing = []
    for package in CEL_PEERS:
        if (folder / "node_modules" / package).is_dir():
            continue
        try:
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts",
                                   "--silent", package], cwd=folder, capture_output=True, timeout=120)
            if done.returncode != 0:
                missing.append(package)
        except subprocess.TimeoutExpired:
            missing.append(package)
    script = pathlib.Path(__file__).with_name("cel_peers.mjs")
    done = subprocess.run(["node", str(script), str(folder)], text=True, capture_output=True)
    found = {}
    for line in done.stdout.splitlines():
        name, value, _ = line.split()
        package, what, rule = name.rsplit(".", 2)
        found[package, what, rule] = float(value)
    if missing:
        return found, f"{', '.join(missing)} could not be installed, not compared"
    return found, None if found else f"no peer ran: {done.stderr.strip()[:200]}"


def bench_cel(build, capsule, rounds, user):
    peers, missing = cel_peers(build)
    if missing:
        note("CEL", missing)
    budgets = {("eval", "int"): 50, ("eval", "string"): 50, ("eval", "rule"): 120,
               ("compile", "int"): 20000, ("compile", "string"): 20000, ("compile", "rule"): 20000}
    titles = {"int": "port == 443", "string": 'host == "..."', "rule": "endsWith and ==",
              "in": "in four strings", "exists": "exists() over three"}
    for name, (value, unit) in figures_of(build / "tests/bench/bench_cel").items():
        _, what, rule = name.split(".")
        if what == "allocations":
            row("CEL allocations in all evaluations", value, "", budget=0)
            continue
        value *= 1000 if unit == "us" else 1
        title = f"CEL {what}: {titles.get(rule, rule)}"
        row(title, value, "ns", budget=budgets.get((what, rule)))
        rivals = {package: ns for (package, w, r), ns in peers.items() if (w, r) == (what, rule)}
        if rivals:
            best = min(rivals, key=rivals.get)
            row(title, value, "ns", peer=best, peer_value=rivals[best],
                budget=1 if what == "eval" else None)


def bench_engine(build, capsule, rounds, user):
    found = {name: value for name, (value, _) in figures_of(build / "tests/bench/bench_engine").items()}
    row("decision over 100 rules", found["engine.decide_100"], "ns", budget=3000)
    row("decision over 10,000 indexed rules", found["engine.decide_10000"], "ns", budget=10000)
    row("decision over 100 rules without an index", found["engine.decide_100_unindexed"], "ns")
    row("allocations of all these decisions", found["engine.allocations"], "calls", budget=0)
    row("load of 10,000 rules, each", found["engine.load_10000"], "us")


def recording_policy(folder, level):
    path = folder / f"{level}.yaml"
    path.write_text("version: 1\nextends: preset:agent\nfilesystem: {exec: ['${workspace}']}\n"
                    f"audit: {{record: {level}}}\n")
    return path


def bench_record(build, capsule, rounds, user):
    """A system call of the cheapest sort, recorded; all contenders in turn, each in its own words."""
    ways = {"plain": [], "security": [], "ebpf": [], "ptrace": [], "strace": []}
    calls = {"plain": 400000, "security": 400000, "ebpf": 60000, "ptrace": 4000, "strace": 4000}
    with tempfile.TemporaryDirectory(prefix="capsule-bench-", dir="/var/tmp") as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o777)
        workspace = folder / "project"
        workspace.mkdir()
        work = workspace / "work"
        shutil.copy(build / "tests/bench/bench_call", work)
        shutil.copy(capsule, folder / "capsule")
        for turn in range(max(rounds // 20, 5)):
            for way in ways:
                run = [str(folder / "capsule"), "run", "--quiet", "--log", str(folder / f"{way}{turn}"),
                       "--policy",
                       str(recording_policy(folder, "security" if way == "security" else "all")), "--"]
                wrap = {"plain": [], "strace": ["strace", "-f", "--seccomp-bpf", "-o", folder / "strace"]}
                home = folder / f"home-{way}"
                home.mkdir(exist_ok=True, mode=0o777)
                who = {}
                if way == "ptrace" and os.getuid() == 0:
                    who = {"user": ordinary_user().pw_uid, "group": ordinary_user().pw_gid,
                           "extra_groups": []}
                    home.chmod(0o777)
                if way == "strace" and not shutil.which("strace"):
                    continue
                done = subprocess.run([*map(str, wrap.get(way, run)), "./work", str(calls[way])],
                                      cwd=workspace, text=True, capture_output=True,
                                      env={"PATH": os.environ["PATH"], "HOME": str(home)}, **who)
                if done.returncode != 0:
                    sys.exit(f"bench_call, {way}: {done.stderr}")
                if way in ("ebpf", "ptrace"):
                    log = (folder / f"{way}{turn}").read_text()
                    if f'"by":"{way}"' not in log.split("\n", 1)[0]:
                        continue
                    if '"type":"gap"' in log:
                        sys.exit(f"bench_call, {way}: calls were lost, so this measures nothing")
                ways[way].append(float(done.stdout))
                if (folder / f"{way}{turn}").exists():
                    (folder / f"{way}{turn}").unlink()
    median = {way: sorted(found)[len(found) // 2] if found else None for way, found in ways.items()}
    if median["ebpf"]:
        row("recorded system call (eBPF), added", (median["ebpf"] - median["security"]) / 1000, "us",
            budget=0.4)
        row("recorded system call (eBPF)", median["ebpf"], "ns", peer="plain", peer_value=median["plain"])
        if median["strace"]:
            row("recorded system call (eBPF)", median["ebpf"], "ns", peer="strace -f --seccomp-bpf",
                peer_value=median["strace"])
    else:
        note("recorded system call (eBPF)", "the kernel may not be asked here; see capsule doctor")
    if median["ptrace"] and median["strace"]:
        row("recorded system call (ptrace)", median["ptrace"], "ns", peer="strace -f --seccomp-bpf",
            peer_value=median["strace"])


def bench_live(build, capsule, rounds, user):
    live.bench(build, capsule, rounds, row, note)


PARTS = {"live": bench_live, "start": bench_start, "cpu": bench_cpu, "log": bench_log, "blake3": bench_blake3,
         "cel": bench_cel, "engine": bench_engine, "record": bench_record}


def shown(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def table():
    lines = [("what", "value", "unit", "peer", "peer's", "ratio", "budget", "")]
    for r in ROWS:
        mark = {True: "ok", False: "MISSED", None: ""}[r["ok"]]
        lines.append((r["name"], shown(r["value"]), r["unit"], r["peer"] or "",
                      shown(r["peer_value"]), f"{r['ratio']:.3f}" if r["ratio"] else "",
                      r["budget"] or "", mark or r["note"]))
    widths = [max(len(line[i]) for line in lines) for i in range(7)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths + [0])).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    build = args.build.resolve()
    capsule = build / "src/cli/capsule"
    user = ordinary_user()
    for name, part in PARTS.items():
        if args.only and args.only != name:
            continue
        part(build, capsule, args.rounds, None)
        if name == "start" and user:
            part(build, capsule, args.rounds, user)
    table()
    (build / "bench.json").write_text(json.dumps(ROWS, indent=1) + "\n")
    return 1 if any(r["ok"] is False for r in ROWS) else 0


if __name__ == "__main__":
    sys.exit(main())

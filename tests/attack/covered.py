#!/usr/bin/env python3
"""Writes docs/ATTACKS-COVERED.md: each entry of the attack list, what performs it, how it stands.

    tests/attack/covered.py --write      after a change; test_covered.py fails until then

What performs an attack is read from the tests themselves (their `attack` marks) and from the
table of attack_probe; only the state in ENTRIES is written by hand.
"""

import ast
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
DOC = HERE.parent.parent / "docs/ATTACKS-COVERED.md"
ELSEWHERE = {
    "F1": "tests/attack/test_f_log.py", "F2": "tests/conformance (merkle)",
    "F3": "tests/attack/test_f_log.py", "F5": "tests/attack/test_f_log.py",
    "F7": "tests/attack/test_f_log.py", "F8": "tests/attack/test_f_policy.py",
    "F9": "tests/attack/test_f_policy.py", "F11": "tests/scenario/test_rules.py",
    "F12": "tests/scenario/test_rules.py (test_ties_that_differ_are_refused)",
}
NETWORK = "needs the network engine, which is not in this build"
VM = "needs the VM wall, which is not in this build"

# id: (the attack, state). "stopped", "in part: ...", "open: ...", "later: ..."
ENTRIES = {
    "A1": ("i386 system calls from a 64-bit process", "stopped"),
    "A2": ("x32 numbers", "stopped; kernels without x32 answer ENOSYS to it themselves, so the "
                          "filter is also interpreted by tests/unit/test_filter"),
    "A3": ("clone3, whose flags a filter cannot see", "stopped"),
    "A4": ("new namespaces, then mounts and release_agent", "stopped"),
    "A5": ("io_uring, by setup and by an inherited ring", "stopped"),
    "A6": ("AF_ALG, i386 socketcall", "stopped"),
    "A7": ("vsock to the host", "stopped"),
    "A8": ("other socket families, raw sockets, MPTCP, SCTP", "stopped"),
    "A9": ("TIOCSTI, TIOCLINUX, dirty upper bits", "stopped"),
    "A10": ("ptrace, process_vm, pidfd, kcmp on others", "stopped"),
    "A11": ("/proc of the supervisor and of others", "stopped"),
    "A12": ("bpf, perf, userfaultfd, keys, modules, kexec, swap, quota, personality", "stopped"),
    "A13": ("file handles", "stopped"),
    "A14": ("the new mount API", "stopped"),
    "A15": ("setns with received descriptors, pivot_root, chroot", "stopped"),
    "A16": ("execution around execve's path", "stopped; by memfd when the policy lets nothing be "
            "both written and executed, else it would gain nothing"),
    "A17": ("aliases of a program", "stopped"),
    "A18": ("setuid programs and file capabilities", "stopped"),
    "A19": ("prctl, the five capability sets", "stopped"),
    "A20": ("filters and listeners of the session's own", "stopped"),
    "A21": ("bare system calls, static programs, vfork", "stopped; there is no tracing to evade "
                                                         "in this build"),
    "A22": ("signals to outside and to init", "stopped"),
    "A23": ("SysV and POSIX IPC, /dev/shm", "stopped"),
    "B1": ("a path swapped after the check", "stopped"),
    "B2": ("sockaddr, msghdr and the socket itself swapped, unreadable arguments", "stopped"),
    "B3": ("argv and environment swapped", "stopped: what runs is compared with what was decided, and killed "
           "if it differs; of the environment the names, where a rule looks at them"),
    "B4": ("openat2", "stopped"),
    "B5": ("aliases of a denied file", "stopped for names and links made inside, and for all names of a file that "
           "the policy names; a hard link, made before, to what a pattern covers is another name"),
    "B6": ("truncate, unlink, rename, mknod as open", "stopped"),
    "B7": ("magic links", "stopped"),
    "B8": ("a path that does not resolve", "stopped"),
    "B9": ("the supervisor dies", "stopped"),
    "B10": ("reuse of ids, callers killed while they wait", "stopped"),
    "B11": ("flooding", "stopped: calls that have to wait are bounded, and no call of a session makes the "
            "supervisor wait; an exec that a tracer holds up costs its session five seconds; so are questions"),
    "B12": ("injected descriptors", "stopped"),
    "B13": ("descriptors of ours inherited", "stopped"),
    "B14": ("text and keys that spoof a prompt", "stopped"),
    "C1": ("symlinks to outside", "stopped"),
    "C2": ("a component swapped in a race", "stopped"),
    "C3": ("git on the host and the session's hooks and settings", "stopped, in repositories made in the session "
           "where patterns protect their names"),
    "C4": ("nested repositories, worktrees, gitfiles, commondir", "in part: hooks, config and the "
           "folder above them in the workspace's own repository, also made later; elsewhere by "
           "patterns that a policy names, which also forbid a file or link that stands for a repository: so "
           "submodules and worktrees cannot be made there"),
    "C5": ("agents' and editors' settings", "stopped in the workspace's own folder, also when made later; in folders below by "
           "patterns that a policy names. A Makefile, a package.json or a source file is the workspace itself "
           "and stays writable"),
    "C6": ("protected names by rename, link, symlink, O_TMPFILE", "stopped"),
    "C7": ("calls that Landlock does not see", "stopped for names that the wall covers (that "
           "one is there can be seen, nothing about it); of a file that a pattern denies, which has no cover, "
           "stat still tells size and times"),
    "C8": ("truncate, ioctl, rename, hard links, modes on what may be read, or is not granted at all",
           "stopped; without user namespaces modes and times can be changed"),
    "C9": ("descriptors from before", "stopped"),
    "C10": ("FUSE and virtio-fs", f"later: {VM}"),
    "C11": ("predictable names of our own files", "stopped"),
    "C12": ("mounts over and under masks", "stopped"),
    "C13": ("core_pattern, sysrq, /proc/sys, cgroups, devices", "stopped"),
    "C14": ("using up disk, inodes, processes, memory, output, time", "stopped where a limit is "
            "set; the workspace itself has no quota, nor has its layer (filesystem.overlay)"),
    "C15": ("sockets by path: agents, buses, docker, X11", "stopped"),
    "C16": ("abstract sockets", "stopped"),
    "D1": ("ways around a TCP filter", "stopped with `network: none`"),
    "D9": ("metadata and other addresses", "stopped with `network: none`; by class " + NETWORK),
    "D23": ("the host's loopback", "stopped with `network: none`"),
    "D24": ("routes, interfaces, raw sockets", "stopped"),
    "E11": ("kill the supervisor, init, the command; memory pressure", "stopped"),
    "F1": ("a log flipped, cut, reordered, spliced, re-signed", "stopped"),
    "F2": ("tree shapes that collide", "stopped"),
    "F3": ("a crash in the middle of a record", "stopped"),
    "F4": ("flooding the log", "stopped"),
    "F5": ("injection into the log", "stopped"),
    "F6": ("reaching the log's writer", "stopped"),
    "F7": ("truncation without a trace", "stopped against a checkpoint kept elsewhere"),
    "F8": ("hostile policy files", "stopped"),
    "F9": ("a project's file that asks for more", "stopped"),
    "F10": ("a policy or log that fails", "stopped: nothing runs"),
    "F11": ("rules that cost: nesting, regexes, lists, loops, growing text", "stopped: refused by name when "
            "loaded, or ended within their budgets"),
    "F12": ("ties that the order of names would decide", "stopped: refused when loaded"),
    "F13": ("answering for the person, over the control socket", "stopped"),
    "X1": ("overwriting the runtime's own program", "stopped"),
    "X2": ("watching folders outside", "stopped"),
    "X3": ("leases on files that may be read", "stopped"),
    "X4": ("device nodes, made and found", "stopped"),
    "X5": ("forged credentials on a socket", "stopped"),
    "X6": ("setuid files and capabilities left behind", "in part: capabilities; a setuid bit of "
           "the session's own user can be left on a file of the workspace"),
    "X7": ("what mountinfo tells", "stopped"),
    "X8": ("the terminal: stealing it, making it type", "stopped"),
    "X9": ("core dumps, and the helper that the host runs on them", "stopped"),
    "X10": ("a process that stays behind", "stopped"),
    "X11": ("secrets of the environment", "stopped"),
    "X12": ("hostile names and places of the workspace", "stopped"),
    "X13": ("Capsule within Capsule", "stopped"),
    "X14": ("the loader's variables", "stopped"),
    "X17": ("the policy's own files, when they lie in the workspace", "stopped"),
    "X16": ("a covered file that the host replaces during the session", "open: the kernel takes a "
            "mount away when its mount point is renamed over in another namespace"),
    "X15": ("started with 0, 1 or 2 closed", "stopped"),
}


def marks() -> dict:
    """attack id -> the tests marked with it, as FILE::TEST, in order."""
    found = {}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.attack":
                    found.setdefault(mark.args[0].value, []).append(f"{path.name}::{node.name}")
    return found


def probes() -> dict:
    """attack id -> how many attacks of attack_probe's table carry it."""
    import arena
    import test_probes
    found = {}
    for probe in test_probes.HERE:
        found.setdefault(probe.attack, []).append(probe.id)
    return found


def document() -> str:
    marked, table = marks(), probes()
    lines = [
        "# Attacks covered", "",
        "Each entry of the attack list, what performs it, and how it stands. Written by "
        "`tests/attack/covered.py --write`; a test fails when it is not up to date.", "",
        "Every attack is performed for real: outside the wall first, as the same user, to see that "
        "it works on the machine at all, then from inside `capsule run`, as root and as an "
        "ordinary user. A test fails when the attack succeeds, when it was never attempted, and when it was "
        "answered by anything but the wall. Where it cannot work even outside, it is skipped with the reason.", "",
        "`probe` stands for `tests/attack/probes`, run by `test_probes.py`; the other tests are in `tests/attack`. "
        "Entries X are ours, aimed at this design.", "",
        "| id | attack | performed by | state |", "| --- | --- | --- | --- |",
    ]
    for key, (what, state) in ENTRIES.items():
        by = []
        if key in table:
            names = [name.split("-", 1)[1] for name in table[key]]
            by.append(f"probe {key}-{{{', '.join(names)}}}")
        by += [f"`{test}`" for test in marked.get(key, [])]
        if key in ELSEWHERE:
            by.append(f"`{ELSEWHERE[key]}`")
        lines.append(f"| {key} | {what} | {'; '.join(by) or '-'} | {state} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent), str(HERE)]
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    DOC.write_text(document())

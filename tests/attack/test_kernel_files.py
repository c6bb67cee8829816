"""C13: files through which the kernel is told what to do, and devices."""

import glob
import os

import pytest

import arena
from arena import PROBES

WRITE = [
    "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/proc/sys/vm/drop_caches",
    "/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/core/somaxconn", "/proc/sys/fs/file-max",
    "/proc/sys/user/max_user_namespaces", "/proc/sys/vm/overcommit_memory",
    "/proc/sys/kernel/msgmax", "/proc/sys/fs/mqueue/queues_max",
    "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/power/state", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs",
    "/sys/fs/cgroup/memory/cgroup.procs", "/sys/fs/cgroup/devices/devices.allow",
    "/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/memory/release_agent",
    "/sys/module/kernel/parameters/panic", "/proc/self/loginuid", "/proc/self/uid_map",
    "/proc/self/setgroups", "/proc/self/clear_refs", "/proc/self/oom_adj",
    "/proc/self/coredump_filter", "/proc/1/oom_score_adj", "/proc/irq/default_smp_affinity",
    "/proc/acpi/wakeup", "/proc/mtrr", "/proc/scsi/scsi", "/dev/cpu_dma_latency",
]
READ = [
    "/proc/kcore", "/proc/kmsg", "/proc/keys", "/proc/timer_list",
    "/proc/sched_debug", "/proc/vmallocinfo", "/proc/slabinfo", "/proc/kpagemap", "/proc/kpageflags",
    "/sys/kernel/debug/sched/debug", "/sys/firmware/acpi/tables/DSDT",
    "/sys/kernel/security/lsm", "/sys/kernel/notes", "/sys/kernel/btf/vmlinux",
    "/sys/class/dmi/id/product_serial", "/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/fuse",
    "/dev/net/tun", "/dev/vhost-net", "/dev/vhost-vsock", "/dev/vsock", "/dev/loop-control",
    "/dev/mapper/control", "/dev/rtc0", "/dev/input/event0", "/dev/uinput", "/dev/snd/timer",
    "/dev/dri/card0", "/dev/console", "/dev/tty0", "/dev/tty1", "/dev/ttyS0", "/dev/port",
    "/dev/hpet", "/dev/userfaultfd", "/dev/autofs", "/dev/btrfs-control", "/dev/cuse",
    "/dev/userio", "/dev/vga_arbiter", "/dev/snapshot", "/dev/nvram", "/dev/mcelog", "/dev/disk",
]
READ += sorted(glob.glob("/dev/[sv]d[a-z]") + glob.glob("/dev/nvme*n1") + glob.glob("/dev/loop0"))
ATTACKS = [("C13-write", path) for path in WRITE] + [("C13-read", path) for path in READ]
THERE = [(probe, path) for probe, path in ATTACKS if os.path.exists(path)]
# Init's own, whose place another process has outside.
NO_CONTROL = {"/proc/1/oom_score_adj"}


@pytest.mark.both
@pytest.mark.attack("C13")
@pytest.mark.parametrize("probe,path", ATTACKS)
def test_file_of_the_kernel(probe, path, who, once, capsule):
    if (probe, path) not in THERE:
        pytest.skip("not on this machine")
    attacks = [(PROBES[p], {"path": name}) for p, name in THERE]
    inside, outside = once("kernel", who, lambda scene, control: (
        arena.several_inside(capsule, scene, attacks), arena.several_outside(control, attacks)))
    n = THERE.index((probe, path))
    arena.judge(PROBES[probe], inside[n], None if path in NO_CONTROL else outside[n])


@pytest.mark.both
@pytest.mark.attack("C13")
def test_nothing_in_proc_and_sys_can_be_written(run_capsule):
    """Not a list of ours but the kernel's: every file that the modes would let us write."""
    script = r"""
        find /proc /sys -path '/proc/[0-9]*' -prune -o -path /proc/self -prune -o \
             -path /proc/thread-self -prune -o -type f -writable -print 2>/dev/null
        find /proc/self/ -maxdepth 1 -type f -writable 2>/dev/null | while read f; do
            case $f in */mem|*/clear_refs|*/comm|*/coredump_filter|*/timerslack_ns|*/sched|*/autogroup|\
                */oom_adj|*/oom_score_adj|*/attr*|*/uid_map|*/gid_map|*/projid_map|*/setgroups|\
                */loginuid|*/make-it-fail|*/fail-nth|*/timens_offsets|*/latency) ;; *) echo "$f";; esac
        done
        echo looked
    """
    done = run_capsule(["run", "--", "sh", "-c", script])
    assert done.stdout.splitlines() == ["looked"], done.stdout


@pytest.mark.both
@pytest.mark.attack("C13")
@pytest.mark.attack("X4")
def test_devices_are_few(run_capsule):
    """An allow-list: a device that the next kernel brings is not there either."""
    script = ("find /dev/ ! -path '/dev/pts/*' | while read f; do [ -c $f ] || [ -b $f ] && "
              "basename $f; done; echo looked")
    done = run_capsule(["run", "--", "sh", "-c", script])
    seen = set(done.stdout.split())
    assert "looked" in seen and "null" in seen, done.stderr
    assert seen <= {"looked", "null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}
    done = run_capsule(["run", "--", "sh", "-c", "ls /dev/pts; ls -l /proc/self/fd/ >/dev/null"])
    assert set(done.stdout.split()) <= {"ptmx", "0"}, "terminals of the host are in sight"

/*
 * The reader of the kernel's ring. It is not woken for each record: while there are any it looks every
 * few milliseconds; when it found none, the next record wakes it. In a flood it takes a bounded
 * number at a time, so that the session's other business goes on in between.
 */
#include "base/own.h"
#include "record/impl.h"
#include "record/kernel.h"
#include "sys/bpf.h"
#include "sys/cgroup.h"
#include "sys/ns.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define LOOK_MS 5
#define ROUND_MAX 2048 /* records at a time */
#define RELEASE_EVERY 64
#define RING_PER_CPU (8U << 20)
#define RING_MAX (64U << 20)
#define FIRST_PID_NS 0xeffffffcU /* the number of the pid namespace that the machine began with */

struct by_kernel {
	struct cgroup group;
	int ring_fd, cell_fd, program[2], attached[2];
	struct kernel_cell *cell;
	size_t cell_size;
	struct bpf_ring ring;
	struct loop_watch ready, timer;
	struct recorder *owner;
	bool inner_init; /* the session's process 1 is Capsule's init */
};

/* ---- making ----------------------------------------------------------------------------------- */

static uint32_t ring_size(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t size = RING_PER_CPU;

	while (size < RING_MAX && size / RING_PER_CPU < (uint32_t)(cpus > 0 ? cpus : 1))
		size *= 2;
	return size;
}

static int maps_make(struct by_kernel *k)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint32_t size = ring_size();
	void *cell;

	k->ring_fd = bpf_ring_create(size);
	if (k->ring_fd < 0)
		return k->ring_fd;
	k->cell_fd = bpf_cell_create(sizeof(struct kernel_cell));
	if (k->cell_fd < 0)
		return k->cell_fd;
	k->cell_size = (sizeof(struct kernel_cell) + page - 1) & ~(page - 1);
	cell = mmap(NULL, k->cell_size, PROT_READ | PROT_WRITE, MAP_SHARED, k->cell_fd, 0);
	if (cell == MAP_FAILED)
		return -errno;
	k->cell = cell;
	return bpf_ring_map(k->ring_fd, size, &k->ring);
}

static int programs_make(struct by_kernel *k, char *ret_why)
{
	static struct bpf_asm a;
	int r;

	for (int kind = KERNEL_ENTERED; kind <= KERNEL_RETURNED; kind++) {
		r = kernel_program((enum kernel_kind)kind, k->cell_fd, k->ring_fd, &a);
		if (r == 0)
			r = bpf_program_load(a.insns, a.n, NULL, 0);
		if (r < 0) {
			(void)snprintf(ret_why, RECORDER_WHY_MAX,
				       "the kernel does not take the recording program: %s",
				       strerror(-r));
			return r;
		}
		k->program[kind] = r;
	}
	return 0;
}

/* A group of its own, into which a process can really be born. */
static int group_make(struct by_kernel *k, char *ret_why)
{
	int pidfd = -EBADF, r = cgroup_make_plain(&k->group);
	pid_t pid = r < 0 ? r : ns_clone(0, k->group.v2_fd, &pidfd);

	if (pid == 0)
		_exit(0);
	if (pid < 0) {
		(void)snprintf(ret_why, RECORDER_WHY_MAX,
			       "no control group (v2) to know the session by: %s", strerror(-pid));
		return pid;
	}
	(void)waitpid(pid, NULL, 0);
	fd_close(pidfd);
	return 0;
}

int by_kernel_new(struct recorder *r, char ret_why[RECORDER_WHY_MAX])
{
	struct by_kernel *k = calloc(1, sizeof(*k));
	int result;

	if (!k)
		return -ENOMEM;
	k->ring_fd = k->cell_fd = -EBADF;
	k->timer.fd = -EBADF;
	for (int i = 0; i < 2; i++)
		k->program[i] = k->attached[i] = -EBADF;
	cgroup_init(&k->group);
	result = maps_make(k);
	if (result < 0)
		(void)snprintf(ret_why, RECORDER_WHY_MAX, "%s: %s",
			       result == -EPERM ? "it takes root, or CAP_BPF and CAP_PERFMON"
						: "the kernel has no BPF ring buffers",
			       strerror(-result));
	if (result == 0)
		result = programs_make(k, ret_why);
	if (result == 0)
		result = group_make(k, ret_why);
	if (result < 0) {
		(void)by_kernel_free(k);
		return result;
	}
	r->kernel = k;
	return 0;
}

struct by_kernel *by_kernel_free(struct by_kernel *k)
{
	if (!k)
		return NULL;
	for (int i = 0; i < 2; i++) {
		fd_close(k->attached[i]);
		fd_close(k->program[i]);
	}
	bpf_ring_unmap(&k->ring);
	if (k->cell)
		(void)munmap(k->cell, k->cell_size);
	fd_close(k->cell_fd);
	fd_close(k->ring_fd);
	fd_close(k->timer.fd);
	cgroup_remove(&k->group);
	free(k);
	return NULL;
}

int by_kernel_group_fd(const struct by_kernel *k)
{
	return cgroup_clone_fd(&k->group);
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* One record. The child's side of a clone is no call of its own: it only tells who it is. */
static int record_take(struct recorder *r, const void *data, size_t n)
{
	struct by_kernel *k = r->kernel;
	struct call call;

	if (kernel_read(data, n, &call) < 0)
		return 0;
	recorder_who(r, &call);
	if (k->inner_init && call.inner_tgid == 1)
		return 0;
	if (call.returned && call.result == 0 && call.nr < SYSC_NR_MAX &&
	    r->table.plan[call.nr] & CALL_MAKES_CHILD)
		return 0;
	return recorder_take(r, &call);
}

/* One round, of at most @max records. Returns how many, or the log's error. */
static int round_read(struct recorder *r, unsigned max)
{
	struct by_kernel *k = r->kernel;
	const void *data;
	unsigned done = 0;
	size_t n;
	int result = 0;

	bpf_ring_round(&k->ring);
	while (result == 0 && done < max && (data = bpf_ring_next(&k->ring, &n))) {
		result = record_take(r, data, n);
		if (++done % RELEASE_EVERY == 0)
			bpf_ring_release(&k->ring);
	}
	bpf_ring_release(&k->ring);
	if (result == 0)
		result = recorder_lost(r, __atomic_load_n(&k->cell->lost, __ATOMIC_RELAXED));
	return result < 0 ? result : (int)done;
}

static int ring_ready(struct loop_watch *watch, uint32_t revents)
{
	struct by_kernel *k = loop_owner(watch, struct by_kernel, ready);
	struct recorder *r = k->owner;
	int n = round_read(r, ROUND_MAX);

	(void)revents;
	if (n < 0)
		return n;
	if (n == ROUND_MAX) /* there is more: after whoever else waits */
		return 0;
	(void)loop_modify(r->session.loop, watch, 0);
	return loop_timer_set(k->timer.fd, LOOK_MS, 0);
}

static int timer_fired(struct loop_watch *watch, uint32_t revents)
{
	struct by_kernel *k = loop_owner(watch, struct by_kernel, timer);
	struct recorder *r = k->owner;
	int n;

	(void)revents;
	if (loop_timer_read(watch->fd) < 0)
		return 0;
	n = round_read(r, ROUND_MAX);
	if (n < 0)
		return n;
	if (n > 0 && n < ROUND_MAX)
		return loop_timer_set(watch->fd, LOOK_MS, 0);
	return loop_modify(r->session.loop, &k->ready, EPOLLIN);
}

/* ---- a session ----------------------------------------------------------------------------------- */

/* The pid namespace of @pid ("self": ours), as the kernel's helper wants it named. */
static int pid_ns_of(const char *pid, uint64_t *ret_dev, uint64_t *ret_ino)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%s/ns/pid", pid);
	if (stat(path, &st) < 0)
		return -errno;
	*ret_dev = (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev);
	*ret_ino = st.st_ino;
	return 0;
}

static void cell_fill(struct recorder *r)
{
	struct by_kernel *k = r->kernel;
	struct kernel_cell *cell = k->cell;
	uint64_t dev, own = 0;
	char pid[16];

	memcpy(cell->plan, r->table.plan, sizeof(cell->plan));
	(void)snprintf(pid, sizeof(pid), "%d", r->session.init);
	(void)pid_ns_of("self", &dev, &own);
	if (pid_ns_of(pid, &cell->dev, &cell->ino) == 0)
		k->inner_init = own && cell->ino != own;
	/* Numbers out here mean the same to the kernel's program only where it all began. */
	if (own == FIRST_PID_NS)
		cell->init = (uint32_t)r->session.init;
	cell->cgroup = r->session.group;
}

int by_kernel_start(struct recorder *r, struct err *err)
{
	static const char *const tracepoint[2] = {
		[KERNEL_ENTERED] = "sys_enter", [KERNEL_RETURNED] = "sys_exit"
	};
	struct by_kernel *k = r->kernel;
	int result;

	if (!r->session.group)
		return err_text(err, ENOENT, "the session has no control group to be known by");
	k->owner = r;
	cell_fill(r);
	for (int i = 0; i < 2; i++) {
		k->attached[i] = bpf_attach_raw(k->program[i], tracepoint[i]);
		if (k->attached[i] < 0)
			return err_set(err, -k->attached[i], "cannot attach to %s", tracepoint[i]);
	}
	k->ready = (struct loop_watch){ .fd = k->ring_fd, .events = EPOLLIN, .fn = ring_ready };
	k->timer =
		(struct loop_watch){ .fd = loop_timer(0, 0), .events = EPOLLIN, .fn = timer_fired };
	result = k->timer.fd < 0 ? k->timer.fd : loop_add(r->session.loop, &k->ready);
	if (result == 0)
		result = loop_add(r->session.loop, &k->timer);
	return result < 0 ? err_set(err, -result, "cannot watch the recorder") : 0;
}

int by_kernel_finish(struct recorder *r)
{
	struct by_kernel *k = r->kernel;
	uint64_t missed = 0;
	int n;

	for (int i = 0; i < 2; i++)
		k->attached[i] = fd_close(k->attached[i]);
	loop_remove(r->session.loop, &k->ready);
	loop_remove(r->session.loop, &k->timer);
	do {
		n = round_read(r, ROUND_MAX);
	} while (n > 0);
	for (int i = 0; i < 2; i++)
		missed += bpf_program_misses(k->program[i]);
	return n < 0 ? n : recorder_missed(r, missed);
}

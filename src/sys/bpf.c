#include "sys/bpf.h"

#include "sys/missing_syscall.h"

#include <string.h>
#include <sys/mman.h>

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return sys_result(syscall(SYS_bpf, cmd, attr, sizeof(*attr)));
}

int bpf_ring_create(uint32_t size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr)); /* the kernel wants the padding zero, too */
	attr.map_type = BPF_MAP_TYPE_RINGBUF;
	attr.max_entries = size;
	return bpf(BPF_MAP_CREATE, &attr);
}

int bpf_cell_create(uint32_t size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = sizeof(uint32_t);
	attr.value_size = size;
	attr.max_entries = 1;
	attr.map_flags = BPF_F_MMAPABLE;
	return bpf(BPF_MAP_CREATE, &attr);
}

int bpf_program_load(const struct bpf_insn *insns, uint32_t n, char *ret_log, size_t log_size)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = n;
	/* For the kernel's helpers that read memory; these instructions are Capsule's own. */
	attr.license = (uintptr_t) "Dual BSD/GPL";
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (!ret_log)
		return fd;
	*ret_log = '\0';
	if (fd >= 0 || fd == -EPERM)
		return fd;
	/* Once more for its reasons: the log costs more than the check. */
	attr.log_buf = (uintptr_t)ret_log;
	attr.log_size = (uint32_t)log_size;
	attr.log_level = 1;
	return bpf(BPF_PROG_LOAD, &attr);
}

int bpf_attach_raw(int program, const char *name)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.name = (uintptr_t)name;
	attr.raw_tracepoint.prog_fd = (uint32_t)program;
	return bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

uint64_t bpf_program_misses(int program)
{
	struct bpf_prog_info info;
	union bpf_attr attr;

	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)program;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0 ? 0 : info.recursion_misses;
}

/* ---- the ring's reading end ---------------------------------------------------------------------- */

int bpf_ring_map(int fd, uint32_t size, struct bpf_ring *ret_ring)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	void *producer;

	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, page + 2 * (size_t)size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (producer == MAP_FAILED) {
		int r = -errno;

		(void)munmap(consumer, page);
		return r;
	}
	*ret_ring = (struct bpf_ring){ .size = size,
				       .mask = size - 1,
				       .consumer = consumer,
				       .producer = producer,
				       .data = (const uint8_t *)producer + page,
				       .page = page };
	return 0;
}

void bpf_ring_unmap(struct bpf_ring *ring)
{
	if (!ring->consumer)
		return;
	(void)munmap(ring->consumer, ring->page);
	(void)munmap((void *)(uintptr_t)ring->producer, ring->page + 2 * (size_t)ring->size);
	*ring = (struct bpf_ring){ 0 };
}

void bpf_ring_release(struct bpf_ring *ring)
{
	__atomic_store_n(ring->consumer, ring->at, __ATOMIC_RELEASE);
}

void bpf_ring_round(struct bpf_ring *ring)
{
	ring->end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
}

const void *bpf_ring_next(struct bpf_ring *ring, size_t *ret_n)
{
	while (ring->at < ring->end) {
		const uint8_t *head = ring->data + (ring->at & ring->mask);
		uint32_t length =
			__atomic_load_n((const uint32_t *)(const void *)head, __ATOMIC_ACQUIRE);
		size_t n = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (length &
		    BPF_RINGBUF_BUSY_BIT) /* being written; what is behind it has to wait */
			return NULL;
		ring->at += (n + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
		if (length & BPF_RINGBUF_DISCARD_BIT)
			continue;
		*ret_n = n;
		return head + BPF_RINGBUF_HDR_SZ;
	}
	return NULL;
}

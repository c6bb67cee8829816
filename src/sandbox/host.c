#include "sandbox/host.h"

#include "base/own.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void host_facts(struct host_facts *ret_facts)
{
	AUTO(fd_closep) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	*ret_facts = (struct host_facts){ .boot_id = "" };
	(void)uname(&ret_facts->uts);
	n = fd < 0 ? -1 : read(fd, ret_facts->boot_id, sizeof(ret_facts->boot_id) - 1);
	if (n > 0 && ret_facts->boot_id[n - 1] == '\n')
		ret_facts->boot_id[n - 1] = '\0';
}

/*
 * Mapped rather than read: the pages are in the page cache, since we are running from them, and a
 * copy would cost as much as the hash.
 */
static int binary_hash(int fd, size_t size, uint8_t ret_digest[BLAKE3_OUT])
{
	void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	blake3(p, size, ret_digest);
	(void)munmap(p, size);
	return 0;
}

/* What the cache file holds: this, byte for byte. */
struct binary_note {
	char magic[16];
	uint64_t dev, ino, size, mtime_s, mtime_ns, ctime_s, ctime_ns;
	uint8_t digest[BLAKE3_OUT];
};

static struct binary_note binary_note_of(const struct stat *st)
{
	return (struct binary_note){ .magic = "capsule program",
				     .dev = st->st_dev,
				     .ino = st->st_ino,
				     .size = (uint64_t)st->st_size,
				     .mtime_s = (uint64_t)st->st_mtim.tv_sec,
				     .mtime_ns = (uint64_t)st->st_mtim.tv_nsec,
				     .ctime_s = (uint64_t)st->st_ctim.tv_sec,
				     .ctime_ns = (uint64_t)st->st_ctim.tv_nsec };
}

static bool note_read(const char *cache, struct binary_note *note)
{
	AUTO(fd_closep) int fd = open(cache, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct binary_note kept;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022) || read(fd, &kept, sizeof(kept)) != (ssize_t)sizeof(kept) ||
	    memcmp(&kept, note, offsetof(struct binary_note, digest)) != 0)
		return false;
	*note = kept;
	return true;
}

/* Whole or not at all; a failure costs the next run half a millisecond. */
static void note_write(const char *cache, const struct binary_note *note)
{
	AUTO(fd_closep) int fd = -EBADF;
	char name[4096];

	if (snprintf(name, sizeof(name), "%s.%d", cache, (int)getpid()) >= (int)sizeof(name))
		return;
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, note, sizeof(*note)) != (ssize_t)sizeof(*note) || rename(name, cache) < 0)
		(void)unlink(name);
}

/*
 * A file that was changed a moment ago could be changed again within the same tick of its ctime:
 * such a one is hashed and not kept.
 */
static bool is_settled(const struct stat *st)
{
	struct timespec now;

	return clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec - st->st_ctim.tv_sec > 2;
}

int host_binary_digest(const char *cache, uint8_t ret_digest[BLAKE3_OUT], uint64_t *ret_size)
{
	AUTO(fd_closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct binary_note note;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0)
		return -EINVAL;
	note = binary_note_of(&st);
	if (!cache || !note_read(cache, &note)) {
		r = binary_hash(fd, (size_t)st.st_size, note.digest);
		if (r < 0)
			return r;
		if (cache && is_settled(&st))
			note_write(cache, &note);
	}
	memcpy(ret_digest, note.digest, BLAKE3_OUT);
	*ret_size = note.size;
	return 0;
}

/* Field @index (from 0) of a line of /etc/passwd. */
static struct str passwd_field(struct str line, unsigned index)
{
	const char *colon;

	for (; index; index--) {
		colon = line.n ? memchr(line.p, ':', line.n) : NULL;
		if (!colon)
			return STR("");
		line = str_sub(line, (size_t)(colon - line.p) + 1, line.n);
	}
	colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	return colon ? str_sub(line, 0, (size_t)(colon - line.p)) : line;
}

static int passwd_home(struct arena *arena, uid_t uid, const char **ret_home)
{
	AUTO(file_closep) FILE *f = fopen("/etc/passwd", "re");
	char line[1024];
	uint64_t id;

	while (f && fgets(line, sizeof(line), f)) {
		struct str s = { .p = line, .n = strcspn(line, "\n") };
		struct str home = passwd_field(s, 5);

		if (str_to_u64(passwd_field(s, 2), &id) < 0 || id != uid || !home.n ||
		    home.p[0] != '/')
			continue;
		*ret_home = arena_strdup(arena, home);
		return *ret_home ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

int host_home(struct arena *arena, const char **ret_home)
{
	struct str home = str_of(getenv("HOME"));

	if (!home.n || home.p[0] != '/')
		return passwd_home(arena, geteuid(), ret_home);
	while (home.n > 1 && home.p[home.n - 1] == '/')
		home.n--;
	*ret_home = arena_strdup(arena, home);
	return *ret_home ? 0 : -ENOMEM;
}

/* XDG base directory specification: a relative value is as none. */
static const char *xdg_dir(struct arena *arena, const char *variable, const char *home,
			   const char *otherwise)
{
	const char *value = getenv(variable);

	if (value && value[0] == '/')
		return arena_printf(arena, "%s/capsule", value);
	return arena_printf(arena, "%s/%s/capsule", home, otherwise);
}

const char *host_config_dir(struct arena *arena, const char *home)
{
	return xdg_dir(arena, "XDG_CONFIG_HOME", home, ".config");
}

const char *host_state_dir(struct arena *arena, const char *home)
{
	return xdg_dir(arena, "XDG_STATE_HOME", home, ".local/state");
}

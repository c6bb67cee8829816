#include "sandbox/host.h"

#include "base/own.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
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
int host_binary_digest(uint8_t ret_digest[BLAKE3_OUT], uint64_t *ret_size)
{
	AUTO(fd_closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0)
		return -EINVAL;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	blake3(p, (size_t)st.st_size, ret_digest);
	(void)munmap(p, (size_t)st.st_size);
	*ret_size = (uint64_t)st.st_size;
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

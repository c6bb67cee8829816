#include "sys/landlock.h"

#include "base/own.h"
#include "sys/missing_landlock.h"

#include <sys/stat.h>

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                                 \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                         \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                          \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                            \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | \
	 LANDLOCK_ACCESS_FS_TRUNCATE)
/* Handled, so denied, and never granted. */
#define FS_NEVER (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
#define FS_ALL \
	(FS_READ | FS_WRITE | FS_NEVER | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_IOCTL_DEV)
/* What a rule on something that is not a directory may name. */
#define FS_FILE                                                        \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |   \
	 LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | \
	 LANDLOCK_ACCESS_FS_IOCTL_DEV)

int landlock_abi(void)
{
	return sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static uint64_t fs_known(int abi)
{
	uint64_t rights = FS_ALL;

	if (abi < 5)
		rights &= ~LANDLOCK_ACCESS_FS_IOCTL_DEV;
	if (abi < 3)
		rights &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi < 2)
		rights &= ~LANDLOCK_ACCESS_FS_REFER;
	return rights;
}

int landlock_open(bool fs, bool net, bool scope, struct landlock *ret_set)
{
	struct landlock_ruleset_abi6 attr = { 0 };
	struct landlock set = LANDLOCK_INIT;

	set.abi = landlock_abi();
	if (set.abi < 0)
		return set.abi;
	if (net && set.abi < 4)
		return -EOPNOTSUPP;
	if (fs)
		set.fs = attr.handled_access_fs = fs_known(set.abi);
	if (net)
		attr.handled_access_net = LANDLOCK_ACCESS_NET_BIND_TCP |
					  LANDLOCK_ACCESS_NET_CONNECT_TCP;
	if (scope && set.abi >= 6)
		attr.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
	set.fd = sys_landlock_create_ruleset(&attr, sizeof(attr), 0);
	if (set.fd < 0)
		return set.fd;
	*ret_set = set;
	return 0;
}

void landlock_close(struct landlock *set)
{
	set->fd = fd_close(set->fd);
}

int landlock_allow(const struct landlock *set, int fd, mode_t mode, unsigned rights)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };
	uint64_t access = 0;

	if (rights & LANDLOCK_READ)
		access |= FS_READ;
	if (rights & LANDLOCK_LIST)
		access |= LANDLOCK_ACCESS_FS_READ_DIR;
	if (rights & LANDLOCK_WRITE)
		access |= FS_WRITE;
	if (rights & LANDLOCK_EXEC)
		access |= LANDLOCK_ACCESS_FS_EXECUTE;
	if (rights & LANDLOCK_IOCTL)
		access |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	access &= set->fs;
	if (!S_ISDIR(mode))
		access &= FS_FILE;
	if (!access)
		return 0;
	rule.allowed_access = access;
	return sys_landlock_add_rule(set->fd, LANDLOCK_RULE_PATH_BENEATH, &rule);
}

int landlock_enforce(const struct landlock *set)
{
	return sys_landlock_restrict_self(set->fd, 0);
}

#include "policy/learn_place.h"

#include "base/own.h"
#include "policy/path.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define SCAN_MAX 200000 /* entries of a folder that are looked through for secrets */
#define SCAN_DEPTH 24
#define HEAD_MAX 4096

/* Below the home folder: credentials, keys, what browsers and shells remember. */
const char *const learn_secret_places[] = {
	".ssh",
	".gnupg",
	".aws",
	".azure",
	".kube",
	".docker",
	".netrc",
	".git-credentials",
	".npmrc",
	".pypirc",
	".vault-token",
	".password-store",
	".mozilla",
	".thunderbird",
	".cargo/credentials",
	".cargo/credentials.toml",
	".gem/credentials",
	".terraform.d",
	".m2/settings.xml",
	".gradle/gradle.properties",
	".config/gcloud",
	".config/gh",
	".config/hub",
	".config/glab-cli",
	".config/op",
	".config/rclone",
	".config/doctl",
	".config/google-chrome",
	".config/chromium",
	".config/BraveSoftware",
	".config/microsoft-edge",
	".config/vivaldi",
	".config/opera",
	".config/git/credentials",
	".config/capsule",
	".local/state/capsule",
	".local/share/keyrings",
	".local/share/kwalletd",
	".bash_history",
	".zsh_history",
	".python_history",
	".node_repl_history",
	".psql_history",
	".mysql_history",
	".sqlite_history",
	".claude/.credentials.json",
	".codex/auth.json",
	NULL,
};

static const char *const secret_system[] = {
	"/etc/shadow",
	"/etc/shadow-",
	"/etc/gshadow",
	"/etc/gshadow-",
	"/etc/sudoers",
	"/etc/sudoers.d",
	"/etc/ssh",
	"/etc/ssl/private",
	"/etc/krb5.keytab",
	"/etc/wireguard",
	"/etc/NetworkManager/system-connections",
	"/etc/capsule",
	"/var/lib/sss",
	"/var/lib/private",
	"/var/spool/cron",
	"/var/backups",
};

/* Anywhere, by name. */
static const char *const secret_names[] = {
	".env",
	".env.*",
	"id_rsa*",
	"id_dsa*",
	"id_ecdsa*",
	"id_ed25519*",
	"*.p12",
	"*.pfx",
	"*.keystore",
	"*.jks",
	"*.kdbx",
	".netrc",
	".npmrc",
	".pypirc",
	".git-credentials",
	".htpasswd",
	"credentials.json",
	"*.ovpn",
	"*_history",
	".vault-token",
	"service-account*.json",
	"secrets.y*ml",
	"secrets.json",
};

/* Their entries may be granted, they themselves never. Below the home folder ("" is itself). */
static const char *const everything_home[] = {
	"",       ".config",   ".local",  ".local/share", ".local/state", ".local/lib",
	".cache", "Documents", "Desktop", "Downloads",    "Pictures",     "src",
};

static const char *const everything[] = {
	"/etc",       "/home",    "/media",   "/mnt",       "/opt", "/root",
	"/srv",       "/tmp",     "/usr",     "/usr/local", "/var", "/var/lib",
	"/var/cache", "/var/log", "/var/tmp", "/dev",       "/sys",
};

static const char *const system_places[] = { "/proc", "/run",  "/var/run",   "/dev",
					     "/sys",  "/boot", "/lost+found" };

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* @path below @home, without the slash; NULL: it is not. */
static const char *below(const char *path, const char *home)
{
	size_t n = strlen(home);

	if (n <= 1 || !path_within(path, home))
		return NULL;
	return path[n] ? path + n + 1 : "";
}

bool learn_is_secret(const char *path, const char *home)
{
	const char *rest = below(path, home);

	for (size_t i = 0; rest && learn_secret_places[i]; i++) {
		if (path_within(rest, learn_secret_places[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(secret_system) / sizeof(secret_system[0]); i++) {
		if (path_within(path, secret_system[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(secret_names) / sizeof(secret_names[0]); i++) {
		if (fnmatch(secret_names[i], name_of(path), 0) == 0 &&
		    fnmatch("*.pub", name_of(path), 0) != 0 &&
		    fnmatch(".env.example", name_of(path), 0) != 0)
			return true;
	}
	return false;
}

bool learn_holds_key(const struct learn_host *host, const char *path)
{
	char head[HEAD_MAX];
	const char *name = name_of(path);
	ssize_t n;

	if (fnmatch("*.pem", name, 0) != 0 && fnmatch("*.key", name, 0) != 0)
		return false;
	n = host->head(host->ctx, path, head, sizeof(head));
	return n > 0 && memmem(head, (size_t)n, "PRIVATE KEY-----", 16);
}

bool learn_is_everything(const char *path, const char *home)
{
	const char *rest = below(path, home);

	if (!path[1] || !strchr(path + 1, '/') || path_within(home, path))
		return true;
	for (size_t i = 0; i < sizeof(everything) / sizeof(everything[0]); i++) {
		if (strcmp(path, everything[i]) == 0)
			return true;
	}
	for (size_t i = 0; rest && i < sizeof(everything_home) / sizeof(everything_home[0]); i++) {
		if (strcmp(rest, everything_home[i]) == 0)
			return true;
	}
	/* what holds a place of secrets: ~/.cargo, ~/.config/git */
	for (size_t i = 0; rest && learn_secret_places[i]; i++) {
		if (path_within(learn_secret_places[i], rest))
			return true;
	}
	return false;
}

bool learn_is_system(const char *path)
{
	for (size_t i = 0; i < sizeof(system_places) / sizeof(system_places[0]); i++) {
		if (path_within(path, system_places[i]))
			return true;
	}
	return false;
}

bool learn_is_metadata(struct str address)
{
	return str_starts(address, STR("169.254.")) || str_eqz(address, "fd00:ec2::254") ||
	       str_eqz(address, "100.100.100.200") || str_eqz(address, "192.0.0.192");
}

/* ---- looking through a folder ---- */

struct scan {
	const struct learn_host *host;
	const char *home;
	int (*found)(void *ctx, const char *path);
	void *ctx;
	char path[PATH_MAX];
	size_t n, seen;
	unsigned depth;
};

static int scan_folder(struct scan *s);

static int scan_entry(void *arg, const char *name)
{
	struct scan *s = arg;
	size_t was = s->n, len = strlen(name);
	mode_t mode;
	int r = 0;

	if (++s->seen > SCAN_MAX || s->depth > SCAN_DEPTH || was + len + 2 > PATH_MAX)
		return -E2BIG;
	s->path[s->n++] = '/';
	memcpy(s->path + s->n, name, len + 1);
	s->n += len;
	if (learn_is_secret(s->path, s->home) || learn_holds_key(s->host, s->path))
		r = s->found(s->ctx, s->path);
	else if (s->host->look(s->host->ctx, s->path, &mode) == 0 && S_ISDIR(mode))
		r = scan_folder(s);
	if (r)
		return r;
	s->n = was;
	s->path[was] = '\0';
	return 0;
}

static int scan_folder(struct scan *s)
{
	int r;

	s->depth++;
	r = s->host->list(s->host->ctx, s->path, scan_entry, s);
	s->depth--;
	return r > 0 || r == -E2BIG ? r : 0; /* what cannot be listed cannot be read either */
}

int learn_find_secrets(const struct learn_host *host, const char *path, const char *home,
		       int (*found)(void *ctx, const char *path), void *ctx)
{
	struct scan s = { .host = host, .home = home, .found = found, .ctx = ctx };

	s.n = strlen(path);
	if (s.n + 1 > PATH_MAX)
		return -E2BIG;
	memcpy(s.path, path, s.n + 1);
	return scan_folder(&s);
}

/* ---- the host ---- */

static int host_look(void *ctx, const char *path, mode_t *ret_mode)
{
	struct stat st;

	(void)ctx;
	if (lstat(path, &st) < 0)
		return -errno;
	*ret_mode = st.st_mode;
	return 0;
}

static ssize_t host_head(void *ctx, const char *path, char *p, size_t n)
{
	AUTO(fd_closep) int fd = -EBADF;
	struct stat st;
	ssize_t r;

	(void)ctx;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	r = read(fd, p, n);
	return r < 0 ? -errno : r;
}

static int host_list(void *ctx, const char *path, int (*each)(void *, const char *), void *arg)
{
	AUTO(dir_closep) DIR *dir = NULL;
	struct dirent *entry;
	int fd, r = 0;

	(void)ctx;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		r = -errno;
		fd_close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = each(arg, entry->d_name);
	}
	return r;
}

const struct learn_host learn_this_host = { .look = host_look,
					    .head = host_head,
					    .list = host_list };

/*
 * install.key, byte by byte:
 *
 *	capsule install key v1\n
 *	id <16 hex digits: first 8 bytes of BLAKE3("capsule install id v1\n" ‖ public key)>\n
 *	secret <base64 of seed ‖ public key, 64 bytes>\n
 *	check <64 hex digits: BLAKE3 of all bytes before this line>\n
 *
 * and nothing else. The check line tells damage from a key; it is no protection against anybody.
 *
 * Making it: the bytes go to a file of a random name, are synced, and are then *linked* to the real
 * name, which fails when somebody else was first; then theirs is the key. At no moment is there
 * an install.key that is not whole. A crash leaves at most a stray temporary file.
 */
#include "audit/keys.h"

#include "base/cur.h"
#include "base/file.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/blake3.h"
#include "codec/note.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>

#define KEY_FILE_MAX 512
#define PUB_FILE_MAX 512
#define TMP_TRIES 8

struct secret_text {
	char p[KEY_FILE_MAX];
};

static void secret_text_wipe(struct secret_text *t)
{
	explicit_bzero(t, sizeof(*t));
}

int dir_make(const char *path, struct err *err)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT || n >= sizeof(part))
		return err_set(err, errno, "cannot make folder '%s'", path);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return err_set(err, errno, "cannot make folder '%s'", part);
	}
	return 0;
}

static void key_name(const uint8_t public[ED25519_PUBLIC], char id[INSTALL_ID + 1],
		     char name[INSTALL_NAME_MAX])
{
	install_id_of(public, id);
	(void)snprintf(name, INSTALL_NAME_MAX, "capsule/%s", id);
}

static void key_text_put(struct buf *out, const struct install_key *key)
{
	uint8_t check[BLAKE3_OUT];

	buf_puts(out, STR("capsule install key v1\nid "));
	buf_putz(out, key->id);
	buf_puts(out, STR("\nsecret "));
	base64_put(out, key->key.secret, sizeof(key->key.secret));
	buf_putc(out, '\n');
	blake3(out->p, out->n, check);
	buf_puts(out, STR("check "));
	buf_put_hex(out, check, sizeof(check));
	buf_putc(out, '\n');
}

/* The reverse, by writing again what was read: what is not byte for byte the same is damaged. */
static int key_text_parse(struct str text, struct install_key *ret_key)
{
	AUTO(secret_text_wipe) struct secret_text again;
	struct buf b = buf_fixed(again.p, sizeof(again.p));
	struct cur c = cur_init(text.p, text.n);
	struct str secret;
	size_t n;

	cur_expect(&c, STR("capsule install key v1\nid "));
	(void)cur_until(&c, '\n');
	cur_expect(&c, STR("secret "));
	secret = cur_until(&c, '\n');
	if (cur_error(&c) ||
	    base64_decode(secret, ret_key->key.secret, sizeof(ret_key->key.secret), &n) < 0 ||
	    n != sizeof(ret_key->key.secret))
		return -EBADMSG;
	memcpy(ret_key->key.public, ret_key->key.secret + ED25519_SEED, ED25519_PUBLIC);
	key_name(ret_key->key.public, ret_key->id, ret_key->name);
	key_text_put(&b, ret_key);
	if (buf_error(&b) || !str_eq(buf_str(&b), text)) {
		ed25519_wipe(&ret_key->key);
		return -EBADMSG;
	}
	return 0;
}

static int key_file_check(int fd, const char *dir, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "%s/" INSTALL_KEY_FILE, dir);
	if (!S_ISREG(st.st_mode))
		return err_text(err, EINVAL, "%s/" INSTALL_KEY_FILE " is not a regular file", dir);
	if (st.st_uid != geteuid())
		return err_text(err, EPERM,
				"%s/" INSTALL_KEY_FILE " belongs to uid %u, not to you (uid %u): "
				"a key that somebody else owns is not used",
				dir, (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & 077)
		return err_text(err, EPERM,
				"%s/" INSTALL_KEY_FILE " is accessible to others (mode %04o): "
				"if you trust that nobody read it: chmod 600 it; else move it away "
				"and a new one will be made",
				dir, (unsigned)st.st_mode & 07777);
	return 0;
}

static int key_read(int dir_fd, const char *dir, struct install_key *ret_key, struct err *err)
{
	AUTO(secret_text_wipe) struct secret_text text;
	AUTO(fd_closep) int fd = -EBADF;
	size_t n;
	int r;

	fd = openat(dir_fd, INSTALL_KEY_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return err_set(err, errno, "cannot open the install key %s/" INSTALL_KEY_FILE, dir);
	r = key_file_check(fd, dir, err);
	if (r < 0)
		return r;
	r = fd_read_small(fd, text.p, sizeof(text.p), &n);
	if (r < 0 && r != -EFBIG)
		return err_set(err, -r, "cannot read %s/" INSTALL_KEY_FILE, dir);
	if (r == -EFBIG || key_text_parse((struct str){ text.p, n }, ret_key) < 0)
		return err_text(err, EBADMSG,
				"%s/" INSTALL_KEY_FILE " is damaged (%s): restore it from a "
				"backup, or move it away and a new install key will be made; logs "
				"of the old one still verify with its " INSTALL_PUB_FILE,
				dir, n == 0 ? "empty" : "its contents do not match its check line");
	return 0;
}

/* Write @n bytes to a new file of a random name in @dir_fd, synced; the name to @name. */
static int tmp_write(int dir_fd, const char *base, mode_t mode, const void *p, size_t n,
		     char name[64])
{
	AUTO(fd_closep) int fd = -EBADF;
	uint64_t random;
	int r;

	for (int i = 0; fd < 0; i++) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		(void)snprintf(name, 64, "%s.%016llx.tmp", base, (unsigned long long)random);
		fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			    mode);
		if (fd < 0 && (errno != EEXIST || i >= TMP_TRIES))
			return -errno;
	}
	r = fd_write_all(fd, p, n);
	if (r == 0 && fchmod(fd, mode) < 0) /* whatever the umask */
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir_fd, name, 0);
	return r;
}

static int pub_write(int dir_fd, const char *dir, const struct install_key *key, struct err *err)
{
	char text[PUB_FILE_MAX], tmp[64];
	struct buf b = buf_fixed(text, sizeof(text));
	int r;

	note_vkey_put(&b, str_of(key->name), key->key.public);
	buf_putc(&b, '\n');
	r = tmp_write(dir_fd, INSTALL_PUB_FILE, 0644, b.p, b.n, tmp);
	if (r == 0 && renameat(dir_fd, tmp, dir_fd, INSTALL_PUB_FILE) < 0) {
		r = -errno;
		(void)unlinkat(dir_fd, tmp, 0);
	}
	if (r < 0)
		return err_set(err, -r, "cannot write %s/" INSTALL_PUB_FILE, dir);
	return 0;
}

static int key_create(int dir_fd, const char *dir, struct err *err)
{
	AUTO(secret_text_wipe) struct secret_text text;
	struct buf b = buf_fixed(text.p, sizeof(text.p));
	struct install_key key;
	char tmp[64];
	int r;

	ed25519_generate(&key.key);
	key_name(key.key.public, key.id, key.name);
	key_text_put(&b, &key);
	ed25519_wipe(&key.key);

	r = tmp_write(dir_fd, INSTALL_KEY_FILE, 0600, b.p, b.n, tmp);
	if (r < 0)
		return err_set(err, -r, "cannot make the install key in %s", dir);
	if (linkat(dir_fd, tmp, dir_fd, INSTALL_KEY_FILE, 0) < 0 && errno != EEXIST)
		r = -errno;
	(void)unlinkat(dir_fd, tmp, 0);
	if (r == 0 && fsync(dir_fd) < 0)
		r = -errno;
	if (r < 0)
		return err_set(err, -r, "cannot make the install key in %s", dir);
	return 0;
}

static int dir_check(int dir_fd, const char *dir, struct err *err)
{
	struct stat st;

	if (fstat(dir_fd, &st) < 0)
		return err_set(err, errno, "%s", dir);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_text(err, EPERM, "%s belongs to uid %u: not a safe place for a key", dir,
				(unsigned)st.st_uid);
	if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
		return err_text(err, EPERM,
				"%s is writable by others (mode %04o), who could replace the key "
				"in it: chmod go-w it",
				dir, (unsigned)st.st_mode & 07777);
	return 0;
}

int install_key_load(const char *config_dir, bool create, struct install_key *ret_key,
		     struct err *err)
{
	AUTO(fd_closep) int dir_fd = -EBADF;
	int r;

	dir_fd = open(config_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 && errno == ENOENT && create) {
		r = dir_make(config_dir, err);
		if (r < 0)
			return r;
		dir_fd = open(config_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (dir_fd < 0)
		return err_set(err, errno, "cannot open the configuration folder %s", config_dir);
	r = dir_check(dir_fd, config_dir, err);
	if (r == 0)
		r = key_read(dir_fd, config_dir, ret_key, err);
	if (r == -ENOENT && create) {
		r = key_create(dir_fd, config_dir, err);
		if (r == 0)
			r = key_read(dir_fd, config_dir, ret_key, err);
	}
	if (r == -ENOENT && !err_is_set(err))
		return err_text(err, ENOENT, "there is no install key in %s", config_dir);
	if (r == 0 && create && faccessat(dir_fd, INSTALL_PUB_FILE, F_OK, 0) < 0) {
		r = pub_write(dir_fd, config_dir, ret_key, err);
		if (r < 0)
			ed25519_wipe(&ret_key->key);
	}
	return r;
}

int install_pub_parse(struct str vkey, struct install_pub *ret_pub)
{
	struct install_pub pub;
	struct str name;

	if (note_vkey_parse(vkey, &name, pub.public) < 0)
		return -EBADMSG;
	key_name(pub.public, pub.id, pub.name);
	if (!str_eqz(name, pub.name))
		return -EBADMSG;
	*ret_pub = pub;
	return 0;
}

int install_pub_load(const char *path, struct install_pub *ret_pub, struct err *err)
{
	AUTO(fd_closep) int fd = -EBADF;
	char text[PUB_FILE_MAX];
	struct str vkey;
	size_t n;
	int r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, errno, "cannot open the public key '%s'", path);
	r = fd_read_small(fd, text, sizeof(text), &n);
	if (r < 0)
		return err_set(err, -r, "cannot read the public key '%s'", path);
	vkey = (struct str){ text, n };
	if (vkey.n > 0 && vkey.p[vkey.n - 1] == '\n')
		vkey.n--;
	if (install_pub_parse(vkey, ret_pub) < 0)
		return err_text(err, EBADMSG, "'%s' is not the public key of a Capsule install",
				path);
	return 0;
}

#include "policy/grants.h"

#include "base/file.h"
#include "base/own.h"
#include "codec/blake3.h"
#include "codec/utf8.h"
#include "policy/load.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define LOCK_TRIES 100
#define LOCK_WAIT_NS 2000000
#define TEMPORARY ".grants.yaml.new"

static const char head[] =
	"# What was answered with \"always\", by `capsule run` and `capsule answer`.\n"
	"# Deleting a rule takes the answer back: it is asked again.\n"
	"version: 1\n"
	"rules:\n";

/* --- as text --- */

static void put_point(struct buf *out, uint32_t point)
{
	if (point == '"' || point == '\\')
		buf_printf(out, "\\%c", (int)point);
	else if (point >= 0x20 && point < 0x7f)
		buf_putc(out, (char)point);
	else if (point > 0xffff)
		buf_printf(out, "\\U%08x", point);
	else
		buf_printf(out, "\\u%04x", point);
}

/*
 * CEL and YAML both write it like that. What is not printable ASCII goes by its number: a policy takes
 * none of the characters that lie about what one reads.
 */
static void put_quoted(struct buf *out, struct str text)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < text.n;) {
		uint32_t point = 0xfffd;
		size_t n = utf8_next(text.p + i, text.n - i, &point);

		put_point(out, point);
		i += n ? n : 1;
	}
	buf_putc(out, '"');
}

void grant_put_literal(struct buf *out, struct str text)
{
	put_quoted(out, text);
}

static void put_name(struct buf *out, const struct grant *grant)
{
	const char *type = event_type_info[grant->type].name;
	uint8_t digest[BLAKE3_OUT];
	struct blake3 h;

	blake3_init(&h);
	blake3_update(&h, type, strlen(type) + 1);
	blake3_update(&h, grant->when.p, grant->when.n);
	blake3_final(&h, digest);
	buf_putz(out, "always-");
	buf_put_hex(out, digest, 8);
}

void grant_put(struct buf *out, const struct grant *grant)
{
	buf_putz(out, "  - name: ");
	put_name(out, grant);
	buf_printf(out, "\n    on: %s\n    when: ", event_type_info[grant->type].name);
	put_quoted(out, grant->when);
	buf_putz(out, "\n    action: allow\n");
	if (grant->reason.n) {
		buf_putz(out, "    reason: ");
		put_quoted(out, grant->reason);
		buf_putc(out, '\n');
	}
}

/* --- written --- */

/* One writer at a time; they are quick. */
static int lock(int dir)
{
	struct timespec wait = { .tv_nsec = LOCK_WAIT_NS };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(dir, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		(void)nanosleep(&wait, NULL);
	}
	return -EAGAIN;
}

static int read_old(int dir, struct buf *text, struct err *err)
{
	AUTO(fd_closep)
	int fd = openat(dir, GRANTS_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 && errno == ENOENT) {
		buf_putz(text, head);
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, GRANTS_FILE);
	if (!S_ISREG(st.st_mode))
		return err_text(err, EINVAL, GRANTS_FILE ": not a regular file");
	r = fd_read_all(fd, text);
	if (r < 0)
		return err_set(err, -r, GRANTS_FILE);
	if (text->n && text->p[text->n - 1] != '\n')
		buf_putc(text, '\n');
	return 0;
}

/* Would it be read back, with all that stood there and one rule more? */
static int check(const char *name, struct str text, struct err *err)
{
	AUTO(policy_freep) struct policy *p = NULL;
	struct policy_vars vars = { .workspace = "/", .home = "/", .tmp = "/tmp", .rules = true };
	struct err why = ERR_INIT;

	if (text.n > YAML_SIZE_MAX)
		return err_text(err, EFBIG, GRANTS_FILE " is full");
	if (policy_load_text(name, text, &vars, &p, NULL, &why) < 0)
		return err_text(err, EBADMSG, "no rule can be added: %s", why.text);
	return 0;
}

static int write_new(int dir, struct str text)
{
	AUTO(fd_closep) int fd = -EBADF;
	int r;

	(void)unlinkat(dir, TEMPORARY, 0); /* of one that was killed; we hold the lock */
	fd = openat(dir, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, text.p, text.n);
	if (r == 0 && (fsync(fd) < 0 || renameat(dir, TEMPORARY, dir, GRANTS_FILE) < 0))
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir, TEMPORARY, 0);
	else
		(void)fsync(dir);
	return r;
}

int grants_append(const char *config_dir, const struct grant *grant, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_INIT(YAML_SIZE_MAX + 2 * GRANT_WHEN_MAX * 6);
	AUTO(fd_closep) int dir = open(config_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[PATH_MAX], id[64];
	struct buf line = buf_fixed(id, sizeof(id));
	int r;

	if (dir < 0)
		return err_set(err, errno, "%s", config_dir);
	if (grant->when.n == 0 || grant->when.n > GRANT_WHEN_MAX)
		return err_text(err, EFBIG, "what it is about is too long for a rule");
	(void)snprintf(name, sizeof(name), "%s/" GRANTS_FILE, config_dir);
	r = lock(dir);
	if (r < 0)
		return err_set(err, -r, "%s", name);
	r = read_old(dir, &text, err);
	if (r < 0)
		return r;
	buf_putz(&line, "  - name: ");
	put_name(&line, grant);
	buf_putc(&line, '\n');
	if (memmem(buf_cstr(&text), text.n, line.p, line.n))
		return 0;
	grant_put(&text, grant);
	if (buf_error(&text))
		return err_set(err, -buf_error(&text), "%s", name);
	r = check(name, buf_str(&text), err);
	if (r < 0)
		return r;
	r = write_new(dir, buf_str(&text));
	return r < 0 ? err_set(err, -r, "%s", name) : 0;
}

/* --- read --- */

static const struct schema grants_keys[] = {
	{ .name = "version", .doc = "1.", .scalar = SCALAR_VERSION, .required = true },
	{ .name = "rules", .doc = "One for each answer.", .item = &schema_rule, .empty_ok = true },
	{ 0 }
};
static const struct schema grants_root = { .doc = "Grants.", .keys = grants_keys };

static const char *grants_path(const struct policy_vars *vars, struct arena *arena)
{
	if (vars->config)
		return arena_printf(arena, "%s/capsule/" GRANTS_FILE, vars->config);
	return vars->home ? arena_printf(arena, "%s/.config/capsule/" GRANTS_FILE, vars->home)
			  : NULL;
}

/* It took part too; the policy that was asked for stays the last. */
static int put_source(struct load *l, const struct load_source *s)
{
	struct policy *p = l->p;
	struct policy_source *all = arena_array(l->arena, p->n_sources + 1, struct policy_source);

	if (!all)
		return -ENOMEM;
	all[0].name = s->name;
	memcpy(all[0].digest, s->digest, BLAKE3_OUT);
	memcpy(all + 1, p->sources, p->n_sources * sizeof(*all));
	p->sources = all;
	p->n_sources++;
	return 0;
}

int load_grants(struct load *l, struct err *err)
{
	const char *path = grants_path(l->vars, l->arena);
	struct load_source *s = NULL;
	struct stat st;
	int r;

	if (!path || (lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)))
		return 0;
	r = load_source_file(l, path, TRUST_USER, NULL, 0, &s, err);
	if (r < 0)
		return l->diag->errors ? diag_first(l->diag, -r, err) : r;
	if (!s)
		return 0; /* the policy itself: it is read as what it is */
	l->src = s;
	l->grants = true;
	load_apply_as(l, &grants_root);
	l->grants = false;
	r = l->no_memory ? -ENOMEM : put_source(l, s);
	return r < 0 ? err_set(err, -r, "%s", path) : diag_result(l->diag, err);
}

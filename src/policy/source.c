/*
 * Sources: the files and presets that a policy is made of, opened as what they are worth.
 *
 * A name may be a FIFO, a device, a link: files are opened without blocking, must be regular, and
 * are read up to a cap. What a project's own file names must lie in the workspace and be reached
 * without a symlink. A user's or organisation's file that others may write is refused: whoever can
 * write it is who decides.
 */
#include "base/own.h"
#include "policy/load.h"
#include "policy/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

static int open_beneath(const char *dir, const char *path)
{
	struct open_how how = { .flags = OPEN_FLAGS,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					   RESOLVE_NO_MAGICLINKS };
	AUTO(fd_closep) int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t n = strlen(dir);
	int fd;

	if (dir_fd < 0)
		return -errno;
	if (!path_within(path, dir))
		return -EXDEV;
	path += n;
	while (*path == '/')
		path++;
	fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

static int open_source(const struct load *l, const char *path, enum load_trust trust)
{
	int fd;

	if (trust == TRUST_PROJECT)
		return open_beneath(l->vars->workspace, path);
	fd = open(path, OPEN_FLAGS);
	return fd < 0 ? -errno : fd;
}

/* Who could have written it? NULL: nobody we do not trust. */
static const char *stat_wrong(const struct stat *st, enum load_trust trust)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_size > YAML_SIZE_MAX)
		return "too large for a policy (256 KiB)";
	if (trust == TRUST_PROJECT)
		return NULL;
	if (trust == TRUST_ORG && (st->st_uid != 0 || st->st_mode & 022))
		return "an organisation's policy must belong to root and be writable by root alone";
	if (st->st_mode & 002)
		return "anybody may write it; a policy must not be";
	return NULL;
}

static int read_all(int fd, size_t max, char *to, size_t *ret_n)
{
	size_t n = 0;

	while (n < max) {
		ssize_t r = read(fd, to + n, max - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	*ret_n = n;
	return 0;
}

static void on_problem(void *ctx, const struct yaml_problem *problem)
{
	struct load *l = ctx;
	struct policy_where where = { .file = l->sources[l->n_sources].name,
				      .line = problem->line,
				      .col = problem->col };

	diag_add(l->diag, DIAG_ERROR, where, problem->width, "%s", problem->text);
}

static struct policy_where where_of(const struct load_source *from, uint32_t node)
{
	const struct yaml_node *n;

	if (!from)
		return (struct policy_where){ 0 };
	n = yaml_at(&from->doc, node);
	return (struct policy_where){ .file = from->name, .line = n->line, .col = n->col };
}

/* A slot for one more source, filled but for its document. */
static struct load_source *slot(struct load *l, const struct load_source *from, uint32_t node,
				const char *name)
{
	struct load_source *s = &l->sources[l->n_sources];
	bool full = l->n_sources == LOAD_SOURCES_MAX || l->diag->n_files == DIAG_FILES_MAX;

	if (full || l->depth > LOAD_EXTENDS_DEPTH) {
		diag_add(l->diag, DIAG_ERROR, where_of(from, node), 1, "%s",
			 full ? "too many files take part" : "'extends' goes too deep");
		return NULL;
	}
	*s = (struct load_source){ .name = name };
	s->via = from && from->via.file ? from->via : where_of(from, node);
	return s;
}

int load_source_text(struct load *l, const char *name, struct str text, struct load_source **ret)
{
	struct load_source *s = slot(l, NULL, 0, name);
	int r;

	if (!s)
		return -EBADMSG;
	s->text = text;
	s->trust = TRUST_USER;
	diag_file_add(l->diag, name, text);
	blake3(text.p, text.n, s->digest);
	r = yaml_parse(l->arena, text, on_problem, l, &s->doc);
	if (r < 0)
		return r;
	l->n_sources++;
	*ret = s;
	return 0;
}

/* A message about the file itself goes to where it was named, if it was. */
static int file_wrong(struct load *l, const struct load_source *from, uint32_t node,
		      const char *path, int error, const char *why)
{
	struct policy_where where = where_of(from, node);

	if (!from)
		where.file = path;
	diag_add(l->diag, DIAG_ERROR, where, from ? yaml_at(&from->doc, node)->width : 1,
		 "%s%.300s%s%s", from ? "'" : "cannot be used", from ? path : "",
		 from ? "': " : ": ", why);
	return -error;
}

static struct load_source *same_file(struct load *l, const struct stat *st)
{
	for (unsigned i = 0; i < l->n_sources; i++) {
		if (l->sources[i].path && l->sources[i].dev == st->st_dev &&
		    l->sources[i].ino == st->st_ino)
			return &l->sources[i];
	}
	return NULL;
}

static int cycle(struct load *l, const struct load_source *from, uint32_t node,
		 const struct load_source *again)
{
	diag_add(l->diag, DIAG_ERROR, where_of(from, node), yaml_at(&from->doc, node)->width,
		 "'extends' leads back to '%.300s'", again->name);
	return -EBADMSG;
}

int load_source_file(struct load *l, const char *path, enum load_trust trust,
		     const struct load_source *from, uint32_t node, struct load_source **ret,
		     struct err *err)
{
	AUTO(fd_closep) int fd = -EBADF;
	struct load_source *s;
	const char *wrong;
	struct stat st;
	char *text;
	size_t n = 0;
	int r;

	fd = open_source(l, path, trust);
	if (fd < 0 && fd == -EXDEV)
		return file_wrong(l, from, node, path, EXDEV,
				  "a project's file may only name files in its own workspace");
	if (fd < 0 && fd == -ELOOP && trust == TRUST_PROJECT)
		return file_wrong(
			l, from, node, path, ELOOP,
			"a symlink; a project's policy is read only from the file itself");
	if (fd < 0)
		return file_wrong(l, from, node, path, -fd, strerror(-fd));
	if (fstat(fd, &st) < 0)
		return file_wrong(l, from, node, path, errno, strerror(errno));
	wrong = stat_wrong(&st, trust);
	if (wrong)
		return file_wrong(l, from, node, path, EPERM, wrong);
	s = same_file(l, &st);
	if (s) {
		*ret = NULL;
		return s->busy ? cycle(l, from, node, s) : 0;
	}
	/* one byte more than there should be: a file that grows meanwhile is noticed */
	text = arena_alloc(l->arena, (size_t)st.st_size + 2);
	path = arena_strdup(l->arena, str_of(path));
	if (!text || !path)
		return err_set(err, ENOMEM, "%s", path ? path : "policy");
	r = read_all(fd, (size_t)st.st_size + 1, text, &n);
	if (r < 0)
		return file_wrong(l, from, node, path, -r, strerror(-r));
	if (n != (size_t)st.st_size)
		return file_wrong(l, from, node, path, EAGAIN, "it changed while it was read");
	s = slot(l, from, node, path);
	if (!s)
		return -EBADMSG;
	s->path = path;
	s->text = (struct str){ text, n };
	s->trust = trust;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	diag_file_add(l->diag, s->name, s->text);
	blake3(text, n, s->digest);
	r = yaml_parse(l->arena, s->text, on_problem, l, &s->doc);
	if (r < 0)
		return r;
	l->n_sources++;
	*ret = s;
	return 0;
}

int load_source_preset(struct load *l, struct str name, const struct load_source *from,
		       uint32_t node, struct load_source **ret)
{
	const struct preset *preset = preset_find(name);
	struct policy_where where = where_of(from, node);
	struct load_source *s;

	if (!preset) {
		const char *near = preset_nearest(name);

		diag_add(l->diag, DIAG_ERROR, where, from ? yaml_at(&from->doc, node)->width : 1,
			 "no preset '%.*s'%s%s%s", (int)(name.n < 60 ? name.n : 60), name.p,
			 near ? "; did you mean '" : "; 'capsule policy presets' lists them",
			 near ? near : "", near ? "'?" : "");
		return -EBADMSG;
	}
	for (unsigned i = 0; i < l->n_sources; i++) {
		s = &l->sources[i];
		if (s->name == preset->source_name) {
			*ret = NULL;
			return s->busy ? cycle(l, from, node, s) : 0;
		}
	}
	s = slot(l, from, node, preset->source_name);
	if (!s)
		return -EBADMSG;
	s->text = (struct str){ preset->text, preset->n_text };
	s->doc = preset->doc;
	s->trust = TRUST_BUILTIN;
	diag_file_add(l->diag, s->name, s->text);
	memcpy(s->digest, preset->digest, BLAKE3_OUT);
	l->n_sources++;
	*ret = s;
	return 0;
}

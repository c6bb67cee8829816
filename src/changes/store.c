#include "changes/store.h"

#include "audit/keys.h"
#include "base/file.h"
#include "base/own.h"
#include "codec/json_rd.h"
#include "codec/json_wr.h"
#include "policy/path.h"
#include "sys/mnt.h"
#include "sys/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FOLDER_ROOT "changes"
#define FOLDER_NEW ".new-"
#define SESSION_FILE "session"
#define SESSION_MAX (8U << 20)
#define STORE_ARENA_MAX (64U << 20)
#define LAYERS_MAX 1024

static bool is_id(const char *name)
{
	return strlen(name) == CHANGES_ID && strspn(name, "0123456789abcdef") == CHANGES_ID;
}

static int dir_at(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ---- the supervisor's side ---- */

/* Of sessions that were killed before they had a name: unlocked, and nobody will come back to them. */
static void sweep(int base)
{
	AUTO(dir_closep) DIR *dir = NULL;
	struct dirent *entry;
	int own = dir_at(base, ".");

	dir = own < 0 ? NULL : fdopendir(own);
	if (!dir)
		fd_close(own);
	while (dir && (entry = readdir(dir))) {
		AUTO(fd_closep) int fd = -EBADF;

		if (strncmp(entry->d_name, FOLDER_NEW, strlen(FOLDER_NEW)) != 0)
			continue;
		fd = dir_at(base, entry->d_name);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)tree_remove(base, entry->d_name);
	}
}

/* Locked before it is named so that a sweep would find it: made, locked, and looked at once more. */
static int folder_make(struct changes_folder *f)
{
	struct stat st, named;

	for (int i = 0; i < 16; i++) {
		(void)snprintf(f->path, PATH_MAX, "%s/" FOLDER_NEW "XXXXXX", f->base);
		if (!mkdtemp(f->path))
			return -errno;
		f->fd = dir_at(AT_FDCWD, f->path);
		if (f->fd >= 0 && flock(f->fd, LOCK_EX | LOCK_NB) == 0 && fstat(f->fd, &st) == 0 &&
		    stat(f->path, &named) == 0 && st.st_ino == named.st_ino) {
			f->start = st.st_ctim;
			return 0;
		}
		f->fd = fd_close(f->fd); /* another's sweep was faster */
	}
	return -EBUSY;
}

int changes_folder_new(const char *state_dir, struct changes_folder *ret_folder, struct err *err)
{
	struct changes_folder f = CHANGES_FOLDER_INIT;
	AUTO(fd_closep) int base = -EBADF;
	int r;

	f.path = malloc(PATH_MAX);
	f.base = malloc(PATH_MAX);
	r = f.path && f.base ? dir_make(state_dir, err) : -ENOMEM;
	if (r == 0 && snprintf(f.base, PATH_MAX, "%s/" FOLDER_ROOT, state_dir) >= PATH_MAX - 40)
		r = -ENAMETOOLONG;
	if (r == 0)
		r = dir_make(f.base, err);
	base = r < 0 ? -EBADF : dir_at(AT_FDCWD, f.base);
	if (r == 0)
		r = base < 0 ? base : fchmod(base, 0700) < 0 ? -errno : 0;
	if (r == 0) {
		sweep(base);
		r = folder_make(&f);
	}
	if (r < 0) {
		changes_folder_done(&f, false);
		return err_is_set(err) ? r : err_set(err, -r, "cannot make a folder for changes");
	}
	*ret_folder = f;
	return 0;
}

static void put_str(struct json_wr *w, const char *key, const char *value)
{
	json_key(w, key);
	json_strz(w, value);
}

static void put_guarded(struct json_wr *w, const struct policy *policy)
{
	json_key(w, "guarded");
	json_array(w);
	for (size_t i = 0; i < policy->n_paths; i++) {
		const struct policy_path *p = &policy->paths[i];

		if (path_kind_grants(p->kind))
			continue;
		json_object(w);
		put_str(w, "path", p->path);
		if (p->real)
			put_str(w, "real", p->real);
		put_str(w, "kind", path_kind_name(p->kind));
		json_key(w, "glob");
		json_bool(w, p->glob);
		json_end_object(w);
	}
	json_end_array(w);
}

static void put_session(struct json_wr *w, const struct changes_folder *folder,
			const struct changes_about *about)
{
	json_object(w);
	json_key(w, "version");
	json_u64(w, 1);
	put_str(w, "session", about->session);
	json_key(w, "start");
	json_array(w);
	json_i64(w, folder->start.tv_sec);
	json_i64(w, folder->start.tv_nsec);
	json_end_array(w);
	put_str(w, "workspace", about->policy->workspace);
	put_str(w, "command", about->argv[0]);
	put_str(w, "log", about->log);
	put_guarded(w, about->policy);
	json_end_object(w);
}

int changes_folder_name(struct changes_folder *folder, const struct changes_about *about,
			struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_INIT(SESSION_MAX);
	AUTO(fd_closep) int fd = -EBADF;
	struct json_wr w = json_wr_init(&text);
	char path[PATH_MAX];
	int r;

	put_session(&w, folder, about);
	r = buf_error(&text);
	fd = openat(folder->fd, SESSION_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (r == 0)
		r = fd < 0 ? -errno : fd_write_all(fd, text.p, text.n);
	(void)snprintf(path, sizeof(path), "%s/%s", folder->base, about->session);
	if (r == 0 && rename(folder->path, path) < 0)
		r = -errno;
	if (r < 0)
		return err_set(err, -r, "cannot name the folder for changes");
	memcpy(folder->path, path, strlen(path) + 1);
	return 0;
}

void changes_folder_done(struct changes_folder *folder, bool remove)
{
	if (remove && folder->fd >= 0) {
		(void)tree_empty(folder->fd);
		(void)rmdir(folder->path);
	}
	folder->fd = fd_close(folder->fd);
	free(folder->path);
	free(folder->base);
	folder->path = folder->base = NULL;
}

/* ---- afterwards ---- */

struct found {
	const char *id;
	struct timespec time;
};

static int found_order(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->time.tv_sec != y->time.tv_sec)
		return x->time.tv_sec < y->time.tv_sec ? -1 : 1;
	if (x->time.tv_nsec != y->time.tv_nsec)
		return x->time.tv_nsec < y->time.tv_nsec ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* When the session's file was written: nobody writes it again. */
static bool found_time(int base, const char *id, struct timespec *ret_time)
{
	char name[CHANGES_ID + sizeof("/" SESSION_FILE)];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s/" SESSION_FILE, id);
	if (fstatat(base, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	*ret_time = st.st_mtim;
	return true;
}

int changes_list(struct arena *arena, const char *state_dir, const char ***ret_ids, size_t *ret_n,
		 struct err *err)
{
	AUTO(dir_closep) DIR *dir = NULL;
	struct dirent *entry;
	struct found *found = NULL;
	size_t n = 0, cap = 0;
	const char **ids;
	char path[PATH_MAX];

	*ret_n = 0;
	if ((size_t)snprintf(path, sizeof(path), "%s/" FOLDER_ROOT, state_dir) >= sizeof(path))
		return err_set(err, ENAMETOOLONG, "state folder");
	dir = opendir(path);
	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return err_set(err, errno, "cannot read '%s'", path);
	while ((entry = readdir(dir))) {
		struct found one = { .id = entry->d_name };

		if (!is_id(entry->d_name) || !found_time(dirfd(dir), entry->d_name, &one.time))
			continue;
		found = arena_grow(arena, found, n, &cap, sizeof(*found));
		one.id = found ? arena_strdup(arena, str_of(entry->d_name)) : NULL;
		if (!one.id)
			return err_set(err, ENOMEM, "changes");
		found[n++] = one;
	}
	ids = arena_array(arena, n + 1, const char *);
	if (!ids)
		return err_set(err, ENOMEM, "changes");
	if (n)
		qsort(found, n, sizeof(*found), found_order);
	for (size_t i = 0; i < n; i++)
		ids[i] = found[i].id;
	*ret_ids = ids;
	*ret_n = n;
	return 0;
}

static const char *text_of(struct changes_session *s, const struct json *o, const char *key)
{
	struct str text;

	return json_get_str(o, key, &text) && !memchr(text.p, '\0', text.n)
		       ? arena_strdup(&s->arena, text)
		       : NULL;
}

static int guarded_read(struct changes_session *s, const struct json *list)
{
	if (!list || list->kind != JSON_ARRAY)
		return -EBADMSG;
	s->guarded = arena_array(&s->arena, list->count + 1, struct policy_path);
	if (!s->guarded)
		return -ENOMEM;
	for (const struct json *o = list->child; o; o = o->next) {
		struct policy_path *p = &s->guarded[s->n_guarded++];
		struct str kind;

		p->path = text_of(s, o, "path");
		p->real = text_of(s, o, "real");
		if (!p->path || !json_get_bool(o, "glob", &p->glob) ||
		    !json_get_str(o, "kind", &kind))
			return -EBADMSG;
		p->kind = POLICY_FS_DENY;
		for (int k = 0; k < POLICY_FS_N; k++) {
			if (str_eqz(kind, path_kind_name((enum policy_fs)k)))
				p->kind = (enum policy_fs)k;
		}
	}
	return 0;
}

static int session_read(struct changes_session *s)
{
	AUTO(buf_done) struct buf text = BUF_INIT(SESSION_MAX);
	AUTO(fd_closep) int fd = openat(s->fd, SESSION_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	const struct json *o, *start;
	int64_t sec, nsec;
	uint64_t version;
	struct str kept;
	int r = fd < 0 ? -errno : fd_read_all(fd, &text);

	if (r < 0)
		return r;
	kept = (struct str){ arena_strdup(&s->arena, buf_str(&text)), text.n };
	r = kept.p ? json_parse(&s->arena, kept, &o, NULL) : -ENOMEM;
	if (r < 0)
		return r;
	start = json_get(o, "start");
	if (!json_get_u64(o, "version", &version) || version != 1 || !start || start->count != 2 ||
	    !json_i64_of(start->child, &sec) || !json_i64_of(start->child->next, &nsec))
		return -EBADMSG;
	s->start = (struct timespec){ .tv_sec = sec, .tv_nsec = nsec };
	s->workspace = text_of(s, o, "workspace");
	s->command = text_of(s, o, "command");
	s->log = text_of(s, o, "log");
	return guarded_read(s, json_get(o, "guarded"));
}

static int layer_open(struct changes_session *s, unsigned n)
{
	struct changes_layer layer = { .upper = -EBADF, .lower = -EBADF };
	AUTO(fd_closep) int dir = -EBADF;
	AUTO(fd_closep) int file = -EBADF;
	char path[PATH_MAX], name[16];
	size_t used;
	int r;

	(void)snprintf(name, sizeof(name), "%u", n);
	dir = dir_at(s->fd, name);
	if (dir < 0)
		return dir;
	file = openat(dir, "path", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	r = file < 0 ? -errno : fd_read_small(file, path, sizeof(path) - 1, &used);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	path[used] = '\0';
	layer.path = arena_strdup(&s->arena, str_of(path));
	if (!layer.path)
		return -ENOMEM;
	if (path[0] != '/')
		return -EBADMSG;
	layer.upper = openat(dir, "upper", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (layer.upper < 0)
		return errno == ENOENT ? -EBADMSG : -errno;
	/* it had no link in it: one that has come since would lead elsewhere */
	if (mount_open(AT_FDCWD, path, &layer.lower) < 0)
		layer.lower = -EBADF;
	s->layers[s->n_layers++] = layer;
	return 0;
}

static int layers_open(struct changes_session *s)
{
	int r = 0;

	s->layers = arena_array(&s->arena, LAYERS_MAX, struct changes_layer);
	if (!s->layers)
		return -ENOMEM;
	while (r == 0 && s->n_layers < LAYERS_MAX)
		r = layer_open(s, (unsigned)s->n_layers);
	return r == -ENOENT ? 0 : r;
}

int changes_open(const char *state_dir, const char *id, struct changes_session **ret_session,
		 struct err *err)
{
	AUTO(changes_closep) struct changes_session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(err, ENOMEM, "changes");
	s->fd = -EBADF;
	s->arena = ARENA_INIT(STORE_ARENA_MAX);
	if (!is_id(id))
		return err_text(err, ENOENT, "'%s' is not a session's id", id);
	memcpy(s->id, id, sizeof(s->id));
	s->folder = arena_printf(&s->arena, "%s/" FOLDER_ROOT "/%s", state_dir, id);
	if (!s->folder)
		return err_set(err, ENOMEM, "changes");
	s->fd = dir_at(AT_FDCWD, s->folder);
	if (s->fd < 0)
		return err_set(err, -s->fd, "changes of session %s", id);
	s->running = flock(s->fd, LOCK_EX | LOCK_NB) < 0;
	r = session_read(s);
	if (r == 0)
		r = layers_open(s);
	if (r < 0)
		return err_set(err, -r, "cannot read what '%s' says of itself", s->folder);
	*ret_session = take_ptr(&s);
	return 0;
}

struct changes_session *changes_close(struct changes_session *session)
{
	if (!session)
		return NULL;
	for (size_t i = 0; i < session->n_layers; i++) {
		fd_close(session->layers[i].upper);
		fd_close(session->layers[i].lower);
	}
	fd_close(session->fd);
	arena_done(&session->arena);
	free(session);
	return NULL;
}

void changes_closep(struct changes_session **session)
{
	*session = changes_close(*session);
}

int changes_discard(struct changes_session *session, struct err *err)
{
	int r;

	if (session->running)
		return err_text(err, EBUSY, "session %s is still running", session->id);
	r = tree_empty(session->fd);
	if (r == 0 && rmdir(session->folder) < 0)
		r = -errno;
	return r < 0 ? err_set(err, -r, "cannot remove '%s'", session->folder) : 0;
}

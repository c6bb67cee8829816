/*
 * Records to what was seen of each path.
 */
#include "policy/learn_impl.h"

#include "base/own.h"
#include "codec/json_rd.h"
#include "policy/path.h"

#include <limits.h>
#include <string.h>

#define LEARN_ARENA_MAX (256U << 20)
#define LEARN_MAP_MAX (128U << 20)
#define LINE_ARENA_MAX (64U << 20)

int learn_new(const struct learn_options *options, struct learn **ret_learn, struct err *err)
{
	struct learn *l = calloc(1, sizeof(*l));

	if (!l)
		return err_set(err, ENOMEM, "cannot learn");
	l->arena = ARENA_INIT(LEARN_ARENA_MAX);
	l->paths = MAP_INIT(LEARN_MAP_MAX);
	l->peers = MAP_INIT(LEARN_MAP_MAX);
	l->o = *options;
	l->host = options->host ? options->host : &learn_this_host;
	*ret_learn = l;
	return 0;
}

struct learn *learn_free(struct learn *learn)
{
	if (!learn)
		return NULL;
	map_done(&learn->paths);
	map_done(&learn->peers);
	arena_done(&learn->arena);
	free(learn);
	return NULL;
}

void learn_freep(struct learn **learn)
{
	*learn = learn_free(*learn);
}

/* ---- use ---- */

void learn_use_add(struct learn_use *to, const struct learn_use *from)
{
	if (!to->count || (from->count && from->first < to->first))
		to->first = from->first;
	to->count += from->count;
	for (unsigned i = 0; i < from->n_programs && i < LEARN_PROGRAMS; i++) {
		bool known = false;

		for (unsigned k = 0; k < to->n_programs && k < LEARN_PROGRAMS; k++)
			known |= strcmp(to->program[k], from->program[i]) == 0;
		if (known)
			continue;
		if (to->n_programs < LEARN_PROGRAMS)
			to->program[to->n_programs] = from->program[i];
		to->n_programs++;
	}
}

/* A name as it may stand in a comment: no control characters, at most 40 bytes. */
static void put_name(struct buf *out, const char *name)
{
	for (size_t i = 0; name[i] && i < 40; i++) {
		unsigned char c = (unsigned char)name[i];

		buf_putc(out, c < 0x20 || c >= 0x7f ? '?' : (char)c);
	}
}

const char *learn_use_text(struct learn *learn, const struct learn_use *use)
{
	AUTO(buf_done) struct buf b = BUF_INIT(4096);

	buf_printf(&b, "%llu x", (unsigned long long)use->count);
	for (unsigned i = 0; i < use->n_programs && i < LEARN_PROGRAMS; i++) {
		buf_putz(&b, i ? ", " : " ");
		put_name(&b, use->program[i]);
	}
	if (use->n_programs > LEARN_PROGRAMS)
		buf_putz(&b, " and others");
	buf_printf(&b, "; first in record %llu", (unsigned long long)use->first);
	return arena_strdup(&learn->arena, buf_str(&b));
}

/* ---- records ---- */

struct seen {
	struct learn *learn;
	const struct json *event;
	struct str type;
	bool ok, missed;
	uint64_t seq;
	const char *program; /* name alone, in the learn's arena */
};

static struct learn_path *path_of(struct learn *l, struct map *map, struct str path)
{
	struct learn_path *p = map_get(map, path);

	if (p)
		return p;
	if (l->n_paths >= LEARN_PATHS_MAX)
		return NULL;
	p = arena_new(&l->arena, struct learn_path);
	if (!p)
		return NULL;
	p->path = arena_strdup(&l->arena, path);
	if (!p->path || map_put(map, path, p) < 0)
		return NULL;
	l->n_paths++;
	return p;
}

static int use_put(const struct seen *s, struct map *map, struct str path, enum learn_act act,
		   struct learn_path **ret_path)
{
	struct learn_use one = { .count = 1, .first = s->seq, .n_programs = s->program != NULL };
	struct learn_path *p = path_of(s->learn, map, path);

	if (!p)
		return -ENOBUFS;
	one.program[0] = s->program;
	if (!s->ok)
		act = s->missed ? LEARN_MISSED : LEARN_TRIED;
	learn_use_add(&p->use[act], &one);
	if (ret_path)
		*ret_path = p;
	return 0;
}

/* As the supervisor writes them: absolute and resolved. "//etc/x" would be no secret by its name. */
static bool is_path(struct str path)
{
	char room[PATH_MAX + 8];
	struct buf clean = buf_fixed(room, sizeof(room));

	return path.n && path.n < PATH_MAX && path.p[0] == '/' && !memchr(path.p, '\0', path.n) &&
	       path_normalise(path, &clean) && str_eq(buf_str(&clean), path);
}

static int file_put(struct seen *s, struct str path, enum learn_act act, bool made)
{
	static const struct str gone = STR_C(" (deleted)");
	struct learn_path *p;
	int r;

	if (!is_path(path))
		return 0;
	if (str_ends(path, gone)) { /* a cover of the wall, which has no name of its own */
		path.n -= gone.n;
		s->ok = false;
	}
	r = use_put(s, &s->learn->paths, path, act, &p);
	if (r == 0 && made && s->ok)
		p->made = true;
	return r;
}

static int on_open(struct seen *s, const struct json *file, struct str path)
{
	struct str kind = { 0 };
	bool write = false;

	(void)json_get_bool(file, "write", &write);
	(void)json_get_str(file, "kind", &kind);
	if (str_eqz(kind, "folder"))
		return file_put(s, path, LEARN_LIST, false);
	if (str_eqz(kind, "socket") || str_eqz(kind, "fifo") || str_eqz(kind, "device"))
		return file_put(s, path, write ? LEARN_WRITE : LEARN_READ, false);
	return file_put(s, path, write ? LEARN_WRITE : LEARN_READ, false);
}

static int on_names(struct seen *s, const struct json *file, struct str path)
{
	struct str other = { 0 };
	bool two = str_eqz(s->type, "file.rename") || str_eqz(s->type, "file.link");
	int r = 0;

	(void)json_get_str(file, "new_path", &other);
	if (!str_eqz(s->type, "file.link"))
		r = file_put(s, path, LEARN_NAMES, str_eqz(s->type, "file.create"));
	if (r == 0 && two)
		r = file_put(s, other.n ? other : path, LEARN_NAMES, true);
	return r;
}

static int on_file(struct seen *s)
{
	const struct json *file = json_get(json_get(s->event, "file"), "activity");
	struct str path;

	if (!json_get_str(file, "path", &path))
		return 0;
	if (str_eqz(s->type, "file.open"))
		return on_open(s, file, path);
	if (str_eqz(s->type, "file.chmod"))
		return file_put(s, path, LEARN_WRITE, false);
	if (str_eqz(s->type, "file.exec-map"))
		return file_put(s, path, LEARN_EXEC, false);
	if (str_eqz(s->type, "file.read") || str_eqz(s->type, "file.write"))
		return file_put(s, path, str_eqz(s->type, "file.read") ? LEARN_READ : LEARN_WRITE,
				false);
	return on_names(s, file, path);
}

static int on_exec(struct seen *s)
{
	struct str path;

	if (!json_get_str(json_get(json_get(s->event, "process"), "activity"), "executable", &path))
		return 0;
	return file_put(s, path, LEARN_EXEC, false);
}

static int on_connect(struct seen *s)
{
	AUTO(buf_done) struct buf peer = BUF_INIT(2 * PATH_MAX);
	const struct json *net = json_get(json_get(s->event, "net"), "activity");
	struct str text, protocol = STR("tcp");
	uint64_t port = 0;

	if (json_get_str(net, "path", &text) && text.n) {
		buf_puts(&peer, text);
	} else if (json_get_str(json_get(s->event, "ip"), "value", &text)) {
		(void)json_get_str(net, "protocol", &protocol);
		if (!json_get_u64(json_get(s->event, "tcp"), "port", &port))
			(void)json_get_u64(json_get(s->event, "udp"), "port", &port);
		buf_puts(&peer, protocol);
		buf_putc(&peer, ' ');
		buf_puts(&peer, text);
		buf_printf(&peer, " port %llu", (unsigned long long)port);
	}
	if (buf_error(&peer) || !peer.n || memchr(peer.p, '\0', peer.n))
		return 0;
	/* it is begun, whatever comes of it: what was refused is TRIED */
	return use_put(s, &s->learn->peers, buf_str(&peer), LEARN_READ, NULL);
}

static const struct {
	const char *type; /* or a family's beginning */
	int (*take)(struct seen *s);
} takers[] = {
	{ "file.", on_file },
	{ "process.exec", on_exec },
	{ "net.connect", on_connect },
};

/* Of what did not succeed: was it refused, or not there? False: neither, it just went as such calls go. */
static bool outcome_read(struct seen *s, const struct json *outcome, struct str result)
{
	static const char *const refusals[] = { "EACCES", "EPERM", "EROFS", "EXDEV" };
	struct str error = { 0 };

	(void)json_get_str(outcome, "errno", &error);
	s->missed = str_eqz(error, "ENOENT") && !str_eqz(result, "denied");
	if (s->missed || str_eqz(result, "denied") || str_eqz(s->type, "net.connect"))
		return true;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (str_eqz(error, refusals[i]))
			return true;
	}
	return false;
}

static int event_take(struct seen *s, const struct json *record)
{
	const struct json *common = json_get(s->event, "common");
	struct str exe, result = STR("done");

	(void)json_get_str(json_get(record, "outcome"), "result", &result);
	s->ok = str_eqz(result, "done") || str_eqz(result, "observed");
	if (!s->ok && !outcome_read(s, json_get(record, "outcome"), result))
		return 0;
	if (json_get_str(json_get(common, "process"), "executable", &exe)) {
		const char *slash = exe.n ? memrchr(exe.p, '/', exe.n) : NULL;

		s->program = arena_strdup(&s->learn->arena,
					  slash ? str_sub(exe, (size_t)(slash - exe.p) + 1, exe.n)
						: exe);
	}
	s->learn->records++;
	for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++) {
		if (str_starts(s->type, str_of(takers[i].type)))
			return takers[i].take(s);
	}
	return 0;
}

int learn_record(struct learn *learn, struct str line)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(LINE_ARENA_MAX);
	struct seen seen = { .learn = learn };
	const struct json *record;
	struct str type;

	if (!memmem(line.p, line.n, "\"type\":\"event\"", 14) ||
	    json_parse(&arena, line, &record, NULL) < 0 || !json_get_str(record, "type", &type) ||
	    !str_eqz(type, "event"))
		return 0;
	seen.event = json_get(record, "event");
	if (!json_get_u64(record, "seq", &seen.seq) ||
	    !json_get_str(seen.event, "type", &seen.type))
		return 0;
	return event_take(&seen, record);
}

#include "mediate/question.h"

#include <errno.h>
#include <string.h>

static bool ambiguous(struct str s)
{
	return memmem(s.p ? s.p : "", s.n, "\xef\xbf\xbd", 3) != NULL;
}

static void put_equals(struct buf *out, const struct event *e, enum event_field f)
{
	buf_printf(out, "%s%s == ", out->n ? " && " : "", event_field_info[f].name);
	grant_put_literal(out, event_str(e, f));
}

/* Read alone and any change are two questions. */
static void put_write(struct buf *out, const struct event *e)
{
	bool write = event_has(e, EVENT_F_FILE_ACTIVITY_WRITE) &&
		     e->value[EVENT_F_FILE_ACTIVITY_WRITE].b;

	if (e->type == EVENT_FILE_OPEN)
		buf_printf(out, "%s%sfile.activity.write", out->n ? " && " : "", write ? "" : "!");
}

/* ---- files ---- */

static void say_open(const struct event *e, struct buf *out)
{
	bool write = event_has(e, EVENT_F_FILE_ACTIVITY_WRITE) &&
		     e->value[EVENT_F_FILE_ACTIVITY_WRITE].b;
	bool empties = event_has(e, EVENT_F_FILE_ACTIVITY_TRUNCATE) &&
		       e->value[EVENT_F_FILE_ACTIVITY_TRUNCATE].b;

	buf_putz(out, !write    ? "open for reading"
		      : empties ? "empty and write"
				: "open for writing");
}

static int about_file(const struct event *e, struct question *q, struct buf *when,
		      struct buf *wider_when)
{
	struct str path = event_str(e, EVENT_F_FILE_ACTIVITY_PATH);
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	struct buf wider = buf_fixed(q->wider, sizeof(q->wider));

	q->ask.object = path;
	put_equals(when, e, EVENT_F_FILE_ACTIVITY_PATH);
	put_write(when, e);
	if (event_has(e, EVENT_F_FILE_ACTIVITY_NEW_PATH)) {
		q->ask.detail = event_str(e, EVENT_F_FILE_ACTIVITY_NEW_PATH);
		put_equals(when, e, EVENT_F_FILE_ACTIVITY_NEW_PATH);
		return 0; /* two names: nothing wider */
	}
	if (!slash || slash == path.p)
		return 0;
	buf_printf(&wider, "every name in %.*s", (int)(slash - path.p), path.p);
	q->ask.wider = buf_error(&wider) ? (struct str){ 0 } : buf_str(&wider);
	buf_putz(wider_when, "file.activity.path == ");
	grant_put_literal(wider_when, str_sub(path, 0, (size_t)(slash - path.p) + 1));
	buf_putz(wider_when, " + file.activity.name");
	put_write(wider_when, e);
	return 0;
}

/* ---- programs ---- */

static bool plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || strchr("'\"\\$`*?[]{}()<>|&;#~!", c))
			return false;
	}
	return s.n > 0;
}

/* As one would type it, so that "a b" is told from "a" "b"; what is too long says so. */
static struct str command_line(const struct cel_value *argv, char *room, size_t n)
{
	struct buf out = buf_fixed(room, n - 32);

	for (uint32_t i = 0; i < argv->n; i++) {
		struct str arg = cel_str(argv->items[i]);
		bool bare = plain(arg);
		size_t before = out.n;

		buf_putz(&out, i ? " " : "");
		buf_putz(&out, bare ? "" : "'");
		for (size_t k = 0; k < arg.n; k++) {
			if (arg.p[k] == '\'')
				buf_putz(&out, "'\\''");
			else
				buf_putc(&out, arg.p[k]);
		}
		buf_putz(&out, bare ? "" : "'");
		if (buf_error(&out)) {
			out.n = before;
			out.n += (size_t)snprintf(room + before, n - before, " and %u more",
						  argv->n - i);
			break;
		}
	}
	return (struct str){ .p = room, .n = out.n };
}

static int about_program(const struct event *e, struct question *q, struct buf *when,
			 struct buf *wider_when)
{
	const struct cel_value *argv = &e->value[EVENT_F_PROCESS_ACTIVITY_ARGV];

	q->ask.object = event_str(e, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE);
	put_equals(when, e, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE);
	if (argv->kind != CEL_LIST)
		return 0;
	q->ask.detail = command_line(argv, q->detail, sizeof(q->detail));
	q->ask.wider = STR("this program with any arguments");
	put_equals(wider_when, e, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE);
	buf_putz(when, " && process.activity.argv == [");
	for (uint32_t i = 0; i < argv->n; i++) {
		if (ambiguous(cel_str(argv->items[i])))
			return -EILSEQ;
		buf_putz(when, i ? ", " : "");
		grant_put_literal(when, cel_str(argv->items[i]));
	}
	buf_putc(when, ']');
	if (buf_error(when) == -ENOBUFS) { /* every argument counts all the same */
		struct blake3 h;
		uint8_t digest[BLAKE3_OUT];

		blake3_init(&h);
		for (uint32_t i = 0; i < argv->n; i++) {
			struct str arg = cel_str(argv->items[i]);

			blake3_update(&h, &arg.n, sizeof(arg.n));
			blake3_update(&h, arg.p, arg.n);
		}
		blake3_final(&h, digest);
		buf_reset(when);
		put_equals(when, e, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE);
		buf_putc(when, ' ');
		buf_put_hex(when, digest, sizeof(digest));
		q->ask.unkept = true;
	}
	return 0;
}

/* ---- sockets ---- */

static int about_socket(const struct event *e, struct question *q, struct buf *when,
			struct buf *wider_when)
{
	static const enum event_field ports[] = { EVENT_F_TCP_PORT, EVENT_F_UDP_PORT };
	struct str address = event_str(e, EVENT_F_IP_VALUE);
	struct buf object = buf_fixed(q->detail, sizeof(q->detail));

	put_equals(when, e, EVENT_F_NET_ACTIVITY_PROTOCOL);
	if (!address.n) {
		q->ask.object = event_str(e, EVENT_F_NET_ACTIVITY_PATH);
		put_equals(when, e, EVENT_F_NET_ACTIVITY_PATH);
		return q->ask.object.n ? 0 : -ENOTSUP;
	}
	put_equals(when, e, EVENT_F_IP_VALUE);
	buf_printf(&object, memchr(address.p, ':', address.n) ? "[%.*s]" : "%.*s",
		   STR_ARG(address));
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		long long port = event_has(e, ports[i]) ? e->value[ports[i]].i : -1;

		if (port < 0)
			continue;
		buf_printf(when, " && %s == %lld", event_field_info[ports[i]].name, port);
		buf_printf(&object, ":%lld", port);
		q->ask.wider = STR("every port of this address");
		buf_reset(wider_when);
		put_equals(wider_when, e, EVENT_F_NET_ACTIVITY_PROTOCOL);
		put_equals(wider_when, e, EVENT_F_IP_VALUE);
	}
	q->ask.object = buf_str(&object);
	return 0;
}

static const struct {
	enum event_type type;
	const char *what; /* NULL: say() says it */
	void (*say)(const struct event *e, struct buf *out);
	int (*about)(const struct event *e, struct question *q, struct buf *when,
		     struct buf *wider_when);
} kinds[] = {
	{ EVENT_FILE_OPEN, NULL, say_open, about_file },
	{ EVENT_FILE_CREATE, "create", NULL, about_file },
	{ EVENT_FILE_DELETE, "delete", NULL, about_file },
	{ EVENT_FILE_RENAME, "rename", NULL, about_file },
	{ EVENT_FILE_LINK, "link", NULL, about_file },
	{ EVENT_FILE_CHMOD, "change the mode or owner of", NULL, about_file },
	{ EVENT_PROCESS_EXEC, "execute", NULL, about_program },
	{ EVENT_NET_CONNECT, "connect to", NULL, about_socket },
	{ EVENT_NET_BIND, "listen at", NULL, about_socket },
};

int question_make(const struct event *e, const struct policy_rule *rule, struct question *ret)
{
	struct buf when = buf_fixed(ret->when, sizeof(ret->when));
	struct buf wider_when = buf_fixed(ret->wider_when, sizeof(ret->wider_when));
	struct buf what = buf_fixed(ret->what, sizeof(ret->what));
	size_t i = 0;
	int r;

	while (i < sizeof(kinds) / sizeof(kinds[0]) && kinds[i].type != e->type)
		i++;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return -ENOTSUP;
	ret->ask = (struct ask_question){ .type = e->type, .rule = rule };
	if (kinds[i].say)
		kinds[i].say(e, &what);
	else
		buf_putz(&what, kinds[i].what);
	r = kinds[i].about(e, ret, &when, &wider_when);
	if (r < 0)
		return r;
	if (ambiguous(ret->ask.object) || ambiguous(ret->ask.detail))
		return -EILSEQ;
	put_equals(&when, e, EVENT_F_COMMON_WORKSPACE);
	put_equals(&wider_when, e, EVENT_F_COMMON_WORKSPACE);
	if (buf_error(&when) || e->damaged)
		return -E2BIG;
	ret->ask.what = buf_str(&what);
	ret->ask.when = buf_str(&when);
	if (!buf_error(&wider_when))
		ret->ask.wider_when = buf_str(&wider_when);
	return 0;
}

void question_hash(const struct question *q, uint8_t ret[BLAKE3_OUT])
{
	const char *id = q->ask.rule ? q->ask.rule->id : "";
	uint64_t head[2] = { (uint64_t)q->ask.type, strlen(id) };
	struct blake3 h;

	blake3_init(&h);
	blake3_update(&h, head, sizeof(head));
	blake3_update(&h, id, strlen(id));
	blake3_update(&h, q->ask.when.p, q->ask.when.n);
	blake3_final(&h, ret);
}

/* capsule asks - what running sessions are asking, now and (--watch) from now on. */
#include "base/own.h"
#include "cli/evidence.h"
#include "cli/remote.h"
#include "codec/inert.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define RESCAN_MS 500 /* between looks for sessions that have begun */
#define ARENA_MAX (4 << 20)

static const char usage_text[] = "usage: capsule asks [OPTIONS] [SESSION]\n\n"
				 "Shows the questions that running sessions wait with, and how to "
				 "answer them; of SESSION alone, if\n"
				 "the beginning of an id is given. While somebody watches, a "
				 "session without a terminal of its own\n"
				 "asks too, instead of taking the policy's ask_default.\n";

static const struct evidence_option options[] = {
	{ "watch", 'w', NULL, "stay, and tell what is asked and answered from now on" },
	{ "json", 'j', NULL, "a line of JSON for each" },
};

struct job {
	const char *session;
	bool watch, json;
	size_t columns;
	struct remote *remotes[REMOTE_MAX];
	size_t n;
	unsigned shown;
};

/* ---- output ---- */

static void put_text(const struct job *job, const char *label, const struct json *ask,
		     const char *key)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	struct str text;

	if (!json_get_str(ask, key, &text) || !text.n)
		return;
	inert_put(&out, text, job->columns > 16 ? job->columns - 16 : INERT_COLUMNS_MIN);
	printf("    %-10s%s\n", label, buf_cstr(&out));
}

static void put_ancestors(const struct json *ask)
{
	const struct json *list = json_get(ask, "ancestors");
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);

	/* the list is nearest first; one reads it from the outside in */
	for (size_t i = list ? list->count : 0; i-- > 0;) {
		const struct json *one = list->child;
		struct str name = { 0 };
		uint64_t pid = 0;

		for (size_t k = 0; one && k < i; k++)
			one = one->next;
		(void)json_get_u64(one, "pid", &pid);
		(void)json_get_str(one, "name", &name);
		buf_printf(&out, "%s%llu ", out.n ? " > " : "", (unsigned long long)pid);
		inert_put(&out, name, 0);
	}
	if (out.n)
		printf("    %-10s%s\n", "by", buf_cstr(&out));
}

/* Made by the session's supervisor: printable lines. Shown inert all the same. */
static void put_grant(const struct json *ask)
{
	struct str text;

	if (!json_get_str(ask, "grant", &text))
		return;
	printf("    --always adds to your grants:\n");
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);

		for (size_t i = 0; i < n; i++) /* a backslash is the literal's own: kept as it is */
			buf_putc(&out, text.p[i] >= ' ' && text.p[i] <= '~' ? text.p[i] : '?');
		printf("    %s\n", buf_cstr(&out));
		text = str_sub(text, n + 1, text.n);
	}
}

static void print_ask(const struct job *job, const char *session, const struct json *ask)
{
	AUTO(buf_done) struct buf object = BUF_INIT(1 << 20);
	struct str what = { 0 }, text = { 0 };
	uint64_t id = 0, left = 0;

	(void)json_get_u64(ask, "id", &id);
	(void)json_get_u64(ask, "left_ms", &left);
	(void)json_get_str(ask, "what", &what);
	(void)json_get_str(ask, "object", &text);
	inert_put(&object, text, job->columns > 6 ? job->columns - 6 : INERT_COLUMNS_MIN);
	printf("%s%llu%s  %.*s  (session %.8s, %llu s left)\n", tint(TINT_BOLD),
	       (unsigned long long)id, tint(TINT_NONE), STR_ARG(what), session,
	       (unsigned long long)(left + 999) / 1000);
	printf("    %s%s%s\n", tint(TINT_BOLD), buf_cstr(&object), tint(TINT_NONE));
	put_text(job, "with", ask, "detail");
	put_ancestors(ask);
	put_text(job, "rule", ask, "rule");
	put_text(job, "at", ask, "where");
	put_text(job, "why", ask, "prompt");
	put_text(job, "--wider", ask, "wider");
	put_grant(ask);
	printf("    capsule answer %llu allow|deny", (unsigned long long)id);
	for (const struct json *s = json_get(ask, "scopes") ? json_get(ask, "scopes")->child : NULL;
	     s; s = s->next)
		printf(" [--%.*s]", STR_ARG(s->text));
	printf(" %.8s\n", session);
}

static void print_closed(const char *session, const struct json *closed)
{
	struct str answer = { 0 }, scope = { 0 }, by = { 0 };
	uint64_t id = 0;

	(void)json_get_u64(closed, "id", &id);
	(void)json_get_str(closed, "answer", &answer);
	(void)json_get_str(closed, "scope", &scope);
	(void)json_get_str(closed, "by", &by);
	printf("%llu  %.*s%s%.*s%s%.*s  (session %.8s)\n", (unsigned long long)id, STR_ARG(answer),
	       scope.n ? ", " : "", STR_ARG(scope), by.n ? ", by " : "", STR_ARG(by), session);
}

static void print_json(const char *session, const struct json *line)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	struct json_wr w = json_wr_init(&out);

	json_object(&w);
	json_key(&w, "session");
	json_strz(&w, session);
	for (const struct json *v = line->child; v; v = v->next) {
		json_key_str(&w, v->key);
		json_put(&w, v);
	}
	json_end_object(&w);
	puts(buf_cstr(&out));
}

/* false: the list is through. */
static bool show(struct job *job, const char *session, struct str line)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_MAX);
	const struct json *value, *ask;
	bool ok;

	if (json_parse(&arena, line, &value, NULL) < 0)
		return true;
	if (json_get_bool(value, "ok", &ok))
		return false;
	ask = json_get(value, "ask") ? json_get(value, "ask") : json_get(value, "opened");
	job->shown += ask != NULL;
	if (job->json)
		print_json(session, value);
	else if (ask)
		print_ask(job, session, ask);
	else if (json_get(value, "closed"))
		print_closed(session, json_get(value, "closed"));
	(void)fflush(stdout);
	return true;
}

/* ---- sessions ---- */

static int list(struct job *job, const char *id, struct err *err)
{
	static struct remote remote;
	struct str line;
	int r = remote_open(id, &remote, err);

	if (r < 0)
		return r;
	r = remote_send(&remote, STR("{\"do\":\"asks\"}"), err);
	while (r == 0) {
		r = remote_line(&remote, REMOTE_WAIT_MS, &line);
		if (r < 0)
			(void)err_set(err, r == -EAGAIN ? ETIMEDOUT : -r, "session %.8s", id);
		else if (!show(job, remote.session, line))
			break;
	}
	remote_close(&remote);
	return r;
}

static int list_all(struct job *job, struct err *err)
{
	char ids[REMOTE_MAX][33];
	size_t n = remote_sessions(ids);

	if (job->session)
		return list(job, job->session, err);
	for (size_t i = 0; i < n; i++) {
		struct err one = ERR_INIT;
		int r = list(job, ids[i], &one);

		/* one that has just ended, or was killed, asks nothing */
		if (r < 0 && r != -ENOENT && r != -EPIPE) {
			fprintf(stderr, "capsule asks: %s\n", one.text);
			*err = one;
		}
	}
	if (!job->shown && !job->json)
		puts("nothing is asked");
	return err_is_set(err) ? -err->code : 0;
}

static bool watched(const struct job *job, const char *id)
{
	for (size_t i = 0; i < job->n; i++) {
		if (strcmp(job->remotes[i]->session, id) == 0)
			return true;
	}
	return false;
}

static void watch_one(struct job *job, const char *id)
{
	struct remote *remote = job->n < REMOTE_MAX ? calloc(1, sizeof(*remote)) : NULL;

	if (!remote)
		return;
	if (remote_open(id, remote, NULL) < 0 ||
	    remote_send(remote, STR("{\"do\":\"watch\"}"), NULL) < 0) {
		remote_close(remote);
		free(remote);
		return;
	}
	job->remotes[job->n++] = remote;
}

static void rescan(struct job *job)
{
	char ids[REMOTE_MAX][33];
	size_t n = remote_sessions(ids);

	for (size_t i = 0; i < n; i++) {
		if (job->session && strncmp(ids[i], job->session, strlen(job->session)) != 0)
			continue;
		if (!watched(job, ids[i]))
			watch_one(job, ids[i]);
	}
}

static void watch_drop(struct job *job, size_t i)
{
	remote_close(job->remotes[i]);
	free(job->remotes[i]);
	job->remotes[i] = job->remotes[--job->n];
}

static int watch(struct job *job)
{
	struct pollfd fds[REMOTE_MAX];
	struct str line;

	for (;;) {
		rescan(job);
		for (size_t i = 0; i < job->n; i++)
			fds[i] = (struct pollfd){ .fd = job->remotes[i]->fd, .events = POLLIN };
		(void)poll(fds, job->n, RESCAN_MS);
		for (size_t i = job->n; i-- > 0;) {
			int r;

			while ((r = remote_line(job->remotes[i], 0, &line)) == 0)
				(void)show(job, job->remotes[i]->session, line);
			if (r != -EAGAIN)
				watch_drop(job, i);
		}
		if (ferror(stdout))
			return CLI_FAILED;
	}
}

static size_t columns(void)
{
	struct winsize ws;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col ? ws.ws_col : 100;
}

int cli_asks(int argc, char **argv)
{
	static struct job job;
	struct err err = ERR_INIT;
	int c;

	while ((c = evidence_getopt(argc, argv, options, sizeof(options) / sizeof(options[0]),
				    usage_text)) != -1) {
		switch (c) {
		case 'w': job.watch = true; break;
		case 'j': job.json = true; break;
		case -2: return 0;
		default: return CLI_USAGE;
		}
	}
	if (argc - optind > 1) {
		fputs(usage_text, stderr);
		return CLI_USAGE;
	}
	job.session = argc > optind ? argv[optind] : NULL;
	job.columns = columns();
	if (job.watch)
		return watch(&job);
	if (list_all(&job, &err) < 0) {
		if (job.session)
			fprintf(stderr, "capsule asks: %s\n", err.text);
		return 1;
	}
	return 0;
}

/* capsule answer - answer a question of a running session from another terminal. */
#include "base/own.h"
#include "cli/evidence.h"
#include "cli/remote.h"

#include <stdio.h>
#include <string.h>

static const char usage_text[] = "usage: capsule answer ID allow|deny [OPTIONS] [SESSION]\n\n"
				 "Answers question ID, which 'capsule asks' shows, of a running "
				 "session: the only one, or that\n"
				 "whose id begins with SESSION.\n";

static const struct evidence_option options[] = {
	{ "once", 'o', NULL, "this time only (the default)" },
	{ "session", 's', NULL, "until the session ends" },
	{ "always", 'a', NULL, "for ever: written to your grants, if the rule offers that" },
	{ "narrow", 'n', NULL, "exactly what was asked about (the default)" },
	{ "wider", 'w', NULL, "all that the question offers as the wider choice" },
	{ "json", 'j', NULL, "the reply as JSON" },
};

struct job {
	uint64_t id;
	bool allow, wider, json;
	enum rule_scope scope;
	const char *session;
};

static int read_words(struct job *job, int argc, char **argv)
{
	if (argc < 2 || argc > 3)
		return -EINVAL;
	if (str_to_u64(str_of(argv[0]), &job->id) < 0)
		return -EINVAL;
	job->allow = strcmp(argv[1], "allow") == 0;
	if (!job->allow && strcmp(argv[1], "deny") != 0)
		return -EINVAL;
	job->session = argc == 3 ? argv[2] : NULL;
	return 0;
}

static int print(const struct job *job, const struct json *reply)
{
	struct str scope = STR("once"), note;
	bool narrow = true;

	(void)json_get_str(reply, "scope", &scope);
	(void)json_get_bool(reply, "narrow", &narrow);
	if (job->json) {
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);
		struct json_wr w = json_wr_init(&out);

		json_put(&w, reply);
		buf_putc(&out, '\n');
		return evidence_flush(&out, 0);
	}
	printf("%s: %.*s%s\n", job->allow ? "allowed" : "denied", STR_ARG(scope),
	       narrow ? "" : ", the wider choice");
	if (!str_eqz(scope, rule_scope_name[job->scope]))
		fprintf(stderr, "capsule answer: the rule allows no more than '%.*s'\n",
			STR_ARG(scope));
	if (json_get_str(reply, "note", &note))
		fprintf(stderr, "capsule answer: not kept for ever: %.*s\n", STR_ARG(note));
	return 0;
}

static int run(const struct job *job, struct err *err)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
	static struct remote remote;
	const struct json *reply;
	char line[256];
	int r = remote_open(job->session, &remote, err);

	if (r < 0)
		return r;
	(void)snprintf(
		line, sizeof(line),
		"{\"do\":\"answer\",\"id\":%llu,\"allow\":%s,\"scope\":\"%s\",\"narrow\":%s}",
		(unsigned long long)job->id, job->allow ? "true" : "false",
		rule_scope_name[job->scope], job->wider ? "false" : "true");
	r = remote_send(&remote, str_of(line), err);
	if (r == 0)
		r = remote_reply(&remote, &arena, &reply, err);
	if (r == 0)
		r = print(job, reply);
	remote_close(&remote);
	return r;
}

int cli_answer(int argc, char **argv)
{
	struct job job = { .scope = RULE_ONCE };
	struct err err = ERR_INIT;
	int c;

	while ((c = evidence_getopt(argc, argv, options, sizeof(options) / sizeof(options[0]),
				    usage_text)) != -1) {
		switch (c) {
		case 'o': job.scope = RULE_ONCE; break;
		case 's': job.scope = RULE_SESSION; break;
		case 'a': job.scope = RULE_ALWAYS; break;
		case 'n': job.wider = false; break;
		case 'w': job.wider = true; break;
		case 'j': job.json = true; break;
		case -2: return 0;
		default: return CLI_USAGE;
		}
	}
	if (read_words(&job, argc - optind, argv + optind) < 0) {
		fputs(usage_text, stderr);
		return CLI_USAGE;
	}
	if (run(&job, &err) < 0) {
		fprintf(stderr, "capsule answer: %s\n", err.text);
		return 1;
	}
	return 0;
}

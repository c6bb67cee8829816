/* capsule reload - have a running session load its policy again, now. */
#include "base/own.h"
#include "cli/evidence.h"
#include "cli/remote.h"

#include <stdio.h>

static const char usage_text[] =
	"usage: capsule reload [OPTIONS] [SESSION]\n\n"
	"Has a running session load its policy again: the only one, or that whose id begins with "
	"SESSION.\n";

static const struct evidence_option options[] = {
	{ "json", 'j', NULL, "the reply as JSON" },
};

static int print(const struct json *reply, bool as_json)
{
	const struct json *reload = json_get(reply, "reload");
	struct str digest = { 0 };
	bool changed = false;

	if (as_json) {
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);
		struct json_wr w = json_wr_init(&out);

		json_put(&w, reply);
		buf_putc(&out, '\n');
		return evidence_flush(&out, 0);
	}
	(void)json_get_bool(reload, "changed", &changed);
	(void)json_get_str(reload, "policy", &digest);
	printf("%s, policy %.16s\n", changed ? "reloaded" : "nothing changed",
	       digest.n >= 16 ? digest.p : "?");
	return 0;
}

static int run(const char *session, bool as_json, struct err *err)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
	static struct remote remote;
	const struct json *reply;
	int r = remote_open(session, &remote, err);

	if (r < 0)
		return r;
	r = remote_send(&remote, STR("{\"do\":\"reload\"}"), err);
	if (r == 0)
		r = remote_reply(&remote, &arena, &reply, err);
	if (r == 0)
		r = print(reply, as_json);
	remote_close(&remote);
	return r;
}

int cli_reload(int argc, char **argv)
{
	struct err err = ERR_INIT;
	bool as_json = false;
	int c;

	while ((c = evidence_getopt(argc, argv, options, sizeof(options) / sizeof(options[0]),
				    usage_text)) != -1) {
		if (c == -2)
			return 0;
		if (c != 'j')
			return CLI_USAGE;
		as_json = true;
	}
	if (argc - optind > 1) {
		fputs(usage_text, stderr);
		return CLI_USAGE;
	}
	if (run(argv[optind], as_json, &err) < 0) {
		fprintf(stderr, "capsule reload: %s\n", err.text);
		return 1;
	}
	return 0;
}

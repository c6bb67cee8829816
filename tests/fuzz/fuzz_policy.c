/*
 * The whole loader on arbitrary bytes, without looking at any other file. What loads must show as a
 * policy that loads to the same, be no different from itself, and be told as JSON that is JSON.
 */
#include "base/own.h"
#include "codec/json_rd.h"
#include "policy/report.h"

#include <errno.h>
#include <stdint.h>

#define OUT_MAX (8U << 20)

static const struct policy_vars vars = { .workspace = "/w", .home = "/h", .tmp = "/t" };

static void changed(void *ctx, const struct policy_change *change)
{
	(void)ctx;
	(void)change;
}

static void check_loaded(struct policy *policy)
{
	AUTO(buf_done) struct buf text = BUF_INIT(OUT_MAX), json = BUF_INIT(OUT_MAX);
	AUTO(buf_done) struct buf words = BUF_INIT(OUT_MAX);
	AUTO(policy_freep) struct policy *again = NULL;
	AUTO(arena_done) struct arena arena = ARENA_INIT(64U << 20);
	static char variable[] = "LC_ALL=C", secret[] = "X_TOKEN=1";
	char *const given[] = { variable, secret, NULL };
	const struct json *tree;
	struct policy_verdict verdict;

	policy_show(policy, false, &text);
	if (buf_error(&text) ||
	    policy_load_text("again", buf_str(&text), &vars, &again, NULL, NULL) < 0 ||
	    memcmp(policy->effective, again->effective, BLAKE3_OUT) != 0)
		abort();
	if (policy_diff(policy, policy, changed, NULL) != 0)
		abort();
	policy_show_json(policy, &json);
	if (buf_error(&json) || json_parse(&arena, buf_str(&json), &tree, NULL) < 0)
		abort();
	policy_explain(policy, &words);
	verdict = policy_explain_path(policy, "/w/x");
	policy_verdict_text(policy, "/w/x", &verdict, &words);
	if (!policy_environment(policy, &arena, given, NULL))
		abort();
	(void)policy_check_command(policy, given, NULL);
	if (policy->n_tools)
		(void)policy_select_tool(policy, policy->tools[0].name, given, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { .p = (const char *)data, .n = size };
	AUTO(buf_done) struct buf diag = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX);
	AUTO(buf_done) struct buf notes = BUF_INIT(OUT_MAX);
	AUTO(policy_freep) struct policy *policy = NULL;
	struct err err = ERR_INIT;
	int r = policy_load_text("fuzz", text, &vars, &policy, &diag, &err);

	if (r == 0)
		check_loaded(policy);
	else if (!err_is_set(&err) || (r == -EBADMSG && diag.n == 0))
		abort(); /* refused without a word */
	(void)policy_import("fuzz", text, &out, &notes, &err);
	return 0;
}

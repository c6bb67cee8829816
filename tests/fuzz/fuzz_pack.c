/* Rule packs: what is refused is told, what is read gives rules, and every condition has its places. */
#include "base/own.h"
#include "engine/pack_rules.h"

#include <errno.h>
#include <stdlib.h>

static void check(struct pack *pack, struct diag *diag)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(64U << 20);
	const struct policy_rule *rules = NULL;
	size_t n = 0;
	int r = pack_rules(pack, &arena, diag, &rules, &n);

	if ((r == -EBADMSG) != (diag->errors > 0) || n > pack->n_rules)
		abort();
	for (size_t i = 0; i < pack->n_rules; i++) {
		const struct pack_rule *rule = &pack->rules[i];
		size_t end = strlen(rule->condition);
		struct policy_where from = pack_where(pack, rule, 0);
		struct policy_where to = pack_where(pack, rule, end);

		if (!rule->id || !rule->name || from.line == 0 || from.col == 0 ||
		    to.line < from.line || (to.line == from.line && to.col < from.col))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	AUTO(pack_freep) struct pack *pack = NULL;
	struct diag diag = { .out = &out };
	struct err err = ERR_INIT;
	int r = pack_read("fuzz", (struct str){ .p = (const char *)data, .n = size }, &diag, &pack,
			  &err);

	if ((r < 0) != err_is_set(&err) || (r == -EBADMSG) != (diag.errors > 0))
		abort();
	for (size_t i = 0; i < out.n; i++) {
		if ((unsigned char)out.p[i] < ' ' && out.p[i] != '\n' && out.p[i] != '\t')
			abort(); /* a terminal would obey */
	}
	if (r == 0)
		check(pack, &diag);
	return 0;
}

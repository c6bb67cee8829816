/*
 * The head has a schema table of its own; the rules go through the policy's, with the same loader, so
 * that there is one reading of a rule.
 */
#include "policy/rule_pack.h"

#include "base/own.h"
#include "policy/apply.h"
#include "policy/load.h"
#include "policy/schema.h"

#include <errno.h>
#include <stdlib.h>

enum { STATUS_ACTIVE, STATUS_DEPRECATED, STATUS_REVOKED };

static struct rule_pack *pack_of(struct load *l)
{
	return (struct rule_pack *)(void *)l->p; /* the policy is its first member */
}

_Static_assert(offsetof(struct rule_pack, policy) == 0, "pack_of()");

static APPLY_SET(set_id)
{
	struct str id = value->text;

	(void)s;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (word || (i && (c == '.' || c == '_' || c == '-')))
			continue;
		load_error(l, node, "a pack's id has a-z, 0-9, '.', '_' and '-' only");
		return;
	}
	if (id.n < 3 || id.n > 96)
		load_error(l, node, "a pack's id has 3 to 96 characters");
	pack_of(l)->id = l->p->name = id.p;
}

static APPLY_SET(set_revision)
{
	(void)s;
	(void)node;
	pack_of(l)->revision = value->text.p;
}

static APPLY_SET(set_description)
{
	(void)s;
	(void)node;
	pack_of(l)->description = value->text.p;
}

static APPLY_SET(set_status)
{
	(void)s;
	if (value->choice == STATUS_REVOKED)
		load_error(l, node, "the pack was revoked: nothing of it may take effect");
	if (value->choice == STATUS_DEPRECATED)
		load_warning(l, node, "the pack is deprecated");
	pack_of(l)->deprecated = value->choice == STATUS_DEPRECATED;
}

static const char *const schemas[] = { RULE_PACK_SCHEMA, NULL };
static const char *const statuses[] = { "active", "deprecated", "revoked", NULL };

static const struct schema head_keys[] = {
	{ .name = "schema",
	  .doc = "What this file is.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schemas,
	  .required = true },
	{ .name = "version",
	  .doc = "Of the schema: 1.",
	  .scalar = SCALAR_VERSION,
	  .required = true },
	{ .name = "id",
	  .doc = "The pack's own name.",
	  .scalar = SCALAR_TEXT,
	  .required = true,
	  .set = set_id },
	{ .name = "revision",
	  .doc = "Which state of the pack this is.",
	  .scalar = SCALAR_TEXT,
	  .required = true,
	  .set = set_revision },
	{ .name = "status",
	  .doc = "Whether it may be used.",
	  .scalar = SCALAR_CHOICE,
	  .choices = statuses,
	  .set = set_status },
	{ .name = "description",
	  .doc = "What it is for.",
	  .scalar = SCALAR_TEXT,
	  .set = set_description },
	{ .name = "rules", .doc = "As in capsule.yaml.", .item = &schema_rule, .required = true },
	{ 0 }
};
static const struct schema head = { .doc = "A rule pack.", .keys = head_keys };

bool rule_pack_is(struct str text)
{
	static const struct str key = STR_C("schema:");

	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_sub(text, 3, text.n);
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);

		if (str_starts(text, key))
			return true;
		text = end ? str_sub(text, (size_t)(end - text.p) + 1, text.n) : (struct str){ 0 };
	}
	return false;
}

static int apply(struct load *l)
{
	struct policy_rule *rules;

	l->src = &l->sources[0];
	load_apply_as(l, &head);
	if (l->no_memory)
		return -ENOMEM;
	rules = l->p->rules;
	for (size_t i = 0; i < l->p->n_rules; i++)
		rules[i].pack = pack_of(l)->id;
	return 0;
}

/* What the diag quotes lives in the pack: when that is not handed out, neither is its text. */
static int refused(struct diag *diag, const char *file, int r, struct err *err)
{
	r = r == -EBADMSG ? diag_result(diag, err) : err_set(err, -r, "cannot read the rule pack");
	if (file)
		diag_file_forget(diag, file);
	return r;
}

int rule_pack_read(const char *file, struct str text, struct diag *diag,
		   struct rule_pack **ret_pack, struct err *err)
{
	static const struct policy_vars vars = { .rules = true };
	AUTO(rule_pack_freep) struct rule_pack *pack = calloc(1, sizeof(*pack));
	AUTO(freep) struct load *l = calloc(1, sizeof(*l));
	unsigned errors = diag->errors;
	struct load_source *first = NULL;
	const char *copy;
	int r;

	if (!pack || !l)
		return refused(diag, NULL, -ENOMEM, err);
	pack->policy.arena = ARENA_INIT(LOAD_ARENA_MAX);
	file = arena_strdup(&pack->policy.arena, str_of(file));
	/* one that is too large is refused by its size alone */
	copy = text.n <= YAML_SIZE_MAX ? arena_strdup(&pack->policy.arena, text) : "";
	if (!file || !copy)
		return refused(diag, NULL, -ENOMEM, err);
	*l = (struct load){ .p = &pack->policy,
			    .vars = &vars,
			    .diag = diag,
			    .arena = &pack->policy.arena,
			    .offline = true };
	if (text.n <= YAML_SIZE_MAX)
		text.p = copy;
	r = load_source_text(l, file, text, &first);
	if (r == 0)
		r = apply(l);
	if (r == 0 && diag->errors > errors)
		r = -EBADMSG;
	if (r < 0)
		return refused(diag, file, r, err);
	*ret_pack = take_ptr(&pack);
	return 0;
}

struct rule_pack *rule_pack_free(struct rule_pack *pack)
{
	if (pack) {
		struct arena arena = pack->policy.arena;

		arena_done(&arena);
		free(pack);
	}
	return NULL;
}

void rule_pack_freep(struct rule_pack **pack)
{
	*pack = rule_pack_free(*pack);
}

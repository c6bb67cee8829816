/*
 * Where rules come from: packs, policies. What is wrong with them is told as one list, each mistake
 * with the line it stands in, whatever kind of file that is.
 */
#include "cli/cli.h"
#include "cli/rules.h"
#include "codec/yaml.h"
#include "engine/pack_rules.h"

#include "base/own.h"

#include <errno.h>
#include <string.h>

#define CONDITION_SHOWN 100 /* characters of a condition that stands on several lines */

void rules_tell(struct rules_job *job)
{
	AUTO(buf_done) struct buf safe = BUF_INIT(RULES_OUT_MAX);

	rules_put_safe(buf_str(&job->diag_text), &safe);
	if (safe.n)
		(void)fwrite(safe.p, 1, safe.n, stderr);
	buf_reset(&job->diag_text);
}

int rules_fail(const struct rules_job *job, const struct err *err)
{
	AUTO(buf_done) struct buf safe = BUF_INIT(RULES_OUT_MAX);

	rules_put_safe(str_of(err->text), &safe);
	fprintf(stderr, "capsule rules %s: %s\n", job->sub->name, buf_cstr(&safe));
	return err->code == ENOMEM ? CLI_FAILED : RULES_FAILED;
}

/* --- sources --- */

static bool ends(const char *path, const char *suffix)
{
	return str_ends(str_of(path), str_of(suffix));
}

static int load_pack(struct rules_job *job, const char *path, struct rules_source *s,
		     struct err *err)
{
	int r = pack_load(path, &job->diag, &s->pack, err);

	if (r < 0)
		return r;
	r = pack_rules(s->pack, &job->arena, &job->diag, &s->rules, &s->n_rules);
	return r == -EBADMSG ? diag_result(&job->diag, err)
	       : r < 0       ? err_set(err, -r, "%s", path)
			     : 0;
}

/* The diag quotes lines of files by the address of their names: those that its rules hold. */
static void quote_policy(struct rules_job *job, const struct policy *policy)
{
	for (size_t i = 0; i < policy->n_sources; i++) {
		AUTO(buf_done) struct buf text = BUF_INIT(2 * YAML_SIZE_MAX);
		const char *name = policy->sources[i].name, *copy;

		if (str_starts(str_of(name), STR("preset:")) ||
		    cli_file_read(name, &text, NULL) < 0)
			continue;
		copy = arena_strdup(&job->arena, buf_str(&text));
		if (copy)
			diag_file_add(&job->diag, name, (struct str){ .p = copy, .n = text.n });
	}
}

/*
 * Mistakes of the policy's own loader come ready-made; those that listen hear them all the same.
 * @whole: with the rules made of its sections, as a run has them; else what stands under `rules:`.
 */
static int load_policy(struct rules_job *job, const char *path, bool whole, struct rules_source *s,
		       struct err *err)
{
	int r = job->diag.told ? policy_load_told(path, &job->vars, job->diag.told, job->diag.ctx,
						  &s->policy, &job->diag_text, err)
			       : policy_load(path, &job->vars, &s->policy, &job->diag_text, err);

	if (r < 0)
		return r;
	quote_policy(job, s->policy);
	if (whole)
		return engine_policy_rules(s->policy, &job->arena, &s->rules, &s->n_rules, err);
	s->rules = s->policy->rules;
	s->n_rules = s->policy->n_rules;
	return 0;
}

static int load_ours(struct rules_job *job, const char *path, struct str text,
		     struct rules_source *s, struct err *err)
{
	int r = rule_pack_read(path, text, &job->diag, &s->ours, err);

	if (r < 0)
		return r;
	s->rules = s->ours->policy.rules;
	s->n_rules = s->ours->policy.n_rules;
	return 0;
}

/* By its name a pack of Capsem's; by what is in it a pack of ours; else a policy. */
static int load_by_kind(struct rules_job *job, const char *path, struct rules_source *s,
			struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_INIT(YAML_SIZE_MAX + 65536);

	if (ends(path, ".toml") || ends(path, ".json") || strcmp(path, "-") == 0)
		return load_pack(job, path, s, err);
	if (!str_starts(str_of(path), STR("preset:")) && cli_file_read(path, &text, NULL) == 0 &&
	    rule_pack_is(buf_str(&text)))
		return load_ours(job, path, buf_str(&text), s, err);
	return load_policy(job, path, false, s, err);
}

static int load_source(struct rules_job *job, const char *path, bool policy, struct err *err)
{
	struct rules_source *s = &job->sources[job->n_sources];
	int r;

	s->path = path;
	r = policy ? load_policy(job, path, true, s, err) : load_by_kind(job, path, s, err);
	job->n_sources++; /* so that what was made of it is freed */
	job->n_rules += r < 0 ? 0 : s->n_rules;
	return r;
}

static int gather(struct rules_job *job, struct err *err)
{
	size_t n = 0;

	job->rules = arena_array(&job->arena, job->n_rules + 1, struct policy_rule);
	if (!job->rules)
		return err_set(err, ENOMEM, "cannot load the rules");
	for (size_t i = 0; i < job->n_sources; i++) {
		if (job->sources[i].n_rules)
			memcpy(job->rules + n, job->sources[i].rules,
			       job->sources[i].n_rules * sizeof(*job->rules));
		n += job->sources[i].n_rules;
	}
	return 0;
}

int rules_load_sources(struct rules_job *job, struct err *err)
{
	int first = 0;

	if (job->policy || job->n_files == 0)
		first = load_source(job, job->policy, true, err);
	for (size_t i = 0; i < job->n_files; i++) {
		struct err more = ERR_INIT;
		int r = load_source(job, job->files[i], false, &more);

		if (r < 0 && first == 0) {
			first = r;
			*err = more;
		}
	}
	return first < 0 ? first : gather(job, err);
}

/* --- compiling --- */

static const struct pack_rule *find_in_pack(const struct pack *pack, const char *id)
{
	for (size_t i = 0; i < pack->n_rules; i++) {
		if (strcmp(pack->rules[i].id, id) == 0)
			return &pack->rules[i];
	}
	return NULL;
}

/* Where byte p->cel->at of a pack's condition stands; line 0: it is no pack's condition. */
static struct policy_where where_in_pack(const struct rules_job *job,
					 const struct engine_problem *p)
{
	for (size_t i = 0; i < job->n_sources; i++) {
		const struct pack *pack = job->sources[i].pack;
		const struct pack_rule *rule;

		if (!pack || !p->rule->pack || strcmp(pack->id, p->rule->pack) != 0)
			continue;
		rule = find_in_pack(pack, p->rule->id);
		if (rule && strcmp(p->rule->where.file, pack->file) == 0)
			return pack_where(pack, rule, p->cel->at);
	}
	return (struct policy_where){ 0 };
}

/* A set's rules are copies, also of the names of files, by whose address lines are quoted. */
static const char *own_name(const struct rules_job *job, const char *file)
{
	for (unsigned i = 0; file && i < job->diag.n_files; i++) {
		if (strcmp(job->diag.files[i].name, file) == 0)
			return job->diag.files[i].name;
	}
	return file;
}

static struct policy_where where_of(const struct rules_job *job, const struct engine_problem *p,
				    unsigned *width)
{
	struct policy_where where = { 0 };
	bool in_when = p->cel && p->part && strcmp(p->part, "when") == 0;

	*width = in_when ? p->cel->width : 1;
	if (in_when)
		where = where_in_pack(job, p);
	if (in_when && !where.line && p->rule->when_where.line && p->cel->line == 1) {
		where = p->rule->when_where;
		where.col += p->cel->col - 1;
	}
	if (!where.line) {
		*width = 1;
		where = p->rule->where;
	}
	where.file = own_name(job, where.file);
	return where;
}

static void on_problem(void *ctx, const struct engine_problem *p)
{
	struct rules_job *job = ctx;
	unsigned width = 1;
	struct policy_where where = where_of(job, p, &width);
	/* a place inside an expression that has none in a file is told with the expression */
	bool lost = p->cel && p->source && width == 1 && where.line == p->rule->where.line;

	diag_add(&job->diag, p->warning ? DIAG_WARNING : DIAG_ERROR, where, width,
		 "rule '%s': %s%s%s%s%.*s", p->rule->id, p->part ? p->part : "",
		 p->part ? ": " : "", p->text, lost ? ", in: " : "", lost ? CONDITION_SHOWN : 0,
		 lost ? p->source : "");
}

int rules_load_set(struct rules_job *job, struct engine_set **ret_set, struct err *err)
{
	struct engine_options options = { .otherwise = RULE_ALLOW,
					  .report = on_problem,
					  .ctx = job };

	for (size_t i = 0; i < job->n_sources; i++) {
		if (job->sources[i].policy && job->sources[i].policy->rules_default == RULE_BLOCK)
			options.otherwise = RULE_BLOCK;
	}
	return engine_set_new(job->rules, job->n_rules, &options, ret_set, err);
}

int rules_load(struct rules_job *job, struct engine_set **ret_set)
{
	struct err err = ERR_INIT;
	int r = rules_load_sources(job, &err);
	bool told;

	if (r == 0)
		r = rules_load_set(job, ret_set, &err);
	told = job->diag_text.n > 0;
	rules_tell(job);
	if (r == 0)
		return 0;
	return told && r == -EBADMSG ? RULES_FAILED : rules_fail(job, &err);
}

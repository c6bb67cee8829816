/*
 * Theory of operation
 *
 * A file of tests is YAML: which rules (files beside it), and cases, each an event and what is to
 * become of it. Every file is loaded into a job of its own. A case is decided in a preview, which
 * leaves buckets and accounts alone; one with `times:` gets an engine of its own and really spends.
 *
 * A rule counts as covered when some case made it match. Rules made from the lines of filesystem,
 * network and process are tried by what runs, not by these tests, and are left out.
 */
#include "cli/cli.h"
#include "cli/rules.h"
#include "codec/yaml.h"

#include "base/own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TESTS_DEFAULT "capsule.test.yaml"
#define TIMES_MAX 100000
#define WHY_MAX 600

struct suite {
	struct rules_job *outer; /* what was asked for, and where the answer goes */
	struct rules_job *job;   /* of this file */
	struct json_wr *w;
	const char *path;
	struct str text;
	struct yaml_doc doc;
	struct engine_host *host;
	struct engine *engine;
	const struct engine_set *set; /* the host's */
	bool *seen;                   /* per rule of the set: it matched */
	size_t passed, failed;
	bool broken; /* the file itself is wrong */
};

struct totals {
	size_t passed, failed, rules, covered;
};

/* One case, and what came of it. */
struct test {
	uint32_t node;
	const char *name;
	uint32_t event, expect, rule, reason, findings, after, times;
	struct event *e;
	struct engine_decision *d;
	char why[WHY_MAX]; /* "": passed */
};

static void wrong(struct suite *s, uint32_t node, const char *what, const char *name,
		  const char *near)
{
	const struct yaml_node *n = yaml_at(&s->doc, node);
	struct policy_where where = { .file = s->path, .line = n->line, .col = n->col };

	s->broken = true;
	diag_add(&s->job->diag, DIAG_ERROR, where, n->width, "%s%s%s%s%s%s%s", what,
		 name ? " '" : "", name ? name : "", name ? "'" : "",
		 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* --- reading cases --- */

static const char *const test_keys[] = { "name",   "event",    "expect", "rule",
					 "reason", "findings", "after",  "times" };

static uint32_t *test_slot(struct test *t, const char *key)
{
	uint32_t *const slots[] = { NULL,       &t->event,    &t->expect, &t->rule,
				    &t->reason, &t->findings, &t->after,  &t->times };

	for (size_t i = 1; i < sizeof(slots) / sizeof(slots[0]); i++) {
		if (strcmp(key, test_keys[i]) == 0)
			return slots[i];
	}
	return NULL;
}

static bool read_test(struct suite *s, uint32_t node, struct test *t)
{
	const size_t n_keys = sizeof(test_keys) / sizeof(test_keys[0]);

	t->node = node;
	t->name = "(no name)";
	if (yaml_at(&s->doc, node)->kind != YAML_MAP) {
		wrong(s, node, "a test is a map with 'event' and 'expect'", NULL, NULL);
		return false;
	}
	for (uint32_t i = yaml_at(&s->doc, node)->child; i; i = yaml_at(&s->doc, i)->next) {
		uint32_t key = yaml_at(&s->doc, i)->key;
		const char *name = yaml_cstr(&s->doc, key);
		uint32_t *slot = test_slot(t, name);

		if (slot)
			*slot = i;
		else if (strcmp(name, "name") == 0 && yaml_at(&s->doc, i)->kind == YAML_SCALAR)
			t->name = yaml_cstr(&s->doc, i);
		else
			wrong(s, key, "unknown key", name,
			      str_nearest(str_of(name), test_keys, n_keys));
	}
	if (!t->event || !t->expect)
		wrong(s, node, t->event ? "a test without 'expect'" : "a test without 'event'",
		      NULL, NULL);
	return !s->broken;
}

/* The text of an optional scalar; NULL: absent, or wrong and told. */
static const char *scalar_of(struct suite *s, uint32_t node)
{
	if (!node)
		return NULL;
	if (yaml_at(&s->doc, node)->kind == YAML_SCALAR)
		return yaml_cstr(&s->doc, node);
	wrong(s, node, "text is wanted here", NULL, NULL);
	return NULL;
}

/* An action that a decision can be, or -1. */
static int expected_action(struct suite *s, const struct test *t)
{
	static const char *const names[] = { "allow", "rewrite", "ask", "block", "quarantine" };
	const char *text = scalar_of(s, t->expect);

	for (size_t i = 0; text && i < RULE_ACTION_N; i++) {
		if (strcmp(text, rule_action_name[i]) != 0)
			continue;
		if (i != RULE_OBSERVE && i != RULE_THROTTLE)
			return (int)i;
		wrong(s, t->expect, "no decision is", text, NULL);
		return -1;
	}
	if (text)
		wrong(s, t->expect, "no action", text,
		      str_nearest(str_of(text), names, sizeof(names) / sizeof(names[0])));
	return -1;
}

static uint64_t times_of(struct suite *s, const struct test *t)
{
	const char *text = scalar_of(s, t->times);
	uint64_t n = 1;

	if (text && (str_to_u64(str_of(text), &n) < 0 || n == 0 || n > TIMES_MAX)) {
		wrong(s, t->times, "times is 1 to 100000", NULL, NULL);
		return 1;
	}
	return n;
}

/* Mistyped ids would make a test pass or fail for no reason. */
static bool known_rule(struct suite *s, uint32_t node, const char *id)
{
	size_t n = engine_set_count(s->set);
	AUTO(freep) const char **names = calloc(n + 1, sizeof(*names));

	for (size_t i = 0; names && i < n; i++) {
		names[i] = engine_set_rule(s->set, i)->id;
		if (strcmp(id, names[i]) == 0)
			return true;
	}
	wrong(s, node, "no rule", id, names ? str_nearest(str_of(id), names, n) : NULL);
	return false;
}

/* --- deciding --- */

static void see(struct suite *s, const struct engine_set *set, const struct engine_decision *d)
{
	for (uint32_t m = 0; m < d->n_matches; m++) {
		for (size_t i = 0; i < engine_set_count(set); i++) {
			if (engine_set_rule(set, i) == d->matches[m].rule && !d->matches[m].failed)
				s->seen[i] = true;
		}
	}
}

/* @times decisions by an engine of its own; the last one is what counts. */
static int decide_often(struct suite *s, struct test *t, uint64_t times,
			struct engine_host **ret_host, struct engine **ret_engine, struct err *err)
{
	AUTO(freep) struct event *copy = calloc(1, sizeof(*copy));
	struct engine_set *set = NULL;
	int r = copy ? rules_load_set(s->job, &set, err) : -ENOMEM;

	if (r < 0)
		return r;
	*ret_host = engine_host_new();
	if (!*ret_host) {
		engine_set_free(set);
		return -ENOMEM;
	}
	engine_host_load(*ret_host, set);
	*ret_engine = engine_new(*ret_host, NULL);
	if (!*ret_engine)
		return -ENOMEM;
	event_init(copy);
	event_copy(copy, t->e);
	for (uint64_t i = 0; i < times; i++) {
		event_copy(t->e, copy);
		engine_decide(*ret_engine, t->e, t->d);
	}
	see(s, set, t->d);
	return 0;
}

/* --- comparing --- */

__attribute__((format(printf, 2, 3))) static void because(struct test *t, const char *fmt, ...)
{
	va_list ap;

	if (t->why[0])
		return;
	va_start(ap, fmt);
	(void)vsnprintf(t->why, sizeof(t->why), fmt, ap);
	va_end(ap);
}

static void compare_rule(struct suite *s, struct test *t)
{
	const char *want = scalar_of(s, t->rule), *got = t->d->rule ? t->d->rule->id : "none";

	if (!want)
		return;
	if (strcmp(want, "none") != 0 && !known_rule(s, t->rule, want))
		return;
	if (strcmp(want, got) != 0)
		because(t, "expected by rule '%s', got by '%s'", want, got);
}

static void compare_findings(struct suite *s, struct test *t)
{
	if (!t->findings)
		return;
	if (yaml_at(&s->doc, t->findings)->kind != YAML_LIST) {
		wrong(s, t->findings, "findings is a list of rules", NULL, NULL);
		return;
	}
	for (uint32_t i = yaml_at(&s->doc, t->findings)->child; i; i = yaml_at(&s->doc, i)->next) {
		const char *want = scalar_of(s, i);
		bool found = false;

		if (!want || !known_rule(s, i, want))
			continue;
		for (uint32_t m = 0; m < t->d->n_matches; m++)
			found |= strcmp(t->d->matches[m].rule->id, want) == 0 &&
				 !t->d->matches[m].failed;
		if (!found)
			because(t, "expected rule '%s' to match, it did not", want);
	}
}

/* One field after the rewrites. */
static void compare_field(struct suite *s, struct test *t, uint32_t node, struct event *want)
{
	const char *name = yaml_cstr(&s->doc, yaml_at(&s->doc, node)->key);
	enum event_field f = event_field_find(str_of(name));
	struct json *v = rules_yaml_json(&s->doc, node, name, &s->job->arena);
	AUTO(buf_done) struct buf got = BUF_INIT(4096);
	struct err err = ERR_INIT;

	if (f == EVENT_FIELD_NONE) {
		wrong(s, yaml_at(&s->doc, node)->key, "no field", name,
		      event_field_nearest(str_of(name)));
		return;
	}
	if (!v || event_read_field(want, f, v, &s->job->arena, &err) < 0) {
		wrong(s, node, err.text, NULL, NULL);
		return;
	}
	if (event_has(want, f) != event_has(t->e, f) ||
	    (event_has(want, f) && !cel_equal(want->value[f], t->e->value[f]))) {
		if (event_has(t->e, f))
			rules_print_value(t->e->value[f], &got);
		because(t, "expected another %s afterwards, got %s", name,
			event_has(t->e, f) ? buf_cstr(&got) : "none");
	}
}

static void compare_after(struct suite *s, struct test *t, struct engine *engine)
{
	AUTO(freep) struct event *want = NULL;
	struct err err = ERR_INIT;

	if (!t->after)
		return;
	if (yaml_at(&s->doc, t->after)->kind != YAML_MAP) {
		wrong(s, t->after, "after is a map of fields", NULL, NULL);
		return;
	}
	if (engine_rewrite_apply(engine, t->e, t->d, &err) < 0) {
		because(t, "the rewrite failed: %s", err.text);
		return;
	}
	want = calloc(1, sizeof(*want));
	if (!want)
		return because(t, "no memory");
	event_init(want);
	event_begin(want, t->e->type);
	for (uint32_t i = yaml_at(&s->doc, t->after)->child; i; i = yaml_at(&s->doc, i)->next)
		compare_field(s, t, i, want);
}

static void compare(struct suite *s, struct test *t, struct engine *engine)
{
	const char *reason = scalar_of(s, t->reason);
	int action = expected_action(s, t);

	if (action < 0)
		return;
	if ((enum rule_action)action != t->d->action)
		because(t, "expected %s, got %s%s%s%s", rule_action_name[action],
			rule_action_name[t->d->action], t->d->rule ? " by rule '" : "",
			t->d->rule ? t->d->rule->id : "", t->d->rule ? "'" : "");
	compare_rule(s, t);
	if (reason && (!t->d->reason || strcmp(reason, t->d->reason) != 0))
		because(t, "expected the reason '%s', got '%s'", reason,
			t->d->reason ? t->d->reason : "");
	for (uint32_t i = 0; i < t->d->n_errors; i++)
		because(t, "rule '%s' failed: %s", t->d->errors[i].rule->id, t->d->errors[i].text);
	compare_findings(s, t);
	compare_after(s, t, engine);
}

/* --- telling --- */

static void tell_text(struct suite *s, const struct test *t)
{
	const struct yaml_node *n = yaml_at(&s->doc, t->node);
	struct buf *out = &s->outer->out;

	if (t->why[0])
		buf_printf(out, "FAIL  %s (%s:%u:%u)\n      %s\n", t->name, s->path, n->line,
			   n->col, t->why);
	else if (s->outer->all)
		buf_printf(out, "ok    %s\n", t->name);
}

static void tell_json(struct suite *s, const struct test *t)
{
	struct json_wr *w = s->w;

	json_object(w);
	json_key(w, "file");
	json_strz(w, s->path);
	json_key(w, "line");
	json_u64(w, yaml_at(&s->doc, t->node)->line);
	json_key(w, "name");
	json_strz(w, t->name);
	json_key(w, "ok");
	json_bool(w, !t->why[0]);
	json_key(w, "decision");
	json_strz(w, rule_action_name[t->d->action]);
	json_key(w, "rule");
	json_strz(w, t->d->rule ? t->d->rule->id : NULL);
	json_key(w, "reason");
	json_strz(w, t->d->reason);
	json_key(w, "why");
	json_strz(w, t->why[0] ? t->why : NULL);
	json_end_object(w);
}

static void run_test(struct suite *s, uint32_t node)
{
	AUTO(freep) struct event *e = calloc(1, sizeof(*e));
	AUTO(freep) struct engine_decision *d = calloc(1, sizeof(*d));
	AUTO(engine_host_freep) struct engine_host *host = NULL;
	AUTO(engine_freep) struct engine *engine = NULL;
	struct test t = { .e = e, .d = d };
	struct err err = ERR_INIT;
	uint64_t times;
	int r = 0;

	if (!e || !d || !read_test(s, node, &t)) {
		s->broken = true;
		return;
	}
	event_init(e);
	times = times_of(s, &t);
	if (rules_event_yaml(&s->doc, t.event, e, &s->job->arena, &err) < 0) {
		wrong(s, t.event, err.text, NULL, NULL);
		return;
	}
	if (times > 1) {
		r = decide_often(s, &t, times, &host, &engine, &err);
	} else {
		engine_preview(s->engine, e, d);
		see(s, s->set, d);
	}
	if (r < 0)
		because(&t, "cannot decide: %s", err.text);
	else
		compare(s, &t, engine ? engine : s->engine);
	if (s->broken)
		return;
	s->passed += !t.why[0];
	s->failed += t.why[0] != '\0';
	if (s->w)
		tell_json(s, &t);
	else
		tell_text(s, &t);
}

/* --- a file --- */

static void yaml_tell(void *ctx, const struct yaml_problem *p)
{
	struct suite *s = ctx;
	struct policy_where where = { .file = s->path, .line = p->line, .col = p->col };

	diag_add(&s->job->diag, DIAG_ERROR, where, p->width, "%s", p->text);
}

/* A file that is named lies beside the file of tests. NULL: told, or no memory. */
static const char *beside(struct suite *s, uint32_t node)
{
	const char *slash = strrchr(s->path, '/'), *name = scalar_of(s, node);
	int folder = slash ? (int)(slash - s->path) + 1 : 0;

	if (!name || name[0] == '/' || str_starts(str_of(name), STR("preset:")))
		return name;
	return arena_printf(&s->job->arena, "%.*s%s", folder, s->path, name);
}

static bool name_rules(struct suite *s, uint32_t list)
{
	const struct yaml_node *n = yaml_at(&s->doc, list);
	uint32_t first = n->kind == YAML_LIST ? n->child : list;

	for (uint32_t i = first; i; i = n->kind == YAML_LIST ? yaml_at(&s->doc, i)->next : 0) {
		const char *path = beside(s, i);

		if (!path)
			return false;
		if (s->job->n_files == RULES_FILES_MAX) {
			wrong(s, i, "too many files of rules", NULL, NULL);
			return false;
		}
		s->job->files[s->job->n_files++] = path;
	}
	return true;
}

/* Keys of the file; @ret: its list of tests, 0: told why not. */
static uint32_t read_head(struct suite *s)
{
	static const char *const keys[] = { "rules", "policy", "tests" };
	uint32_t tests = 0, rules = 0, policy = 0;

	if (yaml_at(&s->doc, 0)->kind != YAML_MAP) {
		wrong(s, 0, "a file of tests is a map with 'rules' or 'policy', and 'tests'", NULL,
		      NULL);
		return 0;
	}
	for (uint32_t i = yaml_at(&s->doc, 0)->child; i; i = yaml_at(&s->doc, i)->next) {
		const char *key = yaml_cstr(&s->doc, yaml_at(&s->doc, i)->key);

		if (strcmp(key, "rules") == 0)
			rules = i;
		else if (strcmp(key, "policy") == 0)
			policy = i;
		else if (strcmp(key, "tests") == 0)
			tests = i;
		else
			wrong(s, yaml_at(&s->doc, i)->key, "unknown key", key,
			      str_nearest(str_of(key), keys, 3));
	}
	if (!tests || yaml_at(&s->doc, tests)->kind != YAML_LIST)
		wrong(s, tests, "'tests' is a list, and must be there", NULL, NULL);
	if (s->job->n_files || s->job->policy)
		return s->broken ? 0 : tests; /* the command line's word goes first */
	if (rules && !name_rules(s, rules))
		return 0;
	if (policy)
		s->job->policy = beside(s, policy);
	return s->broken ? 0 : tests;
}

static int load_suite(struct suite *s, uint32_t *ret_tests, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_INIT(2 * YAML_SIZE_MAX);
	struct engine_set *set = NULL;
	const char *copy;
	int r = cli_file_read(s->path, &text, err);

	if (r < 0)
		return r;
	copy = arena_strdup(&s->job->arena, buf_str(&text));
	if (!copy)
		return err_set(err, ENOMEM, "%s", s->path);
	s->text = (struct str){ .p = copy, .n = text.n };
	diag_file_add(&s->job->diag, s->path, s->text);
	r = yaml_parse(&s->job->arena, s->text, yaml_tell, s, &s->doc);
	if (r == 0)
		*ret_tests = read_head(s);
	if (r < 0 || s->broken)
		return diag_result(&s->job->diag, err);
	r = rules_load_sources(s->job, err);
	if (r == 0)
		r = rules_load_set(s->job, &set, err);
	if (r < 0)
		return r;
	s->set = set;
	s->seen = arena_array(&s->job->arena, engine_set_count(set) + 1, bool);
	s->host = engine_host_new();
	if (s->host)
		engine_host_load(s->host, set);
	s->engine = s->host ? engine_new(s->host, NULL) : NULL;
	return s->engine && s->seen ? 0 : err_set(err, ENOMEM, "%s", s->path);
}

static void count_coverage(struct suite *s, struct totals *t, struct json_wr *uncovered)
{
	size_t n = s->set ? engine_set_count(s->set) : 0, missing = 0;
	struct buf *out = &s->outer->out;

	for (size_t i = 0; i < n; i++) {
		const struct policy_rule *rule = engine_set_rule(s->set, i);

		if (rule->section)
			continue;
		t->rules++;
		t->covered += s->seen[i];
		if (s->seen[i])
			continue;
		if (uncovered) {
			json_strz(uncovered, rule->id);
			continue;
		}
		buf_printf(out, "%s%s (", missing++ ? ", " : "never matched: ", rule->id);
		engine_rule_where(rule, out);
		buf_putc(out, ')');
	}
	if (missing)
		buf_putc(out, '\n');
}

static void suite_done(struct suite *s)
{
	engine_free(s->engine);
	engine_host_free(s->host);
	rules_job_done(s->job);
}

/* One file: 0, RULES_FAILED when the file itself is wrong, or CLI_FAILED. */
static int run_file(struct rules_job *outer, const char *path, struct totals *totals,
		    struct json_wr *w, struct json_wr *uncovered)
{
	AUTO(freep) struct rules_job *job = calloc(1, sizeof(*job));
	struct suite s = { .outer = outer, .job = job, .w = w, .path = path };
	struct err err = ERR_INIT;
	uint32_t tests = 0;
	int status = 0;

	if (!job)
		return CLI_FAILED;
	rules_job_init(job, outer);
	if (load_suite(&s, &tests, &err) < 0) {
		status = job->diag_text.n && err.code == EBADMSG ? RULES_FAILED
								 : rules_fail(job, &err);
	} else {
		for (uint32_t i = yaml_at(&s.doc, tests)->child; i && !diag_full(&job->diag);
		     i = yaml_at(&s.doc, i)->next) {
			s.broken = false;
			run_test(&s, i);
		}
		status = job->diag.errors ? RULES_FAILED : 0;
		count_coverage(&s, totals, uncovered);
	}
	rules_tell(job);
	totals->passed += s.passed;
	totals->failed += s.failed;
	suite_done(&s);
	return status;
}

static void put_totals(struct json_wr *w, const struct totals *t, struct str uncovered, int status)
{
	json_key(w, "ok");
	json_bool(w, status == 0);
	json_key(w, "passed");
	json_u64(w, t->passed);
	json_key(w, "failed");
	json_u64(w, t->failed);
	json_key(w, "rules");
	json_u64(w, t->rules);
	json_key(w, "covered");
	json_u64(w, t->covered);
	json_key(w, "uncovered");
	json_raw(w, uncovered);
	json_end_object(w);
}

static size_t percent(const struct totals *t)
{
	return t->rules ? t->covered * 100 / t->rules : 100;
}

static int run_files(struct rules_job *job, uint64_t coverage)
{
	static char beside[] = TESTS_DEFAULT, *const found[] = { beside };
	char *const *files = job->n_args ? job->args : found;
	AUTO(buf_done) struct buf list = BUF_INIT(RULES_OUT_MAX);
	struct json_wr w = json_wr_init(&job->out), lw = json_wr_init(&list);
	struct totals t = { 0 };
	int status = 0;

	if (job->json) {
		json_object(&w);
		json_key(&w, "tests");
		json_array(&w);
		json_array(&lw);
	}
	for (int i = 0; i < (job->n_args ? job->n_args : 1) && status != CLI_FAILED; i++) {
		int r = run_file(job, files[i], &t, job->json ? &w : NULL, job->json ? &lw : NULL);

		status = r ? r : status;
	}
	if (t.failed || percent(&t) < coverage)
		status = status ? status : RULES_FAILED;
	if (job->json) {
		json_end_array(&w);
		json_end_array(&lw);
		put_totals(&w, &t, buf_str(&list), status);
		buf_putc(&job->out, '\n');
	} else {
		buf_printf(&job->out, "%zu passed, %zu failed; %zu of %zu rules matched (%zu%%)\n",
			   t.passed, t.failed, t.covered, t.rules, percent(&t));
	}
	return rules_put_out(job) ? CLI_FAILED : status;
}

int rules_test(struct rules_job *job)
{
	uint64_t coverage = 0;

	if (job->coverage && (str_to_u64(str_of(job->coverage), &coverage) < 0 || coverage > 100)) {
		fputs("capsule rules test: --coverage is 0 to 100\n", stderr);
		return CLI_USAGE;
	}
	return run_files(job, coverage);
}

/*
 * rules - what the sub-verbs of `capsule rules` share. Each sub-verb is a function of the job.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json_rd.h"
#include "codec/json_wr.h"
#include "engine/engine.h"
#include "engine/pack.h"
#include "policy/policy.h"
#include "policy/rule_pack.h"

#include <limits.h>
#include <stdio.h>

#define RULES_FAILED 1 /* exit status: a mistake, a failed test, an evaluation error */
#define RULES_FILES_MAX 14
#define RULES_OUT_MAX (64U << 20)
#define RULES_LINE_MAX (4U << 20) /* bytes of one recorded event */

struct rules_sub;

/* A file of rules that was loaded: a pack, or a policy. */
struct rules_source {
	const char *path;
	struct pack *pack; /* one of these three */
	struct rule_pack *ours;
	struct policy *policy;
	const struct policy_rule *rules;
	size_t n_rules;
};

struct rules_job {
	const struct rules_sub *sub;
	const char *files[RULES_FILES_MAX]; /* --rules, and for some verbs the arguments */
	size_t n_files;
	const char *policy, *workspace, *event, *format, *coverage, *seconds;
	bool json, all;
	char **args;
	int n_args;

	char workspace_mem[PATH_MAX];
	struct policy_vars vars;
	struct arena arena;
	struct buf out;

	struct diag diag;
	struct buf diag_text;
	struct rules_source sources[RULES_FILES_MAX];
	size_t n_sources;
	struct policy_rule *rules; /* of all sources, in their order */
	size_t n_rules;
};

struct rules_sub {
	const char *name, *args, *what;
	int min_args, max_args;
	int (*run)(struct rules_job *job);
	const char *options; /* the letters of those it takes beside p w R h j */
	const char *more;    /* for its --help */
};

int rules_check(struct rules_job *job);
int rules_list(struct rules_job *job);
int rules_eval(struct rules_job *job);
int rules_test(struct rules_job *job);
int rules_backtest(struct rules_job *job);
int rules_explain(struct rules_job *job);
int rules_bench(struct rules_job *job);

/* A job with the rules, options and places of @outer, and nothing loaded; @outer may be NULL. */
void rules_job_init(struct rules_job *job, const struct rules_job *outer);
void rules_job_done(struct rules_job *job);

/* --- rules_load.c --- */

/*
 * Load the files of rules of @job, or the policy that counts here, and compile them. What is wrong
 * goes to job->diag. 0; else the exit status, after everything was told.
 */
int rules_load(struct rules_job *job, struct engine_set **ret_set);
/* The sources alone, told to job->diag; 0 or a negative errno with @err. */
int rules_load_sources(struct rules_job *job, struct err *err);
int rules_load_set(struct rules_job *job, struct engine_set **ret_set, struct err *err);
/* Print what job->diag holds to stderr. */
void rules_tell(struct rules_job *job);
/* Why nothing can go on: to stderr. @return CLI_FAILED or RULES_FAILED by the code of @err. */
int rules_fail(const struct rules_job *job, const struct err *err);

/* --- rules_events.c --- */

/* One recorded event; all of it is valid until the next one. */
struct rules_event {
	struct event *event;
	const struct json *ref;      /* "event_ref" of a Capsem context; or NULL */
	const struct json *decision; /* what was decided when it was recorded; or NULL */
	const char *file;
	unsigned line;
	struct arena *arena; /* for the time of the call */
};

/* A return other than 0 ends the reading and is returned. */
typedef int rules_event_fn(void *ctx, const struct rules_event *e);

struct rules_events_count {
	uint64_t events;  /* told */
	uint64_t skipped; /* records that hold no event */
};

/*
 * The events of @path ("-": standard input), one JSON object a line: Capsem policy contexts, records
 * of capsule.log, or bare events. A line that is none of these is a mistake: -EBADMSG.
 */
int rules_events_read(const char *path, rules_event_fn *fn, void *ctx,
		      struct rules_events_count *count, struct err *err);

/* One event from a whole file, JSON or YAML, as a test writes it; values live in @arena. */
int rules_event_load(const char *path, struct event *e, struct arena *arena, struct err *err);

/* An event from YAML: maps nested or with dotted keys. @err has "LINE:COL: what". */
struct yaml_doc;
int rules_event_yaml(const struct yaml_doc *doc, uint32_t node, struct event *e,
		     struct arena *arena, struct err *err);
/* YAML to the JSON that the table wants for the field of that name. NULL: no memory. */
struct json *rules_yaml_json(const struct yaml_doc *doc, uint32_t node, const char *name,
			     struct arena *arena);

/* --- rules_print.c --- */

/* Everything in job->out to stdout; text is made safe for a terminal first, JSON is so. */
int rules_put_out(struct rules_job *job);
/* Text of a policy, an event or a name may hold anything; a terminal is to see none of it. */
void rules_put_safe(struct str text, struct buf *out);
/* rules_value.c: a value as an expression would write it, and as JSON. */
void rules_print_value(struct cel_value v, struct buf *out);
void rules_put_value(struct cel_value v, struct json_wr *w);
/* Compact JSON with line breaks and indentation by two, as Capsem's files are. */
void rules_pretty_json(struct str json, struct buf *out);
/* "matched_fields": what the rule's condition read of @e and was there. Also for people. */
void rules_put_reads(const struct policy_rule *rule, const struct event *e, struct arena *arena,
		     struct json_wr *w);
void rules_print_reads(const struct policy_rule *rule, const struct event *e, struct arena *arena,
		       struct buf *out);

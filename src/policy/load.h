/*
 * load - what the parts of the loader share: private to src/policy.
 *
 * A load reads sources (files, presets) base first and applies each, through the schema table, to
 * one struct policy: lists grow, single values are replaced. Then the whole is checked.
 */
#pragma once

#include "codec/yaml.h"
#include "policy/diag.h"
#include "policy/policy.h"
#include "policy/schema.h"

#define LOAD_ARENA_MAX (48U << 20)
#define LOAD_SOURCES_MAX DIAG_FILES_MAX
#define LOAD_EXTENDS_DEPTH 8
#define LOAD_PATHS_MAX 1024 /* of the policy; and of one tool */
#define LOAD_TOOLS_MAX 256

/* Whose word a source is. */
enum load_trust {
	TRUST_BUILTIN, /* a preset */
	TRUST_ORG,     /* the organisation's file */
	TRUST_USER,    /* the user's own file, or one named on the command line */
	TRUST_PROJECT  /* found in the workspace: came with a clone */
};

struct load_source {
	const char *name; /* as shown, and policy_where.file */
	const char *path; /* absolute; NULL: a preset */
	struct str text;
	struct yaml_doc doc;
	uint8_t digest[BLAKE3_OUT];
	enum load_trust trust;
	dev_t dev;
	ino_t ino;
	bool busy; /* being applied: meeting it again is a cycle */
	/* For what a project's file led to: the entry of its `extends`. */
	struct policy_where via;
};

/* A path entry while its map is being read. */
struct load_path_draft {
	uint32_t node; /* of the path's text; 0: none yet */
	bool optional;
};

struct load_sysc_draft {
	struct policy_sysc_rule rule;
	bool has_action, has_error;
	uint32_t name_node;
};

struct load_rule_draft {
	struct policy_rule rule;
	struct rule_rewrite rewrite;
	unsigned n_ops;
	const char *with;
	bool has_ask;
	int unenforced; /* a type that nothing of this build stops, and `on` asks for; or -1 */
	/* of what is looked at when the whole is known; 0: was not said */
	uint32_t on_node, when_node, phase_node, rate_node, by_node, of_node, amount_node;
};

/* Growing arrays: room for each list of the policy. */
enum load_list {
	LIST_PATHS,
	LIST_WITHIN,
	LIST_ENV_PASS,
	LIST_ENV_PASS_WHERE,
	LIST_ENV_SET,
	LIST_ENV_SET_WHERE,
	LIST_ENV_UNSET,
	LIST_ENV_UNSET_WHERE,
	LIST_REDACT,
	LIST_REDACT_WHERE,
	LIST_COMMANDS_ALLOW,
	LIST_COMMANDS_DENY,
	LIST_SYSC,
	LIST_TOOLS,
	LIST_TOOL_PATHS,
	LIST_TOOL_ARGV,
	LIST_RULES,
	LIST_RULE_TAGS,
	LIST_RULE_REWRITES,
	LIST_N
};

struct load {
	struct policy *p;
	const struct policy_vars *vars;
	struct diag *diag;
	struct arena *arena; /* the policy's */
	bool offline;        /* judge the text alone: look at no other file */
	bool grants;         /* the source being applied is the user's grants.yaml */

	struct load_source sources[LOAD_SOURCES_MAX];
	unsigned n_sources;
	unsigned depth;          /* of extends */
	struct load_source *src; /* being applied */

	struct policy_tool *tool; /* inside tools.NAME; NULL: top level */
	struct load_path_draft path;
	struct load_sysc_draft sysc;
	struct load_rule_draft rule;
	size_t cap[LIST_N];
	size_t regex_size; /* of all expressions, written out */
	bool no_memory;
};

struct policy_where load_where(const struct load *l, uint32_t node);
/* Of byte @offset of the scalar's text (scalar_at.c): for what is checked inside it. */
struct policy_where load_where_in(const struct load *l, uint32_t node, size_t offset);
/* Error or warning at @node of the source being applied. */
__attribute__((format(printf, 3, 4))) void load_error(struct load *l, uint32_t node,
						      const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void load_warning(struct load *l, uint32_t node,
							const char *fmt, ...);

/* Append @item of @elem bytes to an array of the policy; sets no_memory on failure. */
void load_append(struct load *l, enum load_list list, void *array_p, size_t *count,
		 const void *item, size_t elem);

/* schema_walk.c: apply the document of l->src to the policy. */
void load_apply(struct load *l);
/* The same along another table, for a document that is not a whole policy. */
void load_apply_as(struct load *l, const struct schema *root);

/* A plain word that some YAML reader takes for something else ("no", "null"): why, or NULL. */
const char *load_word_ambiguous(struct str text);

/* value.c: scalars. false: an error was reported. */
struct load_value {
	struct str text; /* NUL-terminated */
	uint64_t number;
	unsigned choice; /* index */
};
bool load_value_parse(struct load *l, const struct schema *s, uint32_t node,
		      struct load_value *ret);

/* path.c */
bool load_path_expand(struct load *l, uint32_t node, struct str text, const char **ret_path);
/* The same where a pattern may stand: then *@ret_glob. */
bool load_path_pattern(struct load *l, uint32_t node, struct str text, const char **ret_path,
		       bool *ret_glob);
/* Which of what takes away is there, and what it really names. */
void load_paths_look(struct load *l);
void load_paths_check(struct load *l); /* after all is merged: missing paths, contradictions */

/* argv.c: a command pattern. */
bool load_argv_text(struct load *l, uint32_t node, struct policy_argv *ret);
bool load_argv_list(struct load *l, uint32_t node, struct policy_argv *ret);

/* apply_sysc.c: one `when` item: "arg2 & PROT_EXEC". */
bool load_sysc_when(struct load *l, uint32_t node, struct policy_sysc_cond *ret);
bool load_sysc_name(struct load *l, uint32_t node, struct str name);

/* grants.c: what the user has answered with "always", into @l->p, which is otherwise complete. */
int load_grants(struct load *l, struct err *err);

/* tool.c: complete the tools' own grants, and hold them against the policy's. */
void load_tools_check(struct load *l);

/* narrow.c: hold @l->p against @ceiling: errors for what goes beyond, then inherit its denials. */
void load_narrow(struct load *l, const struct policy *ceiling);

/*
 * source.c: read a source into l->sources. @from: the source whose `extends` at @node names it, or
 * NULL for the first. *@ret NULL on success: it took part already. -EBADMSG: reported; else errno.
 */
int load_source_file(struct load *l, const char *path, enum load_trust trust,
		     const struct load_source *from, uint32_t node, struct load_source **ret,
		     struct err *err);
int load_source_preset(struct load *l, struct str name, const struct load_source *from,
		       uint32_t node, struct load_source **ret);
int load_source_text(struct load *l, const char *name, struct str text, struct load_source **ret);

/* preset.c */
struct preset {
	const char *name;        /* "agent" */
	const char *source_name; /* "preset:agent" */
	const char *text;
	uint32_t n_text;
	struct yaml_doc doc;
	uint8_t digest[BLAKE3_OUT];
};
extern const struct preset preset_table[]; /* made at build time from share/presets */
extern const size_t preset_count;
const struct preset *preset_find(struct str name);
const char *preset_nearest(struct str name); /* or NULL */

/*
 * pack - a rule pack as its author wrote it: read, held against its schema, not yet compiled.
 *
 * Capsem's enforcement packs (schema "capsem.enforcement-pack.v1", TOML or JSON) are read as they
 * are. Whatever the schema does not know is refused, and so is what it lets through but cannot mean
 * anything: an event type that does not exist, a rewrite without its payload, an id used twice.
 * Every text keeps its place, so that a mistake in a condition is shown in the pack's own line.
 *
 * A revoked pack is an error: nothing of it may take effect. A deprecated one is a warning.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "codec/blake3.h"
#include "event/table.h"
#include "policy/diag.h"

#define PACK_SCHEMA_CAPSEM "capsem.enforcement-pack.v1"
#define PACK_MEMORY_MAX (64U << 20)

enum pack_status { PACK_ACTIVE, PACK_DEPRECATED, PACK_REVOKED };
enum pack_owner { PACK_CORP, PACK_VENDOR, PACK_USER };
enum pack_decision { PACK_ALLOW, PACK_BLOCK, PACK_ASK, PACK_REWRITE };

struct pack_list {
	const char *const *items;
	size_t n;
};

struct pack_rewrite {
	const char *target;        /* a field */
	struct policy_where where; /* line 0: there is none */
	struct policy_where target_where;
	const char *value; /* NULL: none */
	struct pack_list strip_request_headers, strip_response_headers;
};

struct pack_provenance {
	const char *generated_by, *source_pack, *source_profile_revision, *confirm_id,
		*detection_suggestion_id;
};

struct pack_rule {
	const char *id, *name, *description, *reason;
	struct policy_where where; /* of its id */
	bool enabled;
	unsigned family; /* index among the schema's */
	const char *event_type;
	struct policy_where event_where;
	enum event_type type; /* of event_type */
	int64_t priority;     /* -1000..1000, lower first */
	const char *condition;
	uint32_t condition_node; /* for pack_where() */
	unsigned decision;       /* enum pack_decision */
	struct pack_rewrite rewrite;
	struct pack_list tags, references;
	struct pack_provenance provenance;
};

struct pack_locks {
	bool editable, allow_user_disable, allow_severity_override, allow_suppression;
};

struct pack_scope {
	struct pack_list profile_ids, profile_types, required_tools, required_packages;
	struct policy_where where; /* line 0: none was written */
};

struct pack_doc;

struct pack {
	struct arena arena; /* holds all of it */
	const char *file;   /* as it is shown; policy_where.file */
	struct str text;
	uint8_t digest[BLAKE3_OUT]; /* of the text */
	const struct pack_doc *doc;

	const char *schema, *id, *version, *description;
	unsigned status; /* enum pack_status */
	unsigned owner;  /* enum pack_owner */
	struct pack_scope scope;
	struct pack_locks locks;
	struct pack_rule *rules;
	size_t n_rules;
};

extern const char *const pack_status_names[], *const pack_owner_names[],
						      *const pack_decision_names[];

/*
 * Read @text, which is copied, shown as @file. Mistakes go to @diag, which quotes their lines until
 * the pack is freed. -EBADMSG after at least one error in @diag; -ENOMEM. JSON when the first
 * character that is no blank is '{', else TOML.
 */
int pack_read(const char *file, struct str text, struct diag *diag, struct pack **ret_pack,
	      struct err *err);

/* The same for a file; @path "-" is standard input. Also errno of open and read. */
int pack_load(const char *path, struct diag *diag, struct pack **ret_pack, struct err *err);

struct pack *pack_free(struct pack *pack); /* NULL-safe, returns NULL */
void pack_freep(struct pack **pack);

/* Where byte @offset of the rule's condition stands in the file. */
struct policy_where pack_where(const struct pack *pack, const struct pack_rule *rule,
			       size_t offset);

/*
 * Theory of operation
 *
 * The schema is a set of tables, one per object of the JSON Schema that Capsem publishes: name of a
 * field, what may stand there, whether it must, and where it goes in the C structure. One walk reads
 * any object along its table and tells every mistake, so that an author sees all of them at once.
 * What the schema cannot say (ids once only, types of events that exist, a rewrite that has
 * something to write) is checked afterwards, rule by rule.
 */
#include "engine/pack.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/map.h"
#include "base/own.h"
#include "codec/yaml.h"
#include "engine/pack_doc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

const char *const pack_status_names[] = { "active", "deprecated", "revoked", NULL };
const char *const pack_owner_names[] = { "corp", "vendor", "user", NULL };
const char *const pack_decision_names[] = { "allow", "block", "ask", "rewrite", NULL };
static const char *const schema_names[] = { PACK_SCHEMA_CAPSEM, NULL };
static const char *const family_names[] = { "dns",     "http",         "mcp",        "model",
					    "file",    "process",      "credential", "vm",
					    "profile", "conversation", NULL };
static const char *const profile_types[] = { "everyday-work", "coding", NULL };

enum form { TEXT, ID, BOOL, INT, CHOICE, TEXTS, TABLE, TABLES };

struct table;

struct field {
	const char *name;
	enum form form;
	bool required, nullable;
	size_t to;                  /* offset of its value in the structure */
	size_t where_to;            /* offset of a struct policy_where; 0: nowhere (never first) */
	size_t node_to;             /* offset of a uint32_t that takes the node, or 0 */
	unsigned min, max;          /* ID: characters */
	const char *const *choices; /* CHOICE: NULL-terminated; TEXTS: or NULL */
	const struct table *table;
	size_t count_to; /* TABLES: offset of the size_t */
};

struct table {
	const char *what; /* "a rule" */
	const struct field *fields;
	size_t n, size;
};

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))
#define P(f) .to = offsetof(struct pack, f)
#define R(f) .to = offsetof(struct pack_rule, f)
#define AT(s, f) .where_to = offsetof(struct s, f)

static const struct field locks_fields[] = {
	{ "editable", BOOL, .to = offsetof(struct pack_locks, editable) },
	{ "allow_user_disable", BOOL, .to = offsetof(struct pack_locks, allow_user_disable) },
	{ "allow_severity_override", BOOL,
	  .to = offsetof(struct pack_locks, allow_severity_override) },
	{ "allow_suppression", BOOL, .to = offsetof(struct pack_locks, allow_suppression) },
};
static const struct table locks_table = { "locks", locks_fields, N_OF(locks_fields),
					  sizeof(struct pack_locks) };

static const struct field scope_fields[] = {
	{ "profile_ids", TEXTS, .to = offsetof(struct pack_scope, profile_ids) },
	{ "profile_types", TEXTS, .to = offsetof(struct pack_scope, profile_types),
	  .choices = profile_types },
	{ "required_tools", TEXTS, .to = offsetof(struct pack_scope, required_tools) },
	{ "required_packages", TEXTS, .to = offsetof(struct pack_scope, required_packages) },
};
static const struct table scope_table = { "profile_scope", scope_fields, N_OF(scope_fields),
					  sizeof(struct pack_scope) };

static const struct field rewrite_fields[] = {
	{ "target", TEXT, .required = true, .to = offsetof(struct pack_rewrite, target),
	  AT(pack_rewrite, target_where) },
	{ "value", TEXT, .nullable = true, .to = offsetof(struct pack_rewrite, value) },
	{ "strip_request_headers", TEXTS,
	  .to = offsetof(struct pack_rewrite, strip_request_headers) },
	{ "strip_response_headers", TEXTS,
	  .to = offsetof(struct pack_rewrite, strip_response_headers) },
};
static const struct table rewrite_table = { "rewrite", rewrite_fields, N_OF(rewrite_fields),
					    sizeof(struct pack_rewrite) };

#define V(f) .nullable = true, .to = offsetof(struct pack_provenance, f)
static const struct field provenance_fields[] = {
	{ "generated_by", TEXT, V(generated_by) },
	{ "source_pack", TEXT, V(source_pack) },
	{ "source_profile_revision", TEXT, V(source_profile_revision) },
	{ "confirm_id", TEXT, V(confirm_id) },
	{ "detection_suggestion_id", TEXT, V(detection_suggestion_id) },
};
static const struct table provenance_table = { "provenance", provenance_fields,
					       N_OF(provenance_fields),
					       sizeof(struct pack_provenance) };

static const struct field rule_fields[] = {
	{ "id", ID, .required = true, R(id), AT(pack_rule, where), .min = 2, .max = 128 },
	{ "name", TEXT, .required = true, R(name) },
	{ "description", TEXT, .nullable = true, R(description) },
	{ "enabled", BOOL, R(enabled) },
	{ "event_family", CHOICE, .required = true, R(family), .choices = family_names },
	{ "event_type", TEXT, .required = true, R(event_type), AT(pack_rule, event_where) },
	{ "priority", INT, R(priority) },
	{ "condition", TEXT, .required = true, R(condition),
	  .node_to = offsetof(struct pack_rule, condition_node) },
	{ "decision", CHOICE, .required = true, R(decision), .choices = pack_decision_names },
	{ "rewrite", TABLE, .nullable = true, R(rewrite), AT(pack_rule, rewrite.where),
	  .table = &rewrite_table },
	{ "reason", TEXT, .nullable = true, R(reason) },
	{ "tags", TEXTS, R(tags) },
	{ "references", TEXTS, R(references) },
	{ "provenance", TABLE, R(provenance), .table = &provenance_table },
};
static const struct table rule_table = { "a rule", rule_fields, N_OF(rule_fields),
					 sizeof(struct pack_rule) };

static const struct field pack_fields[] = {
	{ "schema", CHOICE, P(schema), .choices = schema_names },
	{ "id", ID, .required = true, P(id), .min = 3, .max = 96 },
	{ "version", TEXT, .required = true, P(version) },
	{ "status", CHOICE, .required = true, P(status), .choices = pack_status_names },
	{ "owner", CHOICE, .required = true, P(owner), .choices = pack_owner_names },
	{ "description", TEXT, .nullable = true, P(description) },
	{ "profile_scope", TABLE, P(scope), AT(pack, scope.where), .table = &scope_table },
	{ "locks", TABLE, P(locks), .table = &locks_table },
	{ "rules", TABLES, .required = true, P(rules), .table = &rule_table,
	  .count_to = offsetof(struct pack, n_rules) },
};
static const struct table pack_table = { "the pack", pack_fields, N_OF(pack_fields),
					 sizeof(struct pack) };

struct walk {
	struct pack *pack;
	struct diag *diag;
	const struct toml_doc *tree;
	bool no_memory;
};

/* --- the walk --- */

#define wrong(w, node, ...)                                                  \
	diag_add((w)->diag, DIAG_ERROR, pack_doc_at((w)->pack->doc, (node)), \
		 toml_at((w)->tree, (node))->width, __VA_ARGS__)

/* A name from the file, short and printable. */
static const char *shown(struct str s, char room[64])
{
	size_t n = s.n < 40 ? s.n : 40;

	for (size_t i = 0; i < n; i++)
		room[i] = s.p[i] >= ' ' && s.p[i] < 0x7f ? s.p[i] : '?';
	(void)snprintf(room + n, 4, "%s", s.n > n ? "..." : "");
	return room;
}

static const char *take_text(struct walk *w, const struct field *f, uint32_t node)
{
	struct str s = toml_str(w->tree, node);
	size_t at = 0;
	const char *bad = yaml_text_wrong(s, &at);

	if (s.n == 0 && strcmp(f->name, "value") != 0) {
		wrong(w, node, "%s is empty", f->name);
		return NULL;
	}
	if (bad) {
		diag_add(w->diag, DIAG_ERROR, pack_doc_text_at(w->pack->doc, node, at), 1,
			 "%s in the text", bad);
		return NULL;
	}
	return s.p; /* the tree's pool lives as long as the pack, and has a NUL behind each text */
}

static bool id_ok(struct str s, unsigned min, unsigned max)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool first = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!first && (i == 0 || (c != '_' && c != '.' && c != '-')))
			return false;
	}
	return s.n >= min && s.n <= max;
}

static void take_id(struct walk *w, const struct field *f, uint32_t node, void *to)
{
	struct str s = toml_str(w->tree, node);

	if (id_ok(s, f->min, f->max))
		*(const char **)to = s.p;
	else
		wrong(w, node,
		      "not an id: %u to %u of a-z 0-9 _ . -, and the first a letter or digit",
		      f->min, f->max);
}

/* Index among the choices, or -1 after telling. */
static int choice_of(struct walk *w, const struct field *f, uint32_t node)
{
	struct str s = toml_str(w->tree, node);
	char room[64], all[200];
	struct buf list = buf_fixed(all, sizeof(all));
	const char *near;
	size_t n = 0;

	for (; f->choices[n]; n++) {
		if (str_eqz(s, f->choices[n]))
			return (int)n;
		buf_printf(&list, "%s%s", n ? ", " : "", f->choices[n]);
	}
	near = str_nearest(s, f->choices, n);
	if (near)
		wrong(w, node, "%s cannot be '%s'; did you mean '%s'?", f->name, shown(s, room),
		      near);
	else
		wrong(w, node, "%s cannot be '%s'; there are: %s", f->name, shown(s, room),
		      buf_cstr(&list));
	return -1;
}

static void take_choice(struct walk *w, const struct field *f, uint32_t node, void *to)
{
	int choice = choice_of(w, f, node);

	if (choice < 0)
		return;
	if (f->choices == schema_names)
		*(const char **)to = f->choices[choice];
	else
		*(unsigned *)to = (unsigned)choice;
}

static void take_texts(struct walk *w, const struct field *f, uint32_t list, void *to)
{
	const struct toml_node *n = toml_at(w->tree, list);
	const char **items = arena_array(&w->pack->arena, n->count + 1, const char *);
	size_t count = 0;

	if (!items) {
		w->no_memory = true;
		return;
	}
	for (uint32_t i = n->child; i; i = toml_at(w->tree, i)->next) {
		if (toml_at(w->tree, i)->kind != TOML_STRING)
			wrong(w, i, "%s is a list of texts, not of %s", f->name,
			      toml_kind_name(toml_at(w->tree, i)));
		else if (!f->choices || choice_of(w, f, i) >= 0)
			items[count] = take_text(w, f, i);
		if (items[count])
			count++;
	}
	*(struct pack_list *)to = (struct pack_list){ .items = items, .n = count };
}

static void take_table(struct walk *w, const struct table *t, uint32_t node, char *to);

static void take_tables(struct walk *w, const struct field *f, uint32_t list, char *base)
{
	const struct toml_node *n = toml_at(w->tree, list);
	char *items = arena_calloc(&w->pack->arena, n->count + 1, f->table->size);
	size_t count = 0;

	if (!items) {
		w->no_memory = true;
		return;
	}
	if (n->count == 0)
		wrong(w, list, "%s is empty", f->name);
	for (uint32_t i = n->child; i; i = toml_at(w->tree, i)->next) {
		struct pack_rule *rule = (void *)(items + count++ * f->table->size);

		rule->where = pack_doc_at(w->pack->doc, i);
		rule->enabled = true;
		rule->priority = 100;
		if (toml_at(w->tree, i)->kind != TOML_TABLE)
			wrong(w, i, "%s is a table, not %s", f->table->what,
			      toml_kind_name(toml_at(w->tree, i)));
		else if (!diag_full(w->diag))
			take_table(w, f->table, i, (char *)rule);
	}
	memcpy(base + f->to, &items, sizeof(items));
	memcpy(base + f->count_to, &count, sizeof(count));
}

static const char *const form_names[] = {
	[TEXT] = "text",          [ID] = "text",
	[BOOL] = "true or false", [INT] = "a whole number",
	[CHOICE] = "text",        [TEXTS] = "a list of texts",
	[TABLE] = "a table",      [TABLES] = "a list of tables",
};
static const uint8_t form_kinds[] = {
	[TEXT] = TOML_STRING,   [ID] = TOML_STRING,   [BOOL] = TOML_BOOL,   [INT] = TOML_INT,
	[CHOICE] = TOML_STRING, [TEXTS] = TOML_ARRAY, [TABLE] = TOML_TABLE, [TABLES] = TOML_ARRAY,
};

static void take_field(struct walk *w, const struct field *f, uint32_t node, char *base)
{
	const struct toml_node *n = toml_at(w->tree, node);
	char *to = base + f->to;
	const char *text;

	if (n->kind == TOML_NULL && f->nullable)
		return;
	if (n->kind != form_kinds[f->form]) {
		wrong(w, node, "%s is %s, not %s", f->name, form_names[f->form], toml_kind_name(n));
		return;
	}
	if (f->where_to)
		*(struct policy_where *)(void *)(base + f->where_to) =
			pack_doc_at(w->pack->doc, node);
	if (f->node_to)
		memcpy(base + f->node_to, &node, sizeof(node));
	switch (f->form) {
	case TEXT:
		text = take_text(w, f, node);
		memcpy(to, &text, sizeof(text));
		break;
	case ID: take_id(w, f, node, to); break;
	case BOOL: memcpy(to, &n->b, sizeof(n->b)); break;
	case INT:
		memcpy(to, &n->i, sizeof(n->i));
		if (n->i < -1000 || n->i > 1000)
			wrong(w, node, "%s is -1000 to 1000", f->name);
		break;
	case CHOICE: take_choice(w, f, node, to); break;
	case TEXTS: take_texts(w, f, node, to); break;
	case TABLE: take_table(w, f->table, node, to); break;
	case TABLES: take_tables(w, f, node, base); break;
	}
}

static void unknown_key(struct walk *w, const struct table *t, uint32_t node)
{
	struct str key = toml_key(w->tree, node);
	const char *names[16], *near;
	char room[64];

	for (size_t i = 0; i < t->n; i++)
		names[i] = t->fields[i].name;
	near = str_nearest(key, names, t->n);
	diag_add(w->diag, DIAG_ERROR, pack_doc_key_at(w->pack->doc, node),
		 (unsigned)(key.n && key.n < 80 ? key.n : 1), "unknown key '%s' in %s%s%s%s",
		 shown(key, room), t->what, near ? "; did you mean '" : "", near ? near : "",
		 near ? "'?" : "");
}

static void take_table(struct walk *w, const struct table *t, uint32_t node, char *to)
{
	uint32_t seen = 0;

	for (uint32_t i = toml_at(w->tree, node)->child; i; i = toml_at(w->tree, i)->next) {
		size_t f = 0;

		if (diag_full(w->diag))
			return;
		while (f < t->n && !str_eqz(toml_key(w->tree, i), t->fields[f].name))
			f++;
		if (f == t->n) {
			unknown_key(w, t, i);
			continue;
		}
		seen |= 1u << f;
		take_field(w, &t->fields[f], i, to);
	}
	for (size_t f = 0; f < t->n; f++) {
		if (t->fields[f].required && !(seen & 1u << f))
			wrong(w, node, "%s has no '%s'", t->what, t->fields[f].name);
	}
}

/* --- what the schema cannot say --- */

static void check_event(struct walk *w, struct pack_rule *rule)
{
	int type = event_type_find(str_of(rule->event_type));
	const char *family = family_names[rule->family], *near;
	char room[64];

	if (type < 0) {
		near = event_type_nearest(str_of(rule->event_type));
		diag_add(w->diag, DIAG_ERROR, rule->event_where, 1,
			 "rule '%s': no event of type '%s'%s%s%s", rule->id,
			 shown(str_of(rule->event_type), room), near ? "; did you mean '" : "",
			 near ? near : "", near ? "'?" : "");
		return;
	}
	rule->type = (enum event_type)type;
	if (strcmp(event_type_info[type].family, family) != 0)
		diag_add(w->diag, DIAG_ERROR, rule->event_where, 1,
			 "rule '%s': %s is of family '%s', not '%s'", rule->id, rule->event_type,
			 event_type_info[type].family, family);
}

static void check_rewrite(struct walk *w, const struct pack_rule *rule)
{
	const struct pack_rewrite *rw = &rule->rewrite;
	bool has = rw->where.line != 0;

	if (rule->decision == PACK_REWRITE && !has)
		diag_add(w->diag, DIAG_ERROR, rule->where, 1,
			 "rule '%s' rewrites, but says nothing of what: 'rewrite' is missing",
			 rule->id);
	if (rule->decision != PACK_REWRITE && has)
		diag_add(w->diag, DIAG_ERROR, rw->where, 1,
			 "rule '%s' decides %s: its 'rewrite' would never take place", rule->id,
			 pack_decision_names[rule->decision]);
	if (has && !rw->value && rw->strip_request_headers.n == 0 &&
	    rw->strip_response_headers.n == 0)
		diag_add(w->diag, DIAG_ERROR, rw->where, 1,
			 "rule '%s': a rewrite without a value or headers to strip", rule->id);
}

static int check_rules(struct walk *w)
{
	AUTO(map_done) struct map ids = MAP_INIT(PACK_MEMORY_MAX);

	for (size_t i = 0; i < w->pack->n_rules; i++) {
		struct pack_rule *rule = &w->pack->rules[i], *first;
		int r = map_put(&ids, str_of(rule->id), rule);

		if (r == -EEXIST) {
			first = map_get(&ids, str_of(rule->id));
			diag_add(w->diag, DIAG_ERROR, rule->where, 1,
				 "a second rule '%s' (first on line %u)", rule->id,
				 first->where.line);
		} else if (r < 0) {
			return r;
		}
		check_event(w, rule);
		check_rewrite(w, rule);
	}
	return 0;
}

static void check_status(struct walk *w)
{
	const struct pack *pack = w->pack;
	struct policy_where where = pack_doc_at(pack->doc, toml_get(w->tree, 0, "status"));

	if (pack->status == PACK_REVOKED)
		diag_add(w->diag, DIAG_ERROR, where, 9,
			 "pack '%s' %s was revoked: nothing of it may take effect", pack->id,
			 pack->version);
	if (pack->status == PACK_DEPRECATED)
		diag_add(w->diag, DIAG_WARNING, where, 12, "pack '%s' %s is deprecated", pack->id,
			 pack->version);
}

static int read_pack(struct walk *w)
{
	struct pack *pack = w->pack;
	unsigned errors = w->diag->errors;
	int r = 0;

	pack->schema = PACK_SCHEMA_CAPSEM;
	pack->locks = (struct pack_locks){ true, true, true, true };
	take_table(w, &pack_table, 0, (char *)pack);
	if (w->no_memory)
		return -ENOMEM;
	if (w->diag->errors == errors) {
		check_status(w);
		r = check_rules(w);
	}
	return r < 0 ? r : w->diag->errors > errors ? -EBADMSG : 0;
}

/* --- in and out --- */

static int refused(const struct diag *diag, int r, struct err *err)
{
	if (r == -EBADMSG)
		return diag_result(diag, err);
	return err_set(err, -r, "cannot read the rule pack");
}

int pack_read(const char *file, struct str text, struct diag *diag, struct pack **ret_pack,
	      struct err *err)
{
	AUTO(pack_freep) struct pack *pack = calloc(1, sizeof(*pack));
	struct pack_doc *doc;
	struct walk w = { .pack = pack, .diag = diag };
	int r;

	if (!pack)
		return err_set(err, ENOMEM, "cannot read the rule pack");
	pack->arena = ARENA_INIT(PACK_MEMORY_MAX + TOML_SIZE_MAX);
	if (text.n > TOML_SIZE_MAX) {
		diag_add(diag, DIAG_ERROR, (struct policy_where){ .file = file }, 1,
			 "file of more than %u bytes", TOML_SIZE_MAX);
		return refused(diag, -EBADMSG, err);
	}
	pack->file = arena_strdup(&pack->arena, str_of(file));
	pack->text = (struct str){ .p = arena_strdup(&pack->arena, text), .n = text.n };
	doc = arena_new(&pack->arena, struct pack_doc);
	pack->doc = doc;
	if (!pack->file || !pack->text.p || !doc)
		return err_set(err, ENOMEM, "cannot read the rule pack");
	blake3(pack->text.p, pack->text.n, pack->digest);
	diag_file_add(diag, pack->file, pack->text);
	r = pack_doc_parse(&pack->arena, pack->file, pack->text, diag, doc);
	w.tree = &doc->tree;
	if (r == 0)
		r = read_pack(&w);
	if (r < 0) {
		r = refused(diag, r, err);
		diag_file_forget(diag, pack->file);
		return r;
	}
	*ret_pack = take_ptr(&pack);
	return 0;
}

int pack_load(const char *path, struct diag *diag, struct pack **ret_pack, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_INIT(TOML_SIZE_MAX + 8192);
	AUTO(fd_closep) int fd = -EBADF;
	bool in = strcmp(path, "-") == 0;
	int r;

	fd = in ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(err, errno, "%s", path);
	r = fd_read_all(fd, &text);
	if (r == -EFBIG) {
		diag_add(diag, DIAG_ERROR, (struct policy_where){ .file = path }, 1,
			 "file of more than %u bytes", TOML_SIZE_MAX);
		return refused(diag, -EBADMSG, err);
	}
	if (r < 0)
		return err_set(err, -r, "%s", path);
	return pack_read(in ? "(standard input)" : path, buf_str(&text), diag, ret_pack, err);
}

struct pack *pack_free(struct pack *pack)
{
	if (pack) {
		struct arena arena = pack->arena;

		arena_done(&arena);
		free(pack);
	}
	return NULL;
}

void pack_freep(struct pack **pack)
{
	*pack = pack_free(*pack);
}

struct policy_where pack_where(const struct pack *pack, const struct pack_rule *rule, size_t offset)
{
	return pack_doc_text_at(pack->doc, rule->condition_node, offset);
}

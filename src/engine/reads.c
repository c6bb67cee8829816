#include "engine/reads.h"

#include "cel/check.h"
#include "cel/parse.h"
#include "event/env.h"

#include <errno.h>

struct walk {
	struct arena *arena;
	struct engine_read *reads;
	size_t n;
	bool no_memory;
};

static void add(struct walk *w, struct engine_read read)
{
	size_t i = 0;

	for (; i < w->n; i++) {
		struct engine_read *old = &w->reads[i];

		if (old->field == read.field && !old->header.p == !read.header.p &&
		    str_eq(old->header, read.header)) {
			old->at = old->at < read.at ? old->at : read.at;
			return;
		}
	}
	if (i < ENGINE_READS_MAX)
		w->reads[w->n++] = read;
}

static struct str lower(struct arena *arena, struct str name)
{
	char *copy = arena_strdup(arena, name);

	for (size_t i = 0; copy && i < name.n; i++) {
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] = (char)(copy[i] + 'a' - 'A');
	}
	return (struct str){ .p = copy, .n = name.n };
}

/* X.header("name"), X.hasHeader("name"): a constant name is that header, another all of them. */
static bool add_header(struct walk *w, const struct cel_expr *call)
{
	const struct cel_expr *target = call->call.target, *name;
	struct engine_read read = { .at = call->at };

	if (!target || call->call.n_args != 1 || target->kind != CEL_X_LITERAL ||
	    target->literal.kind != CEL_RECORD)
		return false;
	if (!str_eqz(call->call.name, "header") && !str_eqz(call->call.name, "hasHeader"))
		return false;
	read.field = event_record_headers(target->literal.record->id);
	if (read.field == EVENT_FIELD_NONE)
		return false;
	name = call->call.args[0];
	if (name->kind == CEL_X_LITERAL && name->literal.kind == CEL_STRING) {
		read.header = lower(w->arena, cel_str(name->literal));
		w->no_memory |= !read.header.p;
	}
	add(w, read);
	return true;
}

static void visit(struct walk *w, const struct cel_expr *x);

static void visit_call(struct walk *w, const struct cel_expr *x)
{
	if (!add_header(w, x) && x->call.target && !x->call.qualified)
		visit(w, x->call.target);
	for (uint32_t i = 0; i < x->call.n_args; i++)
		visit(w, x->call.args[i]);
}

/* One of the table's own declarations, not a loop's variable that happens to have its slot. */
static bool is_field(const struct cel_decl *decl)
{
	const struct cel_record *record;

	if (!decl || decl->slot < 0 || decl->slot >= EVENT_FIELD_N)
		return false;
	record = event_env()->records[event_field_record((enum event_field)decl->slot)];
	return decl >= record->fields && decl < record->fields + record->n_fields;
}

/* The tree is at most CEL_DEPTH_MAX deep. */
static void visit(struct walk *w, const struct cel_expr *x)
{
	if (!x)
		return;
	if (is_field(x->decl)) {
		add(w,
		    (struct engine_read){ .field = (enum event_field)x->decl->slot, .at = x->at });
		return;
	}
	switch (x->kind) {
	case CEL_X_SELECT: visit(w, x->select.operand); break;
	case CEL_X_CALL: visit_call(w, x); break;
	case CEL_X_LIST:
		for (uint32_t i = 0; i < x->list.n; i++)
			visit(w, x->list.items[i]);
		break;
	case CEL_X_MAP:
	case CEL_X_STRUCT:
		for (uint32_t i = 0; i < x->map.n; i++) {
			visit(w, x->map.entries[i].key);
			visit(w, x->map.entries[i].value);
		}
		break;
	case CEL_X_FOLD:
		visit(w, x->fold.range);
		visit(w, x->fold.init);
		visit(w, x->fold.cond);
		visit(w, x->fold.step);
		visit(w, x->fold.result);
		break;
	default: break;
	}
}

static void sort(struct engine_read *reads, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct engine_read read = reads[i];
		size_t k = i;

		for (; k && reads[k - 1].at > read.at; k--)
			reads[k] = reads[k - 1];
		reads[k] = read;
	}
}

int engine_reads(struct arena *arena, struct str source, const struct engine_read **ret_reads,
		 size_t *ret_n)
{
	struct walk w = { .arena = arena };
	const struct cel_type *type;
	struct cel_expr *expr;
	int r;

	w.reads = arena_array(arena, ENGINE_READS_MAX, struct engine_read);
	if (!w.reads)
		return -ENOMEM;
	r = cel_parse(arena, event_env(), source, NULL, NULL, &expr);
	if (r == 0)
		r = cel_check(arena, event_env(), source, expr, NULL, NULL, NULL, &type);
	if (r < 0)
		return r;
	visit(&w, expr);
	if (w.no_memory)
		return -ENOMEM;
	sort(w.reads, w.n);
	*ret_reads = w.reads;
	*ret_n = w.n;
	return 0;
}

void engine_read_name(const struct engine_read *read, struct buf *out)
{
	buf_putz(out, event_field_info[read->field].name);
	if (read->header.p) {
		buf_putc(out, '.');
		buf_puts(out, read->header);
	}
}

static struct cel_value joined(const struct cel_value *values, struct arena *arena)
{
	size_t n = 0, at = 0;
	char *text;

	if (values->n == 1)
		return values->items[0];
	for (uint32_t i = 0; i < values->n; i++)
		n += values->items[i].n + 2u;
	text = arena_alloc(arena, n + 1);
	for (uint32_t i = 0; text && i < values->n; i++) {
		memcpy(text + at, i ? ", " : "", i ? 2 : 0);
		at += i ? 2 : 0;
		memcpy(text + at, values->items[i].p, values->items[i].n);
		at += values->items[i].n;
	}
	return text ? cel_string((struct str){ .p = text, .n = at })
		    : (struct cel_value){ .kind = CEL_ERROR };
}

struct cel_value engine_read_value(const struct engine_read *read, const struct event *event,
				   struct arena *arena)
{
	const struct cel_value *values;

	if (!event_has(event, read->field))
		return (struct cel_value){ .kind = CEL_ERROR };
	if (!read->header.p)
		return event->value[read->field];
	values = event_header(event, read->field, read->header);
	return values && values->n ? joined(values, arena)
				   : (struct cel_value){ .kind = CEL_ERROR };
}

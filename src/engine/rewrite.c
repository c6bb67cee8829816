/*
 * Rewrites: new values go to the engine's own buffer, the event then points there. A value that does
 * not fit is no reason to let the old one through: the caller blocks.
 */
#include "engine/set.h"

#include "base/buf.h"

#include <errno.h>

/* --- the buffer --- */

static void *room(struct engine *engine, size_t size)
{
	size_t at = (engine->n_rewritten + 15) & ~(size_t)15;

	if (size > REWRITE_MEMORY || at > REWRITE_MEMORY - size)
		return NULL;
	engine->n_rewritten = at + size;
	return engine->rewritten + at;
}

static int keep_text(struct engine *engine, struct str s, struct cel_value *ret)
{
	char *copy = room(engine, s.n ? s.n : 1);

	if (!copy)
		return -ENOBUFS;
	memcpy(copy, s.p, s.n);
	*ret = cel_string((struct str){ copy, s.n });
	return 0;
}

/* --- before and after --- */

static void digest_text(struct blake3 *h, struct cel_value v)
{
	uint8_t n[4] = { (uint8_t)v.n, (uint8_t)(v.n >> 8), (uint8_t)(v.n >> 16),
			 (uint8_t)(v.n >> 24) };

	blake3_update(h, n, sizeof(n));
	blake3_update(h, v.p, v.n);
}

/* Text: of its bytes. Headers: of each name and value with its length before it. Unset: zeros. */
static void digest(struct cel_value v, uint8_t out[BLAKE3_OUT])
{
	struct blake3 h;

	memset(out, 0, BLAKE3_OUT);
	if (v.kind == CEL_STRING)
		blake3(v.p, v.n, out);
	if (v.kind != CEL_MAP)
		return;
	blake3_init(&h);
	for (uint32_t i = 0; i < v.n; i++) {
		digest_text(&h, v.entries[i].key);
		for (uint32_t j = 0; j < v.entries[i].value.n; j++)
			digest_text(&h, v.entries[i].value.items[j]);
	}
	blake3_final(&h, out);
}

/* --- headers --- */

static bool is_header(const struct cel_entry *entry, struct str name)
{
	return entry->key.n == name.n && strncasecmp(entry->key.p, name.p, name.n) == 0;
}

/* The headers without @name, with room for one more; *ret_n of them. */
static struct cel_entry *headers_without(struct engine *engine, struct cel_value map,
					 struct str name, uint32_t *ret_n)
{
	uint32_t n = map.kind == CEL_MAP ? map.n : 0, kept = 0;
	struct cel_entry *entries = room(engine, (n + 1) * sizeof(*entries));

	for (uint32_t i = 0; entries && i < n; i++) {
		if (!is_header(&map.entries[i], name))
			entries[kept++] = map.entries[i];
	}
	*ret_n = kept;
	return entries;
}

static int lower_text(struct engine *engine, struct str s, struct cel_value *ret)
{
	int r = keep_text(engine, s, ret);
	char *p = r < 0 ? NULL : engine->rewritten + (ret->p - engine->rewritten);

	for (size_t i = 0; p && i < s.n; i++) {
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] | 0x20);
	}
	return r;
}

static int strip_header(struct engine *engine, struct str name, struct cel_value *v)
{
	struct cel_entry *entries;
	uint32_t n = 0;

	if (v->kind != CEL_MAP)
		return 0;
	entries = headers_without(engine, *v, name, &n);
	if (!entries)
		return -ENOBUFS;
	*v = (struct cel_value){ .kind = CEL_MAP, .n = n, .entries = entries };
	return 0;
}

static int set_header(struct engine *engine, struct str text, struct cel_value *v)
{
	struct cel_entry *entries;
	struct cel_value *item;
	struct str name, value;
	uint32_t n = 0;

	if (!rewrite_header(text, &name, &value))
		return -EINVAL;
	entries = headers_without(engine, *v, name, &n);
	item = entries ? room(engine, sizeof(*item)) : NULL;
	if (!item || keep_text(engine, value, item) < 0 ||
	    lower_text(engine, name, &entries[n].key) < 0)
		return -ENOBUFS;
	entries[n++].value = (struct cel_value){ .kind = CEL_LIST, .n = 1, .items = item };
	*v = (struct cel_value){ .kind = CEL_MAP, .n = n, .entries = entries };
	return 0;
}

/* --- text --- */

int rewrite_expression(const struct rule_rewrite *r, struct buf *out)
{
	buf_printf(out, "regex.replace(%s, ", event_field_info[r->field].name);
	set_put_literal(out, r->pattern);
	buf_putz(out, ", ");
	set_put_literal(out, r->value);
	buf_putc(out, ')');
	return buf_error(out);
}

static int replace(struct engine *engine, const struct set_rule *rule, size_t i,
		   const struct event *e, struct cel_value *v)
{
	struct cel_value out;

	if (v->kind != CEL_STRING)
		return 0;
	out = cel_eval_run(engine->eval, rule->replace[i], event_slots(e), (void *)(uintptr_t)e);
	if (out.kind != CEL_STRING)
		return -EINVAL;
	return keep_text(engine, cel_str(out), v);
}

int rewrite_one(struct engine *engine, const struct set_rule *rule, size_t i, struct event *e,
		struct engine_rewrite *ret)
{
	const struct rule_rewrite *w = &rule->rule.rewrites[i];
	bool headers = event_field_info[w->field].kind == EVENT_HEADERS;
	struct cel_value v = e->value[w->field];
	int r = 0;

	digest(v, ret->before);
	switch (w->op) {
	case RULE_SET:
		r = headers ? set_header(engine, str_of(w->value), &v)
			    : keep_text(engine, str_of(w->value), &v);
		break;
	case RULE_REMOVE: v = (struct cel_value){ .kind = CEL_ERROR }; break;
	case RULE_REPLACE_REGEX: r = replace(engine, rule, i, e, &v); break;
	case RULE_STRIP_HEADER: r = strip_header(engine, str_of(w->value), &v); break;
	}
	if (r < 0)
		return r;
	if (v.kind == CEL_ERROR)
		event_unset(e, w->field);
	else
		event_set(e, w->field, v);
	digest(v, ret->after);
	ret->changed = memcmp(ret->before, ret->after, sizeof(ret->before)) != 0;
	return ret->changed;
}

int engine_rewrite_apply(struct engine *engine, struct event *event,
			 struct engine_decision *decision, struct err *err)
{
	for (uint32_t i = 0; i < decision->n_rewrites; i++) {
		struct engine_rewrite *w = &decision->rewrites[i];
		const struct set_rule *rule = (const struct set_rule *)w->rule;
		int r;

		if (w->applied)
			continue;
		r = rewrite_one(engine, rule, (size_t)(w->rewrite - w->rule->rewrites), event, w);
		if (r < 0)
			return err_text(err, -r, "rule '%s': %s cannot be rewritten%s", w->rule->id,
					event_field_info[w->rewrite->field].name,
					r == -ENOBUFS ? ": it is too large" : "");
		w->applied = true;
	}
	return 0;
}

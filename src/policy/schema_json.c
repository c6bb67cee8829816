/*
 * The schema table as JSON Schema (draft 2020-12) for editors, and as the Markdown table of keys
 * that docs/POLICY.md holds.
 */
#include "codec/json_wr.h"
#include "policy/load.h"
#include "policy/report.h"

#include <stdio.h>

static void key_str(struct json_wr *w, const char *key, const char *value)
{
	json_key(w, key);
	json_strz(w, value);
}

static void put_choices(struct json_wr *w, const char *const *choices)
{
	json_key(w, "enum");
	json_array(w);
	for (; *choices; choices++)
		json_strz(w, *choices);
	json_end_array(w);
}

static void put_range(struct json_wr *w, uint64_t min, uint64_t max)
{
	key_str(w, "type", "integer");
	json_key(w, "minimum");
	json_u64(w, min);
	json_key(w, "maximum");
	json_u64(w, max);
}

static void put_types(struct json_wr *w, const char *one, const char *two)
{
	json_key(w, "type");
	json_array(w);
	json_strz(w, one);
	json_strz(w, two);
	json_end_array(w);
}

/* The members that describe a scalar, inside an object that is open. */
static void put_scalar(struct json_wr *w, const struct schema *s)
{
	switch (s->scalar) {
	case SCALAR_NONE: break;
	case SCALAR_TEXT:
		put_types(w, "string", "number");
		json_key(w, "minLength");
		json_u64(w, s->empty_ok ? 0 : 1);
		break;
	case SCALAR_BOOL: key_str(w, "type", "boolean"); break;
	case SCALAR_CHOICE: put_choices(w, s->choices); break;
	case SCALAR_COUNT: put_range(w, 1, INT64_MAX); break;
	case SCALAR_ID: put_range(w, 0, UINT32_MAX - 1U); break;
	case SCALAR_SIZE:
		put_types(w, "string", "integer");
		key_str(w, "pattern", "^[0-9]+(\\.[0-9]{1,3})? *(B|[KMGT]i?B)?$");
		break;
	case SCALAR_TIME:
		key_str(w, "type", "string");
		key_str(w, "pattern", "^([0-9]+(\\.[0-9]{1,3})?(d|h|ms|m|s))+$");
		break;
	case SCALAR_CPU:
		put_types(w, "string", "number");
		key_str(w, "pattern", "^[0-9]+(\\.[0-9]{1,3})?%?$");
		break;
	case SCALAR_VERSION:
		json_key(w, "const");
		json_u64(w, 1);
		break;
	}
}

static void put_schema(struct json_wr *w, const struct schema *s);

static void put_map(struct json_wr *w, const struct schema *s)
{
	bool any = false;

	key_str(w, "type", "object");
	if (s->each) {
		json_key(w, "additionalProperties");
		put_schema(w, s->each);
		return;
	}
	json_key(w, "additionalProperties");
	json_bool(w, false);
	json_key(w, "properties");
	json_object(w);
	for (const struct schema *k = s->keys; k->name; k++) {
		json_key(w, k->name);
		put_schema(w, k);
		any = any || k->required;
	}
	json_end_object(w);
	if (!any)
		return;
	json_key(w, "required");
	json_array(w);
	for (const struct schema *k = s->keys; k->name; k++) {
		if (k->required)
			json_strz(w, k->name);
	}
	json_end_array(w);
}

static void put_list(struct json_wr *w, const struct schema *s)
{
	key_str(w, "type", "array");
	json_key(w, "items");
	put_schema(w, s->item);
}

static void put_schema(struct json_wr *w, const struct schema *s)
{
	bool scalar = s->scalar != SCALAR_NONE, list = s->item, map = s->keys || s->each;

	json_object(w);
	key_str(w, "description", s->doc);
	if (s->refused) {
		/* known, and an editor should say so: nothing is valid there */
		key_str(w, "$comment", s->refused);
		json_key(w, "not");
		json_object(w);
		json_end_object(w);
	} else if (scalar + list + map == 1) {
		if (scalar)
			put_scalar(w, s);
		else if (list)
			put_list(w, s);
		else
			put_map(w, s);
	} else {
		json_key(w, "anyOf");
		json_array(w);
		for (int i = 0; i < 3; i++) {
			if (i == 0 ? !scalar : i == 1 ? !list : !map)
				continue;
			json_object(w);
			if (i == 0)
				put_scalar(w, s);
			else if (i == 1)
				put_list(w, s);
			else
				put_map(w, s);
			json_end_object(w);
		}
		json_end_array(w);
	}
	json_end_object(w);
}

void policy_schema_json(struct buf *out)
{
	struct json_wr w = json_wr_init(out);

	json_object(&w);
	key_str(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
	key_str(&w, "title", "capsule.yaml");
	key_str(&w, "description", schema_root.doc);
	put_map(&w, &schema_root);
	json_end_object(&w);
}

/* --- Markdown --- */

static const char *const scalar_names[] = {
	[SCALAR_NONE] = "",     [SCALAR_TEXT] = "text",    [SCALAR_BOOL] = "true or false",
	[SCALAR_CHOICE] = "",   [SCALAR_COUNT] = "number", [SCALAR_ID] = "number",
	[SCALAR_SIZE] = "size", [SCALAR_TIME] = "time",    [SCALAR_CPU] = "processors",
	[SCALAR_VERSION] = "1",
};

static void put_value(struct buf *out, const struct schema *s)
{
	const char *join = "";

	if (s->scalar == SCALAR_CHOICE) {
		for (const char *const *c = s->choices; *c; c++)
			buf_printf(out, "%s%s", c == s->choices ? "" : ", ", *c);
		join = "; ";
	} else if (s->scalar != SCALAR_NONE) {
		buf_putz(out, scalar_names[s->scalar]);
		join = "; ";
	}
	if (s->item) {
		buf_printf(out, "%slist", join);
		join = "; ";
	}
	if (s->keys || s->each)
		buf_printf(out, "%smap", join);
}

static void put_rows(struct buf *out, const struct schema *s, const char *prefix)
{
	for (const struct schema *k = s->keys; k && k->name; k++) {
		const struct schema *sub = k->keys ? k : k->item && k->item->keys ? k->item : NULL;
		char path[256];

		(void)snprintf(path, sizeof(path), "%s%s", prefix, k->name);
		buf_printf(out, "| `%s` | ", path);
		put_value(out, k);
		buf_printf(out, " | %s%s%s%s |\n", k->doc,
			   k->refused ? " *Refused in this build: " : "",
			   k->refused ? k->refused : "", k->refused ? ".*" : "");
		if (k->refused)
			continue;
		if (k->each) {
			(void)snprintf(path, sizeof(path), "%s%s.NAME.", prefix, k->name);
			put_rows(out, k->each, path);
		} else if (sub && strcmp(sub->keys->name, "path") != 0) {
			/* the entries of paths are alike, and the page tells of them once */
			(void)snprintf(path, sizeof(path), "%s%s%s", prefix, k->name,
				       sub == k ? "." : "[].");
			put_rows(out, sub, path);
		}
	}
}

void policy_schema_markdown(struct buf *out)
{
	buf_putz(out, "| key | value | meaning |\n| --- | --- | --- |\n");
	put_rows(out, &schema_root, "");
}

/*
 * A policy with lines added: the text stays as somebody wrote it, lists get items at their ends.
 */
#include "policy/learn_impl.h"

#include "base/own.h"
#include "codec/json_wr.h"
#include "codec/yaml.h"
#include "policy/path.h"

#include <string.h>

#define MERGE_ARENA_MAX (64U << 20)

struct merge {
	const struct learn *l;
	struct str text;
	struct yaml_doc doc;
	struct {
		bool is_key; /* with a key of its own: behind the items of a list that ends there */
		uint32_t after; /* line behind which @lines stand; 0: nothing to add */
		struct buf lines;
	} inserts[4];
};

static const enum policy_fs kinds[4] = { POLICY_FS_READ, POLICY_FS_WRITE, POLICY_FS_EXEC,
					 POLICY_FS_DENY };

/* Does the policy have this already? */
static bool has(const struct policy *policy, const struct learn_line *line)
{
	if (path_kind_grants(line->kind))
		return path_covered(policy, policy->paths, policy->n_paths, line->path, line->kind);
	for (size_t i = 0; i < policy->n_paths; i++) {
		if (policy->paths[i].kind == line->kind &&
		    path_entry_matches(&policy->paths[i], line->path))
			return true;
	}
	return false;
}

/* The last line that the node @node and all in it stand on. */
static uint32_t last_line(const struct yaml_doc *doc, uint32_t node)
{
	uint32_t line = yaml_at(doc, node)->line;

	for (uint32_t i = yaml_at(doc, node)->child; i; i = yaml_at(doc, i)->next) {
		uint32_t below = last_line(doc, i);

		line = below > line ? below : line;
	}
	return line;
}

static bool is_flow(const struct merge *m, uint32_t node)
{
	const struct yaml_node *n = yaml_at(&m->doc, node);
	const char *at = m->text.p, *end = at + m->text.n;

	for (uint32_t line = 1; line < n->line && at; line++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	/* columns are characters, and before a flow list there may be others: look for the bracket itself */
	for (uint32_t col = 1; at && at < end && col < n->col; at++)
		col += ((unsigned char)at[1] & 0xc0) != 0x80;
	return at && at < end && (*at == '[' || *at == '{');
}

static int refuse(const struct merge *m, const char *name, uint32_t node, struct err *err)
{
	const struct yaml_node *n = yaml_at(&m->doc, node);

	return err_at(err, EOPNOTSUPP, name, n->line, n->col,
		      "lines can only be added to a list or map that is written one item a line");
}

static void put_items(struct merge *m, struct buf *out, const struct policy *policy,
		      enum policy_fs kind, unsigned indent)
{
	struct learn *l = (struct learn *)(uintptr_t)m->l; /* its arena only */
	struct json_wr w = json_wr_init(out);

	for (size_t i = 0; i < l->n_lines; i++) {
		const struct learn_line *line = &l->lines[i];

		if (line->kind != kind || has(policy, line))
			continue;
		buf_printf(out, "%*s# %s\n%*s- ", (int)indent, "", line->why, (int)indent, "");
		w = json_wr_init(out);
		json_strz(&w, learn_say(l, line->path));
		buf_putc(out, '\n');
	}
}

static bool any(const struct merge *m, const struct policy *policy, enum policy_fs kind)
{
	for (size_t i = 0; i < m->l->n_lines; i++) {
		if (m->l->lines[i].kind == kind && !has(policy, &m->l->lines[i]))
			return true;
	}
	return false;
}

/* Where the items of @kind go, and with what before them. */
static int place(struct merge *m, const char *name, uint32_t filesystem, size_t k,
		 const struct policy *policy, struct err *err)
{
	const char *key = path_kind_name(kinds[k]);
	uint32_t list = filesystem ? yaml_get(&m->doc, filesystem, key) : 0;
	struct buf *out = &m->inserts[k].lines;
	uint32_t first;
	unsigned indent = 2;

	if (list && yaml_at(&m->doc, list)->kind == YAML_LIST && yaml_at(&m->doc, list)->count) {
		if (is_flow(m, list))
			return refuse(m, name, list, err);
		m->inserts[k].after = last_line(&m->doc, list);
		put_items(m, out, policy, kinds[k], yaml_at(&m->doc, list)->col - 1);
		return 0;
	}
	if (list)
		return refuse(m, name, list, err);
	if (filesystem) {
		if (is_flow(m, filesystem) || !yaml_at(&m->doc, filesystem)->count)
			return refuse(m, name, filesystem, err);
		first = yaml_at(&m->doc, filesystem)->child;
		indent = yaml_at(&m->doc, yaml_at(&m->doc, first)->key)->col - 1;
		m->inserts[k].after = last_line(&m->doc, filesystem);
	} else {
		m->inserts[k].after = UINT32_MAX; /* the end */
	}
	m->inserts[k].is_key = true;
	buf_printf(out, "%*s%s:\n", (int)indent, "", key);
	put_items(m, out, policy, kinds[k], indent + 2);
	return 0;
}

static void put_inserts(struct merge *m, uint32_t line, bool end, bool head, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < 8; i++) {
		size_t k = i % 4;

		if (m->inserts[k].lines.n == 0 || m->inserts[k].is_key != (i >= 4) ||
		    (end ? m->inserts[k].after < line : m->inserts[k].after != line))
			continue;
		if (m->inserts[k].after == UINT32_MAX && first && head)
			buf_putz(out, "filesystem:\n");
		first = false;
		buf_puts(out, buf_str(&m->inserts[k].lines));
		m->inserts[k].lines.n = 0;
	}
}

static void put_merged(struct merge *m, bool head, struct buf *out)
{
	uint32_t line = 0;

	for (size_t at = 0; at < m->text.n;) {
		const char *nl = memchr(m->text.p + at, '\n', m->text.n - at);
		size_t to = nl ? (size_t)(nl - m->text.p) + 1 : m->text.n;

		buf_put(out, m->text.p + at, to - at);
		if (!nl)
			buf_putc(out, '\n');
		at = to;
		put_inserts(m, ++line, false, head, out);
	}
	put_inserts(m, line, true, head, out);
}

static void no_report(void *ctx, const struct yaml_problem *problem)
{
	(void)ctx;
	(void)problem;
}

int learn_merge(const struct learn *learn, const char *name, struct str text,
		const struct policy *policy, struct buf *out, struct err *err)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(MERGE_ARENA_MAX);
	struct merge m = { .l = learn, .text = text };
	uint32_t filesystem;
	int r = yaml_parse(&arena, text, no_report, NULL, &m.doc);

	if (r < 0)
		return err_set(err, -r, "cannot read '%s'", name);
	filesystem = yaml_get(&m.doc, 0, "filesystem");
	for (size_t k = 0; k < 4; k++)
		m.inserts[k].lines = BUF_INIT(16U << 20);
	for (size_t k = 0; r == 0 && k < 4; k++) {
		if (any(&m, policy, kinds[k]))
			r = place(&m, name, filesystem, k, policy, err);
	}
	if (r == 0)
		put_merged(&m, !filesystem, out);
	for (size_t k = 0; k < 4; k++)
		buf_done(&m.inserts[k].lines);
	if (r == 0 && buf_error(out))
		return err_set(err, -buf_error(out), "cannot merge into '%s'", name);
	return r;
}

/*
 * What the sub-verbs print: values, fields that were read, JSON in Capsem's layout.
 */
#include "cli/cli.h"
#include "cli/rules.h"
#include "codec/utf8.h"
#include "codec/yaml.h"
#include "engine/reads.h"

#include "base/own.h"

void rules_put_safe(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n;) {
		uint32_t c = 0;
		size_t n = utf8_next(text.p + i, text.n - i, &c), step = n ? n : 1;

		if (n &&
		    (c == '\n' || c == '\t' ||
		     !yaml_text_wrong((struct str){ .p = text.p + i, .n = n }, NULL)) &&
		    c != '\r')
			buf_put(out, text.p + i, n);
		else if (n && c > 0xff)
			buf_printf(out, "\\u%04x", (unsigned)c);
		else
			buf_printf(out, "\\x%02x", (unsigned)(uint8_t)text.p[i]);
		i += step;
	}
}

int rules_put_out(struct rules_job *job)
{
	AUTO(buf_done) struct buf safe = BUF_INIT(2 * RULES_OUT_MAX);

	rules_put_safe(buf_str(&job->out), &safe);
	if (buf_error(&job->out) || buf_error(&safe) ||
	    (safe.n && fwrite(safe.p, 1, safe.n, stdout) != safe.n) || fflush(stdout) != 0) {
		fputs("capsule rules: cannot write the answer\n", stderr);
		return CLI_FAILED;
	}
	buf_reset(&job->out);
	return 0;
}

static void new_line(struct buf *out, unsigned depth)
{
	buf_putc(out, '\n');
	for (unsigned i = 0; i < depth; i++)
		buf_putz(out, "  ");
}

void rules_pretty_json(struct str json, struct buf *out)
{
	unsigned depth = 0;
	bool text = false;

	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i], next = i + 1 < json.n ? json.p[i + 1] : '\0';

		if (text || c == '"') {
			buf_putc(out, c);
			if (text && c == '\\')
				buf_putc(out, json.p[++i]);
			else if (c == '"')
				text = !text;
			continue;
		}
		if ((c == '[' && next == ']') || (c == '{' && next == '}')) {
			buf_putc(out, c);
			buf_putc(out, json.p[++i]);
			continue;
		}
		if (c == ']' || c == '}')
			new_line(out, --depth);
		buf_putc(out, c);
		if (c == '[' || c == '{')
			new_line(out, ++depth);
		else if (c == ',')
			new_line(out, depth);
		else if (c == ':')
			buf_putc(out, ' ');
	}
}

/* What @rule reads, and how many; none when it always matches. */
static size_t reads_of(const struct policy_rule *rule, struct arena *arena,
		       const struct engine_read **ret)
{
	size_t n = 0;

	if (!rule->when || engine_reads(arena, str_of(rule->when), ret, &n) < 0)
		return 0;
	return n;
}

void rules_put_reads(const struct policy_rule *rule, const struct event *e, struct arena *arena,
		     struct json_wr *w)
{
	const struct engine_read *reads = NULL;
	size_t n = reads_of(rule, arena, &reads);

	json_object(w);
	for (size_t i = 0; i < n; i++) {
		struct cel_value v = engine_read_value(&reads[i], e, arena);
		AUTO(buf_done) struct buf name = BUF_INIT(4096);

		if (v.kind == CEL_ERROR)
			continue;
		engine_read_name(&reads[i], &name);
		json_key_str(w, buf_str(&name));
		event_write_value(v, w);
	}
	json_end_object(w);
}

void rules_print_reads(const struct policy_rule *rule, const struct event *e, struct arena *arena,
		       struct buf *out)
{
	const struct engine_read *reads = NULL;
	size_t n = reads_of(rule, arena, &reads);

	for (size_t i = 0; i < n; i++) {
		struct cel_value v = engine_read_value(&reads[i], e, arena);

		buf_putz(out, "      ");
		engine_read_name(&reads[i], out);
		buf_putz(out, " = ");
		if (v.kind == CEL_ERROR)
			buf_putz(out, "(not set)");
		else
			rules_print_value(v, out);
		buf_putc(out, '\n');
	}
}

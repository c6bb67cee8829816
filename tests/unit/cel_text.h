/* A tree of the expression language as text, and its problems as text: for assertions. */
#pragma once

#include "base/buf.h"
#include "cel/ast.h"
#include "cel/cel.h"

#include <inttypes.h>
#include <time.h>

/* CPU time that hostile text may take: generous, but nothing that grows with its square. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(SANITIZED) || defined(__SANITIZE_ADDRESS__)
#define SOON (2 * CLOCKS_PER_SEC)
#else
#define SOON (CLOCKS_PER_SEC / 10)
#endif

static void dump(const struct cel_expr *x, struct buf *out);

static void dump_all(struct cel_expr *const *items, const bool *optional, uint32_t n,
		     struct buf *out)
{
	for (uint32_t i = 0; i < n; i++) {
		buf_putz(out, i ? ", " : "");
		buf_putz(out, optional && optional[i] ? "?" : "");
		dump(items[i], out);
	}
}

static void dump_literal(struct cel_value v, struct buf *out)
{
	switch (v.kind) {
	case CEL_NULL: buf_putz(out, "null"); break;
	case CEL_BOOL: buf_putz(out, v.b ? "true" : "false"); break;
	case CEL_INT: buf_printf(out, "%" PRId64, v.i); break;
	case CEL_UINT: buf_printf(out, "%" PRIu64 "u", v.u); break;
	case CEL_DOUBLE: buf_printf(out, "%.17g", v.d); break;
	case CEL_STRING: buf_printf(out, "'%.*s'", STR_ARG(cel_str(v))); break;
	case CEL_BYTES:
		buf_putz(out, "b'");
		buf_put_hex(out, v.p, v.n);
		buf_putc(out, '\'');
		break;
	case CEL_RECORD: buf_printf(out, "<%s>", v.record->name); break;
	default: buf_printf(out, "<kind %d>", v.kind); break;
	}
}

static void dump_call(const struct cel_expr *x, struct buf *out)
{
	if (x->call.target && !x->call.qualified) {
		dump(x->call.target, out);
		buf_putc(out, '.');
	}
	buf_puts(out, x->call.name);
	buf_putc(out, '(');
	dump_all(x->call.args, NULL, x->call.n_args, out);
	buf_putc(out, ')');
}

static void dump_map(const struct cel_expr *x, struct buf *out)
{
	buf_puts(out, x->map.name);
	buf_putc(out, '{');
	for (uint32_t i = 0; i < x->map.n; i++) {
		buf_putz(out, i ? ", " : "");
		buf_putz(out, x->map.entries[i].optional ? "?" : "");
		dump(x->map.entries[i].key, out);
		buf_putz(out, ": ");
		dump(x->map.entries[i].value, out);
	}
	buf_putc(out, '}');
}

static void dump_fold(const struct cel_expr *x, struct buf *out)
{
	buf_printf(out, "fold(%.*s", STR_ARG(x->fold.var));
	if (x->fold.var2.n)
		buf_printf(out, ", %.*s", STR_ARG(x->fold.var2));
	buf_putz(out, " in ");
	dump(x->fold.range, out);
	buf_printf(out, "; %.*s = ", STR_ARG(x->fold.accu));
	dump(x->fold.init, out);
	buf_putz(out, "; ");
	dump(x->fold.cond, out);
	buf_putz(out, "; ");
	dump(x->fold.step, out);
	buf_putz(out, "; ");
	dump(x->fold.result, out);
	buf_putc(out, ')');
}

static void dump(const struct cel_expr *x, struct buf *out)
{
	if (x->decl) {
		buf_printf(out, x->kind == CEL_X_SELECT && x->select.test ? "has<%s>" : "<%s>",
			   x->decl->name);
		return;
	}
	switch (x->kind) {
	case CEL_X_LITERAL: dump_literal(x->literal, out); break;
	case CEL_X_IDENT: buf_puts(out, x->ident.name); break;
	case CEL_X_SELECT:
		buf_putz(out, x->select.test ? "has(" : "");
		dump(x->select.operand, out);
		buf_printf(out, ".%.*s%s", STR_ARG(x->select.field), x->select.test ? ")" : "");
		break;
	case CEL_X_CALL: dump_call(x, out); break;
	case CEL_X_LIST:
		buf_putc(out, '[');
		dump_all(x->list.items, x->list.optional, x->list.n, out);
		buf_putc(out, ']');
		break;
	case CEL_X_MAP:
	case CEL_X_STRUCT: dump_map(x, out); break;
	case CEL_X_FOLD: dump_fold(x, out); break;
	default: buf_putz(out, "?"); break;
	}
}

/* A cel_report into a struct buf: "line:col+width: text", one a line. */
static void report_to_buf(void *ctx, const struct cel_problem *problem)
{
	struct buf *out = ctx;

	buf_printf(out, "%s%u:%u+%u: %s", out->n ? "\n" : "", problem->line, problem->col,
		   problem->width, problem->text);
}

/*
 * CEL values for people, as an expression would write them, and as JSON.
 */
#include "base/own.h"
#include "cel/addr.h"
#include "cel/time.h"
#include "cli/rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Times, addresses and types have a text: its length in @to, or 0. */
static size_t text_of(struct cel_value v, char to[CEL_TIME_TEXT + CEL_ADDR_TEXT])
{
	switch (v.kind) {
	case CEL_TIMESTAMP: return cel_timestamp_print(v, to);
	case CEL_DURATION: return cel_duration_print(v, to);
	case CEL_IP: return cel_addr_print(v.addr, false, to);
	case CEL_CIDR: return cel_addr_print(v.addr, true, to);
	default: return 0;
	}
}

static void print_called(const char *function, struct cel_value v, struct buf *out)
{
	char text[CEL_TIME_TEXT + CEL_ADDR_TEXT];

	buf_printf(out, "%s(\"%.*s\")", function, (int)text_of(v, text), text);
}

static void print_items(const struct cel_value *items, uint32_t n, struct buf *out)
{
	for (uint32_t i = 0; i < n; i++) {
		buf_putz(out, i ? ", " : "");
		rules_print_value(items[i], out);
	}
}

static void print_map(struct cel_value v, struct buf *out)
{
	buf_putc(out, '{');
	for (uint32_t i = 0; i < v.n; i++) {
		buf_putz(out, i ? ", " : "");
		rules_print_value(v.entries[i].key, out);
		buf_putz(out, ": ");
		rules_print_value(v.entries[i].value, out);
	}
	buf_putc(out, '}');
}

static void print_bytes(struct str s, struct buf *out)
{
	buf_putz(out, "b\"");
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= ' ' && s.p[i] < 0x7f && s.p[i] != '"' && s.p[i] != '\\')
			buf_putc(out, s.p[i]);
		else
			buf_printf(out, "\\x%02x", (unsigned)(uint8_t)s.p[i]);
	}
	buf_putc(out, '"');
}

/* The shortest text that reads back as the same number. */
static void double_text(double d, char text[40])
{
	for (int digits = 1; digits <= 17; digits++) {
		(void)snprintf(text, 40, "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			return;
	}
}

static void print_double(double d, struct buf *out)
{
	char text[40];

	double_text(d, text);
	buf_putz(out, text);
	if (!strpbrk(text, ".en"))
		buf_putz(out, ".0");
}

static void print_optional(struct cel_value v, struct buf *out)
{
	if (!v.boxed) {
		buf_putz(out, "optional.none()");
		return;
	}
	buf_putz(out, "optional.of(");
	rules_print_value(*v.boxed, out);
	buf_putc(out, ')');
}

void rules_print_value(struct cel_value v, struct buf *out)
{
	struct json_wr w = json_wr_init(out);

	switch (v.kind) {
	case CEL_NULL: buf_putz(out, "null"); break;
	case CEL_BOOL: buf_putz(out, v.b ? "true" : "false"); break;
	case CEL_INT: buf_printf(out, "%lld", (long long)v.i); break;
	case CEL_UINT: buf_printf(out, "%lluu", (unsigned long long)v.u); break;
	case CEL_DOUBLE: print_double(v.d, out); break;
	case CEL_STRING: json_str(&w, cel_str(v)); break;
	case CEL_BYTES: print_bytes(cel_str(v), out); break;
	case CEL_LIST:
		buf_putc(out, '[');
		print_items(v.items, v.n, out);
		buf_putc(out, ']');
		break;
	case CEL_MAP: print_map(v, out); break;
	case CEL_TYPE: cel_type_print(v.type, out); break;
	case CEL_TIMESTAMP: print_called("timestamp", v, out); break;
	case CEL_DURATION: print_called("duration", v, out); break;
	case CEL_IP: print_called("ip", v, out); break;
	case CEL_CIDR: print_called("cidr", v, out); break;
	case CEL_OPTIONAL: print_optional(v, out); break;
	case CEL_RECORD: buf_putz(out, v.record->name); break;
	case CEL_ERROR: buf_printf(out, "error: %s", v.error ? v.error->text : "no value"); break;
	default: break;
	}
}

static void put_map(struct cel_value v, struct json_wr *w)
{
	json_object(w);
	for (uint32_t i = 0; i < v.n; i++) {
		AUTO(buf_done) struct buf key = BUF_INIT(RULES_OUT_MAX);

		if (v.entries[i].key.kind == CEL_STRING)
			buf_puts(&key, cel_str(v.entries[i].key));
		else
			rules_print_value(v.entries[i].key, &key);
		json_key_str(w, buf_str(&key));
		rules_put_value(v.entries[i].value, w);
	}
	json_end_object(w);
}

static void put_double(double d, struct json_wr *w)
{
	char text[40];

	double_text(d, text);
	if (isfinite(d))
		json_raw(w, str_of(text));
	else
		json_strz(w, text);
}

/* Kinds that JSON has no words for, as text. */
static void put_printed(struct cel_value v, struct json_wr *w)
{
	AUTO(buf_done) struct buf text = BUF_INIT(RULES_OUT_MAX);
	char room[CEL_TIME_TEXT + CEL_ADDR_TEXT];
	size_t n = text_of(v, room);

	if (n)
		buf_put(&text, room, n);
	else
		rules_print_value(v, &text);
	json_str(w, buf_str(&text));
}

void rules_put_value(struct cel_value v, struct json_wr *w)
{
	switch (v.kind) {
	case CEL_NULL:
	case CEL_ERROR: json_null(w); break;
	case CEL_BOOL: json_bool(w, v.b); break;
	case CEL_INT: json_i64(w, v.i); break;
	case CEL_UINT: json_u64(w, v.u); break;
	case CEL_DOUBLE: put_double(v.d, w); break;
	case CEL_STRING: json_str(w, cel_str(v)); break;
	case CEL_LIST:
		json_array(w);
		for (uint32_t i = 0; i < v.n; i++)
			rules_put_value(v.items[i], w);
		json_end_array(w);
		break;
	case CEL_MAP: put_map(v, w); break;
	case CEL_OPTIONAL:
		if (v.boxed)
			rules_put_value(*v.boxed, w);
		else
			json_null(w);
		break;
	default: put_printed(v, w); break;
	}
}

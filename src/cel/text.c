#include "cel/text.h"

#include <stdarg.h>

#define CAP_FIRST 64

struct text text_init(struct cel_eval *eval, size_t expect)
{
	struct text t = { .eval = eval };

	if (expect)
		(void)text_reserve(&t, expect);
	return t;
}

char *text_reserve(struct text *t, size_t n)
{
	size_t cap = t->cap * 2;
	char *p;

	if (t->error)
		return NULL;
	if (t->p && n <= t->cap - t->n)
		return t->p + t->n;
	if (cap < CAP_FIRST)
		cap = CAP_FIRST;
	if (__builtin_add_overflow(t->n, n, &n) || n > UINT32_MAX) {
		t->error = CEL_E_MEMORY;
		return NULL;
	}
	if (cap < n)
		cap = n;
	p = cel_scratch(t->eval, cap);
	if (!p) {
		t->error = CEL_E_MEMORY;
		return NULL;
	}
	if (t->n)
		memcpy(p, t->p, t->n);
	t->p = p;
	t->cap = cap;
	return p + t->n;
}

void text_put(struct text *t, const void *p, size_t n)
{
	char *to = text_reserve(t, n);

	if (!to || n == 0)
		return;
	memcpy(to, p, n);
	t->n += n;
}

void text_putc(struct text *t, char c)
{
	text_put(t, &c, 1);
}

void text_puts(struct text *t, struct str s)
{
	text_put(t, s.p, s.n);
}

void text_printf(struct text *t, const char *fmt, ...)
{
	char line[129];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		text_put(t, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

struct cel_value text_value(struct text *t)
{
	if (!t->error && !cel_charge_bytes(t->eval, t->n))
		t->error = CEL_E_STEPS;
	if (t->error == CEL_E_STEPS)
		return cel_fail_steps(t->eval);
	if (t->error)
		return cel_fail_memory(t->eval);
	return cel_string((struct str){ .p = t->p ? t->p : "", .n = t->n });
}

struct cel_value cel_fail_overload(struct cel_eval *eval)
{
	return cel_fail(eval, CEL_E_NO_SUCH_OVERLOAD, "no such overload");
}

struct cel_value cel_fail_index(struct cel_eval *eval, int64_t index)
{
	return cel_fail(eval, CEL_E_INDEX, "index out of range: %lld", (long long)index);
}

/* In valid UTF-8 a code point starts at every byte that is no continuation. */
static bool starts(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

size_t text_offset(struct str s, uint64_t at)
{
	if (at > s.n)
		return s.n + 1;
	for (size_t i = 0; i < s.n; i++) {
		if (starts(s.p[i]) && at-- == 0)
			return i;
	}
	return at == 0 ? s.n : s.n + 1;
}

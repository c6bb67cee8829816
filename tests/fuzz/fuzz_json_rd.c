/* JSON: what is accepted means the same after it is written again; no byte may be read twice over. */
#include "codec/json_rd.h"
#include "codec/json_wr.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

static bool same(const struct json *a, const struct json *b)
{
	const struct json *x, *y;
	uint64_t u[2] = { 0 };
	int64_t i[2] = { 0 };

	if (a->kind != b->kind || a->boolean != b->boolean || a->count != b->count ||
	    !str_eq(a->text, b->text) || !str_eq(a->key, b->key))
		return false;
	if (json_u64_of(a, &u[0]) != json_u64_of(b, &u[1]) ||
	    json_i64_of(a, &i[0]) != json_i64_of(b, &i[1]) || u[0] != u[1] || i[0] != i[1])
		return false;
	for (x = a->child, y = b->child; x && y; x = x->next, y = y->next)
		if (!same(x, y))
			return false;
	return !x && !y;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { .p = (const char *)data, .n = size };
	struct arena a = ARENA_INIT(1 << 22);
	struct buf b = BUF_INIT(6 * size + 64);
	struct json_wr w = json_wr_init(&b);
	const struct json *first, *second;
	struct err err = ERR_INIT;

	if (json_parse(&a, text, &first, &err) < 0) {
		if (!err_is_set(&err))
			abort();
	} else {
		json_put(&w, first);
		if (buf_error(&b) || json_parse(&a, buf_str(&b), &second, &err) == -EBADMSG)
			abort();
		if (!err_is_set(&err) && !same(first, second))
			abort();
	}
	buf_done(&b);
	arena_done(&a);
	return 0;
}

/* Events as JSON: what is read means the same after it is written and read again. */
#include "base/buf.h"
#include "codec/json_wr.h"
#include "event/event.h"

#include <errno.h>
#include <stdlib.h>

static struct event first, second;

static void write_event(const struct event *e, struct buf *out)
{
	struct json_wr w = json_wr_init(out);

	event_write_json(e, EVENT_JSON_SENSITIVE, &w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { .p = (const char *)data, .n = size };
	struct arena a = ARENA_INIT(1 << 22);
	struct buf one = BUF_INIT(16 * size + 65536), two = BUF_INIT(16 * size + 65536);
	struct err err = ERR_INIT;

	event_init(&first);
	event_init(&second);
	if (event_parse_json(&first, text, &a, &err) < 0) {
		if (!err_is_set(&err) || first.type != EVENT_TYPE_N)
			abort();
	} else {
		write_event(&first, &one);
		if (buf_error(&one))
			abort();
		err = ERR_INIT;
		if (event_parse_json(&second, buf_str(&one), &a, &err) < 0) {
			if (err.code != ENOMEM)
				abort();
		} else {
			write_event(&second, &two);
			if (!str_eq(buf_str(&one), buf_str(&two)))
				abort();
		}
	}
	buf_done(&one);
	buf_done(&two);
	arena_done(&a);
	return 0;
}

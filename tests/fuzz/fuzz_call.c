/*
 * call: a record of the kernel's ring, whatever is in it, becomes one JSON object that can be read again, has
 * the call's number or name, and no more text than there was room for.
 */
#include "base/own.h"
#include "codec/json_rd.h"
#include "record/kernel.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct call_table table;
	AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);
	struct json_wr w = json_wr_init(&out);
	const struct json *value = NULL;
	struct call call;
	struct err err = ERR_INIT;

	if (!table.plan[sysc_info[SYSC_execve].nr[SYSC_NATIVE]])
		call_table_make(&table);
	if (kernel_read(data, size, &call) < 0)
		return 0;
	for (int i = 0; i < CALL_TEXTS; i++)
		assert(call.n_text[i] <= CALL_TEXT_MAX);
	json_object(&w);
	call_write(&w, &table, &call);
	json_end_object(&w);
	assert(!buf_error(&out));
	assert(json_parse(&arena, buf_str(&out), &value, &err) == 0);
	assert(json_get(value, "call") && json_get(value, "args"));
	return 0;
}

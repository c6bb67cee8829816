#include "record/kernel.h"

#include "base/cur.h"

/* What the text's own length says, within what there is room for. */
static void text_take(struct cur *c, const struct kernel_record *from, int i, struct call *call)
{
	const uint8_t *bytes = cur_take(c, CALL_TEXT_MAX);
	int32_t n = from->n_text[i];

	call->n_text[i] = n > CALL_TEXT_MAX ? CALL_TEXT_MAX : n;
	if (bytes && n > 0)
		memcpy(call->text[i], bytes, (size_t)call->n_text[i]);
}

int kernel_read(const void *data, size_t n, struct call *ret_call)
{
	const size_t head = n == sizeof(struct kernel_record) ? offsetof(struct kernel_record, text)
							      : n;
	struct cur c = cur_init(data, n);
	struct kernel_record from;
	const uint8_t *bytes;

	if (n != KERNEL_SHORT && n != KERNEL_PLAIN && n != sizeof(from))
		return -EBADMSG;
	bytes = cur_take(&c, head);
	if (!bytes)
		return -EBADMSG;
	memset(&from, 0, offsetof(struct kernel_record, text));
	memcpy(&from, bytes, head);
	if (from.kind != KERNEL_ENTERED && from.kind != KERNEL_RETURNED)
		return -EBADMSG;
	ret_call->at_ns = from.at_ns;
	ret_call->tid = (pid_t)from.tid;
	ret_call->tgid = (pid_t)from.tgid;
	ret_call->inner_tid = (pid_t)from.inner_tid;
	ret_call->inner_tgid = (pid_t)from.inner_tgid;
	ret_call->nr = from.nr;
	ret_call->returned = from.kind == KERNEL_RETURNED;
	ret_call->result = from.result;
	memcpy(ret_call->args, from.args, sizeof(ret_call->args));
	for (int i = 0; i < CALL_TEXTS; i++) {
		if (n != sizeof(from))
			ret_call->n_text[i] = -ENODATA;
		else
			text_take(&c, &from, i, ret_call);
	}
	return cur_error(&c) ? -EBADMSG : 0;
}

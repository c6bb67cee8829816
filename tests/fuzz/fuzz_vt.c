/*
 * vt: cutting the input elsewhere changes nothing; what came out passes a second time unchanged,
 * unanswered and undropped, so no forbidden sequence can be assembled from permitted parts.
 */
#include "base/own.h"
#include "codec/vt.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct buf *out, struct buf *reply, const void *p, size_t n, size_t step,
		 uint64_t *ret_dropped)
{
	static struct vt vt;
	const char *c = p;

	vt_init(&vt, false);
	for (size_t i = 0; i < n; i += step)
		vt_feed(&vt, c + i, step < n - i ? step : n - i, out, reply);
	vt.modes = 0;
	vt_end(&vt, out);
	*ret_dropped = vt.dropped;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_done) struct buf a = BUF_INIT(1 << 22), b = BUF_INIT(1 << 22);
	AUTO(buf_done) struct buf ra = BUF_INIT(1 << 22), rb = BUF_INIT(1 << 22);
	uint64_t da, db;

	if (size == 0)
		return 0;
	feed(&a, &ra, data, size, size, &da);
	feed(&b, &rb, data, size, 1 + data[0] % 7, &db);
	assert(!buf_error(&a) && !buf_error(&ra));
	assert(str_eq(buf_str(&a), buf_str(&b)) && str_eq(buf_str(&ra), buf_str(&rb)) && da == db);
	buf_reset(&b);
	buf_reset(&rb);
	if (a.n)
		feed(&b, &rb, a.p, a.n, a.n, &db);
	assert(rb.n == 0);
	assert(a.n == 0 || (db == 0 && str_eq(buf_str(&a), buf_str(&b))));
	return 0;
}

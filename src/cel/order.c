#include "cel/order.h"

#include <string.h>

static void merge(const uint32_t *from, uint32_t *to, uint32_t left, uint32_t mid, uint32_t right,
		  order_fn *compare, void *ctx)
{
	uint32_t a = left, b = mid;

	for (uint32_t i = left; i < right; i++) {
		if (a < mid && (b >= right || compare(ctx, from[a], from[b]) <= 0))
			to[i] = from[a++];
		else
			to[i] = from[b++];
	}
}

void order_sort(uint32_t *index, uint32_t *room, uint32_t n, order_fn *compare, void *ctx)
{
	uint32_t *from = index, *to = room, *swap;

	for (uint64_t width = 1; width < n; width *= 2) {
		for (uint64_t left = 0; left < n; left += 2 * width) {
			uint64_t mid = left + width < n ? left + width : n;
			uint64_t right = mid + width < n ? mid + width : n;

			merge(from, to, (uint32_t)left, (uint32_t)mid, (uint32_t)right, compare,
			      ctx);
		}
		swap = from;
		from = to;
		to = swap;
	}
	if (from != index)
		memcpy(index, from, n * sizeof(*index));
}

/*
 * order - stable sorting without allocation: of indices, by a comparison of the caller's.
 *
 * qsort() of the C library takes memory from the heap for large arrays; this merge sort takes the
 * room that it needs from the caller.
 */
#pragma once

#include <stdint.h>

/* <0, 0, >0: item @a against item @b. */
typedef int order_fn(void *ctx, uint32_t a, uint32_t b);

/* Sort @index[0..n), using @room of the same size. */
void order_sort(uint32_t *index, uint32_t *room, uint32_t n, order_fn *compare, void *ctx);

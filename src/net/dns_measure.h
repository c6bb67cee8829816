/*
 * dns_measure - how much a question could carry away.
 *
 * Bytes leave a closed network in the names that are asked for (ATTACKS D6): long labels, many of them,
 * many different names below one domain. These are measures, not judgements; limits belong to policies.
 * Pure functions: the clock is an argument.
 */
#pragma once

#include "net/dns.h"

struct dns_measure {
	unsigned bytes;   /* of the labels that count, without dots */
	unsigned labels;  /* that count */
	unsigned longest; /* of them */
	unsigned digits;  /* among the bytes */
	unsigned strange; /* bytes that no host name has */
	unsigned entropy; /* of the bytes, each by its own, in thousandths of a bit: 0..8000 */
};

/*
 * Of the labels left of the last @domain ones: those are the registered domain (cel/domain.h), which
 * whoever asks cannot choose freely. Letters count without case, as a server may see them.
 */
void dns_measure(const struct dns_name *name, unsigned domain, struct dns_measure *ret);

/*
 * How many different names were asked for of late: a table of bits, one for each hash, of this
 * window of time and of the one before. It never counts too many; of 400 names in a window it sees at
 * least 380, of 1000 about 890. Zeros and a random key make a new one.
 */
#define DNS_UNIQUE_BITS 4096

struct dns_unique {
	uint64_t key[2];
	uint64_t window; /* number of the present one */
	unsigned n[2];   /* of this window, of the one before */
	uint8_t seen[DNS_UNIQUE_BITS / 8];
};

/*
 * Count @name at @now, in units of which a window has @length. Returns the names of this window, and of the
 * one before by the share of it that is not over a window ago.
 */
unsigned dns_unique_add(struct dns_unique *u, const struct dns_name *name, uint64_t now,
			uint64_t length);

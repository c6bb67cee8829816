/*
 * domain - the registrable domain of a host name, by the public suffix list (publicsuffix.org).
 *
 * The list says below which names anybody may register one: com, co.uk, github.io. The name one
 * label longer is what belongs to somebody. Both parts of the list count, ICANN's and the private
 * one: two users of github.io have nothing to do with each other. A name under no rule is judged by
 * its last label, as the list's algorithm has it.
 *
 * The list becomes a constant table when this is built (domain_gen.c), of labels in ASCII; host
 * names may be written either way.
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

#define DOMAIN_HOST_MAX 1024 /* bytes of a host name as written; 253 in ASCII */

/* Was there a list when this was built? Without one only last labels are known. */
bool domain_list_present(void);

/*
 * The registrable domain as the end of @host, a last dot not counted; empty: @host is a public
 * suffix itself, an address, or no host name.
 */
struct str domain_registrable(struct str host);

/* The table: a tree of labels from the right, children sorted; [0] is the root. */
#define DOMAIN_RULE 0x2000      /* the names that end here are a rule of the list */
#define DOMAIN_WILD 0x4000      /* one more label, any, is a rule ("*.ck") */
#define DOMAIN_EXCEPTION 0x8000 /* not by the wildcard beside ("!www.ck") */
#define DOMAIN_CHILDREN 0x1fff

struct domain_node {
	uint32_t label; /* offset << 8 | length in domain_labels */
	uint16_t first; /* child */
	uint16_t n;     /* of children, and the flags above */
};

extern const char domain_labels[];
extern const struct domain_node domain_nodes[];

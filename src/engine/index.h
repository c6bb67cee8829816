/*
 * index - which rules can match an event at all: private to src/engine.
 *
 * From each rule's tree comes a necessary condition: "one of these keys holds", a key being a field
 * that equals, begins with, ends in or contains a literal. A decision looks the event's values up and meets
 * only the rules found, and those that gave no key. False keys make the whole expression false,
 * whatever else in it fails: && and || absorb errors.
 */
#pragma once

#include "base/arena.h"
#include "cel/ast.h"
#include "event/event.h"

#define KEYS_MAX 512 /* of one alternative */
#define ALTERNATIVES_MAX 8
#define KEY_BYTES_MAX 255 /* longer beginnings and ends are cut: still necessary */

enum key_kind { KEY_EQUAL, KEY_NUMBER, KEY_PREFIX, KEY_SUFFIX, KEY_PART, KEY_KIND_N };

#define PART_BYTES 4       /* of a KEY_PART are hashed: shorter ones are no keys */
#define PART_TEXT_MAX 1024 /* longer texts are left to the rules themselves */
#define PART_WORK_MAX 256  /* entries looked at, then all are taken */
#define PART_BLOOM_BITS 4096U

struct index_key {
	uint8_t kind; /* enum key_kind */
	uint16_t field;
	struct str text;
	int64_t number; /* KEY_NUMBER */
	struct index_key *next;
};

/* One of the keys must hold. */
struct index_alternative {
	struct index_key *keys; /* a list; NULL: nothing is known */
	uint32_t n;
};

/* Several such conditions, each necessary by itself; one is chosen. */
struct index_terms {
	struct index_alternative alternative[ALTERNATIVES_MAX];
	uint32_t n;
	bool never; /* the expression is constantly false */
};

/* What the checked tree @expr needs. No memory: as if nothing were known. */
void index_terms_of(struct arena *arena, const struct cel_expr *expr, struct index_terms *ret);
/* Can no event satisfy both? */
bool index_terms_apart(const struct index_terms *a, const struct index_terms *b);

struct index_entry {
	uint64_t hash;
	struct str text;
	int64_t number;
	uint32_t first, n; /* of the postings */
};

struct index_probe {
	uint8_t kind;
	uint16_t field;
	uint32_t mask; /* of the slots */
	struct index_entry *slots;
	uint32_t *postings;
	uint8_t longest;
	uint64_t lengths[4]; /* KEY_PREFIX, KEY_SUFFIX: which there are, by bit */
	uint64_t *bloom;     /* KEY_PART: first bytes that no key has */
	uint32_t n_postings;
};

/* For the events of some types. */
struct index {
	uint32_t n_always, n_probes, n_rules;
	uint32_t *always; /* rules without a key */
	struct index_probe *probes;
};

/* @rules: n numbers; terms[number] and chosen[number], the alternative, -1: none. */
int index_build(struct arena *arena, const uint32_t *rules, uint32_t n,
		const struct index_terms *terms, const int8_t *chosen, struct index *ret);
/* Choose an alternative for each of the @n rules: the one whose keys are the rarest. */
int index_choose(struct arena *arena, const struct index_terms *terms, uint32_t n,
		 int8_t *ret_chosen);

/*
 * The rules that can match @e, each once, into @out, which has room for index->n_rules: how many.
 * @stamps, one for each rule of the set, hold less than @stamp.
 */
uint32_t index_find(const struct index *index, const struct event *e, uint32_t *stamps,
		    uint32_t stamp, uint32_t *out);

/* "http.request.host == 'a.b' or 2 more". */
struct buf;
void index_alternative_print(const struct index_alternative *a, struct buf *out);

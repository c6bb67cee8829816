/*
 * Theory of operation
 *
 * A posting list for each key; a probe for each field and kind of key. Looking a text up for its
 * beginnings and ends needs a hash of each beginning: a polynomial over the bytes gives them all in
 * one walk, and a bit for each length that any key has says where to look. What a rule is filed
 * under was chosen over all rules together (index_choose): the method POST that every rule asks for
 * is a worse key than the host that only one names.
 */
#include "engine/index.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_SEED UINT64_C(0x9e3779b97f4a7c15)
#define HASH_STEP UINT64_C(0xd6e8feb86659fd93)

static inline uint64_t hash_byte(uint64_t h, char c)
{
	return (h ^ (unsigned char)c) * HASH_STEP;
}

static inline uint64_t hash_end(uint64_t h)
{
	h ^= h >> 32;
	h *= HASH_SEED;
	return h ^ h >> 29;
}

static uint64_t hash_forward(struct str s)
{
	uint64_t h = HASH_SEED;

	for (size_t i = 0; i < s.n; i++)
		h = hash_byte(h, s.p[i]);
	return hash_end(h);
}

static uint64_t hash_backward(struct str s)
{
	uint64_t h = HASH_SEED;

	for (size_t i = s.n; i-- > 0;)
		h = hash_byte(h, s.p[i]);
	return hash_end(h);
}

static uint64_t hash_number(int64_t number)
{
	return hash_end((uint64_t)number * HASH_STEP ^ HASH_SEED);
}

static inline uint32_t part_word(const char *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static inline uint32_t bloom_bit(uint32_t word)
{
	return (word * UINT32_C(0x9e3779b1)) >> 20;
}

static uint64_t key_hash(const struct index_key *k)
{
	if (k->kind == KEY_PART)
		return hash_number(part_word(k->text.p));
	if (k->kind == KEY_NUMBER)
		return hash_number(k->number);
	return k->kind == KEY_SUFFIX ? hash_backward(k->text) : hash_forward(k->text);
}

static bool key_same(const struct index_key *a, const struct index_key *b)
{
	return a->kind == b->kind && a->field == b->field && a->number == b->number &&
	       str_eq(a->text, b->text);
}

/* --- from numbers of keys to slots --- */

struct grouped {
	const struct index_key *key;
	uint64_t hash;
	uint32_t rule;
};

static int grouped_cmp(const void *pa, const void *pb)
{
	const struct grouped *a = pa, *b = pb;
	int order;

	if (a->key->field != b->key->field)
		return a->key->field < b->key->field ? -1 : 1;
	if (a->key->kind != b->key->kind)
		return a->key->kind < b->key->kind ? -1 : 1;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->key->number != b->key->number)
		return a->key->number < b->key->number ? -1 : 1;
	order = str_cmp(a->key->text, b->key->text);
	if (order)
		return order;
	return (a->rule > b->rule) - (a->rule < b->rule);
}

static bool same_probe(const struct grouped *a, const struct grouped *b)
{
	return a->key->field == b->key->field && a->key->kind == b->key->kind;
}

/* The keys of @g[0..n) belong to one probe and are sorted. */
static int probe_fill(struct arena *arena, const struct grouped *g, uint32_t n,
		      struct index_probe *p)
{
	uint32_t size = 4;

	while (size < n * 2)
		size *= 2;
	*p = (struct index_probe){
		.kind = g->key->kind, .field = g->key->field, .mask = size - 1, .n_postings = n
	};
	p->slots = arena_array(arena, size, struct index_entry);
	p->postings = arena_array(arena, n, uint32_t);
	if (g->key->kind == KEY_PART)
		p->bloom = arena_array(arena, PART_BLOOM_BITS / 64, uint64_t);
	if (!p->slots || !p->postings || (g->key->kind == KEY_PART && !p->bloom))
		return -ENOMEM;
	for (uint32_t i = 0, at = 0; i < n; i++) {
		const struct index_key *key = g[i].key;

		p->postings[i] = g[i].rule;
		if (i && key_same(g[i - 1].key, key)) {
			p->slots[at].n++;
			continue;
		}
		for (at = (uint32_t)g[i].hash & p->mask; p->slots[at].n; at = (at + 1) & p->mask)
			;
		p->slots[at] = (struct index_entry){ .hash = g[i].hash,
						     .text = key->text,
						     .number = key->number,
						     .first = i,
						     .n = 1 };
		if (p->bloom) {
			uint32_t bit = bloom_bit(part_word(key->text.p));

			p->bloom[bit / 64] |= UINT64_C(1) << (bit % 64);
		}
		p->lengths[key->text.n / 64] |= UINT64_C(1) << (key->text.n % 64);
		if (key->text.n > p->longest)
			p->longest = (uint8_t)key->text.n;
	}
	return 0;
}

static int probes_build(struct arena *arena, struct grouped *g, uint32_t n, struct index *ret)
{
	uint32_t n_probes = 0;

	qsort(g, n, sizeof(*g), grouped_cmp);
	for (uint32_t i = 0; i < n; i++)
		n_probes += i == 0 || !same_probe(&g[i - 1], &g[i]);
	ret->probes = arena_array(arena, n_probes + 1, struct index_probe);
	if (!ret->probes)
		return -ENOMEM;
	for (uint32_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && same_probe(&g[i], &g[end]); end++)
			;
		if (probe_fill(arena, g + i, end - i, &ret->probes[ret->n_probes++]) < 0)
			return -ENOMEM;
	}
	return 0;
}

int index_build(struct arena *arena, const uint32_t *rules, uint32_t n,
		const struct index_terms *terms, const int8_t *chosen, struct index *ret)
{
	struct index index = { .n_rules = n };
	struct grouped *g;
	uint32_t n_keys = 0, at = 0;
	int r;

	for (uint32_t i = 0; i < n; i++) {
		if (chosen[rules[i]] >= 0)
			n_keys += terms[rules[i]].alternative[chosen[rules[i]]].n;
	}
	g = calloc(n_keys ? n_keys : 1, sizeof(*g));
	index.always = arena_array(arena, n + 1, uint32_t);
	if (!g || !index.always) {
		free(g);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++) {
		uint32_t rule = rules[i];

		if (terms[rule].never)
			continue;
		if (chosen[rule] < 0) {
			index.always[index.n_always++] = rule;
			continue;
		}
		for (const struct index_key *k = terms[rule].alternative[chosen[rule]].keys; k;
		     k = k->next)
			g[at++] = (struct grouped){ .key = k, .hash = key_hash(k), .rule = rule };
	}
	r = probes_build(arena, g, at, &index);
	free(g);
	if (r == 0)
		*ret = index;
	return r;
}

/* --- choosing --- */

struct counted {
	uint64_t hash; /* of field, kind and literal */
	uint32_t n;
};

static uint64_t key_identity(const struct index_key *k)
{
	uint64_t h = key_hash(k) ^ (uint64_t)k->field << 3 ^ k->kind;

	h = hash_end(h);
	return h ? h : 1;
}

static struct counted *count_at(struct counted *table, size_t mask, uint64_t hash)
{
	size_t at = (size_t)hash & mask;

	while (table[at].hash && table[at].hash != hash)
		at = (at + 1) & mask;
	return &table[at];
}

int index_choose(struct arena *arena, const struct index_terms *terms, uint32_t n,
		 int8_t *ret_chosen)
{
	struct counted *table;
	size_t keys = 0, size = 16;

	(void)arena;
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t a = 0; a < terms[i].n; a++)
			keys += terms[i].alternative[a].n;
	}
	while (size < keys * 2)
		size *= 2;
	table = calloc(size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t a = 0; a < terms[i].n; a++) {
			for (struct index_key *k = terms[i].alternative[a].keys; k; k = k->next) {
				struct counted *c = count_at(table, size - 1, key_identity(k));

				c->hash = key_identity(k);
				c->n++;
			}
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		uint64_t best = UINT64_MAX;

		ret_chosen[i] = -1;
		for (uint32_t a = 0; a < terms[i].n; a++) {
			uint64_t sum = 0;

			for (struct index_key *k = terms[i].alternative[a].keys; k; k = k->next)
				sum += (uint64_t)count_at(table, size - 1, key_identity(k))->n *
				       (k->kind == KEY_PART ? 2 : 1); /* the dearer look-up */
			if (sum < best) {
				best = sum;
				ret_chosen[i] = (int8_t)a;
			}
		}
	}
	free(table);
	return 0;
}

/* --- looking up --- */

struct found {
	const struct index_probe *p;
	uint32_t *stamps, *out;
	uint32_t stamp, n;
};

static inline void take(struct found *f, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++) {
		uint32_t rule = f->p->postings[i];

		if (f->stamps[rule] == f->stamp)
			continue;
		f->stamps[rule] = f->stamp;
		f->out[f->n++] = rule;
	}
}

static inline void look(struct found *f, uint64_t hash, struct str text, int64_t number)
{
	const struct index_probe *p = f->p;

	for (uint32_t at = (uint32_t)hash & p->mask; p->slots[at].n; at = (at + 1) & p->mask) {
		const struct index_entry *e = &p->slots[at];

		if (e->hash == hash && e->number == number && str_eq(e->text, text)) {
			take(f, e->first, e->n);
			return;
		}
	}
}

static inline bool has_length(const struct index_probe *p, size_t n)
{
	return p->lengths[n / 64] >> (n % 64) & 1;
}

/* Every beginning (or end, @back) of @s that has the length of some key. */
static void look_parts(struct found *f, struct str s, bool back)
{
	const struct index_probe *p = f->p;
	uint64_t h = HASH_SEED;

	for (size_t n = 0;; n++) {
		if (has_length(p, n))
			look(f, hash_end(h), back ? str_sub(s, s.n - n, s.n) : str_sub(s, 0, n), 0);
		if (n == p->longest || n == s.n)
			break;
		h = hash_byte(h, back ? s.p[s.n - 1 - n] : s.p[n]);
	}
}

/* Every place in @s where a key may begin. Work is bounded: who writes the text may know the keys. */
static void look_windows(struct found *f, struct str s)
{
	const struct index_probe *p = f->p;
	unsigned work = s.n > PART_TEXT_MAX ? PART_WORK_MAX : 0;

	for (size_t i = 0; i + PART_BYTES <= s.n && work < PART_WORK_MAX; i++) {
		uint32_t word = part_word(s.p + i), bit = bloom_bit(word);
		uint64_t hash;

		if (!(p->bloom[bit / 64] >> (bit % 64) & 1))
			continue;
		hash = hash_number(word);
		for (uint32_t at = (uint32_t)hash & p->mask; p->slots[at].n;
		     at = (at + 1) & p->mask, work++) {
			const struct index_entry *e = &p->slots[at];

			if (e->hash == hash && e->text.n <= s.n - i &&
			    memcmp(e->text.p, s.p + i, e->text.n) == 0)
				take(f, e->first, e->n);
		}
	}
	if (work >= PART_WORK_MAX)
		take(f, 0, p->n_postings);
}

static void look_text(struct found *f, struct str s)
{
	switch ((enum key_kind)f->p->kind) {
	case KEY_EQUAL:
		if (s.n <= f->p->longest && has_length(f->p, s.n))
			look(f, hash_forward(s), s, 0);
		return;
	case KEY_PREFIX: look_parts(f, s, false); return;
	case KEY_SUFFIX: look_parts(f, s, true); return;
	case KEY_PART: look_windows(f, s); return;
	case KEY_NUMBER:
	case KEY_KIND_N: return;
	}
}

uint32_t index_find(const struct index *index, const struct event *e, uint32_t *stamps,
		    uint32_t stamp, uint32_t *out)
{
	struct found f = { .stamps = stamps, .stamp = stamp, .out = out, .n = index->n_always };

	if (index->n_always)
		memcpy(out, index->always, index->n_always * sizeof(*out));
	for (uint32_t i = 0; i < index->n_probes; i++) {
		const struct index_probe *p = &index->probes[i];
		struct cel_value v = e->value[p->field];

		f.p = p;
		/* an unset field reads as its type's default */
		if (p->kind != KEY_NUMBER)
			look_text(&f, v.kind == CEL_STRING ? cel_str(v) : STR(""));
		else
			look(&f,
			     hash_number(v.kind == CEL_BOOL  ? v.b
					 : v.kind == CEL_INT ? v.i
							     : 0),
			     (struct str){ 0 },
			     v.kind == CEL_BOOL  ? v.b
			     : v.kind == CEL_INT ? v.i
						 : 0);
	}
	return f.n;
}

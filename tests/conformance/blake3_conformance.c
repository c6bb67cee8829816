/*
 * blake3_conformance FOLDER - holds src/codec/blake3 against published test vectors.
 *
 * Every back end that this machine can run, forced one after the other; every mode; the whole
 * extended output, the default one, output from an offset, and input in uneven pieces; unkeyed
 * inputs also as one of a batch. Each (case, mode, back end) is one test.
 */
#include "codec/blake3.h"
#include "folder.h"

#define PATTERN 251 /* input byte i is i % 251 */
#define OUTPUT_MAX 4096

enum mode { MODE_HASH, MODE_KEYED, MODE_DERIVE };

static const char *const mode_names[] = { "hash", "keyed_hash", "derive_key" };

struct vector {
	const uint8_t *input;
	size_t n;
	enum mode mode;
	uint8_t key[BLAKE3_KEY];
	struct str context;
	uint8_t want[OUTPUT_MAX];
	size_t want_n;
};

static bool unhex(struct str s, uint8_t *out, size_t cap, size_t *ret_n)
{
	if (s.n % 2 || s.n / 2 > cap)
		return false;
	for (size_t i = 0; i < s.n / 2; i++) {
		unsigned byte;

		if (sscanf(s.p + 2 * i, "%2x", &byte) != 1)
			return false;
		out[i] = (uint8_t)byte;
	}
	*ret_n = s.n / 2;
	return true;
}

static void start(struct blake3 *b, const struct vector *v)
{
	switch (v->mode) {
	case MODE_HASH: blake3_init(b); break;
	case MODE_KEYED: blake3_init_keyed(b, v->key); break;
	case MODE_DERIVE: blake3_init_derive_key(b, v->context); break;
	}
}

/* The batch: the input among others of other lengths, at each of its places. */
static bool batch_holds(const struct vector *v)
{
	uint8_t out[20][BLAKE3_OUT];
	struct str in[20];

	for (size_t i = 0; i < 20; i++)
		in[i] = (struct str){ .p = (const char *)v->input, .n = i % 3 ? v->n : v->n / 2 };
	blake3_many(in, 20, -1, out);
	for (size_t i = 0; i < 20; i++)
		if (i % 3 && memcmp(out[i], v->want, BLAKE3_OUT) != 0)
			return false;
	return true;
}

static bool vector_holds(const struct vector *v)
{
	uint8_t got[OUTPUT_MAX], part[OUTPUT_MAX];
	size_t third = v->want_n / 3;
	struct blake3 b;

	start(&b, v);
	blake3_update(&b, v->input, v->n);
	blake3_final_at(&b, 0, got, v->want_n);
	blake3_final(&b, part);
	if (memcmp(got, v->want, v->want_n) != 0 || memcmp(part, v->want, BLAKE3_OUT) != 0)
		return false;
	blake3_final_at(&b, third, part, v->want_n - third);
	if (memcmp(part, v->want + third, v->want_n - third) != 0)
		return false;

	start(&b, v);
	for (size_t at = 0, piece = 1; at < v->n; at += piece, piece = piece * 5 / 3 + 1)
		blake3_update(&b, v->input + at, piece < v->n - at ? piece : v->n - at);
	blake3_final_at(&b, 0, got, v->want_n);
	return memcmp(got, v->want, v->want_n) == 0 && (v->mode != MODE_HASH || batch_holds(v));
}

static void run_backends(struct vector *v, const char *path, struct tally *t)
{
	static const char *const backends[] = { "portable", "sse41", "avx2", "avx512" };

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		char what[80];

		if (blake3_backend_set(backends[i]) < 0)
			continue;
		(void)snprintf(what, sizeof(what), "%s of %zu bytes with %s", mode_names[v->mode],
			       v->n, backends[i]);
		tally_add(t, vector_holds(v), path, what);
	}
}

static void run_case(struct vector *v, const struct json *c, const char *path, struct tally *t)
{
	AUTO(freep) uint8_t *input = NULL;
	uint64_t n;

	if (!json_get_u64(c, "input_len", &n) || n > (1 << 28) || !(input = malloc(n ? n : 1))) {
		tally_add(t, false, path, "a case without a usable input_len");
		return;
	}
	for (size_t i = 0; i < n; i++)
		input[i] = (uint8_t)(i % PATTERN);
	v->input = input;
	v->n = n;
	for (v->mode = MODE_HASH; v->mode <= MODE_DERIVE; v->mode++) {
		struct str hex;

		if (json_get_str(c, mode_names[v->mode], &hex) &&
		    unhex(hex, v->want, sizeof(v->want), &v->want_n) && v->want_n >= BLAKE3_OUT)
			run_backends(v, path, t);
		else
			tally_add(t, false, path, "a case without a usable output");
	}
}

static void run_document(const char *path, const struct json *document, struct tally *t)
{
	const struct json *cases = json_get(document, "cases");
	static struct vector v;
	struct str key;

	if (!cases || cases->kind != JSON_ARRAY || !json_get_str(document, "key", &key) ||
	    key.n != BLAKE3_KEY || !json_get_str(document, "context_string", &v.context)) {
		tally_add(t, false, path, "not a file of BLAKE3 test vectors");
		return;
	}
	memcpy(v.key, key.p, BLAKE3_KEY);
	for (const struct json *c = cases->child; c; c = c->next)
		run_case(&v, c, path, t);
}

int main(int argc, char **argv)
{
	return folder_main(argc, argv, run_document);
}

/*
 * The extension "encoders": base64 of RFC 4648 section 4. Padding may be missing when decoding, as
 * many tokens come without it; anything else is strict.
 */
#include "cel/text.h"
#include "codec/base64.h"

static struct cel_value encode(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	size_t size = BASE64_LEN((size_t)args[0].n);
	struct buf out;
	char *p;

	(void)n;
	if (!cel_charge_bytes(eval, size))
		return cel_fail_steps(eval);
	p = size <= UINT32_MAX ? cel_scratch(eval, size) : NULL;
	if (!p)
		return cel_fail_memory(eval);
	out = buf_fixed(p, size);
	base64_put(&out, args[0].p, args[0].n);
	return cel_string(buf_str(&out));
}

/* Decode @s, padded or not; negative: not base64. */
static int decode_any(struct str s, uint8_t *out, size_t cap, size_t *ret_n)
{
	size_t tail = s.n % 4, whole = s.n - tail, n, more = 0;
	char last[4] = { '=', '=', '=', '=' };
	int r;

	if (tail && memchr(s.p, '=', s.n))
		return -1;
	r = base64_decode(str_sub(s, 0, whole), out, cap, &n);
	if (r < 0)
		return r;
	if (tail) {
		memcpy(last, s.p + whole, tail);
		r = base64_decode((struct str){ .p = last, .n = 4 }, out + n, cap - n, &more);
		if (r < 0)
			return r;
	}
	*ret_n = n + more;
	return 0;
}

static struct cel_value decode(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	size_t size = (size_t)args[0].n / 4 * 3 + 3, got;
	uint8_t *p;

	(void)n;
	if (!cel_charge_bytes(eval, args[0].n))
		return cel_fail_steps(eval);
	p = cel_scratch(eval, size);
	if (!p)
		return cel_fail_memory(eval);
	if (decode_any(cel_str(args[0]), p, size, &got) < 0)
		return cel_fail(eval, CEL_E_ARGUMENT, "illegal base64 data");
	return cel_bytes((struct str){ .p = (const char *)p, .n = got });
}

static const struct cel_overload overloads[] = {
	{ "base64.encode", "y:s", encode },
	{ "base64.decode", "s:y", decode },
};

const struct cel_library cel_lib_encoders = { "encoders", overloads,
					      sizeof(overloads) / sizeof(overloads[0]) };

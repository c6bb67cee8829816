#include "base/secret.h"

enum alphabet {
	TOKEN, /* letters, digits and _ - . + / = ~ */
	UPPER, /* upper-case letters and digits */
};

struct shape {
	const char *kind, *prefix;
	uint8_t min; /* bytes, prefix included */
	uint8_t alphabet;
};

/* A longer prefix before a shorter one that it begins with. */
static const struct shape shapes[] = {
	{ "anthropic", "sk-ant-", 20, TOKEN },
	{ "openai", "sk-", 20, TOKEN },
	{ "stripe", "sk_live_", 20, TOKEN },
	{ "stripe", "sk_test_", 20, TOKEN },
	{ "stripe", "rk_live_", 20, TOKEN },
	{ "github", "ghp_", 20, TOKEN },
	{ "github", "gho_", 20, TOKEN },
	{ "github", "ghu_", 20, TOKEN },
	{ "github", "ghs_", 20, TOKEN },
	{ "github", "ghr_", 20, TOKEN },
	{ "github", "github_pat_", 20, TOKEN },
	{ "gitlab", "glpat-", 16, TOKEN },
	{ "aws", "AKIA", 20, UPPER },
	{ "aws", "ASIA", 20, UPPER },
	{ "google", "AIza", 30, TOKEN },
	{ "google", "ya29.", 20, TOKEN },
	{ "slack", "xoxb-", 16, TOKEN },
	{ "slack", "xoxp-", 16, TOKEN },
	{ "slack", "xoxa-", 16, TOKEN },
	{ "slack", "xoxr-", 16, TOKEN },
	{ "slack", "xoxs-", 16, TOKEN },
	{ "slack", "xapp-", 16, TOKEN },
	{ "npm", "npm_", 30, TOKEN },
	{ "pypi", "pypi-", 30, TOKEN },
	{ "huggingface", "hf_", 20, TOKEN },
	{ "digitalocean", "dop_v1_", 20, TOKEN },
	{ "docker", "dckr_pat_", 20, TOKEN },
	{ "shopify", "shpat_", 20, TOKEN },
	{ "sendgrid", "SG.", 40, TOKEN },
	{ "jwt", "eyJhbGciOi", 40, TOKEN },
	{ "age", "AGE-SECRET-KEY-", 20, TOKEN },
};

#define N_SHAPES (sizeof(shapes) / sizeof(shapes[0]))
#define BEGIN "-----BEGIN "
#define KEY_LINE_MAX 64
#define LOGIN_MAX 512
#define LOGIN_STOPS "/?#\"'<> \t\r\n"
#define LOOK_MAX 256 /* how far a digit may be from the start; bounds what each start costs */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool in_alphabet(char c, uint8_t alphabet)
{
	if (is_digit(c) || (c >= 'A' && c <= 'Z'))
		return true;
	if (alphabet == UPPER)
		return false;
	return (c >= 'a' && c <= 'z') || (c && strchr("_-.+/=~", c));
}

/*
 * Length of the login "user:password@" that @s begins with within @max bytes, 0: none. None of
 * @stops is part of one.
 */
static size_t login(struct str s, size_t max, const char *stops)
{
	size_t password = 0;

	for (size_t i = 0; i < s.n && i < max; i++) {
		if (s.p[i] == '@')
			return password && password < i ? i + 1 : 0;
		if (!s.p[i] || strchr(stops, s.p[i]))
			return 0;
		if (s.p[i] == ':' && !password)
			password = i + 1;
	}
	return 0;
}

const char *secret_value(struct str value)
{
	const char *host = value.n ? memmem(value.p, value.n, "://", 3) : NULL;

	for (size_t i = 0; i < N_SHAPES; i++) {
		const struct shape *shape = &shapes[i];

		if (value.n >= shape->min && value.p[0] == shape->prefix[0] &&
		    str_starts(value, str_of(shape->prefix)))
			return shape->kind;
	}
	if (value.n >= 20 && str_starts(value, STR(BEGIN)))
		return "private-key";
	if (host && login(str_sub(value, (size_t)(host - value.p) + 3, value.n), value.n, "/?#"))
		return "url-password";
	return NULL;
}

/* Length of the credential of this shape that @s begins with, 0: none. */
static size_t shape_length(const struct shape *shape, struct str s)
{
	bool digit = false;
	size_t n;

	if (!str_starts(s, str_of(shape->prefix)))
		return 0;
	for (n = strlen(shape->prefix); n < s.n && in_alphabet(s.p[n], shape->alphabet); n++) {
		digit |= is_digit(s.p[n]);
		if (n >= LOOK_MAX && !digit)
			return 0;
	}
	return n >= shape->min && digit ? n : 0;
}

/* Length of the first line of a private key that @s begins with, 0: none. A certificate is none. */
static size_t key_length(struct str s)
{
	struct str line = str_sub(s, 0, KEY_LINE_MAX);
	const char *hit;

	if (!str_starts(s, STR(BEGIN)))
		return 0;
	hit = memmem(line.p, line.n, "PRIVATE KEY", 11);
	if (!hit || memchr(line.p, '\n', (size_t)(hit - line.p)))
		return 0;
	return (size_t)(hit - line.p) + 11;
}

static bool word(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	       c == '-';
}

/* What begins at byte @at of @text; *@ret_n its length. */
static const char *found_at(struct str text, size_t at, size_t *ret_n)
{
	struct str rest = str_sub(text, at, text.n);
	bool starts = at == 0 || !word(text.p[at - 1]);

	*ret_n = 0;
	if (text.p[at] == '-') {
		*ret_n = key_length(rest);
		return *ret_n ? "private-key" : NULL;
	}
	if (text.p[at] == ':') {
		*ret_n = str_starts(rest, STR("://"))
				 ? login(str_sub(rest, 3, rest.n), LOGIN_MAX, LOGIN_STOPS)
				 : 0;
		*ret_n += *ret_n ? 3 : 0;
		return *ret_n ? "url-password" : NULL;
	}
	for (size_t i = 0; starts && i < N_SHAPES; i++) {
		if (shapes[i].prefix[0] != text.p[at])
			continue;
		*ret_n = shape_length(&shapes[i], rest);
		if (*ret_n)
			return shapes[i].kind;
	}
	return NULL;
}

const char *secret_find(struct str text, struct str *ret_where)
{
	/* what shapes begin with: few bytes of a text are looked at twice */
	static const bool firsts[256] = {
		['s'] = true, ['g'] = true, ['r'] = true, ['A'] = true, ['x'] = true,
		['n'] = true, ['y'] = true, ['p'] = true, ['h'] = true, ['d'] = true,
		['S'] = true, ['e'] = true, ['-'] = true, [':'] = true,
	};
	size_t n;

	for (size_t at = 0; at < text.n; at++) {
		const char *kind;

		if (!firsts[(unsigned char)text.p[at]])
			continue;
		kind = found_at(text, at, &n);
		if (kind) {
			if (ret_where)
				*ret_where = str_sub(text, at, at + n);
			return kind;
		}
	}
	return NULL;
}

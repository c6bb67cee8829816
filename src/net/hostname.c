#include "net/hostname.h"
#include "cel/addr.h"
#include "cel/addr_class.h"

#define PORT_DIGITS_MAX 5

static const char *const texts[HOSTNAME_ERROR_N] = {
	[HOSTNAME_OK] = "no error",
	[HOSTNAME_E_EMPTY] = "no host",
	[HOSTNAME_E_LONG] = "a host of over 253 bytes, or with a label of over 63",
	[HOSTNAME_E_LABEL] = "an empty label in the host, or a hyphen at the end of one",
	[HOSTNAME_E_CONTROL] = "a NUL, control character or space in the host",
	[HOSTNAME_E_UNICODE] = "a letter beyond ASCII in the host: write it as xn--...",
	[HOSTNAME_E_PERCENT] = "percent-encoding in the host",
	[HOSTNAME_E_USERINFO] = "a user name before the host",
	[HOSTNAME_E_BRACKET] =
		"brackets in the host that enclose no IPv6 address, or none around one",
	[HOSTNAME_E_ZONE] = "an IPv6 address with a zone",
	[HOSTNAME_E_NUMBER] = "a host that ends in a number and is no dotted decimal IPv4 address",
	[HOSTNAME_E_ADDRESS] = "a bad IPv6 address, or an address where a name belongs",
	[HOSTNAME_E_CHAR] = "a character in the host that no host has",
	[HOSTNAME_E_PORT] = "a port that is no number from 1 to 65535, or none where one is needed",
	[HOSTNAME_E_PATTERN] = "'*' in a host pattern other than as its first label, before a name",
};

const char *hostname_error_text(enum hostname_error error)
{
	return (unsigned)error < HOSTNAME_ERROR_N ? texts[error] : "an unknown error";
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Why @c cannot stand in a name; letters, digits, '-', '_' and '.' can. */
static enum hostname_error refuse_char(char c)
{
	unsigned char u = (unsigned char)c;

	if (is_digit(c) || ((u | 0x20) >= 'a' && (u | 0x20) <= 'z') || c == '-' || c == '_' ||
	    c == '.')
		return HOSTNAME_OK;
	if (u <= ' ' || u == 0x7f)
		return HOSTNAME_E_CONTROL;
	switch (c) {
	case '%': return HOSTNAME_E_PERCENT;
	case '@': return HOSTNAME_E_USERINFO;
	case '[':
	case ']':
	case ':': return HOSTNAME_E_BRACKET;
	case '*': return HOSTNAME_E_PATTERN;
	default: return u >= 0x80 ? HOSTNAME_E_UNICODE : HOSTNAME_E_CHAR;
	}
}

/* All digits, or 0x and nothing but hexadecimal ones. */
static bool is_number(struct str label)
{
	bool hex = label.n >= 2 && label.p[0] == '0' && (label.p[1] | 0x20) == 'x';

	for (size_t i = hex ? 2 : 0; i < label.n; i++) {
		if (!(hex ? is_hex(label.p[i]) : is_digit(label.p[i])))
			return false;
	}
	return true;
}

/* Copy @s in lower case; its labels hold to the limits. *@ret_last is the last of them. */
static enum hostname_error put_labels(struct str s, struct hostname *h, struct str *ret_last)
{
	size_t start = 0;

	for (size_t i = 0; i <= s.n; i++) {
		size_t n = i - start;

		if (i < s.n && s.p[i] != '.') {
			char c = s.p[i];

			h->text[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
			continue;
		}
		if (n > HOSTNAME_LABEL_MAX)
			return HOSTNAME_E_LONG;
		if (n == 0 || s.p[start] == '-' || s.p[i - 1] == '-')
			return HOSTNAME_E_LABEL;
		h->text[i] = i < s.n ? '.' : '\0';
		*ret_last = str_sub(s, start, i);
		start = i + 1;
	}
	h->n = (uint8_t)s.n;
	return HOSTNAME_OK;
}

static enum hostname_error parse_v6(struct str s, struct hostname *h)
{
	struct cel_addr addr = { 0 };
	const char *colon;

	switch (cel_addr_parse(s, &addr)) {
	case CEL_ADDR_OK: break;
	case CEL_ADDR_ZONE: return HOSTNAME_E_ZONE;
	case CEL_ADDR_MAPPED: /* is well formed, and the part with dots is the address */
		colon = memrchr(s.p, ':', s.n);
		s = str_sub(s, (size_t)(colon - s.p) + 1, s.n);
		if (cel_addr_parse(s, &addr) != CEL_ADDR_OK)
			return HOSTNAME_E_ADDRESS;
		break;
	default: return HOSTNAME_E_ADDRESS;
	}
	hostname_of_addr(&addr, h);
	return HOSTNAME_OK;
}

static enum hostname_error parse_name(struct str s, enum hostname_from from, struct hostname *h)
{
	enum hostname_error error;
	bool dot = s.p[s.n - 1] == '.';
	struct str last = { 0 };

	for (size_t i = 0; i < s.n; i++) {
		error = refuse_char(s.p[i]);
		if (error)
			return error;
	}
	if (dot)
		s.n--;
	if (s.n == 0)
		return HOSTNAME_E_LABEL;
	if (s.n > HOSTNAME_MAX)
		return HOSTNAME_E_LONG;
	error = put_labels(s, h, &last);
	if (error)
		return error;
	if (!is_number(last))
		return HOSTNAME_OK;
	/* with the root's dot some take it for an address and some for a name */
	if (dot || cel_addr_parse(s, &h->addr) != CEL_ADDR_OK)
		return HOSTNAME_E_NUMBER;
	return from == HOSTNAME_NAME ? HOSTNAME_E_ADDRESS : HOSTNAME_OK;
}

enum hostname_error hostname_parse(struct str s, enum hostname_from from, struct hostname *ret)
{
	struct hostname h = { .n = 0 };
	enum hostname_error error;

	if (s.n == 0)
		return HOSTNAME_E_EMPTY;
	if (from == HOSTNAME_URI && s.p[0] == '[') {
		if (s.p[s.n - 1] != ']')
			return HOSTNAME_E_BRACKET;
		s = str_sub(s, 1, s.n - 1);
		if (s.n == 0 || !memchr(s.p, ':', s.n))
			return HOSTNAME_E_BRACKET;
		error = parse_v6(s, &h);
	} else if (from == HOSTNAME_PLAIN && memchr(s.p, ':', s.n)) {
		error = parse_v6(s, &h);
	} else {
		error = parse_name(s, from, &h);
	}
	if (error)
		return error;
	*ret = h;
	return HOSTNAME_OK;
}

static bool parse_port(struct str s, uint16_t *ret_port)
{
	uint64_t port;

	if (s.n == 0 || s.n > PORT_DIGITS_MAX || s.p[0] == '0' || str_to_u64(s, &port) < 0 ||
	    port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

enum hostname_error hostname_parse_authority(struct str s, uint16_t port_default,
					     struct hostname *ret, uint16_t *ret_port)
{
	const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
	const char *bracket = s.n ? memrchr(s.p, ']', s.n) : NULL;
	uint16_t port = port_default;
	struct hostname h;
	enum hostname_error error;
	struct str host = s;

	if (s.n && memchr(s.p, '@', s.n))
		return HOSTNAME_E_USERINFO;
	if (colon && (!bracket || colon > bracket))
		host = str_sub(s, 0, (size_t)(colon - s.p));
	error = hostname_parse(host, HOSTNAME_URI, &h);
	if (error)
		return error;
	if (host.n < s.n && !parse_port(str_sub(s, host.n + 1, s.n), &port))
		return HOSTNAME_E_PORT;
	if (port == 0)
		return HOSTNAME_E_PORT;
	*ret = h;
	*ret_port = port;
	return HOSTNAME_OK;
}

void hostname_of_addr(const struct cel_addr *addr, struct hostname *ret)
{
	struct hostname h = { .addr = *addr };
	char text[CEL_ADDR_TEXT];

	addr_unmap(&h.addr);
	h.addr.prefix = h.addr.family == 4 ? 32 : 128;
	h.n = (uint8_t)cel_addr_print(&h.addr, false, text);
	memcpy(h.text, text, h.n);
	*ret = h;
}

/* ---- patterns ---- */

enum hostname_error hostname_pattern_parse(struct str s, struct hostname_pattern *ret)
{
	struct hostname_pattern pattern = { .below = str_starts(s, STR("*.")) };
	enum hostname_error error;

	error = hostname_parse(str_sub(s, pattern.below ? 2 : 0, s.n), HOSTNAME_PLAIN,
			       &pattern.host);
	if (error)
		return error;
	if (pattern.below && pattern.host.addr.family)
		return HOSTNAME_E_PATTERN;
	*ret = pattern;
	return HOSTNAME_OK;
}

bool hostname_pattern_match(const struct hostname_pattern *pattern, const struct hostname *host)
{
	struct str suffix = hostname_str(&pattern->host), s = hostname_str(host);

	if (!pattern->below)
		return hostname_eq(&pattern->host, host);
	return host->addr.family == 0 && s.n > suffix.n && str_ends(s, suffix) &&
	       s.p[s.n - suffix.n - 1] == '.';
}

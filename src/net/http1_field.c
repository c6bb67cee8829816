/* Lines and fields, in heads and in trailers. */
#include "net/http1_impl.h"

#include <errno.h>

static const char *const texts[HTTP1_ERROR_N] = {
	[HTTP1_OK] = "no error",
	[HTTP1_E_CONTROL] = "a control character in the head",
	[HTTP1_E_BARE_LF] = "a line that ends in LF without CR",
	[HTTP1_E_BARE_CR] = "a CR without LF",
	[HTTP1_E_EMPTY_LINE] = "an empty line before the first",
	[HTTP1_E_LONG] = "a head of over 65536 bytes",
	[HTTP1_E_LINE] = "a first line that is not three parts with one space between",
	[HTTP1_E_METHOD] = "a method that is not capital letters",
	[HTTP1_E_VERSION] = "a version other than HTTP/1.1 and HTTP/1.0",
	[HTTP1_E_TARGET] = "a request target that is malformed or not of a form the method has",
	[HTTP1_E_SCHEME] = "a request target of neither http nor https",
	[HTTP1_E_STATUS] = "a status that is no number from 100 to 599",
	[HTTP1_E_FIELDS] = "over 128 fields",
	[HTTP1_E_FOLD] = "a field that is continued on another line",
	[HTTP1_E_NAME] = "a field without a proper name",
	[HTTP1_E_SPACE] = "white space before the colon of a field",
	[HTTP1_E_ALIAS] = "a field that becomes another one where '_' is read as '-'",
	[HTTP1_E_HOST_MISSING] = "no Host",
	[HTTP1_E_HOST_TWICE] = "Host twice",
	[HTTP1_E_HOST] = "a host that is refused",
	[HTTP1_E_HOST_DIFFERS] = "a Host that is not the request target's",
	[HTTP1_E_LENGTH] = "a Content-Length that is not one plain number",
	[HTTP1_E_LENGTH_TWICE] = "Content-Length twice",
	[HTTP1_E_CODING] = "a Transfer-Encoding other than chunked",
	[HTTP1_E_CODING_TWICE] = "Transfer-Encoding twice",
	[HTTP1_E_LENGTH_AND_CODING] = "both Content-Length and Transfer-Encoding",
	[HTTP1_E_CODING_VERSION] = "Transfer-Encoding in HTTP/1.0",
	[HTTP1_E_CONNECTION] = "a Connection field that names what is not the connection's",
	[HTTP1_E_H2C] = "an upgrade to HTTP/2 without TLS",
	[HTTP1_E_UPGRADE] = "Upgrade twice, or an upgrade that was not asked for",
	[HTTP1_E_EXPECT] = "an expectation other than 100-continue",
	[HTTP1_E_BODY] = "a body where none can be",
	[HTTP1_E_CHUNK_SIZE] = "a chunk size that is not plain hexadecimal",
	[HTTP1_E_CHUNK_EXTENSION] = "a chunk extension",
	[HTTP1_E_CHUNK_END] = "a chunk that does not end where its size says",
	[HTTP1_E_TRAILER] = "a trailer that is malformed, too long or not allowed to come late",
	[HTTP1_E_CUT] = "a connection that ended within a body",
};

const char *const http1_end_to_end[] = {
	"host",
	"content-length",
	"transfer-encoding",
	"content-type",
	"content-encoding",
	"content-range",
	"authorization",
	"cookie",
	"set-cookie",
	"www-authenticate",
	"expect",
	"range",
	"cache-control",
	"location",
	"origin",
	"connection",
	"trailer",
	"via",
	"forwarded",
	"x-forwarded-for",
	"x-forwarded-host",
	"x-forwarded-proto",
	NULL,
};

const char *http1_error_text(enum http1_error error)
{
	return (unsigned)error < HTTP1_ERROR_N ? texts[error] : "an unknown error";
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool http1_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_alnum(s.p[i]) && (s.p[i] == '\0' || !strchr("!#$%&'*+-.^_`|~", s.p[i])))
			return false;
	}
	return s.n > 0;
}

static bool is_as(struct str s, const char *lower, bool underscores)
{
	size_t i;

	for (i = 0; i < s.n && lower[i]; i++) {
		char c = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]);

		if (underscores && c == '_')
			c = '-';
		if (c != lower[i])
			return false;
	}
	return i == s.n && !lower[i];
}

bool http1_is(struct str s, const char *lower)
{
	return is_as(s, lower, false);
}

bool http1_is_among(struct str name, const char *const *names)
{
	for (; *names; names++) {
		if (http1_is(name, *names))
			return true;
	}
	return false;
}

static bool is_white(char c)
{
	return c == ' ' || c == '\t';
}

static struct str trim(struct str s)
{
	while (s.n && is_white(s.p[0]))
		s = str_sub(s, 1, s.n);
	while (s.n && is_white(s.p[s.n - 1]))
		s.n--;
	return s;
}

enum http1_error http1_take_field(struct str line, struct http1_field *ret)
{
	const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	struct str name;

	if (line.n && is_white(line.p[0]))
		return HTTP1_E_FOLD;
	if (!colon)
		return HTTP1_E_NAME;
	name = str_sub(line, 0, (size_t)(colon - line.p));
	if (name.n && is_white(name.p[name.n - 1]))
		return HTTP1_E_SPACE;
	if (!http1_is_token(name))
		return HTTP1_E_NAME;
	if (memchr(name.p, '_', name.n)) {
		for (const char *const *known = http1_end_to_end; *known; known++) {
			if (is_as(name, *known, true))
				return HTTP1_E_ALIAS;
		}
	}
	ret->name = name;
	ret->value = trim(str_sub(line, name.n + 1, line.n));
	return HTTP1_OK;
}

bool http1_list_next(struct str *rest, struct str *ret_element)
{
	const char *comma;
	size_t n;

	if (!rest->p)
		return false;
	comma = rest->n ? memchr(rest->p, ',', rest->n) : NULL;
	n = comma ? (size_t)(comma - rest->p) : rest->n;
	*ret_element = trim(str_sub(*rest, 0, n));
	*rest = comma ? str_sub(*rest, n + 1, rest->n) : (struct str){ 0 };
	return true;
}

static enum http1_error check_byte(struct str s, size_t i)
{
	uint8_t c = (uint8_t)s.p[i];
	bool after_cr = i > 0 && s.p[i - 1] == '\r';

	if (c == '\n')
		return after_cr ? HTTP1_OK : HTTP1_E_BARE_LF;
	if (after_cr)
		return HTTP1_E_BARE_CR;
	return (c < ' ' && c != '\t' && c != '\r') || c == 0x7f ? HTTP1_E_CONTROL : HTTP1_OK;
}

int http1_scan(struct str s, size_t *at, enum http1_error *ret_error)
{
	for (; *at < s.n; ++*at) {
		size_t i = *at;

		*ret_error = check_byte(s, i);
		if (*ret_error)
			return -EBADMSG;
		if (s.p[i] != '\n' || (i >= 2 && s.p[i - 2] != '\n'))
			continue;
		++*at;
		return 0; /* CRLF at the start, or behind another */
	}
	return -EAGAIN;
}

/*
 * http1 - HTTP/1.1 between a client and a server that may both be hostile (RFC 9110, RFC 9112).
 *
 * A head is parsed only when it is there as a whole, in one piece, in memory of the caller; fields are slices of
 * it. Nothing is allocated. What two parsers could read differently is refused with a reason, never
 * repaired; the connection is then to be closed, for nobody knows where the next message begins.
 * Nothing of what came is passed on as it came: a head is written anew (http1_put_*()) from what was
 * understood, a body chunk by chunk.
 *
 * Stricter than the RFCs: CRLF alone ends lines (9112 2.2 lets LF), no empty line before the first, one
 * space and no more in the first line, no folded fields (5.2), no whitespace before a colon (5.1),
 * "chunked" is the only transfer coding and stands there once, never with Content-Length (6.1) nor
 * in HTTP/1.0; Content-Length is there once and is one number without leading zeros; chunks have no
 * extensions (7.1.1) and sizes are hexadecimal digits alone; trailers that could change what was said before
 * are refused, others are dropped; Host is there once and names what an absolute target names;
 * methods are capital letters; HTTP/0.9, the preface of HTTP/2 and the upgrade to h2c are refused; so are
 * names that become another field where '_' is read as '-' (Content_Length).
 */
#pragma once

#include "base/buf.h"
#include "net/hostname.h"

#include <stdbool.h>
#include <stdint.h>

#define HTTP1_HEAD_MAX 65536 /* bytes of a head, the empty line included */
#define HTTP1_FIELDS_MAX 128
#define HTTP1_METHOD_MAX 32
#define HTTP1_TRAILER_MAX 4096 /* bytes of all trailers */

enum http1_error {
	HTTP1_OK,
	/* lines */
	HTTP1_E_CONTROL, /* NUL or another control character, anywhere in a head */
	HTTP1_E_BARE_LF,
	HTTP1_E_BARE_CR,
	HTTP1_E_EMPTY_LINE, /* before the first line */
	HTTP1_E_LONG,       /* a head of over 65536 bytes */
	/* the first line */
	HTTP1_E_LINE, /* not three parts with one space between */
	HTTP1_E_METHOD,
	HTTP1_E_VERSION, /* neither HTTP/1.1 nor HTTP/1.0 */
	HTTP1_E_TARGET,
	HTTP1_E_SCHEME, /* an absolute target of neither http nor https */
	HTTP1_E_STATUS,
	/* fields */
	HTTP1_E_FIELDS, /* over 128 */
	HTTP1_E_FOLD,   /* a line that begins with white space */
	HTTP1_E_NAME,   /* a name that is no token, or no colon */
	HTTP1_E_SPACE,  /* before a colon */
	HTTP1_E_ALIAS,  /* Content_Length and its like */
	HTTP1_E_HOST_MISSING,
	HTTP1_E_HOST_TWICE,
	HTTP1_E_HOST, /* by hostname.h, here or in the target */
	HTTP1_E_HOST_DIFFERS,
	HTTP1_E_LENGTH,
	HTTP1_E_LENGTH_TWICE,
	HTTP1_E_CODING, /* other than "chunked" */
	HTTP1_E_CODING_TWICE,
	HTTP1_E_LENGTH_AND_CODING,
	HTTP1_E_CODING_VERSION, /* in HTTP/1.0 */
	HTTP1_E_CONNECTION, /* no list of names, or one of a field that is not the connection's */
	HTTP1_E_H2C,
	HTTP1_E_UPGRADE, /* twice, or an answer to a request that had none */
	HTTP1_E_EXPECT,  /* other than 100-continue */
	HTTP1_E_BODY,    /* where none can be: CONNECT, TRACE, upgrades, 1xx, 204 */
	/* bodies */
	HTTP1_E_CHUNK_SIZE,
	HTTP1_E_CHUNK_EXTENSION,
	HTTP1_E_CHUNK_END, /* no CRLF behind a chunk */
	HTTP1_E_TRAILER,   /* malformed, over 4096 bytes, or a field that may not come late */
	HTTP1_E_CUT,       /* the connection ended within a body */
	HTTP1_ERROR_N
};

/* "both Content-Length and Transfer-Encoding"; never NULL. */
const char *http1_error_text(enum http1_error error);

struct http1_field {
	struct str name, value; /* as they came, without the white space around */
};

/* RFC 9112 3.2 */
enum http1_form { HTTP1_ORIGIN, HTTP1_ABSOLUTE, HTTP1_AUTHORITY, HTTP1_ASTERISK };

enum http1_framing {
	HTTP1_BODY_NONE,
	HTTP1_BODY_LENGTH,
	HTTP1_BODY_CHUNKED,
	HTTP1_BODY_CLOSE, /* an answer that ends with the connection */
};

struct http1_head {
	/* a request */
	struct str method; /* empty: it is an answer */
	enum http1_form form;
	bool https;       /* of an absolute target */
	struct str path;  /* as it came, path.h makes it canonical; "*" in asterisk form */
	struct str query; /* behind the '?' */
	bool has_query;
	struct hostname host; /* that the target and Host agree on */
	uint16_t port, port_default;
	bool expect_continue;
	/* an answer */
	unsigned status;
	struct str reason;
	bool tunnel; /* from here on it is no HTTP: 2xx to CONNECT, 101 */
	/* both */
	bool http10;
	enum http1_framing framing;
	bool has_length;
	uint64_t length;
	bool keep_alive;                /* the sender would; never with HTTP/1.0 */
	struct str upgrade;             /* what Connection has as "upgrade"; else empty */
	enum hostname_error host_error; /* with HTTP1_E_HOST, for people */
	size_t used;                    /* bytes of the head */
	unsigned n;
	struct http1_field fields[HTTP1_FIELDS_MAX];
};

/*
 * The request at the start of @stream, all bytes that are there so far: 0; -EAGAIN: more are needed;
 * -EBADMSG with the reason in *@ret_error. *@scanned is 0 for each new head and is kept by this
 * function, so that no byte is looked at twice while more come. @port_default: 80 or 443, of the
 * connection, for hosts without a port. *@ret is valid on success alone, but for host_error.
 */
int http1_parse_request(struct str stream, size_t *scanned, uint16_t port_default,
			struct http1_head *ret, enum http1_error *ret_error);

/* What an answer's body depends on (RFC 9112 6.3). */
struct http1_asked {
	bool head, connect, upgrade;
};

struct http1_asked http1_asked(const struct http1_head *request);

/* The answer to such a request; interim ones (1xx) too, after which another follows. */
int http1_parse_answer(struct str stream, size_t *scanned, struct http1_asked asked,
		       struct http1_head *ret, enum http1_error *ret_error);

/* The first field of that name, in any case, or NULL. @name: lower case. */
const struct http1_field *http1_field(const struct http1_head *head, const char *name);

/* ---- bodies ---- */

struct http1_body {
	enum http1_framing framing;
	uint64_t left; /* bytes of the body, or of the chunk */
	uint8_t state, digits;
	uint16_t n; /* bytes of trailers */
	char trailer[HTTP1_TRAILER_MAX];
};

void http1_body_init(struct http1_body *body, const struct http1_head *head);

/*
 * Take from @in: *@ret_used bytes are done with, *@ret_data of them is content (perhaps none). 1: there is
 * content, come again with the rest; 0: the body has ended, what follows is the next message; -EAGAIN: all of
 * @in is taken and more must come; -EBADMSG. The content passes as it comes, in pieces of any size.
 */
int http1_body_next(struct http1_body *body, struct str in, size_t *ret_used, struct str *ret_data,
		    enum http1_error *ret_error);

/* The connection has ended: was that the body's end? 0 or -EBADMSG (HTTP1_E_CUT). */
int http1_body_eof(const struct http1_body *body, enum http1_error *ret_error);

/* ---- writing ---- */

/*
 * The head as it is to be sent on: origin form, Host first and canonical, fields of the connection left
 * out (RFC 9110 7.6.1: those Connection names, Keep-Alive, Proxy-*, TE, Upgrade, ...), framing as
 * understood. @path: canonical, by path.h; "*" stays. Of an answer Alt-Svc is left out, which leads around us.
 * @upgrade: keep what was asked to upgrade to. @keep_alive: say so, or "close". Errors are @out's. CONNECT is
 * not passed on: nothing is written for it and @out fails.
 */
void http1_put_request(struct buf *out, const struct http1_head *head, struct str path,
		       bool upgrade, bool keep_alive);
void http1_put_answer(struct buf *out, const struct http1_head *head, bool upgrade,
		      bool keep_alive);

/* The size of a chunk of @n bytes, n > 0; after the data CRLF. The last: "0\r\n\r\n". */
void http1_put_chunk_size(struct buf *out, uint64_t n);

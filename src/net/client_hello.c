/*
 * Two steps. join() looks at the headers of the records that are there and copies their fragments into one
 * message; it knows nothing of what is in it but its length. parse_message() then reads the message with a
 * cursor for each level of nesting: a vector is taken as a slice, the slice read to its end, and what
 * is left over in any of them is an error.
 */
#include "net/client_hello.h"
#include "base/cur.h"

#define RECORD_HEADER 5
#define RECORD_MAX 16384
#define MESSAGE_HEADER 4
#define CONTENT_HANDSHAKE 22
#define CLIENT_HELLO 1
#define TLS10 0x0301
#define TLS11 0x0302
#define TLS12 0x0303
#define TLS13 0x0304

static const char *const texts[CLIENT_HELLO_ERROR_N] = {
	[CLIENT_HELLO_OK] = "no error",
	[CLIENT_HELLO_E_NOT_TLS] = "something other than TLS",
	[CLIENT_HELLO_E_RECORD] = "a TLS record that cannot be part of a ClientHello",
	[CLIENT_HELLO_E_LONG] = "a ClientHello of over 16384 bytes or 64 records",
	[CLIENT_HELLO_E_MESSAGE] = "another TLS message than a ClientHello",
	[CLIENT_HELLO_E_TRAILING] = "bytes behind the ClientHello in its record",
	[CLIENT_HELLO_E_LENGTH] = "a length in the ClientHello that does not add up",
	[CLIENT_HELLO_E_VERSION] = "a ClientHello for no version of TLS",
	[CLIENT_HELLO_E_COMPRESS] = "a ClientHello that asks for compression",
	[CLIENT_HELLO_E_EXTENSIONS] = "a ClientHello of over 64 extensions",
	[CLIENT_HELLO_E_TWICE] = "an extension of the ClientHello that is there twice",
	[CLIENT_HELLO_E_SNI] = "a server name that is not exactly one host name",
	[CLIENT_HELLO_E_HOST] = "a server name that no host can have",
	[CLIENT_HELLO_E_ALPN] = "a list of protocols (ALPN) that is malformed",
	[CLIENT_HELLO_E_PSK] = "a pre_shared_key that is not the last extension",
	[CLIENT_HELLO_E_EARLY] = "early data in a ClientHello that cannot have it",
	[CLIENT_HELLO_E_ECH] = "an encrypted ClientHello that is malformed",
	[CLIENT_HELLO_E_QUIC] = "parameters of QUIC in a ClientHello over TCP",
};

const char *client_hello_error_text(enum client_hello_error error)
{
	return (unsigned)error < CLIENT_HELLO_ERROR_N ? texts[error] : "an unknown error";
}

/* ---- records ---- */

/* As far as bytes are there: is this the start of a record of handshake messages? */
static enum client_hello_error check_record(struct str s, bool first)
{
	const uint8_t *p = (const uint8_t *)s.p;
	enum client_hello_error other = first ? CLIENT_HELLO_E_NOT_TLS : CLIENT_HELLO_E_RECORD;
	unsigned length;

	if (s.n > 0 && p[0] != CONTENT_HANDSHAKE)
		return other;
	if (s.n > 1 && p[1] != TLS10 >> 8)
		return other;
	/* RFC 8446 5.1: 0x0303, in the first hello perhaps 0x0301; no more than that is ever sent */
	if (s.n > 2 && (p[2] < (TLS10 & 0xff) || p[2] > (TLS12 & 0xff)))
		return other;
	if (s.n < RECORD_HEADER)
		return CLIENT_HELLO_OK;
	length = (unsigned)p[3] << 8 | p[4];
	return length == 0 || length > RECORD_MAX ? CLIENT_HELLO_E_RECORD : CLIENT_HELLO_OK;
}

/* The message's length as its first bytes have it, once four are there; else a length of 4. */
static enum client_hello_error message_length(const uint8_t *p, size_t n, size_t *ret_length)
{
	*ret_length = MESSAGE_HEADER;
	if (n > 0 && p[0] != CLIENT_HELLO)
		return CLIENT_HELLO_E_MESSAGE;
	if (n < MESSAGE_HEADER)
		return CLIENT_HELLO_OK;
	*ret_length += (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	return *ret_length > CLIENT_HELLO_MAX ? CLIENT_HELLO_E_LONG : CLIENT_HELLO_OK;
}

/* 0: @room has the whole message of *@ret_length bytes; *@ret_used of the stream were looked at. */
static int join(struct str stream, struct client_hello_room *room, size_t *ret_length,
		size_t *ret_used, enum client_hello_error *ret_error)
{
	size_t at = 0, have = 0, length = MESSAGE_HEADER;

	for (unsigned records = 0; have < length || have < MESSAGE_HEADER; records++) {
		struct str rest = str_sub(stream, at, stream.n);
		size_t fragment, there;

		*ret_error = records == CLIENT_HELLO_RECORDS_MAX ? CLIENT_HELLO_E_LONG
								 : check_record(rest, records == 0);
		if (*ret_error)
			return -EBADMSG;
		if (rest.n < RECORD_HEADER)
			return -EAGAIN;
		fragment = (size_t)(uint8_t)rest.p[3] << 8 | (uint8_t)rest.p[4];
		rest = str_sub(rest, RECORD_HEADER, RECORD_HEADER + fragment);
		there = rest.n < CLIENT_HELLO_MAX - have ? rest.n : CLIENT_HELLO_MAX - have;
		memcpy(room->p + have, rest.p, there);
		have += there;
		*ret_error = message_length(room->p, have, &length);
		/* behind the message, or more than fits, which is then behind it too */
		if (!*ret_error && have >= MESSAGE_HEADER && have - there + fragment > length)
			*ret_error = CLIENT_HELLO_E_TRAILING;
		if (*ret_error)
			return -EBADMSG;
		if (rest.n < fragment)
			return -EAGAIN;
		at += RECORD_HEADER + fragment;
	}
	*ret_length = length;
	*ret_used = at;
	return 0;
}

/* ---- the message ---- */

struct reading {
	struct client_hello *hello;
	unsigned legacy_version;
	bool versions;  /* supported_versions was there */
	bool only_null; /* compression */
};

/* Vectors, as slices with a cursor of their own. */
static struct cur take8(struct cur *c)
{
	struct str s = cur_str(c, cur_u8(c));

	return cur_init(s.p, s.n);
}

static struct cur take16(struct cur *c)
{
	struct str s = cur_str(c, cur_be16(c));

	return cur_init(s.p, s.n);
}

static struct str rest_of(const struct cur *c)
{
	return (struct str){ .p = (const char *)c->p, .n = c->n };
}

static enum client_hello_error read_sni(struct reading *r, struct cur *c)
{
	struct cur list = take16(c);
	uint8_t type = cur_u8(&list);
	struct str name = rest_of(&list);

	name = cur_str(&list, cur_be16(&list));
	if (cur_error(c) || cur_error(&list) || c->n || list.n || type != 0)
		return CLIENT_HELLO_E_SNI;
	r->hello->name_error = hostname_parse(name, HOSTNAME_NAME, &r->hello->name);
	r->hello->has_name = true;
	/* RFC 6066 3: without a trailing dot */
	return r->hello->name_error || name.p[name.n - 1] == '.' ? CLIENT_HELLO_E_HOST
								 : CLIENT_HELLO_OK;
}

static enum client_hello_error read_alpn(struct reading *r, struct cur *c)
{
	struct cur list = take16(c);

	if (cur_error(c) || c->n || list.n == 0)
		return CLIENT_HELLO_E_ALPN;
	r->hello->alpn = rest_of(&list);
	while (list.n) {
		if (cur_str(&list, cur_u8(&list)).n == 0)
			return CLIENT_HELLO_E_ALPN;
	}
	return CLIENT_HELLO_OK;
}

static enum client_hello_error read_versions(struct reading *r, struct cur *c)
{
	struct cur list = take8(c);

	if (cur_error(c) || c->n || list.n == 0 || list.n % 2)
		return CLIENT_HELLO_E_LENGTH;
	r->versions = true;
	while (list.n) {
		switch (cur_be16(&list)) {
		case TLS10: r->hello->tls10 = true; break;
		case TLS11: r->hello->tls11 = true; break;
		case TLS12: r->hello->tls12 = true; break;
		case TLS13: r->hello->tls13 = true; break;
		default: break; /* unknown, and GREASE (RFC 8701) */
		}
	}
	return CLIENT_HELLO_OK;
}

static enum client_hello_error read_early(struct reading *r, struct cur *c)
{
	r->hello->early_data = true;
	return c->n ? CLIENT_HELLO_E_EARLY : CLIENT_HELLO_OK;
}

/* RFC 8446 4.2.11: identities, then binders, neither of them empty. */
static enum client_hello_error read_psk(struct reading *r, struct cur *c)
{
	struct cur identities = take16(c), binders = take16(c);

	r->hello->psk = true;
	return cur_error(c) || c->n || identities.n == 0 || binders.n == 0 ? CLIENT_HELLO_E_LENGTH
									   : CLIENT_HELLO_OK;
}

/* RFC 9849 5: type, KDF and AEAD, configuration, encapsulated key (empty in a second hello), payload. */
static enum client_hello_error read_ech(struct reading *r, struct cur *c)
{
	uint8_t type = cur_u8(c);
	struct cur payload;

	(void)cur_be32(c);
	(void)cur_u8(c);
	(void)take16(c);
	payload = take16(c);
	r->hello->ech = true;
	return cur_error(c) || c->n || type != 0 || payload.n == 0 ? CLIENT_HELLO_E_ECH
								   : CLIENT_HELLO_OK;
}

static enum client_hello_error read_esni(struct reading *r, struct cur *c)
{
	(void)c;
	r->hello->esni = true;
	return CLIENT_HELLO_OK;
}

static enum client_hello_error read_quic(struct reading *r, struct cur *c)
{
	(void)r;
	(void)c;
	return CLIENT_HELLO_E_QUIC;
}

#define PRE_SHARED_KEY 41

static const struct {
	uint16_t type;
	enum client_hello_error (*read)(struct reading *r, struct cur *c);
} extensions[] = {
	{ 0, read_sni },       { 16, read_alpn },     { 42, read_early },
	{ 43, read_versions }, { 57, read_quic },     { PRE_SHARED_KEY, read_psk },
	{ 0xfe0d, read_ech },  { 0xffa5, read_quic }, { 0xffce, read_esni },
};

static enum client_hello_error read_extension(struct reading *r, uint16_t type, struct cur *c)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		if (extensions[i].type == type)
			return extensions[i].read(r, c);
	}
	return CLIENT_HELLO_OK;
}

static enum client_hello_error read_extensions(struct reading *r, struct cur *list)
{
	uint16_t seen[CLIENT_HELLO_EXTENSIONS_MAX];
	enum client_hello_error error;

	for (unsigned n = 0; list->n; n++) {
		uint16_t type = cur_be16(list);
		struct cur data = take16(list);

		if (cur_error(list))
			return CLIENT_HELLO_E_LENGTH;
		if (n == CLIENT_HELLO_EXTENSIONS_MAX)
			return CLIENT_HELLO_E_EXTENSIONS;
		for (unsigned i = 0; i < n; i++) {
			if (seen[i] == type)
				return CLIENT_HELLO_E_TWICE;
		}
		seen[n] = type;
		error = read_extension(r, type, &data);
		if (error)
			return error;
		if (type == PRE_SHARED_KEY && list->n)
			return CLIENT_HELLO_E_PSK;
	}
	return CLIENT_HELLO_OK;
}

/* What only the whole tells. */
static enum client_hello_error check_whole(const struct reading *r)
{
	struct client_hello *h = r->hello;

	if (!r->versions) { /* RFC 8446 4.2.1: then the old field tells, the highest of a range */
		h->tls10 = r->legacy_version >= TLS10;
		h->tls11 = r->legacy_version >= TLS11;
		h->tls12 = r->legacy_version >= TLS12;
	}
	if (!h->tls10 && !h->tls11 && !h->tls12 && !h->tls13)
		return CLIENT_HELLO_E_VERSION;
	/* RFC 8446 4.1.2: without it no compression may even be offered, nor the field say more */
	if (h->tls13 && r->legacy_version != TLS12)
		return CLIENT_HELLO_E_VERSION;
	if (!r->only_null)
		return CLIENT_HELLO_E_COMPRESS;
	if (h->early_data && !h->psk)
		return CLIENT_HELLO_E_EARLY;
	return CLIENT_HELLO_OK;
}

/* RFC 8446 4.1.2, behind the message's header. */
static enum client_hello_error parse_message(struct str body, struct client_hello *h)
{
	struct reading r = { .hello = h };
	struct cur c = cur_init(body.p, body.n), session, ciphers, compression, list = { 0 };
	enum client_hello_error error;

	r.legacy_version = cur_be16(&c);
	(void)cur_take(&c, 32);
	session = take8(&c);
	ciphers = take16(&c);
	compression = take8(&c);
	if (cur_error(&c) || session.n > 32 || ciphers.n == 0 || ciphers.n % 2 ||
	    compression.n == 0)
		return CLIENT_HELLO_E_LENGTH;
	r.only_null = compression.n == 1 && compression.p[0] == 0;
	if (c.n) { /* before TLS 1.2 there may be none */
		list = take16(&c);
		if (cur_error(&c) || c.n)
			return CLIENT_HELLO_E_LENGTH;
	}
	error = read_extensions(&r, &list);
	return error ? error : check_whole(&r);
}

int client_hello_parse(struct str stream, struct client_hello_room *room, struct client_hello *ret,
		       enum client_hello_error *ret_error)
{
	enum client_hello_error error = CLIENT_HELLO_OK;
	struct client_hello h = { 0 };
	size_t length, used;
	int r;

	r = join(stream, room, &length, &used, &error);
	if (r == -EAGAIN)
		return r;
	if (r == 0) {
		h.used = used;
		h.message = (struct str){ (const char *)room->p, length };
		error = parse_message(str_sub(h.message, MESSAGE_HEADER, length), &h);
	}
	if (error) {
		ret->name_error = h.name_error;
		*ret_error = error;
		return -EBADMSG;
	}
	*ret = h;
	return 0;
}

bool client_hello_alpn(struct str *rest, struct str *ret_protocol)
{
	size_t n;

	if (rest->n == 0)
		return false;
	n = (uint8_t)rest->p[0];
	*ret_protocol = str_sub(*rest, 1, n + 1);
	*rest = str_sub(*rest, n + 1, rest->n);
	return true;
}

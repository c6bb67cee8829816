/*
 * client_hello - the first message of TLS, before anything is answered or dialled.
 *
 * From the first bytes of a stream it tells whether this is TLS, for whom (SNI, RFC 6066 section 3), for
 * what (ALPN, RFC 7301), in which versions (RFC 8446 4.2.1), and whether the client hides the true name
 * (ECH, RFC 9849; its forerunner ESNI). The message may be spread over records (RFC 8446 5.1) and over
 * reads; it is put together in memory of the caller, and read only when it is whole.
 *
 * Refused, beside every length that does not add up: a server name that is no host name or an address,
 * or more than one; an extension twice; records of another content or of no bytes in between; anything
 * behind the message in its last record; compression; pre_shared_key elsewhere than last; QUIC's
 * parameters (RFC 9001 8.2); an ECH of the inner kind. Versions below TLS 1.0 and the hello of SSL 2 are
 * not TLS. What follows in further records (early data) is not looked at.
 */
#pragma once

#include "net/hostname.h"

#include <stdbool.h>
#include <stdint.h>

#define CLIENT_HELLO_MAX 16384 /* bytes of the message, its header included */
#define CLIENT_HELLO_RECORDS_MAX 64
#define CLIENT_HELLO_EXTENSIONS_MAX 64
/* Bytes of a stream after which it is decided: so much a caller needs to hold. */
#define CLIENT_HELLO_STREAM_MAX (CLIENT_HELLO_MAX + 5 * CLIENT_HELLO_RECORDS_MAX)

enum client_hello_error {
	CLIENT_HELLO_OK,
	CLIENT_HELLO_E_NOT_TLS,  /* the stream begins with something else */
	CLIENT_HELLO_E_RECORD,   /* of another content, empty, over 16384 bytes, another version */
	CLIENT_HELLO_E_LONG,     /* over 16384 bytes or 64 records */
	CLIENT_HELLO_E_MESSAGE,  /* the first message is another one */
	CLIENT_HELLO_E_TRAILING, /* bytes behind the message in its last record */
	CLIENT_HELLO_E_LENGTH,   /* a length inside that does not add up */
	CLIENT_HELLO_E_VERSION,  /* none that is TLS */
	CLIENT_HELLO_E_COMPRESS, /* compression, or not the absence of it */
	CLIENT_HELLO_E_EXTENSIONS, /* over 64 */
	CLIENT_HELLO_E_TWICE,      /* an extension */
	CLIENT_HELLO_E_SNI,        /* no list of one host name */
	CLIENT_HELLO_E_HOST,       /* the name is no host's */
	CLIENT_HELLO_E_ALPN,       /* no list of protocols */
	CLIENT_HELLO_E_PSK,        /* pre_shared_key is not the last extension */
	CLIENT_HELLO_E_EARLY,      /* early data without pre_shared_key, or of a wrong form */
	CLIENT_HELLO_E_ECH,        /* neither outer nor well formed */
	CLIENT_HELLO_E_QUIC,       /* parameters of QUIC over TCP */
	CLIENT_HELLO_ERROR_N
};

struct client_hello {
	bool has_name;
	struct hostname name;
	enum hostname_error name_error; /* with CLIENT_HELLO_E_HOST, for people */
	struct str alpn;                /* the list, for client_hello_alpn(); empty: none */
	bool tls10, tls11, tls12, tls13;
	bool ech;  /* the name may not be the true one: encrypted, or GREASE that looks like it */
	bool esni; /* 0xffce, of drafts until 2020 */
	bool early_data;
	bool psk;           /* resumes, or wants to */
	size_t used;        /* bytes of the stream up to the end of the message's last record */
	struct str message; /* in @room: the whole handshake message */
};

/* Where the message is put together. */
struct client_hello_room {
	uint8_t p[CLIENT_HELLO_MAX];
};

/*
 * Read the first bytes of a stream, all that are there so far: 0; -EAGAIN: more are needed;
 * -EBADMSG, with the reason in *@ret_error. On success slices of *@ret point into @room; on failure
 * only @ret->name_error may be set. Once it asks for no more, more bytes change nothing.
 */
int client_hello_parse(struct str stream, struct client_hello_room *room, struct client_hello *ret,
		       enum client_hello_error *ret_error);

/*
 * The next protocol of the list, from @rest which starts as @hello->alpn; false: there is no more.
 * "h2", "http/1.1"; any bytes, 1..255 of them.
 */
bool client_hello_alpn(struct str *rest, struct str *ret_protocol);

/* "an extension that is there twice"; never NULL. */
const char *client_hello_error_text(enum client_hello_error error);

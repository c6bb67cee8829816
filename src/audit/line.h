/*
 * line - one record of capsule.log as bytes: head, leaf hash, identifiers. docs/LOG.md section 2.
 *
 *	{"seq":7,"sid":"5be0cd19","time":"2026-11-22T02:20:06.123456789Z","prev":"<64>","type":"T"...}
 *
 * The head is written and read without a JSON library: its bytes are fixed but for the values.
 */
#pragma once

#include "base/buf.h"
#include "codec/ed25519.h"
#include "codec/merkle.h"

#include <time.h>

#define LINE_BYTES_MAX (1u << 20) /* of one line, newline included */
#define LINE_TYPE_MAX 64
#define LINE_TIME 30 /* bytes of a time */
#define LINE_HASH 64 /* hex digits of a hash */
#define LINE_SID 8   /* the first digits of the session's (in the ledger: install's) id */

#define SESSION_ID 32 /* hex digits */
#define INSTALL_ID 16
#define ORIGIN_MAX (sizeof("capsule//") + INSTALL_ID + SESSION_ID)
#define VKEY_MAX 256 /* bytes of a verifier key with such a name */

/* Longest head, up to and including the type's closing quote. */
#define LINE_HEAD_MAX (256 + LINE_TYPE_MAX)

struct line_head {
	uint64_t seq;
	const char *sid;  /* LINE_SID bytes */
	const char *time; /* LINE_TIME bytes */
	const char *prev; /* LINE_HASH bytes */
	struct str type;
	size_t n; /* bytes of the head; what follows is "," or "}" */
};

/* Read the head of @line (without its newline), strictly: 0 or -EBADMSG. The line ends in '}'. */
int line_head_parse(struct str line, struct line_head *ret_head);

/* Write a head to @to (LINE_HEAD_MAX bytes of room); its length. */
size_t line_head_put(char *to, const struct line_head *head);

/* BLAKE3(0x00 ‖ line), the newline not included. */
static inline void line_leaf(struct str line, uint8_t leaf[MERKLE_HASH])
{
	merkle_blake3.leaf(line.p, line.n, leaf);
}

void hex_put(char *restrict to, const uint8_t *restrict p, size_t n); /* 2n lower-case digits */
/* Exactly 2n lower-case digits, or -EBADMSG. */
int hex_parse(struct str s, uint8_t *out, size_t n);
bool hex_is(struct str s, size_t digits);

/* "2026-11-22T02:20:06.123456789Z"; years 0 to 9999. No time zone files are looked at. */
void line_time_put(char to[LINE_TIME], const struct timespec *ts);
/* Nanoseconds since 1970, or -EBADMSG; strict. */
int line_time_parse(struct str s, int64_t *ret_ns);

/* Names that follow from keys: nobody can make another key for the same id. NUL-terminated. */
void session_id_of(const uint8_t public[ED25519_PUBLIC], char id[SESSION_ID + 1]);
void install_id_of(const uint8_t public[ED25519_PUBLIC], char id[INSTALL_ID + 1]);

/* What the install key signs to say "this session key is mine": docs/LOG.md section 4. */
void certificate_text(struct buf *out, struct str install, struct str session,
		      const uint8_t public[ED25519_PUBLIC], struct str time);

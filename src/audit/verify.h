/*
 * verify - is this log what its writer wrote? docs/LOG.md section 6 says what that proves.
 *
 * Reads the file once, in constant memory. Only when something does not fit is it read again, into
 * memory, to tell what was done to it (diagnose.c). Handles session logs and ledgers alike; old
 * Capsule chains have verify_old_chain().
 */
#pragma once

#include "audit/identity.h"
#include "base/err.h"
#include "codec/note.h"

#include <stdbool.h>

enum verify_kind {
	VERIFY_CHANGED,
	VERIFY_REMOVED,
	VERIFY_INSERTED,
	VERIFY_DUPLICATED,
	VERIFY_REORDERED,
	VERIFY_SPLICED,
	VERIFY_TRUNCATED,
	VERIFY_REWRITTEN,
	VERIFY_RESIGNED,
	VERIFY_UNKNOWN, /* to the ledger; or the ledger itself is altered */
	VERIFY_KINDS
};

extern const char *const verify_kind_name[VERIFY_KINDS];

/* Records @first to @last (numbers as the log should have them); @line counts lines from 1, 0: none. */
struct verify_finding {
	enum verify_kind kind;
	uint64_t first, last, line;
	char text[200];
};

#define VERIFY_FINDINGS 32

enum verify_format { VERIFY_LOG, VERIFY_LEDGER, VERIFY_OLD_CHAIN };
enum verify_key { VERIFY_KEY_EXPECTED, VERIFY_KEY_UNKNOWN, VERIFY_KEY_OTHER };

struct verify_report {
	enum verify_format format;
	struct identity id;
	enum verify_key key;
	uint64_t lines;       /* whole lines in the file */
	uint64_t covered;     /* lines that the last good checkpoint signs */
	uint64_t tail;        /* lines behind that checkpoint */
	uint64_t torn;        /* bytes behind the last newline (or from the first zero byte) */
	uint64_t checkpoints; /* seen */
	uint64_t lost;        /* events that gap records own up to */
	bool ended;           /* session.end and its checkpoint */
	char last_time[LINE_TIME + 1];
	uint8_t genesis_leaf[MERKLE_HASH];
	bool size_known; /* @options->size was reached */
	size_t n_findings, more;
	struct verify_finding finding[VERIFY_FINDINGS];
};

/* A tree head that the log has to agree with. */
struct verify_head {
	uint64_t size;
	uint8_t root[MERKLE_HASH];
	bool is_end;       /* nothing may stand behind the checkpoint there */
	const char *whose; /* "the ledger", "the checkpoint FILE": for findings */
};

struct verify_options {
	const struct install_pub *expected; /* NULL: any */
	size_t n_heads;
	const struct verify_head *heads; /* at most VERIFY_HEADS */
	/* Every line whose head is well-formed, in file order; NULL: none. */
	void (*each)(void *ctx, const struct line_head *head, struct str line);
	void *ctx;
};

#define VERIFY_HEADS 4

/*
 * @fd: a regular file, read from its start. 0 and a filled report, whatever it says; -EBADMSG: this
 * is no log at all; other errors: it cannot be read.
 */
int verify_fd(int fd, const struct verify_options *options, struct verify_report *ret_report,
	      struct err *err);

static inline bool verify_intact(const struct verify_report *report)
{
	return report->n_findings == 0;
}

void verify_add(struct verify_report *report, enum verify_kind kind, uint64_t first, uint64_t last,
		uint64_t line, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* The text of a note that was checked against the log's identity, as a head. -EBADMSG. */
int verify_note(const struct identity *id, struct str note, struct checkpoint *ret_cp);

/* Is the first line one of an old chain? Then this is the verifier. */
bool verify_is_old_chain(struct str line);
int verify_old_chain(int fd, struct verify_report *ret_report, struct err *err);

/*
 * changes - what a session's layers hold against the host's folders, and carrying that over.
 *
 * Everything in a layer was written by a session, and the host's folders may have been changed since by
 * anybody who may: so nothing is followed (no link, no mount), nothing but regular files and
 * directories is ever opened, names may hold any byte but '/' and NUL, sizes and depth are bounded.
 *
 * What is told are differences that matter: a file whose bytes and mode are the host's (opened for
 * writing and left alone, or carried over already) is none. A rename is a file that is gone and one of
 * the same bytes that is new; a layer does not tell more.
 *
 * Not carried over, ever: devices, FIFOs and sockets; set-user-ID, set-group-ID (of files) and sticky
 * bits; extended attributes; hard links (each name becomes a file of its own).
 */
#pragma once

#include "base/buf.h"
#include "changes/store.h"
#include "codec/blake3.h"
#include "codec/json_wr.h"

#define CHANGES_MAX (1U << 20) /* of one session */
#define CHANGES_DEPTH 128      /* of folders; what lies deeper is told and stays */

enum change_kind { CHANGE_CREATED, CHANGE_CHANGED, CHANGE_DELETED, CHANGE_RENAMED, CHANGE_N };

extern const char *const change_kind_name[CHANGE_N];

/* Why one is not carried over unless somebody says so, or not at all. */
enum change_why {
	CHANGE_FREE,
	CHANGE_CONFLICT, /* the host's was changed since the session began: force */
	CHANGE_GUARDED,  /* the policy protects or denies that name: it must be named */
	CHANGE_OUTWARD,  /* a symbolic link that leads out of the folder: it must be named */
	CHANGE_SPECIAL,  /* a device, FIFO or socket: never */
	CHANGE_DEEP,     /* too deep, or too long a name: never */
	CHANGE_WHY_N
};

extern const char *const change_why_text[CHANGE_WHY_N];

struct change {
	enum change_kind kind;
	enum change_why why;
	unsigned layer;
	bool content, mode; /* what differs; content: bytes, target or type */
	bool set_id;        /* has bits that are not carried over */
	const char *path;   /* below the layer's directory; "." is that itself */
	const char *from;   /* CHANGE_RENAMED */
	const struct policy_path *guard;
	mode_t old_mode, new_mode; /* st_mode; 0: not there */
	uint64_t old_size, new_size;
	bool moved;    /* CHANGE_DELETED: the other half of a rename, which is told instead */
	bool was_here; /* carries the mark of a file that the host had: see walk.c */
};

struct change_list {
	struct arena arena;
	struct changes_session *session;
	size_t n, cap;
	struct change
		*items; /* by layer, then path with '/' first: folders before what they hold */
	size_t count[CHANGE_N];
	size_t held; /* of them: those with a reason not to be carried over */
};

/* -E2BIG: over CHANGES_MAX. change_list_done() in any case. */
int change_list_make(struct changes_session *session, struct change_list *ret_list,
		     struct err *err);
void change_list_done(struct change_list *list);

/* The name on the host, in full, in the list's arena or NULL. */
const char *change_path(struct change_list *list, const struct change *change);
/* Members of an open object. */
void change_put(struct change_list *list, const struct change *change, struct json_wr *w);

/* ---- text.c: differences to read ---- */

#define CHANGE_TEXT_MAX (1U << 20) /* bytes of a file that is still compared line by line */

/*
 * Append a unified diff of @change to @out (names as git quotes them, control characters of the text
 * made visible with @safe); of what is no text, or too large, one line that says so.
 */
int change_diff(struct change_list *list, const struct change *change, bool safe, struct buf *out);

/* The same of two texts: "--- OLD", "+++ NEW" and hunks, three lines of context. Nothing if equal. */
int text_diff(struct str old, struct str new, const char *old_name, const char *new_name,
	      struct buf *out);

/* ---- apply.c ---- */

enum change_outcome { CHANGE_APPLIED, CHANGE_LEFT, CHANGE_NOT_CHOSEN };

struct change_choice {
	bool force;
	/* Absolute paths. Only these and what lies below them; NULL: all. */
	const char *const *only;
	size_t n_only;
	/* Named ones, exactly: guarded and outward ones are taken too. Those of @only are named. */
	const char *const *also;
	size_t n_also;
};

struct change_result {
	enum change_outcome outcome;
	int error;                /* positive errno, with CHANGE_LEFT; 0: change->why says it */
	uint8_t hash[BLAKE3_OUT]; /* of a regular file's bytes, as they were written */
	bool hashed;
};

struct change_applied {
	size_t applied, left, not_chosen;
	struct change_result *results; /* one per item, in the list's arena */
};

/*
 * Carry over what is chosen: each file whole or not at all (a temporary file beside it, renamed), with
 * the folder it is in held by descriptor. What fails is left and told; 0 unless nothing could begin.
 */
int changes_apply(struct change_list *list, const struct change_choice *choice,
		  struct change_applied *ret_applied, struct err *err);

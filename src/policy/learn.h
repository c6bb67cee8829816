/*
 * learn - from what a session was seen doing to the narrowest policy that lets it do so.
 *
 * Records of a log go in (docs/LOG.md, type "event"), lines of a policy come out, each with what it
 * rests on. What the base policy grants anyway is left to it. What is granted beyond what was seen
 * follows from these rules and no others; the number of each is said with the line:
 *
 *	G1	a name that is made, removed or renamed needs writing in the folder it is in; where that was
 *		made by the session too, in the nearest that the host has
 *	G2	LEARN_MANY or more entries of one folder, all with the same right: the folder
 *	G3	a shared object or a program that is read may be executed: it cannot be loaded otherwise
 *	G4	the interpreter that a script names is executed with it
 *	G5	a program that the session itself made: the folder it was made in, for executing
 *	G6	a connection: the host's network as a whole; this build knows no smaller grant
 *
 * A folder is never granted, whatever was seen in it, when it is one of the system's or the user's that
 * hold everything (/, /etc, the home folder, ~/.config, ...), lies above the home folder, or holds
 * something that looks like a secret (then its entries are granted one by one; where G1 needs the folder
 * all the same, the secret is denied inside it). Secrets themselves, sockets of the system, and metadata
 * addresses are never granted. What was tried and failed is told, and not granted.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "policy/policy.h"

#define LEARN_MANY 8
#define LEARN_PATHS_MAX 100000 /* that are told apart */

struct learn;

struct learn_options {
	const char *workspace, *home, *tmp; /* as ${workspace}, ${home}, ${tmp} */
	const char *base;                   /* what the proposal extends: "preset:readonly" */
	const struct policy *policy;        /* the base, loaded */
	const char *command, *session;      /* for the head of the proposal; may be NULL */
	bool host_network;                  /* the command was run with the host's network */
	/* For tests: what is on the host. NULL: the host itself. */
	const struct learn_host *host;
};

/* What the proposer asks the host, which the session's layers have left as it was. */
struct learn_host {
	void *ctx;
	/* 0 and its st_mode, or -errno; links are not followed. */
	int (*look)(void *ctx, const char *path, mode_t *ret_mode);
	/* The first bytes of a regular file: their number, or -errno. */
	ssize_t (*head)(void *ctx, const char *path, char *p, size_t n);
	/* Names in a folder, each told once; a nonzero return of @each ends it and is returned. */
	int (*list)(void *ctx, const char *path, int (*each)(void *, const char *), void *arg);
};

int learn_new(const struct learn_options *options, struct learn **ret_learn, struct err *err);
struct learn *learn_free(struct learn *learn);
void learn_freep(struct learn **learn);

/* One line of a log, without its newline; what is no event is passed over. -ENOBUFS: too many paths. */
int learn_record(struct learn *learn, struct str line);

/* A line that is proposed, or (@right 0) told and not granted. */
struct learn_line {
	const char *path;
	enum policy_fs kind; /* read, write, exec; deny: a secret in a folder that is granted */
	unsigned general;    /* 0: exactly what was seen; else N of GN */
	const char *why;     /* what was seen, for people: "3 x cat, first in record 17" */
};

/*
 * Work out what is to be granted; once, after the last record. Lines are ordered by kind, then path, and
 * belong to @learn.
 */
int learn_propose(struct learn *learn, const struct learn_line **ret_lines, size_t *ret_n,
		  struct err *err);
/* The whole as a capsule.yaml, comments and what is not granted included. After learn_propose(). */
void learn_write(const struct learn *learn, struct buf *out);
/* The same as one JSON object (docs/RUN.md). */
void learn_write_json(const struct learn *learn, struct buf *out);
/*
 * @text, a policy, with those proposed lines that @policy (@text, loaded) does not grant already. Only
 * adds lines; -EOPNOTSUPP with the place in @err where that cannot be done to what stands there.
 */
int learn_merge(const struct learn *learn, const char *name, struct str text,
		const struct policy *policy, struct buf *out, struct err *err);

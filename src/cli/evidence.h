/*
 * evidence - what the verbs that read logs share: where things are, colours, options, ledger look-up.
 */
#pragma once

#include "audit/ledger.h"
#include "audit/verify.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "codec/json_wr.h"
#include "codec/note.h"

#include <getopt.h>
#include <limits.h>

/* $XDG_CONFIG_HOME/capsule/NAME, $XDG_STATE_HOME/capsule/NAME or their places in $HOME; "" without. */
void evidence_config_path(char path[PATH_MAX], const char *name);
void evidence_state_path(char path[PATH_MAX], const char *name);

enum tint { TINT_NONE, TINT_GOOD, TINT_BAD, TINT_WARN, TINT_DIM, TINT_BOLD, TINT_NAME };
/* The escape sequence, or "" when standard output is no terminal or NO_COLOR is set. */
const char *tint(enum tint tint);

/* The options of a verb, for getopt and for --help, in one table. */
struct evidence_option {
	const char *name;
	int letter;           /* also the value getopt returns */
	const char *argument; /* what it is called in the help; NULL: takes none */
	const char *help;
};

/* As getopt_long(); --help and -h are answered here: -2. '?': wrong, said on stderr. */
int evidence_getopt(int argc, char **argv, const struct evidence_option *options, size_t n,
		    const char *usage);

/*
 * The expected install key: @path, or (NULL) install.pub if there is one, or ("none") none.
 * *@ret_known says whether there is one.
 */
int evidence_key(const char *path, struct install_pub *ret_pub, bool *ret_known, struct err *err);

/*
 * The log *@log: a file, the first digits of a session's id, or (NULL) the newest session, which *@log is
 * then the path of; static.
 */
int evidence_log_open(const char **log, int *ret_fd, struct err *err);

/* A whole file of at most @max bytes in @out. */
int evidence_read(const char *path, size_t max, struct buf *out, struct err *err);

/* Append a finding list member "findings":[...] and "more" to an open object. */
void evidence_findings_put(struct json_wr *w, const struct verify_report *report);
/* One line each, indented. */
void evidence_findings_print(const struct verify_report *report);
void evidence_finding_text(struct buf *out, const struct verify_finding *finding);

/* Write @out to standard output; the exit status 2 with words when that fails, else @status. */
int evidence_flush(struct buf *out, int status);

/* The newest checkpoint as a note, to be kept where the log's owner cannot reach; n 0: none. */
struct evidence_note {
	char note[NOTE_MAX];
	size_t n;
};

/* For struct verify_options' each, with a struct evidence_note as ctx. */
void evidence_note_take(void *ctx, const struct line_head *head, struct str line);

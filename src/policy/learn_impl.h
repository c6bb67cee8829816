/*
 * learn_impl - what the parts of learn share: learn.c (records), learn_propose.c, learn_write.c,
 * learn_merge.c.
 */
#pragma once

#include "base/map.h"
#include "policy/learn.h"
#include "policy/learn_place.h"

#define LEARN_PROGRAMS 3

/* How often, by whom, first when. */
struct learn_use {
	uint64_t count, first;
	const char *program[LEARN_PROGRAMS];
	unsigned n_programs; /* may be more */
};

enum learn_act {
	LEARN_READ,
	LEARN_LIST, /* a folder was opened */
	LEARN_WRITE,
	LEARN_NAMES, /* the name was made, removed or changed */
	LEARN_EXEC,
	LEARN_TRIED,  /* and was refused */
	LEARN_MISSED, /* and was not there: which tells something if the host has it */
	LEARN_ACT_N
};

struct learn_path {
	const char *path;
	bool made; /* by the session */
	struct learn_use use[LEARN_ACT_N];
};

/* Seen and not granted. */
enum learn_note {
	NOTE_SECRET,
	NOTE_EVERYTHING, /* it would take a folder that holds everything */
	NOTE_PRIVATE,    /* made in the private home, where it ends with the session */
	NOTE_BASE,       /* the base policy denies it */
	NOTE_SYSTEM,
	NOTE_LISTED,
	NOTE_UNSAYABLE, /* a path that no policy can name */
	NOTE_SOCKET,
	NOTE_METADATA,
	NOTE_NETWORK,
	NOTE_UNSEARCHED, /* a granted folder with too much in it to be looked through */
	NOTE_TRIED,
	NOTE_N
};

struct learn_told {
	enum learn_note note;
	const char *path, *why;
};

struct learn {
	struct arena arena;
	struct learn_options o;
	const struct learn_host *host;
	struct map paths; /* -> struct learn_path */
	struct map peers; /* "tcp 1.2.3.4:80", unix paths -> struct learn_path */
	size_t n_paths;
	uint64_t records; /* events that were read */
	size_t n_lines, cap_lines;
	struct learn_line *lines;
	size_t n_told, cap_told;
	struct learn_told *told;
	bool network; /* G6 */
	const char *network_why;
};

/* "3 x cat, gcc, first in record 17", in the arena. */
const char *learn_use_text(struct learn *learn, const struct learn_use *use);
void learn_use_add(struct learn_use *to, const struct learn_use *from);
/* How a policy names @path: "${workspace}/x", "~/x"; NULL: it cannot. In the arena. */
const char *learn_say(struct learn *learn, const char *path);

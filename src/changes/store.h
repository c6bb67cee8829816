/*
 * store - the folders in which overlaid sessions keep what they wrote: STATE/changes/ID, one per
 * session, mode 0700.
 *
 *	ID/session	one JSON object: "version":1, "session", "start" [seconds, nanoseconds],
 *			"workspace", "command", "log", "guarded" (the policy's protect, deny, hide and
 *			ask: [{path, kind, glob}])
 *	ID/0, 1, ...	the layers, as sandbox/overlay.h has them
 *
 * A folder is made before the wall is (".new-..."), locked (flock) by the supervisor as long as the
 * session runs, and gets its session's id when that is known. Nobody but the user can reach it: no
 * session is ever granted the state folder. What is in `upper` was written by a session and is hostile;
 * the rest is ours.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#define CHANGES_ID 32 /* digits of a session's id */

/* ---- the supervisor's side ---- */

struct changes_folder {
	char *path; /* where it is now */
	char *base; /* STATE/changes */
	int fd;     /* and the lock */
	struct timespec start;
};

#define CHANGES_FOLDER_INIT ((struct changes_folder){ .fd = -EBADF })

/* Make one, locked. Removes what sessions that were killed before they began have left. */
int changes_folder_new(const char *state_dir, struct changes_folder *ret_folder, struct err *err);
/* The session is known: write its file and give the folder its name. */
struct changes_about {
	const char *session, *log;
	const struct policy *policy;
	char *const *argv;
};
int changes_folder_name(struct changes_folder *folder, const struct changes_about *about,
			struct err *err);
/* With @remove the folder goes, whatever is in it. Else it stays and is unlocked. */
void changes_folder_done(struct changes_folder *folder, bool remove);

/* ---- afterwards ---- */

struct changes_layer {
	const char *path; /* the host's directory */
	int upper, lower; /* O_PATH; lower -EBADF: it is not there any more */
};

struct changes_session {
	struct arena arena;
	char id[CHANGES_ID + 1];
	const char *folder;
	int fd;       /* of the folder; locked unless running */
	bool running; /* its supervisor lives */
	struct timespec start;
	const char *workspace, *command, *log;
	size_t n_layers;
	struct changes_layer *layers;
	size_t n_guarded;
	struct policy_path *guarded;
};

/* The ids of all that are there, oldest first, in @arena; none: *@ret_n is 0. */
int changes_list(struct arena *arena, const char *state_dir, const char ***ret_ids, size_t *ret_n,
		 struct err *err);
/* @id: 32 digits. -ENOENT: there is none; -EBADMSG: its file is damaged. */
int changes_open(const char *state_dir, const char *id, struct changes_session **ret_session,
		 struct err *err);
struct changes_session *changes_close(struct changes_session *session);
void changes_closep(struct changes_session **session);
/* Remove all of it. -EBUSY: it runs. */
int changes_discard(struct changes_session *session, struct err *err);

/*
 * setup - what the supervisor hands to the child that builds the wall. Internal to the wall.
 */
#pragma once

#include "sandbox/layers.h"
#include "sandbox/wall.h"

#include <linux/filter.h>
#include <sys/types.h>

/*
 * What the child tells back, on a page that both map. The child's side is trusted until the
 * command is exec'd, which unmaps it; init unmaps it as well. The supervisor copies it with care
 * all the same.
 */
#define WALL_FILTER_MAX 1536 /* instructions; larger ones init compiles itself */

#define WALL_PATH_MAX 4096

struct wall_report {
	struct layer_status layers[LAYER_N];
	int failed;  /* a step failed: the fields below say which */
	int failure; /* enum wall_failure */
	int error;   /* positive errno */
	bool early;  /* nothing of the policy was involved: the second back end may do */
	/*
	 * The other way: the command's filter, for when all namespaces are there, compiled by the
	 * supervisor while init builds. Set when the program is whole; 0: compile it yourself.
	 */
	uint16_t n_filter;
	struct sock_filter filter[WALL_FILTER_MAX];
	int listener; /* of the command's filter: the number it has there */
	/* What the command tries to execute, while its memory is ours; how often it has tried. */
	char executing[WALL_PATH_MAX];
	uint32_t attempt;
	char text[ERR_TEXT_MAX];
};

/*
 * One byte each way between supervisor and command, before exec. Before these two, to init: it has
 * been moved into its v1 cgroups. What forks earlier stays outside.
 */
#define WALL_BYTE_MOVED 'm'
#define WALL_BYTE_READY 'r'
/* The command's filter is loaded, and its listener can be fetched: with traps, before 'g'. */
#define WALL_BYTE_LISTENER 'l'
#define WALL_BYTE_GO 'g'

struct wall_setup {
	const struct policy *policy;
	const struct wall_command *command;
	enum wall_backend backend;
	enum wall_pids pids;
	uint32_t wants, needs; /* LAYER_BIT()s */

	uint64_t namespaces;  /* CLONE_NEW* that clone3 has made */
	bool told_ready;      /* init has told, for the command */
	bool moves;           /* init waits for WALL_BYTE_MOVED before it forks */
	bool late_user_ns;    /* privileged: the user namespace comes last, see child.c */
	uid_t uid, outer_uid; /* the session's, inside and outside */
	gid_t gid, outer_gid;
	bool stdio_files; /* a regular file among the standard three */
	bool host_root;   /* outer_uid is 0 for the kernel too, not bound by RLIMIT_NPROC */

	int control;                     /* init's end: its lifeline, requests in, events out */
	int report_fd;                   /* the command's end: ready out, go in */
	int their_control, their_report; /* the supervisor's ends, to be closed */
	struct wall_report *report;      /* shared */

	const char *private_home,
		*private_tmp; /* second back end: on the host, made for this run */
};

/* The ids inside and outside. */
void wall_setup_ids(struct wall_setup *setup);
/* With that back end: which layers. Nothing is made yet. */
void wall_setup_backend(struct wall_setup *setup, enum wall_backend backend);

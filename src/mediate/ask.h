/*
 * ask - the questions that wait for a person, and what becomes of them.
 *
 * A caller (the mediator) submits a question for a call that it holds and is answered later, once:
 * by a person, by the deadline (no), or not at all if it cancels. Identical questions (same rule, same
 * event type, same expression for the object) are one prompt, and all who wait for it get its answer.
 * An answer for the session is remembered, one for always is written to the user's grants
 * (policy/grants.h) too. Front ends (a terminal, the control socket, the log) are told what opens and
 * closes; where none of them has anybody behind it, nobody can be asked and the policy's default
 * holds.
 *
 * Everything that could be flooded is bounded: ASKS_MAX wait at once, and prompts come from a bucket
 * of ASK_BURST that refills by one a second; what is over is denied and counted. No memory is taken
 * after asks_new(); every function may be called from within a callback.
 */
#pragma once

#include "base/err.h"
#include "base/loop.h"
#include "codec/blake3.h"
#include "policy/grants.h"
#include "policy/rule.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ASKS_MAX 256 /* that wait at once, and so questions at once */
#define ASK_BURST 32
#define ASK_REFILL_MS 1000
#define ASK_AGAIN_MS \
	1000 /* for so long nobody is asked the same after a no: it is tried along a path, or again */
#define ASK_TIMEOUT_MS 60000 /* unless the rule says otherwise */
#define ASK_REMEMBERED_MAX 1024
#define ASK_OBJECT_MAX 4096
#define ASK_TEXT_MAX 1024
#define ASK_ANCESTORS_MAX 8

enum ask_answer { ASK_DENY, ASK_ALLOW, ASK_EXPIRED, ASK_GONE };

/* The pids are those inside the session; the names are what processes call themselves. */
struct ask_ancestor {
	pid_t pid;
	char name[16];
};

/* A question as it is submitted: all is copied. Text is as the event has it: valid UTF-8. */
struct ask_question {
	enum event_type type;
	struct str what;   /* "open for writing" */
	struct str object; /* resolved; longer than ASK_OBJECT_MAX cannot be asked about */
	struct str
		detail; /* the command line of an exec, the other name of a rename; bounded likewise */
	struct str wider; /* what a wider answer covers: "everything in /w/src"; empty: none */
	/* CEL that holds for exactly this object, and for all that @wider says. */
	struct str when, wider_when;
	bool unkept; /* .when tells the object apart, but is no expression: not for "always" */
	unsigned n_ancestors; /* nearest first */
	struct ask_ancestor ancestors[ASK_ANCESTORS_MAX];
	const struct policy_rule *rule; /* timeout, widest scope, prompt */
};

/* Who answered. */
enum ask_by { ASK_BY_NOBODY, ASK_BY_TERMINAL, ASK_BY_CONTROL };

struct ask_reply {
	bool allow;
	enum rule_scope scope; /* wider than the question's widest is taken as that */
	bool wider;            /* all that .wider says; ignored where there is none */
	enum ask_by by;
	pid_t pid; /* of the front end, on the host */
	uid_t uid;
};

struct ask_outcome {
	enum ask_answer answer;
	struct ask_reply reply; /* as it holds */
	char note[256];         /* why "always" could not be kept; "" */
};

/* An open question, as front ends see it. */
struct ask {
	uint64_t id; /* from 1, in the order of their opening; 0: unused */
	enum event_type type;
	unsigned n_waiting;   /* calls that its answer goes to */
	uint64_t deadline_ms; /* on the asks' clock */
	enum rule_scope widest;
	bool has_wider;
	struct ask_outcome outcome; /* once closed */
	struct str what, object, detail, wider, when, wider_when;
	struct str rule, where, prompt;
	unsigned n_ancestors;
	struct ask_ancestor ancestors[ASK_ANCESTORS_MAX];
	uint8_t key[BLAKE3_OUT], wider_key[BLAKE3_OUT];
};

struct asks;

/* Somebody who is told. Stays where it is while attached. */
struct ask_front {
	/* It opened, or (.outcome says how) closed: then the pointer is good for this call only. */
	void (*changed)(struct ask_front *front, const struct ask *ask, bool opened);
	bool attends; /* somebody is there who may answer; asks_attend() changes it */
	bool (*here)(const struct ask_front *front); /* and now, too; NULL: always */
	struct ask_front *next;
};

struct asks_options {
	enum rule_action otherwise; /* when nobody can be asked: RULE_BLOCK or RULE_ALLOW */
	const char *config_dir;     /* CONFIG/capsule, for "always"; NULL: it cannot be kept */
	void (*answered)(void *owner, void *cookie, enum ask_answer answer);
	void *owner;
	uint64_t (*now_ms)(void *owner); /* NULL: the monotonic clock */
};

int asks_new(const struct asks_options *options, struct asks **ret);
struct asks *asks_free(struct asks *asks); /* NULL-safe, returns NULL; tells nobody */
void asks_freep(struct asks **asks);

/* Deadlines come from @loop from now on. Without it asks_expire() has to be called. */
int asks_start(struct asks *asks, struct loop *loop);
void asks_expire(struct asks *asks);
uint64_t asks_now_ms(const struct asks *asks);

/*
 * 0: @cookie will be told, *@ret_id is for asks_cancel(). 1: yes, at once (remembered, or the default).
 * Negative: no, at once: -EACCES (remembered, or the default), -EBUSY (too many wait), -EAGAIN (too
 * many prompts), -E2BIG (@question is longer than can be shown).
 */
int asks_submit(struct asks *asks, const struct ask_question *question, void *cookie,
		uint64_t *ret_id);
/* The call is gone. Unknown ids (told already) are ignored. */
void asks_cancel(struct asks *asks, uint64_t id);

/* -ENOENT: no such question, or not any more. *@ret_outcome (may be NULL): what holds now. */
int asks_answer(struct asks *asks, uint64_t id, const struct ask_reply *reply,
		struct ask_outcome *ret_outcome);
/* What was answered for the session holds no more: the rules have changed. */
void asks_forget(struct asks *asks);

void asks_attach(struct asks *asks, struct ask_front *front);
void asks_detach(struct asks *asks, struct ask_front *front);
void asks_attend(struct asks *asks, struct ask_front *front, bool attends);

/* The open question with the lowest id above @after, or NULL; the one with exactly @id, or NULL. */
const struct ask *asks_next(const struct asks *asks, uint64_t after);
const struct ask *asks_find(const struct asks *asks, uint64_t id);

struct asks_counts {
	unsigned open, waiting;
	uint64_t prompts;                                 /* questions that were put */
	uint64_t joined;                                  /* to a question that was open already */
	uint64_t remembered, by_default;                  /* answered at once */
	uint64_t allowed, denied, expired, gone;          /* questions, by how they closed */
	uint64_t refused_busy, refused_rate, refused_big; /* denied without asking */
};
const struct asks_counts *asks_counts(const struct asks *asks);

/* The lines that "always" would add to the grants; nothing if it may not be said. */
void ask_put_grant(const struct ask *ask, bool wider, struct buf *out);

extern const char *const ask_answer_name[4]; /* "deny" "allow" "expired" "gone" */
extern const char *const ask_by_name[3];     /* "nobody" "terminal" "control" */

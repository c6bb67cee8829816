/*
 * Theory of operation
 *
 * Two fixed pools: questions, and waiters that point at one. A waiter's id is its slot and a serial
 * number, so a late cancel meets nobody else. A question closes in one place, close_question(): it is taken
 * out of sight first, then its waiters are told one by one, each freed before it is told; a callback may
 * therefore submit, cancel and answer as it likes. Last the front ends hear of it.
 *
 * One timer stands at the nearest deadline.
 */
#include "mediate/ask.h"

#include "base/own.h"

#include <string.h>
#include <sys/epoll.h>
#include <time.h>

const char *const ask_answer_name[4] = { "deny", "allow", "expired", "gone" };
const char *const ask_by_name[3] = { "nobody", "terminal", "control" };

#define TEXT_MAX (ASK_OBJECT_MAX * 3 + ASK_TEXT_MAX * 4 + GRANT_WHEN_MAX * 2)

struct waiter {
	bool used;
	uint64_t id;
	struct ask *ask;
	void *cookie;
};

struct remembered {
	bool used, allow;
	uint64_t until_ms; /* 0: for the session */
	uint8_t key[BLAKE3_OUT];
};

struct asks {
	struct asks_options o;
	struct loop *loop;
	struct loop_watch timer;
	uint64_t last_id, last_waiter;
	uint64_t tokens_ms, refilled_ms; /* of the bucket; a prompt costs ASK_REFILL_MS */
	struct ask_front *fronts;
	struct asks_counts counts;
	unsigned next_remembered;
	struct remembered remembered[ASK_REMEMBERED_MAX];
	struct waiter waiters[ASKS_MAX];
	struct ask asks[ASKS_MAX];
	char text[ASKS_MAX][TEXT_MAX]; /* of each: untouched, and so no memory, until it is asked */
};

static uint64_t monotonic_ms(void *owner)
{
	struct timespec now;

	(void)owner;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t asks_now_ms(const struct asks *asks)
{
	return asks->o.now_ms(asks->o.owner);
}

int asks_new(const struct asks_options *options, struct asks **ret)
{
	struct asks *asks = calloc(1, sizeof(*asks));

	if (!asks)
		return -ENOMEM;
	asks->o = *options;
	if (!asks->o.now_ms)
		asks->o.now_ms = monotonic_ms;
	asks->timer.fd = -EBADF;
	asks->tokens_ms = (uint64_t)ASK_BURST * ASK_REFILL_MS;
	asks->refilled_ms = asks_now_ms(asks);
	*ret = asks;
	return 0;
}

struct asks *asks_free(struct asks *asks)
{
	if (!asks)
		return NULL;
	if (asks->loop)
		loop_remove(asks->loop, &asks->timer);
	asks->timer.fd = fd_close(asks->timer.fd);
	free(asks);
	return NULL;
}

void asks_freep(struct asks **asks)
{
	*asks = asks_free(*asks);
}

const struct asks_counts *asks_counts(const struct asks *asks)
{
	return &asks->counts;
}

/* ---- deadlines ---- */

/* One that is being closed is still there, and nobody's any more. */
static bool is_open(const struct ask *ask)
{
	return ask->id && ask->deadline_ms != UINT64_MAX;
}

static void timer_set(struct asks *asks)
{
	uint64_t nearest = UINT64_MAX, now;

	if (!asks->loop || !asks->last_id) /* nothing was ever asked */
		return;
	for (int i = 0; i < ASKS_MAX; i++) {
		if (is_open(&asks->asks[i]) && asks->asks[i].deadline_ms < nearest)
			nearest = asks->asks[i].deadline_ms;
	}
	now = asks_now_ms(asks);
	if (nearest == UINT64_MAX)
		(void)loop_timer_set(asks->timer.fd, 0, 0);
	else
		(void)loop_timer_set(asks->timer.fd, nearest > now ? nearest - now : 1, 0);
}

static int timer_fired(struct loop_watch *watch, uint32_t revents)
{
	(void)revents;
	(void)loop_timer_read(watch->fd);
	asks_expire(loop_owner(watch, struct asks, timer));
	return 0;
}

int asks_start(struct asks *asks, struct loop *loop)
{
	int fd = loop_timer(0, 0), r;

	if (fd < 0)
		return fd;
	asks->timer = (struct loop_watch){ .fd = fd, .events = EPOLLIN, .fn = timer_fired };
	r = loop_add(loop, &asks->timer);
	if (r == 0)
		asks->loop = loop;
	timer_set(asks);
	return r;
}

/* ---- front ends ---- */

void asks_attach(struct asks *asks, struct ask_front *front)
{
	front->next = asks->fronts;
	asks->fronts = front;
}

void asks_detach(struct asks *asks, struct ask_front *front)
{
	for (struct ask_front **p = &asks->fronts; *p; p = &(*p)->next) {
		if (*p == front) {
			*p = front->next;
			break;
		}
	}
	front->next = NULL;
}

void asks_attend(struct asks *asks, struct ask_front *front, bool attends)
{
	(void)asks;
	front->attends = attends;
}

static bool attended(const struct asks *asks)
{
	for (const struct ask_front *f = asks->fronts; f; f = f->next) {
		if (f->attends && (!f->here || f->here(f)))
			return true;
	}
	return false;
}

static void tell(struct asks *asks, const struct ask *ask, bool opened)
{
	struct ask_front *next;

	for (struct ask_front *f = asks->fronts; f; f = next) {
		next = f->next; /* it may detach itself */
		f->changed(f, ask, opened);
	}
}

const struct ask *asks_next(const struct asks *asks, uint64_t after)
{
	const struct ask *found = NULL;

	for (int i = 0; i < ASKS_MAX; i++) {
		const struct ask *ask = &asks->asks[i];

		if (is_open(ask) && ask->id > after && (!found || ask->id < found->id))
			found = ask;
	}
	return found;
}

static struct ask *find(struct asks *asks, uint64_t id)
{
	for (int i = 0; id && i < ASKS_MAX; i++) {
		if (asks->asks[i].id == id && is_open(&asks->asks[i]))
			return &asks->asks[i];
	}
	return NULL;
}

const struct ask *asks_find(const struct asks *asks, uint64_t id)
{
	return find((struct asks *)(uintptr_t)asks, id);
}

/* ---- remembered answers ---- */

static struct remembered *remembered_find(struct asks *asks, const uint8_t key[BLAKE3_OUT])
{
	uint64_t now = asks_now_ms(asks);

	for (int i = 0; i < ASK_REMEMBERED_MAX; i++) {
		struct remembered *r = &asks->remembered[i];

		if (r->used && memcmp(r->key, key, BLAKE3_OUT) == 0)
			return r->until_ms && r->until_ms <= now ? NULL : r;
	}
	return NULL;
}

/* A new answer takes the place of an old one; where there is no room, of the oldest: that is asked again. */
static void remember(struct asks *asks, const uint8_t key[BLAKE3_OUT], bool allow,
		     uint64_t until_ms)
{
	struct remembered *r = NULL;

	for (int i = 0; i < ASK_REMEMBERED_MAX && !r; i++) {
		if (asks->remembered[i].used &&
		    memcmp(asks->remembered[i].key, key, BLAKE3_OUT) == 0)
			r = &asks->remembered[i];
	}
	if (!r) {
		r = &asks->remembered[asks->next_remembered];
		asks->next_remembered = (asks->next_remembered + 1) % ASK_REMEMBERED_MAX;
	}
	*r = (struct remembered){ .used = true, .allow = allow, .until_ms = until_ms };
	memcpy(r->key, key, BLAKE3_OUT);
}

void asks_forget(struct asks *asks)
{
	memset(asks->remembered, 0, sizeof(asks->remembered));
	asks->next_remembered = 0;
}

/* 1, -EACCES, or 0: nobody has said. The narrower answer goes first. */
static int recall(struct asks *asks, const struct ask *ask)
{
	const struct remembered *r = remembered_find(asks, ask->key);

	if (!r && ask->has_wider)
		r = remembered_find(asks, ask->wider_key);
	if (!r)
		return 0;
	asks->counts.remembered++;
	return r->allow ? 1 : -EACCES;
}

/* ---- a question ---- */

static void make_key(uint8_t ret[BLAKE3_OUT], const struct ask_question *q, struct str when)
{
	uint64_t head[3] = { (uint64_t)q->type, strlen(q->rule->id), when.n };
	struct blake3 h;

	blake3_init(&h);
	blake3_update(&h, head, sizeof(head));
	blake3_update(&h, q->rule->id, strlen(q->rule->id));
	blake3_update(&h, when.p, when.n);
	blake3_final(&h, ret);
}

static struct str keep(struct buf *to, struct str s, size_t max)
{
	size_t at = to->n;

	buf_put(to, s.p, s.n < max ? s.n : max);
	return (struct str){ .p = to->p + at, .n = to->n - at };
}

static enum rule_scope widest(const struct asks *asks, const struct ask_question *q)
{
	enum rule_scope scope = q->rule->ask.scope;

	/* what is written is the user's word: it does not answer for those above him */
	if (scope == RULE_ALWAYS && (!asks->o.config_dir || q->unkept ||
				     q->when.n > GRANT_WHEN_MAX || q->rule->action != RULE_ASK ||
				     q->rule->phase != RULE_ENFORCE || q->rule->tier < RULE_USER))
		scope = RULE_SESSION;
	return scope;
}

static int fill(struct asks *asks, struct ask *ask, const struct ask_question *q)
{
	const struct policy_rule *rule = q->rule;
	const char *prompt = rule->ask.prompt ? rule->ask.prompt : rule->reason;
	struct buf to = buf_fixed(asks->text[ask - asks->asks], TEXT_MAX);
	char place[ASK_TEXT_MAX];

	*ask = (struct ask){ 0 };
	if (q->object.n > ASK_OBJECT_MAX || q->detail.n > ASK_OBJECT_MAX ||
	    q->wider.n > ASK_OBJECT_MAX || q->when.n == 0)
		return -E2BIG;
	ask->type = q->type;
	ask->widest = widest(asks, q);
	ask->has_wider = q->wider.n && q->wider_when.n && q->wider_when.n <= GRANT_WHEN_MAX;
	make_key(ask->key, q, q->when);
	make_key(ask->wider_key, q, q->wider_when);
	(void)snprintf(place, sizeof(place), "%s:%u:%u", rule->where.file ? rule->where.file : "",
		       rule->where.line, rule->where.col);
	ask->what = keep(&to, q->what, 128);
	ask->object = keep(&to, q->object, ASK_OBJECT_MAX);
	ask->detail = keep(&to, q->detail, ASK_OBJECT_MAX);
	ask->rule = keep(&to, str_of(rule->id), 256);
	ask->where = keep(&to, str_of(rule->where.file ? place : ""), ASK_TEXT_MAX);
	ask->prompt = keep(&to, str_of(prompt), ASK_TEXT_MAX);
	if (ask->has_wider) {
		ask->wider = keep(&to, q->wider, ASK_OBJECT_MAX);
		ask->wider_when = keep(&to, q->wider_when, GRANT_WHEN_MAX);
	}
	if (ask->widest == RULE_ALWAYS)
		ask->when = keep(&to, q->when, GRANT_WHEN_MAX);
	ask->n_ancestors = q->n_ancestors < ASK_ANCESTORS_MAX ? q->n_ancestors : ASK_ANCESTORS_MAX;
	memcpy(ask->ancestors, q->ancestors, ask->n_ancestors * sizeof(*ask->ancestors));
	return buf_error(&to) ? -E2BIG : 0;
}

/* May one more prompt be put? */
static bool take_token(struct asks *asks)
{
	uint64_t now = asks_now_ms(asks);

	asks->tokens_ms += now - asks->refilled_ms;
	asks->refilled_ms = now;
	if (asks->tokens_ms > (uint64_t)ASK_BURST * ASK_REFILL_MS)
		asks->tokens_ms = (uint64_t)ASK_BURST * ASK_REFILL_MS;
	if (asks->tokens_ms < ASK_REFILL_MS)
		return false;
	asks->tokens_ms -= ASK_REFILL_MS;
	return true;
}

static struct ask *open_same(struct asks *asks, const struct ask *like)
{
	for (int i = 0; i < ASKS_MAX; i++) {
		struct ask *ask = &asks->asks[i];

		if (is_open(ask) && memcmp(ask->key, like->key, BLAKE3_OUT) == 0)
			return ask;
	}
	return NULL;
}

static void wait_for(struct asks *asks, struct waiter *waiter, struct ask *ask, void *cookie,
		     uint64_t *ret_id)
{
	uint64_t slot = (uint64_t)(waiter - asks->waiters);

	*waiter = (struct waiter){ .used = true,
				   .id = ++asks->last_waiter * ASKS_MAX + slot,
				   .ask = ask,
				   .cookie = cookie };
	ask->n_waiting++;
	asks->counts.waiting++;
	*ret_id = waiter->id;
}

static int refuse(uint64_t *counter, int error)
{
	++*counter;
	return error;
}

int asks_submit(struct asks *asks, const struct ask_question *question, void *cookie,
		uint64_t *ret_id)
{
	struct waiter *waiter = NULL;
	struct ask *ask = NULL, *same;
	uint64_t timeout;
	int r;

	for (int i = 0; i < ASKS_MAX && !waiter; i++)
		waiter = asks->waiters[i].used ? NULL : &asks->waiters[i];
	for (int i = 0; i < ASKS_MAX && !ask; i++)
		ask = asks->asks[i].id ? NULL : &asks->asks[i];
	if (!waiter || !ask) /* as many questions as waiters: never the one without the other */
		return refuse(&asks->counts.refused_busy, -EBUSY);
	r = fill(asks, ask, question);
	if (r < 0)
		return refuse(&asks->counts.refused_big, r);
	r = recall(asks, ask);
	if (r)
		return r;
	same = open_same(asks, ask);
	if (same) {
		asks->counts.joined++;
		wait_for(asks, waiter, same, cookie, ret_id);
		return 0;
	}
	if (!attended(asks)) {
		asks->counts.by_default++;
		return asks->o.otherwise == RULE_ALLOW ? 1 : -EACCES;
	}
	if (!take_token(asks))
		return refuse(&asks->counts.refused_rate, -EAGAIN);
	timeout = question->rule->ask.timeout_ms;
	ask->deadline_ms = asks_now_ms(asks) + (timeout ? timeout : ASK_TIMEOUT_MS);
	ask->id = ++asks->last_id;
	asks->counts.open++;
	asks->counts.prompts++;
	wait_for(asks, waiter, ask, cookie, ret_id);
	timer_set(asks);
	tell(asks, ask, true);
	return 0;
}

/* ---- and its end ---- */

static struct waiter *waiter_of(struct asks *asks, const struct ask *ask)
{
	for (int i = 0; i < ASKS_MAX; i++) {
		if (asks->waiters[i].used && asks->waiters[i].ask == ask)
			return &asks->waiters[i];
	}
	return NULL;
}

static void waiter_free(struct asks *asks, struct waiter *waiter)
{
	waiter->used = false;
	asks->counts.waiting--;
}

/*
 * @ask keeps its slot (.id is only hidden) until everybody was told, so that nothing submitted meanwhile is
 * put into its place.
 */
static void close_question(struct asks *asks, struct ask *ask, enum ask_answer answer)
{
	uint64_t *const counters[] = { [ASK_DENY] = &asks->counts.denied,
				       [ASK_ALLOW] = &asks->counts.allowed,
				       [ASK_EXPIRED] = &asks->counts.expired,
				       [ASK_GONE] = &asks->counts.gone };
	struct waiter *waiter;

	ask->outcome.answer = answer;
	ask->deadline_ms = UINT64_MAX; /* nobody joins any more */
	if (answer == ASK_EXPIRED || (answer == ASK_DENY && ask->outcome.reply.scope == RULE_ONCE))
		remember(asks, ask->key, false, asks_now_ms(asks) + ASK_AGAIN_MS);
	++*counters[answer];
	asks->counts.open--;
	tell(asks, ask, false);
	while ((waiter = waiter_of(asks, ask))) {
		void *cookie = waiter->cookie;

		waiter_free(asks, waiter);
		asks->o.answered(asks->o.owner, cookie, answer);
	}
	ask->id = 0;
	timer_set(asks);
}

void asks_cancel(struct asks *asks, uint64_t id)
{
	struct waiter *waiter = &asks->waiters[id % ASKS_MAX];
	struct ask *ask = waiter->ask;

	if (!waiter->used || waiter->id != id)
		return;
	waiter_free(asks, waiter);
	if (--ask->n_waiting == 0 && is_open(ask))
		close_question(asks, ask, ASK_GONE);
}

void asks_expire(struct asks *asks)
{
	uint64_t now = asks_now_ms(asks);

	for (int i = 0; i < ASKS_MAX; i++) {
		struct ask *ask = &asks->asks[i];

		if (is_open(ask) && ask->deadline_ms <= now)
			close_question(asks, ask, ASK_EXPIRED);
	}
	timer_set(asks);
}

/* Keep it for ever; what cannot be kept holds for the session, and the note says why. */
static void grant_keep(const struct asks *asks, struct ask *ask)
{
	struct ask_outcome *out = &ask->outcome;
	struct grant grant = { .type = ask->type,
			       .when = out->reply.wider ? ask->wider_when : ask->when };
	char room[ASK_TEXT_MAX * 2], date[16] = "";
	struct buf reason = buf_fixed(room, sizeof(room));
	struct err err = ERR_INIT;
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm))
		(void)strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	buf_printf(&reason, "%s, asked by rule '%.*s' (", date, STR_ARG(ask->rule));
	for (size_t i = 0; i < ask->where.n; i++) { /* a path, of any characters */
		char c = ask->where.p[i];

		buf_putc(&reason, c >= ' ' && c <= '~' ? c : '?');
	}
	buf_putc(&reason, ')');
	grant.reason = buf_str(&reason);
	if (grants_append(asks->o.config_dir, &grant, &err) < 0) {
		out->reply.scope = RULE_SESSION;
		(void)snprintf(out->note, sizeof(out->note), "%.*s", (int)sizeof(out->note) - 1,
			       err.text);
	}
}

int asks_answer(struct asks *asks, uint64_t id, const struct ask_reply *reply,
		struct ask_outcome *ret_outcome)
{
	struct ask *ask = find(asks, id);
	struct ask_reply *r;

	if (!ask)
		return -ENOENT;
	ask->outcome = (struct ask_outcome){ .reply = *reply };
	r = &ask->outcome.reply;
	if (r->scope > ask->widest)
		r->scope = ask->widest;
	if (!r->allow && r->scope > RULE_SESSION)
		r->scope = RULE_SESSION;
	r->wider = r->wider && ask->has_wider && r->scope > RULE_ONCE;
	if (r->scope == RULE_ALWAYS)
		grant_keep(asks, ask);
	if (r->scope >= RULE_SESSION)
		remember(asks, r->wider ? ask->wider_key : ask->key, r->allow, 0);
	ask->outcome.answer = r->allow ? ASK_ALLOW : ASK_DENY; /* for what is told on the way */
	if (ret_outcome)
		*ret_outcome = ask->outcome;
	close_question(asks, ask, ask->outcome.answer);
	return 0;
}

void ask_put_grant(const struct ask *ask, bool wider, struct buf *out)
{
	struct grant grant = { .type = ask->type, .when = wider ? ask->wider_when : ask->when };

	if (ask->widest == RULE_ALWAYS && grant.when.n)
		grant_put(out, &grant);
}

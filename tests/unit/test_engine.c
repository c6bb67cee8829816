/* Unit tests of src/engine: precedence, failures, ties, rewrites, throttles, the travelling form. */
#include "base/buf.h"
#include "base/own.h"
#include "codec/json_wr.h"
#include "engine/engine.h"
#include "engine/sealed.h"
#include "engine/throttle.h"
#include "policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#define HTTP EVENT_BIT(EVENT_HTTP_REQUEST)
#define USER(id_, action_, when_)                                                                 \
	{                                                                                         \
		.id = (id_), .on = HTTP, .when = (when_), .action = (action_), .tier = RULE_USER, \
		.phase = RULE_ENFORCE, .priority = RULE_PRIORITY_DEFAULT, .where = {              \
			"p.yaml",                                                                 \
			__LINE__,                                                                 \
			1                                                                         \
		}                                                                                 \
	}

static struct event event;
static struct engine_decision d;
static struct arena arena;
static int64_t unix_ms;
static uint64_t mono_ms;

static void fake_now(void *ctx, int64_t *ret_unix_ms, uint64_t *ret_mono_ms)
{
	(void)ctx;
	*ret_unix_ms = unix_ms;
	*ret_mono_ms = mono_ms;
}

struct world {
	struct engine_host *host;
	struct engine *engine;
};

static void world_end(struct world *w)
{
	w->engine = engine_free(w->engine);
	w->host = engine_host_free(w->host);
	arena_done(&arena);
}

static struct world world(const struct policy_rule *rules, size_t n, enum rule_action otherwise)
{
	const struct engine_clock clock = { .now = fake_now };
	struct engine_options options = { .otherwise = otherwise };
	struct engine_set *set = NULL;
	struct err err = ERR_INIT;
	struct world w;

	arena = ARENA_INIT(1 << 22);
	unix_ms = 1800000000000;
	mono_ms = 1000;
	if (engine_set_new(rules, n, &options, &set, &err) < 0)
		fail_msg("%s", err.text);
	w.host = engine_host_new();
	assert_non_null(w.host);
	engine_host_clock(w.host, &clock);
	engine_host_load(w.host, set);
	w.engine = engine_new(w.host, NULL);
	assert_non_null(w.engine);
	event_init(&event);
	return w;
}

/* A request for https://HOST/PATH. */
static void request(const char *host, const char *path)
{
	event_begin(&event, EVENT_HTTP_REQUEST);
	event_set_str(&event, EVENT_F_HTTP_REQUEST_HOST, str_of(host));
	event_set_str(&event, EVENT_F_HTTP_REQUEST_PATH, str_of(path));
	event_set_int(&event, EVENT_F_HTTP_REQUEST_PORT, 443);
}

static void decide_is(struct world *w, enum rule_action action, const char *id)
{
	engine_decide(w->engine, &event, &d);
	if (d.action != action || !!d.rule != !!id || (id && strcmp(d.rule->id, id) != 0))
		fail_msg("%s by %s (%s), not %s by %s", rule_action_name[d.action],
			 d.rule ? d.rule->id : "none", d.reason, rule_action_name[action],
			 id ? id : "none");
}

static void check_refused(const struct policy_rule *rules, size_t n, const char *message)
{
	struct engine_set *set = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(engine_set_new(rules, n, NULL, &set, &err), -EBADMSG);
	assert_null(set);
	if (!strstr(err.text, message))
		fail_msg("told: %s\nwant: %s", err.text, message);
}

/* --- precedence --- */

static void strength_within_a_priority(void **state)
{
	static const struct policy_rule rules[] = {
		USER("a-allow", RULE_ALLOW, "http.request.host == 'x.test'"),
		USER("b-ask", RULE_ASK, "http.request.host.endsWith('.test')"),
		USER("c-block", RULE_BLOCK, "http.request.path.startsWith('/admin')"),
	};
	struct world w = world(rules, 3, RULE_ALLOW);

	(void)state;
	request("x.test", "/admin/x");
	decide_is(&w, RULE_BLOCK, "c-block");
	assert_int_equal(d.n_matches, 3);
	request("x.test", "/");
	decide_is(&w, RULE_ASK, "b-ask");
	request("elsewhere", "/");
	decide_is(&w, RULE_ALLOW, NULL);
	assert_string_equal(d.reason, "no rule matches");
	assert_int_equal(d.n_considered, 0);
	world_end(&w);
}

static void priority_before_strength(void **state)
{
	struct policy_rule rules[] = {
		USER("late-block", RULE_BLOCK, NULL),
		USER("early-allow", RULE_ALLOW, "http.request.host == 'x.test'"),
	};
	struct world w;

	(void)state;
	rules[1].priority = 99;
	w = world(rules, 2, RULE_ALLOW);
	request("x.test", "/");
	decide_is(&w, RULE_ALLOW, "early-allow");
	request("y.test", "/");
	decide_is(&w, RULE_BLOCK, "late-block");
	world_end(&w);
}

static void ids_settle_what_is_equal(void **state)
{
	static const struct policy_rule rules[] = {
		USER("zebra", RULE_BLOCK, NULL),
		USER("apple", RULE_BLOCK, NULL),
	};
	struct world w = world(rules, 2, RULE_ALLOW);

	(void)state;
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "apple");
	world_end(&w);
}

static enum rule_action tiers_give(enum rule_tier high, enum rule_action high_action, bool lock,
				   enum rule_tier low, enum rule_action low_action,
				   enum rule_action otherwise)
{
	struct policy_rule rules[] = {
		USER("high", high_action, NULL),
		USER("low", low_action, NULL),
	};
	struct world w;

	rules[0].tier = high;
	rules[0].lock = lock;
	rules[0].priority = 1000; /* a tier is before any priority */
	rules[1].tier = low;
	rules[1].priority = -1000;
	w = world(rules, 2, otherwise);
	request("x", "/");
	engine_decide(w.engine, &event, &d);
	world_end(&w);
	return d.action;
}

static void tiers_and_lock(void **state)
{
	(void)state;
	/* nobody below loosens */
	assert_int_equal(tiers_give(RULE_ORG, RULE_BLOCK, false, RULE_USER, RULE_ALLOW, RULE_ALLOW),
			 RULE_BLOCK);
	assert_int_equal(
		tiers_give(RULE_ORG, RULE_ASK, false, RULE_PROFILE, RULE_ALLOW, RULE_ALLOW),
		RULE_ASK);
	/* what is open may be tightened, what is locked not */
	assert_int_equal(tiers_give(RULE_ORG, RULE_ALLOW, false, RULE_USER, RULE_BLOCK, RULE_ALLOW),
			 RULE_BLOCK);
	assert_true(d.tightened);
	assert_int_equal(tiers_give(RULE_ORG, RULE_ALLOW, true, RULE_USER, RULE_BLOCK, RULE_ALLOW),
			 RULE_ALLOW);
	assert_int_equal(
		tiers_give(RULE_PROFILE, RULE_ASK, true, RULE_USER, RULE_BLOCK, RULE_ALLOW),
		RULE_ASK);
	/* the defaults speak only where nobody did */
	assert_int_equal(
		tiers_give(RULE_USER, RULE_ALLOW, false, RULE_DEFAULT, RULE_BLOCK, RULE_ALLOW),
		RULE_ALLOW);
	/* a project only tightens: over a default block its ask is nothing */
	assert_int_equal(
		tiers_give(RULE_DEFAULT, RULE_BLOCK, false, RULE_PROJECT, RULE_ASK, RULE_ALLOW),
		RULE_BLOCK);
	assert_int_equal(
		tiers_give(RULE_USER, RULE_ALLOW, false, RULE_PROJECT, RULE_ASK, RULE_ALLOW),
		RULE_ASK);
	assert_int_equal(
		tiers_give(RULE_ORG, RULE_ALLOW, true, RULE_PROJECT, RULE_BLOCK, RULE_ALLOW),
		RULE_ALLOW);
}

static void a_project_cannot_loosen_what_nobody_decided(void **state)
{
	struct policy_rule rules[] = { USER("p", RULE_ASK, NULL) };
	struct world w;

	(void)state;
	rules[0].tier = RULE_PROJECT;
	w = world(rules, 1, RULE_BLOCK);
	request("x", "/");
	decide_is(&w, RULE_BLOCK, NULL);
	world_end(&w);
}

/* --- failures --- */

static void failures_decide_against(void **state)
{
	static const struct policy_rule rules[] = {
		USER("fails", RULE_BLOCK,
		     "http.request.host == 'x' && http.request.headers['nothing'][0] == 'y'"),
		USER("fails-too", RULE_ALLOW,
		     "http.request.host == 'y' && 1 / (http.request.port - 443) == 1"),
	};
	struct world w = world(rules, 2, RULE_ALLOW);

	(void)state;
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "fails");
	assert_true(d.failed);
	assert_int_equal(d.n_errors, 1);
	assert_true(d.matches[0].failed);
	assert_non_null(strstr(d.reason, "could not be evaluated"));
	request("y", "/");
	decide_is(&w, RULE_ALLOW, NULL); /* an allow that fails allows nothing by itself */
	assert_int_equal(d.n_errors, 1);
	assert_int_equal(d.n_matches, 0);
	event.damaged = true;
	decide_is(&w, RULE_BLOCK, NULL);
	assert_true(d.failed);
	engine_host_load(w.host, NULL);
	request("z", "/");
	decide_is(&w, RULE_BLOCK, NULL);
	assert_non_null(strstr(d.reason, "no rules are in force"));
	world_end(&w);
}

/* --- what is refused at load --- */

static void mistakes_at_load(void **state)
{
	struct policy_rule one[] = { USER("r", RULE_BLOCK, "http.request.hosst == 'x'") };
	struct policy_rule two[] = { USER("same", RULE_BLOCK, NULL),
				     USER("same", RULE_ALLOW, NULL) };
	static const struct rule_rewrite host = {
		RULE_SET, EVENT_F_HTTP_REQUEST_HOST, NULL, "x", { 0 }
	};

	(void)state;
	check_refused(one, 1, "http.request");
	one[0].when = "http.request.port";
	check_refused(one, 1, "bool");
	one[0].when = "event.host == 'x'";
	check_refused(one, 1, "event");
	one[0].when = "file.activity.path == '/x'";
	check_refused(one, 1, "a http.request never has file.activity.path");
	one[0].when = "common.process.header('x') == 'y'";
	check_refused(one, 1, "common.process has no header()");
	one[0].when = NULL;
	one[0].lock = true;
	check_refused(one, 1, "locked");
	one[0].lock = false;
	one[0].phase = RULE_DETECT;
	check_refused(one, 1, "block has no place in phase detect");
	one[0].phase = RULE_ENFORCE;
	one[0].action = RULE_REWRITE;
	check_refused(one, 1, "rewrites nothing");
	one[0].rewrites = &host;
	one[0].n_rewrites = 1;
	check_refused(one, 1, "http.request.host cannot be rewritten");
	one[0].action = RULE_THROTTLE;
	one[0].n_rewrites = 0;
	check_refused(one, 1, "needs a rate or a quota");
	one[0].action = RULE_BLOCK;
	one[0].on = 0;
	check_refused(one, 1, "no type of event");
	check_refused(two, 2, "id");
}

static struct policy_rule rewriting(const char *id, const char *when, const struct rule_rewrite *w)
{
	struct policy_rule r = USER(id, RULE_REWRITE, when);

	r.rewrites = w;
	r.n_rewrites = 1;
	return r;
}

static void ties_are_refused(void **state)
{
	static const struct rule_rewrite a = {
		RULE_SET, EVENT_F_HTTP_REQUEST_PATH, NULL, "/a", { 0 }
	};
	static const struct rule_rewrite b = {
		RULE_SET, EVENT_F_HTTP_REQUEST_PATH, NULL, "/b", { 0 }
	};
	static const struct rule_rewrite q = {
		RULE_SET, EVENT_F_HTTP_REQUEST_QUERY, NULL, "", { 0 }
	};
	struct policy_rule rules[2];
	struct engine_set *set = NULL;

	(void)state;
	rules[0] = rewriting("one", NULL, &a);
	rules[1] = rewriting("two", "http.request.port == 443", &b);
	rules[0].where = (struct policy_where){ "a.yaml", 3, 5 };
	rules[1].where = (struct policy_where){ "b.yaml", 7, 9 };
	check_refused(rules, 2, "b.yaml:7:9: rule 'two': ties with rule 'one' (a.yaml:3:5)");
	/* a priority of its own, the same effect, another field, or apart by their literals */
	rules[1].priority = 50;
	assert_int_equal(engine_set_new(rules, 2, NULL, &set, NULL), 0);
	set = engine_set_free(set);
	rules[1] = rewriting("two", NULL, &a);
	assert_int_equal(engine_set_new(rules, 2, NULL, &set, NULL), 0);
	set = engine_set_free(set);
	rules[1] = rewriting("two", NULL, &q);
	assert_int_equal(engine_set_new(rules, 2, NULL, &set, NULL), 0);
	set = engine_set_free(set);
	rules[0] = rewriting("one", "http.request.host == 'a' && http.request.port > 1", &a);
	rules[1] = rewriting("two", "http.request.host in ['b', 'c']", &b);
	assert_int_equal(engine_set_new(rules, 2, NULL, &set, NULL), 0);
	set = engine_set_free(set);
	rules[1] = rewriting("two", "http.request.host.endsWith('a')", &b);
	check_refused(rules, 2, "ties");
	rules[0] = (struct policy_rule)USER("one", RULE_ASK, NULL);
	rules[1] = (struct policy_rule)USER("two", RULE_ASK, NULL);
	rules[1].ask.timeout_ms = 5000;
	check_refused(rules, 2, "with different settings");
}

/* --- the index --- */

/* Whatever the index skips, evaluating would not have matched. */
static void index_changes_nothing(void **state)
{
	static const char *const whens[] = {
		"http.request.host == 'a.example.com'",
		"'a.example.com' == http.request.host",
		"http.request.host in ['a.example.com', 'b.example.com', '']",
		"http.request.host.endsWith('.example.com')",
		"http.request.path.startsWith('/admin/')",
		"http.request.host == 'a.example.com' || http.request.path == '/admin/'",
		"http.request.host == 'a.example.com' || http.request.port > 100",
		"http.request.host.endsWith('com') && http.request.port in [80, 443]",
		"http.request.port == 443 && http.request.method == ''",
		"!http.request.body.truncated",
		"http.request.body.truncated || http.request.host == ''",
		"!(http.request.host == 'a.example.com')",
		"http.request.host == 'a.example.com' ? true : http.request.port == 80",
		"has(http.request.host) && http.request.host.startsWith('a')",
		"http.request.host in [] || http.request.port == 80",
		"false && http.request.host == 'a.example.com'",
		"http.request.host.endsWith('') && http.request.port == 80",
		"[http.request.host].exists(h, h == 'a.example.com')",
		"http.request.host == http.request.path",
		"http.request.header('x') == '' && http.request.port == 80",
	};
	static const char *const hosts[] = {
		NULL, "", "a.example.com", "b.example.com", "com", "example.com", "xa.example.com"
	};
	static const char *const paths[] = { NULL, "/admin/", "/admin", "/admin/x", "com" };
	enum { N = sizeof(whens) / sizeof(whens[0]) };
	struct policy_rule indexed[N], plain[N];
	static char ids[N][16], plain_whens[N][256];
	struct world wi, wp;
	unsigned matched = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "r%02zu", i);
		/* a condition that the index cannot see through */
		(void)snprintf(plain_whens[i], sizeof(plain_whens[i]), "(%s) ? true : false",
			       whens[i]);
		indexed[i] = (struct policy_rule)USER(ids[i], RULE_BLOCK, whens[i]);
		plain[i] = (struct policy_rule)USER(ids[i], RULE_BLOCK, plain_whens[i]);
	}
	wp = world(plain, N, RULE_ALLOW);
	wi = world(indexed, N, RULE_ALLOW);
	for (size_t h = 0; h < sizeof(hosts) / sizeof(hosts[0]); h++) {
		for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
			for (int port = 0; port < 3; port++) {
				static struct engine_decision other;
				uint64_t a = 0, b = 0;

				event_begin(&event, EVENT_HTTP_REQUEST);
				if (hosts[h])
					event_set_str(&event, EVENT_F_HTTP_REQUEST_HOST,
						      str_of(hosts[h]));
				if (paths[p])
					event_set_str(&event, EVENT_F_HTTP_REQUEST_PATH,
						      str_of(paths[p]));
				if (port)
					event_set_int(&event, EVENT_F_HTTP_REQUEST_PORT,
						      port == 1 ? 80 : 443);
				event_set_bool(&event, EVENT_F_HTTP_REQUEST_BODY_TRUNCATED, p & 1);
				engine_decide(wi.engine, &event, &d);
				engine_decide(wp.engine, &event, &other);
				for (uint32_t i = 0; i < d.n_matches; i++)
					a |= UINT64_C(1)
					     << strtoul(d.matches[i].rule->id + 1, NULL, 10);
				for (uint32_t i = 0; i < other.n_matches; i++)
					b |= UINT64_C(1)
					     << strtoul(other.matches[i].rule->id + 1, NULL, 10);
				if (a != b)
					fail_msg("%s %s: %llx, not %llx", hosts[h], paths[p],
						 (unsigned long long)a, (unsigned long long)b);
				assert_true(d.n_considered < other.n_considered);
				matched += d.n_matches;
			}
		}
	}
	assert_true(matched > 200);
	world_end(&wi);
	world_end(&wp);
}

static void index_picks_the_rare_key(void **state)
{
	enum { N = 1000 };
	static struct policy_rule rules[N];
	static char ids[N][16], whens[N][128];
	AUTO(buf_done) struct buf text = BUF_INIT(4096);
	struct world w;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "r%zu", i);
		(void)snprintf(whens[i], sizeof(whens[i]),
			       "http.request.method == 'POST' && http.request.host == 'h%zu.test'",
			       i);
		rules[i] = (struct policy_rule)USER(ids[i], RULE_BLOCK, whens[i]);
	}
	w = world(rules, N, RULE_ALLOW);
	request("h77.test", "/");
	event_set_str(&event, EVENT_F_HTTP_REQUEST_METHOD, STR("POST"));
	decide_is(&w, RULE_BLOCK, "r77");
	assert_int_equal(d.n_considered, 1);
	engine_set_explain_index(*(struct engine_set **)w.host, 77, &text);
	assert_string_equal(buf_cstr(&text), "http.request.host == 'h77.test'");
	world_end(&w);
}

/* --- phases --- */

static void findings_are_seen_after_detect(void **state)
{
	struct policy_rule rules[] = {
		USER("open", RULE_ALLOW, NULL),
		USER("leak", RULE_OBSERVE, "http.request.path.contains('secret')"),
		USER("act", RULE_BLOCK,
		     "'leak' in common.findings && common.finding_level == 'high'"),
		USER("tell", RULE_OBSERVE, "http.request.host == 'x'"),
	};
	struct world w;

	(void)state;
	rules[1].phase = RULE_DETECT;
	rules[1].level = "high";
	rules[2].phase = RULE_POSTPROCESS;
	rules[3].phase = RULE_EMIT;
	w = world(rules, 4, RULE_ALLOW);
	request("x", "/secret");
	decide_is(&w, RULE_BLOCK, "act");
	assert_int_equal(d.n_matches, 4);
	decide_is(&w, RULE_BLOCK, "act"); /* the same event again: its findings do not pile up */
	assert_int_equal(event.value[EVENT_F_COMMON_FINDINGS].n, 1);
	request("x", "/");
	decide_is(&w, RULE_ALLOW, "open");
	world_end(&w);
}

static void preprocess_is_seen_by_all_that_follows(void **state)
{
	static const struct rule_rewrite strip = {
		RULE_STRIP_HEADER, EVENT_F_HTTP_REQUEST_HEADERS, NULL, "X-Override", { 0 }
	};
	static const struct rule_rewrite path = {
		RULE_SET, EVENT_F_HTTP_REQUEST_PATH, NULL, "/safe", { 0 }
	};
	struct cel_value values[] = { cel_string(STR("1")) };
	struct cel_entry headers[] = { { cel_string(STR("x-override")),
					 { .kind = CEL_LIST, .n = 1, .items = values } } };
	struct policy_rule rules[] = {
		rewriting("strip", NULL, &strip),
		rewriting("path", "http.request.path == '/old'", &path),
		USER("never", RULE_BLOCK, "http.request.header('x-override').exists()"),
		USER("safe", RULE_ASK, "http.request.path == '/safe'"),
	};
	struct world w;

	(void)state;
	rules[0].phase = rules[1].phase = RULE_PREPROCESS;
	w = world(rules, 4, RULE_ALLOW);
	request("x", "/old");
	event_set_map(&event, EVENT_F_HTTP_REQUEST_HEADERS, headers, 1);
	decide_is(&w, RULE_ASK, "safe");
	assert_int_equal(d.n_rewrites, 2);
	assert_true(d.rewrites[0].applied);
	assert_memory_not_equal(d.rewrites[0].before, d.rewrites[0].after, 32);
	world_end(&w);
}

/* --- rewrites --- */

static void rewrites_are_done(void **state)
{
	static const struct rule_rewrite w[] = {
		{ RULE_REPLACE_REGEX,
		  EVENT_F_HTTP_REQUEST_BODY_TEXT,
		  "sk-[a-z0-9]+",
		  "[gone]",
		  { 0 } },
		{ RULE_STRIP_HEADER, EVENT_F_HTTP_REQUEST_HEADERS, NULL, "Cookie", { 0 } },
		{ RULE_SET, EVENT_F_HTTP_REQUEST_HEADERS, NULL, "X-Seen: yes", { 0 } },
		{ RULE_REMOVE, EVENT_F_HTTP_REQUEST_QUERY, NULL, NULL, { 0 } },
	};
	struct cel_value values[] = { cel_string(STR("a")), cel_string(STR("b")) };
	struct cel_entry headers[] = {
		{ cel_string(STR("cookie")), { .kind = CEL_LIST, .n = 2, .items = values } },
		{ cel_string(STR("accept")), { .kind = CEL_LIST, .n = 1, .items = values } },
	};
	struct policy_rule rules[] = { rewriting("r", NULL, w) };
	struct err err = ERR_INIT;
	struct world world_;

	(void)state;
	rules[0].n_rewrites = 4;
	world_ = world(rules, 1, RULE_ALLOW);
	request("x", "/");
	event_set_str(&event, EVENT_F_HTTP_REQUEST_BODY_TEXT, STR("key sk-abc1 and sk-z"));
	event_set_str(&event, EVENT_F_HTTP_REQUEST_QUERY, STR("q"));
	event_set_map(&event, EVENT_F_HTTP_REQUEST_HEADERS, headers, 2);
	decide_is(&world_, RULE_REWRITE, "r");
	assert_int_equal(d.n_rewrites, 4);
	assert_true(str_eqz(event_str(&event, EVENT_F_HTTP_REQUEST_QUERY), "q")); /* not yet */
	if (engine_rewrite_apply(world_.engine, &event, &d, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(str_eqz(event_str(&event, EVENT_F_HTTP_REQUEST_BODY_TEXT),
			    "key [gone] and [gone]"));
	assert_false(event_has(&event, EVENT_F_HTTP_REQUEST_QUERY));
	assert_null(event_header(&event, EVENT_F_HTTP_REQUEST_HEADERS, STR("cookie")));
	assert_non_null(event_header(&event, EVENT_F_HTTP_REQUEST_HEADERS, STR("accept")));
	assert_true(
		str_eqz(cel_str(event_header(&event, EVENT_F_HTTP_REQUEST_HEADERS, STR("x-seen"))
					->items[0]),
			"yes"));
	for (uint32_t i = 0; i < 4; i++)
		assert_true(d.rewrites[i].changed);
	world_end(&world_);
}

static void the_stronger_rewrite_has_the_field(void **state)
{
	static const struct rule_rewrite a = {
		RULE_SET, EVENT_F_HTTP_REQUEST_PATH, NULL, "/a", { 0 }
	};
	static const struct rule_rewrite b = {
		RULE_SET, EVENT_F_HTTP_REQUEST_PATH, NULL, "/b", { 0 }
	};
	struct policy_rule rules[] = { rewriting("weak", NULL, &a), rewriting("strong", NULL, &b),
				       USER("pass", RULE_ALLOW, "http.request.host == 'open'") };
	struct world w;

	(void)state;
	rules[1].priority = 1;
	rules[2].priority = 0;
	w = world(rules, 3, RULE_ALLOW);
	request("x", "/");
	decide_is(&w, RULE_REWRITE, "strong");
	assert_int_equal(d.n_rewrites, 1);
	assert_int_equal(engine_rewrite_apply(w.engine, &event, &d, NULL), 0);
	assert_true(str_eqz(event_str(&event, EVENT_F_HTTP_REQUEST_PATH), "/b"));
	request("open", "/"); /* an allow that goes first lets it pass as it is */
	decide_is(&w, RULE_ALLOW, "pass");
	assert_int_equal(d.n_rewrites, 0);
	world_end(&w);
}

/* --- throttles --- */

static struct policy_rule throttled(const struct rule_throttle *t)
{
	struct policy_rule r = USER("slow", RULE_THROTTLE, NULL);

	r.throttle = *t;
	return r;
}

static void buckets_empty_and_fill(void **state)
{
	static const struct rule_throttle t = { .rate_milli = 2000,
						.burst = 3,
						.by = "http.request.host" };
	struct policy_rule rules[1];
	struct world w;

	(void)state;
	rules[0] = throttled(&t);
	w = world(rules, 1, RULE_ALLOW);
	for (int i = 0; i < 3; i++) {
		request("x", "/");
		decide_is(&w, RULE_ALLOW, NULL);
	}
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "slow");
	assert_int_equal(d.retry_after_ms, 500);
	assert_true(d.matches[0].beyond);
	engine_preview(w.engine, &event, &d); /* takes nothing, and asks for nothing */
	request("y", "/");
	decide_is(&w, RULE_ALLOW, NULL); /* a bucket of its own */
	mono_ms += 499;
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "slow");
	assert_int_equal(d.retry_after_ms, 1);
	mono_ms += 1;
	decide_is(&w, RULE_ALLOW, NULL);
	decide_is(&w, RULE_BLOCK, "slow");
	mono_ms += UINT64_C(1) << 62; /* no overflow fills more than the burst */
	for (int i = 0; i < 3; i++)
		decide_is(&w, RULE_ALLOW, NULL);
	decide_is(&w, RULE_BLOCK, "slow");
	mono_ms -= 5000; /* a clock that goes back brings nothing */
	decide_is(&w, RULE_BLOCK, "slow");
	world_end(&w);
}

static void quotas_are_booked_when_it_passes(void **state)
{
	static const struct rule_throttle t = {
		.amount = 1000, .of = "http.request.bytes", .per = RULE_PER_DAY, .beyond = RULE_ASK
	};
	struct policy_rule rules[2] = { { 0 },
					USER("no", RULE_BLOCK, "http.request.path == '/no'") };
	struct world w;

	(void)state;
	rules[0] = throttled(&t);
	w = world(rules, 2, RULE_ALLOW);
	request("x", "/no");
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, 900);
	decide_is(&w, RULE_BLOCK, "no"); /* what is blocked costs nothing */
	request("x", "/");
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, 900);
	decide_is(&w, RULE_ALLOW, NULL);
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, 101);
	decide_is(&w, RULE_ASK, "slow");
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, -5); /* nobody is paid */
	decide_is(&w, RULE_ASK, "slow"); /* what was asked about counts as spent: 1001 */
	unix_ms += 86400000;
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, 1000);
	decide_is(&w, RULE_ALLOW, NULL);
	unix_ms -= 86400000; /* set back: the day's account stays */
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, 1);
	decide_is(&w, RULE_ASK, "slow");
	world_end(&w);
}

static void a_key_that_fails_is_beyond(void **state)
{
	static const struct rule_throttle t = { .rate_milli = 1000000,
						.burst = 1000,
						.by = "http.request.headers['none'][0]" };
	struct policy_rule rules[1];
	struct world w;

	(void)state;
	rules[0] = throttled(&t);
	w = world(rules, 1, RULE_ALLOW);
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "slow");
	assert_true(d.failed);
	world_end(&w);
}

/* Filling the table with keys of one's choice stops oneself, and nobody is forgotten. */
static void a_full_table_is_beyond(void **state)
{
	struct rule_throttle rule = { .rate_milli = 1, .burst = 1 };
	struct throttle t;
	unsigned refused = 0;
	uint64_t wait;

	(void)state;
	assert_int_equal(throttle_init(&t), 0);
	for (uint32_t i = 0; i < 4 * THROTTLE_PLACES; i++) {
		uint8_t key[THROTTLE_KEY];
		char text[16];

		(void)snprintf(text, sizeof(text), "%u", i);
		throttle_key("r", STR(""), str_of(text), key);
		wait = 7;
		if (!throttle_take(&t, key, &rule, 1, &wait)) {
			assert_int_equal(wait, 0);
			refused++;
		} else {
			assert_false(throttle_take(&t, key, &rule, 1, &wait));
		}
	}
	assert_int_equal(refused, 3 * THROTTLE_PLACES);
	throttle_done(&t);
}

/* --- the accounts' file --- */

static void put_file(const char *path, struct str text)
{
	AUTO(file_closep) FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
}

static void accounts_survive_a_restart(void **state)
{
	static const struct rule_throttle rule = { .amount = 100, .per = RULE_PER_DAY };
	AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);
	char dir[] = "/tmp/capsule-accounts-XXXXXX", path[64];
	uint8_t key[THROTTLE_KEY];
	struct err err = ERR_INIT;
	struct throttle t, again;
	uint64_t wait;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/accounts", dir);
	assert_int_equal(throttle_init(&t), 0);
	assert_int_equal(throttle_init(&again), 0);
	assert_int_equal(throttle_load(&t, path, &err), 0); /* not there: empty */
	for (int i = 0; i < 50; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%d", i);
		throttle_key("r", STR(""), str_of(name), key);
		throttle_charge(&t, key, &rule, 60, 86400000);
	}
	assert_true(t.changed);
	assert_int_equal(throttle_save(&t, path, &err), 0);
	assert_false(t.changed);
	assert_int_equal(throttle_load(&again, path, &err), 0);
	assert_true(throttle_within(&again, key, &rule, 40, 86400000, &wait));
	assert_false(throttle_within(&again, key, &rule, 41, 86400000, &wait));
	f = fopen(path, "re");
	assert_non_null(f);
	text.n = fread(buf_reserve(&text, 65536), 1, 65536, f);
	(void)fclose(f);
	/* every byte matters, and every beginning is too short */
	for (size_t i = 0; i < text.n; i += i < 120 || i + 120 > text.n ? 1 : 37) {
		text.p[i] ^= 1;
		assert_int_equal(throttle_read(&again, buf_str(&text), NULL), -EBADMSG);
		text.p[i] ^= 1;
		assert_int_equal(throttle_read(&again, (struct str){ text.p, i }, NULL), -EBADMSG);
	}
	assert_false(throttle_within(&again, key, &rule, 41, 86400000, &wait)); /* kept */
	buf_putc(&text, '\n');
	put_file(path, buf_str(&text));
	assert_int_equal(throttle_load(&again, path, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "cannot be trusted"));
	(void)unlink(path);
	(void)rmdir(dir);
	throttle_done(&t);
	throttle_done(&again);
}

/* --- quarantine, reload --- */

static void quarantine_lasts(void **state)
{
	static const struct policy_rule rules[] = {
		USER("trap", RULE_QUARANTINE, "http.request.path == '/trap'"),
	};
	struct world w = world(rules, 1, RULE_ALLOW);

	(void)state;
	request("x", "/");
	event_set_str(&event, EVENT_F_COMMON_SESSION_ID, STR("s1"));
	decide_is(&w, RULE_ALLOW, NULL);
	request("x", "/trap");
	event_set_str(&event, EVENT_F_COMMON_SESSION_ID, STR("s1"));
	engine_preview(w.engine, &event, &d);
	assert_int_equal(d.action, RULE_QUARANTINE);
	decide_is(&w, RULE_QUARANTINE, "trap");
	request("x", "/");
	event_set_str(&event, EVENT_F_COMMON_SESSION_ID, STR("s1"));
	decide_is(&w, RULE_BLOCK, NULL);
	event_set_str(&event, EVENT_F_COMMON_SESSION_ID, STR("s2"));
	decide_is(&w, RULE_ALLOW, NULL);
	world_end(&w);
}

static void a_failed_reload_keeps_the_old(void **state)
{
	static const struct policy_rule good[] = { USER("good", RULE_BLOCK, NULL) };
	static const struct policy_rule bad[] = { USER("bad", RULE_BLOCK, "nothing.like == this") };
	static const struct policy_rule next[] = { USER("next", RULE_ASK, NULL) };
	struct world w = world(good, 1, RULE_ALLOW);
	struct engine *second = engine_new(w.host, NULL);
	struct err err = ERR_INIT;

	(void)state;
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "good");
	assert_int_equal(engine_host_reload(w.host, bad, 1, NULL, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "; the rules before stay in force"));
	decide_is(&w, RULE_BLOCK, "good");
	assert_int_equal(engine_host_reload(w.host, next, 1, NULL, NULL), 0);
	/* the decision of before still points to its rule */
	assert_string_equal(d.rule->id, "good");
	decide_is(&w, RULE_ASK, "next");
	engine_decide(second, &event, &d);
	assert_int_equal(d.action, RULE_ASK);
	second = engine_free(second);
	world_end(&w);
}

/* --- the travelling form --- */

static void sealed_rules_travel(void **state)
{
	static const struct rule_rewrite path = {
		RULE_SET, EVENT_F_HTTP_REQUEST_PATH, NULL, "/p", { "q.yaml", 4, 2 }
	};
	static const char *const tags[] = { "a", "b" };
	struct policy_rule rules[] = {
		rewriting("one", "http.request.host == 'x'", &path),
		USER("two", RULE_BLOCK, "http.request.host == 'y'"),
	};
	struct engine_options options = { .otherwise = RULE_BLOCK };
	struct engine_set *set = NULL, *other = NULL;
	AUTO(fd_closep) int fd = -EBADF;
	AUTO(fd_closep) int open_fd = -EBADF;
	struct err err = ERR_INIT;
	uint8_t wrong[32] = { 0 };

	(void)state;
	rules[1].tags = tags;
	rules[1].n_tags = 2;
	rules[1].reason = "because";
	assert_int_equal(engine_set_new(rules, 2, &options, &set, &err), 0);
	assert_int_equal(engine_sealed_make(set, &fd, &err), 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 3), -1);
	assert_int_equal(engine_sealed_load(fd, wrong, NULL, &other, &err), -ESTALE);
	err = ERR_INIT;
	if (engine_sealed_load(fd, engine_set_digest(set), NULL, &other, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(engine_set_count(other), 2);
	assert_int_equal(engine_set_otherwise(other), RULE_BLOCK);
	assert_string_equal(engine_set_rule(other, 1)->reason, "because");
	assert_string_equal(engine_set_rule(other, 1)->tags[1], "b");
	assert_string_equal(engine_set_rule(other, 0)->rewrites[0].where.file, "q.yaml");
	assert_memory_equal(engine_set_digest(set), engine_set_digest(other), 32);
	open_fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(engine_sealed_load(open_fd, NULL, NULL, &other, &err), -EPERM);
	set = engine_set_free(set);
	other = engine_set_free(other);
}

static void every_byte_of_it_is_checked(void **state)
{
	static const struct policy_rule rules[] = { USER("two", RULE_BLOCK, NULL) };
	struct engine_set *set = NULL, *other = NULL;
	AUTO(fd_closep) int fd = -EBADF;
	char bytes[4096];
	ssize_t n;

	(void)state;
	assert_int_equal(engine_set_new(rules, 1, NULL, &set, NULL), 0);
	assert_int_equal(engine_sealed_make(set, &fd, NULL), 0);
	n = read(fd, bytes, sizeof(bytes));
	assert_true(n > 100 && n < (ssize_t)sizeof(bytes));
	for (ssize_t i = 0; i < n; i++) {
		bytes[i] ^= 4;
		assert_int_equal(
			engine_sealed_read((struct str){ bytes, (size_t)n }, NULL, &other, NULL),
			-EBADMSG);
		bytes[i] ^= 4;
		assert_int_equal(
			engine_sealed_read((struct str){ bytes, (size_t)i }, NULL, &other, NULL),
			-EBADMSG);
	}
	assert_null(other);
	set = engine_set_free(set);
}

/* --- sections --- */

static const char sections[] = "version: 1\n"
			       "filesystem:\n"
			       "  read: [/usr, /data]\n"
			       "  write: [/work]\n"
			       "  exec: [/usr/bin]\n"
			       "  protect: [/work/.git]\n"
			       "  deny: [/work/.env, /data/secret]\n"
			       "network: none\n"
			       "process:\n"
			       "  commands:\n"
			       "    allow: [\"git ...\", [make, \"${target:[a-z]+}\"]]\n"
			       "    deny: [[git, push, \"...\"]]\n";

static void file_event(enum event_type type, const char *path, bool write)
{
	event_begin(&event, type);
	event_set_str(&event, EVENT_F_FILE_ACTIVITY_PATH, str_of(path));
	event_set_bool(&event, EVENT_F_FILE_ACTIVITY_WRITE, write);
}

static void command_is(struct world *w, enum rule_action action, const char *id, const char *words)
{
	static struct cel_value items[8];
	uint32_t n = 0;

	for (const char *p = words; *p; n++) {
		size_t len = strcspn(p, " ");

		items[n] = cel_string((struct str){ p, len });
		p += len + (p[len] == ' ');
	}
	event_begin(&event, EVENT_SESSION_START);
	event_set_list(&event, EVENT_F_SESSION_ACTIVITY_ARGV, items, n);
	decide_is(w, action, id);
}

static void sections_are_rules(void **state)
{
	struct policy_vars vars = { .workspace = "/tmp", .home = "/root", .tmp = "/tmp" };
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 22);
	AUTO(policy_freep) struct policy *p = NULL;
	AUTO(buf_done) struct buf diag = BUF_INIT(65536);
	const struct policy_rule *rules;
	struct err err = ERR_INIT;
	struct world w;
	size_t n;

	(void)state;
	if (policy_load_text("s.yaml", str_of(sections), &vars, &p, &diag, &err) < 0)
		fail_msg("%s", buf_cstr(&diag));
	assert_int_equal(engine_policy_rules(p, &a, &rules, &n, &err), 0);
	w = world(rules, n, RULE_ALLOW);
	file_event(EVENT_FILE_OPEN, "/usr/lib/x", false);
	decide_is(&w, RULE_ALLOW, "filesystem.read[0]");
	assert_int_equal(d.rule->where.line, 3);
	assert_int_equal(d.rule->where.col, 10);
	file_event(EVENT_FILE_OPEN, "/usr/lib/x", true);
	decide_is(&w, RULE_BLOCK, "filesystem.write");
	file_event(EVENT_FILE_OPEN, "/etc/passwd", false);
	decide_is(&w, RULE_BLOCK, "filesystem.read");
	file_event(EVENT_FILE_CREATE, "/work/a", false);
	decide_is(&w, RULE_ALLOW, "filesystem.write[0]");
	file_event(EVENT_FILE_OPEN, "/work/.git/config", false);
	decide_is(&w, RULE_ALLOW, "filesystem.write[0]");
	file_event(EVENT_FILE_OPEN, "/work/.git/config", true);
	decide_is(&w, RULE_BLOCK, "filesystem.protect[0]");
	file_event(EVENT_FILE_OPEN, "/data/secret", false);
	decide_is(&w, RULE_BLOCK, "filesystem.deny[1]");
	file_event(EVENT_FILE_RENAME, "/work/a", false);
	event_set_str(&event, EVENT_F_FILE_ACTIVITY_NEW_PATH, STR("/work/.env"));
	decide_is(&w, RULE_BLOCK, "filesystem.deny[0]");
	event_set_str(&event, EVENT_F_FILE_ACTIVITY_NEW_PATH, STR("/etc/a"));
	decide_is(&w, RULE_BLOCK, "filesystem.write");
	file_event(EVENT_FILE_OPEN, "/work/../etc/passwd", false);
	engine_decide(w.engine, &event, &d);
	assert_int_equal(d.action, RULE_BLOCK); /* never resolved: never open */
	event_begin(&event, EVENT_PROCESS_EXEC);
	event_set_str(&event, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE, STR("/usr/bin/git"));
	decide_is(&w, RULE_ALLOW, "filesystem.exec[0]");
	event_set_str(&event, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE, STR("/work/a.out"));
	decide_is(&w, RULE_BLOCK, "filesystem.exec");
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "network.mode");
	assert_int_equal(d.rule->where.line, 8);
	command_is(&w, RULE_ALLOW, "process.commands.allow[0]", "git status");
	command_is(&w, RULE_ALLOW, "process.commands.allow[0]", "/usr/bin/git status");
	command_is(&w, RULE_BLOCK, "process.commands.deny[0]", "git push origin");
	command_is(&w, RULE_ALLOW, "process.commands.allow[1]", "make all");
	command_is(&w, RULE_BLOCK, "process.commands.allow", "make all clean");
	command_is(&w, RULE_BLOCK, "process.commands.allow", "make ALL");
	command_is(&w, RULE_BLOCK, "process.commands.allow", "xgit status");
	world_end(&w);
}

/* --- what is told --- */

static void resolved_events_tell_all(void **state)
{
	static const struct policy_rule rules[] = {
		USER("no", RULE_BLOCK, "http.request.host == 'x'"),
	};
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16), text = BUF_INIT(1 << 16);
	struct json_wr jw = json_wr_init(&out);
	struct world w = world(rules, 1, RULE_ALLOW);

	(void)state;
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "no");
	engine_write_json(&event, &d, 0, &jw);
	assert_non_null(strstr(buf_cstr(&out), "\"decision\":{\"action\":\"block\",\"rule\":\"no\","
					       "\"where\":\"p.yaml:"));
	assert_non_null(strstr(buf_cstr(&out), "\"host\":\"x\""));
	assert_true(d.ns > 0);
	engine_decision_print(&d, &text);
	assert_non_null(strstr(buf_cstr(&text), "block by rule 'no' (p.yaml:"));
	world_end(&w);
}

struct told {
	unsigned n, considered, matched, winners;
};

static void count_step(void *ctx, const struct engine_step *step)
{
	struct told *t = ctx;

	t->n++;
	t->considered += step->considered;
	t->matched += step->matched;
	t->winners += step->winner;
}

static void explaining_goes_rule_by_rule(void **state)
{
	static const struct policy_rule rules[] = {
		USER("a", RULE_BLOCK, "http.request.host == 'x'"),
		USER("b", RULE_ALLOW, "http.request.host == 'y'"),
		USER("c", RULE_ALLOW, "http.request.port > 1"),
	};
	struct world w = world(rules, 3, RULE_ALLOW);
	struct told t = { 0 };

	(void)state;
	request("x", "/");
	engine_explain(w.engine, &event, count_step, &t);
	assert_int_equal(t.n, 3);
	assert_int_equal(t.considered, 2);
	assert_int_equal(t.matched, 2);
	assert_int_equal(t.winners, 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strength_within_a_priority),
		cmocka_unit_test(priority_before_strength),
		cmocka_unit_test(ids_settle_what_is_equal),
		cmocka_unit_test(tiers_and_lock),
		cmocka_unit_test(a_project_cannot_loosen_what_nobody_decided),
		cmocka_unit_test(failures_decide_against),
		cmocka_unit_test(mistakes_at_load),
		cmocka_unit_test(ties_are_refused),
		cmocka_unit_test(index_changes_nothing),
		cmocka_unit_test(index_picks_the_rare_key),
		cmocka_unit_test(findings_are_seen_after_detect),
		cmocka_unit_test(preprocess_is_seen_by_all_that_follows),
		cmocka_unit_test(rewrites_are_done),
		cmocka_unit_test(the_stronger_rewrite_has_the_field),
		cmocka_unit_test(buckets_empty_and_fill),
		cmocka_unit_test(quotas_are_booked_when_it_passes),
		cmocka_unit_test(a_key_that_fails_is_beyond),
		cmocka_unit_test(a_full_table_is_beyond),
		cmocka_unit_test(accounts_survive_a_restart),
		cmocka_unit_test(quarantine_lasts),
		cmocka_unit_test(a_failed_reload_keeps_the_old),
		cmocka_unit_test(sealed_rules_travel),
		cmocka_unit_test(every_byte_of_it_is_checked),
		cmocka_unit_test(sections_are_rules),
		cmocka_unit_test(resolved_events_tell_all),
		cmocka_unit_test(explaining_goes_rule_by_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

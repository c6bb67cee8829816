/* Unit tests of src/engine: precedence, failures, ties, the index, phases, rewrites. */
#include "engine_world.h"

#include <errno.h>

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

#define TEN "[0,1,2,3,4,5,6,7,8,9]"

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
	one[0].when = TEN ".all(a, " TEN ".all(b, " TEN ".all(c, " TEN ".all(d, " TEN
			  ".all(e, a + b + c + d + e < http.request.port)))))";
	check_refused(one, 1, "steps");
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
		"http.request.path.contains('dmin')",
		"http.request.path.contains('dmin/x')",
		"http.request.path.contains('com') && http.request.port == 80",
		"http.request.host.contains('example') || http.request.path.contains('/admin')",
		"http.request.path.contains('tail') || http.request.path.contains('tall')",
	};
	static const char *const hosts[] = {
		NULL, "", "a.example.com", "b.example.com", "com", "example.com", "xa.example.com"
	};
	static char far[3000], many[900];
	const char *const paths[] = { NULL, "/admin/", "/admin", "/admin/x", "com", far, many };
	enum { N = sizeof(whens) / sizeof(whens[0]) };
	struct policy_rule indexed[N], plain[N];
	static char ids[N][16], plain_whens[N][256];
	struct world wi, wp;
	unsigned matched = 0;

	(void)state;
	/* longer than windows are looked at, and more work than is done */
	memset(far, 'x', sizeof(far) - 5);
	memcpy(far + sizeof(far) - 5, "tail", 5);
	for (size_t i = 0; i + 4 < sizeof(many); i += 4)
		memcpy(many + i, i + 8 < sizeof(many) ? "dmin" : "tall", 4);
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

/* An allow of postprocess decides nothing, so it takes no rewrite away; one of enforce still does. */
static void postprocess_leaves_rewrites_alone(void **state)
{
	static const struct rule_rewrite w = {
		RULE_SET, EVENT_F_HTTP_REQUEST_PATH, NULL, "/clean", { 0 }
	};
	struct policy_rule rules[] = { rewriting("clean", NULL, &w),
				       USER("pass", RULE_ALLOW, "http.request.host == 'open'"),
				       USER("late", RULE_ALLOW, NULL) };
	struct world world_;

	(void)state;
	rules[1].priority = rules[2].priority = 1;
	rules[2].phase = RULE_POSTPROCESS;
	world_ = world(rules, 3, RULE_ALLOW);
	request("x", "/");
	decide_is(&world_, RULE_REWRITE, "clean");
	assert_int_equal(d.n_rewrites, 1);
	request("open", "/");
	decide_is(&world_, RULE_ALLOW, "pass");
	assert_int_equal(d.n_rewrites, 0);
	world_end(&world_);
}

static void below_a_lock_nobody_hides_who_may_speak(void **state)
{
	struct policy_rule rules[] = { USER("open", RULE_ALLOW, NULL), USER("ask", RULE_ASK, NULL),
				       USER("below", RULE_BLOCK, NULL) };
	struct world w;

	(void)state;
	rules[0].tier = rules[1].tier = RULE_ORG;
	rules[0].lock = true;
	rules[1].phase = rules[2].phase = RULE_POSTPROCESS;
	w = world(rules, 3, RULE_ALLOW);
	request("x", "/");
	decide_is(&w, RULE_ASK, "ask");
	world_end(&w);
}

/* Rules "f00" to "f64", which find something in every request, and one more. */
static struct world many_findings(struct policy_rule rules[66], struct policy_rule last)
{
	static char ids[65][8];

	for (int i = 0; i < 65; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "f%02d", i);
		rules[i] = (struct policy_rule)USER(ids[i], RULE_OBSERVE, NULL);
		rules[i].phase = RULE_DETECT;
	}
	rules[65] = last;
	return world(rules, 66, RULE_ALLOW);
}

static void findings_that_do_not_fit_decide_against(void **state)
{
	static struct policy_rule rules[66];
	struct policy_rule late = USER("late", RULE_BLOCK, "'f64' in common.findings");
	struct world w;

	(void)state;
	w = many_findings(rules, (struct policy_rule)USER("none", RULE_ASK, "false"));
	request("x", "/");
	decide_is(&w, RULE_ALLOW, NULL); /* nobody looks at them */
	world_end(&w);
	late.phase = RULE_POSTPROCESS;
	w = many_findings(rules, late);
	request("x", "/");
	decide_is(&w, RULE_BLOCK, NULL);
	assert_true(d.failed);
	assert_string_equal(d.reason, "more findings than an event can hold");
	world_end(&w);
}

static void too_much_takes_no_quarantine_away(void **state)
{
	static struct policy_rule rules[66];
	struct policy_rule jail = USER("jail", RULE_QUARANTINE, NULL);
	struct world w;

	(void)state;
	jail.phase = RULE_POSTPROCESS;
	w = many_findings(rules, jail);
	request("x", "/");
	decide_is(&w, RULE_QUARANTINE, "jail");
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
		cmocka_unit_test(postprocess_leaves_rewrites_alone),
		cmocka_unit_test(below_a_lock_nobody_hides_who_may_speak),
		cmocka_unit_test(findings_that_do_not_fit_decide_against),
		cmocka_unit_test(too_much_takes_no_quarantine_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * bench_engine - what a decision costs: over 100 rules as people write them, over 10,000 that name one
 * host each, over 100 that no index helps with; and the allocations it makes, which must be none.
 */
#include "engine/engine.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCHES 101
#define TEXT 256

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *figures)
{
	qsort(figures, BATCHES, sizeof(*figures), by_size);
	return figures[BATCHES / 2];
}

/* --- counting allocations --- */

static bool counting;
static unsigned long allocations;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
	allocations += counting;
	return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	allocations += counting;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	allocations += counting;
	return __real_realloc(p, n);
}

/* --- rules --- */

static const char *const mixed[] = {
	"http.request.host == \"host%u.example.com\"",
	"http.request.host.endsWith(\".tenant%u.example.com\") && http.request.method == \"POST\"",
	"http.request.path.startsWith(\"/admin/%u/\") && http.request.port == 443",
	"http.request.host in [\"a%u.test\", \"b%u.test\", \"c%u.test\"]",
	"http.request.host == \"h%u.test\" && http.request.header(\"authorization\").exists()",
	"http.request.host.endsWith(\".h%u.test\") && http.request.body.text.contains(\"secret\")",
	"http.request.method == \"PUT\" && http.request.path == \"/v1/things/%u\"",
	"http.request.host == \"files%u.example.com\" && http.request.bytes > 1000000",
	"http.request.path.endsWith(\".tar.%u\") || http.request.path.endsWith(\".zip.%u\")",
	"http.request.port == %u && !http.request.host.endsWith(\".example.com\")",
};

static const char *const one_host[] = {
	"http.request.host == \"host%u.example.com\" && http.request.method == \"POST\"",
};

static const char *const unindexed[] = {
	"http.request.bytes > 100%u && http.request.method != \"GET\"",
};

static struct policy_rule *make_rules(const char *const *forms, size_t n_forms, size_t n)
{
	struct policy_rule *rules = calloc(n, sizeof(*rules));
	char *text = calloc(n, TEXT + 16);

	for (size_t i = 0; i < n; i++) {
		char *when = text + i * (TEXT + 16), *id = when + TEXT;
		struct buf out = buf_fixed(when, TEXT);

		for (const char *p = forms[i % n_forms]; *p; p++) {
			if (p[0] != '%')
				buf_putc(&out, *p);
			else if (p++)
				buf_put_u64(&out, i);
		}
		(void)buf_cstr(&out);
		(void)snprintf(id, 16, "r%zu", i);
		rules[i] = (struct policy_rule){ .id = id,
						 .on = EVENT_BIT(EVENT_HTTP_REQUEST),
						 .when = when,
						 .action = RULE_BLOCK,
						 .phase = RULE_ENFORCE,
						 .tier = RULE_USER,
						 .priority = RULE_PRIORITY_DEFAULT,
						 .reason = "no" };
	}
	return rules;
}

static void fill(struct event *e, const char *host)
{
	static struct cel_value value;
	static struct cel_entry headers[2];

	value = cel_string(STR("Bearer x"));
	headers[0] = (struct cel_entry){ cel_string(STR("accept")),
					 { .kind = CEL_LIST, .n = 1, .items = &value } };
	headers[1] = (struct cel_entry){ cel_string(STR("authorization")),
					 { .kind = CEL_LIST, .n = 1, .items = &value } };
	event_begin(e, EVENT_HTTP_REQUEST);
	event_set_str(e, EVENT_F_HTTP_REQUEST_HOST, str_of(host));
	event_set_str(e, EVENT_F_HTTP_REQUEST_METHOD, STR("POST"));
	event_set_str(e, EVENT_F_HTTP_REQUEST_PATH, STR("/v1/messages/of/some/length"));
	event_set_int(e, EVENT_F_HTTP_REQUEST_PORT, 443);
	event_set_int(e, EVENT_F_HTTP_REQUEST_BYTES, 2000);
	event_set_str(e, EVENT_F_HTTP_REQUEST_BODY_TEXT, STR("{\"a\": \"token=value\"}"));
	event_set_map(e, EVENT_F_HTTP_REQUEST_HEADERS, headers, 2);
}

static int measure(const char *name, const char *const *forms, size_t n_forms, size_t n,
		   const char *host, unsigned runs)
{
	struct policy_rule *rules = make_rules(forms, n_forms, n);
	struct engine_host *engine_host = engine_host_new();
	static struct engine_decision d;
	static struct event event;
	double figures[BATCHES], start = now_ns();
	struct engine_set *set = NULL;
	struct err err = ERR_INIT;
	struct engine *engine;

	if (engine_set_new(rules, n, NULL, &set, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("engine.load_%s %.1f us/rule\n", name, (now_ns() - start) / 1e3 / (double)n);
	engine_host_load(engine_host, set);
	engine = engine_new(engine_host, NULL);
	event_init(&event);
	fill(&event, host);
	engine_decide(engine, &event, &d);
	counting = true;
	for (int b = 0; b < BATCHES; b++) {
		start = now_ns();
		for (unsigned i = 0; i < runs; i++)
			engine_decide(engine, &event, &d);
		figures[b] = (now_ns() - start) / runs;
	}
	counting = false;
	printf("engine.decide_%s %.0f ns\n", name, median(figures));
	printf("engine.considered_%s %u rules\n", name, d.n_considered);
	engine = engine_free(engine);
	engine_host = engine_host_free(engine_host);
	free((void *)(uintptr_t)rules[0].when);
	free(rules);
	return 0;
}

#define FORMS(array) array, sizeof(array) / sizeof(array[0])

int main(void)
{
	int failed = measure("100", FORMS(mixed), 100, "host50.example.com", 2000) |
		     measure("10000", FORMS(one_host), 10000, "host5000.example.com", 2000) |
		     measure("100_unindexed", FORMS(unindexed), 100, "host1.example.com", 500);

	printf("engine.allocations %lu calls\n", allocations);
	return failed || allocations != 0;
}

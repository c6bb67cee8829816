/*
 * Unit tests of src/event: the table's own order, events, JSON both ways. docs/events.md is made from
 * the table: this program compares, and with --write FILE makes it.
 */
#include "base/buf.h"
#include "base/own.h"
#include "codec/json_rd.h"
#include "codec/json_wr.h"
#include "event/event.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define DOC_MAX (512 * 1024)

static struct event event;

/* --- the table --- */

static void fields_stand_in_their_records(void **state)
{
	unsigned next = 0;

	(void)state;
	for (int r = 0; r < EVENT_RECORD_N; r++) {
		const struct event_record_info *record = &event_record_info[r];
		size_t n = strlen(record->name);

		assert_int_equal(record->first, next);
		assert_true(record->n > 0);
		for (unsigned f = next; f < next + record->n; f++) {
			const char *name = event_field_info[f].name;

			if (strncmp(name, record->name, n) != 0 || name[n] != '.' ||
			    strchr(name + n + 1, '.'))
				fail_msg("%s stands in %s", name, record->name);
			assert_int_equal(event_field_record((enum event_field)f), r);
		}
		next += record->n;
	}
	assert_int_equal(next, EVENT_FIELD_N);
}

static void names_are_unique_and_no_field_is_a_group(void **state)
{
	(void)state;
	for (int f = 0; f < EVENT_FIELD_N; f++) {
		struct str name = str_of(event_field_info[f].name);

		assert_int_equal(event_field_find(name), f);
		assert_false(event_group_exists(name));
		assert_true(event_field_info[f].on != 0);
		assert_true(event_field_info[f].doc[0] != '\0');
	}
	for (int t = 0; t < EVENT_TYPE_N; t++)
		assert_int_equal(event_type_find(str_of(event_type_info[t].name)), t);
}

/* Else the writer would open a group twice. */
static void groups_are_neighbours(void **state)
{
	(void)state;
	for (int a = 0; a < EVENT_FIELD_N; a++) {
		const char *name = event_field_info[a].name;

		for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
			size_t n = (size_t)(dot - name) + 1;
			bool gone = false;

			for (int b = a + 1; b < EVENT_FIELD_N; b++) {
				bool same = strncmp(event_field_info[b].name, name, n) == 0;

				if (same && gone)
					fail_msg("%s stands apart from %s",
						 event_field_info[b].name, name);
				gone |= !same;
			}
		}
	}
}

static void types_by_pattern(void **state)
{
	(void)state;
	assert_int_equal(event_types_find(STR("*")), EVENT_TYPES_ALL);
	assert_int_equal(event_types_find(STR("http.*")), EVENT_BIT(EVENT_HTTP_REQUEST) |
								  EVENT_BIT(EVENT_HTTP_RESPONSE) |
								  EVENT_BIT(EVENT_HTTP_BODY));
	assert_int_equal(event_types_find(STR("dns.request")), EVENT_BIT(EVENT_DNS_QUERY));
	assert_int_equal(event_types_find(STR("htp.*")), 0);
	assert_int_equal(event_types_find(STR("")), 0);
	assert_string_equal(event_type_nearest(STR("http.requst")), "http.request");
	assert_string_equal(event_field_nearest(STR("http.request.hosst")), "http.request.host");
}

static void sigma_names(void **state)
{
	(void)state;
	assert_int_equal(event_field_by_sigma(STR("process_creation"), STR("Image")),
			 EVENT_F_PROCESS_ACTIVITY_EXECUTABLE);
	assert_int_equal(event_field_by_sigma(STR("file_event"), STR("Image")),
			 EVENT_F_COMMON_PROCESS_EXECUTABLE);
	assert_int_equal(event_field_by_sigma(STR("anything"), STR("User")),
			 EVENT_F_COMMON_USER_ID);
	assert_int_equal(event_field_by_sigma(STR("proxy"), STR("http.request.host")),
			 EVENT_F_HTTP_REQUEST_HOST);
	assert_int_equal(event_field_by_sigma(STR("proxy"), STR("cs-hos")), EVENT_FIELD_NONE);
}

/* --- events --- */

static void begin_forgets(void **state)
{
	(void)state;
	event_init(&event);
	event_begin(&event, EVENT_HTTP_REQUEST);
	event_set_str(&event, EVENT_F_HTTP_REQUEST_HOST, STR("example.com"));
	event_set_int(&event, EVENT_F_HTTP_REQUEST_PORT, 443);
	assert_true(event_has(&event, EVENT_F_HTTP_REQUEST_PORT));
	event_begin(&event, EVENT_DNS_QUERY);
	assert_false(event_has(&event, EVENT_F_HTTP_REQUEST_PORT));
	assert_int_equal(event.value[EVENT_F_HTTP_REQUEST_HOST].kind, CEL_ERROR);
	assert_true(str_eqz(event_str(&event, EVENT_F_COMMON_EVENT_TYPE), "dns.query"));
	for (int f = 0; f < EVENT_FIELD_N; f++)
		assert_int_equal(event_has(&event, (enum event_field)f),
				 event.value[f].kind != CEL_ERROR);
}

static void text_that_is_not_utf8_is_mended(void **state)
{
	static char long_text[EVENT_MENDED_MAX];
	static struct event copy;
	struct str s;

	(void)state;
	event_init(&event);
	event_begin(&event, EVENT_FILE_OPEN);
	event_set_text(&event, EVENT_F_FILE_ACTIVITY_PATH, STR("/a\xff/b\xc3"));
	event_set_text(&event, EVENT_F_FILE_ACTIVITY_NAME, STR("\xc3(b"));
	assert_true(str_eqz(event_str(&event, EVENT_F_FILE_ACTIVITY_PATH),
			    "/a\xef\xbf\xbd/b\xef\xbf\xbd"));
	assert_true(str_eqz(event_str(&event, EVENT_F_FILE_ACTIVITY_NAME), "\xef\xbf\xbd(b"));
	event_copy(&copy, &event);
	memset(event.mended, 'x', sizeof(event.mended));
	assert_true(str_eqz(event_str(&copy, EVENT_F_FILE_ACTIVITY_NAME), "\xef\xbf\xbd(b"));
	assert_false(event.damaged);
	memset(long_text, 0xff, sizeof(long_text));
	s = (struct str){ long_text, sizeof(long_text) };
	event_set_text(&event, EVENT_F_FILE_ACTIVITY_PATH, s);
	assert_true(event.damaged);
	event_begin(&event, EVENT_FILE_OPEN);
	assert_false(event.damaged);
}

/* --- JSON --- */

static void check_bad(const char *text, const char *message)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
	struct err err = ERR_INIT;

	event_init(&event);
	assert_int_equal(event_parse_json(&event, str_of(text), &a, &err), -EBADMSG);
	if (!strstr(err.text, message))
		fail_msg("%s\n told: %s\n want: %s", text, err.text, message);
	assert_int_equal(event.type, EVENT_TYPE_N);
}

static void mistakes_are_told(void **state)
{
	(void)state;
	check_bad("[]", "an event is a JSON object");
	check_bad("{}", "needs a 'type'");
	check_bad("{\"type\":\"http.requst\"}", "did you mean 'http.request'?");
	check_bad("{\"type\":\"dns.query\",\"common\":{\"event_type\":\"http.request\"}}",
		  "differ");
	check_bad("{\"type\":\"dns.query\",\"common.event_type\":\"http.request\"}", "differ");
	check_bad("{\"type\":\"dns.query\",\"common\":{\"event_type\":null}}", "differ");
	check_bad("{\"type\":\"http.request\",\"http.request.host\":\"a\","
		  "\"http\":{\"request\":{\"host\":\"b\"}}}",
		  "http.request.host stands there twice");
	check_bad("{\"type\":\"http.request\",\"http\":{\"request\":{\"hosst\":\"x\"}}}",
		  "unknown field 'http.request.hosst'; did you mean 'http.request.host'?");
	check_bad("{\"type\":\"http.request\",\"http\":{\"request\":{\"port\":\"443\"}}}",
		  "http.request.port: a whole number is needed here");
	check_bad("{\"type\":\"http.request\",\"http\":{\"request\":{\"port\":4.5}}}",
		  "whole number");
	check_bad("{\"type\":\"http.request\",\"http\":{\"request\":\"x\"}}",
		  "http.request: a map");
	check_bad("{\"type\":\"http.request\",\"event\":{}}", "unknown field 'event'");
	check_bad("{\"type\":\"http.request\",\"schema_version\":2}", "schema_version: 1");
	check_bad("{\"type\":\"http.request\",\"http.request\":{\"hosst\":\"x\"}}", "hosst");
	check_bad("{\"type\":\"http.request\",\"http\":{\"request\":{\"headers\":{\"A\":[],\"a\":[]"
		  "}}}}",
		  "'a' stands there twice");
	check_bad("{\"type\":\"http.request\",\"http\":{\"request\":{\"headers\":{\"A\":\"b\"}}}}",
		  "lists of text");
	check_bad("{\"type\":\"net.connect\",\"ip\":{\"address\":\"1.2.3\"}}", "an IP address");
	check_bad("{\"type\":\"net.connect\",\"common\":{\"time\":\"2026-13-01T00:00:00Z\"}}",
		  "a time");
	check_bad("{\"type\":\"process.exec\",\"process\":{\"activity\":{\"argv\":[1]}}}",
		  "a list of text");
	check_bad("{\"type\":\"http.request\",\"redacted\":[\"nothing\"]}",
		  "unknown field 'nothing'");
}

static void check_round(const char *text, unsigned flags, const char *want)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	struct json_wr w = json_wr_init(&out);
	struct err err = ERR_INIT;

	event_init(&event);
	if (event_parse_json(&event, str_of(text), &a, &err) < 0)
		fail_msg("%s", err.text);
	event_write_json(&event, flags, &w);
	assert_string_equal(buf_cstr(&out), want);
}

static void there_and_back(void **state)
{
	static const char all[] =
		"{\"type\":\"http.request\",\"common\":{\"event_type\":\"http.request\","
		"\"time\":\"2026-02-28T23:59:59.250000000Z\",\"labels\":{\"a\":\"b\"},"
		"\"process\":{\"pid\":7}},\"http\":{\"request\":{\"port\":443,"
		"\"headers\":{\"x-a\":[\"1\",\"2\"]},\"body\":{\"text\":\"t\",\"truncated\":true}},"
		"\"response\":{\"status\":200}},\"ip\":{\"address\":\"10.0.0.1\"}}";

	(void)state;
	check_round(all, EVENT_JSON_SENSITIVE, all);
	check_round(
		"{\"schema_version\":1,\"common\":{\"event_type\":\"dns.request\",\"vm_id\":null},"
		"\"dns\":{\"request\":{\"qname\":\"a.b\"}},\"http\":null}",
		0,
		"{\"type\":\"dns.query\",\"common\":{\"event_type\":\"dns.request\"},"
		"\"dns\":{\"request\":{\"qname\":\"a.b\"}}}");
	check_round(
		"{\"type\":\"http.request\",\"http\":{\"request\":{\"headers\":{\"X-A\":[\"1\"]},"
		"\"body\":{\"text\":\"secret\"}}},\"redacted\":[\"http.request.url\"]}",
		0,
		"{\"type\":\"http.request\",\"common\":{\"event_type\":\"http.request\"},"
		"\"redacted\":[\"http.request.headers\",\"http.request.body.text\"]}");
	check_round(
		"{\"type\":\"model.call\",\"model\":{\"request\":{\"tool_calls\":"
		"[{\"name\":\"x\",\"n\":[1,2.5,true,null]}]}}}",
		EVENT_JSON_SENSITIVE,
		"{\"type\":\"model.call\",\"common\":{\"event_type\":\"model.call\"},\"model\":{"
		"\"request\":{\"tool_calls\":[{\"name\":\"x\",\"n\":[1,2.5,true,null]}]}}}");
}

static void time_is_what_it_says(void **state)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
	struct err err = ERR_INIT;

	(void)state;
	event_init(&event);
	assert_int_equal(event_parse_json(&event,
					  STR("{\"type\":\"file.open\",\"common\":{\"time\":"
					      "\"2024-02-29T12:00:01.5Z\"}}"),
					  &a, &err),
			 0);
	assert_int_equal(event.value[EVENT_F_COMMON_TIME].i, 1709208001);
	assert_int_equal(event.value[EVENT_F_COMMON_TIME].nanos, 500000000);
}

static void headers_in_any_case(void **state)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
	const struct cel_value *v;
	struct err err = ERR_INIT;

	(void)state;
	event_init(&event);
	assert_int_equal(event_parse_json(&event,
					  STR("{\"type\":\"http.request\",\"http\":{\"request\":{"
					      "\"headers\":{\"Authorization\":[\"Bearer x\"]}}}}"),
					  &a, &err),
			 0);
	v = event_header(&event, EVENT_F_HTTP_REQUEST_HEADERS, STR("AUTHORIZATION"));
	assert_non_null(v);
	assert_int_equal(v->kind, CEL_LIST);
	assert_true(str_eqz(cel_str(v->items[0]), "Bearer x"));
	assert_null(event_header(&event, EVENT_F_HTTP_REQUEST_HEADERS, STR("AUTHORIZATIO")));
	assert_null(event_header(&event, EVENT_F_HTTP_RESPONSE_HEADERS, STR("AUTHORIZATION")));
}

/* Capsem's documents, where they are: each line's context is an event. */
static void capsem_contexts(void **state)
{
	static const char *const files[] = { "canonical-policy-contexts.jsonl",
					     "session-process-exec-block.jsonl" };
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		AUTO(freep) char *line = NULL;
		AUTO(file_closep) FILE *f = NULL;
		char path[4096];
		size_t cap = 0;
		ssize_t got;

		(void)snprintf(path, sizeof(path), "%s/data/policy-context/%s",
			       getenv("CAPSEM_DIR") ? getenv("CAPSEM_DIR") : CAPSEM_DIR, files[i]);
		f = fopen(path, "re");
		if (!f) {
			print_message("%s is not there: skipped\n", path);
			skip();
		}
		while ((got = getline(&line, &cap, f)) > 0) {
			AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
			const struct json *top;
			struct err err = ERR_INIT;

			assert_int_equal(
				json_parse(&a, (struct str){ line, (size_t)got }, &top, &err), 0);
			event_init(&event);
			if (event_read_json(&event, json_get(top, "context"), &a, &err) < 0)
				fail_msg("%s: %s", path, err.text);
			n++;
		}
	}
	assert_int_equal(n, 5);
}

/* Every path that Capsem's documents name, but for places inside headers and lists. */
static void capsem_paths(void **state)
{
	static const char *const paths[] = {
		"common.event_id",
		"common.source_engine",
		"common.enforceability",
		"common.attribution_scope",
		"common.origin_kind",
		"common.timestamp_unix_ms",
		"common.vm_id",
		"common.session_id",
		"common.profile_id",
		"common.user_id",
		"common.accounting_owner",
		"common.profile_revision",
		"common.actor",
		"common.labels",
		"common.process.cwd",
		"http.request.path_class",
		"http.request.bytes",
		"http.request.scheme",
		"http.response.status",
		"http.response.bytes",
		"http.request.body.text",
		"dns.request.qname",
		"mcp.request.arguments_status",
		"mcp.response.is_error",
		"model.request.api_family",
		"model.request.stream",
		"model.request.tool_calls",
		"model.response.tool_results",
		"file.activity.operation",
		"file.activity.path",
		"file.activity.path_class",
		"file.activity.byte_count",
		"process.activity.operation",
		"process.activity.command_class",
		"process.activity.argv",
		"profile.activity.operation",
		"profile.activity.profile_id",
		"model.request.estimated_cost_micros",
		"http.request.body.redaction_reason",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (event_field_find(str_of(paths[i])) == EVENT_FIELD_NONE)
			fail_msg("no %s", paths[i]);
	}
}

/* --- the page --- */

static void page_is_current(void **state)
{
	AUTO(file_closep) FILE *f = fopen(EVENTS_PAGE, "re");
	AUTO(freep) char *text = calloc(1, DOC_MAX);
	AUTO(buf_done) struct buf want = BUF_INIT(DOC_MAX);
	size_t n;

	(void)state;
	assert_non_null(f);
	assert_non_null(text);
	n = fread(text, 1, DOC_MAX - 1, f);
	event_doc(&want);
	assert_int_equal(buf_error(&want), 0);
	if (!str_eq((struct str){ text, n }, buf_str(&want)))
		fail_msg("docs/events.md is out of date: test_event --write docs/events.md");
}

static int write_page(const char *path)
{
	AUTO(file_closep) FILE *f = fopen(path, "we");
	AUTO(buf_done) struct buf b = BUF_INIT(DOC_MAX);

	event_doc(&b);
	return !f || buf_error(&b) || fwrite(b.p, 1, b.n, f) != b.n;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_stand_in_their_records),
		cmocka_unit_test(names_are_unique_and_no_field_is_a_group),
		cmocka_unit_test(groups_are_neighbours),
		cmocka_unit_test(types_by_pattern),
		cmocka_unit_test(sigma_names),
		cmocka_unit_test(begin_forgets),
		cmocka_unit_test(text_that_is_not_utf8_is_mended),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(time_is_what_it_says),
		cmocka_unit_test(headers_in_any_case),
		cmocka_unit_test(capsem_contexts),
		cmocka_unit_test(capsem_paths),
		cmocka_unit_test(page_is_current),
	};

	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		return write_page(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

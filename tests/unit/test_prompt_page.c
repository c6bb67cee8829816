/* Unit tests of sandbox/prompt_page: whatever is asked, on whatever terminal, the page stays a page. */
#include "base/own.h"
#include "codec/utf8.h"
#include "sandbox/prompt_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static char page_mem[PROMPT_PAGE_MAX];
static char big[ASK_OBJECT_MAX];

static struct ask ask_of(struct str object)
{
	return (struct ask){
		.id = 1,
		.type = EVENT_FILE_OPEN,
		.widest = RULE_ALWAYS,
		.has_wider = true,
		.what = STR("open for reading"),
		.object = object,
		.detail = object,
		.wider = object,
		.when = STR("file.activity.path == \"/w/a\""),
		.wider_when = STR("file.activity.path.under(\"/w\")"),
		.rule = STR("ask-me"),
		.where = STR("capsule.yaml:1:2"),
		.prompt = object,
		.n_ancestors = 2,
		.ancestors = { { 7, "cat\033[2J" }, { 3, "sh\n" } },
	};
}

static struct str draw(const struct ask *ask, const struct prompt_view *view)
{
	struct buf out = buf_fixed(page_mem, sizeof(page_mem));

	prompt_page(ask, view, &out);
	assert_int_equal(buf_error(&out), 0);
	return buf_str(&out);
}

/* Sequences: only those that place, clear and set attributes; text: printable, within the width. */
static void check_page(struct str page, const struct prompt_view *view)
{
	unsigned cols = 0;

	for (size_t i = 0; i < page.n;) {
		uint32_t point = 0;
		size_t n = utf8_next(page.p + i, page.n - i, &point);

		assert_true(n > 0);
		if (point == 033) {
			unsigned row = 0;
			size_t end = i + 2;

			assert_int_equal(page.p[i + 1], '[');
			while (strchr("0123456789;", page.p[end]))
				end++;
			assert_non_null(strchr("HKJm", page.p[end]));
			if (page.p[end] == 'H') {
				row = (unsigned)strtoul(page.p + i + 2, NULL, 10);
				assert_in_range(row, 1, view->rows);
				cols = 0;
			}
			i = end + 1;
			continue;
		}
		assert_true(point >= 0x20 && (point < 0x7f || point > 0xa0) && point != 0x202e);
		cols++;
		if (view->cols >= 100)
			assert_true(cols <= view->cols);
		i += n;
	}
}

static void pages_of_all_sizes(void **state)
{
	static const char hostile[] = "/w/\033[2J\n\r\342\200\256\233 \\x\007";
	struct ask small = ask_of(STR("/w/a")), bad, large, wordy;

	(void)state;
	memset(big, '\n', sizeof(big));
	bad = ask_of((struct str){ hostile, sizeof(hostile) - 1 });
	large = ask_of((struct str){ big, sizeof(big) });
	wordy = ask_of(STR("/w/a"));
	wordy.prompt = wordy.where = wordy.rule = (struct str){ big, 1000 };
	for (wordy.n_ancestors = 0; wordy.n_ancestors < ASK_ANCESTORS_MAX; wordy.n_ancestors++)
		memset(wordy.ancestors[wordy.n_ancestors].name, 1, 15);
	for (unsigned rows = PROMPT_ROWS_MIN; rows < 60; rows += 3) {
		for (unsigned cols = 20; cols < 220; cols += 13) {
			for (int flags = 0; flags < 4; flags++) {
				struct prompt_view view = { .rows = rows,
							    .cols = cols,
							    .open = 3,
							    .left_s = 57,
							    .wider = flags & 1,
							    .details = flags & 2,
							    .grants = "/g" };

				check_page(draw(&small, &view), &view);
				check_page(draw(&bad, &view), &view);
				check_page(draw(&large, &view), &view);
				check_page(draw(&wordy, &view), &view);
			}
		}
	}
}

/* The smallest still says what, on what, and how to answer. */
static void a_small_page_has_what_matters(void **state)
{
	struct prompt_view view = {
		.rows = PROMPT_ROWS_MIN, .cols = 60, .open = 1, .left_s = 9, .grants = "/g"
	};
	struct ask ask = ask_of(STR("/w/a"));
	struct buf text;
	const char *page;

	(void)state;
	ask.detail = (struct str){ 0 };
	text = (struct buf){ .p = page_mem,
			     .n = draw(&ask, &view).n,
			     .cap = sizeof(page_mem),
			     .max = sizeof(page_mem),
			     .fixed = true };
	page = buf_cstr(&text);
	assert_non_null(strstr(page, "open for reading"));
	assert_non_null(strstr(page, "/w/a"));
	assert_non_null(strstr(page, "[a] allow once"));
	assert_non_null(strstr(page, "[d] deny"));
}

static void keys_are_what_the_question_offers(void **state)
{
	struct ask ask = ask_of(STR("/w/a"));
	struct ask_reply r;
	unsigned answers = 0;

	(void)state;
	for (int key = 0; key < 256; key++)
		answers += prompt_key(&ask, (char)key, &r);
	assert_int_equal(answers, 5);
	assert_true(prompt_key(&ask, 'A', &r) && r.allow && r.scope == RULE_ALWAYS);
	assert_true(prompt_key(&ask, 'D', &r) && !r.allow && r.scope == RULE_SESSION);
	ask.widest = RULE_SESSION;
	assert_false(prompt_key(&ask, 'A', &r));
	ask.widest = RULE_ONCE;
	assert_false(prompt_key(&ask, 's', &r));
	assert_false(prompt_key(&ask, 'D', &r));
	assert_true(prompt_key(&ask, 'a', &r) && r.allow && r.scope == RULE_ONCE);
	assert_true(prompt_key(&ask, 'd', &r) && !r.allow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_all_sizes),
		cmocka_unit_test(a_small_page_has_what_matters),
		cmocka_unit_test(keys_are_what_the_question_offers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Two rules tie when nothing but the order in their files could say which of them goes first: same
 * phase, tier, priority and action. Where they would do different things to one event, that is a
 * mistake. Rules whose literals show that no event meets both do not tie.
 */
#include "engine/set.h"

#include "base/buf.h"
#include "base/own.h"

#include <errno.h>

#define WORK_MAX 100000000U /* comparisons of keys, in all */

bool rewrite_header(struct str text, struct str *ret_name, struct str *ret_value)
{
	const char *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
	size_t n = colon ? (size_t)(colon - text.p) : 0;

	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)text.p[i] <= ' ' || (unsigned char)text.p[i] >= 0x7f)
			return false;
	}
	for (size_t i = n; i < text.n; i++) {
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			return false;
	}
	*ret_name = str_sub(text, 0, n);
	for (n++; n < text.n && text.p[n] == ' '; n++)
		;
	*ret_value = str_sub(text, n, text.n);
	return true;
}

/* The header that a rewrite is about; all of them when none is named. */
static struct str header_of(const struct rule_rewrite *w)
{
	struct str name = { 0 }, value;

	if (w->op == RULE_STRIP_HEADER)
		return str_of(w->value);
	if (w->op == RULE_SET && w->value)
		(void)rewrite_header(str_of(w->value), &name, &value);
	return name;
}

static bool same_header(struct str a, struct str b)
{
	return a.n == 0 || b.n == 0 || (a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0);
}

bool rewrite_same_target(const struct rule_rewrite *a, const struct rule_rewrite *b)
{
	if (a->field != b->field)
		return false;
	return event_field_info[a->field].kind != EVENT_HEADERS ||
	       same_header(header_of(a), header_of(b));
}

static bool same_text(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

bool rewrite_conflict(const struct rule_rewrite *a, const struct rule_rewrite *b)
{
	return rewrite_same_target(a, b) && (a->op != b->op || !same_text(a->pattern, b->pattern) ||
					     !same_text(a->value, b->value));
}

/* What they would do differently, for the message; NULL: nothing. */
static const char *differ(const struct policy_rule *a, const struct policy_rule *b)
{
	if (a->action == RULE_ASK &&
	    (a->ask.timeout_ms != b->ask.timeout_ms || a->ask.scope != b->ask.scope))
		return "ask differently";
	for (size_t i = 0; a->action == RULE_REWRITE && i < a->n_rewrites; i++) {
		for (size_t j = 0; j < b->n_rewrites; j++) {
			if (rewrite_conflict(&a->rewrites[i], &b->rewrites[j]))
				return event_field_info[a->rewrites[i].field].name;
		}
	}
	return NULL;
}

/* How many keys are compared at worst. */
static uint64_t work_of(const struct index_terms *a, const struct index_terms *b)
{
	uint64_t x = 1, y = 1;

	for (uint32_t i = 0; i < a->n; i++)
		x += a->alternative[i].n;
	for (uint32_t i = 0; i < b->n; i++)
		y += b->alternative[i].n;
	return x * y;
}

static void tie(struct set_build *b, uint32_t x, uint32_t y)
{
	const struct set_rule *one = &b->set->rules[x], *two = &b->set->rules[y];
	AUTO(buf_done) struct buf where = BUF_INIT(4096);
	const char *what;

	if (!(one->rule.on & two->rule.on) || one->rule.phase != two->rule.phase)
		return;
	what = differ(&one->rule, &two->rule);
	if (!what || index_terms_apart(&b->set->terms[x], &b->set->terms[y]))
		return;
	engine_rule_where(&one->rule, &where);
	if (one->rule.action == RULE_ASK)
		set_problem(b, two, NULL, false,
			    "ties with rule '%s' (%s): both may ask of one event, with different "
			    "settings; give one a priority of its own",
			    one->rule.id, buf_cstr(&where));
	else
		set_problem(b, two, NULL, false,
			    "ties with rule '%s' (%s): both may rewrite %s of one event, "
			    "differently; give one a priority of its own",
			    one->rule.id, buf_cstr(&where), what);
}

/* The rules in order of precedence: those that may tie are neighbours. */
static int order_cmp(const void *pa, const void *pb)
{
	const struct set_rule *const *a = pa, *const *b = pb;

	return ((*a)->order > (*b)->order) - ((*a)->order < (*b)->order);
}

static bool may_tie(const struct set_rule *a, const struct set_rule *b)
{
	return a->order >> ORDER_ACTION_SHIFT == b->order >> ORDER_ACTION_SHIFT &&
	       (a->rule.action == RULE_ASK || a->rule.action == RULE_REWRITE);
}

int set_check_ties(struct set_build *b)
{
	struct engine_set *set = b->set;
	const struct set_rule **sorted = calloc(set->n + 1, sizeof(*sorted));
	uint64_t work = 0;

	if (!sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->n; i++)
		sorted[i] = &set->rules[i];
	qsort(sorted, set->n, sizeof(*sorted), order_cmp);
	for (uint32_t i = 0; i < set->n; i++) {
		for (uint32_t j = i + 1; j < set->n && may_tie(sorted[i], sorted[j]); j++) {
			uint32_t x = (uint32_t)(sorted[i] - set->rules);
			uint32_t y = (uint32_t)(sorted[j] - set->rules);

			work += 16 + work_of(&set->terms[x], &set->terms[y]);
			if (work > WORK_MAX) {
				set_problem(b, sorted[i], NULL, false,
					    "too many rules of one priority to tell whether they "
					    "tie; give them priorities");
				i = set->n;
				break;
			}
			tie(b, x < y ? x : y, x < y ? y : x);
		}
	}
	free(sorted);
	return 0;
}

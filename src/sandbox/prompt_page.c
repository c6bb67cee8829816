#include "sandbox/prompt_page.h"

#include "codec/inert.h"
#include "codec/utf8.h"

#define TITLE "\033[1;7m"
#define STRONG "\033[1m"
#define PLAIN "\033[0m"
#define INDENT 2
#define LABEL 9 /* columns of "asked by " and the like */

struct page {
	const struct prompt_view *view;
	struct buf *out;
	unsigned row; /* the next one, from 1 */
};

/* Begin the next line; false: there is none left. */
static bool line(struct page *p)
{
	if (p->row > p->view->rows)
		return false;
	buf_printf(p->out, "\033[%u;1H\033[2K", p->row++);
	return true;
}

/* An empty one, where there is room for such. */
static void gap(struct page *p)
{
	if (p->view->rows >= 16 || p->view->details)
		(void)line(p);
}

/* Text that is inert already, over as many lines as it takes. */
static void put_wrapped(struct page *p, unsigned indent, struct str text)
{
	size_t width = p->view->cols > indent + 20 ? p->view->cols - indent - 1 : 20, at = 0;

	while (at < text.n && line(p)) {
		size_t cols = 0, end = at;

		while (end < text.n) {
			uint32_t point = 0;
			size_t n = utf8_next(text.p + end, text.n - end, &point);
			size_t wide = point >= 0x1100 ? 2 : 1;

			if (!n || cols + wide > width)
				break;
			cols += wide;
			end += n;
		}
		buf_printf(p->out, "%*s", (int)indent, "");
		buf_put(p->out, text.p + at, end - at);
		if (end == at)
			break;
		at = end;
	}
}

/* What somebody else chose: in one line, or with .details in as many as it takes. */
static void put_foreign(struct page *p, unsigned indent, struct str text)
{
	char room[4 * ASK_OBJECT_MAX];
	struct buf shown = buf_fixed(room, sizeof(room));
	size_t width = p->view->cols > indent + 1 ? p->view->cols - indent - 1 : 1;

	if (!p->view->details) {
		if (!line(p))
			return;
		buf_printf(p->out, "%*s", (int)indent, "");
		inert_put(p->out, text, width < INERT_COLUMNS_MIN ? INERT_COLUMNS_MIN : width);
		return;
	}
	inert_put(&shown, text, 0);
	if (buf_error(&shown)) { /* all of it are escapes: then its two ends */
		shown = buf_fixed(room, sizeof(room));
		inert_put(&shown, text, 2000);
	}
	put_wrapped(p, indent, buf_str(&shown));
}

/* "rule     ask-me": the label is ours, the text is not. */
static void put_labelled(struct page *p, const char *label, struct str text)
{
	size_t width = p->view->cols > LABEL + INDENT + 1 ? p->view->cols - LABEL - INDENT - 1 : 1;

	if (!text.n || !line(p))
		return;
	buf_printf(p->out, "%*s%-*s", INDENT, "", LABEL, label);
	if (p->view->details)
		put_foreign(p, INDENT + LABEL, text);
	else
		inert_put(p->out, text, width);
}

static void put_title(struct page *p)
{
	const struct prompt_view *v = p->view;
	char left[32], right[64];
	int pad;

	if (!line(p))
		return;
	(void)snprintf(left, sizeof(left), " capsule asks");
	(void)snprintf(right, sizeof(right), "question 1 of %u, %llu s left ", v->open,
		       (unsigned long long)v->left_s);
	pad = (int)v->cols - (int)strlen(left) - (int)strlen(right);
	buf_printf(p->out, TITLE "%s%*s%s" PLAIN, left, pad > 1 ? pad : 1, "", right);
}

static void put_ancestors(struct page *p, const struct ask *ask)
{
	char room[ASK_ANCESTORS_MAX * 160];
	struct buf text = buf_fixed(room, sizeof(room));

	/* outermost first, as one reads it; a name may be anything and cannot pose as another's number */
	if (!ask->n_ancestors || !line(p))
		return;
	buf_printf(p->out, "%*s%-*s", INDENT, "", LABEL, "by");
	for (unsigned i = ask->n_ancestors; i-- > 0;) {
		buf_putz(&text, i + 1 < ask->n_ancestors ? " > " : "");
		buf_printf(&text, "%d ", ask->ancestors[i].pid);
		inert_put(&text, str_of(ask->ancestors[i].name), 0);
	}
	if (p->view->details) {
		put_wrapped(p, INDENT + LABEL, buf_str(&text));
		return;
	}
	if (text.n + LABEL + INDENT + 1 > p->view->cols) { /* the nearest one matters */
		buf_reset(&text);
		buf_printf(&text, "... > %d ", ask->ancestors[0].pid);
		inert_put(&text, str_of(ask->ancestors[0].name), 0);
	}
	buf_puts(p->out, buf_str(&text));
}

static void put_keys(struct page *p, const struct ask *ask)
{
	static const char *const for_session[] = { "", "   [s] for this session" };
	bool session = ask->widest >= RULE_SESSION, always = ask->widest == RULE_ALWAYS;

	if (line(p))
		buf_printf(p->out, "%*s" STRONG "[a] allow once%s%s" PLAIN, INDENT, "",
			   for_session[session], always ? "   [A] always" : "");
	if (line(p))
		buf_printf(p->out, "%*s" STRONG "[d] deny%s" PLAIN "   [?] %s", INDENT, "",
			   session ? "   [D] for this session" : "",
			   p->view->details ? "less" : "all of it");
	if (!session || !ask->has_wider || !line(p))
		return;
	buf_printf(p->out, "%*s[w] %s: ", INDENT, "", p->view->wider ? "now for" : "or for");
	inert_put(p->out, ask->wider, p->view->cols > 60 ? p->view->cols - 20 : INERT_COLUMNS_MIN);
}

/* The lines that would be written: ASCII, made by us; long ones are cut unless all is shown. */
static void put_grant(struct page *p, const struct ask *ask)
{
	char room[2 * GRANT_WHEN_MAX + 512];
	struct buf text = buf_fixed(room, sizeof(room));
	size_t at = 0;

	ask_put_grant(ask, p->view->wider && ask->has_wider, &text);
	if (!text.n || buf_error(&text))
		return;
	gap(p);
	put_foreign(p, INDENT, STR("[A] adds to your grants:"));
	while (at < text.n) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		size_t n = (end ? (size_t)(end - text.p) : text.n) - at;

		if (p->view->details)
			put_wrapped(p, INDENT, (struct str){ text.p + at, n });
		else if (line(p))
			buf_printf(p->out, "%*s%.*s%s", INDENT, "",
				   (int)(n + INDENT + 4 < p->view->cols ? n : p->view->cols - 8),
				   text.p + at, n + INDENT + 4 < p->view->cols ? "" : " ...");
		at += n + 1;
	}
	put_labelled(p, "file", str_of(p->view->grants));
}

void prompt_page(const struct ask *ask, const struct prompt_view *view, struct buf *out)
{
	struct page p = { .view = view, .out = out, .row = 1 };
	char rule[512];
	int n;

	put_title(&p);
	gap(&p);
	if (line(&p))
		buf_printf(out, "%*s%.*s", INDENT, "", STR_ARG(ask->what));
	buf_putz(out, STRONG);
	put_foreign(&p, INDENT + 2, ask->object);
	buf_putz(out, PLAIN);
	if (ask->detail.n)
		put_foreign(&p, INDENT + 2, ask->detail);
	gap(&p);
	put_keys(&p, ask);
	gap(&p);
	put_ancestors(&p, ask);
	n = snprintf(rule, sizeof(rule), "%.*s %.*s", (int)(ask->rule.n < 128 ? ask->rule.n : 128),
		     ask->rule.p, (int)(ask->where.n < 350 ? ask->where.n : 350), ask->where.p);
	put_labelled(&p, "rule", (struct str){ rule, (size_t)n });
	put_labelled(&p, "why", ask->prompt);
	put_grant(&p, ask);
	if (p.row <= view->rows)
		buf_printf(out, "\033[%u;1H\033[J", p.row);
}

bool prompt_key(const struct ask *ask, char key, struct ask_reply *ret)
{
	static const struct {
		char key;
		bool allow;
		enum rule_scope scope;
	} keys[] = {
		{ 'a', true, RULE_ONCE },  { 's', true, RULE_SESSION },  { 'A', true, RULE_ALWAYS },
		{ 'd', false, RULE_ONCE }, { 'D', false, RULE_SESSION },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].key != key || keys[i].scope > ask->widest)
			continue;
		*ret = (struct ask_reply){ .allow = keys[i].allow, .scope = keys[i].scope };
		return true;
	}
	return false;
}

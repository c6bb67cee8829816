/*
 * The line that is being read lies right behind the data of the event, so that the value of a data field is
 * moved forward by the few bytes of its name, and is data.
 */
#include "net/sse.h"

static const char bom[] = "\357\273\277";

void sse_init(struct sse *s, char *room, size_t cap)
{
	*s = (struct sse){ .room = room, .cap = cap };
}

static void set_name(struct sse_name *name, struct str value, bool cut)
{
	name->cut = cut || value.n > SSE_NAME_MAX;
	name->n = (uint8_t)(value.n > SSE_NAME_MAX ? SSE_NAME_MAX : value.n);
	memcpy(name->p, value.p, name->n);
}

static void take_data(struct sse *s, struct str value)
{
	bool joined = s->data;

	s->data_cut |= s->line_cut;
	s->data = true;
	/* the line's name took at least as many bytes as the LF between takes */
	memmove(s->room + s->data_n + joined, value.p, value.n);
	if (joined)
		s->room[s->data_n] = '\n';
	s->data_n += value.n + joined;
}

static void take_line(struct sse *s)
{
	struct str line = { s->room + s->data_n, s->line_n }, name = line, value;
	const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;

	if (colon)
		name = str_sub(line, 0, (size_t)(colon - line.p));
	value = str_sub(line, name.n + 1, line.n);
	if (value.n && value.p[0] == ' ')
		value = str_sub(value, 1, value.n);
	if (str_eqz(name, "data"))
		take_data(s, value);
	else if (str_eqz(name, "event"))
		set_name(&s->type, value, s->line_cut);
	else if (str_eqz(name, "id") && (value.n == 0 || !memchr(value.p, '\0', value.n)))
		set_name(&s->id, value, s->line_cut);
	else if (s->line_cut)
		s->data_cut = true; /* of what, nobody knows */
}

/* An empty line: is there an event? Everything is ready for the next. */
static bool take_event(struct sse *s, struct sse_event *ret)
{
	bool event = s->data;

	if (event) {
		*ret = (struct sse_event){
			.type = s->type.n ? (struct str){ s->type.p, s->type.n } : STR("message"),
			.id = { s->id.p, s->id.n },
			.data = { s->room, s->data_n },
			.cut = s->data_cut || s->type.cut || s->id.cut,
		};
	}
	s->data = s->data_cut = s->type.cut = false;
	s->data_n = s->type.n = 0;
	return event;
}

/* The end of a line; true: of an event. */
static bool end_line(struct sse *s, struct sse_event *ret)
{
	bool empty = s->line_n == 0 && !s->line_cut;

	if (!empty)
		take_line(s);
	s->line_n = 0;
	s->line_cut = false;
	return empty && take_event(s, ret);
}

static void put(struct sse *s, char c)
{
	if (s->data_n + s->line_n < s->cap)
		s->room[s->data_n + s->line_n++] = c;
	else
		s->line_cut = true;
}

/* The mark in front is no text; a part of one is. */
static bool is_bom(struct sse *s, char c)
{
	if (s->bom < 3 && c == bom[s->bom]) {
		s->bom = s->bom == 2 ? 4 : (uint8_t)(s->bom + 1);
		return true;
	}
	for (unsigned i = 0; i < s->bom; i++)
		put(s, bom[i]);
	s->bom = 4;
	return false;
}

int sse_next(struct sse *s, struct str in, size_t *ret_used, struct sse_event *ret)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		bool after_cr = s->after_cr;

		s->after_cr = c == '\r';
		if ((s->bom < 4 && is_bom(s, c)) || (c == '\n' && after_cr))
			continue;
		if (c != '\r' && c != '\n') {
			put(s, c);
		} else if (end_line(s, ret)) {
			*ret_used = i + 1;
			return 1;
		}
	}
	*ret_used = in.n;
	return 0;
}

#include "event/event.h"

#include "base/buf.h"
#include "codec/utf8.h"

#include <string.h>

static const struct cel_error unset = { .code = CEL_E_UNBOUND,
					.text = "this event has no such value" };

static const struct cel_value unset_value = { .kind = CEL_ERROR, .error = &unset };

void event_init(struct event *e)
{
	e->type = EVENT_TYPE_N;
	e->damaged = false;
	e->n_mended = 0;
	memset(e->set, 0, sizeof(e->set));
	for (int f = 0; f < EVENT_FIELD_N; f++)
		e->value[f] = unset_value;
}

void event_unset(struct event *e, enum event_field f)
{
	e->value[f] = unset_value;
	e->set[f / 64] &= ~(UINT64_C(1) << (f % 64));
}

void event_begin(struct event *e, enum event_type type)
{
	for (unsigned w = 0; w < EVENT_WORDS; w++) {
		for (uint64_t left = e->set[w]; left; left &= left - 1)
			e->value[w * 64 + (unsigned)__builtin_ctzll(left)] = unset_value;
		e->set[w] = 0;
	}
	e->type = type;
	e->damaged = false;
	e->n_mended = 0;
	event_set_str(e, EVENT_F_COMMON_EVENT_TYPE, str_of(event_type_info[type].name));
}

/* Does the value point into @from itself? Then into the copy. */
static void relocate(struct event *to, const struct event *from, int f)
{
	struct cel_value *v = &to->value[f];

	if (v->kind == CEL_IP && v->addr == &from->addr)
		v->addr = &to->addr;
	else if (v->kind == CEL_STRING && v->p >= from->mended &&
		 v->p < from->mended + sizeof(from->mended))
		v->p = to->mended + (v->p - from->mended);
}

void event_copy(struct event *to, const struct event *from)
{
	to->type = from->type;
	to->damaged = from->damaged;
	to->addr = from->addr;
	to->n_mended = from->n_mended;
	memcpy(to->set, from->set, sizeof(to->set));
	memcpy(to->value, from->value, sizeof(to->value));
	memcpy(to->mended, from->mended, from->n_mended);
	for (int f = 0; f < EVENT_FIELD_N; f++)
		relocate(to, from, f);
}

/* Length of the longest beginning of @s that is UTF-8. */
static size_t utf8_valid(struct str s)
{
	size_t at = 0;

	while (at < s.n) {
		uint32_t c;
		size_t len = (unsigned char)s.p[at] < 0x80 ? 1 : utf8_next(s.p + at, s.n - at, &c);

		if (len == 0)
			break;
		at += len;
	}
	return at;
}

void event_set_text(struct event *e, enum event_field f, struct str s)
{
	static const char mark[] = "\xef\xbf\xbd";
	struct buf out = buf_fixed(e->mended + e->n_mended, sizeof(e->mended) - e->n_mended);
	size_t good = utf8_valid(s);

	if (good == s.n && s.n <= UINT32_MAX) {
		event_set_str(e, f, s);
		return;
	}
	for (;;) {
		buf_put(&out, s.p, good);
		s = str_sub(s, good, s.n);
		if (s.n == 0 || buf_error(&out))
			break;
		buf_put(&out, mark, sizeof(mark) - 1);
		s = str_sub(s, 1, s.n);
		good = utf8_valid(s);
	}
	if (buf_error(&out))
		e->damaged = true;
	event_set_str(e, f, buf_str(&out));
	e->n_mended += (uint32_t)out.n;
}

void event_set_ip(struct event *e, const struct cel_addr *addr, struct str text)
{
	e->addr = *addr;
	event_set(e, EVENT_F_IP_ADDRESS, (struct cel_value){ .kind = CEL_IP, .addr = &e->addr });
	event_set_str(e, EVENT_F_IP_VALUE, text);
	event_set_int(e, EVENT_F_IP_VERSION, addr->family);
}

static bool same_name(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		unsigned char x = (unsigned char)a.p[i], y = (unsigned char)b.p[i];

		x |= x >= 'A' && x <= 'Z' ? 0x20 : 0;
		y |= y >= 'A' && y <= 'Z' ? 0x20 : 0;
		if (x != y)
			return false;
	}
	return true;
}

const struct cel_value *event_header(const struct event *e, enum event_field f, struct str name)
{
	struct cel_value map = e->value[f];

	for (uint32_t i = 0; map.kind == CEL_MAP && i < map.n; i++) {
		if (same_name(cel_str(map.entries[i].key), name))
			return &map.entries[i].value;
	}
	return NULL;
}

#include "audit/line.h"

#include "base/cur.h"
#include "codec/blake3.h"

#include <errno.h>

/* By arithmetic and not from a table, so that the compiler can do sixteen at once. */
void hex_put(char *restrict to, const uint8_t *restrict p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t hi = p[i] >> 4, lo = p[i] & 15;

		to[2 * i] = (char)(hi + '0' + (hi > 9 ? 'a' - '0' - 10 : 0));
		to[2 * i + 1] = (char)(lo + '0' + (lo > 9 ? 'a' - '0' - 10 : 0));
	}
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool hex_is(struct str s, size_t digits)
{
	if (s.n != digits)
		return false;
	for (size_t i = 0; i < digits; i++)
		if (nibble(s.p[i]) < 0)
			return false;
	return true;
}

int hex_parse(struct str s, uint8_t *out, size_t n)
{
	if (!hex_is(s, 2 * n))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(nibble(s.p[2 * i]) << 4 | nibble(s.p[2 * i + 1]));
	return 0;
}

static bool type_is_valid(struct str type)
{
	if (type.n == 0 || type.n > LINE_TYPE_MAX)
		return false;
	for (size_t i = 0; i < type.n; i++) {
		char c = type.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		      c == '-'))
			return false;
	}
	return true;
}

int line_head_parse(struct str line, struct line_head *ret_head)
{
	struct cur c = cur_init(line.p, line.n);
	struct line_head h;
	struct str seq, prev, sid, time;
	int64_t ns;

	if (line.n == 0 || line.n >= LINE_BYTES_MAX || line.p[line.n - 1] != '}')
		return -EBADMSG;
	cur_expect(&c, STR("{\"seq\":"));
	seq = cur_until(&c, ',');
	cur_expect(&c, STR("\"sid\":\""));
	sid = cur_str(&c, LINE_SID);
	cur_expect(&c, STR("\",\"time\":\""));
	time = cur_str(&c, LINE_TIME);
	cur_expect(&c, STR("\",\"prev\":\""));
	prev = cur_str(&c, LINE_HASH);
	cur_expect(&c, STR("\",\"type\":\""));
	h.type = cur_until(&c, '"');
	if (cur_error(&c) || c.n == 0 || (c.p[0] != ',' && (c.p[0] != '}' || c.n != 1)))
		return -EBADMSG;
	if ((seq.n > 1 && seq.p[0] == '0') || str_to_u64(seq, &h.seq) < 0 ||
	    !hex_is(sid, LINE_SID) || !hex_is(prev, LINE_HASH) || !type_is_valid(h.type) ||
	    line_time_parse(time, &ns) < 0)
		return -EBADMSG;
	h.sid = sid.p;
	h.time = time.p;
	h.prev = prev.p;
	h.n = line.n - c.n;
	*ret_head = h;
	return 0;
}

static char *put_literal(char *to, struct str s)
{
	memcpy(to, s.p, s.n);
	return to + s.n;
}

size_t line_head_put(char *to, const struct line_head *head)
{
	char digits[20], *start = to;
	size_t at = sizeof(digits);
	uint64_t seq = head->seq;

	do {
		digits[--at] = (char)('0' + seq % 10);
		seq /= 10;
	} while (seq);

	to = put_literal(to, STR("{\"seq\":"));
	to = put_literal(to, (struct str){ digits + at, sizeof(digits) - at });
	to = put_literal(to, STR(",\"sid\":\""));
	to = put_literal(to, (struct str){ head->sid, LINE_SID });
	to = put_literal(to, STR("\",\"time\":\""));
	to = put_literal(to, (struct str){ head->time, LINE_TIME });
	to = put_literal(to, STR("\",\"prev\":\""));
	to = put_literal(to, (struct str){ head->prev, LINE_HASH });
	to = put_literal(to, STR("\",\"type\":\""));
	to = put_literal(to, head->type);
	*to++ = '"';
	return (size_t)(to - start);
}

/* The Gregorian calendar by eras of 400 years, a year starting in March. */
static void civil_from_days(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	unsigned yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (unsigned)(y - era * 400);
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + (int64_t)doe - 719468;
}

static void put_number(char *to, uint64_t value, size_t digits)
{
	while (digits > 0) {
		to[--digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

void line_time_put(char to[LINE_TIME], const struct timespec *ts)
{
	int64_t sec = ts->tv_sec, days = sec / 86400, y;
	unsigned m, d, rest;

	if (sec % 86400 < 0)
		days--;
	rest = (unsigned)(sec - days * 86400);
	civil_from_days(days, &y, &m, &d);
	memcpy(to, "0000-00-00T00:00:00.000000000Z", LINE_TIME);
	put_number(to, y < 0 || y > 9999 ? 0 : (uint64_t)y, 4);
	put_number(to + 5, m, 2);
	put_number(to + 8, d, 2);
	put_number(to + 11, rest / 3600, 2);
	put_number(to + 14, rest / 60 % 60, 2);
	put_number(to + 17, rest % 60, 2);
	put_number(to + 20, (uint64_t)ts->tv_nsec, 9);
}

static bool get_number(const char *p, size_t digits, unsigned max, unsigned *ret)
{
	unsigned value = 0;

	for (size_t i = 0; i < digits; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		value = value * 10 + (unsigned)(p[i] - '0');
	}
	*ret = value;
	return value <= max;
}

int line_time_parse(struct str s, int64_t *ret_ns)
{
	static const char shape[] = "0000-00-00T00:00:00.000000000Z";
	unsigned y, mo, d, h, mi, sec, ns;

	if (s.n != LINE_TIME)
		return -EBADMSG;
	for (size_t i = 0; i < LINE_TIME; i++)
		if (shape[i] != '0' && s.p[i] != shape[i])
			return -EBADMSG;
	if (!get_number(s.p, 4, 9999, &y) || !get_number(s.p + 5, 2, 12, &mo) ||
	    !get_number(s.p + 8, 2, 31, &d) || !get_number(s.p + 11, 2, 23, &h) ||
	    !get_number(s.p + 14, 2, 59, &mi) || !get_number(s.p + 17, 2, 59, &sec) ||
	    !get_number(s.p + 20, 9, 999999999, &ns) || mo == 0 || d == 0)
		return -EBADMSG;
	/* beyond the years that 64 bits of nanoseconds reach: the nearest they do */
	y = y < 1680 ? 1680 : y > 2260 ? 2260 : y;
	*ret_ns = ((days_from_civil(y, mo, d) * 24 + h) * 60 + mi) * INT64_C(60000000000) +
		  (int64_t)sec * 1000000000 + ns;
	return 0;
}

static void id_of(struct str domain, const uint8_t public[ED25519_PUBLIC], char *id, size_t digits)
{
	uint8_t hash[BLAKE3_OUT];
	struct blake3 b;

	blake3_init(&b);
	blake3_update(&b, domain.p, domain.n);
	blake3_update(&b, public, ED25519_PUBLIC);
	blake3_final(&b, hash);
	hex_put(id, hash, digits / 2);
	id[digits] = '\0';
}

void session_id_of(const uint8_t public[ED25519_PUBLIC], char id[SESSION_ID + 1])
{
	id_of(STR("capsule session id v1\n"), public, id, SESSION_ID);
}

void install_id_of(const uint8_t public[ED25519_PUBLIC], char id[INSTALL_ID + 1])
{
	id_of(STR("capsule install id v1\n"), public, id, INSTALL_ID);
}

void certificate_text(struct buf *out, struct str install, struct str session,
		      const uint8_t public[ED25519_PUBLIC], struct str time)
{
	buf_puts(out, STR("capsule session certificate v1\ninstall "));
	buf_puts(out, install);
	buf_puts(out, STR("\nsession "));
	buf_puts(out, session);
	buf_puts(out, STR("\nkey "));
	buf_put_hex(out, public, ED25519_PUBLIC);
	buf_puts(out, STR("\ntime "));
	buf_puts(out, time);
	buf_putc(out, '\n');
}

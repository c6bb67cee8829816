/*
 * vt - theory of operation.
 *
 * The danger in a filter is that the terminal reads the bytes differently than the filter does.
 * Three rules keep that from mattering, whatever the terminal is:
 *
 *  1. No ESC leaves here unless the whole sequence that it begins has been seen and approved. A
 *     sequence is kept in seq[] until its end; an ESC inside it starts over. The one exception, a
 *     picture (sixel), is streamed with every byte outside printable ASCII taken out.
 *  2. No other byte can begin a sequence: C1 controls (80-9F) never leave, neither raw, nor as
 *     UTF-8 (C2 80 - C2 9F), nor overlong; and what would make the terminal leave UTF-8, or leave
 *     VT emulation altogether (ESC % @, VT52 and Tektronix modes), is dropped.
 *  3. Unknown means dropped: the tables list what passes.
 *
 * So the terminal may be in any state at all: an ESC it gets starts a sequence that is harmless.
 * Controls in the middle of a sequence (a newline inside CSI is legal and acts at once) are emitted
 * before it, which is the same thing for the terminal and keeps sequences whole.
 *
 * UTF-8 is checked byte by byte (Unicode 15, table 3-7) only to know which of the bytes 80-9F are
 * part of a character; other malformed bytes pass, they are the terminal's to show.
 */
#include "codec/vt.h"

#include <string.h>

#define ESC 0x1b
#define REPLACEMENT "\xef\xbf\xbd"

/* Control characters that pass: BEL BS HT LF VT FF CR SO SI, and NUL as ever ignored. Not ENQ,
 * which makes a terminal type its answerback; not XON/XOFF. */
#define C0_PASS UINT32_C(0x0000ff81)

/*
 * What passes, by the bytes around the parameters: prefix ('?', '>', '<', '=' or none),
 * intermediate (or none), and any of these final bytes.
 */
struct vt_csi_row {
	char prefix, inter;
	const char *finals;
};

static const struct vt_csi_row csi_pass[] = {
	{ 0, 0, "@ABCDEFGHIJKLMPSTXZ`abdefghjklmrsu" }, /* h, l: see csi_mode_bad() */
	{ '?', 0, "hlJKW" }, /* not r, s: they set modes from what was kept, unseen */
	{ '>', 0, "mnpu" },  /* keyboard and pointer modes; '>' c and q ask */
	{ '<', 0, "u" },
	{ '=', 0, "u" },
	{ 0, ' ', "q@A" },
	{ 0, '!', "p" },
	{ 0, '"', "q" },
	{ 0, '$', "rtvxz{" },
	{ 0, '\'', "}~" },
	{ 0, '#', "pqPQ{}" },
};

/* ESC and one byte; charsets (ESC ( B and so on) are handled apart. */
static const char esc_pass[] = "78=>DEHMNOcno|}~\\";

/*
 * Operating system commands that pass. @ask: a '?' anywhere in it asks for a value back. Not here,
 * among others: 50 (fonts, answers), 52 (clipboard), 46 (log file), 51 (editor's remote calls),
 * 1337 (files, clipboard, scripts), 60-61 (answers).
 */
struct vt_osc_row {
	uint16_t first, last;
	bool ask;
	const char *start; /* the text after the number must begin so; NULL: any */
};

static const struct vt_osc_row osc_pass[] = {
	{ 0, 2, false, NULL },                                /* titles */
	{ 4, 5, true, NULL },                                 /* palette */
	{ 7, 8, false, NULL },                                /* working directory, hyperlinks */
	{ 9, 9, false, "4;" },                                /* progress */
	{ 10, 19, true, NULL },                               /* colours */
	{ 22, 22, true, NULL },                               /* pointer shape */
	{ 104, 105, false, NULL },                            /* back to normal */
	{ 110, 119, false, NULL }, { 133, 133, false, NULL }, /* prompt marks */
};

/* Private modes to put back at the end; @normal is how a terminal is when a program starts. */
struct vt_mode {
	uint16_t number;
	bool normal;
	bool reports; /* the terminal sends by itself while it is not normal */
};

static const struct vt_mode vt_modes[] = {
	{ 1, false, false },    { 9, false, true },     { 25, true, false },
	{ 47, false, false },   { 1000, false, true },  { 1001, false, true },
	{ 1002, false, true },  { 1003, false, true },  { 1004, false, true },
	{ 1005, false, true },  { 1006, false, true },  { 1007, false, false },
	{ 1015, false, true },  { 1016, false, true },  { 1047, false, false },
	{ 1049, false, false }, { 2004, false, false }, { 2026, false, false },
	{ 2031, false, true },  { 2048, false, true },
};

#define N_ROWS(table) (sizeof(table) / sizeof((table)[0]))

_Static_assert(N_ROWS(vt_modes) <= VT_MODES, "one bit of vt.modes each");

/* A control sequence, taken apart. */
struct vt_csi {
	char prefix, inter, final;
	struct str params;
};

void vt_init(struct vt *vt, bool eight_bit)
{
	memset(vt, 0, offsetof(struct vt, seq));
	vt->eight_bit = eight_bit;
}

static void seq_start(struct vt *vt, enum vt_state state)
{
	vt->state = state;
	vt->string_esc = false;
}

static void seq_put(struct vt *vt, uint8_t c)
{
	if (vt->n < sizeof(vt->seq))
		vt->seq[vt->n++] = c;
	else
		vt->overlong = true;
}

static void seq_clear(struct vt *vt)
{
	vt->n = 0;
	vt->overlong = false;
	seq_start(vt, VT_GROUND);
}

static void seq_finish(struct vt *vt, bool pass, struct buf *out)
{
	if (pass && !vt->overlong)
		buf_put(out, vt->seq, vt->n);
	else
		vt->dropped++;
	seq_clear(vt);
}

/* The next decimal parameter of @params, 0 when empty; @params moves past it and its ';'. */
static uint32_t param_next(struct str *params)
{
	uint32_t value = 0;
	size_t i = 0;

	for (; i < params->n && params->p[i] != ';'; i++) {
		char c = params->p[i];

		if (c >= '0' && c <= '9' && value < 1000000)
			value = value * 10 + (uint32_t)(c - '0');
	}
	*params = str_sub(*params, i + 1, params->n);
	return value;
}

static void reply_put(struct vt *vt, const struct vt_csi *csi, struct buf *reply)
{
	struct str params = csi->params;
	uint32_t first = param_next(&params);

	if (!reply || csi->inter)
		return;
	if (csi->final == 'c' && !csi->prefix && first == 0)
		buf_putz(reply, "\033[?62;22c");
	else if (csi->final == 'c' && csi->prefix == '>' && first == 0)
		buf_putz(reply, "\033[>0;0;0c");
	else if (csi->final == 'n' && !csi->prefix && first == 5)
		buf_putz(reply, "\033[0n");
	else if (csi->final == 'n' && !csi->prefix && first == 6)
		buf_printf(reply, "\033[%u;1R", vt->rows ? vt->rows : 24U);
}

/*
 * Modes that must not be set: the keyboard locked (2), VT52 (?2 reset), Tektronix (?38): other
 * emulations, other sequences.
 */
static bool csi_mode_bad(const struct vt_csi *csi)
{
	struct str params = csi->params;

	while (params.n) {
		uint32_t mode = param_next(&params);

		if (!csi->prefix && mode == 2 && csi->final == 'h')
			return true;
		if (csi->prefix && (mode == 38 || (mode == 2 && csi->final == 'l')))
			return true;
	}
	return false;
}

static void csi_modes_note(struct vt *vt, const struct vt_csi *csi)
{
	struct str params = csi->params;
	bool on = csi->final == 'h';

	while (params.n) {
		uint32_t mode = param_next(&params);

		for (unsigned i = 0; i < N_ROWS(vt_modes); i++) {
			if (vt_modes[i].number != mode)
				continue;
			if (on == vt_modes[i].normal)
				vt->modes &= ~(UINT32_C(1) << i);
			else
				vt->modes |= UINT32_C(1) << i;
		}
	}
}

/* Take seq[] apart; false: not of the form ESC [ prefix? parameters intermediate? final. */
static bool csi_parse(const struct vt *vt, struct vt_csi *ret_csi)
{
	struct str s = { .p = (const char *)vt->seq + 2, .n = vt->n - 3 };
	struct vt_csi csi = { .final = (char)vt->seq[vt->n - 1] };
	size_t n = 0;

	if (s.n && s.p[0] >= '<' && s.p[0] <= '?') {
		csi.prefix = s.p[0];
		s = str_sub(s, 1, s.n);
	}
	while (n < s.n && s.p[n] >= '0' && s.p[n] <= ';')
		n++;
	csi.params = str_sub(s, 0, n);
	if (n < s.n && s.p[n] >= ' ' && s.p[n] <= '/')
		csi.inter = s.p[n++];
	*ret_csi = csi;
	return n == s.n;
}

static bool csi_passes(struct vt *vt, const struct vt_csi *csi)
{
	if (csi->final == 't' && !csi->prefix && !csi->inter) {
		struct str params = csi->params;
		uint32_t op = param_next(&params);

		return op == 22 || op == 23; /* keep and put back the title; the rest asks or moves
						windows */
	}
	for (size_t i = 0; i < N_ROWS(csi_pass); i++) {
		const struct vt_csi_row *row = &csi_pass[i];

		if (row->prefix != csi->prefix || row->inter != csi->inter ||
		    !strchr(row->finals, csi->final))
			continue;
		if ((csi->final != 'h' && csi->final != 'l') || csi->inter)
			return true;
		if (csi_mode_bad(csi))
			return false;
		if (csi->prefix == '?')
			csi_modes_note(vt, csi);
		return true;
	}
	return false;
}

static void csi_finish(struct vt *vt, struct buf *out, struct buf *reply)
{
	struct vt_csi csi;
	bool pass = false;

	if (!vt->overlong && csi_parse(vt, &csi)) {
		pass = csi_passes(vt, &csi);
		if (!pass)
			reply_put(vt, &csi, reply);
	}
	seq_finish(vt, pass, out);
}

/* What may follow a UTF-8 lead byte (Unicode 15, table 3-7); 0 left: not a lead byte. */
static void utf8_lead(struct vt_utf8 *u, uint8_t c)
{
	u->lo = 0x80;
	u->hi = 0xbf;
	u->left = c >= 0xc2 && c <= 0xdf   ? 1
		  : c >= 0xe0 && c <= 0xef ? 2
		  : c >= 0xf0 && c <= 0xf4 ? 3
					   : 0;
	if (c == 0xe0)
		u->lo = 0xa0;
	else if (c == 0xed)
		u->hi = 0x9f;
	else if (c == 0xf0)
		u->lo = 0x90;
	else if (c == 0xf4)
		u->hi = 0x8f;
}

/* Whole characters only, and no C1 control among them, in whatever coding. */
static bool text_clean(struct str s, bool eight_bit)
{
	struct vt_utf8 u = { .left = 0 };

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if (eight_bit) {
			if (c >= 0x80 && c < 0xa0)
				return false;
			continue;
		}
		if (u.left) {
			if (c < u.lo || c > u.hi)
				return false;
			u.left--;
			u.lo = 0x80;
			u.hi = 0xbf;
			continue;
		}
		utf8_lead(&u, c);
		if (c >= 0x80 && !u.left)
			return false;
		if (c == 0xc2) /* C2 80 - C2 9F are the C1 controls */
			u.lo = 0xa0;
	}
	return u.left == 0;
}

static bool osc_passes(const struct vt *vt)
{
	struct str s = { .p = (const char *)vt->seq + 2, .n = vt->n - 2 };
	uint32_t number = 0;
	size_t i = 0;

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && number < 100000; i++)
		number = number * 10 + (uint32_t)(s.p[i] - '0');
	if (i == 0 || (i < s.n && s.p[i] != ';'))
		return false;
	s = str_sub(s, i + 1, s.n);
	if (!text_clean(s, vt->eight_bit))
		return false;
	for (size_t k = 0; k < N_ROWS(osc_pass); k++) {
		const struct vt_osc_row *row = &osc_pass[k];

		if (number < row->first || number > row->last)
			continue;
		if (row->ask && s.n && memchr(s.p, '?', s.n))
			return false;
		return !row->start || str_starts(s, str_of(row->start));
	}
	return false;
}

/* A string ends, properly or because something else began: it is closed for the terminal anyway. */
static void string_finish(struct vt *vt, struct buf *out)
{
	if (vt->state == VT_SIXEL) {
		buf_putz(out, "\033\\");
		seq_clear(vt);
		return;
	}
	if (vt->state == VT_OSC && !vt->overlong && osc_passes(vt)) {
		buf_put(out, vt->seq, vt->n);
		buf_putz(out, "\033\\");
		seq_clear(vt);
		return;
	}
	seq_finish(vt, false, out);
}

/* The byte after ESC, or after ESC and an intermediate such as '('. */
static void esc_byte(struct vt *vt, uint8_t c, struct buf *out, struct buf *reply)
{
	bool first = vt->n == 1;

	seq_put(vt, c);
	if (c >= 0x20 && c <= 0x2f)
		return;
	if (!first) {
		/* charsets, line sizes; but not "8-bit answers" and not "leave UTF-8" */
		bool bad = (vt->seq[1] == ' ' && c != 'F') || (vt->seq[1] == '%' && c != 'G');

		seq_finish(vt, !bad && vt->n <= 4, out);
		return;
	}
	switch (c) {
	case '[': seq_start(vt, VT_CSI); return;
	case ']': seq_start(vt, VT_OSC); return;
	case 'P': seq_start(vt, VT_DCS); return;
	case 'X':
	case '^':
	case '_': seq_start(vt, VT_SWALLOW); return;
	case 'Z':
		if (reply)
			buf_putz(reply, "\033[?62;22c");
		break;
	default: break;
	}
	seq_finish(vt, strchr(esc_pass, c) != NULL, out);
}

/* Only pictures: "ESC P parameters q". Requests, macros, keys, pass-through do not. */
static void dcs_byte(struct vt *vt, uint8_t c, struct buf *out)
{
	seq_put(vt, c);
	if ((c >= '0' && c <= '9') || c == ';')
		return;
	if (c == 'q' && !vt->overlong) {
		buf_put(out, vt->seq, vt->n);
		seq_clear(vt);
		seq_start(vt, VT_SIXEL);
		return;
	}
	seq_start(vt, VT_SWALLOW);
}

static void string_byte(struct vt *vt, uint8_t c, struct buf *out)
{
	switch (vt->state) {
	case VT_OSC: seq_put(vt, c); break;
	case VT_DCS: dcs_byte(vt, c, out); break;
	case VT_SIXEL:
		if (c < 0x7f)
			buf_putc(out, (char)c);
		break;
	default: break;
	}
}

/* Controls act wherever they stand, ESC aside. True: @c was one and is done with. */
static bool control_byte(struct vt *vt, uint8_t c, struct buf *out)
{
	bool in_string = vt->state >= VT_OSC;

	if (c == 0x18 || c == 0x1a) { /* CAN, SUB: cancel */
		if (in_string)
			string_finish(vt, out);
		else if (vt->state != VT_GROUND)
			seq_finish(vt, false, out);
		return true;
	}
	if (c == 0x07 && in_string && vt->state != VT_SIXEL) {
		string_finish(vt, out);
		return true;
	}
	if (c >= 0x20)
		return false;
	if (in_string)
		return true; /* of no meaning there */
	if (C0_PASS >> c & 1)
		buf_putc(out, (char)c);
	return true;
}

/* A byte of text, 0x20 and up. */
static void text_byte(struct vt *vt, uint8_t c, struct buf *out)
{
	bool continues = vt->utf8.left && c >= vt->utf8.lo && c <= vt->utf8.hi;

	if (vt->eight_bit) {
		if (c < 0x80 || c >= 0xa0)
			buf_putc(out, (char)c);
		return;
	}
	if (vt->held_c2) {
		vt->held_c2 = false;
		if (continues && c < 0xa0) { /* a C1 control */
			vt->utf8.left = 0;
			vt->dropped++;
			return;
		}
		buf_putc(out, (char)0xc2);
	}
	if (continues) {
		vt->utf8.left--;
		vt->utf8.lo = 0x80;
		vt->utf8.hi = 0xbf;
		buf_putc(out, (char)c);
		return;
	}
	utf8_lead(&vt->utf8, c);
	vt->held_c2 = c == 0xc2;
	if (vt->held_c2)
		return;
	if (c >= 0x80 && c < 0xa0)
		buf_putz(out, REPLACEMENT);
	else
		buf_putc(out, (char)c);
}

static void text_break(struct vt *vt, struct buf *out)
{
	if (vt->held_c2)
		buf_putc(out, (char)0xc2);
	vt->held_c2 = false;
	vt->utf8.left = 0;
}

static void seq_byte(struct vt *vt, uint8_t c, struct buf *out, struct buf *reply)
{
	if (c >= 0x7f) { /* no part of any sequence: it ends here; DEL is ignored */
		if (c == 0x7f)
			return;
		seq_finish(vt, false, out);
		text_byte(vt, c, out);
		return;
	}
	if (vt->state == VT_ESC) {
		esc_byte(vt, c, out, reply);
		return;
	}
	seq_put(vt, c);
	if (c < 0x40)
		return;
	if (vt->n < 3) /* overlong and cut: cannot be, but csi_parse() relies on it */
		vt->overlong = true;
	csi_finish(vt, out, reply);
}

static void vt_byte(struct vt *vt, uint8_t c, struct buf *out, struct buf *reply)
{
	if (vt->state == VT_GROUND && c >= 0x20) {
		text_byte(vt, c, out);
		return;
	}
	text_break(vt, out);
	if (c == ESC) {
		if (vt->state >= VT_OSC) {
			vt->string_esc = true;
			return;
		}
		if (vt->state != VT_GROUND)
			seq_finish(vt, false, out);
		seq_put(vt, ESC);
		seq_start(vt, VT_ESC);
		return;
	}
	if (vt->string_esc) { /* ESC inside a string: '\' ends it, anything else replaces it */
		string_finish(vt, out);
		if (c == '\\')
			return;
		seq_put(vt, ESC);
		seq_start(vt, VT_ESC);
	}
	if (control_byte(vt, c, out))
		return;
	if (vt->state >= VT_OSC)
		string_byte(vt, c, out);
	else
		seq_byte(vt, c, out, reply);
}

void vt_feed(struct vt *vt, const void *p, size_t n, struct buf *out, struct buf *reply)
{
	const uint8_t *c = p, *end = c + n;

	while (c < end) {
		const uint8_t *run = c;

		/* the usual case, plain text, goes through in one piece */
		if (vt->state == VT_GROUND && !vt->utf8.left) {
			while (c < end && *c >= 0x20 && *c < 0x80)
				c++;
			if (c > run) {
				buf_put(out, run, (size_t)(c - run));
				continue;
			}
		}
		vt_byte(vt, *c++, out, reply);
	}
}

void vt_end(struct vt *vt, struct buf *out)
{
	text_break(vt, out);
	if (vt->state == VT_SIXEL)
		string_finish(vt, out);
	else if (vt->state != VT_GROUND)
		seq_finish(vt, false, out);
	for (unsigned i = 0; i < N_ROWS(vt_modes); i++) {
		if (vt->modes >> i & 1)
			buf_printf(out, "\033[?%u%c", vt_modes[i].number,
				   vt_modes[i].normal ? 'h' : 'l');
	}
	vt->modes = 0;
}

bool vt_reports(const struct vt *vt)
{
	for (unsigned i = 0; i < N_ROWS(vt_modes); i++) {
		if ((vt->modes >> i & 1) && vt_modes[i].reports)
			return true;
	}
	return false;
}

/* Off while something else is drawn: the reports, marks around a paste, and output that is held back. */
static bool paused(unsigned i)
{
	return vt_modes[i].reports || vt_modes[i].number == 2004 || vt_modes[i].number == 2026;
}

void vt_pause(struct vt *vt, struct buf *out)
{
	text_break(vt, out);
	if (vt->state == VT_SIXEL) {
		string_finish(vt, out);
		vt->state = VT_SWALLOW;
	}
	for (unsigned i = 0; i < N_ROWS(vt_modes); i++) {
		if ((vt->modes >> i & 1) && paused(i))
			buf_printf(out, "\033[?%u%c", vt_modes[i].number,
				   vt_modes[i].normal ? 'h' : 'l');
	}
}

void vt_resume(const struct vt *vt, struct buf *out)
{
	for (unsigned i = 0; i < N_ROWS(vt_modes); i++) {
		bool differs = vt->modes >> i & 1;

		if (vt_modes[i].number == 25)
			buf_putz(out, differs ? "\033[?25l" : "\033[?25h");
		else if (differs && paused(i))
			buf_printf(out, "\033[?%u%c", vt_modes[i].number,
				   vt_modes[i].normal ? 'l' : 'h');
	}
}

bool vt_alternate(const struct vt *vt)
{
	for (unsigned i = 0; i < N_ROWS(vt_modes); i++) {
		unsigned n = vt_modes[i].number;

		if ((vt->modes >> i & 1) && (n == 47 || n == 1047 || n == 1049))
			return true;
	}
	return false;
}

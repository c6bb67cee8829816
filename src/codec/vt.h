/*
 * vt - keeps what a session writes to a terminal from making the terminal *type*.
 *
 * Terminals answer: "where is the cursor", "what is your title", "what is on the clipboard" come
 * back as if the user had typed them, and when the asker is gone by then, the user's shell reads
 * them. vt is a streaming filter over terminal output (ECMA-48, DEC VT and xterm control sequences).
 * Text passes; a control sequence passes if the tables in vt.c list it as one that only draws or
 * sets; everything that asks, stores text to be typed later (function keys, macros, clipboard), or
 * would switch the terminal to another coding or another emulation is dropped. docs/RUN.md has the
 * table with the reasons.
 *
 * Questions that line editors and full-screen programs wait for are answered here instead, towards
 * the *session's* input: device attributes (as a VT220 with colours), status, and the cursor's
 * position (the last row: roughly right for a prompt, and no two-second wait).
 *
 * Input may be cut anywhere. State is bounded: a sequence over VT_SEQ_MAX bytes is dropped whole.
 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define VT_SEQ_MAX 4096  /* bytes of one control sequence that are kept until its end is seen */
#define VT_REPLY_MAX 512 /* bytes of answers from one vt_feed(); further ones are dropped */
#define VT_MODES 32

/* Room that vt_feed() of @n bytes can need in @out: stray bytes become three (U+FFFD). */
#define VT_OUT_MAX(n) (3 * (n) + VT_SEQ_MAX + 16)

enum vt_state {
	VT_GROUND,
	VT_ESC,    /* after ESC, and its intermediates */
	VT_CSI,    /* ESC [ ... */
	VT_OSC,    /* ESC ] ... to BEL or ESC \ */
	VT_DCS,    /* ESC P ... up to its final byte */
	VT_SIXEL,  /* inside a device control string that passes */
	VT_SWALLOW /* inside a string that does not */
};

/* Where in a character we are: continuation bytes still to come, and what the next one may be. */
struct vt_utf8 {
	uint8_t left, lo, hi;
};

struct vt {
	enum vt_state state;
	bool string_esc; /* an ESC was seen inside a string: '\' would end it */
	bool overlong;   /* the sequence in seq[] lost bytes: drop it */
	bool eight_bit;  /* the terminal does not speak UTF-8: bytes 80-9F are controls */
	bool held_c2;    /* a C2 waits for its second byte */
	struct vt_utf8 utf8;
	uint16_t rows; /* for the answer about the cursor; 0: 24 */
	size_t n;
	uint32_t modes;   /* bit i: vt_modes[i] differs from its normal state */
	uint64_t dropped; /* sequences */
	uint8_t seq[VT_SEQ_MAX];
};

/* @eight_bit: for a terminal in a locale that is explicitly not UTF-8. */
void vt_init(struct vt *vt, bool eight_bit);

/*
 * Filter @n bytes to @out, which should have VT_OUT_MAX(@n) bytes of room; answers for the session
 * go to @reply (may be NULL). The caller checks the bufs' errors.
 */
void vt_feed(struct vt *vt, const void *p, size_t n, struct buf *out, struct buf *reply);

/*
 * The session is over: close an open string, and put back what it left switched on and
 * would make the terminal type by itself or stay unusable (mouse and focus reports, bracketed
 * paste, alternate screen, hidden cursor).
 */
void vt_end(struct vt *vt, struct buf *out);

/*
 * Something else is drawn on the terminal for a while: what was open there is closed (and what follows of
 * a picture is dropped), what makes the terminal report or hold back output is off until vt_resume(),
 * which also puts the cursor back to shown or hidden.
 */
void vt_pause(struct vt *vt, struct buf *out);
void vt_resume(const struct vt *vt, struct buf *out);
/* The session draws on the alternate screen. */
bool vt_alternate(const struct vt *vt);

/* Is a mode on that makes the terminal report things unasked? Then pending input is not typing. */
bool vt_reports(const struct vt *vt);

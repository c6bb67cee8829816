#include "audit/chain.h"

#include "codec/json_wr.h"
#include "codec/note.h"

#include <assert.h>
#include <errno.h>

void chain_init(struct chain *c, const char *sid, const char *origin)
{
	size_t n = strlen(origin);

	assert(n < sizeof(c->origin));
	c->seq = 0;
	c->n_pending = 0;
	c->open = false;
	c->time_sec = -1;
	memcpy(c->sid, sid, LINE_SID);
	memset(c->prev, '0', LINE_HASH);
	memcpy(c->origin, origin, n + 1);
	merkle_init(&c->tree, &merkle_blake3);
}

/* The date changes once a second; the nine digits behind the point each time. */
static void time_update(struct chain *c, const struct timespec *now)
{
	uint32_t ns = (uint32_t)now->tv_nsec;

	if (now->tv_sec != c->time_sec) {
		line_time_put(c->time, now);
		c->time_sec = now->tv_sec;
		return;
	}
	for (size_t at = 28; at >= 20; at--) {
		c->time[at] = (char)('0' + ns % 10);
		ns /= 10;
	}
}

void chain_begin(struct chain *c, struct buf *out, struct str type, const struct timespec *now)
{
	struct line_head head = {
		.seq = c->seq, .sid = c->sid, .time = c->time, .prev = c->prev, .type = type
	};
	char *to;

	assert(!c->open && type.n <= LINE_TYPE_MAX);
	time_update(c, now);
	c->start = out->n;
	c->open = true;
	to = buf_reserve(out, LINE_HEAD_MAX);
	if (to)
		buf_commit(out, line_head_put(to, &head));
}

void chain_cancel(struct chain *c, struct buf *out)
{
	c->open = false;
	out->n = c->start;
	out->error = 0;
}

static void leaves_flush(struct chain *c)
{
	merkle_append_many(&c->tree, (const uint8_t(*)[MERKLE_HASH])c->pending, c->n_pending);
	c->n_pending = 0;
}

int chain_end(struct chain *c, struct buf *out)
{
	struct str line;
	int r;

	assert(c->open);
	buf_puts(out, STR("}\n"));
	r = buf_error(out);
	if (r == 0 && out->n - c->start > LINE_BYTES_MAX)
		r = -ENOBUFS;
	if (r < 0) {
		chain_cancel(c, out);
		return r;
	}
	line = str_sub(buf_str(out), c->start, out->n - 1);
	line_leaf(line, c->pending[c->n_pending]);
	hex_put(c->prev, c->pending[c->n_pending], MERKLE_HASH);
	if (++c->n_pending == CHAIN_PENDING)
		leaves_flush(c);
	c->seq++;
	c->open = false;
	return 0;
}

void chain_root(struct chain *c, uint8_t root[MERKLE_HASH])
{
	leaves_flush(c);
	merkle_root(&c->tree, root);
}

void checkpoint_text_put(struct buf *out, struct str origin, uint64_t size,
			 const uint8_t root[MERKLE_HASH], struct str time)
{
	checkpoint_put(out, origin, size, root);
	buf_puts(out, STR("time "));
	buf_puts(out, time);
	buf_putc(out, '\n');
}

void checkpoint_body_put(struct buf *out, struct str note, const struct merkle_tree *tree)
{
	struct json_wr w = json_wr_init(out);

	w.depth = 1;
	w.has_item = 1;
	json_key(&w, "note");
	json_str(&w, note);
	if (!tree)
		return;
	json_key(&w, "peaks");
	json_array(&w);
	for (size_t i = MERKLE_DEPTH; i-- > 0;)
		if (tree->size >> i & 1)
			json_hex(&w, tree->peaks[i], MERKLE_HASH);
	json_end_array(&w);
}

int chain_checkpoint(struct chain *c, struct buf *out, struct str key_name,
		     const struct ed25519_key *key, bool peaks)
{
	char text_room[512], note_room[NOTE_MAX];
	struct buf text = buf_fixed(text_room, sizeof(text_room));
	struct buf note = buf_fixed(note_room, sizeof(note_room));
	uint8_t root[MERKLE_HASH];
	struct timespec now;
	int r;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	chain_root(c, root);
	chain_begin(c, out, STR("checkpoint"), &now);
	checkpoint_text_put(&text, str_of(c->origin), c->seq, root,
			    (struct str){ c->time, LINE_TIME });
	r = buf_error(&text);
	if (r == 0)
		r = note_sign(&note, buf_str(&text), key_name, key);
	if (r < 0) {
		chain_cancel(c, out);
		return r;
	}
	checkpoint_body_put(out, buf_str(&note), peaks ? &c->tree : NULL);
	return chain_end(c, out);
}

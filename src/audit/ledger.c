/*
 * Appending without reading all of it: every checkpoint in the ledger carries the tree's peaks, so
 * the last one, and the few lines behind it, are enough to continue. Starts are entered without a
 * signature (an unsigned line that is cut off and a signed one are equally gone); the end of a
 * session, or LEDGER_UNSIGNED_MAX starts in a row, sign everything so far.
 *
 * Crash: an entry and its checkpoint go out in one write(). A torn one is cut off by the next who
 * appends, who says so in a "tail.dropped" line that holds the fragment's length and BLAKE3.
 * Peaks are believed only when they give the root in their own checkpoint; its signature is not
 * checked here (60 us) but by `capsule ledger verify`, which checks every one: appending to
 * a forged end makes nothing true.
 */
#include "audit/ledger.h"

#include "audit/chain.h"
#include "base/cur.h"
#include "base/file.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/blake3.h"
#include "codec/json_wr.h"
#include "codec/note.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LEDGER_WINDOW (8u << 10)
#define LEDGER_UNSIGNED_MAX 32
#define LEDGER_LOCK_MS 5000

/* The ledger's end, as the next line needs it. */
struct end {
	int fd;
	uint64_t bytes; /* of whole lines */
	uint64_t torn;  /* bytes after them */
	uint8_t torn_hash[BLAKE3_OUT];
	uint64_t unsigned_n; /* lines behind the last checkpoint */
	struct chain chain;
};

static int lock(int fd)
{
	const struct timespec pause = { .tv_nsec = 500000 };

	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (tries >= LEDGER_LOCK_MS * 2)
			return -ETIMEDOUT;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static int ledger_open(const char *state_dir, char path[PATH_MAX], int *ret_fd, struct err *err)
{
	AUTO(fd_closep) int fd = -EBADF;
	struct stat st;
	int r;

	if (snprintf(path, PATH_MAX, "%s/" LEDGER_FILE, state_dir) >= PATH_MAX)
		return err_set(err, ENAMETOOLONG, "%s", state_dir);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == ENOENT) {
		r = dir_make(state_dir, err);
		if (r < 0)
			return r;
		fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (fd < 0)
		return err_set(err, errno, "cannot open the ledger %s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return err_text(err, EPERM, "the ledger %s is not a file of yours", path);
	r = lock(fd);
	if (r < 0)
		return err_set(err, -r, "cannot lock the ledger %s", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int read_at(int fd, char *p, size_t n, uint64_t offset)
{
	while (n > 0) {
		ssize_t r = pread(fd, p, n, (off_t)offset);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		p += r;
		n -= (size_t)r;
		offset += (uint64_t)r;
	}
	return 0;
}

/* Put the frontier that @line (a checkpoint with this head) carries into the chain's tree. */
static int peaks_read(struct chain *c, struct str line, const struct line_head *head)
{
	char room[1024];
	struct buf want = buf_fixed(room, sizeof(room));
	struct cur in;
	uint8_t root[MERKLE_HASH];
	const char *at = memmem(line.p, line.n, ",\"peaks\":[", 10);

	if (!at)
		return -EBADMSG;
	merkle_init(&c->tree, &merkle_blake3);
	c->tree.size = head->seq;
	in = cur_init(at + 10, line.n - (size_t)(at + 10 - line.p));
	for (size_t i = MERKLE_DEPTH, n = 0; i-- > 0;) {
		if (!(head->seq >> i & 1))
			continue;
		if (n++ > 0)
			cur_expect(&in, STR(","));
		cur_expect(&in, STR("\""));
		if (hex_parse(cur_str(&in, LINE_HASH), c->tree.peaks[i], MERKLE_HASH) < 0)
			return -EBADMSG;
		cur_expect(&in, STR("\""));
	}
	cur_expect(&in, STR("]}"));
	if (cur_error(&in) || in.n > 0)
		return -EBADMSG;

	merkle_root(&c->tree, root);
	buf_puts(&want, STR(",\"note\":\""));
	buf_putz(&want, c->origin);
	buf_puts(&want, STR("\\n"));
	buf_put_u64(&want, head->seq);
	buf_puts(&want, STR("\\n"));
	base64_put(&want, root, sizeof(root));
	buf_puts(&want, STR("\\n"));
	if (buf_error(&want) || !str_starts(str_sub(line, head->n, line.n), buf_str(&want)))
		return -EBADMSG;
	return 0;
}

/* The last checkpoint in @text and what follows it; all of it if there is none. */
static struct str since_checkpoint(struct str text)
{
	size_t end = text.n;

	while (end > 0) {
		const char *nl = end > 1 ? memrchr(text.p, '\n', end - 1) : NULL;
		size_t start = nl ? (size_t)(nl + 1 - text.p) : 0;
		struct line_head head;

		/* damage is the scan's to find */
		if (line_head_parse(str_sub(text, start, end - 1), &head) < 0 ||
		    str_eq(head.type, STR("checkpoint")))
			return str_sub(text, start, text.n);
		end = start;
	}
	return text;
}

/*
 * Go through the lines of @text, the end of the file. -EAGAIN: no checkpoint in it to start from.
 * @whole: it is the whole file.
 */
static int end_scan(struct end *e, struct str text, bool whole)
{
	struct chain *c = &e->chain;
	struct str end = since_checkpoint(text);
	struct cur in = cur_init(end.p, end.n);
	bool first = true, rooted;

	whole = whole && end.n == text.n;
	rooted = whole;

	while (in.n > 0) {
		uint8_t leaf[MERKLE_HASH];
		struct line_head head;
		struct str line = cur_until(&in, '\n');

		if (line_head_parse(line, &head) < 0 || memcmp(head.sid, c->sid, LINE_SID) != 0)
			return -EBADMSG;
		if (first && whole && head.seq != 0)
			return -EBADMSG;
		if (!first && (head.seq != c->seq || memcmp(head.prev, c->prev, LINE_HASH) != 0))
			return -EBADMSG;
		first = false;
		if (str_eq(head.type, STR("checkpoint"))) {
			c->n_pending = 0;
			if (peaks_read(c, line, &head) < 0)
				return -EBADMSG;
			rooted = true;
			e->unsigned_n = 0;
		} else {
			e->unsigned_n++;
		}
		line_leaf(line, leaf);
		hex_put(c->prev, leaf, sizeof(leaf));
		c->seq = head.seq + 1;
		if (rooted)
			merkle_append(&c->tree, leaf);
	}
	return rooted ? 0 : -EAGAIN;
}

/* Find where the chain continues. @e->fd is locked. */
static int end_load(struct end *e, const char *sid, const char *origin)
{
	struct stat st;

	if (fstat(e->fd, &st) < 0)
		return -errno;
	for (uint64_t window = LEDGER_WINDOW;; window *= 8) {
		uint64_t total = (uint64_t)st.st_size, from = total > window ? total - window : 0;
		AUTO(freep) char *p = malloc(total - from + 1);
		struct str text = { p, total - from };
		const char *nl;
		int r;

		if (!p)
			return -ENOMEM;
		r = read_at(e->fd, p, text.n, from);
		if (r < 0)
			return r;
		nl = text.n ? memrchr(text.p, '\n', text.n) : NULL;
		if (!nl && from > 0)
			continue;
		e->torn = nl ? text.n - (size_t)(nl + 1 - text.p) : text.n;
		e->bytes = total - e->torn;
		blake3(text.p + text.n - e->torn, e->torn, e->torn_hash);
		text.n -= e->torn;
		if (from > 0) { /* the first line begins before the window */
			nl = memchr(text.p, '\n', text.n);
			text = (struct str){ nl + 1, text.n - (size_t)(nl + 1 - text.p) };
		}
		e->unsigned_n = 0;
		chain_init(&e->chain, sid, origin);
		r = end_scan(e, text, from == 0);
		if (r != -EAGAIN)
			return r;
	}
}

/* Does the file end as we left it? Then the chain continues as we remember it. */
static bool end_remembered(struct end *e, const struct ledger_memory *m)
{
	struct stat st;

	if (!m || !m->bytes || fstat(e->fd, &st) < 0 || st.st_dev != m->dev ||
	    st.st_ino != m->ino || (uint64_t)st.st_size != m->bytes ||
	    st.st_mtim.tv_sec != m->written.tv_sec || st.st_mtim.tv_nsec != m->written.tv_nsec)
		return false;
	e->bytes = m->bytes;
	e->torn = 0;
	e->unsigned_n = 0; /* only a start asks */
	e->chain = m->chain;
	return true;
}

static void end_remember(const struct end *e, struct ledger_memory *m)
{
	struct stat st;

	if (!m || fstat(e->fd, &st) < 0)
		return;
	*m = (struct ledger_memory){ .dev = st.st_dev,
				     .ino = st.st_ino,
				     .written = st.st_mtim,
				     .bytes = (uint64_t)st.st_size,
				     .chain = e->chain };
}

static void line_start(struct chain *c, struct buf *out, const char *type, struct json_wr *w)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	chain_begin(c, out, str_of(type), &now);
	*w = json_wr_init(out);
	w->depth = 1;
	w->has_item = 1;
}

static int put_genesis(struct chain *c, struct buf *out, const struct install_key *key)
{
	char room[VKEY_MAX];
	struct buf vkey = buf_fixed(room, sizeof(room));
	struct json_wr w;

	note_vkey_put(&vkey, str_of(key->name), key->key.public);
	line_start(c, out, "ledger.genesis", &w);
	json_key(&w, "format");
	json_u64(&w, 1);
	json_key(&w, "install");
	json_strz(&w, key->id);
	json_key(&w, "install_key");
	json_str(&w, buf_str(&vkey));
	return chain_end(c, out);
}

static int put_dropped(struct chain *c, struct buf *out, const struct end *e)
{
	struct json_wr w;

	line_start(c, out, "tail.dropped", &w);
	json_key(&w, "bytes");
	json_u64(&w, e->torn);
	json_key(&w, "blake3");
	json_hex(&w, e->torn_hash, sizeof(e->torn_hash));
	return chain_end(c, out);
}

static int put_changes(struct chain *c, struct buf *out, const struct ledger_changes *changes)
{
	char type[32];
	struct json_wr w;

	(void)snprintf(type, sizeof(type), "changes.%s", changes->what);
	line_start(c, out, type, &w);
	json_key(&w, "session");
	json_strz(&w, changes->session);
	json_key(&w, "done");
	json_u64(&w, changes->done);
	json_key(&w, "left");
	json_u64(&w, changes->left);
	json_key(&w, "blake3");
	json_hex(&w, changes->hash, sizeof(changes->hash));
	return chain_end(c, out);
}

static int put_entry(struct chain *c, struct buf *out, const struct ledger_entry *entry)
{
	struct json_wr w;

	if (entry->changes)
		return put_changes(c, out, entry->changes);
	line_start(c, out, entry->log ? "session.start" : "session.end", &w);
	json_key(&w, "session");
	json_strz(&w, entry->session);
	if (entry->log) {
		json_key(&w, "genesis");
		json_hex(&w, entry->hash, sizeof(entry->hash));
		json_key(&w, "log");
		json_strz(&w, entry->log);
	} else {
		json_key(&w, "size");
		json_u64(&w, entry->size);
		json_key(&w, "root");
		json_hex(&w, entry->hash, sizeof(entry->hash));
	}
	return chain_end(c, out);
}

static int put_all(struct end *e, struct buf *out, const struct install_key *key,
		   const struct ledger_entry *entry)
{
	int r = 0;

	if (e->chain.seq == 0)
		r = put_genesis(&e->chain, out, key);
	if (r == 0 && e->torn > 0)
		r = put_dropped(&e->chain, out, e);
	if (r == 0)
		r = put_entry(&e->chain, out, entry);
	if (r == 0 && (!entry->log || e->unsigned_n >= LEDGER_UNSIGNED_MAX))
		r = chain_checkpoint(&e->chain, out, str_of(key->name), &key->key, true);
	return r;
}

static int ledger_add(const char *state_dir, const struct install_key *key,
		      const struct ledger_entry *entry, bool sync, struct ledger_memory *memory,
		      struct err *err)
{
	AUTO(buf_done) struct buf out = BUF_INIT(4 * PATH_MAX * 6);
	AUTO(fd_closep) int fd = -EBADF;
	char path[PATH_MAX], origin[ORIGIN_MAX];
	struct end e;
	int r;

	r = ledger_open(state_dir, path, &fd, err);
	if (r < 0)
		return r;
	(void)snprintf(origin, sizeof(origin), "%s/ledger", key->name);
	e.fd = fd;
	r = end_remembered(&e, memory) ? 0 : end_load(&e, key->id, origin);
	if (r == -EBADMSG)
		return err_text(err, EBADMSG,
				"the end of the ledger %s is damaged, or of another install key "
				"than %s: 'capsule ledger verify' says more; to start a new "
				"ledger, move this one away and keep it",
				path, key->name);
	if (r == 0)
		r = put_all(&e, &out, key, entry);
	if (r < 0)
		return err_set(err, -r, "cannot append to the ledger %s", path);
	if (e.torn > 0 && ftruncate(fd, (off_t)e.bytes) < 0)
		return err_set(err, errno, "cannot append to the ledger %s", path);
	r = fd_write_all(fd, out.p, out.n);
	if (r == 0 && sync && fdatasync(fd) < 0)
		r = -errno;
	if (r < 0) {
		(void)!ftruncate(fd, (off_t)e.bytes);
		return err_set(err, -r, "cannot append to the ledger %s", path);
	}
	if (entry->log) /* the start: its end is to come */
		end_remember(&e, memory);
	return 0;
}

int ledger_add_start(const char *state_dir, const struct install_key *key,
		     const struct ledger_entry *entry, bool sync, struct ledger_memory *memory,
		     struct err *err)
{
	return ledger_add(state_dir, key, entry, sync, memory, err);
}

int ledger_add_end(const char *state_dir, const struct install_key *key,
		   const struct ledger_entry *entry, bool sync, struct ledger_memory *memory,
		   struct err *err)
{
	struct ledger_entry end = *entry;

	end.log = NULL;
	return ledger_add(state_dir, key, &end, sync, memory, err);
}

int ledger_add_changes(const char *state_dir, const struct install_key *key,
		       const struct ledger_changes *changes, struct err *err)
{
	struct ledger_entry entry = { .changes = changes };

	return ledger_add(state_dir, key, &entry, true, NULL, err);
}

/*
 * Theory of operation
 *
 * A log is a text file of JSON records, one a line, at most 1 MiB each. All of a line's bytes but
 * its newline are hashed: leaf = BLAKE3(0x00 ‖ line), node = BLAKE3(0x01 ‖ left ‖ right), the tree
 * that of RFC 9162. Every line starts with a head of fixed form:
 *
 *	{"seq":N,"sid":"S","time":"T","prev":"P","type":"Y"
 *
 *	N  number of the line in the file, from 0
 *	S  first 8 hex digits of the session id
 *	T  UTC, nanoseconds: 2026-11-22T02:20:06.123456789Z
 *	P  64 hex digits: the leaf hash of the line before; zeros in line 0
 *	Y  [a-z0-9._-]{1,64}
 *
 * and ends in "}\n"; in between stand the type's own members.
 *
 * Line 0 is of type "genesis": "format":1, "session":32 hex digits, "session_key": verifier key,
 * "install":16 hex digits, "install_key": verifier key, "certificate":base64 of the install key's
 * signature over
 *
 *	capsule session certificate v1\ninstall I\nsession S\nkey <hex>\ntime T\n
 *
 * and then what the caller says of the session. Both ids are hashes of their keys.
 *
 * A line of type "checkpoint" holds one member, "note": a C2SP signed note by the session key, named
 * capsule/<install>/<session>, whose text is
 *
 *	capsule/<install>/<session>\n<lines before this one>\n<base64 of their root>\ntime T\n
 *
 * with the T of its own head, so that there is no byte in a checkpoint line that is not
 * determined by what is signed. The last two lines of a session that ended are "session.end"
 * ("records": how many stand before it) and its checkpoint. "redacted":COUNT as a line's last member
 * says that secrets were taken out of it before it was hashed; "gap" ("count", "reason") that
 * events were lost; "oversize":true that a record was too large to keep.
 * docs/LOG.md says all of this at length, and section 6 what it does and does not prove.
 *
 * Order of things, so that SIGKILL at any moment leaves something that verifies:
 *
 *	1. genesis and a checkpoint go out to PATH.new, and the session's start is entered in the ledger;
 *	2. PATH.new is renamed to PATH (never over an existing file): whatever has the name has a signed
 *	   first record, and is known to the ledger;
 *	3. records, and now and then a checkpoint, always whole lines in order;
 *	4. session.end and the last checkpoint; fdatasync, if the session lasted a second;
 *	5. the head is entered in the ledger;
 *	6. the session key is wiped.
 *
 * 1 and 2 cost a signature, a rename and a file's lock, during which a command could be starting.
 * With publish_later genesis and what follows are written unsigned (audit_write()), and signed and
 * named when the command is on its way: killed in between, the supervisor leaves PATH.new, and the
 * session dies with it.
 *
 * Between 1 and 2 the ledger knows a log that is still called PATH.new; readers of the ledger look there too.
 * Between 4 and 5 the log is whole and the ledger does not know how it ended. A power failure may
 * take whatever was not synced: that is, under fsync "checkpoint", what came after the last
 * checkpoint but the first, and the ledger's newest lines. Both are told apart from an alteration by verification.
 *
 * The tail behind the last checkpoint is chained but not signed. Whoever can write to the file can
 * make another tail: verification counts it and vouches for nothing in it.
 */
#include "audit/audit.h"

#include "audit/chain.h"
#include "audit/keys.h"
#include "audit/ledger.h"
#include "audit/redact.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/note.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define FLUSH_BYTES (256u << 10)
#define FLUSH_MS 2
#define BUF_FIRST (16u << 10)
#define BUF_MAX (FLUSH_BYTES + 2 * LINE_BYTES_MAX)

/* The session's key; the install's only until genesis is out. */
struct secrets {
	struct ed25519_key key;
	struct install_key install;
};

struct audit_log {
	int fd;
	int error;         /* the first failure, for good */
	bool genesis_done; /* in the file, or in @out on its way there */
	bool written;      /* audit_write(): it tells of a session, whatever becomes of it */
	bool published;    /* signed, named, in the ledger */
	bool publish_later;
	enum policy_fsync fsync;
	struct audit_io io;
	struct chain chain;
	struct buf out;
	struct json_wr w;
	size_t head_n; /* bytes of the open record's head */
	struct redact *redact;
	struct secrets *secrets; /* in a page of its own: not dumped, not inherited */

	int64_t begun_ms;          /* time of genesis */
	uint64_t signed_seq;       /* lines up to and including the last checkpoint */
	int64_t record_ms;         /* time of the newest record */
	int64_t flushed_ms;        /* when the last write was */
	int64_t first_unsigned_ms; /* when the oldest unsigned record was made */

	uint8_t genesis[MERKLE_HASH]; /* the first line's leaf */
	char session[SESSION_ID + 1];
	char name[ORIGIN_MAX]; /* of the session key; also the origin */
	char *path, *path_new, *config_dir, *state_dir;
	struct ledger_memory ledger;
};

static ssize_t io_write(int fd, const void *p, size_t n)
{
	return write(fd, p, n);
}

/*
 * The cadence goes by the records' own time, which costs no second look at a clock. That clock may
 * be set: whatever then seems to lie in the future is due.
 */
static int64_t ms_of(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * 1000 + ts->tv_nsec / 1000000;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ms_of(&ts);
}

static bool is_due(int64_t now, int64_t since, int64_t after)
{
	return now - since >= after || now < since;
}

/* Remember the first failure; everything after it fails the same way. */
static int fail(struct audit_log *log, int r, const char *what, struct err *err)
{
	if (!log->error)
		log->error = r;
	return err_set(err, -r, "cannot %s the log %s", what,
		       log->published ? log->path : log->path_new);
}

static int failed_before(struct audit_log *log, struct err *err)
{
	return err_set(err, -log->error, "the log %s failed earlier and is closed", log->path);
}

static int flush(struct audit_log *log, struct err *err)
{
	size_t done = 0;

	while (done < log->out.n) {
		ssize_t r = log->io.write(log->fd, log->out.p + done, log->out.n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return fail(log, r < 0 ? -errno : -EIO, "write to", err);
		done += (size_t)r;
	}
	buf_reset(&log->out);
	log->flushed_ms = log->record_ms;
	return 0;
}

/*
 * A session of less than a second does not make its caller wait for the disk: the kernel writes what
 * it left within half a minute. (A tool call that takes 4 ms would be a fifth slower for it.)
 */
static bool too_young(const struct audit_log *log)
{
	return log->fsync == POLICY_FSYNC_CHECKPOINT &&
	       !is_due(log->record_ms, log->begun_ms, AUDIT_CHECKPOINT_MS);
}

static int sync_now(struct audit_log *log, struct err *err)
{
	if (log->fsync == POLICY_FSYNC_NEVER)
		return 0;
	if (log->io.fdatasync(log->fd) < 0)
		return fail(log, -errno, "sync", err);
	return 0;
}

static void secrets_free(struct secrets *secrets)
{
	if (!secrets)
		return;
	explicit_bzero(secrets, sizeof(*secrets));
	(void)munmap(secrets, sizeof(*secrets));
}

static struct secrets *secrets_new(void)
{
	struct secrets *p =
		mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* best effort, all three: the kernel or a limit may refuse */
	(void)madvise(p, sizeof(*p), MADV_DONTDUMP);
	(void)madvise(p, sizeof(*p), MADV_WIPEONFORK);
	(void)mlock(p, sizeof(*p));
	return p;
}

static struct audit_log *log_free(struct audit_log *log)
{
	if (!log)
		return NULL;
	secrets_free(log->secrets);
	log->redact = redact_free(log->redact);
	log->fd = fd_close(log->fd);
	if (!log->published && !log->written && log->path_new)
		(void)unlink(log->path_new);
	buf_done(&log->out);
	free(log->path);
	free(log->path_new);
	free(log->config_dir);
	free(log->state_dir);
	free(log);
	return NULL;
}

struct audit_log *audit_abort(struct audit_log *log)
{
	if (log && !log->error && log->genesis_done) {
		if (log->chain.open)
			chain_cancel(&log->chain, &log->out);
		(void)flush(log, NULL);
	}
	return log_free(log);
}

static void log_freep(struct audit_log **log)
{
	*log = log_free(*log);
}

/* The name to appear under, absolute. */
static int log_path(struct audit_log *log, const char *path, struct err *err)
{
	char cwd[PATH_MAX], time[LINE_TIME];
	struct timespec now;
	int n;

	if (!path) {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		line_time_put(time, &now);
		n = asprintf(&log->path, "%s/sessions/%.4s%.2s%.2sT%.2s%.2s%.2sZ-%.8s.log",
			     log->state_dir, time, time + 5, time + 8, time + 11, time + 14,
			     time + 17, log->session);
	} else if (path[0] == '/') {
		n = asprintf(&log->path, "%s", path);
	} else if (!getcwd(cwd, sizeof(cwd))) {
		return err_set(err, errno, "cannot tell the current folder");
	} else {
		n = asprintf(&log->path, "%s/%s", cwd, path);
	}
	if (n < 0 || asprintf(&log->path_new, "%s.new", log->path) < 0)
		return err_set(err, ENOMEM, "cannot open a log");
	return 0;
}

static int log_create(struct audit_log *log, bool own_name, struct err *err)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, r;
	char *slash;

	if (!own_name && access(log->path, F_OK) == 0)
		return err_text(err, EEXIST,
				"the log %s exists already: a log is never appended "
				"to by another session",
				log->path);
	log->fd = open(log->path_new, flags, 0600);
	if (log->fd < 0 && errno == ENOENT && own_name) {
		slash = strrchr(log->path_new, '/');
		*slash = '\0';
		r = dir_make(log->path_new, err);
		*slash = '/';
		if (r < 0)
			return r;
		log->fd = open(log->path_new, flags, 0600);
	}
	if (log->fd < 0) {
		r = err_set(err, errno, "cannot create the log %s", log->path_new);
		free(log->path_new); /* not ours to remove */
		log->path_new = NULL;
		return r;
	}
	return 0;
}

static void genesis_put(struct audit_log *log)
{
	const struct install_key *install = &log->secrets->install;
	const struct ed25519_key *key = &log->secrets->key;
	char text_room[512], vkey_room[VKEY_MAX];
	struct buf text = buf_fixed(text_room, sizeof(text_room));
	struct buf vkey = buf_fixed(vkey_room, sizeof(vkey_room));
	struct json_wr *w = audit_begin(log, "genesis");
	uint8_t sig[ED25519_SIG];

	certificate_text(&text, str_of(install->id), str_of(log->session), key->public,
			 (struct str){ log->chain.time, LINE_TIME });
	ed25519_sign(&install->key, buf_str(&text), sig);

	json_key(w, "format");
	json_u64(w, 1);
	json_key(w, "session");
	json_strz(w, log->session);
	json_key(w, "session_key");
	note_vkey_put(&vkey, str_of(log->name), key->public);
	json_str(w, buf_str(&vkey));
	json_key(w, "install");
	json_strz(w, install->id);
	json_key(w, "install_key");
	buf_reset(&vkey);
	note_vkey_put(&vkey, str_of(install->name), install->key.public);
	json_str(w, buf_str(&vkey));
	json_key(w, "certificate");
	buf_reset(&text);
	base64_put(&text, sig, sizeof(sig));
	json_str(w, buf_str(&text));
	/* what the writer itself put here is not looked through for secrets */
	log->head_n = log->out.n - log->chain.start;
}

static int session_begin(struct audit_log *log, const char *config_dir, struct err *err)
{
	struct secrets *secrets = secrets_new();
	int r;

	if (!secrets)
		return err_set(err, ENOMEM, "cannot open a log");
	log->secrets = secrets;
	r = install_key_load(config_dir, true, &secrets->install, err);
	if (r < 0)
		return r;
	ed25519_generate(&secrets->key);
	session_id_of(secrets->key.public, log->session);
	(void)snprintf(log->name, sizeof(log->name), "%s/%s", secrets->install.name, log->session);
	chain_init(&log->chain, log->session, log->name);
	return 0;
}

static int log_setup(struct audit_log *log, const struct audit_options *options, struct err *err)
{
	int r;

	log->out = BUF_INIT(BUF_MAX);
	log->config_dir = strdup(options->config_dir);
	log->state_dir = strdup(options->state_dir);
	r = redact_new(options->redact, options->n_redact, AUDIT_REDACT_MIN, &log->redact);
	if (r < 0 || !log->config_dir || !log->state_dir || !buf_reserve(&log->out, BUF_FIRST))
		return err_set(err, ENOMEM, "cannot open a log");
	r = log_path(log, options->path, err);
	if (r < 0)
		return r;
	return log_create(log, !options->path, err);
}

int audit_open(const struct audit_options *options, struct audit_log **ret_log,
	       struct json_wr **ret_genesis, struct err *err)
{
	AUTO(log_freep) struct audit_log *log = calloc(1, sizeof(*log));
	int r;

	if (!log)
		return err_set(err, ENOMEM, "cannot open a log");
	log->fd = -EBADF;
	log->fsync = options->fsync;
	log->publish_later = options->publish_later;
	log->io = options->io ? *options->io
			      : (struct audit_io){ .write = io_write, .fdatasync = fdatasync };
	if (ed25519_init() < 0)
		return err_text(err, EIO, "no source of random numbers");
	r = session_begin(log, options->config_dir, err);
	if (r == 0)
		r = log_setup(log, options, err);
	if (r < 0)
		return r;
	genesis_put(log);
	*ret_genesis = &log->w;
	*ret_log = take_ptr(&log);
	return 0;
}

/* ---- records ---- */

struct json_wr *audit_begin(struct audit_log *log, const char *type)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	log->record_ms = ms_of(&now);
	chain_begin(&log->chain, &log->out, str_of(type), &now);
	log->head_n = log->out.n - log->chain.start;
	log->w = json_wr_init(&log->out);
	log->w.depth = 1;
	log->w.has_item = 1;
	return &log->w;
}

/* Everything in the record that is too large but its type. */
static int oversize(struct audit_log *log)
{
	log->out.n = log->chain.start + log->head_n;
	log->out.error = 0;
	buf_puts(&log->out, STR(",\"oversize\":true"));
	return chain_end(&log->chain, &log->out);
}

/* Redact, close and hash the open record. */
static int record_finish(struct audit_log *log)
{
	struct buf *out = &log->out;
	size_t body = log->chain.start + log->head_n, redacted;

	if (!buf_error(out) && (log->w.depth != 1 || log->w.after_key))
		return -EINVAL;
	if (log->redact && !buf_error(out)) {
		redacted = redact_apply(log->redact, out, body);
		if (redacted > 0) {
			buf_puts(out, STR(",\"redacted\":"));
			buf_put_u64(out, redacted);
		}
	}
	if (buf_error(out) == -ENOBUFS || out->n - log->chain.start > LINE_BYTES_MAX - 2)
		return log->genesis_done ? oversize(log) : -ENOBUFS;
	return chain_end(&log->chain, out);
}

static int checkpoint(struct audit_log *log)
{
	int r;

	if (log->chain.seq == log->signed_seq)
		return 0;
	r = chain_checkpoint(&log->chain, &log->out, str_of(log->name), &log->secrets->key, false);
	if (r == 0)
		log->signed_seq = log->chain.seq;
	return r;
}

static int checkpoint_write(struct audit_log *log, bool sync, struct err *err)
{
	bool fresh = log->chain.seq != log->signed_seq;
	int r = checkpoint(log);

	if (r < 0)
		return fail(log, r, "sign", err);
	r = flush(log, err);
	if (r == 0 && fresh && sync)
		r = sync_now(log, err);
	return r;
}

int audit_checkpoint(struct audit_log *log, struct err *err)
{
	return log->error ? failed_before(log, err) : checkpoint_write(log, true, err);
}

static int name_give(struct audit_log *log, struct err *err)
{
	if (renameat2(AT_FDCWD, log->path_new, AT_FDCWD, log->path, RENAME_NOREPLACE) == 0)
		return 0;
	/* a file system that knows no such flag: link() does not replace either */
	if (errno != EINVAL || link(log->path_new, log->path) < 0)
		return fail(log, -errno, "name", err);
	(void)unlink(log->path_new);
	return 0;
}

/* A checkpoint, then the ledger, then the name: killed at any point, no name stands for a log that the ledger does not know. */
static int publish(struct audit_log *log, struct err *err)
{
	struct ledger_entry entry = { .session = log->session, .log = log->path };
	int r;

	memcpy(entry.hash, log->genesis, MERKLE_HASH);
	r = checkpoint(log);
	if (r < 0)
		return fail(log, r, "sign", err);
	r = flush(log, err);
	if (r == 0 && log->fsync == POLICY_FSYNC_ALWAYS)
		r = sync_now(log, err);
	if (r < 0)
		return r;
	r = ledger_add_start(log->state_dir, &log->secrets->install, &entry,
			     log->fsync == POLICY_FSYNC_ALWAYS, &log->ledger, err);
	ed25519_wipe(&log->secrets->install.key);
	if (r < 0)
		return log->error = r;
	log->written = true; /* what the ledger knows stays */
	r = name_give(log, err);
	log->published = r == 0;
	return r;
}

static int genesis_end(struct audit_log *log, struct err *err)
{
	if (hex_parse((struct str){ log->chain.prev, LINE_HASH }, log->genesis, MERKLE_HASH) < 0)
		return fail(log, -EINVAL, "start", err);
	log->genesis_done = true;
	log->begun_ms = log->first_unsigned_ms = log->flushed_ms = log->record_ms;
	return log->publish_later ? 0 : publish(log, err);
}

int audit_write(struct audit_log *log, struct err *err)
{
	int r = log->error ? failed_before(log, err) : flush(log, err);

	log->written |= r == 0;
	return r;
}

int audit_publish(struct audit_log *log, struct err *err)
{
	if (log->error)
		return failed_before(log, err);
	return log->published ? 0 : publish(log, err);
}

static int cadence(struct audit_log *log, struct err *err)
{
	int64_t now = log->record_ms;

	if (!log->published) /* soon; nothing is signed or synced before */
		return log->out.n >= FLUSH_BYTES ? flush(log, err) : 0;
	if (log->signed_seq == log->chain.seq - 1)
		log->first_unsigned_ms = now;
	if (log->chain.seq - log->signed_seq >= AUDIT_CHECKPOINT_RECORDS ||
	    is_due(now, log->first_unsigned_ms, AUDIT_CHECKPOINT_MS))
		return audit_checkpoint(log, err);
	if (log->fsync == POLICY_FSYNC_ALWAYS) {
		int r = flush(log, err);

		return r < 0 ? r : sync_now(log, err);
	}
	if (log->out.n >= FLUSH_BYTES || is_due(now, log->flushed_ms, FLUSH_MS))
		return flush(log, err);
	return 0;
}

int audit_end(struct audit_log *log, struct err *err)
{
	int r;

	if (log->error) {
		if (log->chain.open)
			chain_cancel(&log->chain, &log->out);
		buf_reset(&log->out);
		return failed_before(log, err);
	}
	r = record_finish(log);
	if (r < 0) {
		if (log->chain.open)
			chain_cancel(&log->chain, &log->out);
		return fail(log, r, "add a record to", err);
	}
	return log->genesis_done ? cadence(log, err) : genesis_end(log, err);
}

int audit_gap(struct audit_log *log, uint64_t count, const char *why, struct err *err)
{
	struct json_wr *w = audit_begin(log, "gap");

	json_key(w, "count");
	json_u64(w, count);
	json_key(w, "reason");
	json_strz(w, why);
	return audit_end(log, err);
}

int audit_timeout(const struct audit_log *log)
{
	int64_t left;

	if (log->error || !log->published || log->chain.seq == log->signed_seq)
		return -1;
	if (log->out.n > 0)
		return FLUSH_MS;
	left = log->first_unsigned_ms + AUDIT_CHECKPOINT_MS - now_ms();
	return left <= 0 || left > AUDIT_CHECKPOINT_MS ? 0 : (int)left;
}

int audit_tick(struct audit_log *log, struct err *err)
{
	if (log->error)
		return failed_before(log, err);
	if (log->chain.seq != log->signed_seq &&
	    is_due(now_ms(), log->first_unsigned_ms, AUDIT_CHECKPOINT_MS))
		return audit_checkpoint(log, err);
	return log->out.n > 0 ? flush(log, err) : 0;
}

/* ---- the end ---- */

static int ledger_end(struct audit_log *log, uint64_t size, const uint8_t root[MERKLE_HASH],
		      struct err *err)
{
	struct ledger_entry entry = { .session = log->session, .size = size };
	struct install_key install;
	int r;

	memcpy(entry.hash, root, MERKLE_HASH);
	r = install_key_load(log->config_dir, false, &install, err);
	if (r < 0)
		return r;
	r = ledger_add_end(log->state_dir, &install, &entry, log->fsync == POLICY_FSYNC_ALWAYS,
			   &log->ledger, err);
	ed25519_wipe(&install.key);
	return r;
}

static int session_end(struct audit_log *log, struct err *err)
{
	uint8_t root[MERKLE_HASH];
	struct json_wr *w;
	uint64_t size;
	int r;

	r = audit_publish(log, err);
	if (r < 0)
		return r;
	w = audit_begin(log, "session.end");
	json_key(w, "records");
	json_u64(w, log->chain.seq);
	r = record_finish(log);
	if (r < 0)
		return fail(log, r, "end", err);
	size = log->chain.seq;
	chain_root(&log->chain, root);
	r = checkpoint_write(log, !too_young(log), err);
	if (r < 0)
		return r;
	return ledger_end(log, size, root, err);
}

int audit_close(struct audit_log *log, struct err *err)
{
	int r;

	if (!log)
		return 0;
	if (log->chain.open)
		chain_cancel(&log->chain, &log->out);
	if (log->error)
		r = failed_before(log, err);
	else if (!log->genesis_done)
		r = err_text(err, EINVAL, "the log was closed before it began");
	else
		r = session_end(log, err);
	(void)log_free(log);
	return r;
}

const char *audit_path(const struct audit_log *log)
{
	return log->path;
}

const char *audit_session_id(const struct audit_log *log)
{
	return log->session;
}

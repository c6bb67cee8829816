#include "audit/proof.h"

#include "audit/reader.h"
#include "audit/verify.h"
#include "audit/verify_impl.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/json_rd.h"
#include "codec/json_wr.h"
#include "codec/note.h"

#include <errno.h>
#include <stdlib.h>

#define BATCH 256

/* A log as its leaves, and the notes that matter. */
struct source {
	struct identity id;
	uint8_t (*leaf)[MERKLE_HASH];
	size_t n, cap;
	uint64_t want_record, want_from;
	char *record;                      /* line @want_record */
	struct checkpoint_line last, from; /* newest checkpoint; the one of size @want_from */
	bool have_last, have_from;
};

static void source_free(struct source *s)
{
	if (s) {
		free(s->leaf);
		free(s->record);
	}
	free(s);
}

static void source_freep(struct source **s)
{
	source_free(*s);
}

static int source_checkpoint(struct source *s, struct str line, const struct line_head *head)
{
	struct merkle_tree none;
	struct checkpoint cp;

	merkle_init(&none, &merkle_blake3);
	(void)checkpoint_line_check(&s->id, line, head, &none, &s->last);
	if (!s->last.parsed || verify_note(&s->id, s->last.note, &cp) < 0 || cp.size != s->n)
		return -EBADMSG;
	s->last.cp = cp;
	s->have_last = true;
	if (cp.size == s->want_from) {
		s->from = s->last;
		s->from.note.p = s->from.room;
		s->have_from = true;
	}
	return 0;
}

static int source_line(struct source *s, struct str line)
{
	struct line_head head;
	int r = 0;

	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 4096;
		void *bigger = reallocarray(s->leaf, cap, MERKLE_HASH);

		if (!bigger)
			return -ENOMEM;
		s->leaf = bigger;
		s->cap = cap;
	}
	if (line_head_parse(line, &head) < 0 || head.seq != s->n)
		return -EBADMSG;
	if (s->n == s->want_record)
		s->record = strndup(line.p, line.n);
	if (s->n == 0)
		r = identity_read(line, &s->id) < 0 ? -EBADMSG : 0;
	else if (str_eqz(head.type, "checkpoint"))
		r = source_checkpoint(s, line, &head);
	line_leaf(line, s->leaf[s->n++]);
	return r;
}

static int source_read(struct source *s, int fd, struct err *err)
{
	AUTO(reader_done) struct reader reader = { .fd = -EBADF };
	uint8_t root[MERKLE_HASH];
	struct str lines;
	int r = reader_init(&reader, fd);

	while (r == 0 && (r = reader_lines(&reader, &lines)) == 0 && lines.n > 0) {
		for (size_t at = 0; at < lines.n && r == 0;) {
			const char *nl = memchr(lines.p + at, '\n', lines.n - at);
			struct str line = { lines.p + at, (size_t)(nl - lines.p) - at };

			r = source_line(s, line);
			at += line.n + 1;
		}
		reader_take(&reader, lines.n);
	}
	if (r == 0 && s->have_last) {
		s->last.note.p = s->last.room;
		merkle_root_of(&merkle_blake3, (const uint8_t(*)[MERKLE_HASH])s->leaf,
			       s->last.cp.size, root);
		if (memcmp(root, s->last.cp.root, MERKLE_HASH) != 0)
			r = -EBADMSG;
	}
	if (r == -EBADMSG)
		return err_text(err, EBADMSG,
				"the log does not verify: nothing can be proved from "
				"it ('capsule verify' says what is wrong)");
	if (r < 0)
		return err_set(err, -r, "cannot read the log");
	if (!s->have_last)
		return err_text(err, ERANGE, "the log has no checkpoint yet");
	return 0;
}

static void put_base64(struct json_wr *w, const char *key, const void *p, size_t n)
{
	char room[256];
	struct buf b = buf_fixed(room, sizeof(room));

	base64_put(&b, p, n);
	json_key(w, key);
	json_str(w, buf_str(&b));
}

static void put_identity(struct json_wr *w, const struct identity *id)
{
	char room[VKEY_MAX];
	struct buf b = buf_fixed(room, sizeof(room));

	note_vkey_put(&b, str_of(id->signer), id->public);
	json_key(w, "session_key");
	json_str(w, buf_str(&b));
	buf_reset(&b);
	note_vkey_put(&b, str_of(id->install.name), id->install.public);
	json_key(w, "install_key");
	json_str(w, buf_str(&b));
	put_base64(w, "certificate", id->certificate, sizeof(id->certificate));
	json_key(w, "certificate_time");
	json_strz(w, id->time);
}

static void put_proof(struct json_wr *w, const uint8_t (*proof)[MERKLE_HASH], size_t n)
{
	char room[64];

	json_key(w, "proof");
	json_array(w);
	for (size_t i = 0; i < n; i++) {
		struct buf b = buf_fixed(room, sizeof(room));

		base64_put(&b, proof[i], MERKLE_HASH);
		json_str(w, buf_str(&b));
	}
	json_end_array(w);
}

static void put_start(struct json_wr *w, const char *kind, const struct source *s)
{
	json_object(w);
	json_key(w, "capsule_proof");
	json_u64(w, 1);
	json_key(w, "kind");
	json_strz(w, kind);
	put_identity(w, &s->id);
	json_key(w, "checkpoint");
	json_str(w, s->last.note);
	json_key(w, "size");
	json_u64(w, s->last.cp.size);
}

static int put_end(struct json_wr *w, struct err *err)
{
	json_end_object(w);
	buf_putc(w->out, '\n');
	return buf_error(w->out) ? err_set(err, -buf_error(w->out), "cannot write the proof") : 0;
}

int proof_inclusion(int fd, uint64_t index, struct buf *out, struct err *err)
{
	AUTO(source_freep) struct source *s = calloc(1, sizeof(*s));
	uint8_t proof[MERKLE_PROOF_MAX][MERKLE_HASH];
	struct json_wr w = json_wr_init(out);
	size_t n;
	int r;

	if (!s)
		return err_set(err, ENOMEM, "cannot prove");
	s->want_record = index;
	s->want_from = UINT64_MAX;
	r = source_read(s, fd, err);
	if (r < 0)
		return r;
	if (index >= s->last.cp.size)
		return err_text(
			err, ERANGE,
			index < s->n ? "no checkpoint covers record %llu yet: the last one signs "
				       "the first %llu"
				     : "there is no record %llu: the last checkpoint signs the "
				       "first %llu",
			(unsigned long long)index, (unsigned long long)s->last.cp.size);
	r = merkle_prove_inclusion(&merkle_blake3, (const uint8_t(*)[MERKLE_HASH])s->leaf,
				   s->last.cp.size, index, proof, &n);
	if (r < 0)
		return err_set(err, -r, "cannot prove record %llu", (unsigned long long)index);
	put_start(&w, "inclusion", s);
	json_key(&w, "index");
	json_u64(&w, index);
	json_key(&w, "record");
	json_strz(&w, s->record);
	put_proof(&w, (const uint8_t(*)[MERKLE_HASH])proof, n);
	return put_end(&w, err);
}

int proof_consistency(int fd, uint64_t from, struct buf *out, struct err *err)
{
	AUTO(source_freep) struct source *s = calloc(1, sizeof(*s));
	uint8_t proof[MERKLE_PROOF_MAX][MERKLE_HASH], root[MERKLE_HASH];
	struct json_wr w = json_wr_init(out);
	size_t n;
	int r;

	if (!s)
		return err_set(err, ENOMEM, "cannot prove");
	s->want_record = UINT64_MAX;
	s->want_from = from;
	r = source_read(s, fd, err);
	if (r < 0)
		return r;
	if (from == 0 || from > s->last.cp.size)
		return err_text(err, ERANGE, "a proof can start from 1 to %llu records",
				(unsigned long long)s->last.cp.size);
	r = merkle_prove_consistency(&merkle_blake3, (const uint8_t(*)[MERKLE_HASH])s->leaf, from,
				     s->last.cp.size, proof, &n);
	if (r < 0)
		return err_set(err, -r, "cannot prove");
	merkle_root_of(&merkle_blake3, (const uint8_t(*)[MERKLE_HASH])s->leaf, from, root);
	put_start(&w, "consistency", s);
	json_key(&w, "from");
	json_u64(&w, from);
	put_base64(&w, "from_root", root, sizeof(root));
	if (s->have_from) {
		json_key(&w, "from_checkpoint");
		json_str(&w, s->from.note);
	}
	put_proof(&w, (const uint8_t(*)[MERKLE_HASH])proof, n);
	return put_end(&w, err);
}

/* ---- checking ---- */

struct parsed {
	struct checkpoint cp;
	uint8_t proof[MERKLE_PROOF_MAX][MERKLE_HASH];
	size_t n;
};

static bool get_bytes(const struct json *v, uint8_t *out, size_t n)
{
	size_t got;

	return v && v->kind == JSON_STRING && base64_decode(v->text, out, n, &got) == 0 && got == n;
}

static int read_identity(const struct json *o, struct identity *id, struct err *err)
{
	struct str session_key, install_key, time, name;

	if (!json_get_str(o, "session_key", &session_key) ||
	    !json_get_str(o, "install_key", &install_key) ||
	    !json_get_str(o, "certificate_time", &time) || time.n != LINE_TIME ||
	    note_vkey_parse(session_key, &name, id->public) < 0 ||
	    install_pub_parse(install_key, &id->install) < 0 ||
	    !get_bytes(json_get(o, "certificate"), id->certificate, ED25519_SIG))
		return err_text(err, EBADMSG, "this is no proof of a Capsule log");
	memcpy(id->time, time.p, LINE_TIME);
	session_id_of(id->public, id->session);
	(void)snprintf(id->origin, sizeof(id->origin), "%s/%s", id->install.name, id->session);
	memcpy(id->signer, id->origin, sizeof(id->signer));
	if (!str_eqz(name, id->origin) || identity_certified(id) < 0)
		return err_text(err, EBADMSG,
				"the session key is not certified by the install key "
				"%s that the proof names",
				id->install.id);
	return 0;
}

static int read_common(const struct json *o, struct proof_result *res, struct parsed *p,
		       struct err *err)
{
	const struct json *proof = json_get(o, "proof");
	struct str note;
	int r;

	r = read_identity(o, &res->id, err);
	if (r < 0)
		return r;
	if (!json_get_str(o, "checkpoint", &note) || verify_note(&res->id, note, &p->cp) < 0)
		return err_text(err, EBADMSG, "the checkpoint is not signed by the session key");
	if (!json_get_u64(o, "size", &res->size) || res->size != p->cp.size)
		return err_text(err, EBADMSG, "size and checkpoint disagree");
	if (!proof || proof->kind != JSON_ARRAY || proof->count > MERKLE_PROOF_MAX)
		return err_text(err, EBADMSG, "no proof in it");
	for (const struct json *h = proof->child; h; h = h->next)
		if (!get_bytes(h, p->proof[p->n++], MERKLE_HASH))
			return err_text(err, EBADMSG, "proof[%zu] is no hash", p->n - 1);
	return 0;
}

static int check_inclusion(const struct json *o, struct proof_result *res, const struct parsed *p,
			   struct err *err)
{
	uint8_t leaf[MERKLE_HASH];
	struct line_head head;
	struct str record;

	if (!json_get_str(o, "record", &record) || !json_get_u64(o, "index", &res->index) ||
	    line_head_parse(record, &head) < 0 || head.seq != res->index)
		return err_text(err, EBADMSG, "the record is none, or not of that number");
	line_leaf(record, leaf);
	if (merkle_verify_inclusion(&merkle_blake3, leaf, res->index, res->size,
				    (const uint8_t(*)[MERKLE_HASH])p->proof, p->n, p->cp.root) < 0)
		return err_text(err, EBADMSG, "the record is not the one that was signed");
	res->record = strndup(record.p, record.n);
	return res->record ? 0 : err_set(err, ENOMEM, "cannot check");
}

static int check_consistency(const struct json *o, struct str older, struct proof_result *res,
			     const struct parsed *p, struct err *err)
{
	uint8_t root[MERKLE_HASH];
	struct checkpoint from;
	struct str note = older;

	if (!json_get_u64(o, "from", &res->from) ||
	    !get_bytes(json_get(o, "from_root"), root, MERKLE_HASH))
		return err_text(err, EBADMSG, "no older state in it");
	if (note.n > 0 || json_get_str(o, "from_checkpoint", &note)) {
		if (verify_note(&res->id, note, &from) < 0)
			return err_text(err, EBADMSG,
					"the older checkpoint is not signed by the "
					"session key of this proof");
		if (from.size != res->from || memcmp(from.root, root, MERKLE_HASH) != 0)
			return err_text(err, EBADMSG,
					"the proof starts from another state than "
					"the older checkpoint signs");
		res->from_signed = true;
	}
	if (merkle_verify_consistency(&merkle_blake3, res->from, res->size,
				      (const uint8_t(*)[MERKLE_HASH])p->proof, p->n, root,
				      p->cp.root) < 0)
		return err_text(err, EBADMSG, "the newer state did not grow out of the older one");
	return 0;
}

int proof_check(struct str text, const struct install_pub *expected, struct str older,
		struct proof_result *res, struct err *err)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(16 * PROOF_MAX);
	AUTO(freep) struct parsed *p = calloc(1, sizeof(*p));
	const struct json *o;
	struct str kind;
	uint64_t version;
	int r;

	*res = (struct proof_result){ 0 };
	if (!p)
		return err_set(err, ENOMEM, "cannot check");
	if (json_parse(&arena, text, &o, err) < 0)
		return err_text(err, EBADMSG, "this is no proof");
	if (!json_get_u64(o, "capsule_proof", &version) || version != 1 ||
	    !json_get_str(o, "kind", &kind) ||
	    !(str_eqz(kind, "inclusion") || str_eqz(kind, "consistency")))
		return err_text(err, EBADMSG, "this is no proof of a kind known here");
	res->consistency = str_eqz(kind, "consistency");
	r = read_common(o, res, p, err);
	if (r < 0)
		return r;
	if (expected && memcmp(expected->public, res->id.install.public, ED25519_PUBLIC) != 0)
		return err_text(err, EBADMSG, "certified by install %s, not by the expected %s",
				res->id.install.id, expected->id);
	return res->consistency ? check_consistency(o, older, res, p, err)
				: check_inclusion(o, res, p, err);
}

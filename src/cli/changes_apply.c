/*
 * changes_apply - `capsule changes apply`: carry over, tell, and enter it in the ledger.
 */
#include "audit/ledger.h"
#include "base/own.h"
#include "cli/changes.h"
#include "cli/evidence.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int changes_record(struct changes_job *job, const char *what, size_t done, size_t left,
		   const uint8_t hash[BLAKE3_OUT])
{
	struct ledger_changes entry = {
		.session = job->session->id, .what = what, .done = done, .left = left
	};
	struct install_key key;
	int r;

	memcpy(entry.hash, hash, sizeof(entry.hash));
	if (ed25519_init() < 0)
		return err_set(&job->err, EIO, "cannot sign");
	r = install_key_load(job->config_dir, false, &key, &job->err);
	if (r < 0)
		return r;
	r = ledger_add_changes(job->state_dir, &key, &entry, &job->err);
	ed25519_wipe(&key.key);
	return r;
}

/* One outcome as JSON: what the ledger's digest is made of. */
static void put_result(struct changes_job *job, size_t i, const struct change_applied *done,
		       struct json_wr *w)
{
	const struct change_result *result = &done->results[i];

	json_object(w);
	change_put(&job->list, &job->list.items[i], w);
	if (result->hashed) {
		json_key(w, "blake3");
		json_hex(w, result->hash, sizeof(result->hash));
	}
	json_key(w, "outcome");
	json_strz(w, result->outcome == CHANGE_APPLIED ? "applied" : "left");
	if (result->error) {
		json_key(w, "error");
		json_strz(w, strerror(result->error));
	}
	json_end_object(w);
}

static void print_result(struct changes_job *job, size_t i, const struct change_applied *done)
{
	const struct change_result *result = &done->results[i];
	const struct change *c = &job->list.items[i];

	if (result->outcome == CHANGE_APPLIED) {
		if (!c->moved)
			changes_line(job, c, change_kind_name[c->kind]);
		return;
	}
	changes_line(job, c, "LEFT");
	if (result->error)
		printf("          %s%s%s\n", tint(TINT_BAD), strerror(result->error),
		       tint(TINT_NONE));
}

static int tell(struct changes_job *job, const struct change_applied *done, struct buf *out,
		uint8_t ret_hash[BLAKE3_OUT])
{
	struct json_wr w = json_wr_init(out);
	AUTO(buf_done) struct buf line = BUF_INIT(1U << 20);
	struct blake3 hash;

	blake3_init(&hash);
	json_object(&w);
	changes_head(job, &w);
	json_key(&w, "applied");
	json_u64(&w, done->applied);
	json_key(&w, "left");
	json_u64(&w, done->left);
	json_key(&w, "changes");
	json_array(&w);
	for (size_t i = 0; i < job->list.n; i++) {
		struct json_wr one = json_wr_init(&line);

		if (done->results[i].outcome == CHANGE_NOT_CHOSEN)
			continue;
		buf_reset(&line);
		put_result(job, i, done, &one);
		if (buf_error(&line))
			return buf_error(&line);
		if (done->results[i].outcome == CHANGE_APPLIED)
			blake3_update(&hash, line.p, line.n);
		if (job->json)
			json_raw(&w, buf_str(&line));
		else
			print_result(job, i, done);
	}
	json_end_array(&w);
	json_end_object(&w);
	buf_putc(out, '\n');
	blake3_final(&hash, ret_hash);
	return buf_error(out);
}

/* What is told as left, and how to have it. */
static void advise(const struct changes_job *job, const struct change_applied *done)
{
	size_t why[CHANGE_WHY_N] = { 0 };

	for (size_t i = 0; i < job->list.n; i++) {
		if (done->results[i].outcome == CHANGE_LEFT)
			why[job->list.items[i].why]++;
	}
	printf("%zu applied, %zu left\n", done->applied, done->left);
	if (why[CHANGE_CONFLICT])
		puts("--force takes those that were changed on the host meanwhile");
	if (why[CHANGE_GUARDED] + why[CHANGE_OUTWARD])
		puts("--also PATH takes one that is guarded or leads out, by its name");
}

int changes_apply_run(struct changes_job *job)
{
	AUTO(buf_done) struct buf out = BUF_INIT(512U << 20);
	struct change_choice choice = { .force = job->force,
					.only = job->only,
					.n_only = job->n_only,
					.also = job->also,
					.n_also = job->n_also };
	struct change_applied done = { 0 };
	uint8_t hash[BLAKE3_OUT];
	int r = changes_apply(&job->list, &choice, &done, &job->err);

	if (r < 0)
		return r;
	r = tell(job, &done, &out, hash);
	if (r < 0)
		return err_set(&job->err, -r, "cannot tell what was applied");
	if (!job->json)
		advise(job, &done);
	r = done.applied ? changes_record(job, "apply", done.applied, done.left, hash) : 0;
	if (r == 0 && !done.left && !done.not_chosen && !job->keep)
		r = changes_discard(job->session, &job->err);
	if (r < 0)
		return r;
	return job->json ? evidence_flush(&out, done.left > 0) : done.left > 0;
}

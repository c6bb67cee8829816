/*
 * run_report - how a run ended, as one JSON object (docs/RUN.md has its members).
 */
#include "base/log.h"
#include "base/own.h"
#include "cli/run.h"
#include "sandbox/record.h"

#include <unistd.h>

#define RUN_REPORT_MAX (8 << 20)

/* Which line of which policy file; absent if none is to blame. */
static void report_where(struct json_wr *w, const struct err *err)
{
	if (!err->file[0])
		return;
	json_key(w, "where");
	json_object(w);
	json_key(w, "file");
	json_strz(w, err->file);
	if (err->line) {
		json_key(w, "line");
		json_u64(w, err->line);
		json_key(w, "col");
		json_u64(w, err->col);
	}
	json_end_object(w);
}

static void report_policy_denial(struct json_wr *w, const struct run *run)
{
	json_key(w, "denied");
	json_array(w);
	if (run->denied) {
		json_object(w);
		json_key(w, "event");
		json_strz(w, "process.exec");
		json_key(w, "object");
		json_strz(w, run->argv[0]);
		json_key(w, "layer");
		json_strz(w, "policy");
		json_key(w, "rule");
		json_strz(w, run->tool ? "tools" : "process.commands");
		report_where(w, &run->err);
		json_key(w, "reason");
		json_strz(w, run->err.text);
		json_key(w, "retry");
		json_bool(w, false);
		json_end_object(w);
	}
	json_end_array(w);
}

static void report_error(struct json_wr *w, const struct run *run)
{
	const char *step = run->step ? run->step : run->result.step;

	json_key(w, "error");
	if (!step) {
		json_null(w);
		return;
	}
	json_object(w);
	json_key(w, "step");
	json_strz(w, step);
	json_key(w, "errno");
	json_u64(w, (uint64_t)run->err.code);
	json_key(w, "message");
	json_strz(w, run->err.text);
	report_where(w, &run->err);
	json_end_object(w);
}

static void report_session(struct json_wr *w, const struct run *run)
{
	json_key(w, "session");
	json_strz(w, run->result.id);
	json_key(w, "log");
	json_strz(w, run->result.log[0] ? run->result.log : NULL);
	json_key(w, "policy");
	json_object(w);
	json_key(w, "name");
	json_strz(w, run->policy->name);
	json_key(w, "digest");
	json_hex(w, run->policy->digest, BLAKE3_OUT);
	json_end_object(w);
	json_key(w, "ran");
	json_bool(w, run->result.ran);
	record_end(w, &run->result);
	record_layers(w, run->result.layers);
}

void run_report(const struct run *run)
{
	AUTO(buf_done) struct buf out = BUF_INIT(RUN_REPORT_MAX);
	struct json_wr w = json_wr_init(&out);
	size_t done = 0;

	if (run->report_fd < 0)
		return;
	json_object(&w);
	json_key(&w, "version");
	json_u64(&w, 1);
	if (run->step) {
		json_key(&w, "exit");
		json_u64(&w, CLI_FAILED);
		report_policy_denial(&w, run);
	} else {
		report_session(&w, run);
	}
	report_error(&w, run);
	json_end_object(&w);
	buf_putc(&out, '\n');
	while (!buf_error(&out) && done < out.n) {
		ssize_t n = pwrite(run->report_fd, out.p + done, out.n - done, (off_t)done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done != out.n || ftruncate(run->report_fd, (off_t)out.n) < 0)
		log_say(LOG_WARNING, "the report '%s' could not be written", run->report);
}

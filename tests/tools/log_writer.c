/*
 * log_writer CONFIG_DIR STATE_DIR - writes a session's log without end, to be killed at it.
 *
 * Records of changing size in bursts, with pauses in which the writer's timer runs, as in a session:
 * so a kill meets it between records, in a write, at a checkpoint, in fdatasync. The log's name goes
 * to stdout once it is open.
 */
#include "audit/audit.h"

#include <poll.h>
#include <stdio.h>

static int write_one(struct audit_log *log, uint64_t i, struct err *err)
{
	static const char filler[] = "0123456789abcdefghijklmnopqrstuvwxyz \"\\\n\x01\xc3\xa9\xff";
	struct json_wr *w = audit_begin(log, "test.record");
	size_t n = (size_t)(i * 2654435761U % 700);

	json_key(w, "number");
	json_u64(w, i);
	json_key(w, "filler");
	json_array(w);
	for (size_t done = 0; done < n; done += sizeof(filler) - 1)
		json_str(w, (struct str){ .p = filler, .n = sizeof(filler) - 1 });
	json_end_array(w);
	return audit_end(log, err);
}

/* A burst, then what an event loop does: sleep until the writer wants its turn. */
static int write_burst(struct audit_log *log, uint64_t *i, struct err *err)
{
	uint64_t n = *i * 40503U % 97;
	int r = 0;

	for (uint64_t k = 0; r == 0 && k <= n; k++)
		r = write_one(log, (*i)++, err);
	if (r == 0 && n % 7 == 0)
		r = audit_checkpoint(log, err);
	if (r == 0) {
		int ms = audit_timeout(log);

		(void)poll(NULL, 0, ms < 0 || ms > 3 ? (int)(n % 3) : ms);
		r = audit_tick(log, err);
	}
	return r;
}

int main(int argc, char **argv)
{
	struct audit_options options = { .fsync = POLICY_FSYNC_CHECKPOINT };
	struct audit_log *log = NULL;
	struct json_wr *genesis;
	struct err err = ERR_INIT;
	uint64_t i = 0;
	int r;

	if (argc != 3)
		return 2;
	options.config_dir = argv[1];
	options.state_dir = argv[2];
	r = audit_open(&options, &log, &genesis, &err);
	if (r == 0)
		r = audit_end(log, &err);
	if (r == 0) {
		puts(audit_path(log));
		(void)fflush(stdout);
	}
	while (r == 0)
		r = write_burst(log, &i, &err);
	fprintf(stderr, "log_writer: %s\n", err.text);
	return 1;
}

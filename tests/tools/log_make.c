/*
 * log_make CONFIG_DIR STATE_DIR LOG RECORDS [TEXT] - writes a whole session's log of that many records,
 * a checkpoint behind every hundredth. "-" as LOG: the writer's own name; the name goes to stdout.
 */
#include "audit/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int write_all_records(struct audit_log *log, unsigned long n, const char *text,
			     struct err *err)
{
	int r = 0;

	for (unsigned long i = 0; r == 0 && i < n; i++) {
		struct json_wr *w = audit_begin(log, "test.record");

		json_key(w, "number");
		json_u64(w, i);
		json_key(w, "text");
		json_strz(w, text);
		r = audit_end(log, err);
		if (r == 0 && i % 100 == 99)
			r = audit_checkpoint(log, err);
	}
	return r;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct audit_options o = { 0 };
	struct audit_log *log;
	struct json_wr *genesis;
	int r;

	if (argc < 5)
		return 2;
	o.config_dir = argv[1];
	o.state_dir = argv[2];
	o.path = strcmp(argv[3], "-") == 0 ? NULL : argv[3];
	r = audit_open(&o, &log, &genesis, &err);
	if (r == 0) {
		json_key(genesis, "command");
		json_strz(genesis, "log_make");
		r = audit_end(log, &err);
		puts(audit_path(log));
		if (r == 0)
			r = write_all_records(log, strtoul(argv[4], NULL, 10),
					      argc > 5 ? argv[5] : "x", &err);
		r = r == 0 ? audit_close(log, &err) : (audit_abort(log), r);
	}
	if (r < 0)
		fprintf(stderr, "log_make: %s\n", err.text);
	return r < 0;
}

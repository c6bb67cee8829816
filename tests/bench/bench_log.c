/*
 * What the log costs: "NAME VALUE UNIT" lines.
 *
 * A record is what a traced open would give: some 240 bytes with its head. Appending is everything:
 * clock, JSON, leaf hash, tree, checkpoints with their signatures, write. log_append leaves the disk to
 * itself (fsync: never) and is per core; log_append_synced waits for it at every checkpoint, so it
 * measures the disk. "_cpu" counts processor time instead of time. The best of three runs counts.
 * log_session_*: a session of no records from audit_open() to audit_close(), both fdatasyncs included.
 */
#include "audit/audit.h"
#include "audit/verify.h"
#include "base/own.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#define RECORDS 1000000
#define SESSIONS 200

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double now_cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void die(const struct err *err)
{
	fprintf(stderr, "bench_log: %s\n", err->text);
	exit(1);
}

static void record(struct audit_log *log, unsigned i, struct err *err)
{
	struct json_wr *w = audit_begin(log, "file.open");

	json_key(w, "pid");
	json_u64(w, 4000 + i % 100);
	json_key(w, "path");
	json_str(w, STR("/home/someone/project/src/main.c"));
	json_key(w, "decision");
	json_str(w, STR("allow"));
	if (audit_end(log, err) < 0)
		die(err);
}

static double session(struct audit_options *o, unsigned records)
{
	struct err err = ERR_INIT;
	struct audit_log *log;
	struct json_wr *genesis;
	double start = now();

	if (audit_open(o, &log, &genesis, &err) < 0)
		die(&err);
	json_key(genesis, "command");
	json_strz(genesis, "true");
	if (audit_end(log, &err) < 0)
		die(&err);
	for (unsigned i = 0; i < records; i++)
		record(log, i, &err);
	if (audit_close(log, &err) < 0)
		die(&err);
	return now() - start;
}

static void verify(const char *path)
{
	static const struct verify_options any = { 0 };
	static struct verify_report report;
	double best = 1e9, best_cpu = 1e9;
	struct err err = ERR_INIT;

	for (int i = 0; i < 5; i++) {
		AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
		double cpu = now_cpu(), t = now();

		if (verify_fd(fd, &any, &report, &err) < 0)
			die(&err);
		t = now() - t;
		cpu = now_cpu() - cpu;
		if (!verify_intact(&report) || !report.ended || report.lines < RECORDS) {
			fprintf(stderr, "bench_log: the log does not verify\n");
			exit(1);
		}
		best = t < best ? t : best;
		best_cpu = cpu < best_cpu ? cpu : best_cpu;
	}
	printf("log_verify %.0f records/s\n", (double)report.lines / best);
	printf("log_verify_cpu %.0f records/s\n", (double)report.lines / best_cpu);
}

int main(int argc, char **argv)
{
	char dir[] = "/var/tmp/capsule-bench-XXXXXX", config[64], state[64], path[64], rm[128];
	struct audit_options o = {
		.config_dir = config, .state_dir = state, .path = path, .fsync = POLICY_FSYNC_NEVER
	};
	char synced[64];
	double best = 1e9, best_cpu = 1e9, total = 0;

	if (!mkdtemp(dir))
		return 1;
	snprintf(config, sizeof(config), "%s/config", dir);
	snprintf(state, sizeof(state), "%s/state", dir);
	snprintf(path, sizeof(path), "%s/bench.log", dir);
	snprintf(synced, sizeof(synced), "%s/synced.log", dir);
	(void)session(&o, 0);
	(void)unlink(path);
	for (int i = 0; i < 3; i++) {
		double cpu = now_cpu(), t = session(&o, RECORDS);

		cpu = now_cpu() - cpu;
		best_cpu = cpu < best_cpu ? cpu : best_cpu;
		best = t < best ? t : best;
		if (i < 2)
			(void)unlink(path);
	}
	printf("log_append %.0f records/s\n", RECORDS / best);
	printf("log_append_cpu %.0f records/s\n", RECORDS / best_cpu);
	verify(path);
	o.fsync = POLICY_FSYNC_CHECKPOINT;
	if (argc > 1 && rename(path, argv[1]) < 0) /* keep the log */
		return 1;

	o.path = synced;
	printf("log_append_synced %.0f records/s\n", RECORDS / session(&o, RECORDS));
	o.path = NULL;
	best = 1e9;
	for (int i = 0; i < SESSIONS; i++) {
		double t = session(&o, 0);

		best = t < best ? t : best;
		total += t;
	}
	printf("log_session_best %.3f ms\n", best * 1e3);
	printf("log_session_mean %.3f ms\n", total / SESSIONS * 1e3);
	snprintf(rm, sizeof(rm), "%s", dir);
	if (fork() == 0) {
		execlp("rm", "rm", "-rf", rm, (char *)NULL);
		_exit(127);
	}
	return 0;
}

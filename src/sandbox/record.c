#include "sandbox/record.h"

#include "sandbox/host.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void put_argv(struct json_wr *w, const char *key, char *const argv[])
{
	json_key(w, key);
	json_array(w);
	for (; *argv; argv++)
		json_strz(w, *argv);
	json_end_array(w);
}

static void put_hex(struct json_wr *w, const char *key, const uint8_t digest[BLAKE3_OUT])
{
	json_key(w, key);
	json_hex(w, digest, BLAKE3_OUT);
}

static void put_str(struct json_wr *w, const char *key, const char *value)
{
	json_key(w, key);
	json_strz(w, value);
}

static void put_u64(struct json_wr *w, const char *key, uint64_t value)
{
	json_key(w, key);
	json_u64(w, value);
}

static void put_policy(struct json_wr *w, const struct session_options *options)
{
	const struct policy *policy = options->policy;

	json_key(w, "policy");
	json_object(w);
	put_str(w, "name", policy->name);
	put_hex(w, "digest", policy->digest);
	put_hex(w, "effective", policy->effective);
	json_key(w, "sources");
	json_array(w);
	for (size_t i = 0; i < policy->n_sources; i++) {
		json_object(w);
		put_str(w, "name", policy->sources[i].name);
		put_hex(w, "digest", policy->sources[i].digest);
		json_end_object(w);
	}
	json_end_array(w);
	put_str(w, "tool", options->tool);
	json_end_object(w);
}

static void put_program(struct json_wr *w, const char *state_dir)
{
	char cache[PATH_MAX];
	uint8_t digest[BLAKE3_OUT];
	uint64_t size;

	json_key(w, "capsule");
	json_object(w);
	put_str(w, "version", CAPSULE_VERSION);
	(void)snprintf(cache, sizeof(cache), "%s/program", state_dir);
	if (host_binary_digest(cache, digest, &size) == 0) {
		put_hex(w, "blake3", digest);
		put_u64(w, "size", size);
	}
	json_end_object(w);
}

static void put_host(struct json_wr *w)
{
	struct host_facts host;

	host_facts(&host);
	json_key(w, "host");
	json_object(w);
	put_str(w, "name", host.uts.nodename);
	put_str(w, "system", host.uts.sysname);
	put_str(w, "kernel", host.uts.release);
	put_str(w, "machine", host.uts.machine);
	put_str(w, "boot", host.boot_id);
	json_end_object(w);
	json_key(w, "user");
	json_object(w);
	put_u64(w, "uid", geteuid());
	put_u64(w, "gid", getegid());
	put_u64(w, "pid", (uint64_t)getpid());
	json_end_object(w);
}

void record_genesis(struct json_wr *w, const struct session_options *options)
{
	put_program(w, options->audit.state_dir);
	put_policy(w, options);
	put_host(w);
	put_argv(w, "command", options->argv);
	put_str(w, "cwd", options->cwd);
	put_str(w, "workspace", options->policy->workspace);
}

void record_layers(struct json_wr *w, const struct layer_status layers[LAYER_N])
{
	json_key(w, "layers");
	json_array(w);
	for (int i = 0; i < LAYER_N; i++) {
		json_object(w);
		put_str(w, "name", layer_info[i].name);
		put_str(w, "state", layer_state_name[layers[i].state]);
		if (layers[i].state == LAYER_UNAVAILABLE)
			put_u64(w, "errno", (uint64_t)layers[i].error);
		if (layers[i].detail[0])
			put_str(w, "detail", layers[i].detail);
		json_end_object(w);
	}
	json_end_array(w);
}

/* Names only: a value that passes may still be nobody else's business. */
void record_start(struct json_wr *w, const struct session_options *options)
{
	put_argv(w, "argv", options->argv);
	put_str(w, "cwd", options->cwd);
	json_key(w, "env");
	json_array(w);
	for (char *const *e = options->envp; *e; e++)
		json_str(w, (struct str){ .p = *e, .n = strcspn(*e, "=") });
	json_end_array(w);
	put_u64(w, "env_stripped", options->env_stripped);
}

static uint64_t timeval_us(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static void put_usage(struct json_wr *w, const struct wall_exit *end)
{
	const struct rusage *u = &end->usage;

	json_key(w, "usage");
	json_object(w);
	put_u64(w, "user_us", timeval_us(u->ru_utime));
	put_u64(w, "system_us", timeval_us(u->ru_stime));
	put_u64(w, "max_rss_kib", (uint64_t)u->ru_maxrss);
	put_u64(w, "minor_faults", (uint64_t)u->ru_minflt);
	put_u64(w, "major_faults", (uint64_t)u->ru_majflt);
	put_u64(w, "blocks_in", (uint64_t)u->ru_inblock);
	put_u64(w, "blocks_out", (uint64_t)u->ru_oublock);
	put_u64(w, "switches", (uint64_t)(u->ru_nvcsw + u->ru_nivcsw));
	if (end->memory_peak)
		put_u64(w, "memory_peak", end->memory_peak);
	json_end_object(w);
}

static void put_stream(struct json_wr *w, const char *key, const struct session_stream *stream)
{
	if (!stream->carried)
		return;
	json_key(w, key);
	json_object(w);
	put_u64(w, "bytes", stream->bytes);
	if (stream->digested)
		put_hex(w, "blake3", stream->digest);
	json_end_object(w);
}

static void put_limit(struct json_wr *w, const char *name, uint64_t hits)
{
	if (!hits)
		return;
	json_object(w);
	put_str(w, "limit", name);
	put_u64(w, "hits", hits);
	json_end_object(w);
}

/* One thing that the wall knows it refused. Fields as in docs/RUN.md. */
struct denial {
	const char *event, *object, *layer, *rule, *reason;
};

static void put_denial(struct json_wr *w, const struct denial *d)
{
	json_object(w);
	put_str(w, "event", d->event);
	put_str(w, "object", d->object);
	put_str(w, "layer", d->layer);
	put_str(w, "rule", d->rule);
	put_str(w, "reason", d->reason);
	json_key(w, "retry");
	json_bool(w, false);
	json_end_object(w);
}

static int ended_by(const struct session_result *result)
{
	if (!result->ran || WIFSTOPPED(result->end.status))
		return 0;
	if (WIFSIGNALED(result->end.status))
		return WTERMSIG(result->end.status);
	/* a shell in between tells a child's signal as 128+N */
	return WEXITSTATUS(result->end.status) > 128 ? WEXITSTATUS(result->end.status) - 128 : 0;
}

static bool hit_filter(const struct session_result *r)
{
	return ended_by(r) == SIGSYS;
}

static bool hit_memory(const struct session_result *r)
{
	return r->end.oom_kills > 0;
}

static bool hit_pids(const struct session_result *r)
{
	return r->end.pids_hits > 0;
}

static bool hit_time(const struct session_result *r)
{
	return r->timed_out;
}

static bool hit_output(const struct session_result *r)
{
	return r->output_exceeded;
}

static bool hit_file_size(const struct session_result *r)
{
	return ended_by(r) == SIGXFSZ;
}

static const struct {
	bool (*hit)(const struct session_result *r);
	struct denial denial;
	const char *notice;
} ends[] = {
	{ hit_filter,
	  { "syscall", "", "seccomp", "syscalls", "a system call that the policy forbids" },
	  "the command was ended by the system call filter (SIGSYS); 'syscalls:' in the policy "
	  "says "
	  "what is allowed" },
	{ hit_memory,
	  { "limit.memory", "", "cgroup", "limits.memory", "the memory limit was reached" },
	  "the kernel ended a process at the memory limit (limits.memory)" },
	{ hit_pids,
	  { "limit.pids", "", "cgroup", "limits.pids", "the process limit was reached" },
	  "the process limit was reached (limits.pids)" },
	{ hit_time,
	  { "limit.wall_time", "", "session", "limits.wall_time", "the time was up" },
	  "the time was up (limits.wall_time)" },
	{ hit_output,
	  { "limit.output", "", "session", "limits.output", "the output limit was reached" },
	  "the output limit was reached (limits.output); the rest was not passed on" },
	{ hit_file_size,
	  { "limit.file_size", "", "rlimits", "limits.file_size", "a file grew to its limit" },
	  "a file grew to its limit (limits.file_size)" },
};

#define N_ENDS (sizeof(ends) / sizeof(ends[0]))

void record_denied(struct json_wr *w, const struct session_result *result)
{
	json_key(w, "limits");
	json_array(w);
	put_limit(w, "memory", result->end.oom_kills);
	put_limit(w, "pids", result->end.pids_hits);
	put_limit(w, "wall_time", result->timed_out);
	put_limit(w, "output", result->output_exceeded);
	json_end_array(w);
	json_key(w, "denied");
	json_array(w);
	for (size_t i = 0; i < N_ENDS; i++) {
		if (ends[i].hit(result))
			put_denial(w, &ends[i].denial);
	}
	json_end_array(w);
}

const char *record_notice(const struct session_result *result)
{
	for (size_t i = 0; i < N_ENDS; i++) {
		if (ends[i].hit(result))
			return ends[i].notice;
	}
	return NULL;
}

static void put_made(struct json_wr *w, const struct made *made)
{
	json_key(w, "made_protected");
	json_array(w);
	for (size_t i = 0; i < made->n && i < MADE_MAX; i++)
		json_strz(w, made->paths[i]->path);
	json_end_array(w);
}

/* How many changes wait in the layers. */
static void put_changes(struct json_wr *w, const struct session_changes *c)
{
	json_key(w, "changes");
	json_object(w);
	for (int i = 0; c->counted && i < CHANGE_N; i++)
		put_u64(w, change_kind_name[i], c->count[i]);
	if (c->counted)
		put_u64(w, "held", c->held);
	json_end_object(w);
}

void record_end(struct json_wr *w, const struct session_result *result)
{
	json_key(w, "exit");
	json_u64(w, (uint64_t)result->exit_status);
	if (result->ran && WIFSIGNALED(result->end.status))
		put_u64(w, "signal", (uint64_t)WTERMSIG(result->end.status));
	put_u64(w, "duration_us", result->duration_us);
	if (result->denials)
		put_u64(w, "denials", result->denials);
	put_usage(w, &result->end);
	put_stream(w, result->same_output ? "output" : "stdout", &result->streams[0]);
	put_stream(w, "stderr", &result->streams[1]);
	put_stream(w, "terminal", &result->terminal);
	if (result->terminal_dropped)
		put_u64(w, "terminal_dropped", result->terminal_dropped);
	if (result->made.n)
		put_made(w, &result->made);
	if (result->changes.kept || result->changes.counted)
		put_changes(w, &result->changes);
	record_denied(w, result);
}

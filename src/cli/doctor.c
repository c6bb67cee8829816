/*
 * capsule doctor - what of the wall does this host have? Performed, not guessed.
 */
#include "base/buf.h"
#include "base/own.h"
#include "cli/cli.h"
#include "codec/json_wr.h"
#include "policy/policy.h"
#include "record/recorder.h"
#include "sandbox/probe.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define OUT_MAX (64 * 1024)
/*
 * What the trial sessions run under. Not the policy found here: doctor tells of the host. Nothing
 * in it depends on what the host has granted, so the second back end can be tried with it too.
 */
static const char trial_policy[] = "version: 1\n"
				   "name: doctor\n"
				   "filesystem:\n"
				   "  exec: [/usr, {path: /bin, optional: true}, "
				   "{path: /lib, optional: true}, {path: /lib64, optional: true}]\n"
				   "limits: {pids: 4096}\n";

struct session {
	int r;
	struct err err;
	uint64_t us;
	struct layer_status layers[LAYER_N];
};

struct doctor {
	bool json;
	struct utsname host;
	struct probe_result probes[LAYER_N];
	struct session sessions[WALL_N_BACKENDS];
	int recorder; /* 0: the kernel can record every call */
	char no_recorder[RECORDER_WHY_MAX];
	struct buf out;
};

static int usage(FILE *to, int status)
{
	fputs("usage: capsule doctor [--json]\n\n"
	      "Perform each thing that the wall is made of, in a process of its own, then start a\n"
	      "whole session with either back end, and say what works, what does not, and what "
	      "can\n"
	      "be done about it.\n\n"
	      "  --json   one JSON object\n\n"
	      "exit status: 0 sessions are possible here, 1 they are not, 2 wrong usage\n",
	      to);
	return status;
}

static void examine(struct doctor *d)
{
	struct policy_vars vars = { .workspace = "/", .home = "/nonexistent", .tmp = "/tmp" };
	struct policy *policy = NULL;
	struct err err = ERR_INIT;
	int r;

	(void)uname(&d->host);
	probe_layers(d->probes);
	r = policy_load_text("doctor", str_of(trial_policy), &vars, &policy, NULL, &err);
	for (int i = 0; i < WALL_N_BACKENDS; i++) {
		struct session *s = &d->sessions[i];

		s->err = err;
		s->r = r < 0 ? r
			     : probe_session(policy, (enum wall_backend)i, &s->us, s->layers,
					     &s->err);
	}
	policy_free(policy);
	d->recorder = recorder_probe(d->no_recorder);
}

/* May a session start: with one back end or the other. */
static bool healthy(const struct doctor *d)
{
	return d->sessions[WALL_NAMESPACES].r == 0 || d->sessions[WALL_LANDLOCK].r == 0;
}

static const char *advice(const struct doctor *d, int layer)
{
	return layer_advice((enum layer)layer, d->probes[layer].error);
}

static void put_text(struct doctor *d)
{
	static const char *const what[WALL_N_BACKENDS] = {
		[WALL_NAMESPACES] = "a session with namespaces",
		[WALL_LANDLOCK] = "a session without them",
	};

	const char *last = "";

	buf_printf(&d->out, "%s %s %s, uid %u\n\n", d->host.sysname, d->host.release,
		   d->host.machine, (unsigned)geteuid());
	for (int i = 0; i < LAYER_N; i++) {
		const struct probe_result *p = &d->probes[i];

		buf_printf(&d->out, "%-4s %-15s %s", p->error ? "NO" : "ok", layer_info[i].name,
			   layer_info[i].what);
		if (*p->detail && !p->error)
			buf_printf(&d->out, " (%s)", p->detail);
		buf_putc(&d->out, '\n');
		if (!p->error)
			continue;
		buf_printf(&d->out, "     %-15s %s%s%s\n", "", p->detail, *p->detail ? ": " : "",
			   strerror(p->error));
		/* Seven namespaces that are refused for one reason want one advice. */
		if (strcmp(advice(d, i), last) != 0)
			buf_printf(&d->out, "     %-15s -> %s\n", "", advice(d, i));
		last = advice(d, i);
	}
	buf_putc(&d->out, '\n');
	for (int i = 0; i < WALL_N_BACKENDS; i++) {
		const struct session *s = &d->sessions[i];

		if (s->r == 0)
			buf_printf(&d->out, "ok   %s: %llu.%llu ms\n", what[i],
				   (unsigned long long)s->us / 1000,
				   (unsigned long long)s->us / 100 % 10);
		else
			buf_printf(&d->out, "NO   %s: %s\n", what[i], s->err.text);
	}
	if (d->recorder == 0)
		buf_putz(&d->out, "ok   every system call recorded by the kernel (eBPF)\n");
	else
		buf_printf(&d->out,
			   "no   every system call recorded by the kernel (eBPF): %s\n"
			   "     'audit.record: all' uses ptrace here, which is slow\n",
			   d->no_recorder);
	buf_putz(&d->out, healthy(d) ? "\nSessions can be started here.\n"
				     : "\nNo session can be started here.\n");
}

static void put_json_layer(struct json_wr *w, const struct doctor *d, int i)
{
	const struct probe_result *p = &d->probes[i];

	json_object(w);
	json_key(w, "name");
	json_strz(w, layer_info[i].name);
	json_key(w, "what");
	json_strz(w, layer_info[i].what);
	json_key(w, "works");
	json_bool(w, p->error == 0);
	json_key(w, "errno");
	json_i64(w, p->error);
	json_key(w, "error");
	json_strz(w, p->error ? strerror(p->error) : NULL);
	json_key(w, "detail");
	json_strz(w, p->detail);
	json_key(w, "advice");
	json_strz(w, p->error ? advice(d, i) : NULL);
	json_end_object(w);
}

static void put_json_session(struct json_wr *w, const struct doctor *d, int i)
{
	const struct session *s = &d->sessions[i];

	json_object(w);
	json_key(w, "name");
	json_strz(w, wall_backend_name[i]);
	json_key(w, "works");
	json_bool(w, s->r == 0);
	json_key(w, "error");
	json_strz(w, s->r ? s->err.text : NULL);
	json_key(w, "microseconds");
	json_u64(w, s->us);
	json_key(w, "layers");
	json_object(w);
	for (int l = 0; l < LAYER_N; l++) {
		json_key(w, layer_info[l].name);
		json_strz(w, layer_state_name[s->layers[l].state]);
	}
	json_end_object(w);
	json_end_object(w);
}

static void put_json(struct doctor *d)
{
	struct json_wr w = json_wr_init(&d->out);

	json_object(&w);
	json_key(&w, "kernel");
	json_strz(&w, d->host.release);
	json_key(&w, "machine");
	json_strz(&w, d->host.machine);
	json_key(&w, "uid");
	json_u64(&w, geteuid());
	json_key(&w, "ok");
	json_bool(&w, healthy(d));
	json_key(&w, "layers");
	json_array(&w);
	for (int i = 0; i < LAYER_N; i++)
		put_json_layer(&w, d, i);
	json_end_array(&w);
	json_key(&w, "backends");
	json_array(&w);
	for (int i = 0; i < WALL_N_BACKENDS; i++)
		put_json_session(&w, d, i);
	json_end_array(&w);
	json_key(&w, "recording");
	json_object(&w);
	json_key(&w, "ebpf");
	json_bool(&w, d->recorder == 0);
	json_key(&w, "error");
	json_strz(&w, d->recorder ? d->no_recorder : NULL);
	json_end_object(&w);
	json_end_object(&w);
	buf_putc(&d->out, '\n');
}

int cli_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct doctor d = { .out = BUF_INIT(OUT_MAX) };
	int c, status;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'j': d.json = true; break;
		case 'h': return usage(stdout, 0);
		default: return usage(stderr, CLI_USAGE);
		}
	}
	if (optind < argc)
		return usage(stderr, CLI_USAGE);
	examine(&d);
	if (d.json)
		put_json(&d);
	else
		put_text(&d);
	status = healthy(&d) ? 0 : 1;
	if (buf_error(&d.out) || fwrite(d.out.p, 1, d.out.n, stdout) != d.out.n ||
	    fflush(stdout) != 0) {
		fputs("capsule doctor: cannot write the report\n", stderr);
		status = CLI_FAILED;
	}
	buf_done(&d.out);
	return status;
}

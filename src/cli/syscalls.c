/*
 * capsule syscalls - what a policy makes of each system call, and why.
 */
#include "base/buf.h"
#include "base/own.h"
#include "cli/cli.h"
#include "codec/json_wr.h"
#include "policy/policy.h"
#include "sandbox/filter.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DIAG_MAX (256 * 1024)
#define OUT_MAX (1024 * 1024)
#define TEXT_MAX 8192

struct syscalls {
	const char *policy_file, *preset, *only;
	enum sysc_arch arch;
	bool json;
	char *const *names;
	int n_names;
	struct policy *policy;
	struct policy bare; /* for --preset */
	struct buf out;
};

static int usage(FILE *to, int status)
{
	fputs("usage: capsule syscalls [OPTIONS] [NAME...]\n\n"
	      "List what the policy that would hold here makes of each system call, or of those\n"
	      "named, and why.\n\n"
	      "  --policy FILE    this policy (or preset:NAME) instead of the one found here\n"
	      "  --preset NAME    only a list of system calls: strict, default or compat\n"
	      "  --arch ARCH      numbers for x86-64 or aarch64; the default is this machine\n"
	      "  --only VERDICT   allowed, conditional or refused\n"
	      "  --json           one JSON object for each call\n",
	      to);
	return status;
}

static int load_policy(struct syscalls *s)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(DIAG_MAX);
	const char *tmp = getenv("TMPDIR"), *home = getenv("HOME");
	const char *config = getenv("XDG_CONFIG_HOME");
	struct err err = ERR_INIT;
	char cwd[PATH_MAX];
	struct policy_vars vars = { .workspace = getcwd(cwd, sizeof(cwd)),
				    .home = home && home[0] == '/' ? home : "/",
				    .tmp = tmp && tmp[0] == '/' ? tmp : "/tmp",
				    .config = config && config[0] == '/' ? config : NULL };
	int r = vars.workspace ? policy_load(s->policy_file, &vars, &s->policy, &diag, &err)
			       : err_set(&err, errno, "the current directory");

	if (r == 0)
		r = filter_check_policy(s->policy, &err);
	if (r == 0)
		return 0;
	if (diag.n)
		fputs(buf_cstr(&diag), stderr);
	else
		fprintf(stderr, "capsule syscalls: %s\n", err.text);
	return r;
}

static int choose_preset(struct syscalls *s)
{
	static const char *const names[] = { "strict", "default", "compat" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(s->preset, names[i]) == 0) {
			s->bare.sysc_preset = (enum policy_sysc_preset)i;
			return 0;
		}
	}
	fprintf(stderr, "capsule syscalls: no preset '%s'; there are strict, default and compat\n",
		s->preset);
	return -EINVAL;
}

static void put_json(struct syscalls *s, enum sysc sysc, enum filter_verdict verdict,
		     const struct buf *text)
{
	struct json_wr w = json_wr_init(&s->out);
	int nr = sysc_info[sysc].nr[s->arch];

	json_object(&w);
	json_key(&w, "name");
	json_strz(&w, sysc_info[sysc].name);
	json_key(&w, "arch");
	json_strz(&w, sysc_arch_name(s->arch));
	json_key(&w, "number");
	if (nr < 0)
		json_null(&w);
	else
		json_i64(&w, nr);
	json_key(&w, "verdict");
	json_strz(&w, filter_verdict_name[verdict]);
	json_key(&w, "text");
	json_str(&w, buf_str(text));
	json_end_object(&w);
	buf_putc(&s->out, '\n');
}

static void list_one(struct syscalls *s, enum sysc sysc)
{
	char room[TEXT_MAX];
	struct buf text = buf_fixed(room, sizeof(room));
	const struct policy *policy = s->policy ? s->policy : &s->bare;
	enum filter_verdict verdict = filter_explain(policy, FILTER_SESSION, sysc, &text);

	if (s->only && strcmp(s->only, filter_verdict_name[verdict]) != 0)
		return;
	if (s->json)
		put_json(s, sysc, verdict, &text);
	else
		buf_printf(&s->out, "%-24s %4d  %-11s  %s\n", sysc_info[sysc].name,
			   sysc_info[sysc].nr[s->arch], filter_verdict_name[verdict],
			   buf_cstr(&text));
}

static int list(struct syscalls *s)
{
	for (int i = 0; i < s->n_names; i++) {
		struct str name = str_of(s->names[i]);
		int sysc = sysc_by_name(name);
		const char *near = sysc < 0 ? sysc_nearest(name) : NULL;

		if (sysc < 0) {
			fprintf(stderr, "capsule syscalls: unknown system call '%s'%s%s%s\n",
				s->names[i], near ? "; did you mean '" : "", near ? near : "",
				near ? "'?" : "");
			return CLI_USAGE;
		}
		list_one(s, (enum sysc)sysc);
	}
	for (enum sysc sysc = 0; s->n_names == 0 && sysc < SYSC_N; sysc++) {
		if (sysc_info[sysc].nr[s->arch] >= 0)
			list_one(s, sysc);
	}
	if (buf_error(&s->out) || fwrite(s->out.p, 1, s->out.n, stdout) != s->out.n ||
	    fflush(stdout) != 0) {
		fputs("capsule syscalls: cannot write the list\n", stderr);
		return CLI_FAILED;
	}
	return 0;
}

static bool is_verdict(const char *word)
{
	for (int i = 0; i < FILTER_N_VERDICTS; i++) {
		if (strcmp(word, filter_verdict_name[i]) == 0)
			return true;
	}
	return false;
}

/* 0, an exit status to end with, or -1 to end with 0 after --help. */
static int read_options(struct syscalls *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "policy", required_argument, NULL, 'p' },
		{ "preset", required_argument, NULL, 's' },
		{ "arch", required_argument, NULL, 'a' },
		{ "only", required_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, arch;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'p': s->policy_file = optarg; break;
		case 's': s->preset = optarg; break;
		case 'o': s->only = optarg; break;
		case 'j': s->json = true; break;
		case 'a':
			arch = sysc_arch_by_name(str_of(optarg));
			if (arch < 0) {
				fprintf(stderr,
					"capsule syscalls: no machine '%s'; there are "
					"x86-64 and aarch64\n",
					optarg);
				return CLI_USAGE;
			}
			s->arch = (enum sysc_arch)arch;
			break;
		case 'h': (void)usage(stdout, 0); return -1;
		default: return usage(stderr, CLI_USAGE);
		}
	}
	if ((s->policy_file && s->preset) || (s->only && !is_verdict(s->only)))
		return usage(stderr, CLI_USAGE);
	s->names = argv + optind;
	s->n_names = argc - optind;
	return 0;
}

int cli_syscalls(int argc, char **argv)
{
	struct syscalls s = { .arch = SYSC_NATIVE, .out = BUF_INIT(OUT_MAX) };
	int r = read_options(&s, argc, argv);

	if (r != 0)
		return r < 0 ? 0 : r;
	if (s.preset)
		r = choose_preset(&s) < 0 ? CLI_USAGE : 0;
	else
		r = load_policy(&s) < 0 ? CLI_USAGE : 0;
	if (r == 0)
		r = list(&s);
	buf_done(&s.out);
	policy_free(s.policy);
	return r;
}

/*
 * capsule - one program, one table of verbs; each verb has a file of its own.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct cli_verb verbs[] = {
	{ "init", "write a commented capsule.yaml", cli_init },
	{ "policy", "check, show, explain, compare and import policies", cli_policy },
	{ "rules", "check, list, try, test and measure rules", cli_rules },
	{ "run", "run a command behind the wall", cli_run },
	{ "reload", "have a running session load its policy again", cli_reload },
	{ "asks", "show what running sessions ask", cli_asks },
	{ "answer", "answer a question of a running session", cli_answer },
	{ "changes", "what overlaid sessions wrote: list, diff, apply, discard", cli_changes },
	{ "doctor", "say what of the wall this host has, and what to do about the rest",
	  cli_doctor },
	{ "syscalls", "list what a policy makes of each system call", cli_syscalls },
	{ "learn", "run a command and propose the narrowest policy for it", cli_learn },
	{ "ledger", "list your sessions; are all their logs there?", cli_ledger },
	{ "log", "look into a log, follow it, prove parts of it", cli_log },
	{ "verify", "is this log what its writer wrote?", cli_verify },
	{ "why", "say why something was denied, and what would have to change", cli_why },
	{ "version", "print the version", cli_version },
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int usage(FILE *to, int status)
{
	fputs("usage: capsule VERB [ARGUMENTS]\n\n", to);
	for (size_t i = 0; i < N_VERBS; i++)
		fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].what);
	fputs("\n'capsule VERB --help' says more about one.\n", to);
	return status;
}

int cli_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("capsule " CAPSULE_VERSION);
	return 0;
}

int main(int argc, char **argv)
{
	const char *names[N_VERBS];
	const char *near;

	if (argc < 2)
		return usage(stderr, CLI_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return usage(stdout, 0);
	if (strcmp(argv[1], "--version") == 0)
		return cli_version(0, NULL);
	for (size_t i = 0; i < N_VERBS; i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
		names[i] = verbs[i].name;
	}
	near = str_nearest(str_of(argv[1]), names, N_VERBS);
	fprintf(stderr, "capsule: unknown verb '%s'%s%s%s\n", argv[1],
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return CLI_USAGE;
}

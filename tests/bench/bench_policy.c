/*
 * bench_policy - what loading a policy costs at the start of a run: the built-in default (no file
 * anywhere), and a file that extends it.
 */
#include "base/buf.h"
#include "policy/policy.h"

#include <stdio.h>
#include <time.h>

#define ROUNDS 2000

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static const struct policy_vars vars = { .workspace = "/tmp",
					 .home = "/nonexistent",
					 .tmp = "/tmp",
					 .config = "/nonexistent",
					 .org_file = "/nonexistent/policy.yaml" };

static int load_default(void)
{
	struct policy *policy;
	int r = policy_load(NULL, &vars, &policy, NULL, NULL);

	if (r == 0)
		policy_free(policy);
	return r;
}

static int load_file(void)
{
	static const char text[] = "version: 1\nname: bench\nextends: preset:agent\n"
				   "filesystem:\n  read: [/var/lib/dpkg]\n"
				   "limits: {memory: 2GiB, pids: 512}\n"
				   "process: {env: {pass: [FOO, BAR_*], set: {A: b}}}\n";
	struct policy *policy;
	int r = policy_load_text("bench.yaml", str_of(text), &vars, &policy, NULL, NULL);

	if (r == 0)
		policy_free(policy);
	return r;
}

static int measure(const char *name, int (*load)(void))
{
	double first = now_us(), rest;

	if (load() < 0)
		return 1;
	rest = now_us();
	printf("policy_%s_first %.1f us\n", name, rest - first);
	for (int i = 0; i < ROUNDS; i++) {
		if (load() < 0)
			return 1;
	}
	printf("policy_%s %.1f us\n", name, (now_us() - rest) / ROUNDS);
	return 0;
}

int main(void)
{
	return measure("default", load_default) || measure("extends", load_file);
}

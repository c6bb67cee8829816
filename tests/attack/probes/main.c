/*
 * attack_probe - the driver: picks the attack, runs it in a child, reports.
 *
 * The child writes its verdict into a page shared with the driver, so that a verdict survives a
 * SIGSYS right after it, and "attempted" is known even for a child that was killed at once.
 */
#include "probe.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define TIMEOUT_MS 40000

enum result { RES_NONE, RES_SUCCEEDED, RES_BLOCKED, RES_UNABLE };

struct report {
	bool attempted;
	enum result result;
	int error;
	char detail[256];
};

static const struct probe *const tables[] = {
	probes_abi,  probes_ns, probes_net,   probes_proc, probes_kernel,
	probes_exec, probes_fs, probes_limit, probes_more,
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static struct report *report;
static char **params;

void attempt(void)
{
	report->attempted = true;
}

static __attribute__((format(printf, 3, 0))) _Noreturn void finish(enum result result, int error,
								   const char *fmt, va_list ap)
{
	report->error = error;
	vsnprintf(report->detail, sizeof(report->detail), fmt, ap);
	report->result = result;
	_exit(0);
}

void succeeded(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	finish(RES_SUCCEEDED, 0, fmt, ap);
}

void blocked(int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	finish(RES_BLOCKED, error, fmt, ap);
}

void unable(const char *fmt, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, fmt);
	finish(RES_UNABLE, error, fmt, ap);
}

void verdict(long ret, const char *what)
{
	if (ret < 0)
		blocked(errno, "%s", what);
	succeeded("%s gave %ld", what, ret);
}

void verdict_reached(long ret, const char *what)
{
	if (ret >= 0)
		succeeded("%s gave %ld", what, ret);
	switch (errno) {
	case EPERM:
	case EACCES:
	case ENOSYS:
	case ENOENT:
	case ESRCH: blocked(errno, "%s", what);
	}
	succeeded("%s reached the kernel: %s", what, strerrorname_np(errno));
}

const char *param(const char *key)
{
	static char line[256];
	size_t n = key ? strlen(key) : 0;

	if (!key)
		return NULL;
	for (char **p = params; *p; p++) {
		if (strncmp(*p, key, n) != 0 || (*p)[n] != '=')
			continue;
		if (strcmp(*p + n + 1, "-") != 0)
			return *p + n + 1;
		/* Not more than the line: the next attack's child reads the next. */
		setvbuf(stdin, NULL, _IONBF, 0);
		if (!fgets(line, sizeof(line), stdin))
			unable("no value for %s on stdin", key);
		line[strcspn(line, "\n")] = '\0';
		return line;
	}
	unable("parameter %s is missing", key);
}

long param_num(const char *key)
{
	const char *text = param(key);
	char *end;
	long value = strtol(text, &end, 0);

	if (end == text || *end)
		unable("parameter %s is not a number: '%s'", key, text);
	return value;
}

ssize_t slurp(int fd, char *to, size_t size)
{
	size_t at = 0;
	ssize_t n = 0;

	while (at < size - 1 && (n = read(fd, to + at, size - 1 - at)) > 0)
		at += (size_t)n;
	to[at] = '\0';
	return n < 0 && at == 0 ? -1 : (ssize_t)at;
}

static void json_text(const char *key, const char *value)
{
	printf(",\"%s\":\"", key);
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static int list(void)
{
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct probe *p = tables[t]; p->id; p++) {
			printf("{\"flags\":%u", p->flags);
			json_text("id", p->id);
			json_text("what", p->what);
			json_text("want", p->want);
			json_text("params", p->params ? p->params : "");
			puts("}");
		}
	return 0;
}

static const struct probe *find(const char *id)
{
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct probe *p = tables[t]; p->id; p++)
			if (strcmp(p->id, id) == 0)
				return p;
	return NULL;
}

/* Waits for the attack's child; -1 when it hung and was killed. */
static int child_wait(pid_t pid)
{
	int status;

	for (int ms = 0; ms < TIMEOUT_MS; ms++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		/* Most attacks are over in microseconds. */
		nanosleep(&(struct timespec){ .tv_nsec = ms < 20 ? 100000 : 1000000 }, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

static const char *result_name(int status)
{
	static const char *const names[] = { "unable", "succeeded", "blocked", "unable" };

	if (report->result != RES_NONE)
		return names[report->result];
	if (status == -1)
		return "hung";
	return WIFSIGNALED(status) ? "killed" : "unable";
}

/* More power than the real user id has by itself? */
static bool privileged(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	syscall(SYS_capget, &head, data);
	return geteuid() != getuid() || getegid() != getgid() || data[0].effective ||
	       data[1].effective;
}

/* One attack, in a child of its own. */
static int perform(const struct probe *probe)
{
	int status;
	pid_t pid;

	memset(report, 0, sizeof(*report));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return 2;
	if (pid == 0) {
		probe->run();
		unable("the probe ended without a verdict");
	}
	status = child_wait(pid);
	printf("{\"attempted\":%s,\"signal\":%d", report->attempted ? "true" : "false",
	       status != -1 && WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	json_text("id", probe->id);
	json_text("result", result_name(status));
	json_text("errno", report->error ? strerrorname_np(report->error) ?: "?" : "");
	json_text("detail", report->detail);
	puts("}");
	return 0;
}

static int usage(void)
{
	fputs("usage: attack_probe --list | ID [KEY=VALUE ...] | --several 'ID [KEY=VALUE ...]' "
	      "...\n",
	      stderr);
	return 2;
}

/* "ID KEY=VALUE ...", in place. */
static int perform_words(char *text)
{
	char *words[8] = { NULL };
	const struct probe *probe;
	size_t n = 0;

	for (char *word = strtok(text, " "); word && n < 7; word = strtok(NULL, " "))
		words[n++] = word;
	probe = n ? find(words[0]) : NULL;
	params = words + 1;
	return probe ? perform(probe) : usage();
}

int main(int argc, char **argv)
{
	const struct probe *probe;
	int r = 0;

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	/* What the attacks of exec.c start; a script's name may follow. */
	if (argc > 1 && strcmp(argv[1], "--exit42") == 0)
		return 42;
	if (argc > 1 && strcmp(argv[1], "--privilege") == 0)
		return privileged() ? 42 : 0;
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (report == MAP_FAILED || argc < 2)
		return usage();
	signal(SIGUSR2, SIG_IGN); /* A22-all sends it to everybody */
	if (strcmp(argv[1], "--several") == 0) {
		for (int i = 2; r == 0 && i < argc; i++)
			r = perform_words(argv[i]);
		return r;
	}
	probe = find(argv[1]);
	params = argv + 2;
	return probe ? perform(probe) : usage();
}

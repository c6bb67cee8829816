/*
 * Arbitrary lines as records, on a host that has whatever is asked for. What is proposed must load, and so
 * must a policy that it was merged into; no line may name a secret or a folder that holds everything.
 */
#include "base/own.h"
#include "policy/learn.h"
#include "policy/learn_place.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#define OUT_MAX (64U << 20)

static const struct policy_vars vars = { .workspace = "/w/p", .home = "/home/u", .tmp = "/tmp" };
static const char mine[] = "version: 1\nfilesystem:\n  read:\n    - /data/x\nlimits: { pids: 3 }\n";

/* Names with an 'f' are files, with an 'n' are not there, others folders. */
static int look(void *ctx, const char *path, mode_t *ret_mode)
{
	const char *name = strrchr(path, '/');

	(void)ctx;
	if (name && strchr(name, 'n'))
		return -ENOENT;
	*ret_mode = name && strchr(name, 'f') ? S_IFREG | 0644 : S_IFDIR | 0755;
	return 0;
}

static ssize_t head(void *ctx, const char *path, char *p, size_t n)
{
	const char *text = strchr(path, 'e') ? "\177ELF" : "#!/opt/of -x\n";

	(void)ctx;
	n = strlen(text) < n ? strlen(text) : n;
	memcpy(p, text, n);
	return (ssize_t)n;
}

static int list(void *ctx, const char *path, int (*each)(void *, const char *), void *arg)
{
	(void)ctx;
	if (strchr(path, 's'))
		return each(arg, "id_rsa.f");
	return each(arg, "f");
}

static const struct learn_host host = { NULL, look, head, list };

static void lines_take(struct learn *learn, struct str text)
{
	for (size_t at = 0; at < text.n;) {
		const char *nl = memchr(text.p + at, '\n', text.n - at);
		size_t to = nl ? (size_t)(nl - text.p) : text.n;

		(void)learn_record(learn, str_sub(text, at, to));
		at = to + 1;
	}
}

static void must_load(struct buf *text)
{
	AUTO(policy_freep) struct policy *policy = NULL;
	struct err err = ERR_INIT;

	if (buf_error(text) ||
	    policy_load_text("p", buf_str(text), &vars, &policy, NULL, &err) < 0) {
		fprintf(stderr, "%s\n%s\n", err.text, buf_cstr(text));
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(policy_freep) struct policy *base = NULL;
	AUTO(policy_freep) struct policy *own = NULL;
	AUTO(learn_freep) struct learn *learn = NULL;
	AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
	AUTO(buf_done) struct buf merged = BUF_INIT(OUT_MAX);
	struct learn_options o = { .workspace = "/w/p",
				   .home = "/home/u",
				   .tmp = "/tmp",
				   .base = "preset:readonly",
				   .host = &host };
	const struct learn_line *lines;
	size_t n;

	if (policy_load_text("base", policy_preset_text("readonly"), &vars, &base, NULL, NULL) <
		    0 ||
	    policy_load_text("mine", str_of(mine), &vars, &own, NULL, NULL) < 0)
		abort();
	o.policy = base;
	if (learn_new(&o, &learn, NULL) < 0)
		return 0;
	lines_take(learn, (struct str){ (const char *)data, size });
	if (learn_propose(learn, &lines, &n, NULL) < 0)
		return 0;
	for (size_t i = 0; i < n && n < 900; i++) {
		if (lines[i].kind != POLICY_FS_DENY && learn_is_secret(lines[i].path, o.home))
			abort();
		if (lines[i].general == 2 && learn_is_everything(lines[i].path, o.home))
			abort();
	}
	learn_write(learn, &out);
	if (n < 900) /* as many paths as a policy may have */
		must_load(&out);
	if (learn_merge(learn, "mine", str_of(mine), own, &merged, NULL) == 0 && n < 900)
		must_load(&merged);
	return 0;
}

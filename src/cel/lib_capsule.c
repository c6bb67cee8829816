/*
 * Functions of our own, on text: paths, host names, credentials. All read their argument alone and
 * look up nothing: no file system, no DNS.
 */
#include "base/secret.h"
#include "cel/domain.h"
#include "cel/glob.h"
#include "cel/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

static int glob_prepare(struct str pattern, void **ret_prepared, char *message, size_t cap)
{
	struct glob *glob;
	char reason[128];
	int r = glob_compile(pattern, &glob, reason, sizeof(reason));

	if (r == -EINVAL)
		(void)snprintf(message, cap, "invalid pattern: %s", reason);
	if (r == 0)
		*ret_prepared = glob;
	return r;
}

static void glob_release(void *prepared)
{
	glob_free(prepared);
}

/* What compiling costs: the table that is made at first has a row for each ASCII character. */
#define GLOB_STEPS 200

/* The pattern @s compiled into the scratch; NULL with the error in *ret_error. */
static const struct glob *glob_now(struct cel_eval *eval, struct str s, struct cel_value *ret_error)
{
	struct glob_build *build;
	struct glob *glob;
	char reason[128];

	if (!cel_charge(eval, GLOB_STEPS + s.n)) {
		*ret_error = cel_fail_steps(eval);
		return NULL;
	}
	build = cel_scratch(eval, glob_build_size());
	if (build && glob_read(s, build, reason, sizeof(reason)) < 0) {
		*ret_error = cel_fail(eval, CEL_E_ARGUMENT, "invalid pattern: %s", reason);
		return NULL;
	}
	glob = build ? cel_scratch(eval, glob_size(build)) : NULL;
	if (!glob) {
		*ret_error = cel_fail_memory(eval);
		return NULL;
	}
	glob_make(build, glob);
	return glob;
}

static struct cel_value text_glob(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	const struct glob *glob;
	struct cel_value error;

	(void)n;
	/* several words of states for each character */
	if (!cel_charge(eval, 4 + (uint64_t)args[0].n))
		return cel_fail_steps(eval);
	if (args[1].kind == CEL_BYTES && args[1].flags & CEL_PREPARED)
		glob = (const void *)args[1].p;
	else
		glob = glob_now(eval, cel_str(args[1]), &error);
	return glob ? cel_bool(glob_matches(glob, cel_str(args[0]))) : error;
}

/* The next component of the path @s from *@at on, "." and empty ones left out; false: the end. */
static bool component(struct str s, size_t *at, struct str *ret)
{
	while (*at < s.n) {
		const char *slash = memchr(s.p + *at, '/', s.n - *at);
		size_t end = slash ? (size_t)(slash - s.p) : s.n;

		*ret = str_sub(s, *at, end);
		*at = end + 1;
		if (ret->n && !str_eq(*ret, STR(".")))
			return true;
	}
	return false;
}

/* A path with ".." says nothing about where it leads: links may stand in it. */
static bool leads_up(struct str s)
{
	struct str part;

	for (size_t at = 0; component(s, &at, &part);) {
		if (str_eq(part, STR("..")))
			return true;
	}
	return false;
}

static struct cel_value text_under(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct str path = cel_str(args[0]), root = cel_str(args[1]), a, b;
	size_t at_path = 0, at_root = 0;

	(void)n;
	if (!cel_charge_bytes(eval, 2 * ((uint64_t)path.n + root.n)))
		return cel_fail_steps(eval);
	if (leads_up(path) || leads_up(root))
		return cel_fail(eval, CEL_E_ARGUMENT, "under(): '..' in a path");
	/* the empty path is no place, not the working directory */
	if (path.n == 0 || root.n == 0 || (path.p[0] == '/') != (root.p[0] == '/'))
		return cel_bool(false);
	while (component(root, &at_root, &b)) {
		if (!component(path, &at_path, &a) || !str_eq(a, b))
			return cel_bool(false);
	}
	return cel_bool(true);
}

/* In lower case: host names are compared so, and rules name them so. */
static struct cel_value lower(struct cel_eval *eval, struct str s)
{
	struct text t;
	size_t i = 0;

	while (i < s.n && !(s.p[i] >= 'A' && s.p[i] <= 'Z'))
		i++;
	if (i == s.n)
		return cel_string(s);
	t = text_init(eval, s.n);
	for (i = 0; i < s.n && !t.error; i++)
		text_putc(&t, (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]));
	return text_value(&t);
}

static struct cel_value text_domain(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct str host = cel_str(args[0]);

	(void)n;
	if (!domain_list_present())
		return cel_fail(eval, CEL_E_ARGUMENT,
				"domain(): built without the public suffix list");
	/* each label is encoded twice, in time square in its length */
	if (!cel_charge(eval, 16 + (host.n < DOMAIN_HOST_MAX ? host.n : DOMAIN_HOST_MAX)))
		return cel_fail_steps(eval);
	return lower(eval, domain_registrable(host));
}

static struct cel_value text_secret(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (!cel_charge_bytes(eval, 2 * (uint64_t)args[0].n))
		return cel_fail_steps(eval);
	return cel_bool(secret_find(cel_str(args[0]), NULL) != NULL);
}

static struct cel_value text_secret_kind(struct cel_eval *eval, const struct cel_value *args,
					 unsigned n)
{
	const char *kind;

	(void)n;
	if (!cel_charge_bytes(eval, 2 * (uint64_t)args[0].n))
		return cel_fail_steps(eval);
	kind = secret_find(cel_str(args[0]), NULL);
	return cel_string(kind ? str_of(kind) : STR(""));
}

/* Shannon's entropy of the bytes, in bits for each: 0 of one letter repeated, 8 of noise. */
static struct cel_value text_entropy(struct cel_eval *eval, const struct cel_value *args,
				     unsigned n)
{
	uint32_t count[256] = { 0 };
	double total = args[0].n, sum = 0;

	(void)n;
	if (!cel_charge_bytes(eval, 1024 + (uint64_t)args[0].n))
		return cel_fail_steps(eval);
	for (uint32_t i = 0; i < args[0].n; i++)
		count[(unsigned char)args[0].p[i]]++;
	for (unsigned c = 0; c < 256; c++) {
		if (count[c])
			sum += count[c] * log2(total / count[c]);
	}
	return cel_double(args[0].n ? sum / total : 0);
}

static const struct cel_overload overloads[] = {
	{ .name = "glob",
	  .args = "ss:b",
	  .call = text_glob,
	  .flags = CEL_FN_MEMBER | CEL_FN_PATTERN,
	  .prepare = glob_prepare,
	  .release = glob_release },
	{ "under", "ss:b", text_under, CEL_FN_MEMBER },
	{ "domain", "s:s", text_domain, CEL_FN_MEMBER },
	{ "secret", "s:b", text_secret, CEL_FN_MEMBER },
	{ "secretKind", "s:s", text_secret_kind, CEL_FN_MEMBER },
	{ "entropy", "s:d", text_entropy, CEL_FN_MEMBER },
	{ "entropy", "y:d", text_entropy, CEL_FN_MEMBER },
};

const struct cel_library cel_lib_capsule = { "capsule", overloads,
					     sizeof(overloads) / sizeof(overloads[0]) };

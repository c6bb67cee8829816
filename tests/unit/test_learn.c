/*
 * The proposer, on records and a host that are written down here. Whatever it proposes is held against
 * what was seen: a line that covers more must say by which rule.
 */
#include "base/own.h"
#include "policy/learn.h"
#include "policy/learn_place.h"
#include "policy/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define WS "/w/project"
#define HOME "/home/u"

static const struct policy_vars vars = { .workspace = WS, .home = HOME, .tmp = "/tmp" };

/* ---- a host ---- */

struct file {
	const char *path;
	mode_t mode;
	const char *head;
};

struct host {
	const struct file *files;
	size_t n;
};

static int fake_look(void *ctx, const char *path, mode_t *ret_mode)
{
	const struct host *h = ctx;

	for (size_t i = 0; i < h->n; i++) {
		if (strcmp(h->files[i].path, path) == 0) {
			*ret_mode = h->files[i].mode;
			return 0;
		}
	}
	/* folders that something is in */
	for (size_t i = 0; i < h->n; i++) {
		if (path_within(h->files[i].path, path)) {
			*ret_mode = S_IFDIR | 0755;
			return 0;
		}
	}
	return -ENOENT;
}

static ssize_t fake_head(void *ctx, const char *path, char *p, size_t n)
{
	const struct host *h = ctx;

	for (size_t i = 0; i < h->n; i++) {
		const char *head = h->files[i].head;

		if (strcmp(h->files[i].path, path) != 0)
			continue;
		n = head && strlen(head) < n ? strlen(head) : head ? n : 0;
		memcpy(p, head ? head : "", n);
		return (ssize_t)n;
	}
	return -ENOENT;
}

static int fake_list(void *ctx, const char *path, int (*each)(void *, const char *), void *arg)
{
	const struct host *h = ctx;
	char names[64][64];
	size_t n = 0, len = strlen(path);
	int r = 0;

	for (size_t i = 0; i < h->n; i++) {
		const char *rest = h->files[i].path + len + 1;
		bool known = false;
		char name[64];

		if (!path_within(h->files[i].path, path) || strcmp(h->files[i].path, path) == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, "/"), rest);
		for (size_t k = 0; k < n; k++)
			known |= strcmp(names[k], name) == 0;
		if (!known && n < 64)
			(void)snprintf(names[n++], sizeof(names[0]), "%s", name);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		r = each(arg, names[i]);
	return r;
}

#define DIR(p)                          \
	{                               \
		p, S_IFDIR | 0755, NULL \
	}
#define REG(p)                            \
	{                                 \
		p, S_IFREG | 0644, "text" \
	}
static const struct file files[] = {
	DIR(WS),
	DIR(WS "/src"),
	DIR(HOME),
	DIR("/tmp"),
	DIR("/data/sets"),
	REG(WS "/src/m.c"),
	REG(WS "/src/n.c"),
	REG(WS "/out/old"),
	REG(WS "/conf/.env"),
	REG(WS "/conf/app.ini"),
	REG(HOME "/.ssh/config"),
	REG(HOME "/.ssh/id_rsa"),
	REG(HOME "/.config/tool/a.toml"),
	REG(HOME "/.config/other"),
	REG(HOME "/.gitconfig"),
	REG(HOME "/.cache/pip/x"),
	REG(HOME "/.aws/credentials"),
	REG(HOME "/.netrc"),
	{ HOME "/venv/lib/fast.so", S_IFREG | 0644, "\177ELF...." },
	{ HOME "/venv/bin/tool", S_IFREG | 0755, "#! " HOME "/venv/bin/python -x\n" },
	{ HOME "/venv/bin/python", S_IFREG | 0755, "\177ELF" },
	{ "/data/key.pem", S_IFREG | 0600, "-----BEGIN RSA PRIVATE KEY-----\n" },
	{ "/data/cert.pem", S_IFREG | 0644, "-----BEGIN CERTIFICATE-----\n" },
	{ "/run/docker.sock", S_IFSOCK | 0666, NULL },
	REG("/usr/bin/cat"),
	REG("/etc/passwd"),
	REG("/etc/shadow"),
	REG("/etc/hosts"),
	REG("/data/sets/1"),
	REG("/data/sets/2"),
	REG("/data/sets/3"),
	REG("/data/sets/4"),
	REG("/data/sets/5"),
	REG("/data/sets/6"),
	REG("/data/sets/7"),
	REG("/data/sets/8"),
	REG("/data/sets/9"),
	REG("/data/mixed/1"),
	REG("/data/mixed/2"),
	REG("/data/mixed/3"),
	REG("/data/mixed/4"),
	REG("/data/mixed/5"),
	REG("/data/mixed/6"),
	REG("/data/mixed/7"),
	REG("/data/mixed/8"),
	REG("/data/mixed/deep/id_rsa"),
	REG("/etc/a1"),
	REG("/etc/a2"),
	REG("/etc/a3"),
	REG("/etc/a4"),
	REG("/etc/a5"),
	REG("/etc/a6"),
	REG("/etc/a7"),
	REG("/etc/a8"),
	REG("/etc/a9"),
};

static struct host fake = { files, sizeof(files) / sizeof(files[0]) };
static const struct learn_host fake_host = { &fake, fake_look, fake_head, fake_list };

/* ---- a case ---- */

struct bench {
	struct policy *base;
	struct learn *learn;
	const struct learn_line *lines;
	size_t n;
	unsigned seq;
};

static void start_with(struct bench *b, const char *base)
{
	struct learn_options o = { .workspace = WS,
				   .home = HOME,
				   .tmp = "/tmp",
				   .base = "preset:readonly",
				   .host = &fake_host };

	*b = (struct bench){ 0 };
	assert_int_equal(policy_load_text("base", str_of(base), &vars, &b->base, NULL, NULL), 0);
	o.policy = b->base;
	assert_int_equal(learn_new(&o, &b->learn, NULL), 0);
}

static void start(struct bench *b)
{
	start_with(b,
		   "version: 1\nfilesystem: { home: private, tmp: private, read: ['${workspace}'], "
		   "write: ['${tmp}'], exec: [/usr, /bin], deny: [/etc/shadow] }\n");
}

static void end(struct bench *b)
{
	b->learn = learn_free(b->learn);
	b->base = policy_free(b->base);
}

static void event(struct bench *b, const char *type, const char *result, const char *members)
{
	AUTO(buf_done) struct buf line = BUF_INIT(65536);

	buf_printf(&line,
		   "{\"seq\":%u,\"sid\":\"0\",\"time\":\"t\",\"prev\":\"p\",\"type\":\"event\","
		   "\"event\":{\"type\":\"%s\",\"common\":{\"process\":{\"executable\":"
		   "\"/usr/bin/cat\"}},%s},\"decision\":{\"action\":\"allow\"},"
		   "\"outcome\":{\"result\":\"%s\"%s}}",
		   ++b->seq, type, members, strcmp(result, "failed") == 0 ? "failed" : result,
		   strcmp(result, "failed") == 0 ? ",\"errno\":\"EACCES\"" : "");
	assert_int_equal(learn_record(b->learn, buf_str(&line)), 0);
}

static void file_event(struct bench *b, const char *type, const char *path, const char *more)
{
	char members[4096];

	(void)snprintf(members, sizeof(members), "\"file\":{\"activity\":{\"path\":\"%s\"%s}}",
		       path, more);
	event(b, type, "done", members);
}

static void reads(struct bench *b, const char *path)
{
	file_event(b, "file.open", path, ",\"write\":false,\"kind\":\"file\"");
}

static void writes(struct bench *b, const char *path)
{
	file_event(b, "file.open", path, ",\"write\":true,\"kind\":\"file\"");
}

static void makes(struct bench *b, const char *path)
{
	file_event(b, "file.create", path, ",\"write\":true,\"create\":true,\"kind\":\"file\"");
}

static void executes(struct bench *b, const char *path)
{
	char members[4096];

	(void)snprintf(members, sizeof(members),
		       "\"process\":{\"activity\":{\"executable\":\"%s\"}}", path);
	event(b, "process.exec", "done", members);
}

static void propose(struct bench *b)
{
	assert_int_equal(learn_propose(b->learn, &b->lines, &b->n, NULL), 0);
}

static const struct learn_line *line_of(const struct bench *b, const char *path,
					enum policy_fs kind)
{
	for (size_t i = 0; i < b->n; i++) {
		if (strcmp(b->lines[i].path, path) == 0 && b->lines[i].kind == kind)
			return &b->lines[i];
	}
	return NULL;
}

/* What was proposed can be loaded, on top of the base. */
static const char *written(struct bench *b, struct buf *out)
{
	AUTO(policy_freep) struct policy *policy = NULL;
	struct err err = ERR_INIT;

	learn_write(b->learn, out);
	assert_int_equal(buf_error(out), 0);
	if (policy_load_text("learned", buf_str(out), &vars, &policy, NULL, &err) < 0)
		fail_msg("%s\n%s", err.text, buf_cstr(out));
	return buf_cstr(out);
}

/* ---- tests ---- */

static void exactly_what_was_seen(void **unused)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1U << 20);
	struct bench b;

	(void)unused;
	start(&b);
	reads(&b, HOME "/.config/tool/a.toml");
	reads(&b, HOME "/.config/tool/a.toml");
	reads(&b, "/data/cert.pem");
	reads(&b, "/etc/hosts");
	writes(&b, WS "/out/old");
	reads(&b, WS "/src/m.c"); /* the base's */
	executes(&b, "/usr/bin/cat");
	reads(&b, "/tmp/x");
	makes(&b, "/tmp/y");
	reads(&b, "/dev/null");
	propose(&b);
	assert_int_equal(b.n, 4);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.lines[i].general, 0);
	assert_non_null(line_of(&b, HOME "/.config/tool/a.toml", POLICY_FS_READ));
	assert_non_null(line_of(&b, "/data/cert.pem", POLICY_FS_READ));
	assert_non_null(line_of(&b, "/etc/hosts", POLICY_FS_READ));
	assert_string_equal(line_of(&b, WS "/out/old", POLICY_FS_WRITE)->why,
			    "1 x cat; first in record 5");
	assert_non_null(strstr(written(&b, &out), "# 2 x cat; first in record 1\n"
						  "    - \"~/.config/tool/a.toml\""));
	end(&b);
}

static void names_need_their_folder(void **unused)
{
	struct bench b;

	(void)unused;
	start(&b);
	makes(&b, WS "/build/deep/x.o");
	makes(&b, WS "/build");
	makes(&b, WS "/src/gen.c");
	reads(&b, WS "/src/gen.c");
	executes(&b, WS "/out/made");
	propose(&b);
	/* the nearest that the host has: build was made */
	assert_int_equal(line_of(&b, WS, POLICY_FS_WRITE)->general, 1);
	assert_null(line_of(&b, WS "/src", POLICY_FS_WRITE)); /* within it */
	assert_int_equal(line_of(&b, WS "/out", POLICY_FS_EXEC)->general, 5);
	/* and what looks like a secret in it */
	assert_non_null(line_of(&b, WS "/conf/.env", POLICY_FS_DENY));
	assert_int_equal(b.n, 3);
	end(&b);
}

static void many_become_the_folder(void **unused)
{
	struct bench b;
	char path[64];

	(void)unused;
	for (int n = LEARN_MANY - 1; n <= LEARN_MANY; n++) {
		start(&b);
		for (int i = 1; i <= n; i++) {
			(void)snprintf(path, sizeof(path), "/data/sets/%d", i);
			reads(&b, path);
		}
		propose(&b);
		if (n < LEARN_MANY) {
			assert_int_equal(b.n, n);
		} else {
			assert_int_equal(b.n, 1);
			assert_int_equal(line_of(&b, "/data/sets", POLICY_FS_READ)->general, 2);
			assert_string_equal(b.lines[0].why, "8 x cat; first in record 1");
		}
		end(&b);
	}
}

static void never_into_what_holds_everything(void **unused)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1U << 20);
	struct bench b;
	char path[64];

	(void)unused;
	start(&b);
	for (int i = 1; i <= 9; i++) {
		(void)snprintf(path, sizeof(path), "/etc/a%d", i);
		reads(&b, path); /* many of /etc */
	}
	for (int i = 1; i <= 8; i++) {
		(void)snprintf(path, sizeof(path), "/data/mixed/%d", i);
		reads(&b, path); /* many, beside a secret */
	}
	makes(&b, HOME "/.newrc");
	makes(&b, HOME "/.config/new");
	makes(&b, HOME "/.cache/pip/y");
	makes(&b, "/srv/thing");
	propose(&b);
	assert_int_equal(b.n, 9 + 8 + 1);
	for (size_t i = 0; i < b.n; i++)
		assert_true(b.lines[i].general == 0 ||
			    strcmp(b.lines[i].path, HOME "/.cache/pip") == 0);
	assert_non_null(strstr(written(&b, &out), "private home"));
	end(&b);
}

static void never_a_secret(void **unused)
{
	static const char *const secrets[] = {
		HOME "/.ssh/config", HOME "/.ssh/id_rsa", HOME "/.aws/credentials", HOME "/.netrc",
		"/data/key.pem",     "/etc/shadow",       "/run/docker.sock",       WS "/conf/.env",
	};
	AUTO(buf_done) struct buf out = BUF_INIT(1U << 20);
	struct bench b;

	(void)unused;
	start_with(
		&b,
		"version: 1\nfilesystem: { home: private, exec: [/usr], deny: [/etc/shadow] }\n");
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		reads(&b, secrets[i]);
		writes(&b, secrets[i]);
	}
	reads(&b, "//etc/shadow"); /* no name that the supervisor writes */
	reads(&b, HOME "/x/../.ssh/id_rsa");
	executes(&b, HOME "/.ssh/id_rsa");
	makes(&b, HOME "/.ssh/authorized_keys");
	event(&b, "net.connect", "done",
	      "\"net\":{\"activity\":{\"protocol\":\"tcp\"}},\"ip\":{\"value\":\"169.254.169.254\"}"
	      ","
	      "\"tcp\":{\"port\":80}");
	propose(&b);
	assert_int_equal(b.n, 0);
	(void)written(&b, &out);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		assert_non_null(strstr(buf_cstr(&out), secrets[i]));
	assert_non_null(strstr(buf_cstr(&out), "169.254.169.254"));
	assert_null(strstr(buf_cstr(&out), "\nnetwork:"));
	end(&b);
}

static void code_is_executed(void **unused)
{
	struct bench b;

	(void)unused;
	start(&b);
	reads(&b, HOME "/venv/lib/fast.so");
	executes(&b, HOME "/venv/bin/tool");
	propose(&b);
	assert_int_equal(b.n, 3);
	assert_int_equal(line_of(&b, HOME "/venv/lib/fast.so", POLICY_FS_EXEC)->general, 3);
	assert_int_equal(line_of(&b, HOME "/venv/bin/tool", POLICY_FS_EXEC)->general, 0);
	assert_int_equal(line_of(&b, HOME "/venv/bin/python", POLICY_FS_EXEC)->general, 4);
	end(&b);
}

static void tried_is_not_granted(void **unused)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1U << 20);
	struct bench b;

	(void)unused;
	start(&b);
	event(&b, "file.open", "failed",
	      "\"file\":{\"activity\":{\"path\":\"/data/cert.pem\",\"write\":false}}");
	event(&b, "file.open", "denied",
	      "\"file\":{\"activity\":{\"path\":\"/data/sets/1\",\"write\":true}}");
	file_event(&b, "file.open", HOME "/.ssh (deleted)", ",\"kind\":\"folder\"");
	file_event(&b, "file.open", "/data/sets", ",\"kind\":\"folder\",\"write\":false");
	propose(&b);
	assert_int_equal(b.n, 0);
	(void)written(&b, &out);
	assert_non_null(strstr(buf_cstr(&out), "Tried, and failed"));
	assert_non_null(
		strstr(buf_cstr(&out), "#   \"/data/cert.pem\"  1 x cat; first in record 1"));
	assert_non_null(strstr(buf_cstr(&out), "Folders that were listed"));
	end(&b);
}

/* Names that are no names for a policy, and records that make no sense. */
static void hostile_records(void **unused)
{
	static const char *const lines[] = {
		"",
		"{",
		"{\"type\":\"event\"}",
		"{\"seq\":1,\"type\":\"event\",\"event\":7}",
		"{\"seq\":1,\"type\":\"event\",\"event\":{\"type\":\"file.open\"}}",
		"{\"seq\":1,\"type\":\"event\",\"event\":{\"type\":\"file.open\",\"file\":"
		"{\"activity\":{\"path\":7}}}}",
		"{\"seq\":\"x\",\"type\":\"event\",\"event\":{\"type\":\"file.open\",\"file\":"
		"{\"activity\":{\"path\":\"/x\"}}}}",
		"{\"seq\":1,\"type\":\"event\",\"event\":{\"type\":\"file.rename\",\"file\":"
		"{\"activity\":{\"path\":\"relative\",\"new_path\":\"a\\u0000b\"}}}}",
	};
	AUTO(buf_done) struct buf out = BUF_INIT(1U << 20);
	static struct file odd[] = {
		REG("/data/odd/$x"),       REG("/data/odd/*"),    REG("/data/odd/a\nversion: 2"),
		REG("/data/odd/\x1b[31m"), REG("/data/odd/\" }"), REG("/data/odd/x # y"),
	};
	struct host h = { odd, sizeof(odd) / sizeof(odd[0]) };
	struct host was = fake;
	struct bench b;

	(void)unused;
	start(&b);
	fake = h;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(learn_record(b.learn, str_of(lines[i])), 0);
	reads(&b, "/data/odd/$x");
	reads(&b, "/data/odd/*");
	reads(&b, "/data/odd/a\\nversion: 2");
	reads(&b, "/data/odd/\\u001b[31m");
	reads(&b, "/data/odd/\\\" }");
	reads(&b, "/data/odd/x # y");
	propose(&b);
	assert_int_equal(b.n, 2); /* a quote and a hash can be said */
	assert_null(strchr(written(&b, &out), '\x1b'));
	fake = was;
	end(&b);
}

/*
 * Whatever was seen, in any mixture: each line is exactly something seen, or says which rule made it
 * more, and that rule holds.
 */
static void no_line_covers_more(void **unused)
{
	uint32_t state = 7;

	(void)unused;
	for (int round = 0; round < 400; round++) {
		bool seen[sizeof(files) / sizeof(files[0])] = { 0 };
		struct bench b;

		start(&b);
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			state = state * 1664525 + 1013904223;
			if (S_ISDIR(files[i].mode) || (state >> 16) % 3)
				continue;
			seen[i] = true;
			switch ((state >> 24) % 4) {
			case 0: writes(&b, files[i].path); break;
			case 1: executes(&b, files[i].path); break;
			case 2: file_event(&b, "file.delete", files[i].path, ""); break;
			default: reads(&b, files[i].path); break;
			}
		}
		propose(&b);
		for (size_t i = 0; i < b.n; i++) {
			const struct learn_line *line = &b.lines[i];
			size_t exact = 0, inside = 0;

			for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
				exact += seen[k] && strcmp(files[k].path, line->path) == 0;
				inside += seen[k] && path_within(files[k].path, line->path);
			}
			if (line->kind == POLICY_FS_DENY)
				continue;
			assert_false(learn_is_secret(line->path, HOME));
			if (line->general == 0 || line->general == 3)
				assert_int_equal(exact, 1);
			if (line->general == 1 || line->general == 5)
				assert_true(inside >= 1 && !learn_is_everything(line->path, HOME));
			if (line->general == 2)
				assert_true(inside >= LEARN_MANY &&
					    !learn_is_everything(line->path, HOME));
		}
		end(&b);
	}
}

static void merge_adds_lines(void **unused)
{
	static const char *const policies[] = {
		"version: 1 # mine\nextends: preset:readonly\nfilesystem:\n  read:\n    - "
		"/data/sets/1\n"
		"    # why\n    - path: /data/sets/2\n      optional: true\n  home: "
		"private\nlimits: { pids: 9 }\n",
		"version: 1\nextends: preset:readonly\n",
		"version: 1\nfilesystem:\n    home: private\n\nlimits: { pids: 9 }",
	};
	struct err err = ERR_INIT;

	(void)unused;
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		AUTO(buf_done) struct buf out = BUF_INIT(1U << 20);
		AUTO(policy_freep) struct policy *old = NULL;
		AUTO(policy_freep) struct policy *new = NULL;
		struct bench b;

		start(&b);
		reads(&b, "/data/sets/1");
		reads(&b, "/data/cert.pem");
		writes(&b, WS "/out/old");
		propose(&b);
		assert_int_equal(
			policy_load_text("p", str_of(policies[i]), &vars, &old, NULL, &err), 0);
		assert_int_equal(learn_merge(b.learn, "p", str_of(policies[i]), old, &out, &err),
				 0);
		if (policy_load_text("p", buf_str(&out), &vars, &new, NULL, &err) < 0)
			fail_msg("%s\n%s", err.text, buf_cstr(&out));
		for (size_t k = 0; k < b.n; k++)
			assert_true(path_covered(new, new->paths, new->n_paths, b.lines[k].path,
						 b.lines[k].kind));
		assert_int_equal(new->limits.pids, old->limits.pids);
		if (i == 0)
			assert_int_equal(new->n_paths, old->n_paths + 2); /* one was there */
		end(&b);
	}
}

static void merge_refuses_what_it_cannot_add_to(void **unused)
{
	static const char flow[] = "version: 1\nfilesystem: { read: [/data/sets/1] }\n";
	AUTO(buf_done) struct buf out = BUF_INIT(1U << 20);
	AUTO(policy_freep) struct policy *old = NULL;
	struct err err = ERR_INIT;
	struct bench b;

	(void)unused;
	start(&b);
	reads(&b, "/data/cert.pem");
	propose(&b);
	assert_int_equal(policy_load_text("p", str_of(flow), &vars, &old, NULL, &err), 0);
	assert_int_equal(learn_merge(b.learn, "p", str_of(flow), old, &out, &err), -EOPNOTSUPP);
	assert_true(str_starts(str_of(err.text), STR("p:2:21: ")) || err.line == 2);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_what_was_seen),
		cmocka_unit_test(names_need_their_folder),
		cmocka_unit_test(many_become_the_folder),
		cmocka_unit_test(never_into_what_holds_everything),
		cmocka_unit_test(never_a_secret),
		cmocka_unit_test(code_is_executed),
		cmocka_unit_test(tried_is_not_granted),
		cmocka_unit_test(hostile_records),
		cmocka_unit_test(no_line_covers_more),
		cmocka_unit_test(merge_adds_lines),
		cmocka_unit_test(merge_refuses_what_it_cannot_add_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

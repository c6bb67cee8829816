#include "log_world.h"

#include "audit/chain.h"
#include "audit/line.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/note.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/capsule-test-audit-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->config, sizeof(w->config), "%s/a/config", w->dir);
	snprintf(w->state, sizeof(w->state), "%s/b/state", w->dir);
	snprintf(w->log, sizeof(w->log), "%s/t.log", w->dir);
	snprintf(w->key, sizeof(w->key), "%s/install.key", w->config);
	snprintf(w->pub, sizeof(w->pub), "%s/install.pub", w->config);
	snprintf(w->ledger, sizeof(w->ledger), "%s/ledger", w->state);
	w->o = (struct audit_options){ .path = w->log,
				       .config_dir = w->config,
				       .state_dir = w->state };
	assert_int_equal(ed25519_init(), 0);
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", w->dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	free(w);
	return 0;
}

/* ---- a file as its lines ---- */

struct file *slurp(const char *path)
{
	struct file *f = calloc(1, sizeof(*f));
	struct stat st;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	f->n = (size_t)st.st_size;
	f->p = malloc(f->n + 1);
	assert_int_equal(read(fd, f->p, f->n), st.st_size);
	f->p[f->n] = '\0';
	close(fd);
	for (size_t at = 0; at < f->n;) {
		char *nl = memchr(f->p + at, '\n', f->n - at);

		f->torn = !nl;
		if (!nl)
			break;
		assert_true(f->lines < 4096);
		f->line[f->lines++] = (struct str){ f->p + at, (size_t)(nl - f->p) - at };
		at = (size_t)(nl - f->p) + 1;
	}
	return f;
}

void file_free(struct file *f)
{
	free(f->p);
	free(f);
}

bool has(struct str s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

struct str member(struct str line, const char *key)
{
	char want[64];
	const char *at;
	size_t n = (size_t)snprintf(want, sizeof(want), "\"%s\":\"", key);

	at = memmem(line.p, line.n, want, n);
	assert_non_null(at);
	at += n;
	return (struct str){ at, (size_t)((char *)memchr(at, '"', (size_t)(line.p + line.n - at)) -
					  at) };
}

/* A note as it was before JSON: \n is the only escape in it. */
static struct str note_of(struct str line, char *room)
{
	struct str v = member(line, "note");
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\\') {
			assert_int_equal(v.p[++i], 'n');
			room[n++] = '\n';
		} else {
			room[n++] = v.p[i];
		}
	}
	return (struct str){ room, n };
}

/* Numbers, links, and every checkpoint's root and signature; returns how many checkpoints. */
static size_t check_chain(const struct file *f, struct str key_name, const uint8_t public[32])
{
	static uint8_t leaf[4096][32];
	char prev[64], room[NOTE_MAX];
	size_t checkpoints = 0;

	memset(prev, '0', sizeof(prev));
	for (size_t i = 0; i < f->lines; i++) {
		struct line_head head;

		assert_int_equal(line_head_parse(f->line[i], &head), 0);
		assert_int_equal(head.seq, i);
		assert_memory_equal(head.prev, prev, 64);
		if (str_eqz(head.type, "checkpoint")) {
			struct checkpoint cp;
			struct str text;
			uint8_t root[32];

			assert_int_equal(
				note_verify(note_of(f->line[i], room), key_name, public, &text), 0);
			assert_int_equal(checkpoint_parse(text, &cp), 0);
			assert_int_equal(cp.size, i);
			merkle_root_of(&merkle_blake3, (const uint8_t(*)[32])leaf, i, root);
			assert_memory_equal(cp.root, root, 32);
			checkpoints++;
		}
		line_leaf(f->line[i], leaf[i]);
		hex_put(prev, leaf[i], 32);
	}
	return checkpoints;
}

size_t check_log(const struct file *f)
{
	struct str name, vkey = member(f->line[0], "session_key");
	uint8_t public[32], sig[64];
	char room[512], id[33];
	struct buf text = buf_fixed(room, sizeof(room));
	struct install_pub install;
	struct line_head head;
	size_t n;

	assert_int_equal(note_vkey_parse(vkey, &name, public), 0);
	session_id_of(public, id);
	assert_true(str_eqz(member(f->line[0], "session"), id));
	assert_int_equal(install_pub_parse(member(f->line[0], "install_key"), &install), 0);
	assert_true(str_eqz(member(f->line[0], "install"), install.id));
	assert_int_equal(line_head_parse(f->line[0], &head), 0);
	certificate_text(&text, str_of(install.id), str_of(id), public,
			 (struct str){ head.time, LINE_TIME });
	assert_int_equal(base64_decode(member(f->line[0], "certificate"), sig, 64, &n), 0);
	assert_int_equal(ed25519_verify(install.public, buf_str(&text), sig), 0);
	return check_chain(f, name, public);
}

size_t check_ledger(struct world *w, struct file **ret)
{
	struct install_pub pub;
	struct err err = ERR_INIT;
	struct file *f = slurp(w->ledger);
	size_t n;

	assert_int_equal(install_pub_load(w->pub, &pub, &err), 0);
	assert_false(f->torn);
	n = check_chain(f, str_of(pub.name), pub.public);
	*ret = f;
	return n;
}

struct audit_log *open_log(struct world *w, struct err *err)
{
	struct audit_log *log = NULL;
	struct json_wr *g;

	assert_int_equal(audit_open(&w->o, &log, &g, err), 0);
	json_key(g, "command");
	json_strz(g, "true");
	assert_int_equal(audit_end(log, err), 0);
	return log;
}

int add(struct audit_log *log, const char *text, struct err *err)
{
	struct json_wr *j = audit_begin(log, "test.record");

	json_key(j, "text");
	json_strz(j, text);
	return audit_end(log, err);
}

void put_file(const char *path, const void *p, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

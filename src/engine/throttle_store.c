/* The accounts' file. Whoever can write it can spend more: it lies in the user's state folder. */
#include "engine/throttle.h"

#include "base/buf.h"
#include "base/cur.h"
#include "base/file.h"
#include "base/own.h"
#include "codec/blake3.h"

#include <fcntl.h>
#include <sys/stat.h>

#define HEAD "capsule-accounts 1\n"
#define WINDOW_MAX (INT64_MAX / 86400000 - 1) /* its end is counted in milliseconds */

static int account_cmp(const void *pa, const void *pb)
{
	const struct throttle_account *a = pa, *b = pb;

	return memcmp(a->key, b->key, THROTTLE_KEY);
}

static void put_accounts(const struct throttle *t, struct buf *out)
{
	AUTO(freep) struct throttle_account *sorted = calloc(THROTTLE_PLACES, sizeof(*sorted));
	uint8_t digest[BLAKE3_OUT];
	size_t n = 0;

	if (!sorted) {
		out->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < THROTTLE_PLACES; i++) {
		if (t->accounts[i].per)
			sorted[n++] = t->accounts[i];
	}
	qsort(sorted, n, sizeof(*sorted), account_cmp);
	buf_putz(out, HEAD);
	for (size_t i = 0; i < n; i++) {
		buf_put_hex(out, sorted[i].key, THROTTLE_KEY);
		buf_printf(out, " %s %llu %llu\n", rule_per_name[sorted[i].per - 1],
			   (unsigned long long)sorted[i].window,
			   (unsigned long long)sorted[i].used);
	}
	buf_printf(out, "end %zu ", n);
	if (buf_error(out))
		return;
	blake3(out->p, out->n, digest);
	buf_put_hex(out, digest, sizeof(digest));
	buf_putc(out, '\n');
}

int throttle_save(struct throttle *t, const char *path, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_INIT(THROTTLE_STATE_MAX), tmp = BUF_INIT(8192);
	AUTO(fd_closep) int fd = -EBADF;
	int r;

	put_accounts(t, &text);
	buf_printf(&tmp, "%s.new", path);
	if (buf_error(&text) || buf_error(&tmp))
		return err_set(err, ENOMEM, "%s", path);
	fd = open(buf_cstr(&tmp), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, errno, "%s", buf_cstr(&tmp));
	r = fd_write_all(fd, text.p, text.n);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && rename(buf_cstr(&tmp), path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(buf_cstr(&tmp));
		return err_set(err, -r, "%s", path);
	}
	t->changed = false;
	return 0;
}

/* --- reading --- */

static bool hex_read(struct str s, uint8_t *out, size_t n)
{
	if (s.n != 2 * n)
		return false;
	memset(out, 0, n);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			return false;
		out[i / 2] = (uint8_t)(out[i / 2] << 4 | digit);
	}
	return true;
}

/* A number as we write it: decimal, no zero before another digit. */
static bool number_read(struct str s, uint64_t max, uint64_t *ret)
{
	return str_to_u64(s, ret) == 0 && *ret <= max && (s.n == 1 || s.p[0] != '0');
}

static bool account_read(struct cur *line, struct throttle_account *a)
{
	struct str key = cur_until(line, ' '), per = cur_until(line, ' ');
	struct str window = cur_until(line, ' ');
	struct str used = { .p = (const char *)line->p, .n = line->n };
	uint64_t number = 0;

	*a = (struct throttle_account){ 0 };
	if (cur_error(line) || !hex_read(key, a->key, THROTTLE_KEY) ||
	    !number_read(window, WINDOW_MAX, &number) || !number_read(used, UINT64_MAX, &a->used))
		return false;
	a->window = (int64_t)number;
	for (uint8_t i = 0; i < 3; i++) {
		if (str_eqz(per, rule_per_name[i]))
			a->per = (uint8_t)(i + 1);
	}
	return a->per != 0;
}

/* Into the first free place of its set; a set that is full was never written so. */
static bool account_put(struct throttle_account *table, const struct throttle_account *a)
{
	uint64_t x;
	struct throttle_account *set;

	memcpy(&x, a->key, sizeof(x));
	set = table + x % (THROTTLE_PLACES / THROTTLE_WAYS) * THROTTLE_WAYS;
	for (int i = 0; i < THROTTLE_WAYS; i++) {
		if (!set[i].per) {
			set[i] = *a;
			return true;
		}
	}
	return false;
}

static bool end_read(struct str text, struct str line, size_t n_lines)
{
	struct cur c = cur_init(line.p, line.n);
	uint8_t want[BLAKE3_OUT], digest[BLAKE3_OUT];
	struct str count;
	uint64_t n = 0;

	if (!cur_expect(&c, STR("end ")))
		return false;
	count = cur_until(&c, ' ');
	if (cur_error(&c) || !number_read(count, SIZE_MAX, &n) || n != n_lines ||
	    !hex_read((struct str){ (const char *)c.p, c.n }, want, sizeof(want)))
		return false;
	blake3(text.p, (size_t)((const char *)c.p - text.p), digest);
	return memcmp(want, digest, sizeof(want)) == 0;
}

static bool all_read(struct throttle_account *table, struct str text, unsigned *ret_line)
{
	struct throttle_account last = { 0 }, a;
	struct cur c = cur_init(text.p, text.n);
	size_t n = 0;

	*ret_line = 1;
	if (!cur_expect(&c, STR(HEAD)))
		return false;
	for (;; n++) {
		struct str line = cur_until(&c, '\n');
		struct cur lc = cur_init(line.p, line.n);

		++*ret_line;
		if (cur_error(&c))
			return false;
		if (str_starts(line, STR("end ")))
			return c.n == 0 && end_read(text, line, n);
		if (!account_read(&lc, &a) || (n && account_cmp(&last, &a) >= 0) ||
		    !account_put(table, &a))
			return false;
		last = a;
	}
}

int throttle_read(struct throttle *t, struct str text, struct err *err)
{
	struct throttle_account *table = calloc(THROTTLE_PLACES, sizeof(*table));
	unsigned line;

	if (!table)
		return err_set(err, ENOMEM, "accounts");
	if (!all_read(table, text, &line)) {
		free(table);
		return err_text(err, EBADMSG, "line %u is not what was written there", line);
	}
	free(t->accounts);
	t->accounts = table;
	t->changed = false;
	return 0;
}

int throttle_load(struct throttle *t, const char *path, struct err *err)
{
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	AUTO(buf_done) struct buf text = BUF_INIT(THROTTLE_STATE_MAX + 65536);
	struct stat st;
	int r;

	if (fd < 0 && errno == ENOENT) {
		memset(t->accounts, 0, THROTTLE_PLACES * sizeof(*t->accounts));
		t->changed = false;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > THROTTLE_STATE_MAX)
		return err_text(err, EBADMSG, "%s: not an accounts file", path);
	r = fd_read_all(fd, &text);
	if (r < 0)
		return err_set(err, -r, "%s", path);
	r = throttle_read(t, buf_str(&text), err);
	return r < 0 ? err_text(err, -r, "%s: the accounts of quotas cannot be trusted", path) : 0;
}

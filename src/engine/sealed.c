#include "engine/sealed.h"

#include "base/buf.h"
#include "base/cur.h"
#include "base/file.h"
#include "base/own.h"
#include "engine/set.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

#define MAGIC "CAPRULES"
#define VERSION 1
#define TEXT_MAX (256U * 1024)
#define NO_TEXT UINT32_MAX
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* --- writing --- */

static void put_u32(struct buf *out, uint32_t v)
{
	uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

	buf_put(out, b, sizeof(b));
}

static void put_u64(struct buf *out, uint64_t v)
{
	put_u32(out, (uint32_t)v);
	put_u32(out, (uint32_t)(v >> 32));
}

static void put_text(struct buf *out, const char *text)
{
	put_u32(out, text ? (uint32_t)strlen(text) : NO_TEXT);
	if (text)
		buf_putz(out, text);
}

static void put_where(struct buf *out, const struct policy_where *where)
{
	put_text(out, where->file);
	put_u32(out, where->line);
	put_u32(out, where->col);
}

static void put_throttle(struct buf *out, const struct rule_throttle *t)
{
	put_u64(out, t->rate_milli);
	put_u64(out, t->burst);
	put_u64(out, t->amount);
	put_text(out, t->of);
	put_u32(out, t->per);
	put_text(out, t->by);
	put_u32(out, t->beyond);
	put_where(out, &t->by_where);
	put_where(out, &t->of_where);
}

static void put_rule(struct buf *out, const struct policy_rule *r)
{
	put_text(out, r->id);
	put_text(out, r->name);
	put_text(out, r->pack);
	put_u64(out, r->on);
	put_text(out, r->when);
	put_u32(out, r->action);
	put_u32(out, r->phase);
	put_u32(out, r->tier);
	put_u32(out, (uint32_t)r->priority);
	put_u32(out, (uint32_t)r->lock | (uint32_t)r->lenient << 1 | (uint32_t)r->section << 2 |
			     (uint32_t)r->grant << 3);
	put_text(out, r->reason);
	put_text(out, r->level);
	put_u32(out, (uint32_t)r->n_tags);
	for (size_t i = 0; i < r->n_tags; i++)
		put_text(out, r->tags[i]);
	put_u32(out, (uint32_t)r->n_rewrites);
	for (size_t i = 0; i < r->n_rewrites; i++) {
		put_u32(out, r->rewrites[i].op);
		put_text(out, event_field_info[r->rewrites[i].field].name);
		put_text(out, r->rewrites[i].pattern);
		put_text(out, r->rewrites[i].value);
		put_where(out, &r->rewrites[i].where);
	}
	put_throttle(out, &r->throttle);
	put_u64(out, r->ask.timeout_ms);
	put_u32(out, r->ask.scope);
	put_text(out, r->ask.prompt);
	put_where(out, &r->where);
	put_where(out, &r->when_where);
}

int set_write(const struct engine_set *set, struct buf *out)
{
	buf_putz(out, MAGIC);
	put_u32(out, VERSION);
	put_u32(out, set->otherwise);
	put_u32(out, set->n);
	for (uint32_t i = 0; i < set->n; i++)
		put_rule(out, &set->rules[i].rule);
	return buf_error(out);
}

int engine_sealed_make(const struct engine_set *set, int *ret_fd, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_INIT(SEALED_SIZE_MAX);
	AUTO(fd_closep) int fd = -EBADF;
	int r = set_write(set, &text);

	buf_put(&text, set->digest, sizeof(set->digest));
	if (r < 0 || buf_error(&text))
		return err_set(err, ENOMEM, "rules for another process");
	fd = memfd_create("capsule-rules", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("capsule-rules", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_set(err, errno, "memfd_create");
	r = fd_write_all(fd, text.p, text.n);
	if (r == 0 && (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0))
		r = -errno;
	if (r < 0)
		return err_set(err, -r, "sealing the rules");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* --- reading --- */

struct reading {
	struct cur c;
	struct arena arena;
};

static uint64_t get_u64(struct reading *rd)
{
	uint64_t low = cur_le32(&rd->c);

	return low | (uint64_t)cur_le32(&rd->c) << 32;
}

/* One of 0..n-1. */
static uint32_t get_choice(struct reading *rd, uint32_t n)
{
	uint32_t v = cur_le32(&rd->c);

	if (v < n)
		return v;
	cur_fail(&rd->c, -EBADMSG);
	return 0;
}

static const char *get_text(struct reading *rd)
{
	uint32_t n = cur_le32(&rd->c);
	struct str s;
	const char *copy;

	if (n == NO_TEXT)
		return NULL;
	if (n > TEXT_MAX) {
		cur_fail(&rd->c, -EBADMSG);
		return NULL;
	}
	s = cur_str(&rd->c, n);
	if (cur_error(&rd->c))
		return NULL;
	copy = arena_strdup(&rd->arena, s);
	if (!copy || strlen(copy) != n)
		cur_fail(&rd->c, copy ? -EBADMSG : -ENOMEM);
	return copy;
}

static void get_where(struct reading *rd, struct policy_where *where)
{
	where->file = get_text(rd);
	where->line = cur_le32(&rd->c);
	where->col = cur_le32(&rd->c);
}

static void get_throttle(struct reading *rd, struct rule_throttle *t)
{
	t->rate_milli = get_u64(rd);
	t->burst = get_u64(rd);
	t->amount = get_u64(rd);
	t->of = get_text(rd);
	t->per = (enum rule_per)get_choice(rd, RULE_PER_DAY + 1);
	t->by = get_text(rd);
	t->beyond = (enum rule_action)get_choice(rd, RULE_ACTION_N);
	get_where(rd, &t->by_where);
	get_where(rd, &t->of_where);
}

static void get_rewrites(struct reading *rd, struct policy_rule *r)
{
	uint32_t n = get_choice(rd, RULE_REWRITES_MAX + 1);
	struct rule_rewrite *rewrites = arena_array(&rd->arena, n + 1, struct rule_rewrite);

	if (!rewrites) {
		cur_fail(&rd->c, -ENOMEM);
		return;
	}
	for (uint32_t i = 0; i < n && !cur_error(&rd->c); i++) {
		const char *field;

		rewrites[i].op = (enum rule_rewrite_op)get_choice(rd, RULE_STRIP_HEADER + 1);
		field = get_text(rd);
		rewrites[i].field = event_field_find(str_of(field));
		if (rewrites[i].field == EVENT_FIELD_NONE)
			cur_fail(&rd->c, -EBADMSG);
		rewrites[i].pattern = get_text(rd);
		rewrites[i].value = get_text(rd);
		get_where(rd, &rewrites[i].where);
	}
	r->rewrites = rewrites;
	r->n_rewrites = n;
}

static void get_tags(struct reading *rd, struct policy_rule *r)
{
	uint32_t n = get_choice(rd, RULE_TAGS_MAX + 1);
	const char **tags = arena_array(&rd->arena, n + 1, const char *);

	if (!tags) {
		cur_fail(&rd->c, -ENOMEM);
		return;
	}
	for (uint32_t i = 0; i < n && !cur_error(&rd->c); i++) {
		tags[i] = get_text(rd);
		if (!tags[i])
			cur_fail(&rd->c, -EBADMSG);
	}
	r->tags = tags;
	r->n_tags = n;
}

static void get_rule(struct reading *rd, struct policy_rule *r)
{
	uint32_t flags;

	r->id = get_text(rd);
	r->name = get_text(rd);
	r->pack = get_text(rd);
	r->on = get_u64(rd);
	r->when = get_text(rd);
	r->action = (enum rule_action)get_choice(rd, RULE_ACTION_N);
	r->phase = (enum rule_phase)get_choice(rd, RULE_PHASE_N);
	r->tier = (enum rule_tier)get_choice(rd, RULE_TIER_N);
	r->priority = (int)cur_le32(&rd->c);
	flags = get_choice(rd, 8);
	r->lock = flags & 1;
	r->lenient = flags & 2;
	r->section = flags & 4;
	r->grant = flags & 8;
	r->reason = get_text(rd);
	r->level = get_text(rd);
	get_tags(rd, r);
	get_rewrites(rd, r);
	get_throttle(rd, &r->throttle);
	r->ask.timeout_ms = get_u64(rd);
	r->ask.scope = (enum rule_scope)get_choice(rd, RULE_ALWAYS + 1);
	r->ask.prompt = get_text(rd);
	get_where(rd, &r->where);
	get_where(rd, &r->when_where);
	if (!r->id || r->on & ~EVENT_TYPES_ALL)
		cur_fail(&rd->c, -EBADMSG);
}

/* Every rule takes this many bytes at least: what is claimed beyond is a lie told early. */
#define RULE_BYTES_MIN 100

static struct policy_rule *get_rules(struct reading *rd, enum rule_action *ret_otherwise,
				     uint32_t *ret_n)
{
	struct policy_rule *rules;
	uint32_t n;

	(void)cur_expect(&rd->c, STR(MAGIC));
	if (cur_le32(&rd->c) != VERSION)
		cur_fail(&rd->c, -EBADMSG);
	*ret_otherwise = (enum rule_action)get_choice(rd, RULE_ACTION_N);
	n = get_choice(rd, ENGINE_RULES_MAX + 1);
	if (n > rd->c.n / RULE_BYTES_MIN)
		cur_fail(&rd->c, -EBADMSG);
	rules = cur_error(&rd->c) ? NULL : arena_array(&rd->arena, n + 1, struct policy_rule);
	for (uint32_t i = 0; rules && i < n && !cur_error(&rd->c); i++)
		get_rule(rd, &rules[i]);
	*ret_n = n;
	return cur_error(&rd->c) ? NULL : rules;
}

int engine_sealed_read(struct str bytes, const struct engine_options *options,
		       struct engine_set **ret_set, struct err *err)
{
	struct reading rd = { .arena = ARENA_INIT(SET_MEMORY_MAX) };
	struct engine_options mine = { .otherwise = RULE_BLOCK };
	uint8_t digest[BLAKE3_OUT];
	struct policy_rule *rules;
	uint32_t n = 0;
	int r;

	if (options)
		mine = *options;
	if (bytes.n < BLAKE3_OUT)
		return err_text(err, EBADMSG, "sealed rules: too short");
	blake3(bytes.p, bytes.n - BLAKE3_OUT, digest);
	if (memcmp(digest, bytes.p + bytes.n - BLAKE3_OUT, BLAKE3_OUT) != 0)
		return err_text(err, EBADMSG, "sealed rules: the digest is not theirs");
	rd.c = cur_init(bytes.p, bytes.n - BLAKE3_OUT);
	rules = get_rules(&rd, &mine.otherwise, &n);
	if (!rules || rd.c.n) {
		r = rd.c.error == -ENOMEM ? -ENOMEM : -EBADMSG;
		arena_done(&rd.arena);
		return err_text(err, -r, "sealed rules: not their form");
	}
	r = engine_set_new(rules, n, &mine, ret_set, err);
	arena_done(&rd.arena);
	return r;
}

int engine_sealed_load(int fd, const uint8_t *digest, const struct engine_options *options,
		       struct engine_set **ret_set, struct err *err)
{
	AUTO(engine_set_freep) struct engine_set *set = NULL;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *map;
	int r;

	if (seals < 0 || (seals & SEALS) != SEALS)
		return err_text(err, EPERM, "sealed rules: the file is not sealed");
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "sealed rules");
	if (st.st_size <= 0 || st.st_size > SEALED_SIZE_MAX)
		return err_text(err, EBADMSG, "sealed rules: of no possible size");
	/* sealed: nobody changes what is mapped */
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return err_set(err, errno, "sealed rules");
	r = engine_sealed_read((struct str){ map, (size_t)st.st_size }, options, &set, err);
	(void)munmap(map, (size_t)st.st_size);
	if (r < 0)
		return r;
	if (digest && memcmp(digest, set->digest, BLAKE3_OUT) != 0)
		return err_text(err, ESTALE, "sealed rules: not those that were announced");
	*ret_set = take_ptr(&set);
	return 0;
}

/* The ledger as a list of sessions; ledger.c writes it. */
#include "audit/ledger.h"

#include "base/own.h"
#include "codec/json_rd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define LIST_ARENA (1u << 30)
#define LINE_ARENA (1u << 20)

void ledger_list_done(struct ledger_list *list)
{
	arena_done(&list->arena);
	free(list->index);
	list->index = NULL;
	list->session = NULL;
	list->n = list->index_cap = 0;
}

/* Where @id is in the index, or where it would go. Ids are hashes: their first digits will do. */
static size_t index_place(const struct ledger_list *list, const char *id)
{
	size_t at = 0;

	for (int i = 0; i < 12; i++)
		at = at * 31 + (uint8_t)id[i];
	for (at %= list->index_cap; list->index[at]; at = (at + 1) % list->index_cap)
		if (memcmp(list->session[list->index[at] - 1].id, id, SESSION_ID) == 0)
			break;
	return at;
}

/* Room for one more, at most half full. */
static int index_grow(struct ledger_list *list)
{
	size_t cap = list->index_cap ? list->index_cap * 2 : 1024;

	if (list->n < list->index_cap / 2)
		return 0;
	if (list->n >= UINT32_MAX / 4)
		return -ENOMEM;
	free(list->index);
	list->index_cap = cap;
	list->index = calloc(cap, sizeof(*list->index));
	if (!list->index)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		list->index[index_place(list, list->session[i].id)] = (uint32_t)i + 1;
	return 0;
}

static struct ledger_session *session_of(struct ledger_list *list, struct str id)
{
	struct ledger_session *grown;
	size_t at;

	if (index_grow(list) < 0)
		return NULL;
	at = index_place(list, id.p);
	if (list->index[at])
		return &list->session[list->index[at] - 1];
	grown = arena_grow(&list->arena, list->session, list->n, &list->cap, sizeof(*grown));
	if (!grown)
		return NULL;
	list->session = grown;
	grown += list->n;
	*grown = (struct ledger_session){ .id = arena_strdup(&list->arena, id) };
	if (!grown->id)
		return NULL;
	list->index[at] = (uint32_t)++list->n;
	return grown;
}

static void entry_read(struct ledger_list *list, const struct line_head *head, struct str line,
		       bool start)
{
	AUTO(arena_done) struct arena scratch = ARENA_INIT(LINE_ARENA);
	struct str id, hash, log, time = { head->time, LINE_TIME };
	struct ledger_session *s;
	const struct json *o;

	if (json_parse(&scratch, line, &o, NULL) < 0 || !json_get_str(o, "session", &id) ||
	    !hex_is(id, SESSION_ID) || !json_get_str(o, start ? "genesis" : "root", &hash))
		return; /* it is verified elsewhere; what makes no sense is no entry */
	s = session_of(list, id);
	if (!s) {
		list->error = -ENOMEM;
		return;
	}
	if (start && json_get_str(o, "log", &log) &&
	    hex_parse(hash, s->genesis, MERKLE_HASH) == 0) {
		s->log = arena_strdup(&list->arena, log);
		s->start_time = arena_strdup(&list->arena, time);
	} else if (!start && json_get_u64(o, "size", &s->size) &&
		   hex_parse(hash, s->root, MERKLE_HASH) == 0) {
		s->end_time = arena_strdup(&list->arena, time);
	}
}

static void line_read(void *ctx, const struct line_head *head, struct str line)
{
	if (str_eqz(head->type, "session.start"))
		entry_read(ctx, head, line, true);
	else if (str_eqz(head->type, "session.end"))
		entry_read(ctx, head, line, false);
}

int ledger_load(const char *path, const struct install_pub *expected,
		const struct verify_head *heads, size_t n_heads, struct ledger_list *list,
		struct err *err)
{
	struct verify_options options = { .expected = expected,
					  .heads = heads,
					  .n_heads = n_heads,
					  .each = line_read,
					  .ctx = list };
	AUTO(fd_closep) int fd = -EBADF;
	int r;

	*list = (struct ledger_list){ .arena = ARENA_INIT(LIST_ARENA) };
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, errno, "cannot open the ledger '%s'", path);
	r = verify_fd(fd, &options, &list->report, err);
	if (r < 0)
		return err_text(err, -r, "ledger '%s'", path);
	if (list->report.format != VERIFY_LEDGER)
		return err_text(err, EBADMSG, "'%s' is not a ledger", path);
	return list->error ? err_set(err, -list->error, "cannot read the ledger '%s'", path) : 0;
}

const struct ledger_session *ledger_find(const struct ledger_list *list, const char *id,
					 const char *log)
{
	for (size_t i = list->n; i-- > 0;) {
		const struct ledger_session *s = &list->session[i];

		if (id ? strcmp(s->id, id) == 0 : s->log && log && strcmp(s->log, log) == 0)
			return s;
	}
	return NULL;
}

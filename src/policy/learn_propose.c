/*
 * What was seen of each path to what is to be granted.
 *
 *	1 each use becomes a need: a right to a path that the host has (G1, G3, G4, G5)
 *	2 a need is dropped when the base policy grants it, told when it cannot be granted, else kept
 *	3 kept needs of one path and right are one grant; those that another covers go
 *	4 many of one folder become the folder (G2), from the deepest up, until none does
 *	5 folders that are granted are looked through for secrets, which are denied in them
 */
#include "policy/learn_impl.h"

#include "base/own.h"
#include "policy/path.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct grant {
	const char *path;
	enum policy_fs kind;
	unsigned general;
	struct learn_use use;
	bool folder, dropped;
};

struct proposer {
	struct learn *l;
	size_t n, cap;
	struct grant *grants;
	struct map whole; /* folder and right -> "yes" or "no": may_be_whole() */
	bool no_memory;
};

/* ---- told ---- */

static void tell(struct proposer *p, enum learn_note note, const char *path,
		 const struct learn_use *use)
{
	struct learn *l = p->l;

	l->told = arena_grow(&l->arena, l->told, l->n_told, &l->cap_told, sizeof(*l->told));
	if (!l->told) {
		p->no_memory = true;
		return;
	}
	l->told[l->n_told++] = (struct learn_told){ .note = note,
						    .path = path,
						    .why = use ? learn_use_text(l, use) : NULL };
}

/* ---- places ---- */

static bool host_has(const struct learn *l, const char *path, mode_t *ret_mode)
{
	mode_t mode;

	return l->host->look(l->host->ctx, path, ret_mode ? ret_mode : &mode) == 0;
}

/* The session's own /tmp and whatever is in it. */
static bool in_private_tmp(const struct learn *l, const char *path)
{
	const struct policy *policy = l->o.policy;

	return policy->private_tmp &&
	       (path_within(path, "/tmp") || (policy->tmp && path_within(path, policy->tmp)));
}

static bool is_everything(const struct learn *l, const char *path)
{
	bool named = strcmp(path, l->o.workspace) == 0 && !path_within(l->o.home, path);

	return !named && learn_is_everything(path, l->o.home);
}

static bool base_takes(const struct learn *l, const char *path, enum policy_fs kind)
{
	const struct policy *policy = l->o.policy;

	for (size_t i = 0; i < policy->n_paths; i++) {
		const struct policy_path *entry = &policy->paths[i];

		if (path_kind_grants(entry->kind) ||
		    (entry->kind == POLICY_FS_READONLY && kind != POLICY_FS_WRITE))
			continue;
		if (path_entry_matches(entry, path))
			return true;
	}
	return false;
}

static bool base_grants(const struct learn *l, const char *path, enum policy_fs kind)
{
	return path_covered(l->o.policy, l->o.policy->paths, l->o.policy->n_paths, path, kind);
}

/* ---- needs ---- */

static void grant_add(struct proposer *p, const char *path, enum policy_fs kind, unsigned general,
		      const struct learn_use *use, bool folder)
{
	p->grants = arena_grow(&p->l->arena, p->grants, p->n, &p->cap, sizeof(*p->grants));
	if (!p->grants) {
		p->no_memory = true;
		return;
	}
	p->grants[p->n++] = (struct grant){
		.path = path, .kind = kind, .general = general, .use = *use, .folder = folder
	};
}

/* @path needs @kind; @seen is the path that it was seen for. */
static void need(struct proposer *p, const char *path, enum policy_fs kind, unsigned general,
		 const struct learn_use *use, const char *seen)
{
	struct learn *l = p->l;
	mode_t mode = 0;

	if (in_private_tmp(l, path) || base_grants(l, path, kind)) {
		if (base_takes(l, path, kind))
			tell(p, NOTE_BASE, seen, use);
		return;
	}
	(void)host_has(l, path, &mode);
	if (learn_is_secret(path, l->o.home) || learn_is_secret(seen, l->o.home) ||
	    learn_holds_key(l->host, path))
		tell(p, NOTE_SECRET, seen, use);
	else if (base_takes(l, path, kind))
		tell(p, NOTE_BASE, seen, use);
	else if (path_within(path, "/proc") || path_within(path, "/dev"))
		return; /* the same in every session */
	else if (learn_is_system(path) || (mode && !S_ISREG(mode) && !S_ISDIR(mode)))
		tell(p, NOTE_SYSTEM, seen, use);
	else if (S_ISDIR(mode) && is_everything(l, path))
		tell(p,
		     l->o.policy->private_home && path_within(seen, l->o.home) ? NOTE_PRIVATE
									       : NOTE_EVERYTHING,
		     seen, use);
	else if (!learn_say(l, path))
		tell(p, NOTE_UNSAYABLE, seen, use);
	else
		grant_add(p, path, kind, general, use, S_ISDIR(mode));
}

/* The nearest folder above @path that the host has, in the arena. */
static const char *folder_above(struct proposer *p, const char *path)
{
	char up[PATH_MAX];
	mode_t mode;

	(void)snprintf(up, sizeof(up), "%s", path);
	for (;;) {
		char *slash = strrchr(up, '/');
		const char *found;

		if (!slash)
			return NULL;
		slash[slash == up] = '\0';
		if (host_has(p->l, up, &mode) && S_ISDIR(mode)) {
			found = arena_strdup(&p->l->arena, str_of(up));
			p->no_memory |= !found;
			return found;
		}
		if (slash == up)
			return NULL;
	}
}

static bool is_elf(const struct learn *l, const char *path)
{
	char head[4];

	return l->host->head(l->host->ctx, path, head, sizeof(head)) == 4 &&
	       memcmp(head, "\177ELF", 4) == 0;
}

/* G4: "#!/usr/bin/env python3" */
static void need_interpreter(struct proposer *p, const struct learn_path *seen)
{
	struct learn *l = p->l;
	char head[256], *at, *end;
	const char *path;
	ssize_t n = l->host->head(l->host->ctx, seen->path, head, sizeof(head) - 1);

	if (n < 3 || head[0] != '#' || head[1] != '!')
		return;
	head[n] = '\0';
	at = head + 2 + strspn(head + 2, " \t");
	end = at + strcspn(at, " \t\r\n");
	*end = '\0';
	path = *at == '/' ? arena_strdup(&l->arena, str_of(at)) : NULL;
	if (path && host_has(l, path, NULL))
		need(p, path, POLICY_FS_EXEC, 4, &seen->use[LEARN_EXEC], path);
}

static void needs_of(struct proposer *p, const struct learn_path *seen)
{
	const struct learn_use *use = seen->use;
	bool here = host_has(p->l, seen->path, NULL);
	const char *folder = NULL;
	struct learn_use tried;

	if (use[LEARN_NAMES].count || (use[LEARN_EXEC].count && !here))
		folder = folder_above(p, seen->path);
	if (use[LEARN_NAMES].count && folder)
		need(p, folder, POLICY_FS_WRITE, 1, &use[LEARN_NAMES], seen->path);
	if (use[LEARN_WRITE].count && here)
		need(p, seen->path, POLICY_FS_WRITE, 0, &use[LEARN_WRITE], seen->path);
	if (use[LEARN_EXEC].count && here) {
		need(p, seen->path, POLICY_FS_EXEC, 0, &use[LEARN_EXEC], seen->path);
		need_interpreter(p, seen);
	} else if (use[LEARN_EXEC].count && folder) {
		need(p, folder, POLICY_FS_EXEC, 5, &use[LEARN_EXEC], seen->path);
	}
	if (use[LEARN_READ].count && here) {
		bool code = !base_grants(p->l, seen->path, POLICY_FS_EXEC) &&
			    !in_private_tmp(p->l, seen->path) && is_elf(p->l, seen->path);

		need(p, seen->path, code ? POLICY_FS_EXEC : POLICY_FS_READ, code ? 3 : 0,
		     &use[LEARN_READ], seen->path);
	}
	if (use[LEARN_LIST].count && here && !base_grants(p->l, seen->path, POLICY_FS_READ) &&
	    !in_private_tmp(p->l, seen->path) && !learn_is_system(seen->path))
		tell(p, NOTE_LISTED, seen->path, &use[LEARN_LIST]);
	tried = use[LEARN_TRIED];
	if (use[LEARN_MISSED].count && here && !base_grants(p->l, seen->path, POLICY_FS_READ))
		learn_use_add(&tried, &use[LEARN_MISSED]);
	if (tried.count && !in_private_tmp(p->l, seen->path))
		tell(p, learn_is_secret(seen->path, p->l->o.home) ? NOTE_SECRET : NOTE_TRIED,
		     seen->path, &tried);
}

/* ---- one covers another ---- */

/* Write and exec include reading. */
static bool gives(const struct grant *g, const struct grant *needed)
{
	return g != needed && !g->dropped && path_within(needed->path, g->path) &&
	       (g->kind == needed->kind || needed->kind == POLICY_FS_READ) &&
	       (strcmp(g->path, needed->path) != 0 || g->kind != needed->kind || g < needed);
}

static int grant_order(const void *a, const void *b)
{
	const struct grant *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order ? order : (int)x->kind - (int)y->kind;
}

static struct grant *grant_at(struct proposer *p, const char *path, size_t n, enum policy_fs kind)
{
	size_t from = 0, to = p->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int order = strncmp(p->grants[mid].path, path, n);

		if (order == 0 && p->grants[mid].path[n])
			order = 1;
		if (order == 0)
			order = (int)p->grants[mid].kind - (int)kind;
		if (order == 0)
			return &p->grants[mid];
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

/* Is @g given by a grant of one of the folders above it, or by another right to itself? */
static void cover_drop(struct proposer *p, struct grant *g)
{
	static const enum policy_fs kinds[] = { POLICY_FS_READ, POLICY_FS_WRITE, POLICY_FS_EXEC };
	size_t n = strlen(g->path);

	while (n > 0 && !g->dropped) {
		for (size_t k = 0; k < 3; k++) {
			struct grant *up = grant_at(p, g->path, n, kinds[k]);

			if (up && up != g && gives(up, g)) {
				learn_use_add(&up->use, &g->use);
				g->dropped = true;
				break;
			}
		}
		do
			n--;
		while (n > 0 && g->path[n] != '/');
	}
}

/* Sort, make one of those alike, drop what others give. */
static void settle(struct proposer *p)
{
	size_t n = 0;

	if (p->n)
		qsort(p->grants, p->n, sizeof(*p->grants), grant_order);
	for (size_t i = 0; i < p->n; i++) {
		struct grant *last = n ? &p->grants[n - 1] : NULL;
		struct grant *g = &p->grants[i];

		if (last && last->kind == g->kind && strcmp(last->path, g->path) == 0) {
			learn_use_add(&last->use, &g->use);
			last->general = g->general < last->general ? g->general : last->general;
		} else {
			p->grants[n++] = *g;
		}
	}
	p->n = n;
	for (size_t i = 0; i < p->n; i++)
		cover_drop(p, &p->grants[i]);
	n = 0;
	for (size_t i = 0; i < p->n; i++) {
		if (!p->grants[i].dropped)
			p->grants[n++] = p->grants[i];
	}
	p->n = n;
}

/* ---- G2 ---- */

static int stop_at_secret(void *ctx, const char *path)
{
	(void)ctx;
	(void)path;
	return 1;
}

static bool whole_ask(struct proposer *p, const char *folder, enum policy_fs kind)
{
	struct learn *l = p->l;

	return !is_everything(l, folder) && !learn_is_secret(folder, l->o.home) &&
	       !learn_is_system(folder) && !base_takes(l, folder, kind) && learn_say(l, folder) &&
	       learn_find_secrets(l->host, folder, l->o.home, stop_at_secret, NULL) == 0;
}

static bool may_be_whole(struct proposer *p, const char *folder, enum policy_fs kind)
{
	static char yes[] = "y", no[] = "n";
	char key[PATH_MAX + 2];
	struct str name = { key, strlen(folder) + 1 };
	char *known;

	key[0] = (char)('0' + (int)kind);
	memcpy(key + 1, folder, name.n - 1);
	known = map_get(&p->whole, name);
	if (known)
		return *known == 'y';
	known = whole_ask(p, folder, kind) ? yes : no;
	p->no_memory |= map_put(&p->whole, name, known) < 0;
	return *known == 'y';
}

struct heap { /* of one folder and right */
	const char *folder;
	enum policy_fs kind;
	size_t n;
};

static size_t parent_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

static struct heap *heap_of(struct proposer *p, struct map *heaps, const struct grant *g)
{
	size_t n = parent_length(g->path);
	char key[PATH_MAX + 2];
	struct heap *heap;
	struct str name;

	key[0] = (char)('0' + (int)g->kind);
	memcpy(key + 1, g->path, n);
	name = (struct str){ key, n + 1 };
	heap = map_get(heaps, name);
	if (heap)
		return heap;
	heap = arena_new(&p->l->arena, struct heap);
	if (!heap)
		return NULL;
	heap->kind = g->kind;
	heap->folder = arena_strdup(&p->l->arena, (struct str){ g->path, n });
	return heap->folder && map_put(heaps, name, heap) == 0 ? heap : NULL;
}

/* The deepest folders first: what they become counts in those above. One round; true: something became. */
static bool heaps_round(struct proposer *p)
{
	AUTO(map_done) struct map heaps = MAP_INIT(64U << 20);
	struct str key;
	void *value;
	size_t deepest = 0;
	bool became = false;

	for (size_t i = 0; i < p->n; i++) {
		struct heap *heap =
			parent_length(p->grants[i].path) ? heap_of(p, &heaps, &p->grants[i]) : NULL;

		if (!heap)
			continue;
		heap->n++;
	}
	for (size_t at = 0; map_next(&heaps, &at, &key, &value);) {
		struct heap *heap = value;

		if (heap->n >= LEARN_MANY && strlen(heap->folder) > deepest &&
		    may_be_whole(p, heap->folder, heap->kind))
			deepest = strlen(heap->folder);
	}
	for (size_t at = 0; deepest && map_next(&heaps, &at, &key, &value);) {
		struct heap *heap = value;

		if (heap->n < LEARN_MANY || strlen(heap->folder) != deepest ||
		    !may_be_whole(p, heap->folder, heap->kind))
			continue;
		/* its entries' uses are added when they are dropped */
		grant_add(p, heap->folder, heap->kind, 2, &(struct learn_use){ 0 }, true);
		became = true;
	}
	return became;
}

/* ---- lines ---- */

static void line_add(struct proposer *p, const char *path, enum policy_fs kind, unsigned general,
		     const char *why)
{
	struct learn *l = p->l;

	l->lines = arena_grow(&l->arena, l->lines, l->n_lines, &l->cap_lines, sizeof(*l->lines));
	if (!l->lines || !path || !why) {
		p->no_memory = true;
		return;
	}
	l->lines[l->n_lines++] =
		(struct learn_line){ .path = path, .kind = kind, .general = general, .why = why };
}

static int secret_deny(void *ctx, const char *path)
{
	struct proposer *p = ctx;

	if (learn_say(p->l, path))
		line_add(p, arena_strdup(&p->l->arena, str_of(path)), POLICY_FS_DENY, 0,
			 "looks like a secret, in a folder that is granted");
	return p->no_memory;
}

static int line_order(const void *a, const void *b)
{
	const struct learn_line *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->path, y->path);
}

static void lines_make(struct proposer *p)
{
	struct learn *l = p->l;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct grant *g = &p->grants[i];

		line_add(p, g->path, g->kind, g->general, learn_use_text(l, &g->use));
		/* those of G2 have none, or they would not be whole */
		if (g->folder && g->general != 2 &&
		    learn_find_secrets(l->host, g->path, l->o.home, secret_deny, p) == -E2BIG)
			tell(p, NOTE_UNSEARCHED, g->path, NULL);
	}
	if (p->no_memory || !l->n_lines)
		return;
	qsort(l->lines, l->n_lines, sizeof(*l->lines), line_order);
	for (size_t i = 0; i < l->n_lines;
	     i++) { /* a secret may lie in two folders that are granted */
		if (n && line_order(&l->lines[n - 1], &l->lines[i]) == 0)
			continue;
		l->lines[n++] = l->lines[i];
	}
	l->n_lines = n;
}

/* ---- the network ---- */

static void network_of(struct proposer *p)
{
	struct learn *l = p->l;
	struct learn_use use = { 0 };
	struct str key;
	void *value;

	for (size_t at = 0; map_next(&l->peers, &at, &key, &value);) {
		struct learn_path *peer = value;
		struct learn_use *ok = &peer->use[LEARN_READ];
		const char *address = strchr(peer->path, ' ');

		learn_use_add(ok, &peer->use[LEARN_TRIED]);
		if (peer->path[0] == '/' || peer->path[0] == '@') {
			tell(p, NOTE_SOCKET, peer->path, ok);
		} else if (address && learn_is_metadata((struct str){
					      address + 1, strcspn(address + 1, " ") })) {
			tell(p, NOTE_METADATA, peer->path, ok);
		} else {
			tell(p, NOTE_NETWORK, peer->path, ok);
			if (peer->use[LEARN_TRIED].count < ok->count)
				learn_use_add(&use, ok);
		}
	}
	l->network = l->o.host_network && use.count && l->o.policy->network == POLICY_NET_NONE;
	if (l->network)
		l->network_why = learn_use_text(l, &use);
}

static int told_order(const void *a, const void *b)
{
	const struct learn_told *x = a, *y = b;

	return x->note != y->note ? (int)x->note - (int)y->note : strcmp(x->path, y->path);
}

static int path_order(const void *a, const void *b)
{
	const struct learn_path *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

/* In the order of their names, so that what is proposed is the same each time. */
static int all_needs(struct proposer *p)
{
	struct learn *l = p->l;
	struct learn_path **all = arena_array(&l->arena, l->n_paths + 1, struct learn_path *);
	struct str key;
	void *value;
	size_t n = 0;

	if (!all)
		return -ENOMEM;
	for (size_t at = 0; map_next(&l->paths, &at, &key, &value);)
		all[n++] = value;
	if (n)
		qsort(all, n, sizeof(struct learn_path *), path_order);
	for (size_t i = 0; i < n; i++)
		needs_of(p, all[i]);
	return 0;
}

int learn_propose(struct learn *learn, const struct learn_line **ret_lines, size_t *ret_n,
		  struct err *err)
{
	struct proposer p = { .l = learn, .whole = MAP_INIT(64U << 20) };

	if (all_needs(&p) < 0)
		p.no_memory = true;
	settle(&p);
	while (!p.no_memory && heaps_round(&p))
		settle(&p);
	map_done(&p.whole);
	lines_make(&p);
	network_of(&p);
	if (p.no_memory)
		return err_set(err, ENOMEM, "cannot propose a policy");
	if (learn->n_told)
		qsort(learn->told, learn->n_told, sizeof(*learn->told), told_order);
	*ret_lines = learn->lines;
	*ret_n = learn->n_lines;
	return 0;
}

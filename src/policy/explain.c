/*
 * explain - a policy in plain words, and the fate of one path. The rules are those of the wall
 * (sandbox/plan.c): grants add up from folder to folder, a private home or tmp stops them, a denial
 * always wins, a protection takes the writing away.
 */
#include "base/own.h"
#include "codec/json_wr.h"
#include "policy/load.h"
#include "policy/path.h"
#include "policy/report.h"
#include "policy/show.h"

#include <stdio.h>

static bool own_place(const char *path)
{
	return path_within(path, "/proc") || path_within(path, "/dev");
}

/* The deepest grant that gives @kind's right to @path. */
static const struct policy_path *best(const struct policy *policy, const char *path,
				      enum policy_fs kind)
{
	const struct policy_path *found = NULL;

	for (size_t i = 0; i < policy->n_paths; i++) {
		const struct policy_path *p = &policy->paths[i];

		if (path_covered(policy, p, 1, path, kind) &&
		    (!found || strlen(p->path) > strlen(found->path)))
			found = p;
	}
	return found;
}

static const struct policy_path *taken(const struct policy *policy, const char *path,
				       enum policy_fs kind)
{
	for (size_t i = 0; i < policy->n_paths; i++) {
		const struct policy_path *p = &policy->paths[i];

		if (p->kind == kind && path_entry_matches(p, path))
			return p;
	}
	return NULL;
}

static bool leads_to_grant(const struct policy *policy, const char *path)
{
	for (size_t i = 0; i < policy->n_paths; i++) {
		if (path_kind_grants(policy->paths[i].kind) &&
		    path_within(policy->paths[i].path, path))
			return true;
	}
	return false;
}

/* The private folder that @path lies in, or NULL. */
static const char *private_place(const struct policy *policy, const char *path)
{
	if (policy->private_home && policy->home && path_within(path, policy->home))
		return policy->home;
	if (policy->private_tmp && policy->tmp && path_within(path, policy->tmp))
		return policy->tmp;
	/* where TMPDIR is elsewhere, /tmp is private too */
	if (policy->private_tmp && path_within(path, "/tmp"))
		return "/tmp";
	return NULL;
}

struct policy_verdict policy_explain_path(const struct policy *policy, const char *path)
{
	struct policy_verdict v = { .place = PLACE_ABSENT };
	const char *own = private_place(policy, path);

	v.taken = taken(policy, path, POLICY_FS_DENY);
	if (!v.taken)
		v.taken = taken(policy, path, POLICY_FS_HIDE);
	v.read = best(policy, path, POLICY_FS_READ);
	v.write = best(policy, path, POLICY_FS_WRITE);
	v.exec = best(policy, path, POLICY_FS_EXEC);
	if (own_place(path)) {
		v = (struct policy_verdict){ .place = PLACE_OWN, .rights = POLICY_MAY_READ };
	} else if (v.taken && (v.read || own)) {
		v.place = v.taken->kind == POLICY_FS_HIDE ? PLACE_HIDDEN : PLACE_DENIED;
	} else if (own && (!v.read || strcmp(v.read->path, own) == 0)) {
		v.place = PLACE_PRIVATE;
		v.exec = best(policy, own, POLICY_FS_EXEC); /* of the folder itself */
		v.rights = POLICY_MAY_READ | POLICY_MAY_WRITE | (v.exec ? POLICY_MAY_EXEC : 0U);
	} else if (v.read) {
		v.place = PLACE_GRANTED;
		v.rights = POLICY_MAY_READ | (v.write ? POLICY_MAY_WRITE : 0U) |
			   (v.exec ? POLICY_MAY_EXEC : 0U);
		v.taken = v.write ? taken(policy, path, POLICY_FS_READONLY) : NULL;
		if (v.taken)
			v.rights &= ~(unsigned)POLICY_MAY_WRITE;
	} else if (leads_to_grant(policy, path)) {
		v.place = PLACE_BARE;
	}
	if (v.rights && v.place != PLACE_OWN)
		v.ask = taken(policy, path, POLICY_FS_ASK);
	return v;
}

static void put_at(struct buf *out, struct policy_where where)
{
	if (where.file)
		buf_printf(out, "%s:%u:%u", where.file, where.line, where.col);
}

static void put_rule(struct buf *out, const char *what, const struct policy_path *rule)
{
	if (!rule)
		return;
	buf_printf(out, "  %-8s by %s ", what, path_kind_name(rule->kind));
	show_path(out, rule);
	buf_putz(out, " at ");
	put_at(out, rule->where);
	buf_putc(out, '\n');
}

static const char *rights_name(unsigned rights)
{
	static const char *const names[] = {
		"no access",       "may be read",
		"may be written",  "may be read and changed",
		"may be executed", "may be read and executed, not changed",
		"may be executed", "may be read, changed and executed",
	};

	return names[rights & 7];
}

void policy_verdict_text(const struct policy *policy, const char *path,
			 const struct policy_verdict *v, struct buf *out)
{
	bool in_home = policy->home && path_within(path, policy->home);

	buf_printf(out, "%s: ", path);
	switch (v->place) {
	case PLACE_ABSENT: buf_putz(out, "is not there: nothing grants it"); break;
	case PLACE_GRANTED:
		buf_putz(out, v->rights == POLICY_MAY_READ ? "may be read, not changed"
							   : rights_name(v->rights));
		break;
	case PLACE_DENIED: buf_putz(out, "no access: it is denied"); break;
	case PLACE_HIDDEN: buf_putz(out, "is not there: it is hidden"); break;
	case PLACE_PRIVATE:
		buf_printf(out,
			   "the session's own private %s: empty at the start, %s, gone at the end",
			   in_home ? "home" : "tmp", rights_name(v->rights));
		break;
	case PLACE_BARE:
		buf_putz(out, "a bare folder that only leads to what is granted below it");
		break;
	case PLACE_OWN: buf_putz(out, "Capsule's own minimal /proc and /dev"); break;
	}
	buf_putc(out, '\n');
	if (v->place == PLACE_PRIVATE) {
		struct policy_where where =
			policy->origin[in_home ? POLICY_KEY_HOME : POLICY_KEY_TMP];

		buf_printf(out, "  %-8s ", in_home ? "home" : "tmp");
		buf_putz(out, "private, said at ");
		put_at(out, where);
		buf_putz(out, where.file ? "\n" : "nowhere: the default\n");
	} else if (v->place == PLACE_GRANTED) {
		put_rule(out, "read", v->read);
		put_rule(out, v->taken ? "(write)" : "write", v->write);
		put_rule(out, "exec", v->exec);
	}
	put_rule(out, "asked", v->ask);
	if (v->taken)
		put_rule(out,
			 v->taken->kind == POLICY_FS_DENY   ? "denied"
			 : v->taken->kind == POLICY_FS_HIDE ? "hidden"
							    : "taken",
			 v->taken);
}

static void json_where(struct json_wr *w, struct policy_where where)
{
	if (!where.file) {
		json_null(w);
		return;
	}
	json_object(w);
	json_key(w, "file");
	json_strz(w, where.file);
	json_key(w, "line");
	json_u64(w, where.line);
	json_key(w, "column");
	json_u64(w, where.col);
	json_end_object(w);
}

void show_json_where(struct json_wr *w, struct policy_where where)
{
	json_where(w, where);
}

static void json_rule(struct json_wr *w, const char *key, const struct policy_path *rule)
{
	json_key(w, key);
	if (!rule) {
		json_null(w);
		return;
	}
	json_object(w);
	json_key(w, "kind");
	json_strz(w, path_kind_name(rule->kind));
	json_key(w, "path");
	json_strz(w, rule->path);
	json_key(w, "where");
	json_where(w, rule->where);
	json_end_object(w);
}

void policy_verdict_json(const char *path, const struct policy_verdict *v, struct buf *out)
{
	static const char *const places[] = { "absent", "granted", "denied", "private",
					      "bare",   "own",     "hidden" };
	struct json_wr w = json_wr_init(out);

	json_object(&w);
	json_key(&w, "path");
	json_strz(&w, path);
	json_key(&w, "place");
	json_strz(&w, places[v->place]);
	json_key(&w, "read");
	json_bool(&w, v->rights & POLICY_MAY_READ);
	json_key(&w, "write");
	json_bool(&w, v->rights & POLICY_MAY_WRITE);
	json_key(&w, "exec");
	json_bool(&w, v->rights & POLICY_MAY_EXEC);
	json_rule(&w, "read_by", v->read);
	json_rule(&w, "write_by", v->write);
	json_rule(&w, "exec_by", v->exec);
	json_rule(&w, "taken_by", v->taken);
	json_rule(&w, "asked_by", v->ask);
	json_end_object(&w);
}

/* --- the whole --- */

static void list_paths(const struct policy *p, struct buf *out, enum policy_fs kind,
		       const char *heading)
{
	bool any = false;

	for (size_t i = 0; i < p->n_paths; i++) {
		if (p->paths[i].kind != kind)
			continue;
		if (!any)
			buf_printf(out, "%s\n", heading);
		any = true;
		buf_printf(out, "  %s%s  (", p->paths[i].path,
			   p->paths[i].optional && path_kind_grants(kind) ? ", where it exists"
									  : "");
		put_at(out, p->paths[i].where);
		buf_putz(out, ")\n");
	}
}

static void put_size(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;

	while (unit < 4 && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	buf_printf(out, "%llu %s", (unsigned long long)bytes, units[unit]);
}

static void explain_limits(const struct policy_limits *l, struct buf *out)
{
	const struct {
		const char *what;
		uint64_t value;
		enum { SIZE, COUNT, TIME, CPU } kind;
	} rows[] = {
		{ "memory of the whole tree", l->memory, SIZE },
		{ "processors", l->cpu_milli, CPU },
		{ "processes and threads", l->pids, COUNT },
		{ "open files of each process", l->open_files, COUNT },
		{ "largest file", l->file_size, SIZE },
		{ "each private file system", l->disk, SIZE },
		{ "output", l->output, SIZE },
		{ "time", l->wall_ms, TIME },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].value)
			continue;
		if (!any)
			buf_putz(out, "It may use at most\n");
		any = true;
		buf_printf(out, "  %s: ", rows[i].what);
		if (rows[i].kind == SIZE)
			put_size(out, rows[i].value);
		else if (rows[i].kind == COUNT)
			buf_printf(out, "%llu", (unsigned long long)rows[i].value);
		else
			buf_printf(out, "%llu.%03llu%s", (unsigned long long)(rows[i].value / 1000),
				   (unsigned long long)(rows[i].value % 1000),
				   rows[i].kind == TIME ? " s" : "");
		buf_putc(out, '\n');
	}
}

static void explain_env(const struct policy *p, struct buf *out)
{
	if (p->n_env_pass)
		buf_putz(out, "It gets these variables of yours, but none that looks like a secret "
			      "unless named exactly\n  ");
	else
		buf_putz(out, "It gets none of your environment variables\n");
	for (size_t i = 0; i < p->n_env_pass; i++)
		buf_printf(out, "%s%s", p->env_pass[i], i + 1 < p->n_env_pass ? " " : "\n");
	if (p->n_env_set)
		buf_putz(out, "and these, set by the policy\n  ");
	for (size_t i = 0; i < p->n_env_set; i++)
		buf_printf(out, "%s%s", p->env_set[i].name, i + 1 < p->n_env_set ? " " : "\n");
	if (p->n_env_unset)
		buf_putz(out, "but never\n  ");
	for (size_t i = 0; i < p->n_env_unset; i++)
		buf_printf(out, "%s%s", p->env_unset[i], i + 1 < p->n_env_unset ? " " : "\n");
}

static void explain_layers(const struct policy *p, struct buf *out)
{
	if (p->best_effort) {
		buf_putz(out, "It runs with whatever layers the host has: require is []\n");
		return;
	}
	buf_putz(out, "It is refused where one of these layers is missing\n  ");
	for (int i = 0; i < LAYER_N; i++) {
		if (p->require & LAYER_BIT(i))
			buf_printf(out, "%s ", layer_info[i].name);
	}
	buf_putz(out, p->require_default ? "and what its other promises need\n" : "\n");
}

static void explain_live(const struct policy *p, struct buf *out)
{
	static const char *const records[] = {
		"its start, its end and what is stopped",
		"what it opens, changes, executes, connects to and signals",
		"every system call",
	};

	buf_printf(out, "Recorded is %s.\n", records[p->record]);
	buf_printf(out, "Where a person is to be asked and nobody is there, the answer is %s.\n",
		   p->ask_default == RULE_ALLOW ? "yes" : "no");
	if (p->reload.off) {
		buf_putz(out, "The policy cannot change while it runs.\n");
		return;
	}
	buf_printf(out, "The policy may change while it runs%s%s.\n",
		   p->reload.watch ? ", by itself when a file of it does"
				   : ", by 'capsule reload' alone",
		   p->reload.revoke ? "; processes that hold open what is then forbidden are ended"
				    : "");
	for (size_t i = 0; i < p->reload.n_within; i++) {
		const struct policy_path *path = &p->reload.within[i];

		buf_printf(out, "  a reload may grant %s %s  (", path_kind_name(path->kind),
			   path->path);
		put_at(out, path->where);
		buf_putz(out, ")\n");
	}
}

void policy_explain(const struct policy *p, struct buf *out)
{
	static const char *const lists[] = {
		"the strict list",
		"the default list",
		"the compat list",
	};

	buf_printf(out, "A session under '%s'\n\n", p->name);
	list_paths(p, out, POLICY_FS_WRITE, "It may read and change");
	list_paths(p, out, POLICY_FS_EXEC, "It may read and execute");
	list_paths(p, out, POLICY_FS_READ, "It may read");
	list_paths(p, out, POLICY_FS_READONLY, "It may read, but never change");
	list_paths(p, out, POLICY_FS_DENY, "It may never touch");
	list_paths(p, out, POLICY_FS_HIDE, "It never gets to see");
	list_paths(p, out, POLICY_FS_ASK, "A person is asked before it touches");
	buf_putz(out, "Everything else of the disk is not there.\n");
	if (p->overlay)
		buf_putz(
			out,
			"What it changes is kept aside: 'capsule changes' shows and applies it.\n");
	buf_printf(out, "Its home is %s, its tmp is %s.\n",
		   p->private_home ? "its own and empty but for the above" : "the host's",
		   p->private_tmp ? "its own and empty" : "the host's");
	buf_putz(out, p->network == POLICY_NET_NONE
			      ? "It has no network but a loopback of its own.\n"
			      : "It has the host's network, unfiltered.\n");
	explain_env(p, out);
	explain_limits(&p->limits, out);
	buf_printf(out, "It may make the system calls of %s%s\n", lists[p->sysc_preset],
		   p->n_sysc ? ", changed by 'capsule policy show' under syscalls" : "");
	if (p->n_commands_allow)
		buf_printf(out, "Only %zu command patterns may be started.\n", p->n_commands_allow);
	for (size_t i = 0; i < p->n_tools; i++)
		buf_printf(out, "%s%s%s", i ? ", " : "It may be narrowed to the tools ",
			   p->tools[i].name, i + 1 == p->n_tools ? "\n" : "");
	explain_layers(p, out);
	explain_live(p, out);
}

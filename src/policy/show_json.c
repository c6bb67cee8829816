#include "codec/json_wr.h"
#include "policy/constants.h"
#include "policy/load.h"
#include "policy/path.h"
#include "policy/report.h"
#include "policy/show.h"

static void key_str(struct json_wr *w, const char *key, const char *value)
{
	json_key(w, key);
	json_strz(w, value);
}

static void key_u64(struct json_wr *w, const char *key, uint64_t value)
{
	json_key(w, key);
	json_u64(w, value);
}

static void put_paths(struct json_wr *w, const char *key, const struct policy_path *paths, size_t n)
{
	json_key(w, key);
	json_array(w);
	for (size_t i = 0; i < n; i++) {
		json_object(w);
		key_str(w, "kind", path_kind_name(paths[i].kind));
		key_str(w, "path", paths[i].path);
		json_key(w, "optional");
		json_bool(w, paths[i].optional);
		json_key(w, "pattern");
		json_bool(w, paths[i].glob);
		json_key(w, "where");
		show_json_where(w, paths[i].where);
		json_end_object(w);
	}
	json_end_array(w);
}

static void put_limits(struct json_wr *w, const struct policy_limits *l)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "memory", l->memory },         { "cpu_milli", l->cpu_milli }, { "pids", l->pids },
		{ "open_files", l->open_files }, { "file_size", l->file_size }, { "disk", l->disk },
		{ "output", l->output },         { "wall_ms", l->wall_ms },
	};

	json_key(w, "limits");
	json_object(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].value)
			key_u64(w, rows[i].name, rows[i].value);
	}
	json_end_object(w);
}

static void put_names(struct json_wr *w, const char *key, const char *const *names, size_t n)
{
	json_key(w, key);
	json_array(w);
	for (size_t i = 0; i < n; i++)
		json_strz(w, names[i]);
	json_end_array(w);
}

static void put_commands(struct json_wr *w, const char *key, const struct policy_argv *argv,
			 size_t n)
{
	json_key(w, key);
	json_array(w);
	for (size_t i = 0; i < n; i++) {
		json_array(w);
		for (size_t k = 0; k < argv[i].n_parts; k++)
			json_strz(w, argv[i].parts[k]);
		json_end_array(w);
	}
	json_end_array(w);
}

static void put_process(struct json_wr *w, const struct policy *p)
{
	json_key(w, "env");
	json_object(w);
	put_names(w, "pass", p->env_pass, p->n_env_pass);
	json_key(w, "set");
	json_object(w);
	for (size_t i = 0; i < p->n_env_set; i++)
		key_str(w, p->env_set[i].name, p->env_set[i].value);
	json_end_object(w);
	put_names(w, "unset", p->env_unset, p->n_env_unset);
	json_end_object(w);
	json_key(w, "commands");
	json_object(w);
	put_commands(w, "allow", p->commands_allow, p->n_commands_allow);
	put_commands(w, "deny", p->commands_deny, p->n_commands_deny);
	json_end_object(w);
	if (p->uid >= 0)
		key_u64(w, "uid", (uint64_t)p->uid);
	if (p->gid >= 0)
		key_u64(w, "gid", (uint64_t)p->gid);
}

static void put_rule(struct json_wr *w, const struct policy_sysc_rule *rule)
{
	static const char *const actions[] = { "allow", "errno", "kill", "log" };

	json_object(w);
	key_str(w, "name", rule->name);
	key_str(w, "action", actions[rule->action]);
	if (rule->action == POLICY_SYSC_ERRNO)
		key_str(w, "errno", constant_errno_name(rule->error));
	json_key(w, "when");
	json_array(w);
	for (size_t i = 0; i < rule->n_conds; i++) {
		char mem[128];
		struct buf text = buf_fixed(mem, sizeof(mem));

		show_cond(&text, &rule->conds[i]);
		json_str(w, buf_str(&text));
	}
	json_end_array(w);
	json_key(w, "where");
	show_json_where(w, rule->where);
	json_end_object(w);
}

static void put_syscalls(struct json_wr *w, const struct policy *p)
{
	json_key(w, "syscalls");
	json_object(w);
	key_str(w, "preset", schema_syscalls[p->sysc_preset]);
	json_key(w, "rules");
	json_array(w);
	for (size_t i = 0; i < p->n_sysc; i++)
		put_rule(w, &p->sysc[i]);
	json_end_array(w);
	json_end_object(w);
}

static void put_tools(struct json_wr *w, const struct policy *p)
{
	json_key(w, "tools");
	json_object(w);
	for (size_t i = 0; i < p->n_tools; i++) {
		const struct policy_tool *t = &p->tools[i];

		json_key(w, t->name);
		json_object(w);
		put_commands(w, "argv", t->argv, t->n_argv);
		if (t->has_paths)
			put_paths(w, "paths", t->paths, t->n_paths);
		if (t->has_network)
			key_str(w, "network", schema_network[t->network]);
		put_limits(w, &t->limits);
		json_key(w, "where");
		show_json_where(w, t->where);
		json_end_object(w);
	}
	json_end_object(w);
}

static void put_sources(struct json_wr *w, const struct policy *p)
{
	json_key(w, "sources");
	json_array(w);
	for (size_t i = 0; i < p->n_sources; i++) {
		json_object(w);
		key_str(w, "name", p->sources[i].name);
		json_key(w, "digest");
		json_hex(w, p->sources[i].digest, BLAKE3_OUT);
		json_end_object(w);
	}
	json_end_array(w);
}

static void put_audit(struct json_wr *w, const struct policy *p)
{
	json_key(w, "audit");
	json_object(w);
	key_str(w, "path", p->audit_path);
	key_str(w, "fsync", schema_fsync[p->audit_fsync]);
	key_str(w, "stdio", schema_stdio[p->audit_stdio]);
	key_str(w, "record", schema_record[p->record]);
	put_names(w, "redact", p->redact, p->n_redact);
	json_end_object(w);
}

static void put_reload(struct json_wr *w, const struct policy *p)
{
	const struct policy_reload *r = &p->reload;

	json_key(w, "reload");
	if (r->off) {
		json_bool(w, false);
		return;
	}
	json_object(w);
	json_key(w, "watch");
	json_bool(w, r->watch);
	json_key(w, "revoke");
	json_bool(w, r->revoke);
	put_paths(w, "within", r->within, r->n_within);
	json_end_object(w);
}

void policy_show_json(const struct policy *p, struct buf *out)
{
	struct json_wr w = json_wr_init(out);
	const char *layers[LAYER_N];
	size_t n = 0;

	for (int i = 0; i < LAYER_N; i++) {
		if (p->require & LAYER_BIT(i))
			layers[n++] = layer_info[i].name;
	}
	json_object(&w);
	key_u64(&w, "version", 1);
	key_str(&w, "name", p->name);
	json_key(&w, "digest");
	json_hex(&w, p->digest, BLAKE3_OUT);
	json_key(&w, "effective");
	json_hex(&w, p->effective, BLAKE3_OUT);
	put_sources(&w, p);
	put_names(&w, "require", layers, n);
	json_key(&w, "best_effort");
	json_bool(&w, p->best_effort);
	key_str(&w, "home", p->private_home ? "private" : "host");
	key_str(&w, "tmp", p->private_tmp ? "private" : "host");
	json_key(&w, "overlay");
	json_bool(&w, p->overlay);
	put_paths(&w, "paths", p->paths, p->n_paths);
	put_process(&w, p);
	key_str(&w, "network", schema_network[p->network]);
	put_limits(&w, &p->limits);
	put_syscalls(&w, p);
	put_tools(&w, p);
	put_audit(&w, p);
	key_str(&w, "ask_default", p->ask_default == RULE_ALLOW ? "allow" : "deny");
	put_reload(&w, p);
	show_rules_json(p, &w);
	json_end_object(&w);
}

void policy_problem_json(const struct policy_problem *problem, struct json_wr *w)
{
	json_object(w);
	json_key(w, "level");
	json_strz(w, problem->warning ? "warning" : "error");
	json_key(w, "file");
	json_strz(w, problem->where.file);
	json_key(w, "line");
	json_u64(w, problem->where.line);
	json_key(w, "column");
	json_u64(w, problem->where.col);
	json_key(w, "width");
	json_u64(w, problem->width);
	json_key(w, "text");
	json_strz(w, problem->text);
	json_end_object(w);
}

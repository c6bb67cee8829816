#include "cel/program.h"

#include "cel/access.h"
#include "cel/ast.h"
#include "cel/wellknown.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)

struct cel_value cel_run_const(struct cel_eval *eval, const struct cel_node *node)
{
	(void)eval;
	return node->value;
}

struct cel_value cel_run_slot(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = eval->slots[node->a];

	return LIKELY(v.kind != CEL_ERROR) ? v : node->value;
}

struct cel_value cel_run_local(struct cel_eval *eval, const struct cel_node *node)
{
	return eval->locals[node->a];
}

struct cel_value cel_run_has_slot(struct cel_eval *eval, const struct cel_node *node)
{
	return cel_bool(eval->slots[node->a].kind != CEL_ERROR);
}

struct cel_value cel_run_select(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = cel_node_run(eval, node->x);

	return v.kind == CEL_ERROR ? v : cel_select(eval, v, cel_str(node->value));
}

struct cel_value cel_run_has(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = cel_node_run(eval, node->x);

	return v.kind == CEL_ERROR ? v : cel_has(eval, v, cel_str(node->value));
}

struct cel_value cel_run_optional_select(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = cel_node_run(eval, node->x);

	return v.kind == CEL_ERROR ? v : cel_optional_index(eval, v, node->value);
}

struct cel_value cel_run_optional_index(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = cel_node_run(eval, node->x), key;

	if (v.kind == CEL_ERROR)
		return v;
	key = cel_node_run(eval, node->y);
	return key.kind == CEL_ERROR ? key : cel_optional_index(eval, v, key);
}

/* What a term of && or || that is neither true nor false amounts to. */
static struct cel_value not_bool(struct cel_eval *eval, struct cel_value v, const char *name)
{
	return v.kind == CEL_ERROR ? v : cel_no_overload(eval, name, &v, 1);
}

struct cel_value cel_run_and(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value error = { .kind = CEL_NULL };

	for (uint32_t i = 0; i < node->a; i++) {
		struct cel_value v = cel_node_run(eval, node->kids[i]);

		if (LIKELY(v.kind == CEL_BOOL)) {
			if (!v.b)
				return v;
			continue;
		}
		if (error.kind == CEL_NULL)
			error = not_bool(eval, v, CEL_OP_AND);
		if (eval->fatal)
			return cel_error_value(eval->fatal);
	}
	return error.kind == CEL_ERROR ? error : cel_bool(true);
}

struct cel_value cel_run_or(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value error = { .kind = CEL_NULL };

	for (uint32_t i = 0; i < node->a; i++) {
		struct cel_value v = cel_node_run(eval, node->kids[i]);

		if (LIKELY(v.kind == CEL_BOOL)) {
			if (v.b)
				return v;
			continue;
		}
		if (error.kind == CEL_NULL)
			error = not_bool(eval, v, CEL_OP_OR);
		if (eval->fatal)
			return cel_error_value(eval->fatal);
	}
	return error.kind == CEL_ERROR ? error : cel_bool(false);
}

struct cel_value cel_run_not(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = cel_node_run(eval, node->x);

	if (LIKELY(v.kind == CEL_BOOL))
		return cel_bool(!v.b);
	return not_bool(eval, v, CEL_OP_NOT);
}

struct cel_value cel_run_not_strictly_false(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = cel_node_run(eval, node->x);

	return cel_is_fatal(v) ? v : cel_bool(v.kind != CEL_BOOL || v.b);
}

struct cel_value cel_run_cond(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = cel_node_run(eval, node->kids[0]);

	if (v.kind != CEL_BOOL)
		return not_bool(eval, v, CEL_OP_COND);
	return cel_node_run(eval, node->kids[v.b ? 1 : 2]);
}

struct cel_value cel_run_operator1(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = cel_node_run(eval, node->x);

	return v.kind == CEL_ERROR ? v : node->fn(eval, &v, 1);
}

struct cel_value cel_run_operator2(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value args[2];

	args[0] = cel_node_run(eval, node->x);
	if (args[0].kind == CEL_ERROR)
		return args[0];
	args[1] = cel_node_run(eval, node->y);
	if (args[1].kind == CEL_ERROR)
		return args[1];
	return node->fn(eval, args, 2);
}

struct cel_value cel_run_call(struct cel_eval *eval, const struct cel_node *node)
{
	const struct cel_call *call = node->call;
	struct cel_value args[CEL_ARGS_MAX];

	for (uint32_t i = 0; i < call->n_args; i++) {
		args[i] = cel_node_run(eval, call->args[i]);
		if (args[i].kind == CEL_ERROR)
			return args[i];
	}
	for (uint32_t i = 0; i < call->n_refs; i++) {
		const struct cel_call_ref *ref = &call->refs[i];

		if (!cel_masks_take(ref->masks, args, call->n_args))
			continue;
		if (ref->prepared)
			args[ref->pattern] = (struct cel_value){
				.kind = CEL_BYTES,
				.flags = CEL_PREPARED,
				.p = ref->prepared,
			};
		return ref->call(eval, args, call->n_args);
	}
	return cel_no_overload(eval, call->name, args, call->n_args);
}

/*
 * The value of item @i into *ret. 1: there is one; 0: it is an optional of nothing and left out; -1:
 * *ret is an error.
 */
static int make_value(struct cel_eval *eval, const struct cel_make *make, uint32_t i,
		      struct cel_value *ret)
{
	struct cel_value v = cel_node_run(eval, make->values[i]);

	if (make->optional && make->optional[i] && v.kind != CEL_ERROR) {
		if (v.kind != CEL_OPTIONAL)
			v = cel_fail(eval, CEL_E_NO_SUCH_OVERLOAD,
				     "'?' wants an optional, not a %s", cel_kind_name(v.kind));
		else if (!v.boxed)
			return 0;
		else
			v = *v.boxed;
	}
	*ret = v;
	return v.kind == CEL_ERROR ? -1 : 1;
}

struct cel_value cel_run_list(struct cel_eval *eval, const struct cel_node *node)
{
	const struct cel_make *make = node->make;
	struct cel_value *items = cel_scratch(eval, make->n * sizeof(*items));
	uint32_t n = 0;

	if (!items)
		return cel_fail_memory(eval);
	for (uint32_t i = 0; i < make->n; i++) {
		int there = make_value(eval, make, i, &items[n]);

		if (there < 0)
			return items[n];
		n += (uint32_t)there;
	}
	return (struct cel_value){ .kind = CEL_LIST, .n = n, .items = items };
}

struct cel_value cel_run_map(struct cel_eval *eval, const struct cel_node *node)
{
	const struct cel_make *make = node->make;
	struct cel_entry *entries = cel_scratch(eval, make->n * sizeof(*entries));
	struct cel_value m = { .kind = CEL_MAP, .entries = entries };

	if (!entries)
		return cel_fail_memory(eval);
	for (uint32_t i = 0; i < make->n; i++) {
		struct cel_value key = cel_node_run(eval, make->keys[i]);
		int there;

		if (key.kind == CEL_ERROR)
			return key;
		if (!cel_key_ok(key))
			return cel_fail(eval, CEL_E_NO_SUCH_OVERLOAD, "unsupported key type: %s",
					cel_kind_name(key.kind));
		there = make_value(eval, make, i, &entries[m.n].value);
		if (there < 0)
			return entries[m.n].value;
		if (!cel_charge(eval, m.n / 8))
			return cel_fail_steps(eval);
		if (cel_map_find(m, key))
			return cel_fail(eval, CEL_E_DUPLICATE_KEY, "repeated key in a map");
		entries[m.n].key = key;
		m.n += (uint32_t)there;
	}
	return m;
}

struct cel_value cel_run_struct(struct cel_eval *eval, const struct cel_node *node)
{
	const struct cel_make *make = node->make;
	struct cel_entry *fields = cel_scratch(eval, make->n * sizeof(*fields));
	uint32_t n = 0;

	if (!fields)
		return cel_fail_memory(eval);
	for (uint32_t i = 0; i < make->n; i++) {
		int there = make_value(eval, make, i, &fields[n].value);

		if (there < 0)
			return fields[n].value;
		fields[n].key = make->keys[i]->value;
		n += (uint32_t)there;
	}
	return cel_wellknown_make(eval, make->name, fields, n);
}

struct cel_value cel_eval_run(struct cel_eval *eval, const struct cel_program *program,
			      const struct cel_value *slots, void *user)
{
	struct cel_value v;

	eval->at = eval->start;
	eval->steps = eval->steps_max;
	eval->slots = slots;
	eval->user = user;
	eval->fatal = NULL;
	if (program->n_locals) {
		eval->locals = cel_scratch(eval, program->n_locals * sizeof(*eval->locals));
		if (!eval->locals)
			return cel_fail_memory(eval);
	}
	if (!cel_charge(eval, program->weight))
		return cel_fail_steps(eval);
	v = cel_node_run(eval, program->root);
	return LIKELY(!eval->fatal) ? v : cel_error_value(eval->fatal);
}

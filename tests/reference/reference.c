#include "reference.h"
#include "cel/access.h"
#include "cel/overload.h"
#include "cel/type.h"
#include "cel/wellknown.h"

#include <math.h>
#include <stdio.h>

/* A variable of a comprehension; a chain from the innermost outwards. */
struct binding {
	const struct binding *outer;
	struct str name;
	struct cel_value value;
};

struct walk {
	struct cel_eval *eval;
	const struct cel_env *env;
	const struct cel_value *slots;
};

static struct cel_value walk(struct walk *w, const struct cel_expr *x, const struct binding *in);

static bool is_error(struct cel_value v)
{
	return v.kind == CEL_ERROR;
}

static bool is_bool(struct cel_value v)
{
	return v.kind == CEL_BOOL;
}

static struct cel_value mistake(struct walk *w, const char *what)
{
	return cel_fail(w->eval, CEL_E_NO_SUCH_OVERLOAD, "%s", what);
}

static bool belongs_to_record(const struct walk *w, const struct cel_decl *decl)
{
	for (size_t i = 0; i < w->env->n_records; i++)
		for (size_t k = 0; k < w->env->records[i]->n_fields; k++)
			if (&w->env->records[i]->fields[k] == decl)
				return true;
	return false;
}

static struct cel_value variable(struct walk *w, const struct cel_decl *decl)
{
	struct cel_value none = { .i = 0 };

	if (decl->slot < 0)
		return decl->constant ? *decl->constant
				      : cel_fail(w->eval, CEL_E_UNBOUND, "no value");
	if (w->slots[decl->slot].kind != CEL_ERROR)
		return w->slots[decl->slot];
	if (!belongs_to_record(w, decl))
		return cel_fail(w->eval, CEL_E_UNBOUND, "no value");
	switch (decl->type->kind) {
	case CEL_T_BOOL: none.kind = CEL_BOOL; return none;
	case CEL_T_INT: none.kind = CEL_INT; return none;
	case CEL_T_UINT: none.kind = CEL_UINT; return none;
	case CEL_T_DOUBLE: return cel_double(0);
	case CEL_T_STRING: return cel_string(STR(""));
	case CEL_T_BYTES: return cel_bytes(STR(""));
	case CEL_T_LIST: none.kind = CEL_LIST; return none;
	case CEL_T_MAP: none.kind = CEL_MAP; return none;
	case CEL_T_TIMESTAMP: none.kind = CEL_TIMESTAMP; return none;
	case CEL_T_DURATION: none.kind = CEL_DURATION; return none;
	case CEL_T_OPTIONAL: return cel_optional_none();
	case CEL_T_DYN:
	case CEL_T_NULL:
	case CEL_T_WRAPPER: return CEL_NULL_VALUE;
	default: return cel_fail(w->eval, CEL_E_UNBOUND, "no value");
	}
}

static struct cel_value ident(struct walk *w, const struct cel_expr *x, const struct binding *in)
{
	if (x->decl)
		return variable(w, x->decl);
	for (; in; in = in->outer)
		if (str_eq(in->name, x->ident.name))
			return in->value;
	return cel_fail(w->eval, CEL_E_UNBOUND, "undeclared");
}

static struct cel_value select_(struct walk *w, const struct cel_expr *x, const struct binding *in)
{
	struct cel_value operand;

	if (x->decl && x->select.test)
		return cel_bool(x->decl->slot < 0 || !is_error(w->slots[x->decl->slot]));
	if (x->decl)
		return variable(w, x->decl);
	operand = walk(w, x->select.operand, in);
	if (is_error(operand))
		return operand;
	return x->select.test ? cel_has(w->eval, operand, x->select.field)
			      : cel_select(w->eval, operand, x->select.field);
}

/* @decides: the operand that settles it whatever the other one is. */
static struct cel_value logic(struct walk *w, const struct cel_expr *x, const struct binding *in,
			      bool decides)
{
	struct cel_value left, right;

	left = walk(w, x->call.args[0], in);
	if (is_bool(left) && left.b == decides)
		return left;
	right = walk(w, x->call.args[1], in);
	if (is_bool(right) && right.b == decides)
		return right;
	if (is_bool(left) && is_bool(right))
		return cel_bool(!decides);
	if (is_error(left))
		return left;
	return is_error(right) ? right : mistake(w, "&& and || want bools");
}

static struct cel_value cond(struct walk *w, const struct cel_expr *x, const struct binding *in)
{
	struct cel_value v = walk(w, x->call.args[0], in);

	if (is_error(v))
		return v;
	if (!is_bool(v))
		return mistake(w, "?: wants a bool");
	return walk(w, x->call.args[v.b ? 1 : 2], in);
}

static struct cel_value append(struct walk *w, const struct cel_value *args)
{
	struct cel_value *items;

	if (args[0].kind != CEL_LIST)
		return mistake(w, "@append wants a list");
	items = cel_scratch(w->eval, (args[0].n + 1) * sizeof(*items));
	if (!items)
		return cel_fail_memory(w->eval);
	for (uint32_t i = 0; i < args[0].n; i++)
		items[i] = args[0].items[i];
	items[args[0].n] = args[1];
	return (struct cel_value){ .kind = CEL_LIST, .n = args[0].n + 1, .items = items };
}

static struct cel_value insert(struct walk *w, struct cel_value map, struct cel_value key,
			       struct cel_value value)
{
	struct cel_entry *entries;

	if (map.kind != CEL_MAP || !cel_key_ok(key))
		return mistake(w, "@insert wants a map and a key");
	if (cel_map_find(map, key))
		return cel_fail(w->eval, CEL_E_DUPLICATE_KEY, "repeated key");
	entries = cel_scratch(w->eval, (map.n + 1) * sizeof(*entries));
	if (!entries)
		return cel_fail_memory(w->eval);
	for (uint32_t i = 0; i < map.n; i++)
		entries[i] = map.entries[i];
	entries[map.n].key = key;
	entries[map.n].value = value;
	return (struct cel_value){ .kind = CEL_MAP, .n = map.n + 1, .entries = entries };
}

static struct cel_value insert_all(struct walk *w, const struct cel_value *args)
{
	struct cel_value map = args[0];

	if (args[1].kind != CEL_MAP)
		return mistake(w, "@insert_all wants maps");
	for (uint32_t i = 0; i < args[1].n && !is_error(map); i++)
		map = insert(w, map, args[1].entries[i].key, args[1].entries[i].value);
	return map;
}

/* The first overload, in the libraries' order, that takes these values. */
static struct cel_value dispatch(struct walk *w, const struct cel_expr *x,
				 const struct cel_value *args, unsigned n)
{
	const struct cel_overload *operator_ = NULL;
	uint32_t masks[CEL_ARGS_MAX];
	char name[64];

	for (uint32_t i = 0; i < x->call.n_overloads; i++) {
		const struct cel_overload *o = x->call.overloads[i];

		if (o->call && cel_overload_masks(o, masks) == (int)n &&
		    cel_masks_take(masks, args, n))
			return o->call(w->eval, args, n);
	}
	/* an operator says itself what it does not take (a list's index that is a double, 1.0) */
	for (size_t i = 0; i < cel_lib_standard.n; i++) {
		const struct cel_overload *o = &cel_lib_standard.overloads[i];

		if (str_eqz(x->call.name, o->name) && strchr("_!-@", o->name[0]))
			operator_ = o;
	}
	if (operator_ && operator_->call && cel_overload_masks(operator_, masks) == (int)n)
		return operator_->call(w->eval, args, n);
	(void)snprintf(name, sizeof(name), "%.*s", STR_ARG(x->call.name));
	return cel_no_overload(w->eval, name, args, n);
}

static struct cel_value apply(struct walk *w, const struct cel_expr *x,
			      const struct cel_value *args, unsigned n)
{
	struct str name = x->call.name;

	if (!x->call.target && str_eqz(name, CEL_OP_APPEND))
		return append(w, args);
	if (!x->call.target && str_eqz(name, CEL_OP_INSERT))
		return insert(w, args[0], args[1], args[2]);
	if (!x->call.target && str_eqz(name, CEL_OP_INSERT_ALL))
		return insert_all(w, args);
	if (!x->call.target &&
	    (str_eqz(name, CEL_OP_OPT_SELECT) || str_eqz(name, CEL_OP_OPT_INDEX)))
		return cel_optional_index(w->eval, args[0], args[1]);
	return dispatch(w, x, args, n);
}

static struct cel_value call(struct walk *w, const struct cel_expr *x, const struct binding *in)
{
	struct cel_value args[CEL_ARGS_MAX], v;
	unsigned n = 0;

	if (!x->call.target && str_eqz(x->call.name, CEL_OP_AND))
		return logic(w, x, in, false);
	if (!x->call.target && str_eqz(x->call.name, CEL_OP_OR))
		return logic(w, x, in, true);
	if (!x->call.target && str_eqz(x->call.name, CEL_OP_COND))
		return cond(w, x, in);
	if (!x->call.target && str_eqz(x->call.name, CEL_OP_NOT_STRICTLY_FALSE)) {
		v = walk(w, x->call.args[0], in);
		return cel_bool(!is_bool(v) || v.b);
	}
	if (x->call.n_args + 1 > CEL_ARGS_MAX)
		return mistake(w, "too many arguments");
	if (x->call.target && !x->call.qualified) {
		args[n] = walk(w, x->call.target, in);
		if (is_error(args[n++]))
			return args[n - 1];
	}
	for (uint32_t i = 0; i < x->call.n_args; i++) {
		args[n] = walk(w, x->call.args[i], in);
		if (is_error(args[n++]))
			return args[n - 1];
	}
	return apply(w, x, args, n);
}

/* As walk(), of "?x": *ret_there is false for an optional of nothing. */
static struct cel_value item(struct walk *w, const struct cel_expr *x, const struct binding *in,
			     bool optional, bool *ret_there)
{
	struct cel_value v = walk(w, x, in);

	*ret_there = true;
	if (!optional || is_error(v))
		return v;
	if (v.kind != CEL_OPTIONAL)
		return mistake(w, "'?' wants an optional");
	*ret_there = v.boxed != NULL;
	return v.boxed ? *v.boxed : CEL_NULL_VALUE;
}

static struct cel_value list(struct walk *w, const struct cel_expr *x, const struct binding *in)
{
	struct cel_value *items = cel_scratch(w->eval, x->list.n * sizeof(*items));
	uint32_t n = 0;

	if (!items)
		return cel_fail_memory(w->eval);
	for (uint32_t i = 0; i < x->list.n; i++) {
		bool there;

		items[n] = item(w, x->list.items[i], in, x->list.optional && x->list.optional[i],
				&there);
		if (is_error(items[n]))
			return items[n];
		n += there;
	}
	return (struct cel_value){ .kind = CEL_LIST, .n = n, .items = items };
}

static struct cel_value map(struct walk *w, const struct cel_expr *x, const struct binding *in)
{
	struct cel_value m = { .kind = CEL_MAP };

	for (uint32_t i = 0; i < x->map.n; i++) {
		const struct cel_entry_expr *e = &x->map.entries[i];
		struct cel_value key = walk(w, e->key, in), value;
		bool there;

		if (is_error(key))
			return key;
		if (!cel_key_ok(key))
			return mistake(w, "no key");
		value = item(w, e->value, in, e->optional, &there);
		if (is_error(value))
			return value;
		if (cel_map_find(m, key))
			return cel_fail(w->eval, CEL_E_DUPLICATE_KEY, "repeated key");
		if (there)
			m = insert(w, m, key, value);
		if (is_error(m))
			return m;
	}
	return m;
}

static const char *message_name(const struct walk *w, struct str name)
{
	char whole[256];
	struct str inside = str_of(w->env->container);

	if (name.n && name.p[0] == '.')
		return cel_wellknown_name(str_sub(name, 1, name.n));
	for (;; inside.n--) {
		const char *found;

		if (inside.n == 0)
			return cel_wellknown_name(name);
		if (inside.n < str_of(w->env->container).n && inside.p[inside.n] != '.')
			continue;
		(void)snprintf(whole, sizeof(whole), "%.*s.%.*s", STR_ARG(inside), STR_ARG(name));
		found = cel_wellknown_name(str_of(whole));
		if (found)
			return found;
	}
}

static struct cel_value message(struct walk *w, const struct cel_expr *x, const struct binding *in)
{
	const char *name = message_name(w, x->map.name);
	struct cel_entry *fields = cel_scratch(w->eval, x->map.n * sizeof(*fields));
	uint32_t n = 0;

	if (!name)
		return mistake(w, "unknown type");
	if (!fields)
		return cel_fail_memory(w->eval);
	for (uint32_t i = 0; i < x->map.n; i++) {
		const struct cel_entry_expr *e = &x->map.entries[i];
		bool there;

		fields[n].key = e->key->literal;
		fields[n].value = item(w, e->value, in, e->optional, &there);
		if (is_error(fields[n].value))
			return fields[n].value;
		n += there;
	}
	return cel_wellknown_make(w->eval, name, fields, n);
}

static struct cel_value fold(struct walk *w, const struct cel_expr *x, const struct binding *in)
{
	struct binding accu = { .outer = in, .name = x->fold.accu };
	struct cel_value range = walk(w, x->fold.range, in);

	if (is_error(range))
		return range;
	if (range.kind != CEL_LIST && range.kind != CEL_MAP)
		return mistake(w, "cannot iterate");
	accu.value = walk(w, x->fold.init, in);
	for (uint32_t i = 0; i < range.n; i++) {
		struct binding var = { .outer = &accu, .name = x->fold.var };
		struct binding var2 = { .outer = &var, .name = x->fold.var2 };
		const struct binding *inner = x->fold.var2.n ? &var2 : &var;
		struct cel_value more;

		if (range.kind == CEL_MAP) {
			var.value = range.entries[i].key;
			var2.value = range.entries[i].value;
		} else {
			var.value = x->fold.var2.n ? cel_int(i) : range.items[i];
			var2.value = range.items[i];
		}
		more = walk(w, x->fold.cond, inner);
		if (is_error(more))
			accu.value = more;
		else if (!is_bool(more))
			accu.value = mistake(w, "a loop's condition wants a bool");
		if (!cel_is_true(more))
			break;
		accu.value = walk(w, x->fold.step, inner);
	}
	return walk(w, x->fold.result, &accu);
}

static struct cel_value walk(struct walk *w, const struct cel_expr *x, const struct binding *in)
{
	if (w->eval->fatal)
		return cel_error_value(w->eval->fatal);
	if (!cel_charge(w->eval, 1))
		return cel_fail_steps(w->eval);
	switch (x->kind) {
	case CEL_X_LITERAL: return x->literal;
	case CEL_X_IDENT: return ident(w, x, in);
	case CEL_X_SELECT: return select_(w, x, in);
	case CEL_X_CALL: return call(w, x, in);
	case CEL_X_LIST: return list(w, x, in);
	case CEL_X_MAP: return map(w, x, in);
	case CEL_X_STRUCT: return message(w, x, in);
	case CEL_X_FOLD: return fold(w, x, in);
	default: return mistake(w, "no such node");
	}
}

struct cel_value reference_eval(struct cel_eval *eval, const struct cel_env *env,
				const struct cel_expr *tree, const struct cel_value *slots,
				void *user)
{
	struct walk w = { .eval = eval, .env = env, .slots = slots };
	struct cel_value v;

	eval->slots = slots;
	eval->user = user;
	v = walk(&w, tree, NULL);
	return eval->fatal ? cel_error_value(eval->fatal) : v;
}

static bool same_lists(struct cel_value got, struct cel_value want)
{
	for (uint32_t i = 0; i < want.n; i++)
		if (!reference_same(got.items[i], want.items[i]))
			return false;
	return true;
}

static bool same_maps(struct cel_value got, struct cel_value want)
{
	for (uint32_t i = 0; i < want.n; i++) {
		bool found = false;

		for (uint32_t k = 0; k < got.n && !found; k++)
			found = reference_same(got.entries[k].key, want.entries[i].key) &&
				reference_same(got.entries[k].value, want.entries[i].value);
		if (!found)
			return false;
	}
	return true;
}

bool reference_same(struct cel_value got, struct cel_value want)
{
	if (got.kind != want.kind)
		return false;
	switch (want.kind) {
	case CEL_DOUBLE: return got.d == want.d || (isnan(got.d) && isnan(want.d));
	case CEL_LIST: return got.n == want.n && same_lists(got, want);
	case CEL_MAP: return got.n == want.n && same_maps(got, want);
	case CEL_OPTIONAL:
		return got.boxed && want.boxed ? reference_same(*got.boxed, *want.boxed)
					       : got.boxed == want.boxed;
	case CEL_TYPE: return str_eq(cel_type_name(got.type), cel_type_name(want.type));
	default: return cel_equal(got, want);
	}
}

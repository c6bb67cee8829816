/*
 * check_call - which overloads a call may mean.
 *
 * The arguments' types are made to agree with each overload's in turn, each overload's parameters
 * being fresh variables. All that can are kept, for the evaluator to choose among by the values at
 * hand; the result is theirs if they have one, else dyn.
 */
#include "cel/check_impl.h"
#include "cel/macro.h"
#include "cel/overload.h"

/* An overload's signature, its parameters as variables. */
struct signature {
	const struct cel_type *args[CEL_ARGS_MAX];
	uint32_t n;
	const struct cel_type *result;
};

/* What is known about the call. */
struct call {
	struct str name;
	bool member;
	const struct cel_type **types; /* of the arguments, the receiver first */
	uint32_t n;
};

static const struct {
	const char *name, *shown;
} operators[] = {
	{ CEL_OP_NOT, "!" }, { CEL_OP_EQ, "==" },    { CEL_OP_NE, "!=" },
	{ CEL_OP_LT, "<" },  { CEL_OP_LE, "<=" },    { CEL_OP_GT, ">" },
	{ CEL_OP_GE, ">=" }, { CEL_OP_ADD, "+" },    { CEL_OP_SUB, "-" },
	{ CEL_OP_MUL, "*" }, { CEL_OP_DIV, "/" },    { CEL_OP_MOD, "%" },
	{ CEL_OP_NEG, "-" }, { CEL_OP_INDEX, "[]" }, { CEL_OP_OPT_INDEX, "[?]" },
	{ CEL_OP_IN, "in" },
};

struct str cel_check_operator(struct str name)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (str_eqz(name, operators[i].name))
			return str_of(operators[i].shown);
	}
	return name;
}

static bool is_member(const struct cel_overload *o)
{
	return (o->flags & CEL_FN_MEMBER) != 0;
}

bool cel_check_has_function(const struct cel_checker *c, struct str name, bool member)
{
	for (size_t i = 0; i < c->env->n_libraries; i++) {
		const struct cel_library *lib = c->env->libraries[i];

		for (size_t j = 0; j < lib->n; j++) {
			if (is_member(&lib->overloads[j]) == member &&
			    str_eqz(name, lib->overloads[j].name))
				return true;
		}
	}
	return false;
}

/* false: no signature, or no memory. */
static bool signature_parse(struct cel_checker *c, const char *text, struct signature *ret)
{
	const struct cel_type *vars[CEL_TYPE_LETTERS] = { NULL };

	ret->n = 0;
	while (*text != ':') {
		const struct cel_type *type =
			ret->n < CEL_ARGS_MAX ? cel_type_parse(c->tree.arena, &text) : NULL;

		if (!type)
			return false;
		ret->args[ret->n++] = cel_type_instance(&c->unify, type, vars);
	}
	text++;
	ret->result = cel_type_parse(c->tree.arena, &text);
	if (!ret->result)
		return false;
	ret->result = cel_type_instance(&c->unify, ret->result, vars);
	return true;
}

/* Can @overload take the arguments? Then they agree with it from now on. */
static bool applies(struct cel_checker *c, const struct call *call,
		    const struct cel_overload *overload, const struct cel_type **ret_result)
{
	struct signature sig;

	if (is_member(overload) != call->member || !str_eqz(call->name, overload->name))
		return false;
	if (!signature_parse(c, overload->args, &sig) || sig.n != call->n)
		return false;
	if (!c->lenient && !cel_agree_all(&c->unify, call->types, sig.args, sig.n))
		return false;
	*ret_result = sig.result;
	return true;
}

/* The overloads that apply, to @x; the type of what comes out, or NULL: none does. */
static const struct cel_type *resolve(struct cel_checker *c, struct cel_expr *x,
				      const struct call *call)
{
	const struct cel_overload **found = NULL;
	const struct cel_type *type = NULL, *result = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < c->env->n_libraries; i++) {
		const struct cel_library *lib = c->env->libraries[i];

		for (size_t j = 0; j < lib->n; j++) {
			if (!applies(c, call, &lib->overloads[j], &result))
				continue;
			found = arena_grow(c->tree.arena, found, n, &cap, sizeof(*found));
			if (!found)
				return cel_check_full(c);
			found[n++] = &lib->overloads[j];
			if (!type)
				type = result;
			else if (!cel_type_equal(cel_type_final(&c->unify, type),
						 cel_type_final(&c->unify, result)))
				type = &cel_type_dyn;
		}
	}
	x->call.overloads = found;
	x->call.n_overloads = (uint32_t)n;
	return type;
}

/* The types of the receiver, if it is a value, and of the arguments. */
static bool check_args(struct cel_checker *c, struct cel_expr *x, struct call *call)
{
	uint32_t n = x->call.n_args + (call->member ? 1 : 0);
	const struct cel_type **types = arena_array(c->tree.arena, n + 1, const struct cel_type *);

	if (!types)
		return false;
	if (call->member)
		types[0] = cel_check_expr(c, x->call.target);
	for (uint32_t i = 0; i < x->call.n_args; i++)
		types[n - x->call.n_args + i] = cel_check_expr(c, x->call.args[i]);
	call->types = types;
	call->n = n;
	return true;
}

/* A call of a namespace's function, "math.abs" or ".math.abs": its name, or empty. */
static struct str qualified_name(struct cel_checker *c, const struct cel_expr *x)
{
	struct str chain, name;
	char *text;

	if (!cel_check_chain(c, x->call.target, &chain))
		return (struct str){ 0 };
	text = arena_printf(c->tree.arena, "%.*s.%.*s", STR_ARG(chain), STR_ARG(x->call.name));
	for (size_t at = 0; (name = cel_check_candidate(c, str_of(text), &at)).n;) {
		if (cel_check_has_function(c, name, false))
			return name;
	}
	return (struct str){ 0 };
}

/* The name of a function without receiver, by the container. */
static struct str global_name(struct cel_checker *c, struct str written)
{
	struct str name;

	for (size_t at = 0; (name = cel_check_candidate(c, written, &at)).n;) {
		if (cel_check_has_function(c, name, false))
			return name;
	}
	return written;
}

/* "hasHeader" for "header"; in the arena. */
static struct str has_name(struct cel_checker *c, struct str name)
{
	char first = name.p[0];

	if (first >= 'a' && first <= 'z')
		first = (char)(first - 'a' + 'A');
	return str_of(arena_printf(c->tree.arena, "has%c%.*s", first, (int)name.n - 1, name.p + 1));
}

/*
 * X.exists(), a question of presence in other words: of a field, of a record, of what a function or a
 * key would give. false: it is none of these, an ordinary call.
 */
static bool check_exists(struct cel_checker *c, struct cel_expr *x,
			 const struct cel_type **ret_type)
{
	struct cel_expr *target = x->call.target, *swap;
	struct str name;

	if (!target || x->call.n_args || !str_eq(x->call.name, STR("exists")))
		return false;
	if (cel_check_presence(c, x, target)) {
		*ret_type = x->type;
		return true;
	}
	if (target->kind == CEL_X_SELECT && !target->select.test) {
		*x = *target;
		x->select.test = true;
		*ret_type = cel_check_select(c, x);
		return true;
	}
	if (target->kind != CEL_X_CALL)
		return false;
	if (str_eqz(target->call.name, CEL_OP_INDEX)) {
		*x = *target;
		x->call.name = STR(CEL_OP_IN);
		swap = x->call.args[0];
		x->call.args[0] = x->call.args[1];
		x->call.args[1] = swap;
		*ret_type = cel_check_call(c, x);
		return true;
	}
	name = has_name(c, target->call.name);
	if (!name.n || !cel_check_has_function(c, name, target->call.target != NULL))
		return false;
	*x = *target;
	x->call.name = name;
	*ret_type = cel_check_call(c, x);
	return true;
}

const struct cel_type *cel_check_call(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *type;
	struct call call = { .name = x->call.name };

	if (check_exists(c, x, &type) || cel_check_builtin(c, x, &type))
		return type;
	if (!x->call.target) {
		call.name = global_name(c, x->call.name);
	} else {
		struct str name = qualified_name(c, x);

		x->call.qualified = name.n > 0;
		call.member = !x->call.qualified;
		if (name.n)
			call.name = name;
		else if ((type = cel_suggest_space(c, x)))
			return type;
	}
	x->call.name = call.name;
	/* its arguments have names that it would have defined */
	if (!c->lenient && cel_macro_usage(call.name) &&
	    !cel_check_has_function(c, call.name, call.member))
		return cel_suggest_function(c, x, call.name);
	if (!check_args(c, x, &call))
		return cel_check_full(c);
	type = resolve(c, x, &call);
	if (type)
		return type;
	if (call.member && call.types[0]->kind == CEL_T_ERROR)
		return &cel_type_error;
	if (!cel_check_has_function(c, call.name, call.member))
		return cel_suggest_function(c, x, call.name);
	return cel_suggest_overload(c, x, call.name, call.member, call.types, call.n);
}

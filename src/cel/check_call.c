/*
 * check_call - which overloads a call may mean.
 *
 * The arguments' types are made to agree with each overload's in turn, each overload's parameters
 * being fresh variables. All that can are kept, for the evaluator to choose among by the values at
 * hand; the result is theirs if they have one, else dyn.
 */
#include "cel/check_impl.h"
#include "cel/macro.h"

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

/* Can an overload take the arguments? Then they agree with it from now on. */
static bool applies(struct cel_checker *c, const struct call *call, const struct cel_signature *sig,
		    const struct cel_type **ret_result)
{
	const struct cel_type *vars[CEL_TYPE_LETTERS] = { NULL };
	const struct cel_type *args[CEL_ARGS_MAX];

	if (sig->bad || sig->n != call->n)
		return false;
	if (c->lenient) {
		*ret_result = &cel_type_dyn;
		return true;
	}
	for (uint32_t i = 0; i < sig->n; i++) {
		if (cel_differ(&c->unify, call->types[i], sig->args[i]))
			return false;
	}
	for (uint32_t i = 0; i < sig->n; i++)
		args[i] = cel_type_instance(&c->unify, sig->args[i], vars);
	if (!cel_agree_all(&c->unify, call->types, args, sig->n))
		return false;
	*ret_result = cel_type_instance(&c->unify, sig->result, vars);
	return true;
}

/* The overloads that apply, to @x; the type of what comes out, or NULL: none does. */
static const struct cel_type *resolve(struct cel_checker *c, struct cel_expr *x,
				      const struct call *call)
{
	const struct cel_overload **found = NULL;
	const struct cel_functions *functions = cel_check_functions(c, call->name, call->member);
	const struct cel_type *type = NULL, *result = NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; i < functions->n; i++) {
		if (!applies(c, call, &functions->signatures[i], &result))
			continue;
		if (!found)
			found = arena_array(c->tree.arena, functions->n - i,
					    const struct cel_overload *);
		if (!found)
			return cel_check_full(c);
		found[n++] = functions->at[i];
		if (!type)
			type = result;
		else if (!cel_type_equal(cel_type_final(&c->unify, type),
					 cel_type_final(&c->unify, result)))
			type = &cel_type_dyn;
	}
	x->call.overloads = found;
	x->call.n_overloads = n;
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

	if (!cel_check_chain(c, x->call.target, &chain) || cel_check_is_value(c, chain))
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

/*
 * check_builtin - operators whose types no signature can say, or which macros make.
 */
#include "cel/check_impl.h"

/* What stands in the text for @x: '&&', or the name of the macro that made it. */
static struct str text_of(const struct cel_checker *c, const struct cel_expr *x)
{
	return str_sub(c->problems.source, x->at, x->end);
}

/* Argument @i must be bool. */
static void want_bool(struct cel_checker *c, const struct cel_expr *x, uint32_t i)
{
	const struct cel_expr *arg = x->call.args[i];
	const struct cel_type *type = cel_check_expr(c, x->call.args[i]);
	struct str text = text_of(c, x);
	bool macro = text.n && text.p[0] >= 'A';

	if (cel_agree(&c->unify, &cel_type_bool, type))
		return;
	if (macro || str_eq(text, STR("?")))
		cel_check_fail(
			c, arg->at, arg->end, "the condition %s '%.*s' must be bool, found %s",
			macro ? "of" : "before", STR_ARG(text), cel_check_type_text(c, type));
	else
		cel_check_fail(c, arg->at, arg->end, "'%.*s' takes bool, found %s", STR_ARG(text),
			       cel_check_type_text(c, type));
}

static const struct cel_type *check_logic(struct cel_checker *c, struct cel_expr *x)
{
	for (uint32_t i = 0; i < x->call.n_args; i++)
		want_bool(c, x, i);
	return &cel_type_bool;
}

static const struct cel_type *check_not_false(struct cel_checker *c, struct cel_expr *x)
{
	(void)cel_check_expr(c, x->call.args[0]);
	return &cel_type_bool;
}

static const struct cel_type *check_cond(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *yes, *no;

	want_bool(c, x, 0);
	yes = cel_check_expr(c, x->call.args[1]);
	no = cel_check_expr(c, x->call.args[2]);
	if (cel_agree(&c->unify, yes, no))
		return cel_more_general(yes, no);
	return cel_check_fail(c, x->at, x->end,
			      "both sides of ':' must be of one type, found %s and %s; dyn(...) "
			      "around one of them allows it",
			      cel_check_type_text(c, yes), cel_check_type_text(c, no));
}

static const struct cel_type *check_append(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *list = cel_check_expr(c, x->call.args[0]);
	const struct cel_type *item = cel_check_expr(c, x->call.args[1]);
	const struct cel_type *more = cel_type_list(c->tree.arena, item);

	if (!more)
		return cel_check_full(c);
	return cel_agree(&c->unify, list, more) ? list : &cel_type_dyn;
}

static const struct cel_type *check_insert(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *map = cel_check_expr(c, x->call.args[0]);
	const struct cel_type *key = cel_check_expr(c, x->call.args[1]);
	const struct cel_type *value = cel_check_expr(c, x->call.args[2]);
	const struct cel_type *more = cel_type_map(c->tree.arena, key, value);

	if (!more)
		return cel_check_full(c);
	return cel_agree(&c->unify, map, more) ? map : &cel_type_dyn;
}

static const struct cel_type *check_insert_all(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *map = cel_check_expr(c, x->call.args[0]);
	const struct cel_type *more = cel_check_expr(c, x->call.args[1]);

	if (cel_agree(&c->unify, map, more))
		return map;
	return cel_check_fail(c, x->call.args[1]->at, x->call.args[1]->end,
			      "'%.*s' takes a map with the new entries, found %s",
			      STR_ARG(text_of(c, x)), cel_check_type_text(c, more));
}

/* a.?b: b of a, or none. */
static const struct cel_type *check_opt_select(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *of = cel_check_expr(c, x->call.args[0]), *field;
	struct cel_expr *name = x->call.args[1];

	name->type = &cel_type_string;
	if (name->kind != CEL_X_LITERAL || name->literal.kind != CEL_STRING)
		return &cel_type_dyn;
	if (of->kind == CEL_T_RECORD)
		return cel_check_fail(c, x->at, x->end,
				      "'.?' is for maps; has() tells whether a field is there");
	field = cel_check_field(c, x, cel_str(name->literal), of);
	if (field->kind == CEL_T_OPTIONAL && cel_type_now(&c->unify, of)->kind == CEL_T_OPTIONAL)
		return field;
	field = cel_type_of(c->tree.arena, CEL_T_OPTIONAL, field);
	return field ? field : cel_check_full(c);
}

static const struct {
	const char *name;
	uint32_t n_args;
	const struct cel_type *(*check)(struct cel_checker *c, struct cel_expr *x);
} builtins[] = {
	{ CEL_OP_AND, 2, check_logic },
	{ CEL_OP_OR, 2, check_logic },
	{ CEL_OP_COND, 3, check_cond },
	{ CEL_OP_NOT_STRICTLY_FALSE, 1, check_not_false },
	{ CEL_OP_APPEND, 2, check_append },
	{ CEL_OP_INSERT, 3, check_insert },
	{ CEL_OP_INSERT_ALL, 2, check_insert_all },
	{ CEL_OP_OPT_SELECT, 2, check_opt_select },
};

bool cel_check_builtin(struct cel_checker *c, struct cel_expr *x, const struct cel_type **ret_type)
{
	struct str name = x->call.name;

	/* nobody can write these names */
	if (x->call.target || (name.p[0] != '_' && name.p[0] != '@'))
		return false;
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (x->call.n_args == builtins[i].n_args && str_eqz(name, builtins[i].name)) {
			*ret_type = builtins[i].check(c, x);
			return true;
		}
	}
	return false;
}

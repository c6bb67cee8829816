/*
 * check - one walk over the tree that deduces types, and a second that writes them down.
 *
 * While the first goes on, types may have variables in them (unify.h): [] is a list of an unknown type
 * until something is known about it. The second replaces them, those that never became known by dyn.
 * A mistake has the error type, which agrees with anything, so that it is told once.
 */
#include "cel/check.h"

#include "cel/check_impl.h"
#include "cel/wellknown.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

const struct cel_type *cel_check_fail(struct cel_checker *c, uint32_t at, uint32_t end,
				      const char *fmt, ...)
{
	char text[sizeof(((struct cel_problem *)NULL)->text)];
	va_list ap;

	if (c->lenient)
		return &cel_type_dyn;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cel_problem_add(&c->problems, at, end, "%s", text);
	return &cel_type_error;
}

const struct cel_type *cel_check_full(struct cel_checker *c)
{
	cel_problem_full(&c->problems, 0, 1, CEL_NO_MEMORY);
	return &cel_type_error;
}

const char *cel_check_type_text(struct cel_checker *c, const struct cel_type *type)
{
	char text[128];
	struct buf out = buf_fixed(text, sizeof(text));
	const char *kept;

	cel_problem_put_type(&out, cel_type_final(&c->unify, type));
	kept = arena_strdup(c->tree.arena, buf_str(&out));
	return kept ? kept : "";
}

static const struct cel_type *type_of_literal(const struct cel_expr *x)
{
	static const struct cel_type *const types[CEL_KIND_N] = {
		[CEL_NULL] = &cel_type_null,         [CEL_BOOL] = &cel_type_bool,
		[CEL_INT] = &cel_type_int,           [CEL_UINT] = &cel_type_uint,
		[CEL_DOUBLE] = &cel_type_double,     [CEL_STRING] = &cel_type_string,
		[CEL_BYTES] = &cel_type_bytes,       [CEL_TIMESTAMP] = &cel_type_timestamp,
		[CEL_DURATION] = &cel_type_duration,
	};

	if (x->literal.kind == CEL_RECORD)
		return x->type;
	return types[x->literal.kind] ? types[x->literal.kind] : &cel_type_dyn;
}

/* An optional item, key or field gives what the optional holds. */
static const struct cel_type *check_optional(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *type = cel_check_expr(c, x);
	const struct cel_type *inner = cel_unify_fresh(&c->unify);
	const struct cel_type *want = cel_type_of(c->tree.arena, CEL_T_OPTIONAL, inner);

	if (!want)
		return cel_check_full(c);
	if (type->kind == CEL_T_DYN)
		return type;
	if (cel_agree(&c->unify, want, type))
		return inner;
	return cel_check_fail(c, x->at, x->end, "after '?' an optional value is expected, found %s",
			      cel_check_type_text(c, type));
}

static const struct cel_type *check_list(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *item = NULL, *list;

	for (uint32_t i = 0; i < x->list.n; i++) {
		struct cel_expr *at = x->list.items[i];

		item = cel_join(&c->unify, item,
				x->list.optional && x->list.optional[i] ? check_optional(c, at)
									: cel_check_expr(c, at));
	}
	list = cel_type_list(c->tree.arena, item ? item : cel_unify_fresh(&c->unify));
	return list ? list : cel_check_full(c);
}

/* Keys are bool, int, uint or string. */
static const struct cel_type *check_key(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *type = cel_type_now(&c->unify, cel_check_expr(c, x));

	switch (type->kind) {
	case CEL_T_VAR: (void)cel_agree(&c->unify, type, &cel_type_dyn); return &cel_type_dyn;
	case CEL_T_BOOL:
	case CEL_T_INT:
	case CEL_T_UINT:
	case CEL_T_STRING:
	case CEL_T_DYN:
	case CEL_T_ERROR: return type;
	case CEL_T_WRAPPER: return type->param[0];
	default:
		return cel_check_fail(c, x->at, x->end,
				      "a map's keys are bool, int, uint or string, found %s",
				      cel_check_type_text(c, type));
	}
}

static const struct cel_type *check_map(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *key = NULL, *value = NULL, *map;

	for (uint32_t i = 0; i < x->map.n; i++) {
		struct cel_entry_expr *entry = &x->map.entries[i];

		key = cel_join(&c->unify, key, check_key(c, entry->key));
		value = cel_join(&c->unify, value,
				 entry->optional ? check_optional(c, entry->value)
						 : cel_check_expr(c, entry->value));
	}
	map = cel_type_map(c->tree.arena, key ? key : cel_unify_fresh(&c->unify),
			   value ? value : cel_unify_fresh(&c->unify));
	return map ? map : cel_check_full(c);
}

/* The messages that are values of the language (wellknown.h); there are no others. */
static const char *message_name(struct cel_checker *c, struct str name)
{
	struct str candidate;
	size_t at = 0;

	while ((candidate = cel_check_candidate(c, name, &at)).n) {
		const char *found = cel_wellknown_name(candidate);

		if (found)
			return found;
	}
	return NULL;
}

static const struct cel_type *type_of_code(struct cel_checker *c, const char *code)
{
	const struct cel_type *type = cel_type_parse(c->tree.arena, &code);

	return type ? type : cel_check_full(c);
}

/* null stands for a field that is left out. */
static void check_message_field(struct cel_checker *c, const char *name,
				struct cel_entry_expr *entry)
{
	struct cel_expr *key = entry->key;
	const struct cel_type *type = entry->optional ? check_optional(c, entry->value)
						      : cel_check_expr(c, entry->value);
	const char *code = cel_wellknown_field(name, cel_str(key->literal));

	key->type = &cel_type_string;
	if (!code)
		cel_check_fail(c, key->at, key->end, "%s has no field '%.*s'", name,
			       STR_ARG(cel_str(key->literal)));
	else if (!cel_agree(&c->unify, type_of_code(c, code), type))
		cel_check_fail(c, entry->value->at, entry->value->end,
			       "field '%.*s' of %s is %s, found %s", STR_ARG(cel_str(key->literal)),
			       name, cel_check_type_text(c, type_of_code(c, code)),
			       cel_check_type_text(c, type));
}

static const struct cel_type *check_struct(struct cel_checker *c, struct cel_expr *x)
{
	const char *name = message_name(c, x->map.name);

	for (uint32_t i = 0; i < x->map.n; i++) {
		if (name) {
			check_message_field(c, name, &x->map.entries[i]);
			continue;
		}
		x->map.entries[i].key->type = &cel_type_string;
		(void)cel_check_expr(c, x->map.entries[i].value);
	}
	if (name)
		return type_of_code(c, cel_wellknown_type(name));
	return cel_check_fail(
		c, x->at, x->end,
		"found no type '%.*s': there are no messages here; write {\"%s\": ...}",
		STR_ARG(x->map.name), "field");
}

/* What a loop over @range gives its variables. */
static void loop_types(struct cel_checker *c, const struct cel_expr *x,
		       const struct cel_type **ret_var, const struct cel_type **ret_var2)
{
	const struct cel_expr *range = x->fold.range;
	const struct cel_type *type = cel_type_now(&c->unify, range->type);
	bool two = x->fold.var2.n > 0;

	*ret_var = *ret_var2 = &cel_type_dyn;
	switch (type->kind) {
	case CEL_T_LIST:
		*ret_var = two ? &cel_type_int : type->param[0];
		*ret_var2 = type->param[0];
		break;
	case CEL_T_MAP:
		*ret_var = type->param[0];
		*ret_var2 = type->param[1];
		break;
	case CEL_T_VAR: (void)cel_agree(&c->unify, type, &cel_type_dyn); break;
	case CEL_T_DYN:
	case CEL_T_ERROR: break;
	default:
		cel_check_fail(c, range->at, range->end,
			       "%.*s() goes through a list or a map, found %s",
			       STR_ARG(str_sub(c->problems.source, x->at, x->end)),
			       cel_check_type_text(c, type));
		*ret_var = *ret_var2 = &cel_type_error;
	}
}

static const struct cel_type *check_fold(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_scope *outer = c->scope;
	struct cel_scope accu = { .name = x->fold.accu, .up = outer };
	struct cel_scope var = { .name = x->fold.var, .up = &accu };
	struct cel_scope var2 = { .name = x->fold.var2, .up = &var };
	const struct cel_type *type;

	(void)cel_check_expr(c, x->fold.range);
	accu.type = cel_check_expr(c, x->fold.init);
	loop_types(c, x, &var.type, &var2.type);
	c->scope = x->fold.var2.n ? &var2 : &var;
	(void)cel_check_expr(c, x->fold.cond);
	type = cel_check_expr(c, x->fold.step);
	(void)cel_agree(&c->unify, accu.type, type);
	c->scope = &accu;
	type = cel_check_expr(c, x->fold.result);
	c->scope = outer;
	return type;
}

const struct cel_type *cel_check_expr(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *type = &cel_type_error;

	if (c->problems.full || c->problems.count >= CEL_PROBLEMS_MAX)
		return type;
	switch (x->kind) {
	case CEL_X_LITERAL: type = type_of_literal(x); break;
	case CEL_X_IDENT: type = cel_check_ident(c, x); break;
	case CEL_X_SELECT: type = cel_check_select(c, x); break;
	case CEL_X_CALL: type = cel_check_call(c, x); break;
	case CEL_X_LIST: type = check_list(c, x); break;
	case CEL_X_MAP: type = check_map(c, x); break;
	case CEL_X_STRUCT: type = check_struct(c, x); break;
	case CEL_X_FOLD: type = check_fold(c, x); break;
	default: break;
	}
	if (c->lenient && type->kind != CEL_T_RECORD)
		type = &cel_type_dyn;
	x->type = type;
	return type;
}

static void finish(struct cel_checker *c, struct cel_expr *x);

static void finish_all(struct cel_checker *c, struct cel_expr *const *items, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		finish(c, items[i]);
}

/* Write down what became known. */
static void finish(struct cel_checker *c, struct cel_expr *x)
{
	if (x->type->open)
		x->type = cel_type_final(&c->unify, x->type);
	if (x->decl)
		return;
	switch (x->kind) {
	case CEL_X_SELECT: finish(c, x->select.operand); break;
	case CEL_X_CALL:
		if (x->call.target && !x->call.qualified)
			finish(c, x->call.target);
		finish_all(c, x->call.args, x->call.n_args);
		break;
	case CEL_X_LIST: finish_all(c, x->list.items, x->list.n); break;
	case CEL_X_MAP:
	case CEL_X_STRUCT:
		for (uint32_t i = 0; i < x->map.n; i++) {
			finish(c, x->map.entries[i].key);
			finish(c, x->map.entries[i].value);
		}
		break;
	case CEL_X_FOLD:
		finish_all(c,
			   (struct cel_expr *const[]){ x->fold.range, x->fold.init, x->fold.cond,
						       x->fold.step, x->fold.result },
			   5);
		break;
	default: break;
	}
}

static void check_wanted(struct cel_checker *c, const struct cel_expr *x,
			 const struct cel_type *type, const struct cel_type *want)
{
	struct str source = c->problems.source;
	uint32_t at = 0;

	(void)x;
	if (!want || cel_agree(&c->unify, want, type))
		return;
	while (at < source.n && strchr(" \t\r\n", source.p[at]))
		at++;
	cel_check_fail(c, at, (uint32_t)source.n, "the expression is %s, but %s is wanted here",
		       cel_check_type_text(c, type), cel_check_type_text(c, want));
}

int cel_check(struct arena *arena, const struct cel_env *env, struct str source,
	      struct cel_expr *expr, const struct cel_type *want, cel_report *report, void *ctx,
	      const struct cel_type **ret_type)
{
	struct cel_checker c = {
		.env = env,
		.problems = { .source = source, .report = report, .ctx = ctx },
		.unify = { .arena = arena },
		.tree = { .arena = arena, .problems = &c.problems },
	};
	const struct cel_type *type = cel_check_expr(&c, expr);

	if (!c.problems.count) {
		check_wanted(&c, expr, type, want);
		c.unify.closing = true;
		finish(&c, expr);
	}
	if (c.unify.full)
		(void)cel_check_full(&c);
	if (c.problems.count)
		return cel_problems_result(&c.problems);
	*ret_type = expr->type;
	return 0;
}

int cel_resolve(struct arena *arena, const struct cel_env *env, struct str source,
		struct cel_expr *expr, cel_report *report, void *ctx)
{
	struct cel_checker c = {
		.env = env,
		.problems = { .source = source, .report = report, .ctx = ctx },
		.unify = { .arena = arena },
		.tree = { .arena = arena, .problems = &c.problems },
		.lenient = true,
	};

	(void)cel_check_expr(&c, expr);
	if (c.unify.full)
		(void)cel_check_full(&c);
	return cel_problems_result(&c.problems);
}

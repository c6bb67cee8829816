#include "cel/compile.h"

#include "cel/access.h"
#include "cel/lib_standard.h"
#include "cel/time.h"
#include "cel/wellknown.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FAILED ((struct cel_built){ .node = NULL })
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void *cel_build_alloc(struct cel_compile *c, size_t count, size_t size)
{
	void *p = cel_program_alloc(c->program, count ? count * size : 1);

	if (!p && !c->error)
		c->error = -ENOMEM;
	return p;
}

struct cel_node *cel_node_new(struct cel_compile *c, cel_node_fn *run, uint64_t steps)
{
	struct cel_node *node = cel_build_alloc(c, 1, sizeof(*node));

	if (!node)
		return NULL;
	node->run = run;
	c->weight += steps;
	cel_cost_add(c, steps);
	return node;
}

void cel_cost_add(struct cel_compile *c, uint64_t steps)
{
	if (__builtin_add_overflow(c->cost, steps, &c->cost))
		c->cost = UINT64_MAX;
}

void cel_built_join(struct cel_built *to, struct cel_built b)
{
	to->varies |= b.varies;
	if (b.local < to->local)
		to->local = b.local;
	to->size += b.size;
}

static struct cel_built built(struct cel_node *node)
{
	return (struct cel_built){ .node = node, .local = CEL_NO_LOCAL, .size = 1 };
}

struct cel_built cel_built_const(struct cel_compile *c, struct cel_value v)
{
	struct cel_node *node = cel_node_new(c, cel_run_const, 0);

	if (node)
		node->value = v;
	return built(node);
}

/* An error that is known now and will be there whenever this is evaluated. */
__attribute__((format(printf, 3, 4))) static struct cel_built error_const(struct cel_compile *c,
									  enum cel_error_code code,
									  const char *fmt, ...)
{
	struct cel_error *error;
	char text[256];
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text) + 1;
	error = cel_build_alloc(c, 1, sizeof(*error) + n);
	if (!error)
		return FAILED;
	memcpy(error + 1, text, n);
	*error = (struct cel_error){ .code = code, .text = (char *)(error + 1) };
	return cel_built_const(c, cel_error_value(error));
}

static struct cel_built build_literal(struct cel_compile *c, struct cel_value v)
{
	if (!cel_value_keep(c, v, &v)) {
		c->error = -ENOMEM;
		return FAILED;
	}
	return cel_built_const(c, v);
}

static bool is_field(const struct cel_env *env, const struct cel_decl *decl)
{
	for (size_t i = 0; i < env->n_records; i++) {
		const struct cel_record *r = env->records[i];

		if (decl >= r->fields && decl < r->fields + r->n_fields)
			return true;
	}
	return false;
}

/* What a field without a value reads as. false: there is nothing for its type. */
static bool default_of(const struct cel_type *type, struct cel_value *ret)
{
	static const uint8_t kinds[] = {
		[CEL_T_DYN] = CEL_NULL,
		[CEL_T_NULL] = CEL_NULL,
		[CEL_T_BOOL] = CEL_BOOL,
		[CEL_T_INT] = CEL_INT,
		[CEL_T_UINT] = CEL_UINT,
		[CEL_T_DOUBLE] = CEL_DOUBLE,
		[CEL_T_STRING] = CEL_STRING,
		[CEL_T_BYTES] = CEL_BYTES,
		[CEL_T_TIMESTAMP] = CEL_TIMESTAMP,
		[CEL_T_DURATION] = CEL_DURATION,
		[CEL_T_IP] = CEL_ERROR,
		[CEL_T_CIDR] = CEL_ERROR,
		[CEL_T_TYPE] = CEL_ERROR,
		[CEL_T_LIST] = CEL_LIST,
		[CEL_T_MAP] = CEL_MAP,
		[CEL_T_OPTIONAL] = CEL_OPTIONAL,
		[CEL_T_WRAPPER] = CEL_NULL,
	};

	if (type->kind >= COUNT(kinds) || kinds[type->kind] == CEL_ERROR)
		return false;
	*ret = (struct cel_value){ .kind = kinds[type->kind], .i = 0 };
	return true;
}

static struct cel_built build_decl(struct cel_compile *c, const struct cel_decl *decl, bool test)
{
	struct cel_built b, missing;
	struct cel_value v;

	if (decl->slot < 0) {
		if (!decl->constant)
			return error_const(c, CEL_E_UNBOUND, "no value for '%.200s'", decl->name);
		return cel_built_const(c, test ? cel_bool(true) : *decl->constant);
	}
	b = built(cel_node_new(c, test ? cel_run_has_slot : cel_run_slot, 0));
	b.varies = true;
	if (!b.node)
		return FAILED;
	b.node->a = (uint32_t)decl->slot;
	if (is_field(c->env, decl) && default_of(decl->type, &v)) {
		b.node->value = v;
		return b;
	}
	missing = error_const(c, CEL_E_UNBOUND, "no value for '%.200s'", decl->name);
	if (!missing.node)
		return FAILED;
	b.node->value = missing.node->value;
	return b;
}

static struct cel_built build_ident(struct cel_compile *c, const struct cel_expr *x)
{
	struct str name = x->ident.name;

	if (x->decl)
		return build_decl(c, x->decl, false);
	for (size_t i = c->n_scopes; i-- > 0;) {
		struct cel_built b;

		if (!str_eq(c->scopes[i].name, name))
			continue;
		b = built(cel_node_new(c, cel_run_local, 0));
		if (!b.node)
			return FAILED;
		b.local = b.node->a = c->scopes[i].local;
		return b;
	}
	return error_const(c, CEL_E_UNBOUND, "undeclared reference to '%.*s'",
			   name.n > 100 ? 100 : (int)name.n, name.p);
}

static struct cel_built build_select(struct cel_compile *c, const struct cel_expr *x)
{
	struct cel_built b, operand;
	struct cel_value field;

	if (x->decl)
		return build_decl(c, x->decl, x->select.test);
	operand = cel_settle(c, cel_build(c, x->select.operand));
	if (!operand.node)
		return FAILED;
	b = built(cel_node_new(c, x->select.test ? cel_run_has : cel_run_select, 1));
	if (!b.node || !cel_value_keep(c, cel_string(x->select.field), &field))
		return FAILED;
	b.node->x = operand.node;
	b.node->value = field;
	cel_built_join(&b, operand);
	return b;
}

/* Terms of a tree of the same operator, in order. */
static bool terms_of(struct cel_compile *c, const struct cel_expr *x, struct str op,
		     struct cel_node ***terms, uint32_t *n, uint32_t *cap, struct cel_built *join)
{
	struct cel_built b;

	if (x->kind == CEL_X_CALL && !x->call.target && x->call.n_args == 2 &&
	    str_eq(x->call.name, op))
		return terms_of(c, x->call.args[0], op, terms, n, cap, join) &&
		       terms_of(c, x->call.args[1], op, terms, n, cap, join);
	b = cel_settle(c, cel_build(c, x));
	if (!b.node)
		return false;
	if (*n == *cap) {
		uint32_t more = *cap ? *cap * 2 : 8;
		struct cel_node **grown = realloc(*terms, more * sizeof(struct cel_node *));

		if (!grown) {
			c->error = -ENOMEM;
			return false;
		}
		*terms = grown;
		*cap = more;
	}
	(*terms)[(*n)++] = b.node;
	cel_built_join(join, b);
	return true;
}

/*
 * && and ||, of any number of terms. Terms that are known to change nothing are left out; one that
 * decides is all there is.
 */
static struct cel_built build_logic(struct cel_compile *c, const struct cel_expr *x, bool is_and)
{
	struct cel_node **terms = NULL;
	uint32_t n = 0, cap = 0, kept = 0;
	struct cel_built b = built(NULL);

	if (!terms_of(c, x, x->call.name, &terms, &n, &cap, &b))
		goto out;
	for (uint32_t i = 0; i < n; i++) {
		const struct cel_value *v = &terms[i]->value;

		if (terms[i]->run != cel_run_const || v->kind != CEL_BOOL) {
			terms[kept++] = terms[i];
		} else if (v->b != is_and) {
			b = cel_built_const(c, *v);
			goto out;
		}
	}
	if (kept == 0) {
		b = cel_built_const(c, cel_bool(is_and));
		goto out;
	}
	b.node = cel_node_new(c, is_and ? cel_run_and : cel_run_or, 1);
	if (b.node) {
		void *kids = cel_build_alloc(c, kept, sizeof(struct cel_node *));

		if (kids)
			memcpy(kids, terms, kept * sizeof(struct cel_node *));
		b.node->a = kids ? kept : 0;
		b.node->kids = kids;
	}
out:
	free(terms);
	return c->error ? FAILED : b;
}

static struct cel_built build_and(struct cel_compile *c, const struct cel_expr *x)
{
	return build_logic(c, x, true);
}

static struct cel_built build_or(struct cel_compile *c, const struct cel_expr *x)
{
	return build_logic(c, x, false);
}

static struct cel_built build_cond(struct cel_compile *c, const struct cel_expr *x)
{
	struct cel_built b = built(NULL), part[3];
	struct cel_node **kids;

	part[0] = cel_settle(c, cel_build(c, x->call.args[0]));
	if (!part[0].node)
		return FAILED;
	if (cel_is_const(part[0].node) && part[0].node->value.kind == CEL_BOOL)
		return cel_build(c, x->call.args[part[0].node->value.b ? 1 : 2]);
	for (unsigned i = 1; i < 3; i++) {
		part[i] = cel_settle(c, cel_build(c, x->call.args[i]));
		if (!part[i].node)
			return FAILED;
	}
	kids = cel_build_alloc(c, 3, sizeof(*kids));
	b.node = cel_node_new(c, cel_run_cond, 1);
	if (!kids || !b.node)
		return FAILED;
	for (unsigned i = 0; i < 3; i++) {
		kids[i] = part[i].node;
		cel_built_join(&b, part[i]);
	}
	b.node->a = 3;
	b.node->kids = (const struct cel_node *const *)kids;
	return b;
}

static struct cel_built build_1(struct cel_compile *c, const struct cel_expr *x, cel_node_fn *run,
				cel_fn *fn)
{
	struct cel_built b, operand = cel_settle(c, cel_build(c, x->call.args[0]));

	if (!operand.node)
		return FAILED;
	b = built(cel_node_new(c, run, 1));
	if (!b.node)
		return FAILED;
	b.node->x = operand.node;
	b.node->fn = fn;
	cel_built_join(&b, operand);
	return b;
}

static struct cel_built build_not(struct cel_compile *c, const struct cel_expr *x)
{
	return build_1(c, x, cel_run_not, NULL);
}

static struct cel_built build_not_strictly_false(struct cel_compile *c, const struct cel_expr *x)
{
	return build_1(c, x, cel_run_not_strictly_false, NULL);
}

static struct cel_built build_neg(struct cel_compile *c, const struct cel_expr *x)
{
	return build_1(c, x, cel_run_operator1, cel_fn_neg);
}

static struct cel_built build_optional_select(struct cel_compile *c, const struct cel_expr *x)
{
	struct cel_built b = build_1(c, x, cel_run_optional_select, NULL);
	const struct cel_expr *field = x->call.args[1];

	if (!b.node)
		return FAILED;
	if (field->kind != CEL_X_LITERAL || field->literal.kind != CEL_STRING ||
	    !cel_value_keep(c, field->literal, &b.node->value)) {
		c->error = c->error ? c->error : -ENOMEM;
		return FAILED;
	}
	return b;
}

/* Two operands, a function that looks at their kinds itself. */
static struct cel_built build_2(struct cel_compile *c, const struct cel_expr *x, cel_node_fn *run,
				cel_fn *fn)
{
	struct cel_built left = cel_build(c, x->call.args[0]), right, b = built(NULL);

	if (!left.node)
		return FAILED;
	right = cel_build(c, x->call.args[1]);
	if (!right.node)
		return FAILED;
	cel_built_join(&b, left);
	cel_built_join(&b, right);
	if (b.varies || b.local != CEL_NO_LOCAL) {
		left = cel_settle(c, left);
		right = cel_settle(c, right);
		b.node = fn ? cel_fuse_operator(c, x->call.name, left.node, right.node) : NULL;
	}
	if (fn == cel_fn_eq || fn == cel_fn_ne)
		cel_cost_add(c, 1); /* cel_equals() */
	if (!b.node && !c->error) {
		b.node = cel_node_new(c, run, 1);
		if (b.node) {
			b.node->x = left.node;
			b.node->y = right.node;
			b.node->fn = fn;
		}
	}
	return c->error ? FAILED : b;
}

static struct cel_built build_optional_index(struct cel_compile *c, const struct cel_expr *x)
{
	return build_2(c, x, cel_run_optional_index, NULL);
}

/* The local that an accumulator's name stands for. */
static bool accumulator(struct cel_compile *c, const struct cel_expr *x, struct cel_built *b)
{
	struct cel_built name = cel_build(c, x->call.args[0]);

	if (!name.node)
		return false;
	if (name.node->run != cel_run_local) {
		c->error = -EINVAL; /* the parser promised otherwise */
		return false;
	}
	b->node->a = name.node->a;
	cel_built_join(b, name);
	return true;
}

/* @append, @insert, @insert_all */
static struct cel_built build_grow(struct cel_compile *c, const struct cel_expr *x,
				   cel_node_fn *run)
{
	struct cel_built b = built(cel_node_new(c, run, 1)), part;

	if (!b.node || !accumulator(c, x, &b))
		return FAILED;
	for (uint32_t i = 1; i < x->call.n_args; i++) {
		part = cel_settle(c, cel_build(c, x->call.args[i]));
		if (!part.node)
			return FAILED;
		*(i == 1 ? &b.node->x : &b.node->y) = part.node;
		cel_built_join(&b, part);
	}
	return b;
}

static struct cel_built build_append(struct cel_compile *c, const struct cel_expr *x)
{
	return build_grow(c, x, cel_run_append);
}

static struct cel_built build_insert(struct cel_compile *c, const struct cel_expr *x)
{
	return build_grow(c, x, cel_run_insert);
}

static struct cel_built build_insert_all(struct cel_compile *c, const struct cel_expr *x)
{
	return build_grow(c, x, cel_run_insert_all);
}

/* Operators: either a builder of their own, or a function of two operands of any kinds. */
static const struct operator_row {
	struct str name;
	struct cel_built (*build)(struct cel_compile *c, const struct cel_expr *x);
	cel_fn *fn;
} operators[] = {
	{ STR_C(CEL_OP_AND), build_and, NULL },
	{ STR_C(CEL_OP_EQ), NULL, cel_fn_eq },
	{ STR_C(CEL_OP_OR), build_or, NULL },
	{ STR_C(CEL_OP_NE), NULL, cel_fn_ne },
	{ STR_C(CEL_OP_NOT), build_not, NULL },
	{ STR_C(CEL_OP_IN), NULL, cel_fn_in },
	{ STR_C(CEL_OP_COND), build_cond, NULL },
	{ STR_C(CEL_OP_LT), NULL, cel_fn_lt },
	{ STR_C(CEL_OP_LE), NULL, cel_fn_le },
	{ STR_C(CEL_OP_GT), NULL, cel_fn_gt },
	{ STR_C(CEL_OP_GE), NULL, cel_fn_ge },
	{ STR_C(CEL_OP_ADD), NULL, cel_fn_add },
	{ STR_C(CEL_OP_SUB), NULL, cel_fn_sub },
	{ STR_C(CEL_OP_MUL), NULL, cel_fn_mul },
	{ STR_C(CEL_OP_DIV), NULL, cel_fn_div },
	{ STR_C(CEL_OP_MOD), NULL, cel_fn_mod },
	{ STR_C(CEL_OP_NEG), build_neg, NULL },
	{ STR_C(CEL_OP_INDEX), NULL, cel_fn_index },
	{ STR_C(CEL_OP_OPT_INDEX), build_optional_index, NULL },
	{ STR_C(CEL_OP_OPT_SELECT), build_optional_select, NULL },
	{ STR_C(CEL_OP_NOT_STRICTLY_FALSE), build_not_strictly_false, NULL },
	{ STR_C(CEL_OP_APPEND), build_append, NULL },
	{ STR_C(CEL_OP_INSERT), build_insert, NULL },
	{ STR_C(CEL_OP_INSERT_ALL), build_insert_all, NULL },
};

static const struct operator_row *operator_find(struct str name)
{
	/* nothing that a person can write begins like this */
	if (name.n == 0 || !strchr("_!-@", name.p[0]))
		return NULL;
	for (size_t i = 0; i < COUNT(operators); i++)
		if (str_eq(operators[i].name, name))
			return &operators[i];
	return NULL;
}

/* Compile the pattern of overload @o, the constant @pattern, once for all calls. */
static bool prepare(struct cel_compile *c, const struct cel_overload *o, const struct cel_expr *at,
		    struct cel_value pattern, struct cel_call_ref *ref)
{
	char message[256] = "";
	struct cel_prepared *keep;
	void *prepared = NULL;
	int rc;

	rc = o->prepare(cel_str(pattern), &prepared, message, sizeof(message));
	if (rc == -EINVAL && c->unchecked)
		return true; /* found when it is evaluated */
	if (rc == -EINVAL) {
		cel_problem_add(c->problems, at->at, at->end, "%s", message);
		c->error = -EBADMSG;
		return false;
	}
	keep = rc == 0 ? cel_build_alloc(c, 1, sizeof(*keep)) : NULL;
	if (!keep) {
		if (rc == 0)
			o->release(prepared);
		c->error = -ENOMEM;
		return false;
	}
	*keep = (struct cel_prepared){ c->program->prepared, o->release, prepared };
	c->program->prepared = keep;
	ref->prepared = prepared;
	return true;
}

/* An overload that may be called with @args; false: failed. */
static bool ref_of(struct cel_compile *c, const struct cel_expr *x, const struct cel_overload *o,
		   struct cel_call *call)
{
	struct cel_call_ref *ref = &call->refs[call->n_refs];
	uint32_t at = o->pattern ? o->pattern : call->n_args - 1;

	if (!o->call || cel_overload_masks(o, ref->masks) != (int)call->n_args)
		return true;
	ref->call = o->call;
	ref->pattern = at;
	if ((o->flags & CEL_FN_PATTERN) && o->prepare && at < call->n_args &&
	    cel_is_const(call->args[at]) && call->args[at]->value.kind == CEL_STRING) {
		bool member = x->call.target && !x->call.qualified;
		const struct cel_expr *where = member ? (at ? x->call.args[at - 1] : x->call.target)
						      : x->call.args[at];

		if (!prepare(c, o, where, call->args[at]->value, ref))
			return false;
	}
	call->n_refs++;
	return true;
}

static struct cel_built build_overloads(struct cel_compile *c, const struct cel_expr *x,
					struct cel_built *args, uint32_t n)
{
	size_t size = sizeof(struct cel_call) + x->call.n_overloads * sizeof(struct cel_call_ref);
	struct cel_call *call = cel_build_alloc(c, 1, size);
	struct cel_built b = built(NULL);
	uint64_t cost = 1;

	if (!call)
		return FAILED;
	call->name = x->call.overloads[0]->name;
	call->n_args = n;
	call->args = cel_build_alloc(c, n, sizeof(*call->args));
	if (!call->args)
		return FAILED;
	for (uint32_t i = 0; i < x->call.n_overloads; i++)
		if (x->call.overloads[i]->flags & CEL_FN_IMPURE)
			b.varies = true;
	for (uint32_t i = 0; i < n; i++)
		cel_built_join(&b, args[i]);
	for (uint32_t i = 0; i < n; i++) {
		/* of a call that is itself constant, the call is settled as a whole */
		if (b.varies || b.local != CEL_NO_LOCAL)
			args[i] = cel_settle(c, args[i]);
		call->args[i] = args[i].node;
	}
	for (uint32_t i = 0; i < x->call.n_overloads; i++) {
		const struct cel_overload *o = x->call.overloads[i];

		if (!ref_of(c, x, o, call))
			return FAILED;
		if (o->cost > cost)
			cost = o->cost;
	}
	if (x->call.n_overloads == 1 && n == 2)
		b.node = cel_fuse_member(c, x->call.overloads[0]->call, args[0].node, args[1].node);
	if (!b.node) {
		b.node = cel_node_new(c, cel_run_call, cost);
		if (b.node)
			b.node->call = call;
	}
	return c->error ? FAILED : b;
}

static struct cel_built build_call(struct cel_compile *c, const struct cel_expr *x)
{
	const struct operator_row *op = x->call.target ? NULL : operator_find(x->call.name);
	struct cel_built args[CEL_ARGS_MAX];
	uint32_t n = 0;

	if (op)
		return op->build ? op->build(c, x) : build_2(c, x, cel_run_operator2, op->fn);
	if (x->call.n_overloads == 0)
		return error_const(c, CEL_E_NO_SUCH_OVERLOAD, "no such function: %.*s()",
				   x->call.name.n > 100 ? 100 : (int)x->call.name.n,
				   x->call.name.p);
	if (x->call.n_args + 1 > CEL_ARGS_MAX)
		return error_const(c, CEL_E_NO_SUCH_OVERLOAD, "too many arguments");
	if (x->call.target && !x->call.qualified) {
		args[n] = cel_build(c, x->call.target);
		if (!args[n++].node)
			return FAILED;
	}
	for (uint32_t i = 0; i < x->call.n_args; i++) {
		args[n] = cel_build(c, x->call.args[i]);
		if (!args[n++].node)
			return FAILED;
	}
	return build_overloads(c, x, args, n);
}

/* The parts of a list, map or message; *join gets what they depend on. NULL: failed. */
static struct cel_make *make_new(struct cel_compile *c, uint32_t n, bool keyed)
{
	struct cel_make *make = cel_build_alloc(c, 1, sizeof(*make));

	if (!make)
		return NULL;
	make->n = n;
	make->values = cel_build_alloc(c, n, sizeof(*make->values));
	make->keys = keyed ? cel_build_alloc(c, n, sizeof(*make->keys)) : NULL;
	return c->error ? NULL : make;
}

static bool make_optional(struct cel_compile *c, struct cel_make *make, uint32_t i)
{
	if (!make->optional)
		make->optional = cel_build_alloc(c, make->n, sizeof(bool));
	if (make->optional)
		((bool *)(uintptr_t)make->optional)[i] = true;
	return make->optional;
}

/* A list of constants is a constant, however long. */
static struct cel_built list_const(struct cel_compile *c, const struct cel_make *make)
{
	struct cel_value *items = cel_build_alloc(c, make->n, sizeof(*items));

	if (!items)
		return FAILED;
	for (uint32_t i = 0; i < make->n; i++)
		items[i] = make->values[i]->value;
	return cel_built_const(c, (struct cel_value){
					  .kind = CEL_LIST,
					  .n = make->n,
					  .items = items,
				  });
}

static struct cel_built build_list(struct cel_compile *c, const struct cel_expr *x)
{
	struct cel_make *make = make_new(c, x->list.n, false);
	struct cel_built b = built(NULL);
	bool constant = true;

	if (!make)
		return FAILED;
	for (uint32_t i = 0; i < x->list.n; i++) {
		struct cel_built item = cel_settle(c, cel_build(c, x->list.items[i]));

		if (!item.node)
			return FAILED;
		make->values[i] = item.node;
		constant = constant && cel_is_const(item.node);
		cel_built_join(&b, item);
		if (x->list.optional && x->list.optional[i] && !make_optional(c, make, i))
			return FAILED;
	}
	if (constant && !make->optional)
		return list_const(c, make);
	b.node = cel_node_new(c, cel_run_list, 1 + x->list.n);
	if (!b.node)
		return FAILED;
	b.node->make = make;
	return b;
}

static struct cel_built build_entries(struct cel_compile *c, const struct cel_expr *x,
				      cel_node_fn *run, const char *name)
{
	struct cel_make *make = make_new(c, x->map.n, true);
	struct cel_built b = built(NULL);

	if (!make)
		return FAILED;
	make->name = name;
	for (uint32_t i = 0; i < x->map.n; i++) {
		const struct cel_entry_expr *e = &x->map.entries[i];
		struct cel_built key = cel_settle(c, cel_build(c, e->key)), value;

		if (!key.node)
			return FAILED;
		value = cel_settle(c, cel_build(c, e->value));
		if (!value.node)
			return FAILED;
		make->keys[i] = key.node;
		make->values[i] = value.node;
		cel_built_join(&b, key);
		cel_built_join(&b, value);
		if (e->optional && !make_optional(c, make, i))
			return FAILED;
	}
	b.node = cel_node_new(c, run, 1 + 2 * (uint64_t)x->map.n);
	if (!b.node)
		return FAILED;
	b.node->make = make;
	return b;
}

/* Message names are looked up from the container outwards, as all names are. */
static const char *struct_name(const struct cel_env *env, struct str name)
{
	struct str inside = str_of(env->container);
	char whole[256];

	if (name.n && name.p[0] == '.')
		return cel_wellknown_name(str_sub(name, 1, name.n));
	while (inside.n) {
		int n = snprintf(whole, sizeof(whole), "%.*s.%.*s", STR_ARG(inside), STR_ARG(name));
		const char *found = NULL;

		if (n > 0 && (size_t)n < sizeof(whole))
			found = cel_wellknown_name(str_of(whole));
		if (found)
			return found;
		while (inside.n && inside.p[--inside.n] != '.')
			;
	}
	return cel_wellknown_name(name);
}

static struct cel_built build_struct(struct cel_compile *c, const struct cel_expr *x)
{
	const char *name = struct_name(c->env, x->map.name);

	if (!name)
		return error_const(c, CEL_E_NO_SUCH_OVERLOAD, "unknown type '%.*s'",
				   x->map.name.n > 100 ? 100 : (int)x->map.name.n, x->map.name.p);
	return build_entries(c, x, cel_run_struct, name);
}

struct cel_built cel_build(struct cel_compile *c, const struct cel_expr *x)
{
	switch (x->kind) {
	case CEL_X_LITERAL: return build_literal(c, x->literal);
	case CEL_X_IDENT: return build_ident(c, x);
	case CEL_X_SELECT: return build_select(c, x);
	case CEL_X_CALL: return build_call(c, x);
	case CEL_X_LIST: return build_list(c, x);
	case CEL_X_MAP: return build_entries(c, x, cel_run_map, NULL);
	case CEL_X_STRUCT: return build_struct(c, x);
	case CEL_X_FOLD: return cel_build_fold(c, x);
	default: c->error = -EINVAL; return FAILED;
	}
}

int cel_compile_tree(struct cel_compile *c, const struct cel_expr *tree)
{
	struct cel_built b = cel_settle(c, cel_build(c, tree));

	free(c->scopes);
	c->folder = cel_eval_free(c->folder);
	if (!b.node)
		return c->error ? c->error : -ENOMEM;
	c->program->root = b.node;
	c->program->weight = c->weight;
	c->program->cost = c->cost;
	return cel_program_find_atoms(c->program);
}

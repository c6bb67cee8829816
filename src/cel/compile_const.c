#include "cel/compile.h"

#include <errno.h>
#include <stdlib.h>

#define STEPS 50000
#define SCRATCH (64U * 1024)
/* One literal; more than a source can hold. */
#define KEEP_MAX (1U << 20)
/* What constants that were computed take together: values share parts, copies do not. */
#define COMPUTED_MAX (128U << 10)
#define KEEP_DEPTH 64

static bool keep(struct cel_compile *c, struct cel_value v, struct cel_value *ret, size_t *left,
		 unsigned depth);

static void *take(struct cel_compile *c, size_t size, size_t *left)
{
	if (size > *left)
		return NULL;
	*left -= size;
	return cel_program_alloc(c->program, size ? size : 1);
}

static bool keep_list(struct cel_compile *c, struct cel_value *v, size_t *left, unsigned depth)
{
	struct cel_value *items = take(c, v->n * sizeof(*items), left);

	for (uint32_t i = 0; items && i < v->n; i++)
		if (!keep(c, v->items[i], &items[i], left, depth + 1))
			return false;
	v->items = items;
	return items;
}

static bool keep_map(struct cel_compile *c, struct cel_value *v, size_t *left, unsigned depth)
{
	struct cel_entry *entries = take(c, v->n * sizeof(*entries), left);

	for (uint32_t i = 0; entries && i < v->n; i++)
		if (!keep(c, v->entries[i].key, &entries[i].key, left, depth + 1) ||
		    !keep(c, v->entries[i].value, &entries[i].value, left, depth + 1))
			return false;
	v->entries = entries;
	return entries;
}

static bool keep_bytes(struct cel_compile *c, const void **p, size_t n, size_t *left)
{
	void *copy = take(c, n, left);

	if (copy && n)
		memcpy(copy, *p, n);
	*p = copy;
	return copy;
}

static bool keep(struct cel_compile *c, struct cel_value v, struct cel_value *ret, size_t *left,
		 unsigned depth)
{
	const void *p = v.p;
	bool ok = true;

	if (depth > KEEP_DEPTH)
		return false;
	switch (v.kind) {
	case CEL_STRING:
	case CEL_BYTES:
		ok = keep_bytes(c, &p, v.n, left);
		v.p = p;
		break;
	case CEL_IP:
	case CEL_CIDR:
		ok = keep_bytes(c, &p, sizeof(*v.addr), left);
		v.addr = p;
		break;
	case CEL_LIST: ok = keep_list(c, &v, left, depth); break;
	case CEL_MAP: ok = keep_map(c, &v, left, depth); break;
	case CEL_OPTIONAL:
		if (v.boxed) {
			struct cel_value *box = take(c, sizeof(*box), left);

			ok = box && keep(c, *v.boxed, box, left, depth + 1);
			v.boxed = box;
		}
		break;
	case CEL_ERROR: ok = false; break;
	default: break;
	}
	*ret = v;
	return ok;
}

bool cel_value_keep(struct cel_compile *c, struct cel_value v, struct cel_value *ret)
{
	size_t left = KEEP_MAX;

	return keep(c, v, ret, &left, 0);
}

/* One budget for all of a program's constants. */
static struct cel_eval *folder(struct cel_compile *c)
{
	struct cel_limits limits = { .steps = STEPS, .memory = SCRATCH };

	if (!c->folder)
		c->folder = cel_eval_new(&limits);
	return c->folder;
}

struct cel_built cel_settle(struct cel_compile *c, struct cel_built b)
{
	struct cel_eval *eval;
	struct cel_value v;
	size_t left;
	bool kept;

	if (!b.node || b.varies || b.local != CEL_NO_LOCAL || b.node->run == cel_run_const)
		return b;
	eval = folder(c);
	if (!eval || eval->steps == 0)
		return b;
	eval->at = eval->start;
	eval->fatal = NULL;
	eval->locals = cel_scratch(eval, c->program->n_locals * sizeof(*eval->locals));
	if (!eval->locals || !cel_charge(eval, b.size))
		return b;
	v = cel_node_run(eval, b.node);
	if (eval->fatal || v.kind == CEL_ERROR)
		return b;
	left = COMPUTED_MAX - c->computed;
	kept = keep(c, v, &v, &left, 0);
	c->computed = COMPUTED_MAX - left;
	return kept ? cel_built_const(c, v) : b;
}

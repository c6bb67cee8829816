/*
 * syscalls: rules and their conditions. A condition is read by hand: "arg2 & PROT_EXEC",
 * "arg1 == 0x5412", "arg0 & 0xff != ..." is refused: the filter knows no such comparison.
 */
#include "policy/apply.h"
#include "policy/constants.h"
#include "sys/syscall_table.h"

#include <errno.h>
#include <string.h>

APPLY_SET(apply_sysc_preset)
{
	l->p->sysc_preset = (enum policy_sysc_preset)value->choice;
	l->p->origin[s->key] = load_where(l, node);
}

bool load_sysc_name(struct load *l, uint32_t node, struct str name)
{
	const char *near;

	if (sysc_by_name(name) >= 0)
		return true;
	near = sysc_nearest(name);
	if (near)
		load_error(l, node, "unknown system call '%.60s'; did you mean '%s'?", name.p,
			   near);
	else
		load_error(l, node, "unknown system call '%.60s'", name.p);
	return false;
}

APPLY_BEGIN(apply_sysc_begin)
{
	l->sysc = (struct load_sysc_draft){
		.rule = { .action = (enum policy_sysc_action)s->arg,
			  .where = load_where(l, node),
			  .error = s->arg == POLICY_SYSC_ERRNO ? EPERM : 0 },
	};
	return true;
}

APPLY_SET(apply_sysc_name)
{
	(void)s;
	l->sysc.name_node = node;
	l->sysc.rule.where = load_where(l, node);
	if (load_sysc_name(l, node, value->text))
		l->sysc.rule.name = value->text.p;
}

APPLY_SET(apply_sysc_action)
{
	static const enum policy_sysc_action actions[] = { POLICY_SYSC_ERRNO, POLICY_SYSC_KILL,
							   POLICY_SYSC_LOG };

	(void)s;
	(void)node;
	l->sysc.rule.action = actions[value->choice];
	l->sysc.has_action = true;
}

APPLY_SET(apply_sysc_errno)
{
	const char *near;
	uint64_t number;

	(void)s;
	l->sysc.has_error = true;
	if (constant_errno(value->text, &number, &near)) {
		l->sysc.rule.error = (int)number;
		return;
	}
	if (near)
		load_error(l, node, "unknown errno '%.40s'; did you mean '%s'?", value->text.p,
			   near);
	else
		load_error(l, node, "unknown errno '%.40s'; for example EPERM, EACCES, ENOSYS",
			   value->text.p);
}

APPLY_END(apply_sysc_end)
{
	struct load_sysc_draft *d = &l->sysc;

	(void)s;
	if (d->has_error && d->rule.action != POLICY_SYSC_ERRNO)
		load_error(l, node, "'errno' belongs to action errno alone");
	if (d->rule.action != POLICY_SYSC_ERRNO)
		d->rule.error = 0;
	if (d->rule.name)
		load_append(l, LIST_SYSC, &l->p->sysc, &l->p->n_sysc, &d->rule, sizeof(d->rule));
}

APPLY_SET(apply_sysc)
{
	(void)value;
	(void)apply_sysc_begin(l, s, node);
	if (!load_sysc_name(l, node, value->text))
		return;
	l->sysc.rule.name = value->text.p;
	apply_sysc_end(l, s, node);
}

/* --- when --- */

static struct str next_word(struct str *rest)
{
	size_t i = 0, from;

	while (i < rest->n && rest->p[i] == ' ')
		i++;
	from = i;
	if (i < rest->n && strchr("=!<>&", rest->p[i])) {
		while (i < rest->n && strchr("=!<>&", rest->p[i]))
			i++;
	} else {
		while (i < rest->n && !strchr(" =!<>&", rest->p[i]))
			i++;
	}
	struct str word = str_sub(*rest, from, i);

	*rest = str_sub(*rest, i, rest->n);
	return word;
}

/* One number, or names joined by '|'. */
static bool operand(struct load *l, uint32_t node, struct str word, uint64_t *ret)
{
	uint64_t sum = 0;

	if (word.n == 0) {
		load_error(l, node, "a value is missing; write, for example, arg2 & PROT_EXEC");
		return false;
	}
	while (word.n) {
		const char *bar = memchr(word.p, '|', word.n);
		size_t n = bar ? (size_t)(bar - word.p) : word.n;
		const char *near;
		uint64_t value;

		if (!constant_value(str_sub(word, 0, n), &value, &near)) {
			if (near)
				load_error(l, node, "unknown constant '%.*s'; did you mean '%s'?",
					   (int)(n < 60 ? n : 60), word.p, near);
			else
				load_error(l, node, "'%.*s' is no number and no known constant",
					   (int)(n < 60 ? n : 60), word.p);
			return false;
		}
		sum |= value;
		word = str_sub(word, bar ? n + 1 : n, word.n);
		if (bar && word.n == 0) {
			load_error(l, node, "nothing after '|'");
			return false;
		}
	}
	*ret = sum;
	return true;
}

static int cmp_of(struct str word)
{
	static const char *const names[] = {
		[SYSC_EQ] = "==", [SYSC_NE] = "!=", [SYSC_LT] = "<",
		[SYSC_LE] = "<=", [SYSC_GT] = ">",  [SYSC_GE] = ">=",
	};

	for (int i = SYSC_EQ; i <= SYSC_GE; i++) {
		if (str_eqz(word, names[i]))
			return i;
	}
	return -1;
}

bool load_sysc_when(struct load *l, uint32_t node, struct policy_sysc_cond *ret)
{
	struct str rest = yaml_str(&l->src->doc, node);
	struct str arg = next_word(&rest), op = next_word(&rest), value = next_word(&rest), more;
	struct policy_sysc_cond cond = { 0 };
	int cmp = cmp_of(op);

	if (arg.n != 4 || memcmp(arg.p, "arg", 3) != 0 || arg.p[3] < '0' || arg.p[3] > '5') {
		load_error(l, node, "a condition begins with arg0 to arg5");
		return false;
	}
	cond.arg = (uint8_t)(arg.p[3] - '0');
	if (cmp < 0 && !str_eqz(op, "&")) {
		load_error(l, node, "'%.*s' is no comparison; there are == != < <= > >= &",
			   (int)(op.n < 20 ? op.n : 20), op.p ? op.p : "");
		return false;
	}
	if (!operand(l, node, value, cmp < 0 ? &cond.mask : &cond.value))
		return false;
	cond.cmp = cmp < 0 ? SYSC_MASKED_EQ : (enum policy_sysc_cmp)cmp;
	more = next_word(&rest);
	if (cmp < 0) {
		cond.value = cond.mask; /* "& MASK" alone: all its bits are set */
		if (more.n && !str_eqz(more, "==")) {
			load_error(l, node, "after a mask only '== VALUE' may follow");
			return false;
		}
		if (more.n && !operand(l, node, next_word(&rest), &cond.value))
			return false;
		if (cond.value & ~cond.mask || cond.mask == 0) {
			load_error(l, node, "bits outside the mask: this can never hold");
			return false;
		}
		more = next_word(&rest);
	}
	if (more.n) {
		load_error(l, node, "'%.*s' after the end of the condition",
			   (int)(more.n < 40 ? more.n : 40), more.p);
		return false;
	}
	*ret = cond;
	return true;
}

APPLY_SET(apply_sysc_when)
{
	struct policy_sysc_rule *rule = &l->sysc.rule;
	struct policy_sysc_cond cond;

	(void)s;
	(void)value;
	if (rule->n_conds == sizeof(rule->conds) / sizeof(rule->conds[0]))
		load_error(l, node, "more than 6 conditions");
	else if (load_sysc_when(l, node, &cond))
		rule->conds[rule->n_conds++] = cond;
}

/* Rules and decisions as a person reads them. */
#include "engine/engine.h"

#include "base/buf.h"

void engine_rule_where(const struct policy_rule *rule, struct buf *out)
{
	if (rule->where.file && rule->where.line)
		buf_printf(out, "%s:%u:%u", rule->where.file, rule->where.line, rule->where.col);
	else
		buf_putz(out, rule->where.file ? rule->where.file
					       : (rule->pack ? rule->pack : "built in"));
}

void engine_decision_print(const struct engine_decision *d, struct buf *out)
{
	buf_putz(out, rule_action_name[d->action]);
	if (d->rule) {
		buf_printf(out, " by rule '%s' (", d->rule->id);
		engine_rule_where(d->rule, out);
		buf_putc(out, ')');
	}
	if (d->reason && d->reason[0])
		buf_printf(out, ": %s", d->reason);
	if (d->retry_after_ms)
		buf_printf(out, " (again in %llu ms)", (unsigned long long)d->retry_after_ms);
}

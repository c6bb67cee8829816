/*
 * apply - what the rows of the schema table do to the policy: private to src/policy.
 */
#pragma once

#include "policy/load.h"

#define APPLY_SET(name)                                                  \
	void name(struct load *l, const struct schema *s, uint32_t node, \
		  const struct load_value *value)
#define APPLY_BEGIN(name) bool name(struct load *l, const struct schema *s, uint32_t node)
#define APPLY_END(name) void name(struct load *l, const struct schema *s, uint32_t node)

APPLY_SET(apply_name);
APPLY_SET(apply_isolation);
APPLY_BEGIN(apply_require_begin);
APPLY_SET(apply_require);

APPLY_BEGIN(apply_path_begin);
APPLY_SET(apply_path_text);
APPLY_SET(apply_path_optional);
APPLY_END(apply_path_end);
APPLY_SET(apply_path);
APPLY_END(apply_within_end);
APPLY_SET(apply_within);
APPLY_SET(apply_home);
APPLY_SET(apply_tmp);
APPLY_SET(apply_overlay);

APPLY_SET(apply_env_pass);
APPLY_SET(apply_env_set);
APPLY_SET(apply_env_unset);
APPLY_BEGIN(apply_allow_begin);
APPLY_BEGIN(apply_command_list);
APPLY_SET(apply_command_text);
APPLY_SET(apply_uid);
APPLY_SET(apply_gid);

APPLY_SET(apply_network);
APPLY_SET(apply_limit);

APPLY_SET(apply_sysc_preset);
APPLY_BEGIN(apply_sysc_begin);
APPLY_SET(apply_sysc_name);
APPLY_SET(apply_sysc_when);
APPLY_SET(apply_sysc_action);
APPLY_SET(apply_sysc_errno);
APPLY_END(apply_sysc_end);
APPLY_SET(apply_sysc);

APPLY_BEGIN(apply_tool_begin);
APPLY_END(apply_tool_end);
APPLY_BEGIN(apply_tool_argv_list);
APPLY_SET(apply_tool_argv_text);
APPLY_BEGIN(apply_tool_kind);

APPLY_SET(apply_rules_default);
APPLY_BEGIN(apply_rule_begin);
APPLY_END(apply_rule_end);
APPLY_SET(apply_rule_name);
APPLY_SET(apply_rule_on);
APPLY_SET(apply_rule_when);
APPLY_SET(apply_rule_action);
APPLY_SET(apply_rule_phase);
APPLY_SET(apply_rule_priority);
APPLY_SET(apply_rule_lock);
APPLY_SET(apply_rule_reason);
APPLY_SET(apply_rule_level);
APPLY_SET(apply_rule_tag);
APPLY_BEGIN(apply_rewrite_begin);
APPLY_SET(apply_rewrite_field);
APPLY_SET(apply_rewrite_op);
APPLY_SET(apply_rewrite_with);
APPLY_END(apply_rewrite_end);
APPLY_SET(apply_throttle_rate);
APPLY_SET(apply_throttle_burst);
APPLY_SET(apply_throttle_by);
APPLY_SET(apply_throttle_beyond);
APPLY_SET(apply_quota_amount);
APPLY_SET(apply_quota_of);
APPLY_SET(apply_quota_per);
APPLY_SET(apply_ask_timeout);
APPLY_SET(apply_ask_scope);
APPLY_SET(apply_ask_prompt);

APPLY_SET(apply_ask_default);
APPLY_BEGIN(apply_reload_begin);
APPLY_SET(apply_reload);
APPLY_SET(apply_reload_watch);
APPLY_SET(apply_reload_revoke);

APPLY_SET(apply_audit_path);
APPLY_SET(apply_record);
APPLY_SET(apply_fsync);
APPLY_SET(apply_stdio);
APPLY_SET(apply_redact);

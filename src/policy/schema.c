/*
 * The table, and what each of its rows does to the policy. Rows refer to each other by pointer;
 * tables that are used by others stand first.
 */
#include "policy/schema.h"

#include "policy/apply.h"

#include <stddef.h>

const char *const schema_isolation[] = { "process", "vm", NULL };
const char *const schema_private_host[] = { "private", "host", NULL };
const char *const schema_network[] = { "none", "host", NULL };
const char *const schema_syscalls[] = { "strict", "default", "compat", NULL };
const char *const schema_sysc_action[] = { "errno", "kill", "log", NULL };
const char *const schema_fsync[] = { "checkpoint", "always", "never", NULL };
const char *const schema_stdio[] = { "none", "digest", NULL };
const char *const schema_record[] = { "invocations", "security", "all", NULL };
static const char *const schema_ask_default[] = { "deny", "allow", NULL };

static const char net_refused[] = "there is no network engine in it yet; only none and host";

/* --- filesystem --- */

static const struct schema path_keys[] = {
	{ .name = "path",
	  .doc = "The path, absolute or from ${workspace}, ${home}, ${tmp} or ~.",
	  .scalar = SCALAR_TEXT,
	  .required = true,
	  .set = apply_path_text },
	{ .name = "optional",
	  .doc = "May be missing without a word.",
	  .scalar = SCALAR_BOOL,
	  .set = apply_path_optional },
	{ 0 }
};

#define PATH_ITEM(id, kind)                                                                  \
	static const struct schema id = { .doc = "A path, or a map with path and optional.", \
					  .scalar = SCALAR_TEXT,                             \
					  .keys = path_keys,                                 \
					  .arg = (kind),                                     \
					  .begin = apply_path_begin,                         \
					  .end = apply_path_end,                             \
					  .set = apply_path }

PATH_ITEM(item_read, POLICY_FS_READ);
PATH_ITEM(item_write, POLICY_FS_WRITE);
PATH_ITEM(item_exec, POLICY_FS_EXEC);
PATH_ITEM(item_deny, POLICY_FS_DENY);
PATH_ITEM(item_protect, POLICY_FS_READONLY);
PATH_ITEM(item_hide, POLICY_FS_HIDE);
PATH_ITEM(item_ask, POLICY_FS_ASK);

static const struct schema filesystem_keys[] = {
	{ .name = "read",
	  .doc = "May be seen and read. What is not granted is not there.",
	  .item = &item_read },
	{ .name = "write", .doc = "May be read and changed.", .item = &item_write },
	{ .name = "exec",
	  .doc = "Programs may be executed from here; may be read.",
	  .item = &item_exec },
	{ .name = "protect",
	  .doc = "Inside something writable: may be read, not changed.",
	  .item = &item_protect },
	{ .name = "deny",
	  .doc = "Inside something granted: not accessible. Always wins.",
	  .item = &item_deny },
	{ .name = "hide",
	  .doc = "Inside something granted: not there at all.",
	  .item = &item_hide },
	{ .name = "ask",
	  .doc = "Inside something granted: a person is asked at the first use.",
	  .item = &item_ask },
	{ .name = "home",
	  .doc = "private: an empty home with what is granted below it; host: the host's own.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_private_host,
	  .key = POLICY_KEY_HOME,
	  .set = apply_home },
	{ .name = "tmp",
	  .doc = "private: an empty /tmp of the session's own; host: the host's.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_private_host,
	  .key = POLICY_KEY_TMP,
	  .set = apply_tmp },
	{ .name = "overlay",
	  .doc = "Changes go to a layer that can be looked at before it is kept.",
	  .scalar = SCALAR_BOOL,
	  .key = POLICY_KEY_OVERLAY,
	  .set = apply_overlay },
	{ 0 }
};

/* --- process --- */

static const struct schema item_env_pass = {
	.doc = "A name; a trailing * passes all that begin so.",
	.scalar = SCALAR_TEXT,
	.set = apply_env_pass
};
static const struct schema item_env_set = {
	.doc = "The value.", .scalar = SCALAR_TEXT, .empty_ok = true, .set = apply_env_set
};
static const struct schema item_env_unset = { .doc = "A name; * stands for any characters.",
					      .scalar = SCALAR_TEXT,
					      .set = apply_env_unset };

static const struct schema env_keys[] = {
	{ .name = "pass",
	  .doc = "Variables handed on. Names that look like secrets only if named exactly.",
	  .item = &item_env_pass },
	{ .name = "set", .doc = "Variables with a value of their own.", .each = &item_env_set },
	{ .name = "unset", .doc = "Variables taken out at the end.", .item = &item_env_unset },
	{ 0 }
};

static const struct schema item_word = { .doc = "One word of a command pattern.",
					 .scalar = SCALAR_TEXT };
#define COMMAND_ITEM(id, which)                                        \
	static const struct schema id = { .doc = "A command pattern.", \
					  .scalar = SCALAR_TEXT,       \
					  .item = &item_word,          \
					  .arg = (which),              \
					  .begin = apply_command_list, \
					  .set = apply_command_text }
COMMAND_ITEM(item_allow, LIST_COMMANDS_ALLOW);
COMMAND_ITEM(item_deny_command, LIST_COMMANDS_DENY);

static const struct schema commands_keys[] = {
	{ .name = "allow",
	  .doc = "Only these commands may be started by a run. Checked at the start alone.",
	  .item = &item_allow,
	  .begin = apply_allow_begin },
	{ .name = "deny",
	  .doc = "These commands may not be started by a run.",
	  .item = &item_deny_command },
	{ 0 }
};

static const struct schema process_keys[] = {
	{ .name = "env", .doc = "The session's environment.", .keys = env_keys },
	{ .name = "commands", .doc = "What a run may start.", .keys = commands_keys },
	{ .name = "uid",
	  .doc = "User number inside; without it the caller's own.",
	  .scalar = SCALAR_ID,
	  .key = POLICY_KEY_UID,
	  .set = apply_uid },
	{ .name = "gid",
	  .doc = "Group number inside; without it the caller's own.",
	  .scalar = SCALAR_ID,
	  .key = POLICY_KEY_GID,
	  .set = apply_gid },
	{ 0 }
};

/* --- network, limits --- */

#define NET_REFUSED(key, text)                                       \
	{                                                            \
		.name = (key), .doc = (text), .refused = net_refused \
	}

static const struct schema network_keys[] = {
	{ .name = "mode",
	  .doc = "none: a loopback of its own; host: the host's network, unfiltered.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_network,
	  .key = POLICY_KEY_NETWORK,
	  .required = true,
	  .set = apply_network },
	NET_REFUSED("default", "Decision for what no rule names."),
	NET_REFUSED("allow", "Destinations that may be reached."),
	NET_REFUSED("deny", "Destinations that may not."),
	NET_REFUSED("ask", "Destinations that a person is asked about."),
	NET_REFUSED("address_classes", "Kinds of address that may be dialled."),
	NET_REFUSED("dns", "Name lookups."),
	NET_REFUSED("http", "Rules on requests."),
	NET_REFUSED("tcp", "Other streams."),
	NET_REFUSED("passthrough", "TLS that is not looked into."),
	NET_REFUSED("credentials", "Secrets lent to one destination."),
	NET_REFUSED("quota", "Bytes and requests."),
	NET_REFUSED("publish", "Ports of the session seen on the host."),
	NET_REFUSED("host_ports", "Ports of the host seen in the session."),
	{ 0 }
};

#define LIMIT(key_name, type, id, field, text)                                    \
	{                                                                         \
		.name = (key_name), .doc = (text), .scalar = (type), .key = (id), \
		.arg = offsetof(struct policy_limits, field), .set = apply_limit  \
	}

static const struct schema limits_keys[] = {
	LIMIT("memory", SCALAR_SIZE, POLICY_KEY_MEMORY, memory, "Memory of the whole tree."),
	LIMIT("cpu", SCALAR_CPU, POLICY_KEY_CPU, cpu_milli, "Processors, as 1.5 or 150%."),
	LIMIT("pids", SCALAR_COUNT, POLICY_KEY_PIDS, pids, "Processes and threads."),
	LIMIT("open_files", SCALAR_COUNT, POLICY_KEY_OPEN_FILES, open_files,
	      "Open files of each process."),
	LIMIT("file_size", SCALAR_SIZE, POLICY_KEY_FILE_SIZE, file_size, "Largest single file."),
	LIMIT("disk", SCALAR_SIZE, POLICY_KEY_DISK, disk,
	      "The private file systems (home, tmp, /dev/shm) together."),
	LIMIT("output", SCALAR_SIZE, POLICY_KEY_OUTPUT, output, "Bytes on stdout and stderr."),
	LIMIT("wall_time", SCALAR_TIME, POLICY_KEY_WALL_TIME, wall_ms, "Time from start to end."),
	{ 0 }
};

/* --- syscalls --- */

static const struct schema item_when = { .doc = "argN OP VALUE, argN & MASK, argN & MASK == VALUE.",
					 .scalar = SCALAR_TEXT,
					 .set = apply_sysc_when };
#define SYSC_NAME                                                                 \
	{                                                                         \
		.name = "name", .doc = "The system call.", .scalar = SCALAR_TEXT, \
		.required = true, .set = apply_sysc_name                          \
	}
#define SYSC_WHEN                                                                   \
	{                                                                           \
		.name = "when", .doc = "Only with these arguments; all must hold.", \
		.scalar = SCALAR_TEXT, .set = apply_sysc_when, .item = &item_when   \
	}

static const struct schema sysc_allow_keys[] = { SYSC_NAME, SYSC_WHEN, { 0 } };
static const struct schema sysc_deny_keys[] = {
	SYSC_NAME,
	SYSC_WHEN,
	{ .name = "action",
	  .doc = "What happens: the call fails, the process is killed, or it is only logged.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_sysc_action,
	  .set = apply_sysc_action },
	{ .name = "errno",
	  .doc = "The error that the call fails with; EPERM without it.",
	  .scalar = SCALAR_TEXT,
	  .set = apply_sysc_errno },
	{ 0 }
};

#define SYSC_ITEM(id, action, rule_keys)                                              \
	static const struct schema id = { .doc = "A name, or a map with conditions.", \
					  .scalar = SCALAR_TEXT,                      \
					  .keys = (rule_keys),                        \
					  .arg = (action),                            \
					  .begin = apply_sysc_begin,                  \
					  .end = apply_sysc_end,                      \
					  .set = apply_sysc }
SYSC_ITEM(item_sysc_allow, POLICY_SYSC_ALLOW, sysc_allow_keys);
SYSC_ITEM(item_sysc_deny, POLICY_SYSC_ERRNO, sysc_deny_keys);

static const struct schema syscalls_keys[] = {
	{ .name = "preset",
	  .doc = "The list to begin with.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_syscalls,
	  .key = POLICY_KEY_SYSCALLS,
	  .set = apply_sysc_preset },
	{ .name = "allow", .doc = "Calls allowed beside the list.", .item = &item_sysc_allow },
	{ .name = "deny", .doc = "Calls taken from it; beats allow.", .item = &item_sysc_deny },
	{ 0 }
};

/* --- tools, audit --- */

static const struct schema item_argv = { .doc = "A word, or a whole pattern as a list.",
					 .scalar = SCALAR_TEXT,
					 .item = &item_word };

static const struct schema tool_keys[] = {
	{ .name = "argv",
	  .doc = "The command pattern: one text, a list of words, or a list of such lists.",
	  .scalar = SCALAR_TEXT,
	  .item = &item_argv,
	  .required = true,
	  .begin = apply_tool_argv_list,
	  .set = apply_tool_argv_text },
	{ .name = "read",
	  .doc = "In place of the policy's, and within it.",
	  .item = &item_read,
	  .empty_ok = true,
	  .arg = POLICY_FS_READ,
	  .begin = apply_tool_kind },
	{ .name = "write",
	  .doc = "In place of the policy's, and within it.",
	  .item = &item_write,
	  .empty_ok = true,
	  .arg = POLICY_FS_WRITE,
	  .begin = apply_tool_kind },
	{ .name = "exec",
	  .doc = "In place of the policy's, and within it.",
	  .item = &item_exec,
	  .empty_ok = true,
	  .arg = POLICY_FS_EXEC,
	  .begin = apply_tool_kind },
	{ .name = "network",
	  .doc = "none or host, within the policy's.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_network,
	  .set = apply_network },
	{ .name = "limits", .doc = "Lower limits for this tool.", .keys = limits_keys },
	{ 0 }
};

static const struct schema item_tool = {
	.doc = "One tool.", .keys = tool_keys, .begin = apply_tool_begin, .end = apply_tool_end
};

static const struct schema item_redact = { .doc = "Environment name; * stands for any characters.",
					   .scalar = SCALAR_TEXT,
					   .set = apply_redact };

static const struct schema audit_keys[] = {
	{ .name = "path",
	  .doc = "Where the log goes; without it the state folder.",
	  .scalar = SCALAR_TEXT,
	  .key = POLICY_KEY_AUDIT_PATH,
	  .set = apply_audit_path },
	{ .name = "fsync",
	  .doc = "When the log is forced to disk.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_fsync,
	  .key = POLICY_KEY_FSYNC,
	  .set = apply_fsync },
	{ .name = "stdio",
	  .doc = "Whether digests of stdout and stderr are recorded.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_stdio,
	  .key = POLICY_KEY_STDIO,
	  .set = apply_stdio },
	{ .name = "record",
	  .doc = "How much is recorded of what happens inside; without it, security.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_record,
	  .key = POLICY_KEY_RECORD,
	  .set = apply_record },
	{ .name = "redact",
	  .doc = "Variables whose values never reach the log.",
	  .item = &item_redact },
	{ 0 }
};

/* --- reload --- */

#define WITHIN_ITEM(id, kind)                                                                \
	static const struct schema id = { .doc = "A path, or a map with path and optional.", \
					  .scalar = SCALAR_TEXT,                             \
					  .keys = path_keys,                                 \
					  .arg = (kind),                                     \
					  .begin = apply_path_begin,                         \
					  .end = apply_within_end,                           \
					  .set = apply_within }
WITHIN_ITEM(within_read, POLICY_FS_READ);
WITHIN_ITEM(within_write, POLICY_FS_WRITE);
WITHIN_ITEM(within_exec, POLICY_FS_EXEC);

static const struct schema within_keys[] = {
	{ .name = "read", .doc = "May come to be read.", .item = &within_read },
	{ .name = "write", .doc = "May come to be read and changed.", .item = &within_write },
	{ .name = "exec", .doc = "May come to be executed from.", .item = &within_exec },
	{ 0 }
};

static const struct schema reload_keys[] = {
	{ .name = "watch",
	  .doc = "Whether a change of the policy's files takes effect by itself; without it, true.",
	  .scalar = SCALAR_BOOL,
	  .key = POLICY_KEY_WATCH,
	  .set = apply_reload_watch },
	{ .name = "revoke",
	  .doc = "true: processes that hold open what the new policy forbids are ended, and "
		 "connections that it forbids.",
	  .scalar = SCALAR_BOOL,
	  .key = POLICY_KEY_REVOKE,
	  .set = apply_reload_revoke },
	{ .name = "within",
	  .doc = "What a reload may come to grant beyond what is granted at the start.",
	  .keys = within_keys },
	{ 0 }
};

/* --- root --- */

static const struct schema item_extends = { .doc = "preset:NAME or a file.",
					    .scalar = SCALAR_TEXT };
static const struct schema item_layer = { .doc = "The name of a layer.",
					  .scalar = SCALAR_TEXT,
					  .set = apply_require };

static const struct schema root_keys[] = {
	{ .name = "version",
	  .doc = "The schema's version: 1.",
	  .scalar = SCALAR_VERSION,
	  .required = true },
	{ .name = "name",
	  .doc = "The policy's name, for logs and messages.",
	  .scalar = SCALAR_TEXT,
	  .key = POLICY_KEY_NAME,
	  .set = apply_name },
	{ .name = "extends",
	  .doc = "What this builds on: preset:NAME or a file. Without it: on nothing.",
	  .scalar = SCALAR_TEXT,
	  .item = &item_extends },
	{ .name = "isolation",
	  .doc = "The wall. vm is not in this build.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_isolation,
	  .key = POLICY_KEY_ISOLATION,
	  .set = apply_isolation },
	{ .name = "require",
	  .doc = "Layers without which a run is refused; [] runs with what there is.",
	  .item = &item_layer,
	  .empty_ok = true,
	  .key = POLICY_KEY_REQUIRE,
	  .begin = apply_require_begin },
	{ .name = "filesystem",
	  .doc = "What may be reached of the disk.",
	  .keys = filesystem_keys },
	{ .name = "process", .doc = "Environment, commands, identity.", .keys = process_keys },
	{ .name = "network",
	  .doc = "none, host, or a map with mode.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_network,
	  .keys = network_keys,
	  .key = POLICY_KEY_NETWORK,
	  .set = apply_network },
	{ .name = "limits", .doc = "How much of the machine it may use.", .keys = limits_keys },
	{ .name = "syscalls",
	  .doc = "The system call filter: a preset's name, or a map.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_syscalls,
	  .keys = syscalls_keys,
	  .key = POLICY_KEY_SYSCALLS,
	  .set = apply_sysc_preset },
	{ .name = "tools",
	  .doc = "Tool calls by name, each narrower than the policy.",
	  .each = &item_tool },
	{ .name = "rules",
	  .doc = "What is decided of each event: see RULES.md.",
	  .item = &schema_rule },
	{ .name = "rules_default",
	  .doc = "What becomes of an event that no rule matches; without it, allow.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_rules_default,
	  .key = POLICY_KEY_RULES_DEFAULT,
	  .set = apply_rules_default },
	{ .name = "ask_default",
	  .doc = "What becomes of an ask where there is nobody to ask; without it, deny.",
	  .scalar = SCALAR_CHOICE,
	  .choices = schema_ask_default,
	  .key = POLICY_KEY_ASK_DEFAULT,
	  .set = apply_ask_default },
	{ .name = "reload",
	  .doc = "How the policy may change during a run; false: not at all.",
	  .scalar = SCALAR_BOOL,
	  .keys = reload_keys,
	  .key = POLICY_KEY_RELOAD,
	  .begin = apply_reload_begin,
	  .set = apply_reload },
	{ .name = "audit", .doc = "The log.", .keys = audit_keys },
	{ 0 }
};

const struct schema schema_root = { .doc = "capsule.yaml, version 1", .keys = root_keys };

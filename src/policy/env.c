/*
 * The session's environment: names that are passed, minus secrets, plus what is set, minus what is
 * unset. A secret is known by its name or by the shape of its value; only its exact name in `pass`
 * lets it through.
 */
#include "base/secret.h"
#include "policy/policy.h"

#include <string.h>

/* Does @name match @pattern, in which '*' stands for any characters? */
static bool matches(const char *pattern, const char *name)
{
	const char *star = NULL, *mark = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = pattern++;
			mark = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star + 1;
			name = ++mark;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* Upper case: names are compared so. Agents' sockets are secrets too: they lend keys. */
static const char *const secret_names[] = {
	"*TOKEN*",
	"*SECRET*",
	"*PASSWORD*",
	"*PASSWD*",
	"*PASSPHRASE*",
	"*CREDENTIAL*",
	"*PRIVATE_KEY*",
	"*APIKEY*",
	"*_KEY",
	"*_KEY_*",
	"*_PAT",
	"*_PASS",
	"*_PW",
	"*_AUTH",
	"*AUTHORIZATION*",
	"*_AUTHTOKEN*",
	"*_DSN",
	"*CONNECTION_STRING",
	"*SESSION_ID",
	"*COOKIE*",
	"AWS_*",
	"AZURE_*",
	"GOOGLE_*",
	"GCP_*",
	"GCLOUD_*",
	"SSH_AUTH_SOCK",
	"SSH_AGENT_*",
	"GPG_AGENT_INFO",
	"DBUS_*",
	"XAUTHORITY",
	"KUBECONFIG",
	"DOCKER_*",
	"VAULT_*",
	"PGPASS*",
	"MYSQL_PWD",
	"*DATABASE_URL*",
	"NETRC",
	"*_WEBHOOK*",
	"DISPLAY",
	"WAYLAND_DISPLAY",
	"XDG_RUNTIME_DIR",
};

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Which letters A-Z and '_' are in @text: a pattern matches no name that lacks one of its own. */
static uint32_t letters(const char *text)
{
	uint32_t set = 0;

	for (; *text; text++) {
		if (*text >= 'A' && *text <= '_')
			set |= UINT32_C(1) << (*text - 'A');
	}
	return set;
}

/* @upper is the name in upper case. Asked of every variable at every start: most end at a mask. */
static bool secret_name(const char *upper)
{
	static uint32_t masks[N_OF(secret_names)];
	uint32_t set = letters(upper);

	for (size_t i = 0; i < N_OF(secret_names); i++) {
		if (!masks[i])
			masks[i] = letters(secret_names[i]);
		if ((masks[i] & ~set) == 0 && matches(secret_names[i], upper))
			return true;
	}
	return false;
}

bool policy_env_secret(const char *name, const char *value)
{
	char upper[256];
	size_t n = strlen(name);

	if (n >= sizeof(upper))
		return true; /* too long to be judged */
	for (size_t i = 0; i <= n; i++)
		upper[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
	if (secret_name(upper))
		return true;
	return secret_value(str_of(value)) != NULL;
}

bool policy_name_matches(const char *const *patterns, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (matches(patterns[i], name))
			return true;
	}
	return false;
}

enum pass { PASS_NO, PASS_YES, PASS_SECRET };

static bool named(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static enum pass judge(const struct policy *policy, const char *name, const char *value)
{
	bool passed = policy_name_matches(policy->env_pass, policy->n_env_pass, name);

	if (policy->env_exact_only ? named(policy->env_exact, policy->n_env_exact, name)
				   : named(policy->env_pass, policy->n_env_pass, name))
		return PASS_YES;
	if (policy_env_secret(name, value))
		return PASS_SECRET;
	return passed ? PASS_YES : PASS_NO;
}

static bool is_set(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_env_set; i++) {
		if (strcmp(policy->env_set[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool is_unset(const struct policy *policy, const char *name)
{
	return policy_name_matches(policy->env_unset, policy->n_env_unset, name);
}

static size_t count_of(char *const environ_[])
{
	size_t n = 0;

	while (environ_ && environ_[n])
		n++;
	return n;
}

char **policy_environment(const struct policy *policy, struct arena *arena, char *const environ_[],
			  size_t *ret_stripped)
{
	size_t n = 0, stripped = 0, given = count_of(environ_);
	char **env = arena_array(arena, given + policy->n_env_set + 1, char *);

	if (!env)
		return NULL;
	for (size_t i = 0; i < given; i++) {
		const char *eq = strchr(environ_[i], '=');
		char *name = eq ? arena_strdup(arena, (struct str){ environ_[i],
								    (size_t)(eq - environ_[i]) })
				: NULL;
		enum pass pass;

		if (eq && !name)
			return NULL;
		if (!name || is_set(policy, name))
			continue;
		pass = judge(policy, name, eq + 1);
		stripped += pass == PASS_SECRET;
		if (pass == PASS_YES && !is_unset(policy, name))
			env[n++] = environ_[i];
	}
	for (size_t i = 0; i < policy->n_env_set; i++) {
		const struct policy_env_set *set = &policy->env_set[i];

		if (is_unset(policy, set->name))
			continue;
		env[n] = arena_printf(arena, "%s=%s", set->name, set->value);
		if (!env[n++])
			return NULL;
	}
	if (ret_stripped)
		*ret_stripped = stripped;
	return env;
}

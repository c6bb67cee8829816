#include "policy/load.h"

#define PRESETS_MAX 16

const struct preset *preset_find(struct str name)
{
	for (size_t i = 0; i < preset_count; i++) {
		if (str_eqz(name, preset_table[i].name))
			return &preset_table[i];
	}
	return NULL;
}

const char *preset_nearest(struct str name)
{
	const char *names[PRESETS_MAX];
	size_t n = 0;

	for (; n < preset_count && n < PRESETS_MAX; n++)
		names[n] = preset_table[n].name;
	return str_nearest(name, names, n);
}

struct str policy_preset_text(const char *name)
{
	const struct preset *preset = preset_find(str_of(name));

	return preset ? (struct str){ preset->text, preset->n_text } : (struct str){ 0 };
}

const char *policy_preset_name(size_t i)
{
	return i < preset_count ? preset_table[i].name : NULL;
}

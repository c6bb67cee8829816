#include "cel/overload.h"

#include <errno.h>

#define BIT(kind) (1U << (kind))
#define ANY ((1U << CEL_ERROR) - 1)

static const struct {
	char code;
	uint8_t params;
	uint32_t mask;
} codes[] = {
	{ 'b', 0, BIT(CEL_BOOL) },     { 'i', 0, BIT(CEL_INT) },
	{ 'u', 0, BIT(CEL_UINT) },     { 'd', 0, BIT(CEL_DOUBLE) },
	{ 's', 0, BIT(CEL_STRING) },   { 'y', 0, BIT(CEL_BYTES) },
	{ 'n', 0, BIT(CEL_NULL) },     { 't', 0, BIT(CEL_TIMESTAMP) },
	{ 'D', 0, BIT(CEL_DURATION) }, { 'p', 0, BIT(CEL_IP) },
	{ 'c', 0, BIT(CEL_CIDR) },     { '*', 0, ANY },
	{ 'R', 0, BIT(CEL_RECORD) },   { 'L', 1, BIT(CEL_LIST) },
	{ 'M', 2, BIT(CEL_MAP) },      { 'O', 1, BIT(CEL_OPTIONAL) },
	{ 'T', 1, BIT(CEL_TYPE) },     { 'W', 1, BIT(CEL_NULL) }, /* and those of its parameter */
};

/* Move *@p past one type; the kinds of its values, 0: not a type. */
static uint32_t mask_take(const char **p)
{
	char code = **p;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		uint32_t mask = codes[i].mask;

		if (codes[i].code != code)
			continue;
		++*p;
		for (unsigned k = 0; k < codes[i].params; k++) {
			uint32_t below = mask_take(p);

			if (below == 0)
				return 0;
			if (code == 'W')
				mask |= below;
		}
		return mask;
	}
	if (code == '@') {
		/* an abstract type of the environment: its values may be of any kind */
		const char *end = strchr(*p, ')');

		if (!end)
			return 0;
		*p = end + 1;
		return ANY;
	}
	if (code < 'A' || code > 'Z')
		return 0;
	++*p;
	return ANY;
}

int cel_overload_masks(const struct cel_overload *overload, uint32_t *masks)
{
	const char *p = overload->args;
	int n = 0;

	while (*p && *p != ':') {
		uint32_t mask = n < CEL_ARGS_MAX ? mask_take(&p) : 0;

		if (mask == 0)
			return -EINVAL;
		masks[n++] = mask;
	}
	return *p == ':' ? n : -EINVAL;
}

/* Any bytes as a time zone file: an offset comes out of whatever is accepted, at any time. */
#include "cel/time.h"
#include "cel/zone.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t times[] = {
		CEL_TIME_MIN, -1, 0, 1234567890, 4118083200, CEL_TIME_MAX
	};
	struct cel_civil civil;
	struct cel_zone zone;
	int32_t offset;

	if (cel_zone_parse((struct str){ (const char *)data, size }, &zone) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		offset = cel_zone_offset(&zone, times[i]);
		if (offset <= -86400 * 8 || offset >= 86400 * 8)
			abort();
		cel_civil_of(times[i] + offset, &civil);
		if (civil.month < 1 || civil.month > 12 || civil.day < 1 || civil.day > 31)
			abort();
	}
	return 0;
}

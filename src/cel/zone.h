/*
 * zone - how far local time is ahead of UTC, by the host's time zone files or a fixed offset.
 *
 * Zones are read from /usr/share/zoneinfo in the format of RFC 8536 (TZif, versions 1 to 4) by our
 * own reader: every count is checked against the file's size, which is at most CEL_ZONE_MAX.
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

#define CEL_ZONE_MAX 65536

/*
 * "+05:30", "-02:30", "02:00", "UTC", "Europe/Berlin". What a zone needs is in its bytes: for a file
 * they are the file's, @data, which stay the caller's; else none.
 */
struct cel_zone {
	bool fixed;
	int32_t offset; /* fixed: seconds east of Greenwich */
	struct str data;
};

/* The fixed ones. -EINVAL: not one of these. */
int cel_zone_fixed(struct str name, struct cel_zone *ret);
/* Read the zone's file to @buf: its size, or -ENOENT (also for names that no zone has), -EMSGSIZE. */
int64_t cel_zone_read(struct str name, void *buf, size_t cap);
/* -EBADMSG: not a whole time zone file. */
int cel_zone_parse(struct str data, struct cel_zone *ret);

/* Seconds east of Greenwich at the Unix time @at. */
int32_t cel_zone_offset(const struct cel_zone *zone, int64_t at);

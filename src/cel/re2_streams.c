/*
 * Stands in for the C++ streams through which RE2 would log: see meson.build. Nothing is ever logged
 * (regex.h), but for a mistake of RE2's own, which it could not tell of: then the process ends.
 * re2_streams.map says which is which.
 */
#include <stdlib.h>

#define NO_STREAM(name)  \
	void name(void); \
	void name(void)  \
	{                \
		abort(); \
	}

NO_STREAM(re2_stream_00)
NO_STREAM(re2_stream_01)
NO_STREAM(re2_stream_02)
NO_STREAM(re2_stream_03)
NO_STREAM(re2_stream_04)
NO_STREAM(re2_stream_05)
NO_STREAM(re2_stream_06)
NO_STREAM(re2_stream_07)
NO_STREAM(re2_stream_08)
NO_STREAM(re2_stream_09)
NO_STREAM(re2_stream_10)
NO_STREAM(re2_stream_11)
NO_STREAM(re2_stream_12)
NO_STREAM(re2_stream_13)
NO_STREAM(re2_stream_14)
NO_STREAM(re2_stream_15)
NO_STREAM(re2_stream_16)
NO_STREAM(re2_stream_17)
NO_STREAM(re2_stream_18)

// The one C++ file: RE2 behind the C header regex.h. What can run out of memory catches
// std::bad_alloc here; RE2 throws nothing else, and no exception leaves this file.
#include "cel/regex.h"

#include <re2/re2.h>

#include <cerrno>
#include <cstdio>
#include <new>

namespace
{
RE2::Options options(size_t memory)
{
	RE2::Options o(RE2::Quiet); // never writes to stderr

	o.set_max_mem(static_cast<int64_t>(memory ? memory : REGEX_MEMORY_MAX));
	return o;
}

re2::StringPiece piece(struct str s)
{
	return re2::StringPiece(s.p ? s.p : "", s.n);
}
} // namespace

struct regex {
	RE2 re;

	regex(struct str pattern, size_t memory) : re(piece(pattern), options(memory))
	{
	}
};

extern "C" {

int regex_compile(struct str pattern, size_t memory, struct regex **ret_regex, char *message,
		  size_t cap)
try {
	struct regex *regex;

	if (pattern.n > REGEX_PATTERN_MAX) {
		(void)snprintf(message, cap, "over %d bytes", REGEX_PATTERN_MAX);
		return -EINVAL;
	}
	regex = new struct regex(pattern, memory);
	if (!regex->re.ok()) {
		(void)snprintf(message, cap, "%s", regex->re.error().c_str());
		delete regex;
		return -EINVAL;
	}
	*ret_regex = regex;
	return 0;
} catch (const std::bad_alloc &) {
	return -ENOMEM;
}

struct regex *regex_free(struct regex *regex)
{
	delete regex;
	return nullptr;
}

int regex_matches(const struct regex *regex, struct str text)
try {
	return regex->re.Match(piece(text), 0, text.n, RE2::UNANCHORED, nullptr, 0);
} catch (const std::bad_alloc &) {
	return -ENOMEM;
}

unsigned regex_groups(const struct regex *regex)
{
	return static_cast<unsigned>(regex->re.NumberOfCapturingGroups());
}

int regex_find(const struct regex *regex, struct str text, size_t from, struct str *ret_groups,
	       unsigned n)
try {
	re2::StringPiece groups[REGEX_GROUPS_MAX];

	if (n > REGEX_GROUPS_MAX || from > text.n)
		return 0;
	if (!regex->re.Match(piece(text), from, text.n, RE2::UNANCHORED, groups,
			     static_cast<int>(n)))
		return 0;
	for (unsigned i = 0; i < n; i++) {
		ret_groups[i].p = groups[i].data();
		ret_groups[i].n = groups[i].size();
	}
	return 1;
} catch (const std::bad_alloc &) {
	return -ENOMEM;
}
}

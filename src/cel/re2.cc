// The one C++ file: RE2 behind the C header regex.h. No exception leaves it.
//
// RE2 is linear in the text, but the factor may be the size of the program: an expression whose
// automaton has more states than fit in its memory is begun anew again and again, and where that is
// hopeless RE2 simulates it state by state; both take milliseconds for each KiB. RE2 tells of either
// by hooks. Ours throw, so that one match costs at most two fillings of the automaton's memory;
// the locks and buffers of a match that ends so are released as those of any other. (RE2 is built with
// exceptions by all distributions: its own allocations may throw.) Matches that other users of RE2
// make in the same process are let alone.
#include "cel/regex.h"

#include <re2/re2.h>

#include <cerrno>
#include <cstdio>
#include <new>

namespace
{
// Bytes for which RE2 compiles a program of PROGRAM_MAX instructions, of which it gives each 16 and
// all of them two thirds.
constexpr unsigned PROGRAM_MAX = 2000;
constexpr size_t PROGRAM_MEMORY = PROGRAM_MAX * 24;
// Tables of Unicode that an expression may name: each is hundreds of ranges to sort in.
constexpr unsigned CLASSES_MAX = 16;
constexpr unsigned RESETS_MAX = 1;
// Instructions times bytes of a match in which groups are looked for.
constexpr size_t GROUPS_WORK_MAX = size_t(1) << 19;

struct too_costly {
};

// This thread is in a match of ours; how often it may yet begin an automaton anew.
thread_local bool matching;
thread_local unsigned resets_left;

class guard
{
      public:
	guard()
	{
		matching = true;
		resets_left = RESETS_MAX;
	}
	~guard()
	{
		matching = false;
	}
	guard(const guard &) = delete;
	guard &operator=(const guard &) = delete;
};

void on_reset(const re2::hooks::DFAStateCacheReset &)
{
	if (matching && resets_left-- == 0)
		throw too_costly();
}

void on_failure(const re2::hooks::DFASearchFailure &)
{
	if (matching)
		throw too_costly();
}

RE2::Options options(size_t memory)
{
	RE2::Options o(RE2::Quiet); // never writes to stderr

	o.set_max_mem(static_cast<int64_t>(memory));
	return o;
}

re2::StringPiece piece(struct str s)
{
	return re2::StringPiece(s.p ? s.p : "", s.n);
}

unsigned classes_of(struct str s)
{
	unsigned n = 0;

	for (size_t i = 0; i + 1 < s.n; i++)
		n += s.p[i] == '\\' && (s.p[i + 1] == 'p' || s.p[i + 1] == 'P');
	return n;
}

// Why @pattern cannot be, in @message; false: it can.
bool refused(struct str pattern, char *message, size_t cap)
{
	if (pattern.n > REGEX_PATTERN_MAX) {
		(void)snprintf(message, cap, "over %d bytes", REGEX_PATTERN_MAX);
		return true;
	}
	if (classes_of(pattern) > CLASSES_MAX) {
		(void)snprintf(message, cap, "over %u classes of Unicode", CLASSES_MAX);
		return true;
	}
	// within little memory, so that what is too large is soon found so
	RE2 trial(piece(pattern), options(PROGRAM_MEMORY));

	if (!trial.ok()) {
		(void)snprintf(message, cap, "%s", trial.error().c_str());
		return true;
	}
	return false;
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

	if (refused(pattern, message, cap))
		return -EINVAL;
	re2::hooks::SetDFAStateCacheResetHook(on_reset);
	re2::hooks::SetDFASearchFailureHook(on_failure);
	regex = new struct regex(pattern, memory ? memory : REGEX_MEMORY_MAX);
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
	guard in_match;

	return regex->re.Match(piece(text), 0, text.n, RE2::UNANCHORED, nullptr, 0);
} catch (const std::bad_alloc &) {
	return -ENOMEM;
} catch (const too_costly &) {
	return -E2BIG;
}

unsigned regex_groups(const struct regex *regex)
{
	return static_cast<unsigned>(regex->re.NumberOfCapturingGroups());
}

int regex_find(const struct regex *regex, struct str text, size_t from, struct str *ret_groups,
	       unsigned n)
try {
	re2::StringPiece groups[REGEX_GROUPS_MAX];
	const re2::StringPiece whole = piece(text);
	guard in_match;

	if (n > REGEX_GROUPS_MAX || from > text.n)
		return 0;
	// where it is, by automata alone; then the groups, of that part alone
	if (!regex->re.Match(whole, from, text.n, RE2::UNANCHORED, groups, 1))
		return 0;
	if (n > 1) {
		size_t start = static_cast<size_t>(groups[0].data() - whole.data());
		size_t end = start + groups[0].size();

		if ((end - start) * static_cast<size_t>(regex->re.ProgramSize()) > GROUPS_WORK_MAX)
			return -E2BIG;
		if (!regex->re.Match(whole, start, end, RE2::ANCHOR_BOTH, groups,
				     static_cast<int>(n)))
			return 0;
	}
	for (unsigned i = 0; i < n; i++) {
		ret_groups[i].p = groups[i].data();
		ret_groups[i].n = groups[i].size();
	}
	return 1;
} catch (const std::bad_alloc &) {
	return -ENOMEM;
} catch (const too_costly &) {
	return -E2BIG;
}
}

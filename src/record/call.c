#include "record/call.h"

#include "record/call_list.def"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define SPEC_MAX 80

/* In place: pointers would be relocated at every start. */
static const struct {
	uint16_t sysc;
	char spec[SPEC_MAX];
} rows[] = {
#define CALL_ROW(name, spec) { SYSC_##name, spec },
	CALL_LIST(CALL_ROW)
#undef CALL_ROW
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct {
	uint16_t sysc;
	uint16_t plan;
} special[] = {
	{ SYSC_execve, CALL_AT_ENTRY },
	{ SYSC_execveat, CALL_AT_ENTRY },
	{ SYSC_exit, CALL_AT_ENTRY | CALL_NO_RETURN },
	{ SYSC_exit_group, CALL_AT_ENTRY | CALL_NO_RETURN },
	{ SYSC_rt_sigreturn, CALL_AT_ENTRY | CALL_NO_RETURN }, /* into other registers */
	{ SYSC_clone, CALL_MAKES_CHILD },
	{ SYSC_clone3, CALL_MAKES_CHILD },
	{ SYSC_fork, CALL_MAKES_CHILD },
	{ SYSC_vfork, CALL_MAKES_CHILD },
};

/* ---- arguments of a row, one after the other ----------------------------------------------- */

struct spec {
	const char *at;
	struct str name;
	char letter;
};

static bool spec_next(struct spec *s)
{
	const char *colon = strchr(s->at, ':');

	if (!colon || *s->at == '>')
		return false;
	s->name = (struct str){ .p = s->at, .n = (size_t)(colon - s->at) };
	s->letter = colon[1];
	s->at = colon + 2;
	if (*s->at == ' ')
		s->at++;
	return true;
}

static bool is_text(char letter)
{
	return letter == 'p' || letter == 't' || letter == 'a';
}

static uint32_t row_plan(const char *row)
{
	struct spec s = { .at = row };
	unsigned n = 0;
	uint32_t plan = 0;

	for (unsigned i = 0; spec_next(&s); i++) {
		if (i == 3)
			plan |= CALL_MANY_ARGS;
		if (!is_text(s.letter) || n == CALL_TEXTS)
			continue;
		if (s.letter == 'a')
			plan |= CALL_ADDRESS;
		plan |= (i + 1) << (4 * n++);
	}
	return plan;
}

void call_table_make(struct call_table *ret_table)
{
	for (unsigned nr = 0; nr < SYSC_NR_MAX; nr++) {
		ret_table->plan[nr] = CALL_MANY_ARGS; /* as long as nothing is known of it */
		ret_table->sysc[nr] = SYSC_N;
		ret_table->row[nr] = UINT16_MAX;
	}
	for (unsigned i = 0; i < SYSC_N; i++) {
		int nr = sysc_info[i].nr[SYSC_NATIVE];

		if (nr >= 0 && nr < SYSC_NR_MAX)
			ret_table->sysc[nr] = (uint16_t)i;
	}
	for (unsigned i = 0; i < N_ROWS; i++) {
		int nr = sysc_info[rows[i].sysc].nr[SYSC_NATIVE];

		if (nr < 0 || nr >= SYSC_NR_MAX)
			continue;
		ret_table->row[nr] = (uint16_t)i;
		ret_table->plan[nr] = row_plan(rows[i].spec);
	}
	for (unsigned i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		int nr = sysc_info[special[i].sysc].nr[SYSC_NATIVE];

		if (nr >= 0 && nr < SYSC_NR_MAX)
			ret_table->plan[nr] |= special[i].plan;
	}
}

/* ---- values --------------------------------------------------------------------------------- */

static void put_hex(struct json_wr *w, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	json_strz(w, text);
}

static void put_mode(struct json_wr *w, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%#o", (unsigned)value);
	json_strz(w, text);
}

static void put_ip(struct json_wr *w, int family, const void *address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	json_key(w, "ip");
	json_strz(w, inet_ntop(family, address, text, sizeof(text)));
	json_key(w, "port");
	json_u64(w, ntohs(port));
}

/* A name in the file system, or after a NUL in the abstract space; none: not bound. */
static void put_unix(struct json_wr *w, struct str rest)
{
	if (!rest.n)
		return;
	if (rest.p[0] == '\0') {
		json_key(w, "abstract");
		json_str(w, str_sub(rest, 1, rest.n));
		return;
	}
	rest.n = strnlen(rest.p, rest.n);
	json_key(w, "path");
	json_str(w, rest);
}

static void put_address(struct json_wr *w, struct str bytes)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	sa_family_t family;

	json_object(w);
	if (bytes.n >= sizeof(family)) {
		memcpy(&family, bytes.p, sizeof(family));
		json_key(w, "family");
		call_flags_write(w, 'F', family);
		if (family == AF_INET && bytes.n >= sizeof(in)) {
			memcpy(&in, bytes.p, sizeof(in));
			put_ip(w, AF_INET, &in.sin_addr, in.sin_port);
		} else if (family == AF_INET6 &&
			   bytes.n >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
			memcpy(&in6, bytes.p, offsetof(struct sockaddr_in6, sin6_scope_id));
			put_ip(w, AF_INET6, &in6.sin6_addr, in6.sin6_port);
		} else if (family == AF_UNIX) {
			put_unix(w, str_sub(bytes, sizeof(family), bytes.n));
		} else {
			json_key(w, "bytes");
			json_hex(w, bytes.p, bytes.n);
		}
	}
	json_end_object(w);
}

/* What is known of the memory that a pointer leads to. */
struct text {
	struct str bytes;
	bool there, cut;
};

static struct text text_of(const struct call *call, unsigned i, char letter)
{
	struct text t = { .there = call->n_text[i] >= 0 };
	size_t n = t.there ? (size_t)call->n_text[i] : 0;
	size_t most = letter == 'a' ? CALL_ADDRESS_MAX : CALL_TEXT_MAX;

	if (n > most)
		n = most;
	t.bytes = (struct str){ .p = call->text[i], .n = n };
	if (letter != 'a') {
		t.bytes.n = strnlen(t.bytes.p, n);
		t.cut = n == CALL_TEXT_MAX && t.bytes.n >= CALL_TEXT_MAX - 1;
	}
	return t;
}

static void put_number(struct json_wr *w, char letter, uint64_t value)
{
	switch (letter) {
	case 'd':
		if ((int32_t)value == AT_FDCWD)
			json_strz(w, "AT_FDCWD");
		else
			json_i64(w, (int32_t)value);
		break;
	case 'i': json_i64(w, (int32_t)value); break;
	case 'u': json_u64(w, (uint32_t)value); break;
	case 'l': json_i64(w, (int64_t)value); break;
	case 'z': json_u64(w, value); break;
	case 'm': put_mode(w, value); break;
	default:
		if (call_flags_has(letter))
			call_flags_write(w, letter, value);
		else
			put_hex(w, value);
	}
}

/* ---- a record ------------------------------------------------------------------------------- */

/* Names of arguments about whose memory there is something to say, at the end of the record. */
struct notes {
	struct str cut[CALL_TEXTS], unread[CALL_TEXTS];
	unsigned n_cut, n_unread;
};

static void put_text(struct json_wr *w, const struct call *call, unsigned i, const struct spec *s,
		     uint64_t value, struct notes *notes)
{
	struct text t = text_of(call, i, s->letter);

	if (!value) {
		json_null(w);
	} else if (!t.there) {
		put_hex(w, value);
		notes->unread[notes->n_unread++] = s->name;
	} else if (s->letter == 'a') {
		put_address(w, t.bytes);
	} else {
		json_str(w, t.bytes);
		if (t.cut)
			notes->cut[notes->n_cut++] = s->name;
	}
}

/* Returns the letter of the result, or 0. */
static char put_args(struct json_wr *w, const char *row, const struct call *call,
		     struct notes *notes)
{
	struct spec s = { .at = row };
	unsigned n = 0, i = 0;

	for (; i < CALL_ARGS && spec_next(&s); i++) {
		json_key_str(w, s.name);
		if (is_text(s.letter) && n < CALL_TEXTS)
			put_text(w, call, n++, &s, call->args[i], notes);
		else
			put_number(w, s.letter, call->args[i]);
	}
	return *s.at == '>' ? s.at[1] : 0;
}

static void put_registers(struct json_wr *w, const struct call *call)
{
	static const char *const name[CALL_ARGS] = { "a0", "a1", "a2", "a3", "a4", "a5" };

	for (unsigned i = 0; i < CALL_ARGS; i++) {
		json_key(w, name[i]);
		put_hex(w, call->args[i]);
	}
}

static void put_result(struct json_wr *w, const struct call *call, char letter)
{
	const char *name = NULL;
	bool failed = call->result < 0 && call->result > -4096;

	if (!call->returned)
		return;
	json_key(w, "result");
	if (letter && !failed)
		put_number(w, letter, (uint64_t)call->result);
	else
		json_i64(w, call->result);
	if (failed)
		name = call_errno_name((int)-call->result);
	if (name) {
		json_key(w, "errno");
		json_strz(w, name);
	}
}

static void put_names(struct json_wr *w, const char *key, const struct str *names, unsigned n)
{
	if (!n)
		return;
	json_key(w, key);
	json_array(w);
	for (unsigned i = 0; i < n; i++)
		json_str(w, names[i]);
	json_end_array(w);
}

static void put_name(struct json_wr *w, const struct call_table *table, uint32_t nr)
{
	char text[32];

	json_key(w, "call");
	if (nr < SYSC_NR_MAX && table->sysc[nr] < SYSC_N) {
		json_strz(w, sysc_info[table->sysc[nr]].name);
		return;
	}
	(void)snprintf(text, sizeof(text), "%d", (int)nr);
	json_strz(w, text);
}

void call_write(struct json_wr *w, const struct call_table *table, const struct call *call)
{
	const char *row = NULL;
	struct notes notes = { 0 };
	char letter = 0;

	if (call->nr < SYSC_NR_MAX && table->row[call->nr] < N_ROWS)
		row = rows[table->row[call->nr]].spec;
	json_key(w, "at_ns");
	json_u64(w, call->at_ns);
	json_key(w, "pid");
	json_i64(w, call->inner_tgid);
	if (call->inner_tid != call->inner_tgid) {
		json_key(w, "tid");
		json_i64(w, call->inner_tid);
	}
	if (!call->inner_tgid) {
		json_key(w, "outer_tid");
		json_i64(w, call->tid);
	}
	put_name(w, table, call->nr);
	json_key(w, "args");
	json_object(w);
	if (row)
		letter = put_args(w, row, call, &notes);
	else
		put_registers(w, call);
	json_end_object(w);
	put_result(w, call, letter);
	put_names(w, "cut", notes.cut, notes.n_cut);
	put_names(w, "unread", notes.unread, notes.n_unread);
}

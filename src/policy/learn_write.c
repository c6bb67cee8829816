/*
 * The proposal as text: what is granted with its evidence, and what was seen and is not granted.
 */
#include "policy/learn_impl.h"

#include "base/own.h"
#include "codec/json_wr.h"
#include "codec/yaml.h"
#include "policy/path.h"

#include <string.h>

#define TOLD_MAX 40 /* of one sort; more are counted */

static const char *const general_text[] = {
	NULL,
	"names in it were made, removed or changed",
	"many of its entries",
	"a program or shared object that is loaded",
	"a script's interpreter",
	"programs that were made in it",
};

static const char *const note_text[NOTE_N] = {
	[NOTE_SECRET] = "Looks like a secret: never proposed",
	[NOTE_EVERYTHING] =
		"Would take a folder that holds everything: make one for it, and learn again",
	[NOTE_PRIVATE] =
		"Written in the private home, where it ends with the session: nothing is needed",
	[NOTE_BASE] = "The base policy denies it",
	[NOTE_SYSTEM] = "The system's own, or no file: never proposed",
	[NOTE_LISTED] = "Folders that were listed; a grant would open all that is in them",
	[NOTE_UNSAYABLE] = "A name that no policy can hold",
	[NOTE_SOCKET] = "Sockets: never proposed",
	[NOTE_METADATA] = "Gives credentials to whoever asks: never proposed",
	[NOTE_NETWORK] = "Connections",
	[NOTE_UNSEARCHED] =
		"Granted, with too much in it to be looked through for secrets: look yourself",
	[NOTE_TRIED] = "Tried, and failed or was refused",
};

const char *learn_say(struct learn *learn, const char *path)
{
	static const struct {
		const char *name;
		size_t offset;
	} variables[] = {
		{ "${workspace}", offsetof(struct learn_options, workspace) },
		{ "~", offsetof(struct learn_options, home) },
	};

	for (const char *at = path; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c < 0x20 || c == 0x7f || strchr("*?[]$\\", (char)c))
			return NULL;
	}
	if (yaml_text_wrong(str_of(path), NULL))
		return NULL;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value =
			*(const char *const *)((const char *)&learn->o + variables[i].offset);
		size_t n = strlen(value);

		if (n > 1 && path_within(path, value) && (i == 0 || path[n]))
			return arena_printf(&learn->arena, "%s%s", variables[i].name, path + n);
	}
	return path;
}

/* In double quotes; JSON's strings are YAML's. */
static void put_quoted(struct buf *out, const char *text)
{
	struct json_wr w = json_wr_init(out);

	json_strz(&w, text);
}

static void put_line(struct learn *l, const struct learn_line *line, struct buf *out)
{
	buf_printf(out, "    # %s%s%s\n    - ", line->why, line->general ? "; " : "",
		   line->general ? general_text[line->general] : "");
	put_quoted(out, learn_say(l, line->path));
	buf_putc(out, '\n');
}

static void put_kind(struct learn *l, enum policy_fs kind, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < l->n_lines; i++) {
		if (l->lines[i].kind != kind)
			continue;
		if (first)
			buf_printf(out, "  %s:\n", path_kind_name(kind));
		first = false;
		put_line(l, &l->lines[i], out);
	}
}

static void put_told(const struct learn *l, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_told; i++) {
		const struct learn_told *t = &l->told[i];
		bool first = i == 0 || t[-1].note != t->note;
		bool last = i + 1 == l->n_told || t[1].note != t->note;

		n = first ? 1 : n + 1;
		if (i == 0)
			buf_putz(out, "\n# ---- seen, and not granted ----\n");
		if (first)
			buf_printf(out, "#\n# %s:\n", note_text[t->note]);
		if (n <= TOLD_MAX) {
			buf_putz(out, "#   ");
			put_quoted(out, t->path);
			buf_printf(out, "%s%s\n", t->why ? "  " : "", t->why ? t->why : "");
		}
		if (last && n > TOLD_MAX)
			buf_printf(out, "#   and %zu more\n", n - TOLD_MAX);
	}
}

static void put_head(const struct learn *l, struct buf *out)
{
	buf_putz(out, "# Proposed by 'capsule learn'");
	if (l->o.command) {
		buf_putz(out, " for ");
		put_quoted(out, l->o.command);
	}
	buf_printf(out, ", from %llu events", (unsigned long long)l->records);
	if (l->o.session)
		buf_printf(out, " of session %s", l->o.session);
	buf_putz(out, ".\n# Each line says what it rests on. Read it before you use it.\n"
		      "version: 1\nname: learned\nextends: ");
	put_quoted(out, l->o.base);
	buf_putc(out, '\n');
}

static void put_str(struct json_wr *w, const char *key, const char *value)
{
	json_key(w, key);
	json_strz(w, value);
}

void learn_write_json(const struct learn *l, struct buf *out)
{
	struct json_wr w = json_wr_init(out);

	json_object(&w);
	put_str(&w, "extends", l->o.base);
	put_str(&w, "session", l->o.session);
	json_key(&w, "events");
	json_u64(&w, l->records);
	json_key(&w, "lines");
	json_array(&w);
	for (size_t i = 0; i < l->n_lines; i++) {
		json_object(&w);
		put_str(&w, "kind", path_kind_name(l->lines[i].kind));
		put_str(&w, "path", l->lines[i].path);
		put_str(&w, "why", l->lines[i].why);
		put_str(&w, "rule", general_text[l->lines[i].general]);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_key(&w, "network");
	json_bool(&w, l->network);
	json_key(&w, "not_granted");
	json_array(&w);
	for (size_t i = 0; i < l->n_told; i++) {
		json_object(&w);
		put_str(&w, "note", note_text[l->told[i].note]);
		put_str(&w, "path", l->told[i].path);
		put_str(&w, "why", l->told[i].why);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
	buf_putc(out, '\n');
}

void learn_write(const struct learn *learn, struct buf *out)
{
	struct learn *l = (struct learn *)(uintptr_t)learn; /* its arena only */

	put_head(l, out);
	if (l->n_lines)
		buf_putz(out, "\nfilesystem:\n");
	put_kind(l, POLICY_FS_READ, out);
	put_kind(l, POLICY_FS_WRITE, out);
	put_kind(l, POLICY_FS_EXEC, out);
	put_kind(l, POLICY_FS_DENY, out);
	if (l->network)
		buf_printf(out,
			   "\n# %s; this build knows no smaller grant than the whole network\n"
			   "network: host\n",
			   l->network_why);
	put_told(l, out);
}

/* docs/events.md, from the table. A unit test holds the page against it. */
#include "event/table.h"

#include "base/buf.h"

static const char head[] = "# Events\n"
			   "\n"
			   "<!-- Made from src/event/table.def: `build/tests/unit/test_event "
			   "--write docs/events.md`. Do\n"
			   "     not edit; a test compares. -->\n"
			   "\n"
			   "Everything that a session tries is one event of these types. Rules "
			   "([RULES](RULES.md)) name "
			   "the\n"
			   "fields as they stand here; JSON nests them by their dots.\n"
			   "\n"
			   "## Types\n"
			   "\n"
			   "*Stopped by* is the mechanism that can act on a decision. A rule on a "
			   "type whose mechanism is not\n"
			   "there is refused, not ignored.\n"
			   "\n"
			   "| type | meaning | stopped by | since |\n"
			   "| --- | --- | --- | --- |\n";

static const char names[] = "\n"
			    "Documents may also use these names:\n"
			    "\n"
			    "| name | stands for |\n"
			    "| --- | --- |\n";

static const char fields[] = "\n"
			     "## Fields\n"
			     "\n"
			     "A field that an event does not have reads as its type's default "
			     "(`\"\"`, `0`, `false`, `[]`, `{}`);\n"
			     "`has(FIELD)` and `FIELD.exists()` tell. *S*: sensitive, not written "
			     "to logs and exports unless they\n"
			     "are told to keep it. *W*: a rule may rewrite it.\n";

/* "file.*", or the types one by one; families that are carried whole are told as such. */
static void put_on(struct buf *out, event_types on)
{
	event_types told = 0;
	bool first = true;

	if (on == EVENT_TYPES_ALL) {
		buf_putz(out, "all");
		return;
	}
	for (int t = 0; t < EVENT_TYPE_N; t++) {
		const char *family = event_type_info[t].family;
		event_types whole = 0;

		for (int u = 0; u < EVENT_TYPE_N; u++) {
			if (strcmp(event_type_info[u].family, family) == 0)
				whole |= EVENT_BIT(u);
		}
		if (!(on & ~told & EVENT_BIT(t)))
			continue;
		buf_printf(out, "%s`", first ? "" : " ");
		if ((on & whole) == whole && (whole & (whole - 1))) {
			buf_printf(out, "%s.*`", family);
			told |= whole;
		} else {
			buf_printf(out, "%s`", event_type_info[t].name);
			told |= EVENT_BIT(t);
		}
		first = false;
	}
}

static void put_field(struct buf *out, const struct event_field_info *f)
{
	buf_printf(out, "| `%s` | %s | %s%s | %s | ", f->name, event_kind_name[f->kind],
		   f->flags & EVENT_SENSITIVE ? "S" : "", f->flags & EVENT_WRITABLE ? "W" : "",
		   f->doc);
	put_on(out, f->on);
	buf_printf(out, " | %s | %s |\n", f->sigma, f->since);
}

void event_doc(struct buf *out)
{
	enum event_type type;
	const char *name;

	buf_putz(out, head);
	for (int t = 0; t < EVENT_TYPE_N; t++)
		buf_printf(out, "| `%s` | %s | %s | %s |\n", event_type_info[t].name,
			   event_type_info[t].doc, event_by_name[event_type_info[t].enforce],
			   event_type_info[t].since);
	buf_putz(out, names);
	for (size_t i = 0; (name = event_alias_name(i, &type)) != NULL; i++)
		buf_printf(out, "| `%s` | `%s` |\n", name, event_type_info[type].name);
	buf_putz(out, fields);
	for (int r = 0; r < EVENT_RECORD_N; r++) {
		const struct event_record_info *record = &event_record_info[r];

		buf_printf(out, "\n### %s\n\n%s\n\n", record->name, record->doc);
		buf_putz(out, "| field | type | | meaning | carried by | Sigma | since |\n"
			      "| --- | --- | --- | --- | --- | --- | --- |\n");
		for (unsigned f = record->first; f < record->first + record->n; f++)
			put_field(out, &event_field_info[f]);
	}
}

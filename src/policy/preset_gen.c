/*
 * preset_gen - a build step: parse the presets of share/presets once and write them as constant
 * data, text and nodes, so that no run has to. Not part of any library.
 *
 *	preset_gen OUT.c share/presets/agent.yaml ...
 */
#include "base/own.h"
#include "codec/blake3.h"
#include "codec/yaml.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>

#define PRESETS_MAX 16

static const char *reading;
static uint8_t digest[PRESETS_MAX][BLAKE3_OUT];

static void report(void *ctx, const struct yaml_problem *problem)
{
	(void)ctx;
	fprintf(stderr, "%s:%u:%u: %s\n", reading, problem->line, problem->col, problem->text);
}

static void put_bytes(FILE *out, const char *what, size_t i, const char *p, size_t n)
{
	fprintf(out, "static const char %s_%zu[] = {", what, i);
	for (size_t k = 0; k < n; k++)
		fprintf(out, "%s%d,", k % 20 ? "" : "\n\t", p[k]);
	fprintf(out, "\n\t0\n};\n");
}

static int put_preset(FILE *out, size_t i, const char *path)
{
	struct arena arena = ARENA_INIT(16U << 20);
	AUTO(file_closep) FILE *in = fopen(path, "re");
	static char text[YAML_SIZE_MAX + 1];
	struct yaml_doc doc;
	size_t n;

	if (!in)
		return -1;
	n = fread(text, 1, sizeof(text), in);
	reading = path;
	if (yaml_parse(&arena, (struct str){ text, n }, report, NULL, &doc) < 0)
		return -1;
	put_bytes(out, "text", i, text, n);
	blake3(text, n, digest[i]);
	put_bytes(out, "pool", i, doc.pool, doc.n_pool);
	fprintf(out, "static const struct yaml_node nodes_%zu[] = {\n", i);
	for (uint32_t k = 0; k < doc.n_nodes; k++) {
		const struct yaml_node *d = &doc.nodes[k];

		fprintf(out, "\t{ %u, %u, %u, %u, %u, %u, %u, %u, %u, %u, %u },\n", d->kind,
			d->plain, d->width, d->line, d->col, d->text, d->len, d->key, d->child,
			d->next, d->count);
	}
	fprintf(out, "};\n");
	arena_done(&arena);
	return 0;
}

static void put_row(FILE *out, size_t i, const char *path)
{
	char copy[4096];
	char *name, *dot;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	name = basename(copy);
	dot = strrchr(name, '.');
	if (dot)
		*dot = '\0';
	fprintf(out,
		"\t{ \"%s\", \"preset:%s\", text_%zu, sizeof(text_%zu) - 1,\n"
		"\t  { nodes_%zu, sizeof(nodes_%zu) / sizeof(nodes_%zu[0]), sizeof(pool_%zu), "
		"pool_%zu },\n\t  {",
		name, name, i, i, i, i, i, i, i);
	for (size_t k = 0; k < BLAKE3_OUT; k++)
		fprintf(out, " %u,", digest[i][k]);
	fprintf(out, " } },\n");
}

int main(int argc, char **argv)
{
	AUTO(file_closep) FILE *out = argc > 2 && argc <= PRESETS_MAX ? fopen(argv[1], "we") : NULL;

	if (!out) {
		fprintf(stderr, "usage: preset_gen OUT.c PRESET.yaml ...\n");
		return 2;
	}
	fprintf(out, "/* Made by preset_gen. */\n#include \"policy/load.h\"\n\n");
	for (int i = 2; i < argc; i++) {
		if (put_preset(out, (size_t)i, argv[i]) < 0) {
			fprintf(stderr, "preset_gen: cannot use %s\n", argv[i]);
			return 1;
		}
	}
	fprintf(out, "const struct preset preset_table[] = {\n");
	for (int i = 2; i < argc; i++)
		put_row(out, (size_t)i, argv[i]);
	fprintf(out, "};\nconst size_t preset_count = %d;\n", argc - 2);
	return fflush(out) == 0 ? 0 : 1;
}

/*
 * init_gen - a build step: share/capsule.yaml as a C array for `capsule init`.
 *
 *	init_gen OUT.h share/capsule.yaml
 */
#include "base/own.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	AUTO(file_closep) FILE *in = argc == 3 ? fopen(argv[2], "re") : NULL;
	AUTO(file_closep) FILE *out = in ? fopen(argv[1], "we") : NULL;
	int c, n = 0;

	if (!out) {
		fprintf(stderr, "usage: init_gen OUT.h IN.yaml\n");
		return 2;
	}
	fprintf(out, "/* Made by init_gen. */\n#pragma once\nstatic const char init_text[] = {");
	while ((c = fgetc(in)) != EOF)
		fprintf(out, "%s%d,", n++ % 20 ? "" : "\n\t", c);
	fprintf(out, "\n\t0\n};\n");
	return fflush(out) == 0 && !ferror(in) ? 0 : 1;
}

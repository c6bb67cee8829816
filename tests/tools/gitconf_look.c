/* gitconf_look < NAMES: for each file named, one line: "harmless", or the line and what was found. */
#include "mediate/gitconf.h"

#include <stdio.h>
#include <string.h>

int main(void)
{
	static char bytes[GITCONF_MAX + 2];
	char name[4096];

	while (fgets(name, sizeof(name), stdin)) {
		struct gitconf_finding found;
		FILE *f;
		size_t n;

		name[strcspn(name, "\n")] = '\0';
		f = fopen(name, "re");
		if (!f)
			return 1;
		n = fread(bytes, 1, sizeof(bytes), f);
		(void)fclose(f);
		if (gitconf_check((struct str){ .p = bytes, .n = n }, &found) == 0)
			puts("harmless");
		else
			printf("%u: %s\n", found.line, found.text);
	}
	return 0;
}

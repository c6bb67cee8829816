/*
 * Ends with 7 when it was executed by the name "guard", told "evil", or given EVIL in its environment; else
 * with 0.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

int main(int argc, char **argv)
{
	const char *name = (const char *)getauxval(AT_EXECFN);

	if (getenv("EVIL"))
		return 7;
	if (argc > 1)
		return strcmp(argv[1], "evil") == 0 ? 7 : 0;
	return name && strstr(name, "guard") ? 7 : 0;
}

/* Ends with 7 when it was executed by the name "guard", or told "evil"; else with 0. */
#include <string.h>
#include <sys/auxv.h>

int main(int argc, char **argv)
{
	const char *name = (const char *)getauxval(AT_EXECFN);

	if (argc > 1)
		return strcmp(argv[1], "evil") == 0 ? 7 : 0;
	return name && strstr(name, "guard") ? 7 : 0;
}

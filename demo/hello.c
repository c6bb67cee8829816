#include <stdio.h>

int main(void)
{
	puts("this program greets the world");
	return 0;
}

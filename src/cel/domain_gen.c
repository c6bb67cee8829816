/*
 * domain_gen - a build step: the public suffix list as the constant tree of domain.h.
 *
 *	domain_gen OUT.c [public_suffix_list.dat]
 *
 * Without a list the tree is empty, and domain() fails in every rule that calls it.
 */
#include "base/own.h"
#include "cel/domain.h"
#include "codec/punycode.h"

#include <stdio.h>

#define NODES_MAX 60000
#define LABELS_MAX (1U << 20)

/* A node while the tree grows: children are a linked list. */
struct node {
	char label[PUNYCODE_LABEL_MAX + 1];
	struct node *child, *next;
	unsigned n_children, flags, first;
};

static struct node nodes[NODES_MAX];
static size_t n_nodes = 1;

static struct node *child_get(struct node *parent, const char *label)
{
	struct node *node;

	for (node = parent->child; node; node = node->next) {
		if (strcmp(node->label, label) == 0)
			return node;
	}
	if (n_nodes == NODES_MAX)
		return NULL;
	node = &nodes[n_nodes++];
	memcpy(node->label, label, strlen(label) + 1);
	node->next = parent->child;
	parent->child = node;
	parent->n_children++;
	return node;
}

/* A rule: "co.uk", "*.ck", "!www.ck", from the right. */
static int rule_add(struct str rule)
{
	unsigned flag = DOMAIN_RULE;
	struct node *node = nodes;
	size_t end, start;

	if (rule.p[0] == '!') {
		flag = DOMAIN_EXCEPTION;
		rule = str_sub(rule, 1, rule.n);
	} else if (str_starts(rule, STR("*."))) {
		flag = DOMAIN_WILD;
		rule = str_sub(rule, 2, rule.n);
	}
	for (end = rule.n; node; end = start - 1) {
		char ascii[PUNYCODE_LABEL_MAX + 1];
		size_t n;

		for (start = end; start > 0 && rule.p[start - 1] != '.';)
			start--;
		n = punycode_label(str_sub(rule, start, end), ascii);
		if (n == 0 || memchr(ascii, '*', n))
			return -1;
		ascii[n] = '\0';
		node = child_get(node, ascii);
		if (start == 0)
			break;
	}
	if (!node)
		return -1;
	node->flags |= flag;
	return 0;
}

static int list_read(FILE *in, const char *name)
{
	char line[1024];

	for (unsigned at = 1; fgets(line, sizeof(line), in); at++) {
		struct str rule = { .p = line, .n = strcspn(line, " \t\r\n") };

		if (rule.n == 0 || str_starts(rule, STR("//")))
			continue;
		if (rule_add(rule) < 0) {
			fprintf(stderr, "%s:%u: not a rule, or too many\n", name, at);
			return -1;
		}
	}
	return ferror(in) ? -1 : 0;
}

static int label_order(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;

	return str_cmp(str_of((*x)->label), str_of((*y)->label));
}

/* The children of each node side by side and sorted: *@order lists the nodes so. */
static void nodes_order(struct node **order)
{
	size_t n = 1;

	order[0] = nodes;
	for (size_t i = 0; i < n; i++) {
		order[i]->first = (unsigned)n;
		for (struct node *child = order[i]->child; child; child = child->next)
			order[n++] = child;
		qsort(order + order[i]->first, order[i]->n_children, sizeof(struct node *),
		      label_order);
	}
}

/* Where @label stands in @pool; appended when it does not. */
static unsigned label_offset(char *pool, size_t *n, const char *label)
{
	size_t len = strlen(label);
	const char *hit = *n ? memmem(pool, *n, label, len) : NULL;

	if (hit)
		return (unsigned)(hit - pool);
	memcpy(pool + *n, label, len);
	*n += len;
	return (unsigned)(*n - len);
}

static int tree_write(FILE *out)
{
	static struct node *order[NODES_MAX];
	static char pool[LABELS_MAX];
	size_t n = 0;

	nodes_order(order);
	fprintf(out, "/* Made by domain_gen. */\n#include \"cel/domain.h\"\n\n"
		     "const struct domain_node domain_nodes[] = {\n");
	for (size_t i = 0; i < n_nodes; i++) {
		const struct node *node = order[i];

		if (node->n_children > DOMAIN_CHILDREN || n + sizeof(node->label) > sizeof(pool))
			return -1;
		fprintf(out, "\t{ %#zxU, %u, %#x },\n",
			(size_t)label_offset(pool, &n, node->label) << 8 | strlen(node->label),
			node->n_children ? node->first : 0, node->n_children | node->flags);
	}
	fprintf(out, "};\n\nconst char domain_labels[] =");
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%c", i % 80 ? "" : i ? "\"\n\t\"" : "\n\t\"", pool[i]);
	fprintf(out, "%s;\n", n ? "\"" : " \"\"");
	return fflush(out);
}

int main(int argc, char **argv)
{
	AUTO(file_closep) FILE *in = argc == 3 ? fopen(argv[2], "re") : NULL;
	AUTO(file_closep) FILE *out = argc > 1 ? fopen(argv[1], "we") : NULL;

	if (!out || argc > 3 || (argc == 3 && !in)) {
		fprintf(stderr, "usage: domain_gen OUT.c [LIST]\n");
		return 2;
	}
	if (in && list_read(in, argv[2]) < 0)
		return 1;
	return tree_write(out) == 0 ? 0 : 1;
}

#include "cel/domain.h"
#include "codec/punycode.h"

bool domain_list_present(void)
{
	return (domain_nodes[0].n & DOMAIN_CHILDREN) != 0;
}

static const struct domain_node *child_of(const struct domain_node *node, struct str label)
{
	size_t low = 0, high = node->n & DOMAIN_CHILDREN;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct domain_node *child = &domain_nodes[node->first + mid];
		struct str name = { domain_labels + (child->label >> 8), child->label & 0xff };
		int order = str_cmp(label, name);

		if (order == 0)
			return child;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* The label that ends at byte @end. */
static struct str label_before(struct str host, size_t end)
{
	size_t start = end;

	while (start > 0 && host.p[start - 1] != '.')
		start--;
	return str_sub(host, start, end);
}

/* An address: colons, or a last label of digits alone, which no top-level domain is. */
static bool is_address(struct str host)
{
	struct str last = label_before(host, host.n);

	if (memchr(host.p, ':', host.n))
		return true;
	for (size_t i = 0; i < last.n; i++) {
		if (last.p[i] < '0' || last.p[i] > '9')
			return false;
	}
	return true;
}

/* No empty label, and none that the DNS cannot hold. */
static bool is_name(struct str host)
{
	char ascii[PUNYCODE_LABEL_MAX];
	size_t total = 0;

	for (size_t end = host.n;; total++) {
		struct str label = label_before(host, end);
		size_t n = punycode_label(label, ascii);

		if (n == 0)
			return false;
		total += n;
		end -= label.n;
		if (end == 0)
			return total <= 253;
		end--;
	}
}

/* How many labels at the end of @host are a public suffix. */
static unsigned suffix_labels(struct str host)
{
	const struct domain_node *node = &domain_nodes[0], *child;
	unsigned best = 1, depth = 0;
	size_t end = host.n;

	for (;;) {
		char ascii[PUNYCODE_LABEL_MAX];
		struct str label = label_before(host, end);
		struct str name = { ascii, punycode_label(label, ascii) };

		depth++;
		if (node->n & DOMAIN_WILD)
			best = depth;
		child = child_of(node, name);
		if (!child)
			return best;
		if (child->n & DOMAIN_EXCEPTION)
			return depth - 1;
		if (child->n & DOMAIN_RULE)
			best = depth;
		if (label.n == end)
			break;
		end -= label.n + 1;
		node = child;
	}
	return best;
}

struct str domain_registrable(struct str host)
{
	struct str none = { .p = host.p };
	size_t end;

	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (host.n == 0 || host.n > DOMAIN_HOST_MAX || is_address(host) || !is_name(host))
		return none;
	end = host.n;
	for (unsigned i = suffix_labels(host); i > 0; i--) {
		end -= label_before(host, end).n;
		if (end == 0)
			return none;
		end--;
	}
	return str_sub(host, end - label_before(host, end).n, host.n);
}

/*
 * The extension "network": addresses and networks as values of their own (net.IP, net.CIDR).
 *
 * Beside the language's tests: mapped addresses count as IPv4 (addr.h), and what is no address is
 * an error where one is needed, so that containsIP() of a host name is not silently false.
 */
#include "cel/addr.h"
#include "cel/eval.h"
#include "cel/text.h"

static struct cel_value addr_value(struct cel_eval *eval, const struct cel_addr *addr, uint8_t kind)
{
	struct cel_addr *copy = cel_scratch(eval, sizeof(*copy));

	if (!copy)
		return cel_fail_memory(eval);
	*copy = *addr;
	return (struct cel_value){ .kind = kind, .addr = copy };
}

/* @s as an address; or the error, of kind CEL_ERROR, with *@ret_addr untouched. */
static struct cel_value addr_read(struct cel_eval *eval, struct str s, struct cel_addr *ret_addr)
{
	switch (cel_addr_parse(s, ret_addr)) {
	case CEL_ADDR_OK: return CEL_NULL_VALUE;
	case CEL_ADDR_ZONE:
		return cel_fail(eval, CEL_E_ARGUMENT, "IP Address with zone value is not allowed");
	case CEL_ADDR_MAPPED:
		return cel_fail(eval, CEL_E_ARGUMENT, "IPv4-mapped IPv6 address is not allowed");
	default:
		return cel_fail(eval, CEL_E_ARGUMENT,
				"IP Address '%.*s' parse error during conversion from string",
				s.n > 100 ? 100 : (int)s.n, s.p);
	}
}

static struct cel_value cidr_read(struct cel_eval *eval, struct str s, struct cel_addr *ret_addr)
{
	switch (cel_cidr_parse(s, ret_addr)) {
	case CEL_ADDR_OK: return CEL_NULL_VALUE;
	case CEL_ADDR_ZONE:
		return cel_fail(eval, CEL_E_ARGUMENT, "CIDR with zone value is not allowed");
	case CEL_ADDR_MAPPED:
		return cel_fail(eval, CEL_E_ARGUMENT, "IPv4-mapped IPv6 address is not allowed");
	default:
		return cel_fail(eval, CEL_E_ARGUMENT,
				"network address parse error during conversion from string");
	}
}

static struct cel_value net_ip(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_addr addr;
	struct cel_value error;

	(void)n;
	if (args[0].kind == CEL_CIDR) {
		addr = *args[0].addr;
		addr.prefix = addr.family == 4 ? 32 : 128;
		return addr_value(eval, &addr, CEL_IP);
	}
	error = addr_read(eval, cel_str(args[0]), &addr);
	return error.kind == CEL_ERROR ? error : addr_value(eval, &addr, CEL_IP);
}

static struct cel_value net_cidr(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_addr addr;
	struct cel_value error = cidr_read(eval, cel_str(args[0]), &addr);

	(void)n;
	return error.kind == CEL_ERROR ? error : addr_value(eval, &addr, CEL_CIDR);
}

static struct cel_value net_is_ip(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_addr addr;

	(void)eval;
	(void)n;
	return cel_bool(cel_addr_parse(cel_str(args[0]), &addr) == CEL_ADDR_OK);
}

static struct cel_value net_is_cidr(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_addr addr;

	(void)eval;
	(void)n;
	return cel_bool(cel_cidr_parse(cel_str(args[0]), &addr) == CEL_ADDR_OK);
}

static struct cel_value net_canonical(struct cel_eval *eval, const struct cel_value *args,
				      unsigned n)
{
	struct cel_addr addr;
	struct cel_value error = addr_read(eval, cel_str(args[0]), &addr);
	char text[CEL_ADDR_TEXT];
	size_t length;

	(void)n;
	if (error.kind == CEL_ERROR)
		return error;
	length = cel_addr_print(&addr, false, text);
	return cel_bool(str_eq(cel_str(args[0]), (struct str){ .p = text, .n = length }));
}

static struct cel_value net_string(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct text t = text_init(eval, CEL_ADDR_TEXT);
	char *to = text_reserve(&t, CEL_ADDR_TEXT);

	(void)n;
	if (to)
		t.n = cel_addr_print(args[0].addr, args[0].kind == CEL_CIDR, to);
	return text_value(&t);
}

static struct cel_value net_family(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)eval;
	(void)n;
	return cel_int(args[0].addr->family);
}

/* The classes of addresses that functions ask for, by RFC 6890's and RFC 4291's networks. */
enum { UNSPECIFIED, LOOPBACK, LINK_LOCAL, LINK_LOCAL_MULTICAST, MULTICAST, PRIVATE, BROADCAST };

static const struct {
	uint8_t class;
	struct cel_addr net;
} classes[] = {
	{ UNSPECIFIED, { 4, 32, { 0 } } },
	{ UNSPECIFIED, { 6, 128, { 0 } } },
	{ LOOPBACK, { 4, 8, { 127 } } },
	{ LOOPBACK, { 6, 128, { [15] = 1 } } },
	{ LINK_LOCAL, { 4, 16, { 169, 254 } } },
	{ LINK_LOCAL, { 6, 10, { 0xfe, 0x80 } } },
	{ LINK_LOCAL_MULTICAST, { 4, 24, { 224, 0, 0 } } },
	{ LINK_LOCAL_MULTICAST, { 6, 16, { 0xff, 0x02 } } },
	{ MULTICAST, { 4, 4, { 224 } } },
	{ MULTICAST, { 6, 8, { 0xff } } },
	{ PRIVATE, { 4, 8, { 10 } } },
	{ PRIVATE, { 4, 12, { 172, 16 } } },
	{ PRIVATE, { 4, 16, { 192, 168 } } },
	{ PRIVATE, { 6, 7, { 0xfc } } },
	{ BROADCAST, { 4, 32, { 255, 255, 255, 255 } } },
};

static bool is_class(struct cel_value v, uint8_t class)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (classes[i].class == class &&
		    cel_addr_within(v.addr, &classes[i].net, classes[i].net.prefix))
			return true;
	}
	return false;
}

#define CLASS(name, expr)                                                                          \
	static struct cel_value name(struct cel_eval *eval, const struct cel_value *a, unsigned n) \
	{                                                                                          \
		(void)eval;                                                                        \
		(void)n;                                                                           \
		return cel_bool(expr);                                                             \
	}
CLASS(net_unspecified, is_class(a[0], UNSPECIFIED))
CLASS(net_loopback, is_class(a[0], LOOPBACK))
CLASS(net_link_local, is_class(a[0], LINK_LOCAL))
CLASS(net_link_local_multicast, is_class(a[0], LINK_LOCAL_MULTICAST))
CLASS(net_private, is_class(a[0], PRIVATE))
/* Private addresses count: global is what is neither of this link nor of a group. */
CLASS(net_global, !is_class(a[0], UNSPECIFIED) && !is_class(a[0], LOOPBACK) &&
			  !is_class(a[0], LINK_LOCAL) && !is_class(a[0], MULTICAST) &&
			  !is_class(a[0], BROADCAST))

/* Of two networks, or a network and an address; either may come as text. */
static struct cel_value contains(struct cel_eval *eval, const struct cel_value *args, bool cidr)
{
	const struct cel_addr *net = args[0].addr;
	struct cel_addr other;
	struct cel_value error = CEL_NULL_VALUE;

	if (args[1].kind != CEL_STRING)
		other = *args[1].addr;
	else if (cidr)
		error = cidr_read(eval, cel_str(args[1]), &other);
	else
		error = addr_read(eval, cel_str(args[1]), &other);
	if (error.kind == CEL_ERROR)
		return error;
	if (cidr && other.prefix < net->prefix)
		return cel_bool(false);
	return cel_bool(cel_addr_within(&other, net, net->prefix));
}

static struct cel_value net_contains_ip(struct cel_eval *eval, const struct cel_value *args,
					unsigned n)
{
	(void)n;
	return contains(eval, args, false);
}

static struct cel_value net_contains_cidr(struct cel_eval *eval, const struct cel_value *args,
					  unsigned n)
{
	(void)n;
	return contains(eval, args, true);
}

static struct cel_value net_prefix(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)eval;
	(void)n;
	return cel_int(args[0].addr->prefix);
}

static struct cel_value net_masked(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_addr addr = *args[0].addr;

	(void)n;
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = addr.prefix > 8 * i ? addr.prefix - 8 * i : 0;

		if (bits < 8)
			addr.bytes[i] &= (uint8_t)(0xff00U >> bits);
	}
	return addr_value(eval, &addr, CEL_CIDR);
}

static const struct cel_overload overloads[] = {
	{ "ip", "s:p", net_ip },
	{ "ip", "c:p", net_ip, CEL_FN_MEMBER },
	{ "cidr", "s:c", net_cidr },
	{ "isIP", "s:b", net_is_ip },
	{ "isCIDR", "s:b", net_is_cidr },
	{ "ip.isCanonical", "s:b", net_canonical },
	{ "string", "p:s", net_string },
	{ "string", "c:s", net_string },
	{ "family", "p:i", net_family, CEL_FN_MEMBER },
	{ "isUnspecified", "p:b", net_unspecified, CEL_FN_MEMBER },
	{ "isLoopback", "p:b", net_loopback, CEL_FN_MEMBER },
	{ "isGlobalUnicast", "p:b", net_global, CEL_FN_MEMBER },
	{ "isLinkLocalUnicast", "p:b", net_link_local, CEL_FN_MEMBER },
	{ "isLinkLocalMulticast", "p:b", net_link_local_multicast, CEL_FN_MEMBER },
	{ "isPrivate", "p:b", net_private, CEL_FN_MEMBER },
	{ "containsIP", "cp:b", net_contains_ip, CEL_FN_MEMBER },
	{ "containsIP", "cs:b", net_contains_ip, CEL_FN_MEMBER },
	{ "containsCIDR", "cc:b", net_contains_cidr, CEL_FN_MEMBER },
	{ "containsCIDR", "cs:b", net_contains_cidr, CEL_FN_MEMBER },
	{ "prefixLength", "c:i", net_prefix, CEL_FN_MEMBER },
	{ "masked", "c:c", net_masked, CEL_FN_MEMBER },
};

const struct cel_library cel_lib_network = { "network", overloads,
					     sizeof(overloads) / sizeof(overloads[0]) };

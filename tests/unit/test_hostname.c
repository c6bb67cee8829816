/* Unit tests of net/hostname and cel/addr_class: what a host is, and what kind of place an address. */
#include "cel/addr.h"
#include "cel/addr_class.h"
#include "net/hostname.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void good(enum hostname_from from, struct str in, const char *expected, unsigned family)
{
	struct hostname h, again;

	if (hostname_parse(in, from, &h) != HOSTNAME_OK)
		fail_msg("'%.*s' is refused", STR_ARG(in));
	assert_string_equal(h.text, expected);
	assert_int_equal(h.n, strlen(expected));
	assert_int_equal(h.addr.family, family);
	/* what is canonical stays as it is */
	assert_int_equal(hostname_parse(hostname_str(&h), HOSTNAME_PLAIN, &again), HOSTNAME_OK);
	assert_true(hostname_eq(&h, &again));
}

static void bad(enum hostname_from from, struct str in, enum hostname_error expected)
{
	struct hostname h = { .n = 77 };
	enum hostname_error error = hostname_parse(in, from, &h);

	if (error != expected)
		fail_msg("'%.*s': %s", STR_ARG(in), hostname_error_text(error));
	assert_int_equal(h.n, 77);
}

static void names_become_canonical(void **state)
{
	(void)state;
	good(HOSTNAME_URI, STR("example.com"), "example.com", 0);
	good(HOSTNAME_NAME, STR("EXAMPLE.Com"), "example.com", 0);
	good(HOSTNAME_NAME, STR("example.com."), "example.com", 0);
	good(HOSTNAME_NAME, STR("localhost"), "localhost", 0);
	good(HOSTNAME_NAME, STR("xn--bcher-kva.example"), "xn--bcher-kva.example", 0);
	good(HOSTNAME_NAME, STR("_acme-challenge.a_b.example"), "_acme-challenge.a_b.example", 0);
	good(HOSTNAME_NAME, STR("r3---sn-x.example"), "r3---sn-x.example", 0);
	good(HOSTNAME_NAME, STR("1.2.3.example"), "1.2.3.example", 0);
	good(HOSTNAME_NAME, STR("0x7f.0xg"), "0x7f.0xg", 0);
	good(HOSTNAME_NAME, STR("4.3.2.1.in-addr.arpa"), "4.3.2.1.in-addr.arpa", 0);
}

static void addresses_become_canonical(void **state)
{
	(void)state;
	good(HOSTNAME_URI, STR("127.0.0.1"), "127.0.0.1", 4);
	good(HOSTNAME_URI, STR("[::1]"), "::1", 6);
	good(HOSTNAME_PLAIN, STR("::1"), "::1", 6);
	good(HOSTNAME_URI, STR("[2001:DB8:0:0:1:0:0:1]"), "2001:db8::1:0:0:1", 6);
	good(HOSTNAME_URI, STR("[2001:db8::0:1]"), "2001:db8::1", 6);
	/* one destination, one spelling */
	good(HOSTNAME_URI, STR("[::ffff:127.0.0.1]"), "127.0.0.1", 4);
	good(HOSTNAME_URI, STR("[::FFFF:7f00:1]"), "127.0.0.1", 4);
	good(HOSTNAME_PLAIN, STR("0:0:0:0:0:ffff:10.0.0.1"), "10.0.0.1", 4);
	/* not mapped: an address of its own */
	good(HOSTNAME_URI, STR("[64:ff9b::10.0.0.1]"), "64:ff9b::a00:1", 6);
}

/* 253 bytes, and the root's dot behind. */
static void longest(char *name)
{
	struct hostname h;

	assert_int_equal(hostname_parse((struct str){ name, 254 }, HOSTNAME_URI, &h), HOSTNAME_OK);
	assert_int_equal(h.n, 253);
	name[253] = '\0';
	good(HOSTNAME_URI, (struct str){ name, 253 }, name, 0);
}

static void spellings_of_attackers_are_refused(void **state)
{
	static char label[65], name[300];

	(void)state;
	bad(HOSTNAME_URI, STR(""), HOSTNAME_E_EMPTY);
	bad(HOSTNAME_URI, STR("."), HOSTNAME_E_LABEL);
	bad(HOSTNAME_URI, STR("a..b"), HOSTNAME_E_LABEL);
	bad(HOSTNAME_URI, STR(".a"), HOSTNAME_E_LABEL);
	bad(HOSTNAME_URI, STR("a.."), HOSTNAME_E_LABEL);
	bad(HOSTNAME_URI, STR("-a.example"), HOSTNAME_E_LABEL);
	bad(HOSTNAME_URI, STR("a-.example"), HOSTNAME_E_LABEL);
	bad(HOSTNAME_URI, STR("evil.example\0.github.com"), HOSTNAME_E_CONTROL);
	bad(HOSTNAME_PLAIN, STR("evil.example\0.github.com"), HOSTNAME_E_CONTROL);
	bad(HOSTNAME_NAME, STR("evil.example\0"), HOSTNAME_E_CONTROL);
	bad(HOSTNAME_URI, STR("a.example\r\nX: y"), HOSTNAME_E_CONTROL);
	bad(HOSTNAME_URI, STR("a.example\t"), HOSTNAME_E_CONTROL);
	bad(HOSTNAME_URI, STR(" a.example"), HOSTNAME_E_CONTROL);
	bad(HOSTNAME_URI, STR("a.example\177"), HOSTNAME_E_CONTROL);
	bad(HOSTNAME_URI, STR("evil.example%00.github.com"), HOSTNAME_E_PERCENT);
	bad(HOSTNAME_URI, STR("good.example@evil.example"), HOSTNAME_E_USERINFO);
	bad(HOSTNAME_URI, STR("b\303\274cher.example"), HOSTNAME_E_UNICODE);
	bad(HOSTNAME_URI, STR("github\343\200\202com"), HOSTNAME_E_UNICODE); /* U+3002 */
	bad(HOSTNAME_URI, STR("a/b"), HOSTNAME_E_CHAR);
	bad(HOSTNAME_URI, STR("a\\b"), HOSTNAME_E_CHAR);
	bad(HOSTNAME_URI, STR("a#b"), HOSTNAME_E_CHAR);
	bad(HOSTNAME_URI, STR("a,b"), HOSTNAME_E_CHAR);
	bad(HOSTNAME_URI, STR("*.example"), HOSTNAME_E_PATTERN);
	bad(HOSTNAME_URI, STR("::1"), HOSTNAME_E_BRACKET);
	bad(HOSTNAME_URI, STR("[::1"), HOSTNAME_E_BRACKET);
	bad(HOSTNAME_URI, STR("[]"), HOSTNAME_E_BRACKET);
	bad(HOSTNAME_URI, STR("["), HOSTNAME_E_BRACKET);
	bad(HOSTNAME_URI, STR("[127.0.0.1]"), HOSTNAME_E_BRACKET);
	bad(HOSTNAME_URI, STR("[example.com]"), HOSTNAME_E_BRACKET);
	bad(HOSTNAME_URI, STR("[v1.a:b]"), HOSTNAME_E_ADDRESS);
	bad(HOSTNAME_URI, STR("[[::1]]"), HOSTNAME_E_ADDRESS);
	bad(HOSTNAME_PLAIN, STR("[::1]"), HOSTNAME_E_ADDRESS);
	bad(HOSTNAME_URI, STR("[fe80::1%25eth0]"), HOSTNAME_E_ZONE);
	bad(HOSTNAME_PLAIN, STR("fe80::1%eth0"), HOSTNAME_E_ZONE);
	bad(HOSTNAME_PLAIN, STR("::ffff:010.0.0.1"), HOSTNAME_E_ADDRESS);
	bad(HOSTNAME_PLAIN, STR("1:2:3:4:5:6:7:8:9"), HOSTNAME_E_ADDRESS);
	bad(HOSTNAME_PLAIN, STR("::1\0"), HOSTNAME_E_ADDRESS);

	memset(label, 'a', sizeof(label) - 1);
	bad(HOSTNAME_URI, (struct str){ label, 64 }, HOSTNAME_E_LONG);
	label[63] = '\0';
	good(HOSTNAME_URI, (struct str){ label, 63 }, label, 0);
	memset(name, 'a', sizeof(name));
	for (size_t i = 1; i < sizeof(name); i += 2)
		name[i] = '.';
	bad(HOSTNAME_URI, (struct str){ name, 255 }, HOSTNAME_E_LONG);
	name[254] = '\0';
	longest(name);
}

static void numbers_are_addresses_or_nothing(void **state)
{
	static const char *const numbers[] = {
		"127.1",       "127.0.1",      "2130706433", "0x7f000001", "0x7f.0.0.1",
		"0177.0.0.1",  "017700000001", "0",          "0x",         "127.0.0.01",
		"127.0.0.0x1", "256.0.0.1",    "1.2.3.4.5",  "1.2.3.4.",   "0X7F.1",
		"example.1",   "a.0x10",       "1.2.3.4.0x", "127.0.0.1.", "00.0.0.0",
		"1.2.3.256",   "4294967296.1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		bad(HOSTNAME_URI, str_of(numbers[i]), HOSTNAME_E_NUMBER);
		bad(HOSTNAME_PLAIN, str_of(numbers[i]), HOSTNAME_E_NUMBER);
		bad(HOSTNAME_NAME, str_of(numbers[i]), HOSTNAME_E_NUMBER);
	}
	/* RFC 6066 3: literal addresses are no server names */
	bad(HOSTNAME_NAME, STR("1.2.3.4"), HOSTNAME_E_ADDRESS);
	bad(HOSTNAME_NAME, STR("::1"), HOSTNAME_E_BRACKET);
	bad(HOSTNAME_NAME, STR("[::1]"), HOSTNAME_E_BRACKET);
}

static void authorities(void **state)
{
	static const struct {
		const char *in;
		uint16_t port_default;
		enum hostname_error error;
		const char *host;
		uint16_t port;
	} rows[] = {
		{ "example.com", 443, HOSTNAME_OK, "example.com", 443 },
		{ "Example.com:8080", 443, HOSTNAME_OK, "example.com", 8080 },
		{ "[::1]:1", 0, HOSTNAME_OK, "::1", 1 },
		{ "[::1]", 80, HOSTNAME_OK, "::1", 80 },
		{ "1.2.3.4:65535", 0, HOSTNAME_OK, "1.2.3.4", 65535 },
		{ "example.com", 0, HOSTNAME_E_PORT, NULL, 0 },
		{ "example.com:", 80, HOSTNAME_E_PORT, NULL, 0 },
		{ "example.com:0", 80, HOSTNAME_E_PORT, NULL, 0 },
		{ "example.com:080", 80, HOSTNAME_E_PORT, NULL, 0 },
		{ "example.com:65536", 80, HOSTNAME_E_PORT, NULL, 0 },
		{ "example.com:+80", 80, HOSTNAME_E_PORT, NULL, 0 },
		{ "example.com:80 ", 80, HOSTNAME_E_PORT, NULL, 0 },
		{ "example.com:80:90", 80, HOSTNAME_E_BRACKET, NULL, 0 },
		{ "::1:80", 80, HOSTNAME_E_BRACKET, NULL, 0 },
		{ "[::1]80", 80, HOSTNAME_E_BRACKET, NULL, 0 },
		{ ":80", 80, HOSTNAME_E_EMPTY, NULL, 0 },
		{ "", 80, HOSTNAME_E_EMPTY, NULL, 0 },
		{ "user@example.com:80", 80, HOSTNAME_E_USERINFO, NULL, 0 },
		{ "user:pw@example.com", 80, HOSTNAME_E_USERINFO, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hostname h = { .n = 0 };
		uint16_t port = 0;
		enum hostname_error error;

		error = hostname_parse_authority(str_of(rows[i].in), rows[i].port_default, &h,
						 &port);
		if (error != rows[i].error)
			fail_msg("'%s': %s", rows[i].in, hostname_error_text(error));
		assert_int_equal(port, rows[i].port);
		assert_string_equal(h.text, rows[i].host ?: "");
	}
}

static bool matches(const char *pattern, const char *host)
{
	struct hostname_pattern p;
	struct hostname h;

	assert_int_equal(hostname_pattern_parse(str_of(pattern), &p), HOSTNAME_OK);
	assert_int_equal(hostname_parse(str_of(host), HOSTNAME_PLAIN, &h), HOSTNAME_OK);
	return hostname_pattern_match(&p, &h);
}

static void patterns_end_at_labels(void **state)
{
	struct hostname_pattern p;

	(void)state;
	assert_true(matches("github.com", "GitHub.com."));
	assert_false(matches("github.com", "api.github.com"));
	assert_false(matches("github.com", "evil-github.com"));
	assert_false(matches("github.com", "github.com.evil.io"));
	assert_true(matches("*.github.com", "api.github.com"));
	assert_true(matches("*.GitHub.com.", "a.b.github.com"));
	assert_false(matches("*.github.com", "github.com"));
	assert_false(matches("*.github.com", "evil-github.com"));
	assert_false(matches("*.github.com", "evilgithub.com"));
	assert_false(matches("*.github.com", "api.github.com.evil.io"));
	assert_true(matches("10.0.0.1", "::ffff:10.0.0.1"));
	assert_true(matches("2001:db8::1", "2001:DB8:0::1"));
	assert_int_equal(hostname_pattern_parse(STR("*"), &p), HOSTNAME_E_PATTERN);
	assert_int_equal(hostname_pattern_parse(STR("*."), &p), HOSTNAME_E_EMPTY);
	assert_int_equal(hostname_pattern_parse(STR("*.*.a"), &p), HOSTNAME_E_PATTERN);
	assert_int_equal(hostname_pattern_parse(STR("a.*.b"), &p), HOSTNAME_E_PATTERN);
	assert_int_equal(hostname_pattern_parse(STR("*a.b"), &p), HOSTNAME_E_PATTERN);
	assert_int_equal(hostname_pattern_parse(STR("*.1.2.3.4"), &p), HOSTNAME_E_PATTERN);
	assert_int_equal(hostname_pattern_parse(STR("*.::1"), &p), HOSTNAME_E_PATTERN);
	assert_int_equal(hostname_pattern_parse(STR("https://a.b"), &p), HOSTNAME_E_ADDRESS);
}

static void addresses_have_a_class(void **state)
{
	static const struct {
		const char *address;
		const char *class;
	} rows[] = {
		{ "8.8.8.8", "public" },
		{ "2606:4700::1111", "public" },
		{ "169.254.169.254", "metadata" },
		{ "fd00:ec2::254", "metadata" },
		{ "100.100.100.200", "metadata" },
		{ "168.63.129.16", "metadata" },
		{ "127.0.0.1", "loopback" },
		{ "127.255.255.254", "loopback" },
		{ "0.0.0.0", "unspecified" },
		{ "0.1.2.3", "unspecified" },
		{ "::", "unspecified" },
		{ "::1", "loopback" },
		{ "::2", "unspecified" },      /* carries 0.0.0.2 */
		{ "::127.0.0.1", "loopback" }, /* compatible */
		{ "::8.8.8.8", "reserved" },
		{ "64:ff9b::127.0.0.1", "loopback" },
		{ "64:ff9b::169.254.169.254", "metadata" },
		{ "64:ff9b::8.8.8.8", "nat64" },
		{ "64:ff9b:1::8.8.8.8", "nat64" },
		{ "2002:7f00:1::", "loopback" },
		{ "2002:a9fe:a9fe::1", "metadata" },
		{ "2002:808:808::1", "6to4" },
		{ "2001:0:102:304::1", "teredo" },
		{ "2001:db8::1", "documentation" },
		{ "2001:2::1", "benchmark" },
		{ "2001:1::1", "reserved" },
		{ "2001:200::1", "public" },
		{ "10.1.2.3", "private" },
		{ "172.15.255.255", "public" },
		{ "172.16.0.0", "private" },
		{ "172.31.255.255", "private" },
		{ "172.32.0.0", "public" },
		{ "192.168.1.1", "private" },
		{ "fc00::1", "private" },
		{ "fdff::1", "private" },
		{ "fec0::1", "private" },
		{ "169.254.1.1", "link-local" },
		{ "fe80::1", "link-local" },
		{ "febf::1", "link-local" },
		{ "100.64.0.1", "cgnat" },
		{ "100.128.0.1", "public" },
		{ "198.18.0.1", "benchmark" },
		{ "198.19.255.255", "benchmark" },
		{ "198.20.0.0", "public" },
		{ "192.0.2.1", "documentation" },
		{ "192.0.0.8", "reserved" },
		{ "192.88.99.1", "6to4" },
		{ "224.0.0.251", "multicast" },
		{ "ff02::fb", "multicast" },
		{ "240.0.0.1", "reserved" },
		{ "255.255.255.255", "broadcast" },
		{ "5f00::1", "reserved" },
		{ "100::1", "reserved" },
		{ "4000::1", "reserved" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cel_addr addr;

		assert_int_equal(cel_addr_parse(str_of(rows[i].address), &addr), CEL_ADDR_OK);
		if (strcmp(addr_class_name(addr_class(&addr)), rows[i].class) != 0)
			fail_msg("%s is %s", rows[i].address, addr_class_name(addr_class(&addr)));
		if (addr.family == 4) { /* the same, mapped */
			struct cel_addr mapped = { 6, 128, { [10] = 0xff, [11] = 0xff } };

			memcpy(mapped.bytes + 12, addr.bytes, 4);
			assert_int_equal(addr_class(&mapped), addr_class(&addr));
			addr_unmap(&mapped);
			assert_memory_equal(&mapped, &addr, sizeof(addr));
		}
	}
	for (int c = 0; c < ADDR_CLASS_N; c++)
		assert_non_null(addr_class_name((enum addr_class)c));
	assert_null(addr_class_name(ADDR_CLASS_N));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_canonical),
		cmocka_unit_test(addresses_become_canonical),
		cmocka_unit_test(spellings_of_attackers_are_refused),
		cmocka_unit_test(numbers_are_addresses_or_nothing),
		cmocka_unit_test(authorities),
		cmocka_unit_test(patterns_end_at_labels),
		cmocka_unit_test(addresses_have_a_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

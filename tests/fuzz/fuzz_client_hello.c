/*
 * ClientHello: the answer does not depend on how the stream is cut, nor on how the message is spread over
 * records; what is found lies in the message.
 */
#include "base/buf.h"
#include "net/client_hello.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

static struct client_hello_room room, other_room;
static char records[2 * CLIENT_HELLO_STREAM_MAX];

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_found(const struct client_hello *h)
{
	struct str rest = h->alpn, protocol;
	size_t n = 0;

	check(h->message.p == (const char *)room.p && h->message.n <= CLIENT_HELLO_MAX);
	while (client_hello_alpn(&rest, &protocol)) {
		check(protocol.n > 0 && protocol.p >= h->message.p &&
		      protocol.p + protocol.n <= h->message.p + h->message.n);
		n += protocol.n + 1;
	}
	check(n == h->alpn.n);
	check(h->tls10 || h->tls11 || h->tls12 || h->tls13);
	if (h->has_name)
		check(h->name.addr.family == 0 && h->name.n > 0);
}

/* The same message in two records. */
static void check_spread(const struct client_hello *h)
{
	struct buf b = buf_fixed(records, sizeof(records));
	size_t half = h->message.n / 2;
	enum client_hello_error error;
	struct client_hello again;

	for (unsigned i = 0; i < 2; i++) {
		struct str part = str_sub(h->message, i ? half : 0, i ? h->message.n : half);

		buf_puts(&b, STR("\26\3\3"));
		buf_putc(&b, (char)(part.n >> 8));
		buf_putc(&b, (char)part.n);
		buf_puts(&b, part);
	}
	check(client_hello_parse(buf_str(&b), &other_room, &again, &error) == 0);
	check(str_eq(again.message, h->message) && again.used == b.n);
	check(again.has_name == h->has_name && hostname_eq(&again.name, &h->name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = { .p = (const char *)data, .n = size };
	enum client_hello_error error = CLIENT_HELLO_OK, early;
	struct client_hello h, part;
	int r, before = -EAGAIN;

	r = client_hello_parse(s, &room, &h, &error);
	check(r == 0 || r == -EAGAIN || (r == -EBADMSG && error != CLIENT_HELLO_OK));
	check(r != -EAGAIN || size < CLIENT_HELLO_STREAM_MAX);
	for (size_t n = 0; n < size; n = 2 * n + 1) {
		int now = client_hello_parse(str_sub(s, 0, n), &other_room, &part, &early);

		check(before == -EAGAIN || now == before); /* decided once */
		check(now == -EAGAIN || (now == r && (r == 0 || early == error)));
		before = now;
	}
	if (r == 0) {
		check(h.used <= size);
		check_found(&h);
		check_spread(&h);
	}
	return 0;
}

#include "sandbox/relay.h"

#include "base/own.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a write may hold when it cannot be told to stop half-way: a pipe that is writable has room
 * for a page, a terminal for less. */
#define BLOCKING_CHUNK 512

int relay_reopen(int fd, int access_mode)
{
	char name[32];
	struct stat st;

	if (fstat(fd, &st) < 0 || !(S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd))))
		return -EBADF;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	fd = open(name, access_mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -EBADF : fd;
}

static void relay_changed(struct relay *relay)
{
	if (relay->changed)
		relay->changed(relay);
}

/* The reader is gone: so is the session's, which gets SIGPIPE from a pipe as it would outside. */
static void relay_break(struct relay *relay)
{
	relay->broken = true;
	buf_reset(&relay->pending);
	relay->written = 0;
	loop_remove(relay->loop, &relay->sink);
	if (!relay->vt) {
		loop_remove(relay->loop, &relay->source);
		relay->source.fd = fd_close(relay->source.fd);
		relay->ended = true;
	}
	relay_changed(relay);
}

static ssize_t sink_write(const struct relay *relay, const char *p, size_t n)
{
	ssize_t r;

	if (!relay->wait_sink)
		return write(relay->sink.fd, p, n);
	r = send(relay->sink.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (r >= 0 || errno != ENOTSOCK)
		return r;
	return write(relay->sink.fd, p, n < BLOCKING_CHUNK ? n : BLOCKING_CHUNK);
}

/* Write what can be written now; @may_write: the sink said that it has room. */
static void relay_flush(struct relay *relay, bool may_write)
{
	while (!relay->broken && relay->written < relay->pending.n) {
		ssize_t n;

		if (relay->wait_sink && !may_write)
			break;
		n = sink_write(relay, relay->pending.p + relay->written,
			       relay->pending.n - relay->written);
		may_write = false;
		if (n > 0)
			relay->written += (size_t)n;
		else if (n == 0 || errno == EAGAIN)
			break;
		else if (errno != EINTR)
			relay_break(relay);
	}
	if (relay->written == relay->pending.n) {
		buf_reset(&relay->pending);
		relay->written = 0;
	}
	(void)loop_modify(relay->loop, &relay->source,
			  relay->pending.n || relay->held ? 0 : EPOLLIN);
	if (relay->pending.n && !relay->sink.added)
		(void)loop_add(relay->loop, &relay->sink);
	else if (!relay->pending.n)
		loop_remove(relay->loop, &relay->sink);
}

/* Within the quota; what is over it is neither passed on nor counted. */
static size_t relay_charge(struct relay *relay, size_t n)
{
	struct relay_quota *quota = relay->quota;

	if (!quota)
		return n;
	if (n > quota->left) {
		n = (size_t)quota->left;
		quota->exceeded = true;
	}
	quota->left -= n;
	return n;
}

static void relay_take(struct relay *relay, const char *p, size_t n)
{
	char answers[VT_REPLY_MAX];
	struct buf reply = buf_fixed(answers, sizeof(answers));
	bool was = relay->quota && relay->quota->exceeded;

	n = relay_charge(relay, n);
	relay->bytes += n;
	if (relay->with_digest)
		blake3_update(&relay->digest, p, n);
	if (relay->broken)
		return;
	if (relay->vt)
		vt_feed(relay->vt, p, n, &relay->pending, &reply);
	else
		buf_put(&relay->pending, p, n);
	if (reply.n && relay->answers)
		relay_input_put(relay->answers, buf_str(&reply));
	if (relay->quota && relay->quota->exceeded && !was)
		relay_changed(relay);
}

/* One read; false when there is nothing to read now, or no more. */
static bool relay_read(struct relay *relay)
{
	char chunk[RELAY_CHUNK];
	ssize_t n;

	if (relay->ended || relay->held || relay->pending.n)
		return false;
	n = read(relay->source.fd, chunk, sizeof(chunk));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) { /* a pty whose last user is gone says EIO */
		relay->ended = true;
		loop_remove(relay->loop, &relay->source);
		relay_changed(relay);
		return false;
	}
	relay_take(relay, chunk, (size_t)n);
	relay_flush(relay, false);
	return true;
}

static int relay_source_ready(struct loop_watch *watch, uint32_t revents)
{
	(void)revents;
	(void)relay_read(loop_owner(watch, struct relay, source));
	return 0;
}

static int relay_sink_ready(struct loop_watch *watch, uint32_t revents)
{
	struct relay *relay = loop_owner(watch, struct relay, sink);

	(void)revents; /* an error shows in the write */
	relay_flush(relay, true);
	return 0;
}

int relay_start(struct relay *relay, struct loop *loop, int source, int sink)
{
	struct stat st;
	int r;

	relay->loop = loop;
	relay->pending = buf_fixed(relay->data, sizeof(relay->data));
	blake3_init(&relay->digest);
	relay->source =
		(struct loop_watch){ .fd = source, .events = EPOLLIN, .fn = relay_source_ready };
	relay->sink = (struct loop_watch){ .fd = relay_reopen(sink, O_WRONLY),
					   .events = EPOLLOUT,
					   .fn = relay_sink_ready };
	relay->own_sink = relay->sink.fd >= 0;
	if (!relay->own_sink) {
		relay->sink.fd = sink;
		relay->wait_sink = fstat(sink, &st) == 0 &&
				   (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(sink));
	}
	r = fcntl(source, F_SETFL, O_RDONLY | O_NONBLOCK);
	return r < 0 ? -errno : loop_add(loop, &relay->source);
}

void relay_hold(struct relay *relay, bool hold)
{
	relay->held = hold;
	if (relay->loop && !relay->ended)
		(void)loop_modify(relay->loop, &relay->source,
				  relay->pending.n || hold ? 0 : EPOLLIN);
}

void relay_drain(struct relay *relay)
{
	while (relay_read(relay))
		;
}

bool relay_pending(const struct relay *relay)
{
	return !relay->broken && relay->pending.n > 0;
}

bool relay_readable(const struct relay *relay)
{
	struct pollfd pfd = { .fd = relay->source.fd, .events = POLLIN };

	return !relay->ended && poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLIN);
}

void relay_finish(struct relay *relay, struct str text, int ms)
{
	buf_puts(&relay->pending, text);
	for (;;) {
		struct pollfd pfd = { .fd = relay->sink.fd, .events = POLLOUT };

		relay_flush(relay, false);
		if (!relay_pending(relay) || poll(&pfd, 1, ms) <= 0)
			return;
		relay_flush(relay, true);
	}
}

void relay_done(struct relay *relay)
{
	loop_remove(relay->loop, &relay->source);
	loop_remove(relay->loop, &relay->sink);
	relay->source.fd = fd_close(relay->source.fd);
	if (relay->own_sink)
		relay->sink.fd = fd_close(relay->sink.fd);
	relay->loop = NULL;
}

static void input_watch(struct relay_input *input)
{
	bool full = !input->divert && input->end - input->start == sizeof(input->data);

	(void)loop_modify(input->loop, &input->source, full ? 0 : EPOLLIN);
	if (input->end > input->start && !input->sink.added)
		(void)loop_add(input->loop, &input->sink);
	else if (input->end == input->start)
		loop_remove(input->loop, &input->sink);
}

static void input_flush(struct relay_input *input)
{
	while (input->start < input->end) {
		ssize_t n = write(input->sink.fd, input->data + input->start,
				  input->end - input->start);

		if (n < 0)
			break; /* full: later; gone: the session's end is near */
		input->start += (size_t)n;
	}
	if (input->start == input->end)
		input->start = input->end = 0;
	input_watch(input);
}

static size_t input_room(struct relay_input *input)
{
	if (input->start) {
		memmove(input->data, input->data + input->start, input->end - input->start);
		input->end -= input->start;
		input->start = 0;
	}
	return sizeof(input->data) - input->end;
}

/* One read; false: there is nothing (more). */
static bool input_read(struct relay_input *input)
{
	char keys[1024];
	size_t room = input->divert ? sizeof(keys) : input_room(input);
	ssize_t n;

	if (!room)
		return false;
	n = read(input->source.fd, input->divert ? keys : input->data + input->end,
		 room < sizeof(keys) ? room : sizeof(keys));
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		input->ended = true;
		relay_input_deaf(input);
	}
	if (n <= 0)
		return false;
	if (input->divert) {
		input->divert(input->divert_owner, keys, (size_t)n);
		return true;
	}
	input->end += (size_t)n;
	input_flush(input);
	return true;
}

static int input_source_ready(struct loop_watch *watch, uint32_t revents)
{
	(void)revents;
	(void)input_read(loop_owner(watch, struct relay_input, source));
	return 0;
}

void relay_input_divert(struct relay_input *input, void (*fn)(void *owner, const char *p, size_t n),
			void *owner)
{
	/* only where asking is free: a terminal that could not be opened again blocks */
	while (fn && !input->divert && input->source.added &&
	       (fcntl(input->source.fd, F_GETFL) & O_NONBLOCK) && input_read(input))
		;
	input->divert = fn;
	input->divert_owner = owner;
	if (input->loop && input->source.fd >= 0)
		input_watch(input);
}

static int input_sink_ready(struct loop_watch *watch, uint32_t revents)
{
	(void)revents;
	input_flush(loop_owner(watch, struct relay_input, sink));
	return 0;
}

int relay_input_start(struct relay_input *input, struct loop *loop, int master)
{
	int fd = fcntl(master, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -errno;
	input->loop = loop;
	input->source =
		(struct loop_watch){ .fd = -EBADF, .events = EPOLLIN, .fn = input_source_ready };
	input->sink = (struct loop_watch){ .fd = fd, .events = EPOLLOUT, .fn = input_sink_ready };
	return 0;
}

int relay_input_listen(struct relay_input *input, int host)
{
	if (input->source.added || input->ended)
		return 0;
	if (input->source.fd < 0)
		input->source.fd = relay_reopen(host, O_RDONLY);
	if (input->source.fd < 0)
		input->source.fd = fcntl(host, F_DUPFD_CLOEXEC, 3);
	return input->source.fd < 0 ? -errno : loop_add(input->loop, &input->source);
}

void relay_input_deaf(struct relay_input *input)
{
	if (input->loop)
		loop_remove(input->loop, &input->source);
}

void relay_input_put(struct relay_input *input, struct str bytes)
{
	if (input_room(input) < bytes.n)
		return;
	memcpy(input->data + input->end, bytes.p, bytes.n);
	input->end += bytes.n;
	input_flush(input);
}

void relay_input_done(struct relay_input *input)
{
	if (!input->loop)
		return;
	loop_remove(input->loop, &input->source);
	loop_remove(input->loop, &input->sink);
	input->source.fd = fd_close(input->source.fd);
	input->sink.fd = fd_close(input->sink.fd);
	input->loop = NULL;
}

/*
 * Theory of operation
 *
 * A client's output buffer takes what it asked for one question at a time: the list, and for those who
 * watch what opened since, are told from a cursor (ids only grow) whenever there is room for the longest
 * question. So neither a long list nor a slow reader makes anything grow. What closes is told at once, in a
 * line of bounded length; a client whose buffer does not take that has not read for long, and is dropped.
 *
 * A client may be dropped from within any of these: its slot stays where it is and .control becomes NULL, which
 * is looked at after every call that can do so.
 */
#include "mediate/control.h"

#include "base/file.h"
#include "base/own.h"
#include "mediate/ask_json.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct client {
	struct control *control; /* NULL: unused */
	struct loop_watch watch;
	struct ucred peer;
	bool greeted, watching, listing;
	bool ending;           /* once what waits is sent */
	uint64_t told, listed; /* ids up to these */
	size_t n_in, out_start, out_end;
	char in[CONTROL_LINE_MAX];
	char out[CONTROL_OUT_MAX];
};

struct control {
	struct control_options o;
	struct loop *loop;
	struct loop_watch listener;
	struct ask_front front;
	int dir;
	char name[48], key_name[48], key[CONTROL_KEY_LEN];
	char reloaded[CONTROL_OUT_MAX / 4];
	struct client clients[CONTROL_CLIENTS_MAX];
};

/* ---- output ---- */

static void control_attend(struct control *c)
{
	bool any = false;

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		any |= c->clients[i].control && c->clients[i].watching;
	asks_attend(c->o.asks, &c->front, any);
}

static void control_drop(struct client *client)
{
	struct control *c = client->control;

	if (!c)
		return;
	loop_remove(c->loop, &client->watch);
	client->watch.fd = fd_close(client->watch.fd);
	client->control = NULL;
	control_attend(c);
}

static void client_watch(struct client *client)
{
	bool takes = !client->ending && client->n_in < sizeof(client->in);

	(void)loop_modify(client->control->loop, &client->watch,
			  (takes ? EPOLLIN : 0) | (client->out_end ? EPOLLOUT : 0));
}

/* Send what waits; false: the client is gone. */
static bool client_flush(struct client *client)
{
	while (client->out_start < client->out_end) {
		ssize_t n = send(client->watch.fd, client->out + client->out_start,
				 client->out_end - client->out_start, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			control_drop(client);
			return false;
		}
		if (n < 0)
			break;
		client->out_start += (size_t)n;
	}
	if (client->out_start == client->out_end)
		client->out_start = client->out_end = 0;
	if (client->ending && !client->out_end) {
		control_drop(client);
		return false;
	}
	client_watch(client);
	return true;
}

static struct buf client_room(struct client *client)
{
	memmove(client->out, client->out + client->out_start, client->out_end - client->out_start);
	client->out_end -= client->out_start;
	client->out_start = 0;
	return buf_fixed(client->out + client->out_end, sizeof(client->out) - client->out_end);
}

/* One whole line, or none; false: there was no room. */
static bool client_take(struct client *client, struct buf *line)
{
	buf_putc(line, '\n');
	if (buf_error(line))
		return false;
	client->out_end += line->n;
	return true;
}

static bool put_ask(struct client *client, const char *key, const struct ask *ask)
{
	struct buf line = client_room(client);
	struct json_wr w = json_wr_init(&line);
	uint64_t now = asks_now_ms(client->control->o.asks);

	json_object(&w);
	json_key(&w, key);
	json_object(&w);
	ask_put_json(ask, &now, &w);
	json_end_object(&w);
	json_end_object(&w);
	return client_take(client, &line);
}

static bool put_listed(struct client *client, unsigned open)
{
	struct buf line = client_room(client);
	struct json_wr w = json_wr_init(&line);

	json_object(&w);
	json_key(&w, "ok");
	json_bool(&w, true);
	json_key(&w, "open");
	json_u64(&w, open);
	json_end_object(&w);
	return client_take(client, &line);
}

/* What it asked for and is still to be told, as far as there is room. */
static void client_pump(struct client *client)
{
	struct asks *asks = client->control->o.asks;
	const struct ask *ask;

	while (client->listing) {
		ask = asks_next(asks, client->listed);
		if (ask ? !put_ask(client, "ask", ask)
			: !put_listed(client, asks_counts(asks)->open))
			break;
		client->listing = ask != NULL;
		client->listed = ask ? ask->id : client->listed;
	}
	while (client->watching && (ask = asks_next(asks, client->told))) {
		if (!put_ask(client, "opened", ask))
			break;
		client->told = ask->id;
	}
	(void)client_flush(client);
}

static void front_changed(struct ask_front *front, const struct ask *ask, bool opened)
{
	struct control *c = loop_owner(front, struct control, front);

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &c->clients[i];
		struct buf line;
		struct json_wr w;

		if (!client->control || !client->watching)
			continue;
		if (!opened && ask->id <= client->told) {
			line = client_room(client);
			w = json_wr_init(&line);
			json_object(&w);
			json_key(&w, "closed");
			json_object(&w);
			ask_put_outcome(ask, &w);
			json_end_object(&w);
			json_end_object(&w);
			if (!client_take(client, &line)) {
				control_drop(client);
				continue;
			}
		}
		client_pump(client);
	}
}

/* ---- requests ---- */

/* {"ok":...,  with the rest to come. */
static void reply_begin(struct client *client, bool ok, struct buf *line, struct json_wr *w)
{
	*line = client_room(client);
	*w = json_wr_init(line);
	json_object(w);
	json_key(w, "ok");
	json_bool(w, ok);
}

static void reply_end(struct client *client, struct buf *line, struct json_wr *w)
{
	json_end_object(w);
	if (!client_take(client, line))
		control_drop(client);
}

static void reply_error(struct client *client, const char *text)
{
	struct json_wr w;
	struct buf line;

	reply_begin(client, false, &line, &w);
	json_key(&w, "error");
	json_strz(&w, text);
	reply_end(client, &line, &w);
}

static void do_hello(struct client *client, const struct control_request *r)
{
	struct control *c = client->control;
	unsigned differs = 0;
	struct json_wr w;
	struct buf line;

	for (size_t i = 0; i < CONTROL_KEY_LEN; i++)
		differs |= (unsigned char)(r->key.p[i] ^ c->key[i]);
	if (differs || r->version != CONTROL_VERSION) {
		reply_error(client, differs ? "that is not the key of this session"
					    : "only version 1 is spoken here");
		client->ending = true;
		return;
	}
	client->greeted = true;
	reply_begin(client, true, &line, &w);
	json_key(&w, "version");
	json_u64(&w, CONTROL_VERSION);
	json_key(&w, "session");
	json_strz(&w, c->o.session);
	json_key(&w, "pid");
	json_i64(&w, getpid());
	reply_end(client, &line, &w);
}

static void do_status(struct client *client, const struct control_request *r)
{
	const struct asks_counts *n = asks_counts(client->control->o.asks);
	const struct {
		const char *key;
		uint64_t value;
	} counts[] = { { "open", n->open },
		       { "waiting", n->waiting },
		       { "prompts", n->prompts },
		       { "joined", n->joined },
		       { "remembered", n->remembered },
		       { "by_default", n->by_default },
		       { "allowed", n->allowed },
		       { "denied", n->denied },
		       { "expired", n->expired },
		       { "gone", n->gone },
		       { "refused", n->refused_busy + n->refused_rate + n->refused_big } };
	struct json_wr w;
	struct buf line;

	(void)r;
	reply_begin(client, true, &line, &w);
	json_key(&w, "session");
	json_strz(&w, client->control->o.session);
	json_key(&w, "asks");
	json_object(&w);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		json_key(&w, counts[i].key);
		json_u64(&w, counts[i].value);
	}
	json_end_object(&w);
	if (client->control->o.status)
		client->control->o.status(client->control->o.owner, &w);
	reply_end(client, &line, &w);
}

static void do_asks(struct client *client, const struct control_request *r)
{
	(void)r;
	client->listing = true;
	client->listed = 0;
}

static void do_watch(struct client *client, const struct control_request *r)
{
	(void)r;
	client->watching = true;
	control_attend(client->control);
	if (!put_listed(client, asks_counts(client->control->o.asks)->open))
		control_drop(client);
}

static void do_answer(struct client *client, const struct control_request *r)
{
	struct ask_reply reply = { .allow = r->allow,
				   .scope = r->scope,
				   .wider = r->wider,
				   .by = ASK_BY_CONTROL,
				   .pid = client->peer.pid,
				   .uid = client->peer.uid };
	struct ask_outcome out;
	struct json_wr w;
	struct buf line;

	if (asks_answer(client->control->o.asks, r->id, &reply, &out) < 0) {
		reply_error(client, "no question of that number is open");
		return;
	}
	if (!client->control)
		return; /* it was told of the end, and does not read */
	reply_begin(client, true, &line, &w);
	json_key(&w, "scope");
	json_strz(&w, rule_scope_name[out.reply.scope]);
	json_key(&w, "narrow");
	json_bool(&w, !out.reply.wider);
	if (out.note[0]) {
		json_key(&w, "note");
		json_strz(&w, out.note);
	}
	reply_end(client, &line, &w);
}

static void do_reload(struct client *client, const struct control_request *r)
{
	struct control *c = client->control;
	struct buf room = buf_fixed(c->reloaded, sizeof(c->reloaded)), line;
	struct json_wr members = json_wr_init(&room), w;
	struct err err = ERR_INIT;
	int r_reload;

	(void)r;
	if (!c->o.reload) {
		reply_error(client, "this session's policy cannot be loaded again");
		return;
	}
	/* it may tell clients of other things meanwhile: their buffers are not ours until it is through */
	json_object(&members);
	r_reload = c->o.reload(c->o.owner, &members, &err);
	json_end_object(&members);
	if (!client->control)
		return;
	if (r_reload < 0 || buf_error(&room)) {
		reply_error(client, r_reload < 0 ? err.text : "loaded, but the reply is too long");
		return;
	}
	reply_begin(client, true, &line, &w);
	json_key(&w, "reload");
	json_raw(&w, buf_str(&room));
	reply_end(client, &line, &w);
}

/* Nothing but a greeting comes first; who is greeted may do all. */
static void (*const verbs[CONTROL_VERB_N])(struct client *, const struct control_request *) = {
	[CONTROL_HELLO] = do_hello, [CONTROL_STATUS] = do_status, [CONTROL_ASKS] = do_asks,
	[CONTROL_WATCH] = do_watch, [CONTROL_ANSWER] = do_answer, [CONTROL_RELOAD] = do_reload,
};

static void client_line(struct client *client, struct str line)
{
	struct control_request request;
	struct err err = ERR_INIT;

	if (control_request_read(line, &request, &err) < 0)
		reply_error(client, err.text);
	else if (client->greeted == (request.verb == CONTROL_HELLO))
		reply_error(client, client->greeted ? "there was a greeting already"
						    : "a greeting comes first");
	else
		verbs[request.verb](client, &request);
	if (client->control && !client->greeted)
		client->ending = true;
}

/* The lines that are there, as long as there is room for answers. */
static void client_lines(struct client *client)
{
	size_t at = 0;

	while (client->control && !client->ending && !client->listing &&
	       client->out_end - client->out_start <= CONTROL_OUT_MAX / 2) {
		char *end = memchr(client->in + at, '\n', client->n_in - at);

		if (!end)
			break;
		client_line(client,
			    (struct str){ client->in + at, (size_t)(end - client->in) - at });
		at = (size_t)(end - client->in) + 1;
		if (client->control)
			client_pump(client);
	}
	if (!client->control)
		return;
	memmove(client->in, client->in + at, client->n_in - at);
	client->n_in -= at;
	if (client->n_in == sizeof(client->in) && !memchr(client->in, '\n', client->n_in)) {
		reply_error(client, "a line of more than 4096 bytes");
		client->ending = true;
		(void)client_flush(client);
	}
}

static int client_ready(struct loop_watch *watch, uint32_t revents)
{
	struct client *client = loop_owner(watch, struct client, watch);
	size_t room = sizeof(client->in) - client->n_in;
	ssize_t n = 1;

	if (revents & EPOLLOUT)
		client_pump(client);
	if (client->control && (revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) && room) {
		n = recv(watch->fd, client->in + client->n_in, room, MSG_DONTWAIT);
		if (n > 0)
			client->n_in += (size_t)n;
	}
	if (client->control && (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)))
		control_drop(client);
	if (client->control)
		client_lines(client);
	if (client->control)
		client_watch(client);
	return 0;
}

/* ---- coming and going ---- */

/* Where all are taken, one that has not said who it is makes room. */
static struct client *client_slot(struct control *c)
{
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (!c->clients[i].control)
			return &c->clients[i];
	}
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (c->clients[i].greeted)
			continue;
		control_drop(&c->clients[i]);
		return &c->clients[i];
	}
	return NULL;
}

static int accept_ready(struct loop_watch *watch, uint32_t revents)
{
	struct control *c = loop_owner(watch, struct control, listener);
	AUTO(fd_closep) int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;
	struct ucred peer;
	socklen_t n = sizeof(peer);

	(void)revents;
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return 0;
	if (peer.uid != geteuid() && peer.uid != 0)
		return 0;
	client = client_slot(c);
	if (!client)
		return 0;
	client->control = c;
	client->greeted = client->watching = client->listing = client->ending = false;
	client->told = client->listed = 0;
	client->n_in = client->out_start = client->out_end = 0;
	client->peer = peer;
	client->watch = (struct loop_watch){ .fd = fd, .events = EPOLLIN, .fn = client_ready };
	if (loop_add(c->loop, &client->watch) < 0) {
		client->control = NULL;
		return 0;
	}
	(void)take_fd(&fd);
	return 0;
}

static int make_key(struct control *c)
{
	uint8_t random[CONTROL_KEY_LEN / 2];
	struct buf hex = buf_fixed(c->key, sizeof(c->key));
	AUTO(fd_closep)
	int fd = openat(c->dir, c->key_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);

	if (fd < 0 || getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -errno;
	buf_put_hex(&hex, random, sizeof(random));
	return fd_write_all(fd, c->key, sizeof(c->key));
}

/*
 * Under a name of its own until it listens: so one that refuses under its final name belongs to a
 * session that is no more. The way through our own descriptor is for folders deeper than an address holds.
 */
static int make_socket(struct control *c)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char name[64];
	AUTO(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(name, sizeof(name), ".%s", c->name);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/%s", c->dir, name);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&un, sizeof(un)) < 0)
		return -errno;
	if (fchmodat(c->dir, name, 0600, 0) < 0 || listen(fd, CONTROL_CLIENTS_MAX) < 0 ||
	    renameat(c->dir, name, c->dir, c->name) < 0) {
		int error = -errno;

		(void)unlinkat(c->dir, name, 0);
		return error;
	}
	c->listener =
		(struct loop_watch){ .fd = take_fd(&fd), .events = EPOLLIN, .fn = accept_ready };
	return loop_add(c->loop, &c->listener);
}

/* STATE/run, ours and nobody else's. */
static int open_folder(const char *state_dir)
{
	AUTO(fd_closep) int state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(fd_closep) int dir = -EBADF;
	struct stat st;

	if (state < 0 || (mkdirat(state, CONTROL_FOLDER, 0700) < 0 && errno != EEXIST))
		return -errno;
	dir = openat(state, CONTROL_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 077 && fchmod(dir, 0700) < 0))
		return -EPERM;
	return take_fd(&dir);
}

int control_open(const struct control_options *options, struct loop *loop, struct control **ret,
		 struct err *err)
{
	struct control *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(err, ENOMEM, "control socket");
	c->o = *options;
	c->loop = loop;
	c->listener.fd = -EBADF;
	c->front.changed = front_changed;
	(void)snprintf(c->name, sizeof(c->name), "%.32s.sock", options->session);
	(void)snprintf(c->key_name, sizeof(c->key_name), "%.32s.key", options->session);
	c->dir = open_folder(options->state_dir);
	r = c->dir < 0 ? c->dir : make_key(c);
	if (r == 0)
		r = make_socket(c);
	asks_attach(c->o.asks, &c->front);
	if (r < 0) {
		(void)control_close(c);
		return err_set(err, -r, "control socket in '%s/" CONTROL_FOLDER "'",
			       options->state_dir);
	}
	*ret = c;
	return 0;
}

struct control *control_close(struct control *c)
{
	if (!c)
		return NULL;
	asks_detach(c->o.asks, &c->front);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control_drop(&c->clients[i]);
	loop_remove(c->loop, &c->listener);
	if (c->listener.fd >= 0)
		(void)unlinkat(c->dir, c->name, 0);
	if (c->dir >= 0)
		(void)unlinkat(c->dir, c->key_name, 0);
	c->listener.fd = fd_close(c->listener.fd);
	c->dir = fd_close(c->dir);
	free(c);
	return NULL;
}

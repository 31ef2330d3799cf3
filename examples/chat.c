/* SPDX-License-Identifier: MIT */
/*
 * A chat for many users, in rooms: server and client, on `struct weft_net`, so both run on a weft
 * stack and on the host's kernel.
 *
 *	chat                        tries itself out: see main()
 *	chat serve ADDRESS:PORT     a server on the host
 *	chat ADDRESS:PORT NAME      a client there: standard input and output
 *
 * The protocol is lines of text, so a client can be netcat too:
 *
 *	NICK name     who I am: letters, digits, '-', '_'; before anything else, and once
 *	JOIN room     where I am: one room at a time, the same letters; "hall" at first
 *	SAY text      to all others in my room, who read "room name: text"
 *	WHO           who is in my room
 *	QUIT
 *
 *	OK ...        it has been done
 *	ERR ...       it has not, and why
 *
 * Bounds: CHAT_USERS_MAX users; lines of CHAT_LINE_MAX bytes, of visible characters; what waits for
 * a user is at most CHAT_OUT_MAX bytes. Who reads so slowly that it does not suffice is put out, so
 * that one of them cannot hold up the others or fill the memory. A user who sends nothing within
 * CHAT_NAME_NS after connecting goes, too.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "nets.h"

enum {
	CHAT_USERS_MAX = 256,
	CHAT_NAME_MAX = 16,
	CHAT_LINE_MAX = 512,
	CHAT_OUT_MAX = 16384,
	CHAT_SNDBUF = 32768, /* behind it, in the socket */
	CHAT_BATCH = 16,     /* reads of a user before others have their turn */
};
static const int64_t CHAT_NAME_NS = INT64_C(10000000000);

/* ---- Lines in, bytes out: what server and client have in common ---- */

struct line_io {
	const struct weft_net_ops *ops;
	struct weft_sock *sock;
	size_t in_len, out_len;
	bool is_skipping; /* the rest of a line that was too long */
	char in[CHAT_LINE_MAX];
	char out[CHAT_OUT_MAX];
};

/* -EAGAIN: the rest waits; or why it cannot be sent. */
static int io_flush(struct line_io *io)
{
	while (io->out_len) {
		ptrdiff_t n = io->ops->send(io->sock, io->out, io->out_len, 0);

		if (n < 0)
			return (int)n;
		io->out_len -= (size_t)n;
		memmove(io->out, io->out + n, io->out_len);
	}
	return 0;
}

/* -ENOBUFS: too much waits. */
__attribute__((format(printf, 2, 3))) static int io_print(struct line_io *io, const char *format,
							  ...)
{
	size_t room = sizeof(io->out) - io->out_len;
	va_list args;
	int n, err;

	va_start(args, format);
	n = vsnprintf(io->out + io->out_len, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		return -ENOBUFS;
	io->out_len += (size_t)n;
	err = io_flush(io);
	return err == -EAGAIN ? 0 : err;
}

/* Calls `fn` for each line there is, without its end; a line that is too long is NULL. 0: more may
 * come; -EAGAIN; -EPIPE: no more; or what `fn` or the network said. */
static int io_lines(struct line_io *io, int (*fn)(void *arg, char *line), void *arg)
{
	ptrdiff_t n = io->ops->recv(io->sock, io->in + io->in_len, sizeof(io->in) - io->in_len, 0);
	char *end;
	int err = 0;

	if (n <= 0)
		return n ? (int)n : -EPIPE;
	io->in_len += (size_t)n;
	while (!err && (end = memchr(io->in, '\n', io->in_len))) {
		size_t len = (size_t)(end - io->in) + 1;

		*end = '\0';
		if (end > io->in && end[-1] == '\r')
			end[-1] = '\0';
		if (!io->is_skipping)
			err = fn(arg, io->in);
		io->is_skipping = false;
		io->in_len -= len;
		memmove(io->in, io->in + len, io->in_len);
	}
	if (!err && io->in_len == sizeof(io->in)) {
		err = io->is_skipping ? 0 : fn(arg, NULL);
		io->is_skipping = true;
		io->in_len = 0;
	}
	return err;
}

/* ---- The server ---- */

struct chat;

struct user {
	struct chat *chat;
	struct user *next;
	struct weft_timer
		*timer; /* to put out who has no name, or is too slow: not while others speak */
	bool is_slow;
	char name[CHAT_NAME_MAX + 1]; /* "": not said yet */
	char room[CHAT_NAME_MAX + 1];
	struct line_io io;
};

struct chat {
	struct weft_net net;
	struct weft_sock *listener;
	struct user *users;
	uint32_t n_users;
	uint32_t n_refused, n_too_slow, n_nameless; /* figures */
};

static void user_free(struct user *u)
{
	struct user **at = &u->chat->users;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	u->chat->n_users--;
	weft_timer_free(u->timer);
	u->io.ops->close(u->io.sock);
	free(u);
}

/* Says a line to all others of the user's room. Who cannot take it is put out later, by the timer:
 * this walks over the list. */
static void room_say(const struct user *from, const char *what, const char *text)
{
	for (struct user *u = from->chat->users; u; u = u->next) {
		if (u == from || u->is_slow || strcmp(u->room, from->room) != 0)
			continue;
		if (io_print(&u->io, "%s %s%s%s\n", from->room, from->name, what, text)) {
			u->is_slow = true;
			weft_timer_start(u->timer, weft_engine_now_ns(u->chat->net.eng));
		}
	}
}

static bool is_name(const char *text)
{
	size_t len =
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return len > 0 && len <= CHAT_NAME_MAX && !text[len];
}

static int cmd_nick(struct user *u, const char *name)
{
	if (u->name[0])
		return io_print(&u->io, "ERR you are %s\n", u->name);
	if (!is_name(name))
		return io_print(&u->io, "ERR a name has 1 to %d letters, digits, - or _\n",
				CHAT_NAME_MAX);
	for (const struct user *v = u->chat->users; v; v = v->next)
		if (!strcmp(v->name, name))
			return io_print(&u->io, "ERR there is a %s already\n", name);
	weft_timer_stop(u->timer);
	memcpy(u->name, name, strlen(name) + 1);
	memcpy(u->room, "hall", sizeof("hall"));
	room_say(u, " is here", "");
	return io_print(&u->io, "OK you are %s, in hall\n", name);
}

static int cmd_join(struct user *u, const char *room)
{
	if (!is_name(room))
		return io_print(&u->io, "ERR a room has 1 to %d letters, digits, - or _\n",
				CHAT_NAME_MAX);
	room_say(u, " has left", "");
	memcpy(u->room, room, strlen(room) + 1);
	room_say(u, " is here", "");
	return io_print(&u->io, "OK in %s\n", room);
}

static int cmd_say(struct user *u, const char *text)
{
	if (!*text)
		return io_print(&u->io, "ERR say what?\n");
	room_say(u, ": ", text);
	return io_print(&u->io, "OK\n");
}

static int cmd_who(struct user *u, const char *rest)
{
	int err = 0;

	(void)rest;
	for (const struct user *v = u->chat->users; v && !err; v = v->next)
		if (!strcmp(v->room, u->room))
			err = io_print(&u->io, "%s %s\n", v->room, v->name);
	return err ? err : io_print(&u->io, "OK\n");
}

static int cmd_quit(struct user *u, const char *rest)
{
	(void)rest;
	(void)io_print(&u->io, "OK bye\n");
	return -EPIPE;
}

static const struct {
	const char *word;
	bool is_for_strangers;
	int (*fn)(struct user *u, const char *rest);
} cmds[] = {
	{"NICK", true, cmd_nick}, {"JOIN", false, cmd_join}, {"SAY", false, cmd_say},
	{"WHO", false, cmd_who},  {"QUIT", true, cmd_quit},
};

/* No control characters: they would move the cursor on the terminals of others. UTF-8 is fine. */
static bool is_visible(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static int user_line(void *arg, char *line)
{
	struct user *u = arg;
	size_t len;

	if (!line)
		return io_print(&u->io, "ERR a line has at most %d bytes\n", CHAT_LINE_MAX - 1);
	if (!is_visible(line))
		return io_print(&u->io, "ERR visible characters only\n");
	len = strcspn(line, " ");
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		if (strlen(cmds[i].word) != len || memcmp(cmds[i].word, line, len) != 0)
			continue;
		if (!u->name[0] && !cmds[i].is_for_strangers)
			return io_print(&u->io, "ERR NICK first\n");
		return cmds[i].fn(u, line + len + (line[len] == ' '));
	}
	return io_print(&u->io, "ERR NICK, JOIN, SAY, WHO or QUIT\n");
}

static void user_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct user *u = arg;
	int err = io_flush(&u->io);
	int i = 0;

	(void)events;
	if (err == -EAGAIN)
		err = 0;
	while (!err && i++ < CHAT_BATCH)
		err = io_lines(&u->io, user_line, u);
	if (!err) /* more may wait: set again, the callback comes once more */
		u->io.ops->on_event(s, user_ready, u);
	if (!err || err == -EAGAIN)
		return;
	if (u->name[0])
		room_say(u, " has left", "");
	user_free(u);
}

static void user_timer(void *arg)
{
	struct user *u = arg;

	if (u->is_slow) {
		u->chat->n_too_slow++;
		room_say(u, " was too slow", "");
	} else {
		u->chat->n_nameless++;
	}
	user_free(u);
}

static void user_new(struct chat *chat, struct weft_sock *s)
{
	struct user *u = chat->n_users < CHAT_USERS_MAX ? calloc(1, sizeof(*u)) : NULL;
	const int sndbuf = CHAT_SNDBUF;

	if (u)
		u->timer = weft_timer_new(chat->net.eng, user_timer, u);
	if (!u || !u->timer ||
	    chat->net.ops->setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, &sndbuf,
				      sizeof(sndbuf))) {
		if (u)
			weft_timer_free(u->timer);
		free(u);
		chat->n_refused++;
		chat->net.ops->abort(s);
		return;
	}
	u->chat = chat;
	u->io.ops = chat->net.ops;
	u->io.sock = s;
	u->next = chat->users;
	chat->users = u;
	chat->n_users++;
	weft_timer_start(u->timer, weft_engine_now_ns(chat->net.eng) + CHAT_NAME_NS);
	chat->net.ops->on_event(s, user_ready, u);
}

static void chat_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct chat *chat = arg;
	struct weft_sock *user;

	(void)events;
	while (chat->net.ops->accept(s, &user, NULL) == 0)
		user_new(chat, user);
}

static int chat_start(struct chat *chat, const struct weft_net *net, const struct weft_sockaddr *at)
{
	const int one = 1;
	int err;

	*chat = (struct chat){.net = *net};
	err = net->ops->socket(net, at->addr.family, WEFT_SOCK_STREAM, 0, &chat->listener);
	if (err)
		return err;
	err = net->ops->setsockopt(chat->listener, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, &one,
				   sizeof(one));
	if (!err)
		err = net->ops->bind(chat->listener, at);
	if (!err)
		err = net->ops->listen(chat->listener, 128);
	if (!err)
		net->ops->on_event(chat->listener, chat_ready, chat);
	return err;
}

static void chat_end(struct chat *chat)
{
	for (struct user *u = chat->users, *next; u; u = next) {
		next = u->next;
		user_free(u);
	}
	if (chat->listener)
		chat->net.ops->close(chat->listener);
}

/* ---- The client ---- */

struct client {
	bool is_connected, is_over, is_deaf; /* deaf: does not read, for trials */
	int err;
	/* Each line that comes. */
	void (*fn)(void *arg, const char *line);
	void *arg;
	struct line_io io;
};

static int client_line(void *arg, char *line)
{
	struct client *c = arg;

	if (line)
		c->fn(c->arg, line);
	return 0;
}

static void client_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct client *c = arg;
	size_t len = sizeof(int);
	int err = 0;

	if (!c->is_connected && (events & (WEFT_OUT | WEFT_ERR | WEFT_HUP))) {
		int why = 0;

		err = c->io.ops->getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &why, &len);
		err = err ? err : -why;
		c->is_connected = !err;
	}
	if (!err)
		err = io_flush(&c->io);
	if (err == -EAGAIN || err == -ENOTCONN)
		err = 0;
	while (!err && c->is_connected && !c->is_deaf)
		err = io_lines(&c->io, client_line, c);
	if (err && err != -EAGAIN) {
		c->is_over = true;
		c->err = err;
	}
}

static int client_start(struct client *c, const struct weft_net *net,
			const struct weft_sockaddr *to)
{
	int err;

	c->io.ops = net->ops;
	err = net->ops->socket(net, to->addr.family, WEFT_SOCK_STREAM, 0, &c->io.sock);
	if (err)
		return err;
	net->ops->on_event(c->io.sock, client_ready, c);
	err = net->ops->connect(c->io.sock, to);
	return err == -EINPROGRESS ? 0 : err;
}

/* A line, sent as soon as it can be. 0; -ENOBUFS: too much waits. */
static int client_say(struct client *c, const char *word, const char *text)
{
	int err = io_print(&c->io, "%s%s%s\n", word, *text ? " " : "", text);

	return err == -ENOTCONN ? 0 : err; /* not yet: it waits in io.out */
}

static void client_end(struct client *c)
{
	if (c->io.sock)
		c->io.ops->close(c->io.sock);
	c->io.sock = NULL;
}

/* ---- Trying it out ---- */

enum {
	N_USERS = 30,
	N_ROOMS = 3,
	N_LINES = 20,
	N_HEARD = (N_USERS / N_ROOMS - 1) * N_LINES,
	N_BAD = 8,
};

/* A user of the trial, who says N_LINES lines and counts what the others of the room say. */
struct guest {
	struct trial *trial;
	int index, n_ok, n_heard, n_said, n_err;
	int next[N_USERS]; /* the line that each of the others says next */
	bool is_wrong;
	struct client client;
};

struct trial {
	struct nets *nets;
	struct chat chat;
	struct guest guests[N_USERS], bad, slow;
};

static void guest_line(void *arg, const char *line)
{
	struct guest *g = arg;
	int room, who, n;

	if (!strncmp(line, "OK", 2))
		g->n_ok++;
	else if (!strncmp(line, "ERR", 3))
		g->n_err++;
	else if (sscanf(line, "room%d guest%d: line %d", &room, &who, &n) == 3) {
		g->n_heard++;
		g->is_wrong |= room != g->index % N_ROOMS || who < 0 || who >= N_USERS ||
			       g->next[who]++ != n;
	}
}

static bool all_are_in(void *arg)
{
	const struct trial *t = arg;

	for (int i = 0; i < N_USERS; i++)
		if (t->guests[i].n_ok < 2)
			return false;
	return true;
}

static bool all_is_heard(void *arg)
{
	struct trial *t = arg;
	bool all = true;

	for (int i = 0; i < N_USERS; i++) {
		struct guest *g = &t->guests[i];
		char text[32];

		/* One line at a time: the next when this one has been taken. */
		if (g->n_said < N_LINES && g->n_ok == 2 + g->n_said) {
			(void)snprintf(text, sizeof(text), "line %d", g->n_said++);
			g->is_wrong |= client_say(&g->client, "SAY", text) != 0;
		}
		all &= g->n_ok == 2 + N_LINES && g->n_heard == N_HEARD;
	}
	return all;
}

static bool bad_is_answered(void *arg)
{
	const struct trial *t = arg;

	return t->bad.n_err == N_BAD && t->bad.n_ok == 1;
}

static bool slow_is_out(void *arg)
{
	struct trial *t = arg;
	struct guest *g = &t->guests[0];
	char text[CHAT_LINE_MAX - 8];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	if (g->n_ok == 2 + g->n_said) {
		g->n_said++;
		(void)client_say(&g->client, "SAY", text);
	}
	return t->chat.n_too_slow > 0;
}

static int guest_start(struct trial *t, struct guest *g, const struct weft_sockaddr *to)
{
	g->trial = t;
	g->client.fn = guest_line;
	g->client.arg = g;
	return client_start(&g->client, &t->nets->net[0], to);
}

/* Thirty users in three rooms: each hears all that is said in its own, in order, and nothing else.
 */
static int many_try(struct trial *t, const struct weft_sockaddr *to)
{
	int err = 0;

	for (int i = 0; i < N_USERS && !err; i++) {
		struct guest *g = &t->guests[i];
		char name[32], room[32];

		g->index = i;
		(void)snprintf(name, sizeof(name), "guest%d", i);
		(void)snprintf(room, sizeof(room), "room%d", i % N_ROOMS);
		err = guest_start(t, g, to);
		if (!err)
			err = client_say(&g->client, "NICK", name);
		if (!err)
			err = client_say(&g->client, "JOIN", room);
	}
	if (!err)
		err = nets_run(t->nets, all_are_in, t, 60);
	if (!err)
		err = nets_run(t->nets, all_is_heard, t, 300);
	for (int i = 0; i < N_USERS && !err; i++)
		err = t->guests[i].is_wrong ? -EBADMSG : 0;
	return err;
}

/* Each of these is answered with ERR, and the connection goes on. */
static int bad_try(struct trial *t, const struct weft_sockaddr *to)
{
	char text[2 * CHAT_LINE_MAX];
	struct client *c = &t->bad.client;
	int err = guest_start(t, &t->bad, to);

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	if (err || client_say(c, "SAY", "before NICK") || client_say(c, "HELLO", "") ||
	    client_say(c, "NICK", "guest0") || client_say(c, "NICK", "") ||
	    client_say(c, "NICK", "a name") || client_say(c, "SAY", text) ||
	    client_say(c, "SAY", "\033[2J") || client_say(c, "NICK", "nobody") ||
	    client_say(c, "JOIN", "../.."))
		return err ? err : -ENOBUFS;
	return nets_run(t->nets, bad_is_answered, t, 60);
}

/* One that does not read is put out, and the others do not notice. */
static int slow_try(struct trial *t, const struct weft_sockaddr *to)
{
	const int small = 4096;
	int err = guest_start(t, &t->slow, to);

	t->slow.client.is_deaf = true;
	if (!err)
		err = t->nets->net[0].ops->setsockopt(t->slow.client.io.sock, WEFT_SOL_SOCKET,
						      WEFT_SO_RCVBUF, &small, sizeof(small));
	if (!err)
		err = client_say(&t->slow.client, "NICK", "slow");
	if (!err)
		err = client_say(&t->slow.client, "JOIN", "room0");
	if (!err)
		err = nets_run(t->nets, slow_is_out, t, 600);
	return err ? err : t->chat.n_users != N_USERS + 1 ? -EBADMSG : 0;
}

static int trial(struct nets *n)
{
	struct trial *t = calloc(1, sizeof(*t));
	struct weft_sockaddr at;
	int err;

	if (!t)
		return -ENOMEM;
	t->nets = n;
	err = chat_start(&t->chat, &n->net[1], &n->ends[1]);
	if (!err)
		err = n->net[1].ops->getsockname(t->chat.listener, &at);
	if (!err)
		err = many_try(t, &at);
	if (!err)
		err = bad_try(t, &at);
	if (!err)
		err = slow_try(t, &at);
	if (!err)
		printf("%s: %d users in %d rooms, all heard; bad lines answered; a slow reader "
		       "put out\n",
		       n->name, N_USERS, N_ROOMS);
	for (int i = 0; i < N_USERS; i++)
		client_end(&t->guests[i].client);
	client_end(&t->bad.client);
	client_end(&t->slow.client);
	chat_end(&t->chat);
	free(t);
	return err;
}

/* ---- On the host ---- */

static void line_show(void *arg, const char *line)
{
	(void)arg;
	puts(line);
	fflush(stdout);
}

/* What is typed, until there is a line of it. */
struct typed {
	struct client *client;
	struct weft_loop *loop;
	size_t len;
	char text[CHAT_LINE_MAX - 8];
};

/* A line of the user's is a SAY unless it begins with '/': "/JOIN room". */
static void line_typed(struct client *c, const char *line)
{
	int err = 0;

	if (line[0] == '/')
		err = client_say(c, line + 1, "");
	else if (line[0])
		err = client_say(c, "SAY", line);
	if (err) {
		c->is_over = true;
		c->err = err;
	}
}

static void stdin_ready(void *arg, int fd, uint32_t events)
{
	struct typed *t = arg;
	ptrdiff_t n = read(fd, t->text + t->len, sizeof(t->text) - 1 - t->len);
	char *line = t->text, *end;

	(void)events;
	if (n > 0)
		t->len += (size_t)n;
	while ((end = memchr(line, '\n', t->len))) {
		*end = '\0';
		line_typed(t->client, line);
		t->len -= (size_t)(end + 1 - line);
		line = end + 1;
	}
	memmove(t->text, line, t->len);
	/* What has no end is a line where there is no room for more of it, or no more comes. */
	if (n <= 0 || t->len == sizeof(t->text) - 1) {
		t->text[t->len] = '\0';
		t->len = 0;
		line_typed(t->client, t->text);
	}
	if (n > 0)
		return;
	/* The server has read all when it closes the connection. */
	(void)weft_loop_watch(t->loop, fd, 0, NULL, NULL);
	line_typed(t->client, "/QUIT");
}

static bool client_is_over(void *arg)
{
	return ((struct client *)arg)->is_over;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static int on_host(const char *what, const char *text, const char *name)
{
	static struct client client = {.fn = line_show};
	static struct typed typed = {.client = &client};
	struct weft_sockaddr at;
	struct chat chat = {.users = NULL};
	struct nets n;
	int err = weft_sockaddr_parse(text, &at);

	if (!err)
		err = nets_start(&n, true, WEFT_AF_INET);
	if (err)
		goto out;
	if (name) {
		err = client_start(&client, &n.net[0], &at);
		if (!err)
			err = client_say(&client, "NICK", name);
		typed.loop = n.loop;
		if (!err)
			err = weft_loop_watch(n.loop, STDIN_FILENO, POLLIN, stdin_ready, &typed);
		if (!err)
			err = nets_run(&n, client_is_over, &client, 1000000);
		client_end(&client);
		(void)weft_loop_watch(n.loop, STDIN_FILENO, 0, NULL, NULL);
	} else {
		err = chat_start(&chat, &n.net[0], &at);
		if (!err)
			err = nets_run(&n, never, NULL, 1000000000);
		chat_end(&chat);
	}
	nets_end(&n);
out:
	if (err)
		fprintf(stderr, "chat: %s: %s\n", what, strerror(-err));
	return err != 0;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return nets_each(trial);
	if (argc != 3) {
		fprintf(stderr, "usage: chat | chat serve ADDRESS:PORT | chat ADDRESS:PORT NAME\n");
		return 2;
	}
	if (!strcmp(argv[1], "serve"))
		return on_host(argv[2], argv[2], NULL);
	return on_host(argv[1], argv[1], argv[2]);
}

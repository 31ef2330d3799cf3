/* SPDX-License-Identifier: MIT */
/*
 * The applications: each end of a connection writes its stream in pieces, reads the other's and
 * compares it, sets options in between, and finishes in the way it has drawn.
 *
 * An end that is lazy acts by a timer alone; the others act when their socket calls and do then all
 * that can be done, so that a call that is missing shows as an end that never finishes.
 */
#include "model.h"

#include <errno.h>
#include <string.h>

/* Any stream from byte `at` on. */
static const uint8_t *pattern_at(uint64_t at)
{
	static uint8_t bytes[MODEL_PATTERN + MODEL_CHUNK_MAX];
	static bool is_made;

	if (!is_made) {
		struct prng prng = {.x = 1};

		for (uint32_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = i < MODEL_PATTERN ? (uint8_t)prng_u64(&prng)
						     : bytes[i - MODEL_PATTERN];
		is_made = true;
	}
	return bytes + at % MODEL_PATTERN;
}

/* The stream that end `side` writes begins elsewhere than that of the other. */
static const uint8_t *stream_at(const struct pair *p, uint8_t side, uint64_t off)
{
	return pattern_at(p->pattern + side * UINT64_C(12345) + off);
}

static struct end *peer_of(struct end *e)
{
	return &e->pair->ends[!e->side];
}

static void end_gone(struct end *e)
{
	e->s = NULL;
	e->is_done = true;
	weft_timer_stop(e->timer);
}

static void end_close(struct end *e, bool abort)
{
	if (abort)
		weft_abort(e->s);
	else
		weft_close(e->s);
	end_gone(e);
}

/* A call has returned an error that is not -EAGAIN. */
static void end_error(struct end *e, int err, const char *what)
{
	struct model *m = e->pair->m;
	bool is_unreachable = err == -EHOSTUNREACH || err == -ENETUNREACH || err == -ENETDOWN;
	bool is_opening = !e->is_connected || e->is_fast;
	/* A SYN whose destination or next header was damaged, which no checksum of IPv6 tells. */
	bool is_damage = m->family == FAMILY_IP6 && m->badness && is_opening &&
			 (is_unreachable || err == -EPROTO || err == -ENOPROTOOPT ||
			  err == -ECONNREFUSED || err == -EACCES);
	bool is_end = err == -ECONNRESET || err == -EPIPE || err == -ETIMEDOUT ||
		      err == -ENOTCONN || (err == -ECONNREFUSED && e->is_fast);

	if (!(is_end && e->pair->may_fail) &&
	    !(err == -ECONNRESET && m->has_cookies && e->pair->ends[0].read == 0) &&
	    !(is_unreachable && m->has_outages && is_opening) && !is_damage &&
	    !(e->pair->has_failed && (is_end || err == -ECONNREFUSED)))
		model_fail(m, "pair %d end %u: %s: %s", (int)(e->pair - m->pairs), e->side, what,
			   strerror(-err));
	e->pair->has_failed = true;
	e->pair->may_fail = true;
	end_close(e, false);
}

static void set_int(struct end *e, int level, int name, int v)
{
	int err = weft_setsockopt(e->s, level, name, &v, sizeof(v));

	if (err && err != -EINVAL && err != -ENOPROTOOPT && err != -ENOMEM)
		model_fail(e->pair->m, "option %d: %s", name, strerror(-err));
}

static void set_control(struct end *e)
{
	static const char *const names[] = {"reno", "cubic", "bbr", "bbr3", "dctcp", "tahoe"};
	const char *name = names[rnd(e->pair->m, ARRAY_SIZE(names))];

	/* A name that is not there is refused. */
	(void)!weft_setsockopt(e->s, WEFT_IPPROTO_TCP, WEFT_TCP_CONGESTION, name, strlen(name));
}

static void set_an_option(struct end *e)
{
	struct model *m = e->pair->m;

	switch (rnd(m, 10)) {
	case 0:
		set_int(e, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, (int)rnd(m, 2));
		break;
	case 1:
		set_int(e, WEFT_IPPROTO_TCP, WEFT_TCP_CORK, (int)rnd(m, 2));
		break;
	case 2:
		set_int(e, WEFT_IPPROTO_TCP, WEFT_TCP_QUICKACK, (int)rnd(m, 2));
		break;
	case 3:
		set_int(e, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, (int)rnd_log(m, 1, 1 << 20));
		break;
	case 4:
		set_int(e, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, (int)rnd_log(m, 1, 1 << 20));
		break;
	case 5:
		set_int(e, WEFT_IPPROTO_TCP, WEFT_TCP_WINDOW_CLAMP, (int)rnd_log(m, 1, 1 << 20));
		break;
	case 6:
		set_int(e, WEFT_IPPROTO_TCP, WEFT_TCP_MAXSEG, (int)rnd_log(m, 88, 9000));
		break;
	case 7:
		set_control(e);
		break;
	case 8:
		set_int(e, WEFT_SOL_SOCKET, WEFT_SO_KEEPALIVE, (int)rnd(m, 2));
		break;
	default:
		set_int(e, WEFT_IPPROTO_IP, WEFT_IP_TOS, (int)rnd(m, 256));
		break;
	}
}

/* Writes a piece. Returns what weft_send() says. */
static ptrdiff_t end_write(struct end *e)
{
	struct model *m = e->pair->m;
	uint64_t left = e->to_write - e->written;
	size_t n = (size_t)rnd_log(m, 1, e->write_max);
	uint32_t flags = 0;
	ptrdiff_t r;

	if (n > left)
		n = (size_t)left;
	if (rnd_percent(m, e->option_percent))
		set_an_option(e);
	if (rnd_percent(m, 10))
		flags |= WEFT_MSG_MORE;
	if (rnd_percent(m, 5))
		flags |= WEFT_MSG_EOR;
	if (rnd_percent(m, 2))
		flags |= WEFT_MSG_OOB; /* the reader has it inline */
	r = weft_send(e->s, stream_at(e->pair, e->side, e->written), n, flags);
	if (r > (ptrdiff_t)n || r == 0)
		model_fail(m, "send of %zu returned %td", n, r);
	if (r > 0)
		e->written += (uint64_t)r;
	return r;
}

static void check_read(struct end *e, const uint8_t *buf, uint64_t n)
{
	const struct end *peer = peer_of(e);
	const uint8_t *want = stream_at(e->pair, peer->side, e->read);
	uint64_t i = 0;

	if (e->read + n > peer->written)
		model_fail(e->pair->m, "end %u has read %llu bytes, %llu were written", e->side,
			   (unsigned long long)(e->read + n), (unsigned long long)peer->written);
	if (buf && memcmp(buf, want, n)) {
		while (buf[i] == want[i])
			i++;
		model_fail(e->pair->m, "end %u: byte %llu of the stream is wrong", e->side,
			   (unsigned long long)(e->read + i));
	}
}

static void check_eof(const struct end *e)
{
	const struct end *peer = &e->pair->ends[!e->side];

	if (!peer->has_shut || e->read != peer->written)
		model_fail(e->pair->m, "end %u: end of stream after %llu bytes of %llu", e->side,
			   (unsigned long long)e->read, (unsigned long long)peer->written);
}

/* Reads a piece. Returns what weft_recv() says. */
static ptrdiff_t end_read(struct end *e)
{
	static uint8_t buf[MODEL_CHUNK_MAX];
	struct model *m = e->pair->m;
	size_t n = (size_t)rnd_log(m, 1, e->read_max);
	uint32_t flags = 0;
	ptrdiff_t r;

	if (rnd_percent(m, 5))
		flags |= WEFT_MSG_PEEK;
	if (rnd_percent(m, 3))
		flags |= WEFT_MSG_TRUNC; /* throws away */
	r = weft_recv(e->s, buf, n, flags);
	if (r > (ptrdiff_t)n)
		model_fail(m, "recv of %zu returned %td", n, r);
	if (r == 0)
		check_eof(e);
	if (r <= 0)
		return r;
	check_read(e, flags & WEFT_MSG_TRUNC ? NULL : buf, (uint64_t)r);
	if (!(flags & WEFT_MSG_PEEK))
		e->read += (uint64_t)r;
	return r;
}

/* True: the end is still there, and waits. */
static bool end_reads(struct end *e)
{
	ptrdiff_t r = 0;

	while (!e->has_eof && (r = end_read(e)) > 0 && !e->lazy_ns)
		;
	if (r < 0 && r != -EAGAIN) {
		end_error(e, (int)r, "recv");
		return false;
	}
	if (r == 0)
		e->has_eof = true;
	return true;
}

/* The SYN is under way, perhaps with all there is to write: as in Linux shutdown() would end it. */
static bool end_opens(struct end *e)
{
	struct weft_tcp_info info;
	size_t len = sizeof(info);

	if (!e->is_fast)
		return false;
	must(e->pair->m, weft_getsockopt(e->s, WEFT_IPPROTO_TCP, WEFT_TCP_INFO, &info, &len),
	     "TCP_INFO");
	return info.state == WEFT_TCP_SYN_SENT;
}

static bool end_writes(struct end *e)
{
	ptrdiff_t r = 0;
	int err;

	while (e->written < e->to_write && (r = end_write(e)) > 0 && !e->lazy_ns)
		;
	/* Without memory for a byte there is no event to wait for: lazily, then. */
	if (r == -ENOBUFS || r == -ENOMEM)
		e->lazy_ns = MODEL_MS;
	/* A SYN that waited for data may have to go without, as in Linux: by now an option takes
	 * the cookie away, say. What the first send says is what connect would have. */
	else if (r < 0 && r != -EAGAIN && !(r == -EINPROGRESS && e->written == 0)) {
		end_error(e, (int)r, "send");
		return false;
	}
	if (e->written < e->to_write || e->has_shut || e->finish != FINISH_SHUTDOWN || end_opens(e))
		return true;
	e->has_shut = true;
	err = weft_shutdown(e->s, WEFT_SHUT_WR);
	if (err)
		end_error(e, err, "shutdown");
	return e->s;
}

/* The end finishes when its time has come. */
static void end_finishes(struct end *e)
{
	switch (e->finish) {
	case FINISH_SHUTDOWN:
		if (e->has_shut && e->has_eof)
			end_close(e, false);
		break;
	case FINISH_CLOSE:
		if (e->written == e->to_write) {
			e->has_shut = true;
			end_close(e, false);
		}
		break;
	case FINISH_ABORT:
		if (e->written + e->read >= e->finish_after || e->has_eof)
			end_close(e, true);
		break;
	}
}

static bool end_connects(struct end *e, uint32_t events)
{
	size_t len = sizeof(int);
	int err = 0;

	if (!(events & (WEFT_OUT | WEFT_ERR | WEFT_HUP)))
		return false;
	if (weft_getsockopt(e->s, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &err, &len) || err) {
		end_error(e, -err, "connect");
		return false;
	}
	e->is_connected = true;
	return true;
}

static void end_acts(struct end *e, uint32_t events)
{
	if (!e->is_connected && !end_connects(e, events))
		return;
	/* In either order. */
	if (rnd(e->pair->m, 2) ? !end_reads(e) || !end_writes(e) : !end_writes(e) || !end_reads(e))
		return;
	end_finishes(e);
}

static void end_timer(void *arg)
{
	struct end *e = arg;
	struct model *m = e->pair->m;

	if (e->s)
		end_acts(e, weft_events(e->s));
	if (e->s && e->lazy_ns)
		weft_timer_start(e->timer, weft_engine_now_ns(m->eng) + e->lazy_ns / 2 +
						   (int64_t)rnd(m, (uint64_t)e->lazy_ns));
}

static void end_event(struct weft_sock *s, void *arg, uint32_t events)
{
	struct end *e = arg;

	if (e->s != s)
		model_fail(e->pair->m, "a call for a socket that is closed");
	if (!e->is_connected || !e->lazy_ns)
		end_acts(e, events);
	if (e->s && e->lazy_ns)
		weft_timer_start(e->timer, weft_engine_now_ns(e->pair->m->eng) + e->lazy_ns);
}

static void end_start(struct end *e, struct weft_sock *s)
{
	e->s = s;
	for (uint64_t n = rnd(e->pair->m, 3); n; n--)
		set_an_option(e);
	weft_on_event(s, end_event, e);
}

static void pair_accept(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	struct pair *p = arg;
	struct weft_sock *child;

	while (weft_accept(s, &child, NULL) == 0) {
		/* An old copy of the SYN, when the connection is over. */
		if (p->ends[1].is_done || p->has_failed) {
			weft_abort(child);
			continue;
		}
		if (p->ends[1].s)
			model_fail(p->m, "a connection was accepted twice");
		p->ends[1].is_connected = true;
		end_start(&p->ends[1], child);
	}
}

static void end_new(struct end *e, struct pair *p, uint8_t side)
{
	struct model *m = p->m;

	e->pair = p;
	e->side = side;
	e->to_write = rnd_percent(m, 15) ? 0 : rnd_log(m, 1, rnd_percent(m, 10) ? 1000000 : 200000);
	e->write_max = (uint32_t)rnd_log(m, 16, MODEL_CHUNK_MAX);
	e->read_max = (uint32_t)rnd_log(m, 16, MODEL_CHUNK_MAX);
	if (rnd_percent(m, 30))
		e->lazy_ns = (int64_t)rnd_log(m, MODEL_MS / 10, 300 * MODEL_MS);
	e->option_percent = rnd_percent(m, 50) ? 0 : (uint8_t)rnd_log(m, 1, 30);
	e->finish_after = UINT64_MAX;
	if (rnd_percent(m, 5)) {
		e->finish = FINISH_CLOSE;
	} else if (rnd_percent(m, 3)) {
		e->finish = FINISH_ABORT;
		e->finish_after = rnd(m, e->to_write + 1);
	}
	if (e->finish != FINISH_SHUTDOWN)
		p->may_fail = true;
	e->timer = weft_timer_new(m->eng, end_timer, e);
	must(m, e->timer ? 0 : -ENOMEM, "timer");
}

/* A long stream does not come in tiny pieces. */
static void pieces_grow(struct end *e)
{
	uint32_t write_min = (uint32_t)(e->to_write / 64);
	uint32_t read_min = (uint32_t)(peer_of(e)->to_write / 64);

	if (e->write_max < write_min)
		e->write_max = write_min;
	if (e->read_max < read_min)
		e->read_max = read_min;
}

static struct weft_sock *socket_new(struct model *m, struct weft_stack *st)
{
	struct weft_sock *s = NULL;
	int one = 1;

	must(m,
	     weft_socket(st, m->family == FAMILY_IP4 ? WEFT_AF_INET : WEFT_AF_INET6,
			 WEFT_SOCK_STREAM, 0, &s),
	     "socket");
	/* Urgent bytes are part of the stream; what is accepted has it from the listener. */
	must(m, weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_OOBINLINE, &one, sizeof(one)),
	     "SO_OOBINLINE");
	return s;
}

/* The first SYN waits for what is written first, and may carry it. */
static void end_open_fast(struct end *e, struct weft_sock *s)
{
	struct model *m = e->pair->m;
	int one = 1;

	if (!m->is_fast || e->to_write == 0 || !rnd_percent(m, 80))
		return;
	must(m, weft_setsockopt(s, WEFT_IPPROTO_TCP, WEFT_TCP_FASTOPEN_CONNECT, &one, sizeof(one)),
	     "TCP_FASTOPEN_CONNECT");
	e->is_fast = true;
}

static void pair_new(struct pair *p, struct model *m, uint16_t port)
{
	static const char *const servers[FAMILY_N][2] = {
		[FAMILY_IP4] = {"10.0.0.2:0", "10.0.1.2:0"},
		[FAMILY_IP6] = {"[fd00::2]:0", "[fd00:0:0:1::2]:0"},
		[FAMILY_MAPPED] = {"[::ffff:10.0.0.2]:0", "[::ffff:10.0.1.2]:0"},
	};
	struct weft_sockaddr to;
	struct weft_sock *s;
	int err;

	p->m = m;
	p->port = port;
	p->pattern = rnd(m, MODEL_PATTERN);
	end_new(&p->ends[0], p, 0);
	end_new(&p->ends[1], p, 1);
	pieces_grow(&p->ends[0]);
	pieces_grow(&p->ends[1]);
	must(m, weft_sockaddr_parse(servers[m->family][m->router != NULL], &to), "address");
	to.port = port;
	p->listener = socket_new(m, m->hosts[1]);
	must(m, weft_bind(p->listener, &to), "bind");
	must(m, weft_listen(p->listener, 4), "listen");
	weft_on_event(p->listener, pair_accept, p);
	s = socket_new(m, m->hosts[0]);
	end_open_fast(&p->ends[0], s);
	end_start(&p->ends[0], s);
	err = weft_connect(s, &to);
	must(m, err == -EINPROGRESS ? 0 : err, "connect");
}

void model_pairs_new(struct model *m)
{
	m->n_pairs = rnd_percent(m, 80) ? 1 : 2 + (uint32_t)rnd(m, 2);
	for (uint32_t i = 0; i < m->n_pairs; i++)
		pair_new(&m->pairs[i], m, (uint16_t)(MODEL_PORT + i));
}

/* An end whose connection failed in the handshake has no peer to wait for. */
static bool pair_is_done(const struct pair *p)
{
	return p->ends[0].is_done &&
	       (p->ends[1].is_done || (!p->ends[1].s && (p->has_failed || p->may_fail)));
}

bool model_pairs_let_go(struct model *m)
{
	bool has_let = false;

	for (uint32_t i = 0; i < m->n_pairs; i++) {
		struct pair *p = &m->pairs[i];

		for (int side = 0; side < 2; side++)
			if (p->may_fail && p->ends[!side].is_done && p->ends[side].s) {
				end_close(&p->ends[side], true);
				has_let = true;
			}
	}
	return has_let;
}

bool model_pairs_are_done(const struct model *m)
{
	for (uint32_t i = 0; i < m->n_pairs; i++)
		if (!pair_is_done(&m->pairs[i]))
			return false;
	return true;
}

void model_pairs_free(struct model *m)
{
	for (uint32_t i = 0; i < m->n_pairs; i++) {
		weft_close(m->pairs[i].listener);
		for (int side = 0; side < 2; side++)
			weft_timer_free(m->pairs[i].ends[side].timer);
	}
}

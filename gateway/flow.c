/* SPDX-License-Identifier: MIT */
/*
 * TCP: a connection of the guest and one of the host, spliced.
 *
 * How it works: bytes of the guest are written to the host's socket from where they came in
 * (weft_recv_ref()), and at most one such reference waits; while it does, nothing is read from the
 * guest, whose window closes. Bytes of the host are read into chunks that are lent to the stack
 * until the guest has acknowledged them; at max_buffer_bytes nothing is read from the host, whose
 * window closes. Few bytes are copied instead, so that a byte does not hold a chunk.
 *
 * A chunk is what one packet carries to the guest. While reads come back full the next one is for
 * twice as many, up to 512 KiB, and goes on only where that much has been acknowledged: the host
 * answers a read with an ACK, and a guest that has several packets to read is woken once.
 *
 *	state             waits for                   then
 *	HOST_CONNECTS     the host's kernel           SYN-ACK, RST, ICMP or silence -> SPLICED, gone
 *	GUEST_CONNECTS    the guest's SYN-ACK         SPLICED; refused: RST to the client
 *	SPLICED           both directions             ENDING when both have ended, reset by an error
 *	ENDING            the guest's last ACK        gone
 *
 * Each direction ends by itself: the FIN goes on after the last byte. An error on one side is a
 * reset on the other. What a guest leaves unacknowledged at the end counts as a connection, for a
 * minute.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gateway/gateway_priv.h"

enum {
	OUT_MAX = 512 * 1024, /* taken from the guest at once */
	IOV_MAX_REFS = 512,
	IN_BURST_MAX = 8,    /* chunks read at once */
	LEND_MIN = 8 * 1024, /* fewer bytes are copied */
	ENDING_S = 60,       /* without an acknowledgement, at the end */
};
static_assert(sizeof(struct iovec) == sizeof(struct weft_iovec) &&
		      offsetof(struct iovec, iov_len) == offsetof(struct weft_iovec, len),
	      "handed to writev(2) as they are");

/*
 * Life.
 */

struct gw_flow *gw_flow_new(struct gateway *gw, enum gw_flow_state state)
{
	struct gw_flow *flow = calloc(1, sizeof(*flow));

	if (!flow)
		return NULL;
	flow->gw = gw;
	flow->state = state;
	flow->host.fd = -1;
	flow->in_unit = GW_CHUNK;
	flow->in_burst = 1;
	flow->start_ns = flow->moved_ns = gw_now(gw);
	list_init(&flow->chunks);
	list_init(&flow->end_link);
	list_add_tail(&gw->flows, &flow->link);
	gw->stats.n_flows++;
	if (state == GW_FLOW_HOST_CONNECTS)
		gw->stats.n_connecting++;
	return flow;
}

void gw_flow_set_state(struct gw_flow *flow, enum gw_flow_state state)
{
	if (flow->state == GW_FLOW_HOST_CONNECTS)
		flow->gw->stats.n_connecting--;
	flow->state = state;
	flow->moved_ns = gw_now(flow->gw);
}

static void chunk_unref(struct gw_chunk *chunk)
{
	if (--chunk->refs > 0)
		return;
	if (chunk->flow) {
		chunk->flow->n_chunks--;
		chunk->flow->gw->n_chunks--;
		list_del(&chunk->link);
	}
	free(chunk);
}

/* Lets go of all but the descriptor and the socket. */
static void flow_release(struct gw_flow *flow)
{
	struct gw_chunk *chunk;
	bool is_ours = false;

	weft_ref_free(flow->out_ref);
	flow->out_ref = NULL;
	list_for_each_safe (chunk, &flow->chunks, link) {
		chunk->flow = NULL;
		is_ours = is_ours || chunk == flow->in_chunk;
		if (is_ours)
			chunk_unref(chunk);
	}
	list_init(&flow->chunks);
	flow->gw->n_chunks -= flow->n_chunks;
	flow->n_chunks = flow->n_unsent = 0;
	flow->in_chunk = NULL;
}

void gw_flow_free(struct gw_flow *flow)
{
	struct gateway *gw = flow->gw;

	if (flow->state == GW_FLOW_HOST_CONNECTS)
		gw->stats.n_connecting--;
	gw->stats.n_flows--;
	gw_half_del(flow);
	if (flow->forward)
		flow->forward->info.n_open--;
	flow_release(flow);
	gw_fd_close(gw, &flow->host);
	list_del(&flow->link);
	list_del(&flow->end_link);
	free(flow);
}

/* Both directions have ended. */
static void flow_close(struct gw_flow *flow)
{
	if (flow->n_chunks) {
		gw_fd_close(flow->gw, &flow->host);
		gw_flow_set_state(flow, GW_FLOW_ENDING);
		return;
	}
	weft_close(flow->sock);
	gw_flow_free(flow);
}

void gw_flow_abort(struct gw_flow *flow)
{
	if (flow->req)
		weft_tcp_request_drop(flow->req);
	if (flow->state == GW_FLOW_SPLICED || flow->state == GW_FLOW_ENDING)
		flow->gw->stats.tcp_reset++;
	/* It may just have connected, which we have not heard yet. */
	if (flow->host.fd >= 0)
		gw_reset_on_close(flow->host.fd);
	weft_abort(flow->sock);
	gw_flow_free(flow);
}

void gw_flows_abort(struct gateway *gw)
{
	struct gw_flow *flow;

	list_for_each_safe (flow, &gw->flows, link)
		gw_flow_abort(flow);
}

/*
 * From the guest to the host.
 */

/* What is left of the reference. How many iovecs. */
static int out_rest(const struct gw_flow *flow, struct iovec *iov)
{
	size_t n_iov, off = flow->out_off;
	const struct weft_iovec *from = weft_ref_iov(flow->out_ref, &n_iov);
	int n = 0;

	for (size_t i = 0; i < n_iov && n < IOV_MAX_REFS; i++) {
		if (off >= from[i].len) {
			off -= from[i].len;
			continue;
		}
		iov[n].iov_base = (char *)from[i].base + off;
		iov[n].iov_len = from[i].len - off;
		n++;
		off = 0;
	}
	return n;
}

/* Writes what waits. 0; -EAGAIN: the host's socket is full; -Exxx. */
static int out_write(struct gw_flow *flow)
{
	struct iovec iov[IOV_MAX_REFS];

	while (flow->out_ref) {
		struct msghdr msg = {.msg_iov = iov};
		ssize_t n;

		msg.msg_iovlen = (size_t)out_rest(flow, iov);
		n = sendmsg(flow->host.fd, &msg, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		flow->out_off += (size_t)n;
		flow->bytes_out += (uint64_t)n;
		flow->gw->stats.bytes_out += (uint64_t)n;
		flow->moved_ns = gw_now(flow->gw);
		if (flow->out_off == flow->out_len) {
			weft_ref_free(flow->out_ref);
			flow->out_ref = NULL;
		}
	}
	return 0;
}

/* Bytes that cannot be referred to (no packets left, an urgent byte) are copied. */
static ptrdiff_t out_copy(struct gw_flow *flow)
{
	uint8_t buf[4096];
	ptrdiff_t n = weft_recv(flow->sock, buf, sizeof(buf), WEFT_MSG_PEEK);
	ssize_t sent;

	if (n <= 0)
		return n;
	sent = send(flow->host.fd, buf, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	/* What has gone is read for good. */
	n = weft_recv(flow->sock, buf, (size_t)sent, 0);
	flow->bytes_out += (uint64_t)sent;
	flow->gw->stats.bytes_out += (uint64_t)sent;
	return n;
}

/* The host's socket takes no more. Most never say so, so what is watched changes only now. */
static int out_block(struct gw_flow *flow)
{
	flow->out_blocked = true;
	if (flow->out_watched)
		return 0;
	flow->out_watched = true;
	return gw_fd_set(&flow->host, GW_FLOW_EVENTS | EPOLLOUT);
}

/* 0: as far as it goes now; -Exxx: the flow is to be reset. */
static int out_pump(struct gw_flow *flow)
{
	flow->out_blocked = false;
	for (;;) {
		ptrdiff_t n = out_write(flow);

		if (n == -EAGAIN)
			return out_block(flow);
		if (n < 0)
			return (int)n;
		if (flow->out_eof)
			break;
		n = weft_recv_ref(flow->sock, OUT_MAX, 0, NULL, &flow->out_ref);
		if (n > 0) {
			flow->out_off = 0;
			flow->out_len = (size_t)n;
			continue;
		}
		if (n == -ENOBUFS)
			n = out_copy(flow);
		if (n > 0)
			continue;
		if (n == -EAGAIN) {
			flow->out_blocked = false;
			return 0;
		}
		if (n < 0)
			return (int)n;
		flow->out_eof = true;
	}
	if (!flow->out_done && list_is_empty(&flow->end_link)) {
		list_add_tail(&flow->gw->ends, &flow->end_link);
		weft_timer_start(flow->gw->end_timer, gw_now(flow->gw));
	}
	return 0;
}

/*
 * From the host to the guest.
 */

/* Chunks of one flow at once. */
static uint32_t chunks_max(const struct gw_flow *flow)
{
	return flow->gw->cfg.limits.max_buffer_bytes / GW_CHUNK;
}

/* Chunks that may be read into now. Each flow has one whatever the others hold, so each moves; who
 * has others out waits until there is room for all that it reads at once. */
static uint32_t in_room(const struct gw_flow *flow)
{
	uint32_t max = chunks_max(flow), n = flow->n_chunks, n_all = flow->gw->n_chunks;
	uint32_t max_all = flow->gw->cfg.limits.max_memory_bytes / GW_CHUNK;
	uint32_t room = n < max ? max - n : 0, room_all = n_all < max_all ? max_all - n_all : 0;

	if (room > flow->in_burst)
		room = flow->in_burst;
	if (room > room_all)
		room = room_all;
	if (n > 0)
		return room == flow->in_burst ? room : 0;
	return room > 0 ? room : 1;
}

static void chunk_done(void *arg, const void *buf, size_t n_bytes)
{
	struct gw_chunk *chunk = arg;
	struct gw_flow *flow = chunk->flow;

	(void)buf;
	(void)n_bytes;
	chunk_unref(chunk);
	if (!flow)
		return;
	flow->moved_ns = gw_now(flow->gw);
	if (flow->state == GW_FLOW_ENDING && !flow->n_chunks)
		flow_close(flow);
	else if (flow->in_more && (flow->n_unsent || in_room(flow)))
		gw_flow_pump(flow);
}

/* As much as one packet carries to the guest: what is read at once then goes at once, without a
 * small rest behind it. Asked when there is much to carry. */
static size_t in_unit(const struct gw_flow *flow)
{
	struct weft_tcp_info info = {0};
	size_t len = sizeof(info);

	if (weft_getsockopt(flow->sock, WEFT_IPPROTO_TCP, WEFT_TCP_INFO, &info, &len) < 0 ||
	    !info.snd_mss || info.snd_mss > GW_PACKET)
		return GW_PACKET;
	return GW_PACKET / info.snd_mss * info.snd_mss;
}

static struct gw_chunk *chunk_new(struct gw_flow *flow)
{
	struct gw_chunk *chunk = malloc(sizeof(*chunk));

	if (!chunk)
		return NULL;
	chunk->refs = 1;
	chunk->len = 0;
	chunk->flow = flow;
	flow->n_chunks++;
	flow->gw->n_chunks++;
	list_add_tail(&flow->chunks, &chunk->link);
	return chunk;
}

/* What to read into: fresh chunks, or one whose bytes nobody refers to; flow->in_chunk is the
 * first. How many; 0: no room; -ENOMEM. */
static int in_chunks_get(struct gw_flow *flow, struct iovec *iov)
{
	struct gw_chunk *chunk = flow->in_chunk;
	int n = 0, room = 1;

	if (chunk && (chunk->refs > 1 || flow->in_burst > 1)) {
		chunk_unref(chunk);
		chunk = flow->in_chunk = NULL;
	}
	if (!chunk)
		room = (int)in_room(flow);
	for (; n < room; n++) {
		if (!chunk)
			chunk = chunk_new(flow);
		if (!chunk)
			return n ? n : -ENOMEM;
		if (n == 0)
			flow->in_chunk = chunk;
		iov[n] = (struct iovec){chunk->bytes, flow->in_unit};
		chunk = NULL;
	}
	return n;
}

/* The next one of the flow's. */
static struct gw_chunk *chunk_next(const struct gw_chunk *chunk)
{
	return container_of(chunk->link.next, struct gw_chunk, link);
}

/* `n_bytes` are in the first of `n_chunks` chunks, those behind them are not needed. */
static void in_chunks_fill(struct gw_flow *flow, int n_chunks, size_t n_bytes)
{
	struct gw_chunk *next = flow->in_chunk;

	flow->in_off = 0;
	if (!n_bytes)
		flow->in_chunk = NULL;
	for (int i = 0; i < n_chunks; i++) {
		struct gw_chunk *chunk = next;

		next = chunk_next(chunk); /* no chunk, behind the last */
		chunk->len = (uint32_t)(n_bytes < flow->in_unit ? n_bytes : flow->in_unit);
		n_bytes -= chunk->len;
		if (chunk->len)
			flow->n_unsent++;
		else
			chunk_unref(chunk);
	}
}

/* A read has brought `n` bytes of those asked for: how much to ask for the next time. */
static void in_learn(struct gw_flow *flow, size_t n, size_t asked)
{
	if (n >= GW_CHUNK && flow->in_unit == GW_CHUNK)
		flow->in_unit = in_unit(flow);
	if (n == asked && flow->in_burst < IN_BURST_MAX && 4 * flow->in_burst <= chunks_max(flow))
		flow->in_burst *= 2;
	else if (n <= asked / 2 && flow->in_burst > 1)
		flow->in_burst /= 2;
}

/* Reads. 1: there are bytes to send; 0: none now, or no more; -Exxx.
 *
 * Less than was asked for says that the socket was empty, and that the next byte will be an event
 * (epoll(7)); not so at the end, or at a mark of urgent data, both of which events tell too. */
static int in_read(struct gw_flow *flow)
{
	struct iovec iov[IN_BURST_MAX];
	int n_chunks = in_chunks_get(flow, iov);
	size_t asked;
	ssize_t n;

	if (n_chunks <= 0)
		return n_chunks; /* 0: goes on when some come back */
	asked = (size_t)n_chunks * flow->in_unit;
	do
		n = readv(flow->host.fd, iov, n_chunks);
	while (n < 0 && errno == EINTR);
	in_chunks_fill(flow, n_chunks, n > 0 ? (size_t)n : 0);
	if (n < 0 && errno != EAGAIN)
		return -errno;
	if (n < 0)
		flow->in_more = false;
	if (n == 0)
		flow->in_eof = true;
	if (n <= 0)
		return 0;
	if ((size_t)n < asked && !flow->in_ends)
		flow->in_more = false;
	in_learn(flow, (size_t)n, asked);
	return 1;
}

/* Sends what waits. 0; -EAGAIN: the guest's socket is full; -Exxx. */
static int in_send(struct gw_flow *flow)
{
	while (flow->in_chunk && flow->n_unsent) {
		struct gw_chunk *chunk = flow->in_chunk;
		const uint8_t *p = chunk->bytes + flow->in_off;
		size_t len = chunk->len - flow->in_off;
		bool is_lent = len >= LEND_MIN;
		ptrdiff_t n;

		if (is_lent) {
			chunk->refs++;
			n = weft_send_lent(flow->sock, p, len, 0, NULL, chunk_done, chunk);
			if (n <= 0)
				chunk->refs--;
		} else {
			n = weft_send(flow->sock, p, len, 0);
		}
		if (n == -ENOMEM || n == -ENOBUFS)
			n = -EAGAIN;
		if (n < 0)
			return (int)n;
		flow->in_off += (size_t)n;
		flow->bytes_in += (uint64_t)n;
		flow->gw->stats.bytes_in += (uint64_t)n;
		flow->moved_ns = gw_now(flow->gw);
		if (flow->in_off < chunk->len || --flow->n_unsent == 0)
			continue;
		flow->in_chunk = chunk_next(chunk);
		flow->in_off = 0;
		chunk_unref(chunk);
	}
	return 0;
}

static int in_pump(struct gw_flow *flow)
{
	flow->in_blocked = false;
	while (!flow->in_done) {
		int err = in_send(flow);

		if (err == -EAGAIN) {
			flow->in_blocked = true;
			return 0;
		}
		if (err)
			return err;
		if (flow->in_eof)
			break;
		if (!flow->in_more)
			return 0;
		err = in_read(flow);
		if (err < 0)
			return err;
		if (err == 0 && !flow->in_eof)
			return 0;
	}
	if (!flow->in_done) {
		flow->in_done = true;
		flow->moved_ns = gw_now(flow->gw);
		return weft_shutdown(flow->sock, WEFT_SHUT_WR) == -ENOTCONN ? -ENOTCONN : 0;
	}
	return 0;
}

void gw_flow_pump(struct gw_flow *flow)
{
	int err;

	if (flow->state == GW_FLOW_ENDING)
		return;
	err = out_pump(flow);

	if (!err)
		err = in_pump(flow);
	if (flow->forward) {
		flow->forward->info.bytes_in += flow->bytes_in - flow->told_in;
		flow->forward->info.bytes_out += flow->bytes_out - flow->told_out;
		flow->told_in = flow->bytes_in;
		flow->told_out = flow->bytes_out;
	}
	if (err)
		gw_flow_abort(flow);
	else if (flow->in_done && flow->out_done)
		flow_close(flow);
}

/*
 * Events.
 */

static void flow_guest_connected(struct gw_flow *flow)
{
	int err = 0;
	size_t len = sizeof(err);

	(void)!weft_getsockopt(flow->sock, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &err, &len);
	if (err) {
		if (flow->forward) {
			flow->forward->info.n_refused++;
			gw_refused_client(flow->forward, WEFT_IPPROTO_TCP, &flow->remote,
					  &flow->guest, err);
			gw_forward_note(flow->forward, err == ECONNREFUSED ? "guest-refuses"
									   : "guest-unreachable");
		}
		gw_flow_abort(flow);
		return;
	}
	if (flow->forward)
		gw_forward_note(flow->forward, "listening");
	gw_half_del(flow);
	gw_flow_set_state(flow, GW_FLOW_SPLICED);
	flow->in_more = true;
	gw_flow_pump(flow);
}

void gw_flow_guest_event(struct weft_sock *s, void *arg, uint32_t events)
{
	struct gw_flow *flow = arg;

	(void)s;
	if (flow->state == GW_FLOW_GUEST_CONNECTS) {
		if (events & (WEFT_OUT | WEFT_ERR | WEFT_HUP))
			flow_guest_connected(flow);
		return;
	}
	if (events & WEFT_ERR) {
		gw_flow_abort(flow);
		return;
	}
	if (flow->is_half)
		gw_half_look(flow);
	gw_flow_pump(flow);
}

void gw_flow_note_events(struct gw_flow *flow, uint32_t events)
{
	const uint32_t ends = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;

	if (events & (EPOLLIN | ends))
		flow->in_more = true;
	if (events & ends)
		flow->in_ends = true;
}

void gw_flow_host_ready(struct gw_fd *gfd, uint32_t events)
{
	struct gw_flow *flow = container_of(gfd, struct gw_flow, host);

	gw_flow_note_events(flow, events);
	if (flow->state == GW_FLOW_GUEST_CONNECTS) {
		/* Nothing is read yet; a client that is gone is seen all the same. */
		if (events & (EPOLLERR | EPOLLHUP))
			gw_flow_abort(flow);
		return;
	}
	gw_flow_pump(flow);
}

/* The end of what the guest sends: whoever waits for it has all else. So it is told in the next
 * turn, behind what the guest has begun meanwhile: a program that makes connections one after the
 * other waits for the next one, not for the end of the last. */
static int out_finish(struct gw_flow *flow)
{
	flow->out_done = true;
	flow->moved_ns = gw_now(flow->gw);
	return shutdown(flow->host.fd, SHUT_WR) < 0 && errno != ENOTCONN ? -errno : 0;
}

void gw_flow_ends(struct gateway *gw)
{
	struct gw_flow *flow;

	list_for_each_safe (flow, &gw->ends, end_link) {
		list_del(&flow->end_link);
		if (out_finish(flow))
			gw_flow_abort(flow);
		else if (flow->in_done)
			flow_close(flow);
	}
}

/* What waits for time. */
void gw_flow_sweep(struct gateway *gw)
{
	int64_t old_ns = gw_now(gw) - (int64_t)gw->cfg.limits.connect_timeout_s * GW_NS_PER_S;
	int64_t ended_ns = gw_now(gw) - (int64_t)ENDING_S * GW_NS_PER_S;
	struct gw_flow *flow;

	list_for_each_safe (flow, &gw->flows, link) {
		if (flow->state == GW_FLOW_HOST_CONNECTS && flow->start_ns <= old_ns)
			gw_flow_host_failed(flow, ETIMEDOUT);
		else if (flow->state == GW_FLOW_ENDING && flow->moved_ns <= ended_ns)
			gw_flow_abort(flow);
		else if (flow->state == GW_FLOW_SPLICED && flow->in_blocked)
			gw_flow_pump(flow); /* when memory was short nobody tells that it is back */
	}
}

/*
 * Looking inside.
 */

static enum gateway_wait flow_wait(const struct gw_flow *flow)
{
	struct weft_tcp_info info = {0};
	size_t len = sizeof(info);

	if (flow->state == GW_FLOW_HOST_CONNECTS)
		return GATEWAY_HOST_CONNECTING;
	if (flow->state == GW_FLOW_GUEST_CONNECTS)
		return GATEWAY_GUEST_CONNECTING;
	if (flow->out_blocked)
		return GATEWAY_HOST_NOT_READING;
	if (weft_getsockopt(flow->sock, WEFT_IPPROTO_TCP, WEFT_TCP_INFO, &info, &len) == 0) {
		if (info.state == WEFT_TCP_SYN_RECV)
			return GATEWAY_GUEST_CONNECTING;
		if (info.sndq_bytes && info.wait == WEFT_TCP_WAIT_RWND)
			return GATEWAY_GUEST_NOT_READING;
		if (info.sndq_bytes && gw_now(flow->gw) - flow->moved_ns > GW_NS_PER_S / 10)
			return GATEWAY_GUEST_NETWORK;
	}
	if (gw_now(flow->gw) - flow->moved_ns < GW_NS_PER_S)
		return GATEWAY_MOVING;
	if (flow->in_done)
		return GATEWAY_HOST_FINISHED;
	return flow->out_done ? GATEWAY_GUEST_FINISHED : GATEWAY_IDLE;
}

/* Bytes read from the host that the stack has not taken. */
static uint32_t in_held(const struct gw_flow *flow)
{
	const struct gw_chunk *chunk = flow->in_chunk;
	size_t n = 0;

	for (uint32_t i = 0; i < flow->n_unsent; i++) {
		n += chunk->len;
		chunk = chunk_next(chunk);
	}
	return n ? (uint32_t)(n - flow->in_off) : 0;
}

void gw_flow_show(const struct gw_flow *flow, struct gateway_flow_info *ret)
{
	int64_t now_ns = gw_now(flow->gw);
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	*ret = (struct gateway_flow_info){
		.proto = WEFT_IPPROTO_TCP,
		.is_inbound = flow->is_inbound,
		.guest = flow->guest,
		.remote = flow->remote,
		.wait = flow_wait(flow),
		.bytes_out = flow->bytes_out,
		.bytes_in = flow->bytes_in,
		.held_out = flow->out_ref ? (uint32_t)(flow->out_len - flow->out_off) : 0,
		.held_in = in_held(flow),
		.age_ns = now_ns - flow->start_ns,
		.idle_ns = now_ns - flow->moved_ns,
	};
	if (flow->host.fd >= 0 && getsockname(flow->host.fd, (struct sockaddr *)&ss, &len) == 0)
		(void)gw_sockaddr_of(&ss, &ret->host);
}

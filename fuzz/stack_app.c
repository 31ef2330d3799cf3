/* SPDX-License-Identifier: MIT */
/* Calls of the application on its sockets; see stack_ops.h. */
#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <string.h>

#include "stack_ops.h"
#include "weft/packet.h"

enum {
	CONTROL_MAX = 256,
};

struct slot *rd_slot(struct world *w, struct rd *r)
{
	struct slot *slot = &w->slots[rd_u8(r) % SLOTS];

	return slot->s ? slot : NULL;
}

/* An IPv6 address, with the interface that a link-local one needs. */
static void sockaddr_ip6(uint8_t i, struct weft_sockaddr *sa)
{
	static const struct {
		struct weft_addr addr;
		uint32_t scope_id;
	} known[] = {
		{{WEFT_AF_INET6, {0}}, 0},
		{{WEFT_AF_INET6, {0xfd, [15] = 2}}, 0},
		{{WEFT_AF_INET6, {0xfd, [7] = 1, [15] = 2}}, 0},
		{{WEFT_AF_INET6, {0xfd, [15] = 1}}, 0},
		{{WEFT_AF_INET6, {[15] = 1}}, 0},
		{{WEFT_AF_INET6, {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2}}, 0},
		{{WEFT_AF_INET6, {0xfe, 0x80, [15] = 2}}, 2},
		{{WEFT_AF_INET6, {0xfe, 0x80, [15] = 2}}, 0},
		{{WEFT_AF_INET6, {0xff, 0x15, [14] = 1, [15] = 5}}, 0},
		{{WEFT_AF_INET6, {0xff, 0x02, [15] = 1}}, 3},
		{{WEFT_AF_INET6, {0xff, 0x02, [15] = 1}}, 9},
		{{WEFT_AF_INET6, {0xfd, [7] = 9, [15] = 1}}, 0},
		{{WEFT_AF_INET6, {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}}, 0},
		{{WEFT_AF_INET6, {0xfd, [15] = 99}}, 2},
		{{WEFT_AF_INET6, {[10] = 0xff, [11] = 0xff}}, 0},
		{{WEFT_AF_INET6, {[10] = 0xff, [11] = 0xff, [12] = 224, [14] = 1, [15] = 2}}, 0},
	};

	sa->addr = known[i % ARRAY_SIZE(known)].addr;
	sa->scope_id = known[i % ARRAY_SIZE(known)].scope_id;
}

static void sockaddr_packet(uint8_t what, struct weft_sockaddr *sa)
{
	static const uint16_t types[] = {0x0800, 0x0806, 0x86dd, WEFT_ETH_P_ALL};
	struct weft_ll ll = {.protocol = types[what & 3],
			     .ifindex = what >> 2 & 3,
			     .halen = what & 16 ? 4 : 6,
			     .addr = {2, 0, 0, 0, 1, 0}};

	*sa = weft_sockaddr_ll(&ll);
}

struct weft_sockaddr rd_sockaddr(struct rd *r)
{
	static const uint8_t addrs[][4] = {{10, 0, 0, 2},  {10, 0, 1, 2}, {0, 0, 0, 0},
					   {127, 0, 0, 1}, {10, 0, 0, 1}, {10, 0, 0, 255},
					   {10, 0, 2, 2},  {192, 0, 2, 9}};
	static const uint16_t ports[] = {80, 7, 81, 8080, 53, 1000, 0, 49152};
	uint8_t what = rd_u8(r);
	struct weft_sockaddr sa = {.addr.family = WEFT_AF_INET, .port = ports[what >> 3 & 7]};

	memcpy(sa.addr.bytes, addrs[what & 7], 4);
	if (what & 0x40) {
		sa.addr.bytes[3] = rd_u8(r);
		sa.port = (uint16_t)(sa.port + rd_u8(r));
	}
	if (!(what & 0x80))
		return sa;
	what = rd_u8(r);
	if (what & 0x80)
		sockaddr_packet(what & 0x7f, &sa);
	else if (what & 0x7c)
		sockaddr_ip6(what >> 2, &sa);
	else if (what & 2)
		sa.addr.bytes[0] = 224;
	else
		sa.addr.family = what & 1 ? WEFT_AF_UNSPEC : WEFT_AF_INET6;
	return sa;
}

void op_socket(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r), kind = (uint8_t)((what & 7) | what >> 6 << 3);

	(void)world_socket(w, kind, (enum serve)((what >> 3 & 7) % SERVE_KINDS));
}

void op_connect(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	struct weft_sockaddr sa = rd_sockaddr(r);

	if (!slot)
		return;
	if (weft_connect(slot->s, &sa) == -EINPROGRESS)
		slot->n_read = 0;
}

/* The usual way: a new socket, of either family, and its connection in one. */
void op_open(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r);
	struct weft_sockaddr sa = rd_sockaddr(r);
	struct slot *slot =
		world_socket(w, what & 0x40 ? 8 : 0, (enum serve)((what & 0x3f) % SERVE_KINDS));

	if (slot && weft_connect(slot->s, &sa) == -EINPROGRESS && (what & 0x80))
		world_settle(w);
}

void op_bind(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	struct weft_sockaddr sa = rd_sockaddr(r);

	if (slot)
		(void)weft_bind(slot->s, &sa);
}

void op_listen(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	int backlog = rd_u8(r);

	if (backlog > 127) /* negative ones, too */
		backlog -= 256;
	if (slot)
		(void)weft_listen(slot->s, backlog);
}

void op_accept(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r), *new = slot_free(w);
	uint8_t serve = rd_u8(r);
	struct weft_sockaddr peer;
	struct weft_sock *s;

	if (slot && new &&weft_accept(slot->s, &s, serve & 0x80 ? &peer : NULL) == 0)
		slot_set(new, s, (enum serve)((serve & 0x7f) % SERVE_KINDS));
}

static size_t rd_size(struct rd *r)
{
	uint8_t n = rd_u8(r);

	return n < 128 ? n : (size_t)(n - 127) * 544;
}

/* A message in three parts, one of them empty. */
static void iov_split(struct world *w, size_t len, struct weft_iovec iov[3])
{
	iov[0] = (struct weft_iovec){.base = w->buf, .len = len / 3};
	iov[1] = (struct weft_iovec){.base = NULL, .len = 0};
	iov[2] = (struct weft_iovec){.base = w->buf + len / 3, .len = len - len / 3};
}

void op_send(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	size_t len = rd_size(r);
	uint8_t how = rd_u8(r);
	struct weft_sockaddr sa;
	struct weft_iovec iov[3];

	if (!slot || slot->is_mute)
		return;
	w->is_blind |= (how & 3) == 3;
	switch (how & 3) {
	case 0:
		(void)slot_send(slot, len,
				(how & 4 ? WEFT_MSG_MORE : 0) | (how & 8 ? WEFT_MSG_OOB : 0) |
					(how & 16 ? WEFT_MSG_EOR : 0));
		break;
	case 1:
		slot_fill(slot, len);
		iov_split(w, len, iov);
		(void)weft_sendv(slot->s, iov, 3, how & 4 ? WEFT_MSG_DONTWAIT : 0);
		break;
	default:
		sa = rd_sockaddr(r);
		slot_fill(slot, len);
		(void)weft_sendto(slot->s, w->buf, len,
				  (how & 4 ? WEFT_MSG_PEEK : 0) |
					  ((how & 3) == 3 ? WEFT_MSG_FASTOPEN : 0),
				  how & 8 ? NULL : &sa);
		break;
	}
}

void op_recv(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	size_t len = rd_size(r);
	uint8_t how = rd_u8(r);
	struct weft_sockaddr from;
	struct weft_iovec iov[3];
	ptrdiff_t n;

	if (!slot)
		return;
	switch (how & 3) {
	case 0:
	case 1:
		(void)slot_recv(
			slot, len,
			how & (WEFT_MSG_OOB | WEFT_MSG_PEEK | WEFT_MSG_TRUNC | WEFT_MSG_DONTWAIT));
		break;
	case 2:
		iov_split(w, len, iov);
		n = weft_recvv(slot->s, iov, 3, 0);
		if (n > 0 && slot_is_tcp(slot))
			slot_check_read(slot, w->buf, (size_t)n, false);
		break;
	default:
		n = weft_recvfrom(slot->s, w->buf, len, 0, &from);
		if (n > 0 && slot_is_tcp(slot))
			slot_check_read(slot, w->buf, (size_t)n, false);
		break;
	}
}

/*
 * Control messages.
 */

struct control {
	size_t len;
	alignas(8) uint8_t bytes[CONTROL_MAX];
};

static void control_put(struct control *c, int level, int type, const void *data, size_t len)
{
	struct weft_cmsghdr hdr = {.len = sizeof(hdr) + len, .level = level, .type = type};

	if (c->len + weft_cmsg_space(len) > sizeof(c->bytes))
		return;
	memcpy(c->bytes + c->len, &hdr, sizeof(hdr));
	memcpy(c->bytes + c->len + sizeof(hdr), data, len);
	c->len += weft_cmsg_space(len);
}

static void control_pktinfo(struct control *c, uint8_t v, size_t wrong)
{
	static const uint8_t srcs[][4] = {{0}, {10, 0, 0, 1}, {10, 0, 1, 1}, {10, 9, 9, 9}};
	struct weft_in_pktinfo info[2] = {{.ifindex = (v >> 2 & 7) - 1}};

	memcpy(info[0].spec_dst, srcs[v & 3], 4);
	control_put(c, WEFT_IPPROTO_IP, WEFT_IP_PKTINFO, info, sizeof(info[0]) + wrong);
}

static void control_pktinfo6(struct control *c, uint8_t v, size_t wrong)
{
	static const uint8_t srcs[][16] = {
		{0}, {0xfd, [15] = 1}, {0xfd, [7] = 1, [15] = 1}, {0xfd, [15] = 77}};
	struct weft_in6_pktinfo info = {.ifindex = v >> 2 & 7};

	memcpy(info.addr, srcs[v & 3], sizeof(info.addr));
	control_put(c, WEFT_IPPROTO_IPV6, WEFT_IPV6_PKTINFO, &info, sizeof(info) - wrong);
}

/* One message to send: what it is and its value. */
static void rd_control(struct rd *r, struct control *c)
{
	static const struct {
		int level, type;
		size_t len;
	} kinds[] = {
		{WEFT_IPPROTO_IP, WEFT_IP_TTL, 4},
		{WEFT_IPPROTO_IP, WEFT_IP_TOS, 4},
		{WEFT_IPPROTO_IP, WEFT_IP_TOS, 1},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_HOPLIMIT, 4},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_TCLASS, 4},
		{WEFT_IPPROTO_UDP, WEFT_UDP_SEGMENT, 2},
		{WEFT_IPPROTO_UDP, 99, 2},
		{WEFT_IPPROTO_IP, 99, 4},
		{WEFT_IPPROTO_IPV6, 99, 4},
		{WEFT_SOL_SOCKET, 1, 4},
		{WEFT_IPPROTO_TCP, WEFT_TCP_CM_INQ, 4},
	};
	uint8_t what = rd_u8(r), kind = what & 15, value = rd_u8(r);
	size_t wrong = what & 0x80 ? 1 : 0;
	int32_t v[2] = {what & 0x40 ? value * 8 : (int8_t)value, 0};

	if (kind < ARRAY_SIZE(kinds))
		control_put(c, kinds[kind].level, kinds[kind].type, v, kinds[kind].len + wrong);
	else if (kind & 1)
		control_pktinfo(c, value, wrong);
	else
		control_pktinfo6(c, value, wrong);
	/* One that ends behind the end of them all, or before its own header. */
	if ((what & 0x20) && c->len > 8)
		c->len -= 8;
	else if (what & 0x10)
		memset(c->bytes, 0, sizeof(size_t));
}

enum {
	MSG_NAMED = 1 << 0,
	MSG_CONTROLS = 6, /* shift: how many control messages */
};

void op_sendmsg(struct world *w, struct rd *r)
{
	static const uint32_t flags[] = {WEFT_MSG_MORE, WEFT_MSG_FASTOPEN,
					 WEFT_MSG_DONTWAIT | WEFT_MSG_NOSIGNAL, WEFT_MSG_EOR,
					 WEFT_MSG_OOB};
	struct slot *slot = rd_slot(w, r);
	size_t len = rd_size(r);
	uint8_t how = rd_u8(r);
	struct weft_sockaddr sa = {.port = 0};
	struct weft_iovec iov[3];
	struct control c = {.len = 0};
	struct weft_msghdr msg = {.iov = iov, .n_iov = ARRAY_SIZE(iov), .control = c.bytes};
	uint32_t f = 0;

	if (how & MSG_NAMED) {
		sa = rd_sockaddr(r);
		msg.name = &sa;
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(flags); i++)
		f |= how >> (i + 1) & 1 ? flags[i] : 0;
	for (uint8_t i = 0; i < how >> MSG_CONTROLS; i++)
		rd_control(r, &c);
	msg.control_len = c.len;
	if (!slot || slot->is_mute)
		return;
	w->is_blind |= (f & WEFT_MSG_FASTOPEN) != 0;
	slot_fill(slot, len);
	iov_split(w, len, iov);
	(void)weft_sendmsg(slot->s, &msg, f);
}

static void check_controls(struct weft_msghdr *msg, size_t room)
{
	struct weft_cmsghdr *c = NULL;

	assert(msg->control_len <= room);
	while ((c = weft_cmsg_next(msg, c))) {
		assert(c->len >= sizeof(*c));
		assert(c->len <= room);
	}
}

void op_recvmsg(struct world *w, struct rd *r)
{
	static const uint32_t flags[] = {WEFT_MSG_PEEK, WEFT_MSG_TRUNC, WEFT_MSG_ERRQUEUE,
					 WEFT_MSG_OOB};
	static const size_t rooms[] = {0, 16, 24, 40, 64, 100, 200, CONTROL_MAX};
	struct slot *slot = rd_slot(w, r);
	size_t len = rd_size(r);
	uint8_t how = rd_u8(r);
	size_t room = rooms[how >> 5];
	struct weft_sockaddr from;
	struct weft_iovec iov[3];
	struct control c;
	struct weft_msghdr msg = {.name = how & 16 ? NULL : &from,
				  .iov = iov,
				  .n_iov = ARRAY_SIZE(iov),
				  .control = c.bytes,
				  .control_len = room};
	uint32_t f = 0;
	ptrdiff_t n;

	for (uint32_t i = 0; i < ARRAY_SIZE(flags); i++)
		f |= how >> i & 1 ? flags[i] : 0;
	if (!slot)
		return;
	iov_split(w, len, iov);
	n = weft_recvmsg(slot->s, &msg, f);
	if (n < 0)
		return;
	check_controls(&msg, room);
	assert(n <= (ptrdiff_t)len || (f & WEFT_MSG_TRUNC));
	if (n > 0 && slot_is_tcp(slot) && !(f & (WEFT_MSG_OOB | WEFT_MSG_ERRQUEUE)))
		slot_check_read(slot, f & WEFT_MSG_TRUNC ? NULL : w->buf, (size_t)n,
				f & WEFT_MSG_PEEK);
}

void op_ioctl(struct world *w, struct rd *r)
{
	static const unsigned int requests[] = {WEFT_SIOCINQ, WEFT_SIOCOUTQ, WEFT_SIOCOUTQNSD,
						WEFT_SIOCATMARK, 1};
	struct slot *slot = rd_slot(w, r);
	uint8_t what = rd_u8(r);
	int v;

	if (slot)
		(void)weft_ioctl(slot->s, requests[what % ARRAY_SIZE(requests)], &v);
}

void op_finish(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	uint8_t how = rd_u8(r);

	if (!slot)
		return;
	if (how % 8 < 4)
		(void)weft_shutdown(slot->s, how % 8);
	else
		slot_close(slot, how % 8 == 7);
}

void op_serve(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	uint8_t how = rd_u8(r) % SERVE_KINDS;

	if (!slot)
		return;
	slot_serve(slot, (enum serve)how);
}

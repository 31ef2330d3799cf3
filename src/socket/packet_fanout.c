/* SPDX-License-Identifier: MIT */
/*
 * Fanout: sockets that share frames, so that each frame is one socket's. A group has a number, a
 * mode, an EtherType and an interface; who joins must agree in all of them. It lives while it has
 * sockets.
 */
#include <errno.h>
#include <string.h>

#include "socket/packet_priv.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

/*
 * Joining and leaving.
 */

static struct packet_fanout *fanout_find(const struct packet *p, uint16_t id)
{
	struct packet_fanout *fan;

	list_for_each (fan, &p->fanouts, link)
		if (fan->id == id)
			return fan;
	return NULL;
}

static int fanout_id_choose(struct packet *p, uint16_t *ret)
{
	for (uint32_t i = 0; i <= UINT16_MAX; i++) {
		uint16_t id = p->next_fanout_id++;

		if (fanout_find(p, id))
			continue;
		*ret = id;
		return 0;
	}
	return -ENOMEM;
}

static bool fanout_mode_is_known(uint8_t mode, uint16_t flags)
{
	enum {
		FLAGS = WEFT_PACKET_FANOUT_FLAG_ROLLOVER | WEFT_PACKET_FANOUT_FLAG_UNIQUEID |
			WEFT_PACKET_FANOUT_FLAG_IGNORE_OUTGOING
	};

	if (mode > WEFT_PACKET_FANOUT_CBPF || (flags & ~(unsigned int)FLAGS))
		return false;
	return mode != WEFT_PACKET_FANOUT_ROLLOVER || !(flags & WEFT_PACKET_FANOUT_FLAG_ROLLOVER);
}

static struct packet_fanout *fanout_new(const struct packet_sock *ps, uint16_t id, uint8_t mode,
					uint16_t flags)
{
	struct stack *st = ps->ds.sk.stack;
	struct packet_fanout *fan = mem_zalloc(&st->eng->mem, sizeof(*fan));

	if (!fan)
		return NULL;
	fan->id = id;
	fan->mode = mode;
	fan->flags = flags;
	fan->protocol = ps->protocol;
	fan->ifindex = ps->ds.sk.conn.ifindex;
	list_add_tail(&st->packet->fanouts, &fan->link);
	return fan;
}

int packet_fanout_join(struct packet_sock *ps, uint32_t arg)
{
	struct packet *p = ps->ds.sk.stack->packet;
	uint16_t id = (uint16_t)arg, flags = (uint16_t)(arg >> 16 & 0xff00);
	uint8_t mode = (uint8_t)(arg >> 16);
	struct packet_fanout *fan;

	if (!fanout_mode_is_known(mode, flags) || !ps->protocol ||
	    ps->ds.sk.conn.ifindex == UINT32_MAX)
		return -EINVAL;
	if (ps->fanout)
		return -EALREADY;
	if (flags & WEFT_PACKET_FANOUT_FLAG_UNIQUEID) {
		if (id != 0)
			return -EINVAL;
		if (fanout_id_choose(p, &id))
			return -ENOMEM;
		flags &= (uint16_t)~WEFT_PACKET_FANOUT_FLAG_UNIQUEID;
	}
	fan = fanout_find(p, id);
	if (fan && (fan->mode != mode || fan->flags != flags || fan->protocol != ps->protocol ||
		    fan->ifindex != ps->ds.sk.conn.ifindex))
		return -EINVAL;
	if (fan && fan->n_socks == PACKET_FANOUT_SOCKS_MAX)
		return -ENOSPC;
	if (!fan)
		fan = fanout_new(ps, id, mode, flags);
	if (!fan)
		return -ENOMEM;
	fan->socks[fan->n_socks++] = ps;
	ps->fanout = fan;
	return 0;
}

void packet_fanout_leave(struct packet_sock *ps)
{
	struct packet_fanout *fan = ps->fanout;
	struct stack *st = ps->ds.sk.stack;
	uint32_t i = 0;

	if (!fan)
		return;
	while (fan->socks[i] != ps)
		i++;
	/* As in Linux the last one takes the place. */
	fan->socks[i] = fan->socks[--fan->n_socks];
	ps->fanout = NULL;
	if (fan->n_socks)
		return;
	list_del(&fan->link);
	bpf_prog_free(st, fan->prog);
	mem_free(&st->eng->mem, fan, sizeof(*fan));
}

/*
 * Choosing.
 */

/* What both directions of a flow have in common. */
struct flow_key {
	struct ip_addr low, high;
	uint32_t ports; /* the two ports, ordered, or 0 */
	uint8_t proto;
	uint8_t pad[3];
};
static_assert(sizeof(struct flow_key) == 40, "five words to hash");

static void key_addrs(struct flow_key *key, const struct ip_addr *a, const struct ip_addr *b)
{
	bool swap = memcmp(a, b, sizeof(*a)) > 0;

	key->low = swap ? *b : *a;
	key->high = swap ? *a : *b;
}

static void key_ports(struct flow_key *key, const struct pkt *pkt, uint32_t off)
{
	uint16_t a, b;
	uint8_t p[4];

	if (key->proto != IP_PROTO_TCP && key->proto != IP_PROTO_UDP && key->proto != IP_PROTO_SCTP)
		return;
	if (pkt->len < off + sizeof(p))
		return;
	pkt_copy_out(pkt, off, p, sizeof(p));
	a = load_be16(p);
	b = load_be16(p + 2);
	key->ports = a < b ? (uint32_t)a << 16 | b : (uint32_t)b << 16 | a;
}

static bool key_ip4(struct flow_key *key, const struct pkt *pkt)
{
	uint8_t b[IP4_HDR_LEN];
	struct ip_addr src, dst;
	struct ip4_hdr hdr;

	if (pkt->len < ETH_HDR_LEN + sizeof(b))
		return false;
	pkt_copy_out(pkt, ETH_HDR_LEN, b, sizeof(b));
	ip4_hdr_read(b, &hdr);
	src = ip_addr_from_ip4(&hdr.src);
	dst = ip_addr_from_ip4(&hdr.dst);
	key_addrs(key, &src, &dst);
	key->proto = hdr.proto;
	if (!ip4_hdr_is_frag(&hdr))
		key_ports(key, pkt, ETH_HDR_LEN + (uint32_t)hdr.hdr_len);
	return true;
}

static bool key_ip6(struct flow_key *key, const struct pkt *pkt)
{
	uint8_t b[IP6_HDR_LEN];
	struct ip_addr src, dst;
	struct ip6_hdr hdr;

	if (pkt->len < ETH_HDR_LEN + sizeof(b))
		return false;
	pkt_copy_out(pkt, ETH_HDR_LEN, b, sizeof(b));
	ip6_hdr_read(b, &hdr);
	src = ip_addr_from_ip6(&hdr.src);
	dst = ip_addr_from_ip6(&hdr.dst);
	key_addrs(key, &src, &dst);
	key->proto = hdr.next_hdr;
	key_ports(key, pkt, ETH_HDR_LEN + IP6_HDR_LEN);
	return true;
}

/* Keyed, since whoever sends chooses the addresses. 0 for what is no IP. */
static uint32_t flow_hash(const struct packet_frame *f)
{
	struct flow_key key = {0};
	uint64_t words[5];
	bool is_flow = false;

	if (f->hdr.type == ETHERTYPE_IPV4)
		is_flow = key_ip4(&key, f->pkt);
	else if (f->hdr.type == ETHERTYPE_IPV6)
		is_flow = key_ip6(&key, f->pkt);
	if (!is_flow)
		return 0;
	memcpy(words, &key, sizeof(words));
	return (uint32_t)siphash_5u64(&f->st->eng->hash_key, words);
}

static uint32_t fanout_by_program(const struct packet_fanout *fan, const struct packet_frame *f)
{
	const struct sock_bpf_pkt in = {
		.st = f->st,
		.pkt = f->pkt,
		.netif = f->netif,
		.l3_off = (uint32_t)f->pkt->l2_off + ETH_HDR_LEN,
		.protocol = f->hdr.type,
		.type = f->type,
	};

	return fan->prog ? bpf_prog_run(fan->prog, &in) % fan->n_socks : 0;
}

static uint32_t fanout_index(struct packet_fanout *fan, const struct packet_frame *f)
{
	switch (fan->mode) {
	case WEFT_PACKET_FANOUT_HASH:
		return (uint32_t)((uint64_t)flow_hash(f) * fan->n_socks >> 32);
	case WEFT_PACKET_FANOUT_LB:
		return fan->next++ % fan->n_socks;
	case WEFT_PACKET_FANOUT_RND:
		return (uint32_t)rng_below(&f->st->eng->rng, fan->n_socks);
	case WEFT_PACKET_FANOUT_CBPF:
		return fanout_by_program(fan, f);
	default: /* one engine, one queue; rollover begins with the first */
		return 0;
	}
}

struct packet_sock *packet_fanout_choose(struct packet_fanout *fan, const struct packet_frame *f)
{
	bool rolls = fan->mode == WEFT_PACKET_FANOUT_ROLLOVER ||
		     (fan->flags & WEFT_PACKET_FANOUT_FLAG_ROLLOVER);
	uint32_t first = fanout_index(fan, f);

	for (uint32_t i = 0; rolls && i < fan->n_socks; i++) {
		struct packet_sock *ps = fan->socks[(first + i) % fan->n_socks];

		if (packet_has_room(ps, f->pkt))
			return ps;
	}
	return fan->socks[first];
}

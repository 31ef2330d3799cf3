/* SPDX-License-Identifier: MIT */
/* Socket filters; contracts in sock_bpf.h. */
#include "transport/sock_bpf.h"

#include <errno.h>
#include <string.h>

#include "weft/packet.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum {
	ARPHRD_ETHER = 1,
	ARPHRD_LOOPBACK = 772,
	TCP_DOFF_OFF = 12, /* of the data offset in TCP's header */
};

struct bpf_prog {
	uint32_t n_insns;
	struct bpf_insn insns[];
};
static_assert(sizeof(struct bpf_insn) == sizeof(struct weft_sock_filter), "one is the other");

static size_t prog_bytes(uint32_t n_insns)
{
	return sizeof(struct bpf_prog) + n_insns * sizeof(struct bpf_insn);
}

void bpf_prog_free(struct stack *st, struct bpf_prog *prog)
{
	if (prog)
		mem_free(&st->eng->mem, prog, prog_bytes(prog->n_insns));
}

int bpf_prog_set(struct stack *st, struct bpf_prog **slot, const void *val, size_t len)
{
	struct weft_sock_fprog fprog;
	struct bpf_prog *prog;

	if (len != sizeof(fprog))
		return -EINVAL;
	memcpy(&fprog, val, sizeof(fprog));
	if (!fprog.filter || fprog.len == 0 || fprog.len > BPF_INSNS_MAX)
		return -EINVAL;
	prog = mem_alloc(&st->eng->mem, prog_bytes(fprog.len));
	if (!prog)
		return -ENOMEM;
	prog->n_insns = fprog.len;
	memcpy(prog->insns, fprog.filter, fprog.len * sizeof(*prog->insns));
	if (bpf_check(prog->insns, prog->n_insns)) {
		bpf_prog_free(st, prog);
		return -EINVAL;
	}
	bpf_prog_free(st, *slot);
	*slot = prog;
	return 0;
}

/*
 * What programs see.
 */

/* Bytes of a header, which may lie before `data`; they are linear. */
static bool load_header(const struct pkt *pkt, uint32_t hdr_off, uint32_t off, uint32_t n,
			uint8_t *ret)
{
	uint32_t end = pkt_off(pkt) + pkt->lin_len;

	if (hdr_off >= end || off > end - hdr_off || n > end - hdr_off - off)
		return false;
	memcpy(ret, pkt->head + hdr_off + off, n);
	return true;
}

static bool view_load(void *ctx, int32_t off, uint32_t n, uint8_t *ret)
{
	const struct sock_bpf_pkt *in = ctx;
	const struct pkt *pkt = in->pkt;

	if (off >= 0) {
		if (pkt->len < n || (uint32_t)off > pkt->len - n)
			return false;
		pkt_copy_out(pkt, (uint32_t)off, ret, n);
		return true;
	}
	if (off >= BPF_NET_OFF)
		return load_header(pkt, in->l3_off, (uint32_t)(off - BPF_NET_OFF), n, ret);
	if (off >= BPF_LL_OFF && pkt->l2_off != PKT_NO_OFF)
		return load_header(pkt, pkt->l2_off, (uint32_t)(off - BPF_LL_OFF), n, ret);
	return false;
}

static uint32_t l4_hdr_len(const struct pkt *pkt, uint32_t l4_off, uint8_t proto)
{
	uint8_t doff;

	switch (proto) {
	case IP_PROTO_TCP:
		return load_header(pkt, l4_off, TCP_DOFF_OFF, 1, &doff) ? (doff >> 4) * 4u : 0;
	case IP_PROTO_UDP:
	case IP_PROTO_ICMP:
	case IP_PROTO_ICMPV6:
		return 8;
	default:
		return 0;
	}
}

/* Where the payload of TCP, UDP and ICMP begins, from `data` on; else 0. */
static uint32_t view_pay_offset(const struct sock_bpf_pkt *in)
{
	uint8_t b[IP6_HDR_LEN];
	uint32_t l4_off, len;
	struct ip4_hdr hdr4;
	struct ip6_hdr hdr6;
	uint8_t proto;

	if (!load_header(in->pkt, in->l3_off, 0, IP4_HDR_LEN, b))
		return 0;
	if (b[0] >> 4 == 4) {
		ip4_hdr_read(b, &hdr4);
		if (hdr4.frag_off)
			return 0;
		l4_off = in->l3_off + hdr4.hdr_len;
		proto = hdr4.proto;
	} else if (load_header(in->pkt, in->l3_off, 0, IP6_HDR_LEN, b) && b[0] >> 4 == 6) {
		ip6_hdr_read(b, &hdr6);
		l4_off = in->l3_off + IP6_HDR_LEN;
		proto = hdr6.next_hdr;
	} else {
		return 0;
	}
	len = l4_hdr_len(in->pkt, l4_off, proto);
	return len && l4_off + len >= pkt_off(in->pkt) ? l4_off + len - pkt_off(in->pkt) : 0;
}

/* What weft does not have (queues, receive hashes, offloaded VLAN tags, netlink) is 0. */
static uint32_t view_ancillary(void *ctx, enum bpf_ad what)
{
	const struct sock_bpf_pkt *in = ctx;

	switch (what) {
	case BPF_AD_PROTOCOL:
		return in->protocol;
	case BPF_AD_PKTTYPE:
		return in->type;
	case BPF_AD_IFINDEX:
		return in->netif ? in->netif->index : 0;
	case BPF_AD_MARK:
		return in->pkt->mark;
	case BPF_AD_HATYPE:
		if (!in->netif)
			return 0;
		return in->netif->flags & NETIF_LOOPBACK ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
	case BPF_AD_PAY_OFFSET:
		return view_pay_offset(in);
	case BPF_AD_RANDOM:
		return rng_u32(&in->st->eng->rng);
	default:
		return 0;
	}
}

uint32_t bpf_prog_run(const struct bpf_prog *prog, const struct sock_bpf_pkt *in)
{
	const struct bpf_view view = {
		.data = in->pkt->data,
		.lin_len = in->pkt->lin_len,
		.len = in->pkt->len,
		.ctx = (void *)(uintptr_t)in,
		.load = view_load,
		.ancillary = view_ancillary,
	};

	return bpf_run(prog->insns, &view);
}

/*
 * Options.
 */

static int lock_set(struct sock_bpf *bpf, const void *val, size_t len)
{
	int on;

	if (len < sizeof(on))
		return -EINVAL;
	memcpy(&on, val, sizeof(on));
	if (bpf->is_locked && !on)
		return -EPERM;
	bpf->is_locked = on;
	return 0;
}

int sock_bpf_setopt(struct stack *st, struct sock_bpf *bpf, int name, const void *val, size_t len)
{
	switch (name) {
	case WEFT_SO_ATTACH_FILTER:
		return bpf->is_locked ? -EPERM : bpf_prog_set(st, &bpf->prog, val, len);
	case WEFT_SO_DETACH_FILTER:
		if (bpf->is_locked)
			return -EPERM;
		if (!bpf->prog)
			return -ENOENT;
		bpf_prog_free(st, bpf->prog);
		bpf->prog = NULL;
		return 0;
	case WEFT_SO_LOCK_FILTER:
		return lock_set(bpf, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

/* As Linux: `*len` counts instructions, and 0 only asks. */
static int filter_get(const struct sock_bpf *bpf, void *val, size_t *len)
{
	uint32_t n = bpf->prog ? bpf->prog->n_insns : 0;

	if (*len > 0 && *len < n)
		return -EINVAL;
	if (*len > 0 && n > 0)
		memcpy(val, bpf->prog->insns, n * sizeof(struct bpf_insn));
	*len = n;
	return 0;
}

int sock_bpf_getopt(const struct sock_bpf *bpf, int name, void *val, size_t *len)
{
	int v = bpf->is_locked;

	switch (name) {
	case WEFT_SO_GET_FILTER:
		return filter_get(bpf, val, len);
	case WEFT_SO_LOCK_FILTER:
		if (*len > sizeof(v))
			*len = sizeof(v);
		memcpy(val, &v, *len);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

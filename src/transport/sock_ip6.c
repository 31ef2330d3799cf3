/* SPDX-License-Identifier: MIT */
/* Options of level IPv6 about what is sent; the contract is in sock_ip6.h. */
#include "transport/sock_ip6.h"

#include <errno.h>
#include <string.h>

#include "core/engine.h"
#include "ip/ip6.h"
#include "weft/socket.h"

static struct mem *opts_mem(const struct sock *sk)
{
	return &sk->stack->eng->mem;
}

bool sock_ip6_kind(int name, enum ip6_exts_kind *ret)
{
	switch (name) {
	case WEFT_IPV6_HOPOPTS:
		*ret = IP6_EXTS_HOP;
		return true;
	case WEFT_IPV6_RTHDRDSTOPTS:
		*ret = IP6_EXTS_DST0;
		return true;
	case WEFT_IPV6_RTHDR:
		*ret = IP6_EXTS_RT;
		return true;
	case WEFT_IPV6_DSTOPTS:
		*ret = IP6_EXTS_DST1;
		return true;
	default:
		return false;
	}
}

/* Of these bits at most one may be set. */
static bool is_one_of(int v, int bits)
{
	return !(v & bits & ((v & bits) - 1));
}

/* RFC 5014 §4: of each pair at most one; what is not said of a pair stays. */
static int opts_set_srcprefs(struct sock *sk, struct sock_ip6 *o, int v)
{
	const int privacy = WEFT_IPV6_PREFER_SRC_PUBLIC | WEFT_IPV6_PREFER_SRC_TMP |
			    WEFT_IPV6_PREFER_SRC_PUBTMP_DEFAULT;
	const int home = WEFT_IPV6_PREFER_SRC_HOME | WEFT_IPV6_PREFER_SRC_COA;
	const int cga = WEFT_IPV6_PREFER_SRC_CGA | WEFT_IPV6_PREFER_SRC_NONCGA;
	uint8_t prefs = o->srcprefs;

	if (!is_one_of(v, privacy) || !is_one_of(v, home) || !is_one_of(v, cga))
		return -EINVAL;
	if (v & privacy) {
		prefs &= (uint8_t) ~(IP_SRC_PUBLIC | IP_SRC_TEMPORARY);
		prefs |= v & WEFT_IPV6_PREFER_SRC_PUBLIC ? IP_SRC_PUBLIC : 0;
		prefs |= v & WEFT_IPV6_PREFER_SRC_TMP ? IP_SRC_TEMPORARY : 0;
	}
	if (v & home) {
		prefs &= (uint8_t)~IP_SRC_CARE_OF;
		prefs |= v & WEFT_IPV6_PREFER_SRC_COA ? IP_SRC_CARE_OF : 0;
	}
	o->srcprefs = prefs;
	sk->dst = (struct ip_dst){0};
	return 0;
}

static int opts_get_srcprefs(const struct sock_ip6 *o)
{
	int v = WEFT_IPV6_PREFER_SRC_PUBTMP_DEFAULT;

	if (o->srcprefs & IP_SRC_TEMPORARY)
		v = WEFT_IPV6_PREFER_SRC_TMP;
	else if (o->srcprefs & IP_SRC_PUBLIC)
		v = WEFT_IPV6_PREFER_SRC_PUBLIC;
	return v | (o->srcprefs & IP_SRC_CARE_OF ? WEFT_IPV6_PREFER_SRC_COA
						 : WEFT_IPV6_PREFER_SRC_HOME);
}

static int opts_set_int(struct sock *sk, struct sock_ip6 *o, int name, int v)
{
	switch (name) {
	case WEFT_IPV6_MTU:
		if (v && v < IP6_MTU_MIN)
			return -EINVAL;
		o->mtu = v < UINT16_MAX ? (uint16_t)v : UINT16_MAX;
		return 0;
	case WEFT_IPV6_DONTFRAG:
		o->dontfrag = v;
		return 0;
	case WEFT_IPV6_RECVPATHMTU:
		o->recvpathmtu = v;
		return 0;
	case WEFT_IPV6_AUTOFLOWLABEL:
		o->has_autolabel = true;
		o->no_autolabel = !v;
		return 0;
	default:
		return opts_set_srcprefs(sk, o, v);
	}
}

static bool opts_is_int(int name)
{
	return name == WEFT_IPV6_MTU || name == WEFT_IPV6_DONTFRAG ||
	       name == WEFT_IPV6_RECVPATHMTU || name == WEFT_IPV6_AUTOFLOWLABEL ||
	       name == WEFT_IPV6_ADDR_PREFERENCES;
}

bool sock_ip6_has(int name)
{
	enum ip6_exts_kind kind;

	return opts_is_int(name) || sock_ip6_kind(name, &kind);
}

int sock_ip6_set(struct sock *sk, struct sock_ip6 *o, int name, const void *val, size_t len)
{
	enum ip6_exts_kind kind;
	int v = 0;

	if (sk->conn.family != WEFT_AF_INET6)
		return -ENOPROTOOPT;
	if (sock_ip6_kind(name, &kind)) {
		sk->dst = (struct ip_dst){0};
		return ip6_exts_set(opts_mem(sk), &o->exts, kind, val, len);
	}
	if (!opts_is_int(name))
		return -ENOPROTOOPT;
	/* As in Linux, of these two less than an int is 0. */
	if (len < sizeof(v) && name != WEFT_IPV6_DONTFRAG && name != WEFT_IPV6_AUTOFLOWLABEL)
		return -EINVAL;
	if (len >= sizeof(v))
		memcpy(&v, val, sizeof(v));
	return opts_set_int(sk, o, name, v);
}

static int opts_put(void *val, size_t *len, const void *from, size_t n)
{
	*len = *len < n ? *len : n;
	if (*len)
		memcpy(val, from, *len);
	return 0;
}

int sock_ip6_get(const struct sock *sk, const struct sock_ip6 *o, int name, void *val, size_t *len)
{
	static const struct sock_ip6 none;
	enum ip6_exts_kind kind;
	size_t n;
	int v;

	o = o ? o : &none;
	if (sk->conn.family != WEFT_AF_INET6)
		return -ENOPROTOOPT;
	if (sock_ip6_kind(name, &kind)) {
		const uint8_t *p = ip6_exts_get(o->exts, kind, &n);

		return opts_put(val, len, p, n);
	}
	switch (name) {
	case WEFT_IPV6_DONTFRAG:
		v = o->dontfrag;
		break;
	case WEFT_IPV6_RECVPATHMTU:
		v = o->recvpathmtu;
		break;
	case WEFT_IPV6_AUTOFLOWLABEL:
		v = o->has_autolabel ? !o->no_autolabel : sk->stack->ip6->conf.auto_flowlabels;
		break;
	case WEFT_IPV6_ADDR_PREFERENCES:
		v = opts_get_srcprefs(o);
		break;
	default:
		return -ENOPROTOOPT;
	}
	return opts_put(val, len, &v, sizeof(v));
}

int sock_ip6_copy(struct sock *sk, const struct sock_ip6 *from, struct sock_ip6 *ret)
{
	struct ip6_exts *exts;
	int err = ip6_exts_copy(opts_mem(sk), from->exts, &exts);

	if (err)
		return err;
	*ret = *from;
	ret->exts = exts;
	return 0;
}

void sock_ip6_fini(struct sock *sk, struct sock_ip6 *o)
{
	ip6_exts_free(opts_mem(sk), o->exts);
	o->exts = NULL;
}

int sock_ip6_get_pathmtu(uint32_t mtu, void *val, size_t *len)
{
	struct weft_ip6_mtuinfo info = {.mtu = mtu};

	if (*len < sizeof(info))
		return -EINVAL;
	return opts_put(val, len, &info, sizeof(info));
}

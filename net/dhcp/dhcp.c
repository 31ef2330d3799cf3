/* SPDX-License-Identifier: MIT */
/*
 * A DHCP server: what is answered to a message, and to where; the contract is in dhcp.h.
 *
 * RFC-DEVIATION: RFC 2131 §2.2, §3.1: an address is not probed before it is offered; the client
 * does that (§3.1 item 5), and declines it.
 * RFC-DEVIATION: RFC 2131 §4.3.2: a client that is not known and asks for an address gets it when
 * it is free, and a DHCPNAK otherwise, where the RFC has silence: there is no other server here.
 */
#include "net/dhcp/dhcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/load.h"

#define NSEC_PER_SEC INT64_C(1000000000)

enum {
	LEASE_DEFAULT_S = 3600,
	LEASE_MIN_S = 60,
	BATCH = 64, /* messages taken before others have their turn */
	ADDR_BITS = 32,
	PREFIX_LEN_MAX = 30,
	TOO_LONG = DHCP_MSG_MAX + 1,
};

struct dhcp {
	struct weft_netif *nif;
	struct weft_engine *eng;
	struct weft_sock *sock;
	struct dhcp_params params;
	dhcp_addr server, netmask;
	uint32_t lease_s;
	struct dhcp_pool pool;
	void (*on_lease)(void *arg, const struct weft_addr *addr, const uint8_t mac[6]);
	void *arg;
	struct dhcp_stats stats;
	char search[DHCP_SEARCH_MAX][DHCP_DOMAIN_MAX + 1];
	uint8_t buf[TOO_LONG];
};

static struct weft_addr addr_of(dhcp_addr addr)
{
	struct weft_addr ret = {.family = WEFT_AF_INET};

	store_be32(ret.bytes, addr);
	return ret;
}

static dhcp_addr addr_to(const struct weft_addr *addr)
{
	return addr->family == WEFT_AF_INET ? load_be32(addr->bytes) : 0;
}

static bool is_on_link(const struct dhcp *d, dhcp_addr addr)
{
	return addr && (addr & d->netmask) == (d->server & d->netmask);
}

/*
 * To where.
 */

static void reply_send(struct dhcp *d, const uint8_t *buf, size_t len, dhcp_addr to)
{
	struct {
		struct weft_cmsghdr hdr;
		struct weft_in_pktinfo info;
		uint32_t pad;
	} control = {.hdr = {.len = sizeof(control.hdr) + sizeof(control.info),
			     .level = WEFT_IPPROTO_IP,
			     .type = WEFT_IP_PKTINFO},
		     .info = {.ifindex = (int)weft_netif_index(d->nif)}};
	struct weft_sockaddr name = {.addr = addr_of(to), .port = DHCP_CLIENT_PORT};
	const struct weft_iovec iov = {(void *)(uintptr_t)buf, len};
	const struct weft_msghdr msg = {.name = &name,
					.iov = &iov,
					.n_iov = 1,
					.control = &control,
					.control_len = sizeof(control)};

	store_be32(control.info.spec_dst, d->server);
	if (weft_sendmsg(d->sock, &msg, 0) < 0)
		d->stats.n_failed++;
}

/* RFC 2131 §4.1. A client that has no address yet cannot answer who asks for it by ARP, so its
 * hardware's address is made known before. */
static dhcp_addr reply_to(struct dhcp *d, const struct dhcp_query *q,
			  const struct dhcp_reply *reply)
{
	struct weft_addr to = addr_of(reply->yiaddr);

	if (reply->type == DHCP_NAK)
		return UINT32_MAX;
	if (q->ciaddr)
		return q->ciaddr;
	if (q->wants_broadcast || weft_neigh_set(d->nif, &to, q->mac, WEFT_NUD_STALE))
		return UINT32_MAX;
	return reply->yiaddr;
}

static void answer(struct dhcp *d, const struct dhcp_query *q, struct dhcp_reply *reply)
{
	uint8_t buf[DHCP_MSG_MAX];
	size_t len;

	reply->server = d->server;
	len = dhcp_reply_write(q, reply, buf);
	reply_send(d, buf, len, reply_to(d, q, reply));
}

/*
 * What: one function a type of message (RFC 2131 §4.3).
 */

static void refuse(struct dhcp *d, const struct dhcp_query *q, const char *why)
{
	struct dhcp_reply r = {.type = DHCP_NAK, .message = why};

	d->stats.n_naks++;
	answer(d, q, &r);
}

static void acknowledge(struct dhcp *d, const struct dhcp_query *q, struct dhcp_lease *lease,
			int64_t now_ns)
{
	struct dhcp_reply r = {.type = DHCP_ACK,
			       .yiaddr = dhcp_pool_addr(&d->pool, lease),
			       .lease_s = d->lease_s,
			       .params = &d->params};
	struct weft_addr addr = addr_of(r.yiaddr);
	bool is_new = lease->state != DHCP_LEASED || !dhcp_lease_is_of(lease, q) ||
		      dhcp_lease_is_free(lease, now_ns);

	dhcp_pool_give(&d->pool, lease, q, DHCP_LEASED, now_ns + d->lease_s * NSEC_PER_SEC);
	d->stats.n_acks++;
	answer(d, q, &r);
	if (is_new && d->on_lease)
		d->on_lease(d->arg, &addr, q->mac);
}

/* §4.3.1; RFC 4039 §3.1 for a client that wants it in one step. */
static void on_discover(struct dhcp *d, const struct dhcp_query *q, int64_t now_ns)
{
	struct dhcp_lease *lease = dhcp_pool_choose(&d->pool, q, now_ns);
	struct dhcp_reply r = {.type = DHCP_OFFER, .lease_s = d->lease_s, .params = &d->params};

	if (!lease) {
		d->stats.n_full++;
	} else if (q->rapid) {
		acknowledge(d, q, lease, now_ns);
	} else {
		dhcp_pool_give(&d->pool, lease, q, DHCP_OFFERED,
			       now_ns + DHCP_OFFER_S * NSEC_PER_SEC);
		r.yiaddr = dhcp_pool_addr(&d->pool, lease);
		d->stats.n_offers++;
		answer(d, q, &r);
	}
}

/* The client takes another server's offer. */
static void other_chosen(struct dhcp *d, const struct dhcp_query *q, int64_t now_ns)
{
	struct dhcp_lease *lease = dhcp_pool_find(&d->pool, q);

	if (lease && lease->state == DHCP_OFFERED)
		dhcp_lease_free(lease, now_ns);
}

/* §4.3.2: the address is option 50 (SELECTING, INIT-REBOOT) or ciaddr (RENEWING, REBINDING). */
static void on_request(struct dhcp *d, const struct dhcp_query *q, int64_t now_ns)
{
	dhcp_addr addr = q->requested ? q->requested : q->ciaddr;
	struct dhcp_lease *lease = dhcp_pool_at(&d->pool, addr);
	bool is_own = lease && dhcp_lease_is_of(lease, q);

	if (q->server && q->server != d->server)
		other_chosen(d, q, now_ns);
	else if (!lease)
		refuse(d, q, "not an address of this network");
	else if (!is_own && !dhcp_lease_is_free(lease, now_ns))
		refuse(d, q, "the address is another client's");
	else
		acknowledge(d, q, lease, now_ns);
}

/* §4.3.3 */
static void on_decline(struct dhcp *d, const struct dhcp_query *q, int64_t now_ns)
{
	struct dhcp_lease *lease = dhcp_pool_at(&d->pool, q->requested);

	if (q->server != d->server || !lease || !dhcp_lease_is_of(lease, q))
		return;
	d->stats.n_declines++;
	dhcp_lease_decline(lease, now_ns);
}

/* §4.3.4 */
static void on_release(struct dhcp *d, const struct dhcp_query *q, int64_t now_ns)
{
	struct dhcp_lease *lease = dhcp_pool_at(&d->pool, q->ciaddr);

	if (q->server != d->server || !lease || !dhcp_lease_is_of(lease, q))
		return;
	d->stats.n_releases++;
	dhcp_lease_free(lease, now_ns);
}

/* §4.3.5 */
static void on_inform(struct dhcp *d, const struct dhcp_query *q)
{
	struct dhcp_reply r = {.type = DHCP_ACK, .params = &d->params};

	d->stats.n_acks++;
	answer(d, q, &r);
}

static void on_query(struct dhcp *d, const struct dhcp_query *q)
{
	int64_t now_ns = weft_engine_now_ns(d->eng);

	switch (q->type) {
	case DHCP_DISCOVER:
		on_discover(d, q, now_ns);
		break;
	case DHCP_REQUEST:
		on_request(d, q, now_ns);
		break;
	case DHCP_DECLINE:
		on_decline(d, q, now_ns);
		break;
	case DHCP_RELEASE:
		on_release(d, q, now_ns);
		break;
	case DHCP_INFORM:
		on_inform(d, q);
		break;
	default:
		break;
	}
}

/* There is no relay on a link of ours; and nobody elsewhere is told anything, in whose name ever it
 * is asked: only a REQUEST for a foreign address gets a word, which goes to the link. */
static bool is_for_us(const struct dhcp *d, const struct dhcp_query *q)
{
	if (q->giaddr)
		return false;
	if (q->type == DHCP_INFORM && !q->ciaddr)
		return false;
	return !q->ciaddr || is_on_link(d, q->ciaddr) || q->type == DHCP_REQUEST;
}

static void on_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct dhcp *d = arg;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		struct dhcp_query q;
		ptrdiff_t len = weft_recv(s, d->buf, sizeof(d->buf), 0);

		if (len == -EAGAIN)
			return;
		if (len < 0)
			continue; /* an ICMP error about a reply: it is cleared by being read */
		if (len == TOO_LONG || dhcp_query_read(d->buf, (size_t)len, &q) ||
		    !is_for_us(d, &q)) {
			d->stats.n_invalid++;
			continue;
		}
		d->stats.n_queries++;
		on_query(d, &q);
	}
	/* More may wait: being set again, the callback comes once more. */
	weft_on_event(s, on_ready, d);
}

/*
 * Start and end.
 */

static bool range_is_right(const struct dhcp *d)
{
	dhcp_addr first = d->pool.first, last = first + d->pool.n - 1;
	dhcp_addr net = d->server & d->netmask, broadcast = net | ~d->netmask;

	return last >= first && first > net && last < broadcast &&
	       (d->server < first || d->server > last);
}

int dhcp_set_search(struct dhcp *d, const char *const *search, uint32_t n)
{
	int err = dhcp_search_copy(search, n, d->search, d->params.search);

	if (!err)
		d->params.n_search = n;
	return err;
}

static bool config_take(struct dhcp *d, const struct dhcp_config *cfg)
{
	struct dhcp_params *p = &d->params;

	if (cfg->prefix_len < 1 || cfg->prefix_len > PREFIX_LEN_MAX || !cfg->n_addrs ||
	    cfg->n_addrs > DHCP_POOL_MAX || cfg->n_dns > DHCP_DNS_MAX ||
	    (cfg->lease_s && cfg->lease_s < LEASE_MIN_S))
		return false;
	d->lease_s = cfg->lease_s ? cfg->lease_s : LEASE_DEFAULT_S;
	d->server = addr_to(&cfg->server);
	d->netmask = UINT32_MAX << (ADDR_BITS - cfg->prefix_len);
	d->pool.first = addr_to(&cfg->first);
	d->pool.n = cfg->n_addrs;
	p->netmask = d->netmask;
	p->broadcast = d->server | ~d->netmask;
	p->router = addr_to(&cfg->router);
	p->mtu = cfg->mtu;
	for (p->n_dns = 0; p->n_dns < cfg->n_dns; p->n_dns++)
		p->dns[p->n_dns] = addr_to(&cfg->dns[p->n_dns]);
	return !dhcp_set_search(d, cfg->search, cfg->n_search) && d->server && range_is_right(d);
}

static int sock_open(struct dhcp *d, struct weft_stack *st)
{
	struct weft_sockaddr at = {.addr.family = WEFT_AF_INET, .port = DHCP_SERVER_PORT};
	const char *name = weft_netif_name(d->nif);
	int one = 1, err = weft_socket(st, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &d->sock);

	if (err)
		return err;
	err = weft_setsockopt(d->sock, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, name, strlen(name));
	if (!err)
		err = weft_setsockopt(d->sock, WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, &one,
				      sizeof(one));
	if (!err)
		err = weft_bind(d->sock, &at);
	if (!err)
		weft_on_event(d->sock, on_ready, d);
	return err;
}

int dhcp_new(struct weft_netif *nif, struct weft_stack *st, const struct dhcp_config *cfg,
	     struct dhcp **ret)
{
	struct dhcp *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->nif = nif;
	d->eng = weft_stack_engine(st);
	d->on_lease = cfg->on_lease;
	d->arg = cfg->arg;
	err = config_take(d, cfg) ? sock_open(d, st) : -EINVAL;
	if (err) {
		dhcp_free(d);
		return err;
	}
	*ret = d;
	return 0;
}

void dhcp_free(struct dhcp *d)
{
	if (!d)
		return;
	weft_close(d->sock);
	free(d);
}

void dhcp_stats(const struct dhcp *d, struct dhcp_stats *ret)
{
	*ret = d->stats;
}

/* SPDX-License-Identifier: MIT */
/* Duplicate address detection; how it works is in dad.h. */
#include "ip/dad.h"

#include "core/trace.h"
#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "ip/mld.h"
#include "ip/ra.h"
#include "link/neigh.h"
#include "wire/nd.h"

#define NSEC_PER_SEC  INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)

enum {
	LOOP_SOLICITS = 3, /* RFC 7527 §4.1: MAX_MULTICAST_SOLICIT */
};

_Static_assert(sizeof(((struct ip6_ifaddr *)0)->nonces[0]) == ND_NONCE_LEN, "a nonce each");

static struct engine *dad_engine(const struct ip6_ifaddr *ifa)
{
	return ifa->netif->stack->eng;
}

static void dad_trace(const struct ip6_ifaddr *ifa, const char *what)
{
	char ip[IP6_ADDR_STRLEN];

	trace_text(ifa->netif->stack, TRACE_NOTE, 0, "dad %s dev %s: %s",
		   ip6_addr_print(&ifa->addr, ip), ifa->netif->name, what);
}

static void dad_timer_start(struct ip6_ifaddr *ifa, int64_t in_ns)
{
	struct engine *eng = dad_engine(ifa);

	wheel_start(&eng->wheel, &ifa->dad_timer, eng->now_ns + in_ns);
}

/* It is ours. Without memory for that, it is tried again. */
static void dad_succeed(struct ip6_ifaddr *ifa)
{
	if (ip6_ifaddr_set_state(ifa, ip6_life_state(ifa)))
		dad_timer_start(ifa, NSEC_PER_SEC);
}

static void dad_send(struct ip6_ifaddr *ifa)
{
	struct netif *netif = ifa->netif;
	bool has_nonce = netif->ip6->conf.enhanced_dad;

	if (has_nonce) {
		memmove(ifa->nonces[1], ifa->nonces[0],
			sizeof(ifa->nonces) - sizeof(ifa->nonces[0]));
		rng_bytes(&dad_engine(ifa)->rng, ifa->nonces[0], sizeof(ifa->nonces[0]));
		if (ifa->n_nonces < IP6_DAD_NONCES)
			ifa->n_nonces++;
	}
	ifa->dad_left--;
	nd_send_probe(netif, &ifa->addr, has_nonce ? ifa->nonces[0] : NULL);
	dad_timer_start(ifa, nd_retrans_ms(netif) * NSEC_PER_MSEC);
}

static void dad_timer(struct wheel_timer *timer, int64_t now_ns UNUSED)
{
	struct ip6_ifaddr *ifa = container_of(timer, struct ip6_ifaddr, dad_timer);

	if (ifa->dad_is_waiting) {
		ifa->dad_is_waiting = false;
		mld_addrs_changed(ifa->netif); /* RFC 4862 §5.4.2: joins before it asks */
	}
	if (!ifa->dad_left && ifa->dad_is_looped) {
		ifa->dad_is_looped = false;
		ifa->dad_left = LOOP_SOLICITS;
	}
	if (ifa->dad_left)
		dad_send(ifa);
	else
		dad_succeed(ifa);
}

bool dad_is_needed(const struct ip6_ifaddr *ifa)
{
	const struct netif *netif = ifa->netif;
	const struct ip6_if_conf *conf = &netif->ip6->conf;

	return conf->accept_dad != IP6_DAD_OFF && conf->dad_transmits &&
	       !(ifa->flags & IP6_ADDR_F_NODAD) && (netif->flags & NETIF_BROADCAST) &&
	       !(netif->flags & (NETIF_LOOPBACK | NETIF_NOARP));
}

void dad_init(struct ip6_ifaddr *ifa)
{
	wheel_timer_init(&ifa->dad_timer, dad_timer);
	ifa->dad_is_waiting = ifa->state == IP6_ADDR_TENTATIVE;
}

void dad_start(struct ip6_ifaddr *ifa)
{
	const struct ip6_if_conf *conf = &ifa->netif->ip6->conf;
	uint64_t delay_ns = 0;

	if (ifa->state != IP6_ADDR_TENTATIVE || !netif_is_running(ifa->netif))
		return;
	ifa->dad_left = conf->dad_transmits;
	ifa->dad_is_looped = false;
	if (ifa->flags & IP6_ADDR_F_LATE)
		delay_ns = rng_below(&dad_engine(ifa)->rng,
				     (uint64_t)(conf->rtr_solicit_delay_s * NSEC_PER_SEC) + 1);
	dad_timer_start(ifa, (int64_t)delay_ns);
}

void dad_netif_change(struct netif *netif)
{
	struct ip6_ifaddr *ifa;

	list_for_each (ifa, &netif->ip6->addrs, link) {
		if (ifa->state != IP6_ADDR_TENTATIVE)
			continue;
		if (netif_is_running(netif)) {
			dad_start(ifa);
		} else {
			wheel_stop(&dad_engine(ifa)->wheel, &ifa->dad_timer);
			ifa->dad_is_waiting = true;
		}
	}
}

void dad_fail(struct ip6_ifaddr *ifa)
{
	wheel_stop(&dad_engine(ifa)->wheel, &ifa->dad_timer);
	ifa->dad_is_waiting = false;
	dad_trace(ifa, "another node has it");
	mib_inc(ifa->netif->stack, MIB_Ip6DadFailed);
	(void)!ip6_ifaddr_set_state(ifa, IP6_ADDR_DUPLICATE); /* was not valid: cannot fail */
	slaac_dad_failed(ifa);
}

bool dad_solicit_input(struct ip6_ifaddr *ifa, const uint8_t *nonce)
{
	for (uint8_t i = 0; nonce && i < ifa->n_nonces; i++) {
		if (memcmp(nonce, ifa->nonces[i], ND_NONCE_LEN) != 0)
			continue;
		ifa->dad_is_looped = true;
		mib_inc(ifa->netif->stack, MIB_Ip6DadLooped);
		return true;
	}
	dad_fail(ifa);
	return false;
}

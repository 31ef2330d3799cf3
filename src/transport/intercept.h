/* SPDX-License-Identifier: MIT */
/*
 * An intercept: an interface whose stack answers for every destination, by the application's word
 * (weft/intercept.h).
 *
 *	ip4_input, ip6_input	what is not ours is delivered all the same: ip_info.is_foreign
 *	tcp_input		a SYN that no listener takes: tcp_ask_syn() (tcp/tcp_ask.c)
 *	udp_input		what no socket takes: intercept_datagram()
 *	icmp echo		to others: the hook that intercept_init() sets
 *
 * How it works: nothing calls the application from inside the stack. What comes is put on a list or
 * a queue, both bounded, and the work item tells of it when the engine has finished with the
 * frames. A request that is given up while the application knows of it waits on `gone` until the
 * application has been told; one that it does not know of yet goes at once.
 */
#pragma once

#include <string.h>

#include "base/compiler.h"
#include "core/engine.h"
#include "core/stack.h"
#include "pkt/pkt.h"
#include "weft/intercept.h"
#include "wire/udp.h"

struct sock;
struct tcp_ask;
struct tcp_conn;

struct intercept {
	struct netif *netif;
	struct weft_intercept_config cfg;
	struct engine_work work;
	struct weft_intercept_stats stats;
	/* struct tcp_ask, oldest first: the application is to hear of it, has heard of it, is to
	 * hear that it is gone. */
	struct list fresh, told, gone;
	/* What accepted connections are modelled on, IPv4 and IPv6: never in any table. */
	struct tcp_conn *models[2];
	struct pktq queue;  /* datagrams, `data` at the payload; struct intercept_cb in `cb` */
	struct pkt *shown;  /* what the application looks at */
	uint32_t queue_mem; /* bytes of memory behind `queue` */
	bool is_readable;   /* the application is to be told */
	struct weft_iovec iov[1 + PKT_FRAGS_MAX]; /* of `shown` */
};

/* What is remembered of a datagram besides its IP header. */
struct intercept_cb {
	uint16_t sport, dport; /* of an echo: identifier and number */
	uint8_t proto;
};

int intercept_init(struct stack *st) MUST_CHECK;
int intercept_new(struct netif *netif, const struct weft_intercept_config *cfg,
		  struct intercept **ret) MUST_CHECK;
void intercept_free(struct intercept *ic);
/* The application is told of what the lists and the queue have. */
static inline void intercept_wake(struct intercept *ic)
{
	engine_work_defer(ic->netif->stack->eng, &ic->work);
}

/* A datagram, `data` at its header, which has been checked. Takes it on DROP_NONE. */
enum drop intercept_datagram(struct intercept *ic, struct pkt *pkt, const struct udp_hdr *hdr,
			     const struct ip_info *info) MUST_CHECK;
int intercept_recv(struct intercept *ic, struct weft_intercept_msg *ret) MUST_CHECK;
int intercept_send(struct intercept *ic, const struct weft_intercept_msg *msg) MUST_CHECK;

/* intercept_icmp.c */

/* An error that quotes what was sent. `l4` is the head of its transport header, `l4_len` at least 8
 * bytes of it; `quote` of `icmp` follows. Of `icmp` all but the ports is read. */
int intercept_error(struct intercept *ic, const struct weft_icmp_error *icmp, const uint8_t *l4,
		    uint32_t l4_len) MUST_CHECK;
/* The same with the head made from the ports of `icmp`. */
int intercept_error_of(struct intercept *ic, const struct weft_icmp_error *icmp) MUST_CHECK;

/* The answer to a request that there is no way; it is gone. */
void tcp_ask_unreachable(struct tcp_ask *ask, const struct weft_icmp_error *icmp);

/* tcp/tcp_ask.c */

/* All requests are dropped, and the models. */
void tcp_asks_fini(struct intercept *ic);
/* Tells of new requests, and of those that are gone. */
void tcp_asks_tell(struct intercept *ic);
void tcp_ask_info(const struct tcp_ask *ask, struct weft_tcp_request_info *ret);
void tcp_ask_set_data(struct tcp_ask *ask, void *data);
void *tcp_ask_data(const struct tcp_ask *ask);
int tcp_ask_accept(struct tcp_ask *ask, struct sock **ret) MUST_CHECK;
void tcp_ask_refuse(struct tcp_ask *ask);
void tcp_ask_drop(struct tcp_ask *ask);

/* Addresses as the public API has them. */
static inline struct weft_addr intercept_addr(const struct ip_addr *addr)
{
	struct weft_addr ret = {.family = WEFT_AF_INET6};

	if (ip_addr_is_ip4(addr)) {
		ret.family = WEFT_AF_INET;
		memcpy(ret.bytes, addr->b + 12, 4);
	} else {
		memcpy(ret.bytes, addr->b, sizeof(addr->b));
	}
	return ret;
}

/* False: of no known family. */
MUST_CHECK static inline bool intercept_addr_of(const struct weft_addr *addr, struct ip_addr *ret)
{
	struct ip4_addr ip4;

	if (addr->family == WEFT_AF_INET) {
		memcpy(&ip4, addr->bytes, sizeof(ip4));
		*ret = ip_addr_from_ip4(&ip4);
		return true;
	}
	memcpy(ret, addr->bytes, sizeof(*ret));
	return addr->family == WEFT_AF_INET6 && !ip_addr_is_ip4(ret);
}

/* SPDX-License-Identifier: MIT */
/*
 * Trace points: what happened to packets and connections, in a ring in memory.
 *
 * Every packet notes its hops in itself (pkt_hop(), one store). They are copied here only when the
 * packet is dropped, or at every hop when it is PKT_F_TRACED (one packet in `sample_every`, or a
 * filter's choice). State changes of connections and neighbours come here too. The ring overwrites
 * its oldest event; `n_lost` tells how many nobody read in time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fmt.h"
#include "core/netif.h"
#include "pkt/pkt.h"
#include "wire/addr.h"

struct engine;
struct stack;
struct netif;

enum trace_kind {
	TRACE_RX,    /* a traced packet came in on an interface */
	TRACE_TX,    /* a traced packet leaves by an interface */
	TRACE_DROP,  /* a packet was dropped: code is enum drop, hops filled in */
	TRACE_STATE, /* a state machine moved: code is old << 8 | new, text names object and states
		      */
	TRACE_TCP,   /* a connection's figures: tcp */
	TRACE_NOTE,
	TRACE_QUEUE, /* the queue of a link has changed: len is what waits now, frames */
	TRACE_KINDS,
};

enum {
	TRACE_TEXT_MAX = 64,
	TRACE_L3_MAX = 44, /* an IPv6 header and ports; IPv4 without options takes less */
};

/* The figures of a TCP connection after it has dealt with an ACK or a timeout. */
struct trace_tcp {
	uint16_t lport, rport;
	uint32_t cwnd, ssthresh; /* bytes; ssthresh UINT32_MAX: not known yet */
	uint32_t srtt_us;
	uint32_t flight;   /* bytes held to be in the network */
	uint32_t una, nxt; /* numbers since the first byte */
	uint32_t wnd;      /* the peer's, bytes */
	uint64_t rate_bps; /* of pacing; 0: none */
};

/* A state machine that has moved. Most are never read of, so that it is put into words for the
 * reader. */
struct trace_moved {
	void (*print)(const struct trace_moved *moved, uint8_t from, uint8_t to, char *buf,
		      size_t size);
	struct ip_addr addr;
	uint16_t lport, rport;
	char dev[NETIF_NAME_MAX];
};

struct trace_event {
	int64_t now_ns;
	uint32_t trace_id; /* 0: not about a packet */
	uint32_t stack_id;
	uint32_t ifindex; /* 0: none */
	uint32_t len;     /* bytes of the packet from its Ethernet header on */
	uint16_t code;
	uint8_t kind;   /* enum trace_kind */
	uint8_t n_hops; /* valid entries of hops, oldest first */
	uint16_t hops[PKT_HOPS_MAX];
	uint8_t n_l3;             /* valid bytes of l3; 0: the packet is not IP */
	uint8_t l3[TRACE_L3_MAX]; /* first bytes of the IP header: who sends to whom */
	union {
		struct trace_tcp tcp;     /* of TRACE_TCP */
		struct trace_moved moved; /* of TRACE_STATE; in words already: print is NULL */
	};
	char text[TRACE_TEXT_MAX]; /* NUL-terminated; may be empty */
};

struct trace {
	struct trace_event *ring; /* NULL: tracing is off */
	uint32_t n_events;        /* power of two */
	uint64_t head;            /* events ever written */
	uint64_t tail;            /* events read */
	uint64_t n_lost;
	uint32_t sample_every; /* trace one packet in so many; 0: none */
	uint32_t sample_left;
	bool has_figures; /* TRACE_TCP and TRACE_QUEUE are wanted */
	/* Called for each event as it is written, before it can be overwritten; may be NULL. It
	 * must not call into the stack. */
	void (*sink)(void *ctx, const struct trace_event *ev);
	void *sink_ctx;
};

/* 0 or -ENOMEM; n_events 0 switches tracing off, else it is rounded up to a power of two. */
int trace_init(struct engine *eng, uint32_t n_events, uint32_t sample_every) MUST_CHECK;
void trace_fini(struct engine *eng);
/* Notes an event about a packet (or NULL) on an interface (or NULL). */
void trace_pkt(struct stack *st, enum trace_kind kind, const struct pkt *pkt,
	       const struct netif *netif, uint16_t code);
/* Both only when `has_figures`, which the caller looks at. */
void trace_tcp(struct stack *st, const struct trace_tcp *figures);
void trace_queue(struct stack *st, const struct netif *netif, uint32_t n_pkts);
/* From one state to another; `moved` is copied. */
void trace_state(struct stack *st, uint8_t from, uint8_t to, const struct trace_moved *moved);
void trace_text(struct stack *st, enum trace_kind kind, uint16_t code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* Takes the oldest unread event. False: none left. */
bool trace_read(struct engine *eng, struct trace_event *ret) MUST_CHECK;
/* "rx", "drop" … */
const char *trace_kind_name(uint8_t kind);
/* One line of JSON without the newline; stack and interface by name while they exist, else by
 * number. `flow` says who sends to whom; `names` has the name of the stack or interface of each
 * hop, empty where it is not known: of interfaces before the first stack, of what has gone. */
void trace_event_json(const struct engine *eng, const struct trace_event *ev, struct sb *out);

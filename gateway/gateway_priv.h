/* SPDX-License-Identifier: MIT */
/*
 * The inside of the gateway: one section a file.
 *
 * Descriptors: all sockets of the host are in the loop's epoll set, edge-triggered and registered
 * once. So an event costs no epoll_ctl(2), and whoever does not read to the end remembers that
 * there is more (struct gw_flow).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/list.h"
#include "gateway/gateway.h"
#include "weft/intercept.h"
#include "weft/zero.h"

enum {
	GW_CHUNK = 64 * 1024, /* read from the host, for one packet */
	/* Payload of the largest packet: IPv4's and TCP's header with timestamps are 52 bytes. */
	GW_PACKET = 65535 - 52,
	GW_OWN_MAX = 16,
	GW_BUCKETS = 1024,
	GW_HALF_CLASSES = 256,
	GW_BATCH = 32, /* datagrams received at once */
	GW_DGRAM_MAX = 65535,
	GW_DGRAM_HEADERS = 40 + 8, /* IPv6's and UDP's */
	GW_NS_PER_S = 1000000000,
	GW_FLOW_EVENTS = EPOLLIN | EPOLLRDHUP | EPOLLPRI,
};

/* A socket of the host. */
struct gw_fd {
	int fd; /* -1: none */
	uint32_t events;
	struct weft_watch *watch;
	void (*ready)(struct gw_fd *fd, uint32_t events);
};

/* Bytes read from the host, lent to the stack until they are acknowledged. */
struct gw_chunk {
	struct list link;     /* flow->chunks */
	struct gw_flow *flow; /* whose they are; NULL: gone */
	uint32_t refs;        /* the flow's, and one for each time it was lent */
	uint32_t len;         /* bytes in it */
	uint8_t bytes[GW_CHUNK];
};

enum gw_flow_state {
	GW_FLOW_HOST_CONNECTS,  /* outbound: the guest's SYN waits */
	GW_FLOW_GUEST_CONNECTS, /* inbound: ours waits for the guest's answer */
	GW_FLOW_SPLICED,
	GW_FLOW_ENDING, /* the host's side is closed; the guest has not acknowledged all */
};

/*
 * A TCP connection.
 *
 *	guest == sock --(ref)--> host.fd == host	bytes_out
 *	guest == sock <-(chunk)-- host.fd == host	bytes_in
 */
struct gw_flow {
	struct gw_fd host;
	struct gateway *gw;
	struct list link;     /* gw->flows */
	struct list end_link; /* gw->ends */
	enum gw_flow_state state;
	struct weft_tcp_request *req; /* GW_FLOW_HOST_CONNECTS */
	struct weft_sock *sock;       /* from then on */
	struct gw_forward *forward;   /* inbound; NULL: its forward is gone */
	struct weft_sockaddr guest, remote;
	bool is_inbound;
	/* To the host: what the socket has given, from byte `out_off` of it on. */
	struct weft_ref *out_ref;
	size_t out_off, out_len;
	bool out_blocked; /* the host's socket takes no more */
	bool out_watched; /* and the loop tells when it does again */
	bool out_eof;     /* the guest has finished; told with out_done */
	bool out_done;
	/* To the guest. */
	struct gw_chunk *in_chunk; /* the first that the stack has not taken as a whole ... */
	size_t in_off;             /* ... from this byte on ... */
	uint32_t n_unsent;         /* ... of so many; at 0 it may be read into again */
	size_t in_unit;     /* bytes to read into each: GW_CHUNK at first, then by in_unit() */
	uint32_t in_burst;  /* chunks to read into at once */
	struct list chunks; /* all that are not back, in the order of their bytes */
	uint32_t n_chunks;
	bool in_more;    /* the host's socket may have bytes */
	bool in_ends;    /* ... or an end, or a mark: a short read does not say that it is empty */
	bool in_blocked; /* the guest's socket takes no more */
	bool in_eof;
	bool in_done;
	uint64_t bytes_out, bytes_in;
	uint64_t told_out, told_in; /* of them, counted by the forward */
	int64_t start_ns, moved_ns;
	/* The guest has not completed it (half.c). */
	bool is_half;
	int64_t half_ns; /* since then */
	struct gw_half *half_class;
	struct list half_link, half_class_link;
};

/* Flows that the guest has not completed, to some of all destinations. */
struct gw_half {
	struct list flows; /* the oldest first */
	uint32_t n;
};

/* Whom a mapping has sent to. */
struct gw_peer {
	struct weft_addr addr; /* as the host sees it */
	uint16_t port;
};

/* A UDP port of the guest, or an identifier of its echo requests, and the host's socket for it. */
struct gw_map {
	struct gw_fd host;
	struct gateway *gw;
	struct list link;            /* gw->maps, the one idle longest first */
	struct hlist_node hash_link; /* gw->buckets */
	uint8_t proto;               /* WEFT_IPPROTO_UDP, _ICMP, _ICMPV6 */
	struct weft_sockaddr guest;  /* of an echo, port is the identifier */
	struct gw_peer *peers;       /* of UDP, the latest last, as a ring */
	uint32_t n_peers, cap_peers;
	uint16_t segment_max; /* larger datagrams go one by one: the way out takes no more together
			       */
	/* It serves one client of a forward, by the forward's socket; NULL: it is the guest's own.
	 */
	struct gw_forward *forward;
	struct gw_listener *listener;
	struct weft_sockaddr client; /* who it is ... */
	struct weft_sockaddr shown;  /* ... and as whom the guest sees it */
	struct weft_addr local;      /* the host's address that it speaks to */
	/* What the host's socket is set to. */
	int ttl, tos, df;
	uint16_t seq_last;
	uint64_t bytes_out, bytes_in;
	int64_t start_ns, moved_ns;
};

/* Datagrams that one call has read from a socket of the host. */
struct gw_batch {
	struct mmsghdr vec[GW_BATCH];
	struct weft_iovec iov[GW_BATCH];
	struct sockaddr_storage from[GW_BATCH];
	struct weft_addr local[GW_BATCH]; /* to which address of ours, where the socket tells */
	uint16_t sizes[GW_BATCH];         /* of each of many that came as one; 0: it is one */
	char control[GW_BATCH][128] __attribute__((aligned(8)));
	int n, next; /* read; the first that was not taken out */
	size_t off;  /* ... and what of it was */
	struct weft_iovec part;
};

/* Those of a batch that are one to the guest. */
struct gw_group {
	const struct sockaddr_storage *from;
	const struct weft_addr *local;
	const struct weft_iovec *iov;
	size_t n_iov, len;
	uint16_t gso_size; /* 0: a single one */
	uint32_t n_dgrams;
};

/* Datagrams of the guest that go to the host in one call; see batch.c. */
struct gw_burst {
	struct gw_map *map;             /* NULL: none wait */
	struct weft_intercept_msg head; /* the first; its bytes are copied */
	struct weft_sockaddr to;        /* head.dst, as the host knows it */
	uint32_t n_dgrams;
	size_t len;
	struct weft_iovec iov;
	uint8_t *bytes; /* room for the largest; somebody else's between bursts */
};

/* One port of a forward. */
struct gw_listener {
	struct gw_fd host;
	struct gw_forward *forward;
	uint16_t index;  /* from the first port */
	bool is_starved; /* clients wait: there was no descriptor for them */
};
struct gw_forward {
	struct gateway *gw;
	struct list link; /* gw->forwards */
	struct gateway_forward_info info;
	struct gw_listener *listeners; /* one a port, twice with both families */
	uint32_t n_listeners;
};

struct gateway {
	struct weft_loop *loop;
	struct weft_engine *eng;
	struct weft_stack *st;
	struct weft_netif *nif;
	struct weft_intercept *ic;
	struct gateway_config cfg; /* its pointers are unused */
	struct gateway_map maps_addr[GATEWAY_MAPS_MAX];
	size_t n_maps_addr;
	struct gateway_rule_info *rules;
	size_t n_rules;
	uint32_t next_rule_id;
	struct weft_addr own[GW_OWN_MAX]; /* the stack's own addresses on the interface */
	size_t n_own;
	struct list flows, maps, forwards;
	struct list half; /* of flows, the oldest first */
	struct gw_half halves[GW_HALF_CLASSES];
	uint32_t n_chunks; /* of all flows */
	struct hlist buckets[GW_BUCKETS];
	struct siphash_key hash_key;
	struct weft_timer *sweep;
	struct list ends; /* flows whose guest has finished; the host is told after all else */
	struct weft_timer *end_timer;
	int addr_fd;          /* says when the host loses an address; -1: nobody does */
	int64_t addr_gone_ns; /* one went then, and was not looked for yet; 0: none */
	uint32_t next_id;
	uint32_t n_forward_ports;
	bool can_ping[2]; /* IPv4, IPv6 */
	uint8_t *dgrams;  /* GW_BATCH of GW_DGRAM_MAX, for whoever reads or sends just now */
	struct gw_burst burst;
	int64_t icmp_s;
	uint32_t icmp_n;
	struct gateway_stats stats;
	struct gateway_refused refused[GATEWAY_REFUSED_MAX]; /* a ring; ago_ns: when */
	uint64_t n_refused;
	bool is_ending;
};

/* gateway.c */

int64_t gw_now(const struct gateway *gw);
/* Has the loop watch a socket for `events` of epoll(7), edge-triggered. 0 or -Exxx; `fd` stays the
 * caller's then. */
int gw_fd_add(struct gateway *gw, struct gw_fd *gfd, int fd, uint32_t events,
	      void (*ready)(struct gw_fd *fd, uint32_t events)) MUST_CHECK;
/* One more may be opened. */
bool gw_fd_fits(const struct gateway *gw);
/* There is more than one turn is for: it is ready again in the next one, after the others. */
void gw_fd_again(struct gw_fd *gfd);
/* Other events from now on. 0 or -Exxx. */
int gw_fd_set(struct gw_fd *gfd, uint32_t events) MUST_CHECK;
/* Closes it; -1 is fine. */
void gw_fd_close(struct gateway *gw, struct gw_fd *gfd);
/* The source is one of the guest's. */
bool gw_source_ok(const struct gateway *gw, const struct weft_addr *src);
/* Whether the guest may speak to `dst`, and what that is on the host. */
enum gw_verdict {
	GW_ALLOWED,
	GW_DENIED,  /* by a rule */
	GW_NOBODY,  /* an address of the gateway's, which stands for nothing */
	GW_ON_LINK, /* an address of the guest's own link, which nobody has */
};
enum gw_verdict gw_check(const struct gateway *gw, uint8_t proto, const struct weft_sockaddr *dst,
			 struct weft_sockaddr *ret_host) MUST_CHECK;
/* How the guest sees an address of the host's. */
struct weft_addr gw_seen(const struct gateway *gw, const struct weft_addr *host);
/* ICMP's words: type and code of a refusal. */
void gw_icmp_of(uint8_t family, enum gw_verdict why, struct weft_icmp_error *ret);
/* Type and code of what the host's kernel has said (a positive errno). */
void gw_icmp_of_errno(uint8_t family, int err, struct weft_icmp_error *ret);
/* One more ICMP error may go to the guest in this second. */
bool gw_icmp_allow(struct gateway *gw) MUST_CHECK;

static inline bool gw_addr_eq(const struct weft_addr *a, const struct weft_addr *b)
{
	return a->family == b->family &&
	       __builtin_memcmp(a->bytes, b->bytes, a->family == WEFT_AF_INET ? 4 : 16) == 0;
}
bool gw_in_prefix(const struct weft_addr *addr, const struct weft_addr *prefix, uint8_t len);
bool gw_is_loopback(const struct weft_addr *addr);
/* It stands for one of the host's. */
bool gw_is_map(const struct gateway *gw, const struct weft_addr *addr);

/* host.c */

socklen_t gw_sockaddr_to(const struct weft_sockaddr *sa, struct sockaddr_storage *ret);
bool gw_sockaddr_of(const struct sockaddr_storage *ss, struct weft_sockaddr *ret);
/* A socket of the host, not blocking, with the device that the configuration binds to. Descriptor
 * or -Exxx. */
int gw_socket(const struct gateway *gw, int family, int type, int protocol) MUST_CHECK;
/* It has the address that the configuration binds to, where there is one of that family: 0, -Exxx.
 */
int gw_bind_outbound(const struct gateway *gw, int fd, uint8_t family) MUST_CHECK;
int gw_opt(int fd, int level, int name, int value);
/* The next close of it sends a RST. */
void gw_reset_on_close(int fd);

/* flow_open.c */

void gw_flow_request(struct gateway *gw, struct weft_tcp_request *req);
void gw_flow_cancelled(struct gateway *gw, struct weft_tcp_request *req);
/* A client of a forward: takes the descriptor. */
void gw_flow_inbound(struct gw_forward *fw, uint16_t index, int fd,
		     const struct weft_sockaddr *client);
/* The host could not connect, for `err`, a positive errno, which the guest is told; frees it. */
void gw_flow_host_failed(struct gw_flow *flow, int err);

/* half.c */

void gw_half_init(struct gateway *gw);
/* One more to that destination may be begun; an older one may have been ended for it. */
bool gw_half_has_room(struct gateway *gw, const struct weft_sockaddr *to) MUST_CHECK;
/* The oldest of all has been ended. False: there is none, or it is too young. */
bool gw_half_make_room(struct gateway *gw) MUST_CHECK;
void gw_half_add(struct gw_flow *flow, const struct weft_sockaddr *to);
/* It is completed, or ends. */
void gw_half_del(struct gw_flow *flow);
/* Whether the guest has completed it. */
void gw_half_look(struct gw_flow *flow);

/* flow.c */

/* In gw->flows; NULL: no memory. */
struct gw_flow *gw_flow_new(struct gateway *gw, enum gw_flow_state state);
/* Only of one whose `req` and `sock` have ended otherwise; closes the descriptor. */
void gw_flow_free(struct gw_flow *flow);
void gw_flow_set_state(struct gw_flow *flow, enum gw_flow_state state);
/* Moves what can move, both ways; the connection may be gone afterwards. */
void gw_flow_pump(struct gw_flow *flow);
/* For weft_on_event() of `sock`, with the connection. */
void gw_flow_guest_event(struct weft_sock *s, void *arg, uint32_t events);
/* For `host`, once it is connected. */
void gw_flow_host_ready(struct gw_fd *gfd, uint32_t events);
/* What epoll(7) says of `host`, for the next pump. */
void gw_flow_note_events(struct gw_flow *flow, uint32_t events);
/* Both sides are reset. */
void gw_flow_abort(struct gw_flow *flow);
void gw_flows_abort(struct gateway *gw);
/* Those whose host does not answer end, and those that a guest leaves unacknowledged at their end;
 * those that found no memory try again. */
void gw_flow_sweep(struct gateway *gw);
/* The host is told that guests have finished. */
void gw_flow_ends(struct gateway *gw);
void gw_flow_show(const struct gw_flow *flow, struct gateway_flow_info *ret);

/* hostaddr.c */

void gw_hostaddr_open(struct gateway *gw);
void gw_hostaddr_close(struct gateway *gw);
/* Connections whose address the host has lost are reset. */
void gw_hostaddr_sweep(struct gateway *gw);

/* rules.c */

/* The first rule that fits decides, and counts it; without one it is allowed. */
bool gw_rules_allow(const struct gateway *gw, uint8_t proto,
		    const struct weft_sockaddr *to) MUST_CHECK;

/* The rule that denies it; 0: none. Counts nothing. */
uint32_t gw_rules_which(const struct gateway *gw, uint8_t proto,
			const struct weft_sockaddr *to) MUST_CHECK;

/* refused.c */

void gw_refused_note(struct gateway *gw, const struct gateway_refused *what);
/* By gw_check(). */
void gw_refused_verdict(struct gateway *gw, uint8_t proto, const struct weft_sockaddr *src,
			const struct weft_sockaddr *dst, enum gw_verdict verdict);
/* A positive errno that says that nothing is left. */
bool gw_is_full(int err) MUST_CHECK;
/* The host said `err`, a positive errno. */
void gw_refused_host(struct gateway *gw, uint8_t proto, const struct weft_sockaddr *src,
		     const struct weft_sockaddr *dst, int err);
/* A client of a forward was not let in; `err` as above, 0: none. */
void gw_refused_client(const struct gw_forward *fw, uint8_t proto,
		       const struct weft_sockaddr *client, const struct weft_sockaddr *guest,
		       int err);

/* batch.c */

/* Reads what waits into `buf` (GW_BATCH of GW_DGRAM_MAX): how many messages, or -Exxx. */
int gw_batch_recv(struct gw_batch *b, int fd, uint8_t *buf) MUST_CHECK;
/* Takes out the next that go to the guest as one: datagrams of more than `size_max` do so alone.
 * False: there are no more. */
bool gw_batch_next(struct gw_batch *b, size_t size_max, struct gw_group *ret) MUST_CHECK;
/* It goes with those that wait. */
bool gw_burst_takes(const struct gw_burst *burst, const struct weft_intercept_msg *msg) MUST_CHECK;
void gw_burst_add(struct gw_burst *burst, const struct weft_intercept_msg *msg);
/* None waits; this one may have others behind it. False: it does not wait. */
bool gw_burst_start(struct gw_burst *burst, struct gw_map *map,
		    const struct weft_intercept_msg *msg,
		    const struct weft_sockaddr *to) MUST_CHECK;
/* All that wait, as one message: by which mapping and to whom it goes. NULL: none. */
struct gw_map *gw_burst_end(struct gw_burst *burst, struct weft_intercept_msg *ret,
			    struct weft_sockaddr *ret_to) MUST_CHECK;

/* dgram.c, echo.c */

/* The largest datagram of many that go to the guest as one. */
size_t gw_segment_max(const struct gateway *gw);

void gw_dgram_readable(struct gateway *gw);
void gw_dgram_sweep(struct gateway *gw);
void gw_dgram_show(const struct gw_map *map, struct gateway_flow_info *ret);
/* An ICMP error about a message of the guest's, if one may go: type, code, reporter of `icmp`. */
void gw_dgram_refuse(struct gateway *gw, const struct weft_intercept_msg *msg,
		     const struct weft_icmp_error *icmp);
/* What the host's socket said at once (a positive errno), without an entry in its error queue. */
void gw_dgram_send_failed(struct gw_map *map, const struct weft_intercept_msg *msg, int err);
/* The mapping of a guest's port, made if there is none: 0, -Exxx. */
int gw_map_get(struct gateway *gw, uint8_t proto, const struct weft_sockaddr *guest,
	       struct gw_map **ret) MUST_CHECK;
/* There is none for what the guest has sent (a positive errno): it is noted, and the guest told
 * what no limit of ours is. */
void gw_map_failed(struct gateway *gw, const struct weft_intercept_msg *msg, int err);
void gw_map_free(struct gw_map *map);
void gw_maps_free(struct gateway *gw);
/* A client of a forward: with `shown` and `guest` as given, and no socket of its own. */
struct gw_map *gw_map_find_client(struct gateway *gw, const struct weft_sockaddr *shown,
				  const struct weft_sockaddr *guest) MUST_CHECK;
struct gw_map *gw_map_new_client(struct gw_listener *listener, const struct weft_sockaddr *client,
				 const struct weft_sockaddr *shown,
				 const struct weft_sockaddr *guest) MUST_CHECK;
/* It was used: it is the last to give way. */
void gw_map_touch(struct gw_map *map);
/* TTL and TOS of the host's socket are those of the message, after one hop. */
void gw_map_set_ip(struct gw_map *map, const struct weft_intercept_msg *msg);
/* What the error queue of its socket has, as ICMP errors to the guest. */
void gw_map_errors(struct gw_map *map);
void gw_echo_open(struct gateway *gw);
/* A ping socket for a mapping. -EACCES: the host does not allow it. */
int gw_echo_socket(struct gw_map *map) MUST_CHECK;
void gw_echo_out(struct gateway *gw, const struct weft_intercept_msg *msg);

/* forward.c */

void gw_forwards_free(struct gateway *gw);
/* Clients that no descriptor was left for are let in when there is one. */
void gw_forwards_sweep(struct gateway *gw);
/* Where a forward leads: the guest, for a client of that family. AF_UNSPEC: nowhere. */
struct weft_sockaddr gw_forward_target(const struct gw_forward *fw, uint16_t index, uint8_t family);
/* A client may appear with its own address: the guest's answer to that comes back to us. */
bool gw_forward_shows(const struct gw_forward *fw, const struct weft_sockaddr *client);
void gw_forward_note(struct gw_forward *fw, const char *state);

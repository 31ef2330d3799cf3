/* SPDX-License-Identifier: MIT */
/*
 * Answering for every destination: what a host behind an interface sends to anybody comes to the
 * application, which decides what becomes of it. For gateways that end connections and go on with
 * sockets of their own.
 *
 * An intercept belongs to one interface. It gets what comes in there with a unicast destination
 * that is not the stack's, and what is for the stack's own addresses when no socket wants it:
 *	TCP	a SYN waits as a request until the application accepts it (SYN-ACK, and a socket),
 *		refuses it (RST), says that there is no way (ICMP) or drops it
 *	UDP	datagrams in a bounded queue; answers may come from any address
 *	echo	ICMP echo requests the same way, but those to the stack's own addresses
 * All other protocols are told that there is nobody (protocol unreachable). What has no hop left
 * (TTL 1) gets a time exceeded, as from any router. Addresses of the link stay its own: for those
 * that nobody has no ARP and no neighbour advertisement is answered.
 *
 * The stack forwards nothing of what an intercept has. Callbacks come from weft_engine_run() only,
 * and may call anything here and of the socket API.
 */
#pragma once

#include "weft/netif.h"
#include "weft/socket.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weft_intercept;
/* A SYN that waits for an answer. The application's until it answers; see `cancelled`. */
struct weft_tcp_request;

struct weft_intercept_config {
	/* A new request. Its repetitions are absorbed until it is answered. */
	void (*request)(void *arg, struct weft_tcp_request *req);
	/* The request is gone: its host has given it up or begun anew, or it was the oldest when
	 * there was no room and had waited for 5 s. It must not be used any more. */
	void (*cancelled)(void *arg, struct weft_tcp_request *req);
	/* weft_intercept_recv() has something. Once for any number of datagrams. */
	void (*readable)(void *arg);
	void *arg;
	/* Requests that wait. At the bound the oldest gives way when it has waited long enough,
	 * else the newcomer is dropped (TCP_REQUESTS_FULL), and its host sends it again. 0: 1024.
	 */
	uint32_t max_requests;
	/* Memory behind datagrams that wait to be read; what does not fit is dropped
	 * (INTERCEPT_QUEUE). 0: 1 MiB. */
	uint32_t max_queue_bytes;
};

/* -EEXIST: the interface has one; -ENOMEM. */
WEFT_API int weft_intercept_new(struct weft_netif *nif, const struct weft_intercept_config *cfg,
				struct weft_intercept **ret);
/* Requests that wait are dropped, without a word to anybody; accepted sockets stay. Goes with its
 * interface too, so either this is called before, or never; not from a callback of it. NULL is
 * fine. */
WEFT_API void weft_intercept_free(struct weft_intercept *ic);

struct weft_intercept_stats {
	uint64_t requests, refused_full,
		cancelled; /* refused_full: dropped or given way at the bound */
	uint64_t datagrams, echoes, dropped_full;
	uint32_t n_requests;  /* that wait now */
	uint32_t queue_bytes; /* that are not read */
};
WEFT_API void weft_intercept_stats(const struct weft_intercept *ic,
				   struct weft_intercept_stats *ret);

/*
 * TCP.
 */

struct weft_tcp_request_info {
	struct weft_sockaddr src, dst; /* who wants to speak to whom */
	uint8_t ttl, tos;
	uint16_t mss; /* 0: none said */
	uint16_t window;
	bool has_ts, has_sack, has_wscale, has_ecn; /* asked for and to be agreed to */
	int64_t since_ns;                           /* when it came */
};
WEFT_API void weft_tcp_request_info(const struct weft_tcp_request *req,
				    struct weft_tcp_request_info *ret);
/* A pointer of the application's; NULL at first. */
WEFT_API void weft_tcp_request_set_data(struct weft_tcp_request *req, void *data);
WEFT_API void *weft_tcp_request_data(const struct weft_tcp_request *req);

/* Answers; the request is gone after each of them, but for an accept that fails. */

/* The SYN-ACK goes out, and `*ret` is the connection's socket, bound to the address that was asked
 * for. What is sent before the handshake has ended follows the SYN-ACK. -ENOMEM, or a limit of the
 * stack's (weft/limit.h: -ENFILE, -ENOBUFS, -ECONNREFUSED): the request is as it was;
 * -ECONNABORTED: it had just been cancelled, and is gone without another word. */
WEFT_API int weft_tcp_request_accept(struct weft_tcp_request *req, struct weft_sock **ret);
/* A reset: nobody listens there. */
WEFT_API void weft_tcp_request_refuse(struct weft_tcp_request *req);
/* Nothing is said; when the SYN comes again it is a new request. */
WEFT_API void weft_tcp_request_drop(struct weft_tcp_request *req);
/* An ICMP error about the SYN; what of `icmp` is about the subject is filled in. */
struct weft_icmp_error;
WEFT_API void weft_tcp_request_unreachable(struct weft_tcp_request *req,
					   const struct weft_icmp_error *icmp);

/*
 * Datagrams and echo requests.
 */

struct weft_intercept_msg {
	struct weft_sockaddr src,
		dst;   /* of an echo, src.port is its identifier, dst.port its number */
	uint8_t proto; /* WEFT_IPPROTO_UDP, _ICMP or _ICMPV6 */
	uint8_t ttl;   /* of what was received; to send, 0: the default */
	uint8_t tos;
	bool df;                      /* IPv4: it must not be fragmented; IPv6 packets never are */
	const struct weft_iovec *iov; /* the payload: of an echo, what follows its header */
	size_t n_iov;
	size_t len; /* their sum; not read to send */
	/* UDP: 0, or as many datagrams of that size, the last may be shorter, 64 at most. */
	uint16_t gso_size;
};

/* The oldest message that waits, where it came in: `iov` is good until the next call of this or
 * weft_intercept_free(). -EAGAIN: none. */
WEFT_API int weft_intercept_recv(struct weft_intercept *ic, struct weft_intercept_msg *ret);
/* Sends a datagram, or an echo reply (with the identifier in dst.port and the number in src.port),
 * from any address to a host behind the interface. 0; -EINVAL; -EMSGSIZE; -EHOSTUNREACH: there is
 * no way to it by this interface; -ENOBUFS. */
WEFT_API int weft_intercept_send(struct weft_intercept *ic, const struct weft_intercept_msg *msg);

/*
 * ICMP errors about what a host behind the interface has sent: passed on, or made. They are not
 * limited: who passes them on has to.
 */
struct weft_icmp_error {
	struct weft_addr from; /* who reports it; WEFT_AF_UNSPEC: we do */
	uint8_t type, code;    /* of the family of the subject */
	uint32_t info;         /* MTU of "too big", pointer of a parameter problem; else 0 */
	/* The subject, as it was received: addresses and ports (of an echo as above), protocol. */
	uint8_t proto;
	struct weft_sockaddr src, dst;
	uint32_t subject_len; /* bytes of its payload, 0 to say the quote's */
	const void *quote;    /* the beginning of its payload; what is too long is cut */
	size_t quote_len;
};
/* 0; -EINVAL; -EHOSTUNREACH; -ENOBUFS. */
WEFT_API int weft_intercept_error(struct weft_intercept *ic, const struct weft_icmp_error *icmp);

/* Options of level IPPROTO_IP and IPPROTO_IPV6, int: the socket may be bound to an address that is
 * not the stack's, to speak in its owner's name; before bind. */
enum {
	WEFT_IP_TRANSPARENT = 19,
	WEFT_IPV6_TRANSPARENT = 75,
};

#ifdef __cplusplus
}
#endif

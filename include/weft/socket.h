/* SPDX-License-Identifier: MIT */
/*
 * Sockets: BSD semantics without blocking.
 *
 * Nothing waits: a call that could not finish returns -EAGAIN or -EINPROGRESS, and the socket's
 * callback tells when to try again. Callbacks come from weft_engine_run() only, never from inside a
 * call that the application makes, once for any number of changes since the last one. They may make
 * any socket call, including weft_close() of their own socket.
 */
#pragma once

#include "weft/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Socket types, protocols, levels, options and flags with Linux's values. */
enum {
	WEFT_SOCK_STREAM = 1,
	WEFT_SOCK_DGRAM = 2,
	WEFT_SOCK_RAW = 3,
};
enum {
	WEFT_IPPROTO_IP = 0,
	WEFT_IPPROTO_ICMP = 1,
	WEFT_IPPROTO_TCP = 6,
	WEFT_IPPROTO_UDP = 17,
	WEFT_IPPROTO_IPV6 = 41,
	WEFT_IPPROTO_ICMPV6 = 58,
	WEFT_IPPROTO_RAW = 255, /* raw sockets: what is sent has its IP header */
};
enum {
	WEFT_SOL_SOCKET = 1,
	WEFT_SO_REUSEADDR = 2,
	WEFT_SO_TYPE = 3,
	WEFT_SO_ERROR = 4,
	WEFT_SO_BROADCAST = 6,
	WEFT_SO_SNDBUF = 7,
	WEFT_SO_RCVBUF = 8,
	WEFT_SO_KEEPALIVE = 9,
	WEFT_SO_OOBINLINE = 10, /* urgent data stays in the stream */
	WEFT_SO_LINGER = 13,
	WEFT_SO_REUSEPORT = 15,
	WEFT_SO_RCVLOWAT = 18,     /* streams: bytes that make it readable; datagrams: kept only */
	WEFT_SO_SNDLOWAT = 19,     /* to read: 1 */
	WEFT_SO_BINDTODEVICE = 25, /* an interface's name; empty: any */
	WEFT_SO_TIMESTAMP = 29,    /* weft_recvmsg() tells when it came: struct weft_timeval */
	WEFT_SO_ACCEPTCONN = 30,
	WEFT_SO_TIMESTAMPNS = 35,     /* the same with struct weft_timespec */
	WEFT_SO_TIMESTAMPING = 37,    /* WEFT_SOF_*: struct weft_scm_timestamping */
	WEFT_SO_MARK = 36,            /* a number that goes with routing decisions */
	WEFT_SO_MAX_PACING_RATE = 47, /* bytes a second, 32 or 64 bits; all ones: any */
	WEFT_SO_PROTOCOL = 38,
	WEFT_SO_DOMAIN = 39,
	/* uint32_t: who pays for the socket (weft/limit.h); no option of Linux. -EMFILE, -ENOMEM */
	WEFT_SO_OWNER = 0x77010002,
	WEFT_TCP_NODELAY = 1,
	WEFT_TCP_MAXSEG = 2,
	WEFT_TCP_CORK = 3,
	WEFT_TCP_KEEPIDLE = 4,  /* s */
	WEFT_TCP_KEEPINTVL = 5, /* s */
	WEFT_TCP_KEEPCNT = 6,
	WEFT_TCP_SYNCNT = 7,        /* SYNs sent again before a connect is given up */
	WEFT_TCP_LINGER2 = 8,       /* s in FIN-WAIT-2 after close; 0: the default; -1: none */
	WEFT_TCP_DEFER_ACCEPT = 9,  /* s for which a listener waits for the first data */
	WEFT_TCP_WINDOW_CLAMP = 10, /* bytes offered at most; 0: no such bound */
	WEFT_TCP_INFO_LINUX = 11,   /* struct weft_tcp_info_linux: Linux's TCP_INFO */
	WEFT_TCP_QUICKACK = 12,
	WEFT_TCP_CONGESTION = 13,       /* congestion control, a name; -ENOENT: none of that name */
	WEFT_TCP_USER_TIMEOUT = 18,     /* ms */
	WEFT_TCP_FASTOPEN = 23,         /* of a listener: handshakes of fast opens under way */
	WEFT_TCP_NOTSENT_LOWAT = 25,    /* bytes written, not sent; half: writable again */
	WEFT_TCP_FASTOPEN_CONNECT = 30, /* connect() waits for data, if it has a cookie */
	WEFT_TCP_FASTOPEN_KEY = 33,     /* a listener's: 16 bytes, or 32 with an older key */
	WEFT_TCP_FASTOPEN_NO_COOKIE = 34, /* data without a cookie is sent, or taken */
	WEFT_TCP_INQ = 36,                /* weft_recvmsg() tells how much is left to read */
	WEFT_TCP_CM_INQ = 36,             /* its control message, an int */
	WEFT_TCP_INFO = 0x77010001,       /* struct weft_tcp_info; no option of Linux */
	WEFT_IP_TOS = 1,
	WEFT_IP_TTL = 2,
	/* The control message that an option asks for has the option's number, unless the comment
	 * names another; both are an int where nothing else is said. */
	WEFT_IP_HDRINCL = 3,  /* raw sockets: what is sent has its IP header */
	WEFT_IP_OPTIONS = 4,  /* bytes of RFC 791 §3.1 to be sent with each packet */
	WEFT_IP_RECVOPTS = 6, /* control message: the options that a datagram came with */
	WEFT_IP_RETOPTS = 7,  /* the same: what of them an answer has; to send: for one message */
	WEFT_IP_PKTINFO = 8,  /* struct weft_in_pktinfo; to send: source and interface */
	WEFT_IP_MTU_DISCOVER = 10, /* WEFT_IP_PMTUDISC_* */
	WEFT_IP_RECVERR = 11,      /* struct weft_sock_extended_err (WEFT_MSG_ERRQUEUE) */
	WEFT_IP_RECVTTL = 12,      /* control message WEFT_IP_TTL */
	WEFT_IP_RECVTOS = 13,      /* control message WEFT_IP_TOS, one byte */
	WEFT_IP_MTU = 14,          /* to read, of a connected socket: the path's MTU */
	WEFT_IPV6_CHECKSUM = 7, /* raw sockets: where in the payload a checksum is; -1: nowhere */
	WEFT_SOL_RAW = 255,     /* a level, also of WEFT_IPV6_CHECKSUM */
	WEFT_ICMP_FILTER = 1,   /* of it, uint32_t: bit n refuses ICMP type n */
	WEFT_ICMP6_FILTER = 1,  /* of level ICMPV6, 8 times uint32_t: the same for ICMPv6 */
	WEFT_IPV6_UNICAST_HOPS = 16,
	WEFT_IPV6_MTU_DISCOVER = 23,
	WEFT_IPV6_MTU = 24, /* to read as IP_MTU; to set: packets are no larger, from 1280 on */
	WEFT_IPV6_RECVERR = 25,
	WEFT_IPV6_V6ONLY = 26, /* before bind */
	WEFT_IPV6_RECVPKTINFO = 49,
	WEFT_IPV6_PKTINFO = 50, /* control message: struct weft_in6_pktinfo */
	WEFT_IPV6_RECVHOPLIMIT = 51,
	WEFT_IPV6_HOPLIMIT = 52, /* control message */
	WEFT_IPV6_RECVTCLASS = 66,
	/* Extension headers to be sent, whole (RFC 3542 §6 to §9), 2,040 bytes at most; as control
	 * messages for one packet, in place of all others. Length 0: none. */
	WEFT_IPV6_HOPOPTS = 54,
	WEFT_IPV6_RTHDRDSTOPTS = 55, /* goes with a routing header only */
	WEFT_IPV6_RTHDR = 57,        /* of type 2 or 4 */
	WEFT_IPV6_DSTOPTS = 59,
	/* Control messages of what a datagram came with: those of the kinds above. */
	WEFT_IPV6_RECVHOPOPTS = 53,
	WEFT_IPV6_RECVRTHDR = 56,
	WEFT_IPV6_RECVDSTOPTS = 58,
	WEFT_IPV6_RECVPATHMTU = 60, /* control message WEFT_IPV6_PATHMTU, without a datagram */
	WEFT_IPV6_PATHMTU = 61,     /* struct weft_ip6_mtuinfo; to read, of a connected socket */
	WEFT_IPV6_DONTFRAG = 62,    /* also a control message */
	WEFT_IPV6_TCLASS = 67,
	WEFT_IPV6_AUTOFLOWLABEL = 70,
	WEFT_IPV6_ADDR_PREFERENCES = 72, /* WEFT_IPV6_PREFER_SRC_* (RFC 5014) */
};
enum {
	WEFT_IPV6_PREFER_SRC_TMP = 0x1,
	WEFT_IPV6_PREFER_SRC_PUBLIC = 0x2,
	WEFT_IPV6_PREFER_SRC_PUBTMP_DEFAULT = 0x100,
	WEFT_IPV6_PREFER_SRC_COA = 0x4,
	WEFT_IPV6_PREFER_SRC_HOME = 0x400,
	WEFT_IPV6_PREFER_SRC_CGA = 0x8,
	WEFT_IPV6_PREFER_SRC_NONCGA = 0x800,
};
/* WEFT_IP_MTU_DISCOVER. */
enum {
	WEFT_IP_PMTUDISC_DONT = 0,      /* never the DF bit; what is too large goes in fragments */
	WEFT_IP_PMTUDISC_WANT = 1,      /* the default: DF on what fits, the rest in fragments */
	WEFT_IP_PMTUDISC_DO = 2,        /* always DF; -EMSGSIZE for what the path does not carry */
	WEFT_IP_PMTUDISC_PROBE = 3,     /* the same, by the interface's MTU */
	WEFT_IP_PMTUDISC_INTERFACE = 4, /* no DF, no fragments, by the interface's MTU */
	WEFT_IP_PMTUDISC_OMIT = 5,      /* no DF, fragments, by the interface's MTU */
};
enum {
	WEFT_MSG_OOB = 0x01, /* streams: the urgent byte */
	WEFT_MSG_PEEK = 0x02,
	WEFT_MSG_CTRUNC = 0x08, /* out: control messages did not fit */
	WEFT_MSG_TRUNC = 0x20,
	WEFT_MSG_DONTWAIT = 0x40,   /* accepted: nothing waits anyway */
	WEFT_MSG_EOR = 0x80,        /* streams: what is sent later begins a segment of its own */
	WEFT_MSG_ERRQUEUE = 0x2000, /* the oldest error and what it is about */
	WEFT_MSG_NOSIGNAL = 0x4000, /* accepted: there are no signals */
	/* Streams: connects, with the data in the SYN when the server's cookie is known. */
	WEFT_MSG_FASTOPEN = 0x20000000,
	WEFT_MSG_MORE = 0x8000, /* the next send goes on with this datagram, or fills the segment */
};
/* Why the data of a fast open did not go with the SYN: struct weft_tcp_info_linux. */
enum weft_tfo_fail {
	WEFT_TFO_UNSPEC,
	WEFT_TFO_COOKIE_UNAVAILABLE, /* no cookie was known: one was asked for */
	WEFT_TFO_DATA_NOT_ACKED,     /* the server acknowledged the SYN alone */
	WEFT_TFO_SYN_RETRANSMITTED,  /* the SYN with the data was lost */
};
/* Requests of weft_ioctl(). */
enum {
	WEFT_SIOCINQ = 0x541b,     /* streams: bytes to read */
	WEFT_SIOCOUTQ = 0x5411,    /* bytes written and not acknowledged */
	WEFT_SIOCOUTQNSD = 0x894b, /* bytes written and not sent */
	WEFT_SIOCATMARK = 0x8905,  /* 1: the urgent mark is where the next byte is read */
};
enum {
	WEFT_SHUT_RD = 0,
	WEFT_SHUT_WR = 1,
	WEFT_SHUT_RDWR = 2,
};
/* Readiness: poll(2)'s bits. */
enum {
	WEFT_PRI = 0x002,    /* urgent data waits */
	WEFT_IN = 0x001,     /* weft_recv or weft_accept would not return -EAGAIN */
	WEFT_OUT = 0x004,    /* weft_send would take at least a byte; or a connect has finished */
	WEFT_ERR = 0x008,    /* WEFT_SO_ERROR has something */
	WEFT_HUP = 0x010,    /* both directions are finished */
	WEFT_RDHUP = 0x2000, /* the peer has finished sending */
};

struct weft_iovec {
	void *base;
	size_t len;
};
struct weft_msghdr {
	struct weft_sockaddr *name; /* out of weft_recvmsg(), in of weft_sendmsg(); may be NULL */
	const struct weft_iovec *iov;
	size_t n_iov;
	void *control; /* control messages as Linux lays them out: struct weft_cmsghdr, 8-aligned */
	size_t control_len; /* in: room; out: bytes */
	uint32_t flags;     /* out: WEFT_MSG_* */
};
/* One message of weft_sendmmsg() and weft_recvmmsg(). */
struct weft_mmsghdr {
	struct weft_msghdr hdr;
	size_t len; /* out: bytes sent or received */
};
struct weft_cmsghdr {
	size_t len; /* with this header */
	int level;
	int type;
};
/* The control message after `cur`, or the first (`cur` NULL); NULL: no more. */
static inline struct weft_cmsghdr *weft_cmsg_next(const struct weft_msghdr *msg,
						  const struct weft_cmsghdr *cur)
{
	char *p = (char *)msg->control, *end = p + msg->control_len;

	if (cur)
		p = (char *)cur + ((cur->len + 7) & ~(size_t)7);
	if (!msg->control || p > end || (size_t)(end - p) < sizeof(*cur))
		return NULL;
	return (struct weft_cmsghdr *)(void *)p;
}
static inline void *weft_cmsg_data(struct weft_cmsghdr *cmsg)
{
	return cmsg + 1;
}
/* What a control message with `len` bytes of data takes. */
static inline size_t weft_cmsg_space(size_t len)
{
	return (sizeof(struct weft_cmsghdr) + len + 7) & ~(size_t)7;
}
/* Where a datagram came in and for which address; to send: where it leaves and from which. */
struct weft_in_pktinfo {
	int ifindex;         /* 0, to send: any */
	uint8_t spec_dst[4]; /* ours: what an answer comes from; 0.0.0.0, to send: any */
	uint8_t addr[4];     /* of the header, maybe a group's; not read when sending */
};
struct weft_in6_pktinfo {
	uint8_t addr[16];
	uint32_t ifindex;
};
/* A path's MTU, and where it leads as Linux's struct sockaddr_in6 (zero: where the socket does). */
struct weft_ip6_mtuinfo {
	uint8_t addr[28];
	uint32_t mtu;
};
enum {
	WEFT_SO_EE_ORIGIN_LOCAL = 1,
	WEFT_SO_EE_ORIGIN_ICMP = 2,
	WEFT_SO_EE_ORIGIN_ICMP6 = 3,
	WEFT_SO_EE_ORIGIN_TIMESTAMPING = 4, /* no error (`err` is ENOMSG): a time of sending */
};
/* `info` of the latter: what happened then. */
enum {
	WEFT_SCM_TSTAMP_SND = 0,   /* handed to the driver */
	WEFT_SCM_TSTAMP_SCHED = 1, /* handed to the interface */
	WEFT_SCM_TSTAMP_ACK = 2,   /* the peer has acknowledged all of the send */
};
/* One error of WEFT_MSG_ERRQUEUE. In its control message the address of who reported it follows, as
 * Linux's struct sockaddr_in or sockaddr_in6 (family 0: nobody else did). */
struct weft_sock_extended_err {
	uint32_t err;   /* errno, positive */
	uint8_t origin; /* WEFT_SO_EE_ORIGIN_* */
	uint8_t type;   /* of the ICMP message */
	uint8_t code;
	uint8_t pad;
	uint32_t info; /* EMSGSIZE: the MTU; of a time of sending: WEFT_SCM_TSTAMP_* */
	uint32_t data; /* with WEFT_SOF_OPT_ID: which send */
};
/* Bits of WEFT_SO_TIMESTAMPING. Times of reception are told when both RX_SOFTWARE and SOFTWARE are
 * set. Those of sending (TX_*) come through the error queue, with SOFTWARE in the control message;
 * which of them, a send may also say itself, in a control message SO_TIMESTAMPING (uint32_t, TX_*
 * alone) of weft_sendmsg(). doc/sockets.md has more. Bits of hardware, and OPT_PKTINFO and
 * OPT_TX_SWHW, are kept and mean nothing. -EINVAL: others. */
enum {
	WEFT_SOF_TX_HARDWARE = 1 << 0,
	WEFT_SOF_TX_SOFTWARE = 1 << 1,
	WEFT_SOF_RX_HARDWARE = 1 << 2,
	WEFT_SOF_RX_SOFTWARE = 1 << 3,
	WEFT_SOF_SOFTWARE = 1 << 4,
	WEFT_SOF_SYS_HARDWARE = 1 << 5,
	WEFT_SOF_RAW_HARDWARE = 1 << 6,
	WEFT_SOF_OPT_ID = 1 << 7, /* sends are numbered: datagrams from 0, streams by their bytes */
	WEFT_SOF_TX_SCHED = 1 << 8,
	WEFT_SOF_TX_ACK = 1 << 9,      /* streams */
	WEFT_SOF_OPT_CMSG = 1 << 10,   /* with IP_PKTINFO and the like, where there is a packet */
	WEFT_SOF_OPT_TSONLY = 1 << 11, /* the time alone, without the packet */
	WEFT_SOF_OPT_PKTINFO = 1 << 13,
	WEFT_SOF_OPT_TX_SWHW = 1 << 14,
	WEFT_SOF_OPT_ID_TCP = 1 << 16, /* with OPT_ID: from what is written now on */
};
/* Since 1970, by the engine's clock and its epoch_ns. Control messages have level WEFT_SOL_SOCKET
 * and the option as their type. Of a stream, the time is that of the last segment read from. */
struct weft_timeval {
	int64_t s;
	int64_t us; /* 0 to 999999 */
};
struct weft_timespec {
	int64_t s;
	int64_t ns; /* 0 to 999999999 */
};
struct weft_scm_timestamping {
	struct weft_timespec software, unused, hardware; /* the last two are zero */
};
struct weft_linger {
	int onoff;
	int linger_s;
};

/* family WEFT_AF_INET or WEFT_AF_INET6; type; protocol 0 for the type's default. An IPv6 socket
 * speaks IPv4 too, with addresses as ::ffff:a.b.c.d, unless WEFT_IPV6_V6ONLY is set.
 * WEFT_SOCK_DGRAM with WEFT_IPPROTO_ICMP (or _ICMPV6) is an echo ("ping") socket: send and receive
 * ICMP echo messages from the type field on. -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT,
 * -EINVAL, -ENOMEM; -ENFILE: the stack's limit (weft/limit.h). */
WEFT_API int weft_socket(struct weft_stack *st, int family, int type, int protocol,
			 struct weft_sock **ret);
/* Who is told of changes; NULL: nobody. doc/sockets.md says when. `events` are those that are true
 * when it is called. After setting it, it is called once at the next run if anything is ready now.
 */
WEFT_API void weft_on_event(struct weft_sock *s,
			    void (*fn)(struct weft_sock *s, void *arg, uint32_t events), void *arg);
/* Readiness now (level-triggered). The callback tells when what is not true becomes so. */
WEFT_API uint32_t weft_events(const struct weft_sock *s);

/* Address unspecified: any. Port 0: one is chosen (RFC 6056). -EADDRINUSE, -EADDRNOTAVAIL, -EINVAL
 * (bound already). */
WEFT_API int weft_bind(struct weft_sock *s, const struct weft_sockaddr *sa);
/* Connections wait in a queue of `backlog` (at most net.core.somaxconn). -EADDRINUSE, -EINVAL. */
WEFT_API int weft_listen(struct weft_sock *s, int backlog);
/* `ret_peer` may be NULL. -EAGAIN: none waiting; -EINVAL: not listening; -ENOMEM. */
WEFT_API int weft_accept(struct weft_sock *s, struct weft_sock **ret,
			 struct weft_sockaddr *ret_peer);
/* A limit (weft/limit.h): -ENOBUFS, -ECONNREFUSED at once.
 * Stream: -EINPROGRESS, then WEFT_OUT, with WEFT_SO_ERROR 0 or the reason (ECONNREFUSED, ETIMEDOUT,
 * EHOSTUNREACH, ENETUNREACH, ECONNRESET). -EALREADY, -EISCONN (also of a connection that is over),
 * -EADDRNOTAVAIL (no port left), -ENETUNREACH (no route). The first call after an attempt that
 * failed returns its reason, or -ECONNABORTED when WEFT_SO_ERROR has told it. WEFT_AF_UNSPEC: the
 * socket is as new, 0; a connection is reset, a listener ends.
 * Datagram: sets the peer, 0; with WEFT_AF_UNSPEC unsets it. */
WEFT_API int weft_connect(struct weft_sock *s, const struct weft_sockaddr *sa);

/* Bytes taken (a stream takes what fits), or -EAGAIN, -EPIPE (shut down, or reset by the peer),
 * -ENOTCONN, -EMSGSIZE, -EDESTADDRREQ, -ECONNRESET, or a pending error, which is cleared. */
WEFT_API ptrdiff_t weft_send(struct weft_sock *s, const void *buf, size_t len, uint32_t flags);
WEFT_API ptrdiff_t weft_sendv(struct weft_sock *s, const struct weft_iovec *iov, size_t n_iov,
			      uint32_t flags);
WEFT_API ptrdiff_t weft_sendto(struct weft_sock *s, const void *buf, size_t len, uint32_t flags,
			       const struct weft_sockaddr *to);
/* Bytes received; 0: the peer finished (stream) or an empty datagram; -EAGAIN, -ENOTCONN,
 * -ECONNRESET, or a pending error. A datagram longer than `len` is cut; with WEFT_MSG_TRUNC in
 * `flags` its whole length is returned. */
WEFT_API ptrdiff_t weft_recv(struct weft_sock *s, void *buf, size_t len, uint32_t flags);
WEFT_API ptrdiff_t weft_recvv(struct weft_sock *s, const struct weft_iovec *iov, size_t n_iov,
			      uint32_t flags);
WEFT_API ptrdiff_t weft_recvfrom(struct weft_sock *s, void *buf, size_t len, uint32_t flags,
				 struct weft_sockaddr *ret_from);
/* As weft_sendto() and weft_recvfrom(), with control messages. -EINVAL: malformed, or one that is
 * not known. */
WEFT_API ptrdiff_t weft_sendmsg(struct weft_sock *s, const struct weft_msghdr *msg, uint32_t flags);
WEFT_API ptrdiff_t weft_recvmsg(struct weft_sock *s, struct weft_msghdr *msg, uint32_t flags);
/* The same for up to `n` messages (1024 at most), one after the other, until one fails: how many
 * went, or the error of the first. weft_recvmmsg() takes those that are there; an error after the
 * first message is reported by the next call. */
WEFT_API int weft_sendmmsg(struct weft_sock *s, struct weft_mmsghdr *vec, size_t n, uint32_t flags);
WEFT_API int weft_recvmmsg(struct weft_sock *s, struct weft_mmsghdr *vec, size_t n, uint32_t flags);
/* As ioctl(2) with WEFT_SIOC*. -ENOTTY: no such request here; -EINVAL: of a listener. */
WEFT_API int weft_ioctl(struct weft_sock *s, unsigned int request, int *ret);
WEFT_API int weft_shutdown(struct weft_sock *s, int how);
/* The socket is gone for the caller; no callback comes after this. A connection ends properly in
 * the background (FIN), or with a reset when received data was not read or WEFT_SO_LINGER says so.
 * NULL is fine. */
WEFT_API void weft_close(struct weft_sock *s);
/* The same with a reset. */
WEFT_API void weft_abort(struct weft_sock *s);
WEFT_API int weft_getsockname(const struct weft_sock *s, struct weft_sockaddr *ret);
WEFT_API int weft_getpeername(const struct weft_sock *s, struct weft_sockaddr *ret); /* -ENOTCONN */
/* As setsockopt(2) and getsockopt(2): -ENOPROTOOPT, -EINVAL. `*len` in: room, out: bytes. */
WEFT_API int weft_setsockopt(struct weft_sock *s, int level, int name, const void *val, size_t len);
WEFT_API int weft_getsockopt(struct weft_sock *s, int level, int name, void *val, size_t *len);

enum weft_tcp_state { /* Linux's values */
	WEFT_TCP_ESTABLISHED = 1,
	WEFT_TCP_SYN_SENT,
	WEFT_TCP_SYN_RECV,
	WEFT_TCP_FIN_WAIT1,
	WEFT_TCP_FIN_WAIT2,
	WEFT_TCP_TIME_WAIT,
	WEFT_TCP_CLOSE,
	WEFT_TCP_CLOSE_WAIT,
	WEFT_TCP_LAST_ACK,
	WEFT_TCP_LISTEN,
	WEFT_TCP_CLOSING,
};

/* Why a connection is not sending right now. */
enum weft_tcp_wait {
	WEFT_TCP_WAIT_NONE,  /* it is sending */
	WEFT_TCP_WAIT_APP,   /* nothing to send */
	WEFT_TCP_WAIT_RWND,  /* the peer's window is full */
	WEFT_TCP_WAIT_CWND,  /* the congestion window is full */
	WEFT_TCP_WAIT_NAGLE, /* a small segment waits for an ACK (or for more: cork) */
	WEFT_TCP_WAIT_HANDSHAKE,
	WEFT_TCP_WAIT_MEM,    /* no packet or buffer to be had */
	WEFT_TCP_WAIT_PACING, /* the next segment has its time */
};

/* The timer that a connection waits for, with the values that ss knows. */
enum weft_tcp_timer {
	WEFT_TCP_TIMER_NONE,
	WEFT_TCP_TIMER_REXMT,     /* data, SYN or FIN will be sent again */
	WEFT_TCP_TIMER_KEEPALIVE, /* is the peer still there? */
	WEFT_TCP_TIMER_TIMEWAIT,  /* TIME-WAIT, or FIN-WAIT-2 without an application, ends */
	WEFT_TCP_TIMER_PROBE,     /* nothing is in flight but something waits: window probe */
};

struct weft_tcp_info {
	uint8_t state;    /* enum weft_tcp_state */
	uint8_t ca_state; /* 0 open, 1 disorder, 2 window reduced for a mark, 3 recovery, 4 loss */
	uint8_t retransmits; /* timeouts in a row */
	uint8_t wait;        /* enum weft_tcp_wait */
	uint8_t snd_wscale, rcv_wscale;
	bool has_ts, has_sack, has_wscale;
	uint32_t rto_us, ato_us;
	uint32_t snd_mss, rcv_mss, advmss, pmtu;
	uint32_t rtt_us, rttvar_us, min_rtt_us;
	uint32_t snd_cwnd;                       /* segments */
	uint32_t snd_ssthresh;                   /* segments */
	uint32_t snd_wnd, rcv_wnd;               /* bytes */
	uint32_t unacked, sacked, lost, retrans; /* segments now */
	uint64_t total_retrans;                  /* segments ever */
	uint64_t bytes_sent, bytes_acked, bytes_received, bytes_retrans;
	uint64_t segs_out, segs_in, data_segs_out, data_segs_in;
	uint32_t notsent_bytes, sndq_bytes, rcvq_bytes, ofoq_bytes;
	int64_t established_ns;    /* when; 0: not yet */
	int64_t handshake_ns;      /* SYN to established */
	int64_t busy_ns;           /* time with data in flight */
	int64_t rwnd_limited_ns;   /* of it, held back by the peer's window, */
	int64_t sndbuf_limited_ns; /* or by the send buffer */
	const char *cc;            /* congestion control: "cubic" … */
	uint8_t timer;             /* enum weft_tcp_timer */
	uint8_t timer_tries;       /* how often it has fired in a row */
	uint8_t backoffs;          /* doublings of rto_us */
	int64_t timer_ns;          /* until it fires */
	/* Since data was last sent, and anything last received; ms. */
	uint32_t last_snd_ago_ms, last_rcv_ago_ms;
	uint32_t rcv_space;    /* bytes read in a round trip: what the receive buffer is tuned by */
	uint32_t rcv_ssthresh; /* bytes that the receive window may grow to now */
	uint32_t rcv_rtt_us;   /* as the receiver measures it; 0: not yet */
	uint32_t delivered;    /* segments that have arrived at the peer */
	uint32_t reordering;   /* segments that may be overtaken before one is held lost */
	uint32_t reord_seen;   /* how often that was found to be too few */
	uint32_t dsack_dups;   /* segments that the peer has had twice */
	uint32_t rcv_ooopack;  /* segments received out of order */
	uint64_t pacing_rate;  /* bytes a second; UINT64_MAX: not known yet */
	uint64_t max_pacing_rate;     /* SO_MAX_PACING_RATE; UINT64_MAX: any */
	uint64_t delivery_rate;       /* bytes a second; 0: not measured */
	bool is_delivery_app_limited; /* the application, not the path, set it */
	bool is_paced;
	bool has_ecn, has_ecn_seen; /* agreed; the peer sends ECT */
	uint32_t delivered_ce;      /* of `delivered`, with a mark */
	/* Of the control, where it has them; 0: it has none. */
	uint64_t cc_bw;                                /* BBR: bytes a second */
	uint32_t cc_min_rtt_us;                        /* BBR */
	uint32_t cc_pacing_gain_256, cc_cwnd_gain_256; /* BBR, in 256ths */
	int32_t cc_alpha_1024;                         /* DCTCP; -1: another control */
};

/* struct tcp_info of Linux, byte by byte, in Linux's units. */
struct weft_tcp_info_linux {
	uint8_t state, ca_state, retransmits, probes, backoff;
	uint8_t options; /* 1 timestamps, 2 SACK, 4 window scale, 32 data in the SYN */
	uint8_t wscales; /* ours to send in the low, to receive in the high four bits */
	/* 1: delivery_rate is what the application asked for; from bit 1 on: enum weft_tfo_fail */
	uint8_t app_bits;
	uint32_t rto, ato;         /* us */
	uint32_t snd_mss, rcv_mss; /* bytes */
	uint32_t unacked, sacked, lost, retrans,
		fackets; /* segments; a listener's: waiting, backlog */
	uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv; /* ms ago */
	uint32_t pmtu, rcv_ssthresh;
	uint32_t rtt, rttvar; /* us */
	uint32_t snd_ssthresh, snd_cwnd, advmss, reordering;
	uint32_t rcv_rtt;   /* us */
	uint32_t rcv_space; /* bytes */
	uint32_t total_retrans;
	uint64_t pacing_rate, max_pacing_rate; /* the maximum: nothing is paced */
	uint64_t bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, notsent_bytes;
	uint32_t min_rtt; /* us; the maximum: not measured yet */
	uint32_t data_segs_in, data_segs_out;
	uint64_t delivery_rate;                /* 0: not measured */
	uint64_t busy_time;                    /* us */
	uint64_t rwnd_limited, sndbuf_limited; /* us */
	uint32_t delivered, delivered_ce;
	uint64_t bytes_sent, bytes_retrans;
	uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd;
};

/* One endpoint, as `ss` shows it. */
struct weft_sock_info {
	const char *proto; /* "tcp", "udp", "raw", "ping" */
	struct weft_sockaddr local, peer;
	uint8_t state;           /* enum weft_tcp_state; 7 (CLOSE): unconnected datagram socket */
	uint32_t recv_q, send_q; /* as ss: bytes; of a listener: waiting, and its backlog */
	const struct weft_tcp_info *tcp; /* NULL unless a TCP connection */
	uint8_t ip_proto;                /* IPPROTO_* */
	bool is_orphan;                  /* the application has closed it */
	bool has_buffers;                /* a socket: the next three mean something */
	uint32_t rcvbuf_bytes, sndbuf_bytes;
	uint32_t ifindex;    /* SO_BINDTODEVICE; 0: any */
	uint8_t timer;       /* enum weft_tcp_timer, as in tcp; of TIME-WAIT and SYN-RECV too */
	uint8_t timer_tries; /* how often it has fired */
	int64_t timer_ns;    /* until it fires */
	uint32_t owner;     /* WEFT_SO_OWNER, of a half-open connection its listener's; 0: nobody */
	uint32_t mark;      /* WEFT_SO_MARK */
	uint64_t mem_bytes; /* memory behind its queues */
};
/* Calls `fn` for every endpoint of the stack: listeners, connections, TIME-WAIT too. */
WEFT_API void weft_stack_sockets(struct weft_stack *st,
				 void (*fn)(void *arg, const struct weft_sock_info *info),
				 void *arg);
/* The figures of TCP connections as they end: `fn` is called when one is closed for good, with the
 * final figures. Used by tools that report; NULL: stop. */
WEFT_API void weft_stack_on_tcp_end(struct weft_stack *st,
				    void (*fn)(void *arg, const struct weft_sock_info *info),
				    void *arg);

#ifdef __cplusplus
}
#endif

/* SPDX-License-Identifier: MIT */
/*
 * libweft-io: devices of the operating system and a loop in real time for engines.
 *
 * Everything here makes system calls; libweft itself makes none.
 */
#pragma once

#include "weft/net.h"
#include "weft/netif.h"

#ifdef __cplusplus
extern "C" {
#endif

/* For weft_engine_config.entropy: the system's generator (getrandom(2)). */
WEFT_API int weft_io_entropy(void *ctx, void *buf, size_t len);
/* CLOCK_MONOTONIC in ns. */
WEFT_API int64_t weft_io_now_ns(void);
/* For weft_engine_config.epoch_ns: the wall clock minus CLOCK_MONOTONIC, as of now. */
WEFT_API int64_t weft_io_epoch_ns(void);

/* A loop that drives one engine: its devices' descriptors, its timers, the application's own
 * descriptors, what other engines' threads bring. A process has as many as it has engines, each on
 * a thread of its own. */
struct weft_loop;
/* `eng` is borrowed. 0, -ENOMEM, or what epoll_create1(2) and timerfd_create(2) say. */
WEFT_API int weft_loop_new(struct weft_engine *eng, struct weft_loop **ret);
/* Its devices must have gone, with their stacks or by weft_netif_del(); its engine has not. NULL is
 * fine. */
WEFT_API void weft_loop_free(struct weft_loop *loop);
/* Waits for at most `timeout_ns` (-1: for ever) for something to do and does it: one turn. 0 or
 * -Exxx of epoll_wait(2); -EINTR when a signal came. */
WEFT_API int weft_loop_turn(struct weft_loop *loop, int64_t timeout_ns);
/* Turns until weft_loop_stop() is called. */
WEFT_API int weft_loop_run(struct weft_loop *loop);
WEFT_API void weft_loop_stop(struct weft_loop *loop);
/* Busy polling: where small frames of TAPs go to and fro, and it turns out to be faster, a turn
 * looks for at most `max_ns` before it sleeps. An idle loop always sleeps. 0: never, as at first;
 * 50000 suits what answers within a machine. */
WEFT_API void weft_loop_set_busy(struct weft_loop *loop, int64_t max_ns);
/* Calls `fn(arg, fd, events)` when poll(2) bits of `events` are true for `fd` (level-triggered).
 * events 0: forget it, which must be done before `fd` is closed. 0; -ENOENT: nothing to forget;
 * -ENOMEM, or what epoll_ctl(2) says. */
WEFT_API int weft_loop_watch(struct weft_loop *loop, int fd, uint32_t events,
			     void (*fn)(void *arg, int fd, uint32_t events), void *arg);
/* The same for applications with many descriptors: nothing is looked up, and the events are those
 * of epoll(7), EPOLLET among them. */
struct weft_watch;
/* 0: takes `fd`; -ENOMEM, or what epoll_ctl(2) says. */
WEFT_API int weft_watch_new(struct weft_loop *loop, int fd, uint32_t events,
			    void (*fn)(void *arg, uint32_t events), void *arg,
			    struct weft_watch **ret);
WEFT_API int weft_watch_set(struct weft_watch *watch, uint32_t events);
/* Closes the descriptor; what had been seen on it is not told any more. Before its loop is freed.
 * NULL is fine. */
WEFT_API void weft_watch_close(struct weft_watch *watch);
/* For another event loop that shall drive this one: what it has to wait for. When `*ret_fd` is
 * readable (poll(2)'s POLLIN), or at the time returned (of weft_io_now_ns(); INT64_MAX: at none),
 * call weft_loop_turn() with a timeout of 0. To be asked before each wait: any call into the engine
 * may change the time; the descriptor stays the same. */
WEFT_API int64_t weft_loop_wants(struct weft_loop *loop, int *ret_fd);
/* How late the loop was with its timers: the run cannot be believed when this is much. Of
 * deadlines that are due together, the earliest counts. */
struct weft_loop_stats {
	uint64_t n_turns;
	uint64_t n_timer_runs; /* deadlines */
	int64_t late_max_ns;   /* worst lateness against a deadline */
	int64_t late_sum_ns;
	uint64_t n_late_1ms, n_late_10ms; /* deadlines missed by more than that */
	uint64_t n_late;                  /* by more than the tolerance */
};
/* The tolerance of weft_loop_stats.n_late; 1 ms at first. */
WEFT_API void weft_loop_set_tolerance(struct weft_loop *loop, int64_t tolerance_ns);
WEFT_API void weft_loop_stats(const struct weft_loop *loop, struct weft_loop_stats *ret);

/* The host's kernel sockets as a network (weft/net.h), driven by `loop`; it has the timers of the
 * loop's engine, which needs no stack. Names are asked for by a thread that the first question
 * starts. When no descriptor is left, connections that wait to be accepted are reset. 0; -ENOMEM.
 * Free it before the loop: that resets what is open, and may wait for a name that is being asked
 * for. NULL is fine. */
WEFT_API int weft_host_net_new(struct weft_loop *loop, struct weft_net **ret);
WEFT_API void weft_host_net_free(struct weft_net *net);
struct weft_host_net_stats {
	uint64_t n_refused; /* connections reset for want of a descriptor */
};
WEFT_API void weft_host_net_stats(const struct weft_net *net, struct weft_host_net_stats *ret);

/* A TAP device (Linux, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR) whose descriptor the caller has opened,
 * as an interface of `st`: checksum offload and 64 KiB TSO super-packets both ways. Comes up, with
 * carrier. Takes `fd`, also on failure. -EINVAL: not a TAP with a vnet header; else as
 * weft_netif_new(). */
WEFT_API int weft_tap_new(struct weft_loop *loop, struct weft_stack *st, const char *name, int fd,
			  struct weft_netif **ret);
/* Opens a TAP named `ifname` in the calling thread's network namespace (name filled in if it has a
 * '%'), ready for weft_tap_new(): returns the descriptor. -EPERM, -ENOENT (no /dev/net/tun),
 * -EBUSY. */
WEFT_API int weft_tap_open(const char *ifname);
struct weft_tap_stats {
	uint64_t reads, read_bytes, writes, write_bytes;
	uint64_t write_drops;
};
WEFT_API void weft_tap_stats(const struct weft_netif *nif, struct weft_tap_stats *ret);

/*
 * An Ethernet interface of the host's (a NIC, one end of a veth) as an interface of `st`, by a
 * packet socket: it shares the interface with the host's own stack, which answers for addresses
 * of its own and so should have none there. MAC, MTU and carrier are the host's, and follow its.
 * With offloads, checksums are left to the device and 64 KiB TSO super-packets pass both ways.
 */
struct weft_afpacket_config {
	const char *ifname;  /* in the calling thread's network namespace */
	uint32_t ring_bytes; /* that frames wait in for us; 0: 8 MiB */
	/* 0: a frame is there when it comes (TPACKET_V2). Else frames come in blocks, after that
	 * many ms at the latest (TPACKET_V3): cheaper for many small ones. */
	uint32_t block_ms;
	/* Frames as on the wire. Those that are longer than the MTU, as the kernel joins them, are
	 * dropped: `ethtool -K IF gro off` (of a veth's other end `tso off gso off`). */
	bool no_offloads;
	bool promisc;          /* frames for others too */
	bool qdisc_bypass;     /* past the host's queueing discipline */
	uint16_t fanout_group; /* not 0: interfaces with this number share the frames by flow */
	char *why;             /* NULL, or where a sentence goes about what failed */
	size_t why_bytes;
};
/* Comes up. -EPERM: no CAP_NET_RAW; -ENODEV: no such interface; -EPROTONOSUPPORT: not Ethernet;
 * -EINVAL; -ENOMEM; or as weft_netif_new(), packet(7). */
WEFT_API int weft_afpacket_new(struct weft_loop *loop, struct weft_stack *st, const char *name,
			       const struct weft_afpacket_config *cfg, struct weft_netif **ret);
struct weft_afpacket_stats {
	uint64_t rx_frames, rx_bytes; /* super-packets count once */
	uint64_t rx_drops;            /* by the kernel: the ring was full */
	uint64_t tx_calls, tx_frames, tx_bytes;
	uint64_t tx_drops;
};
WEFT_API void weft_afpacket_stats(struct weft_netif *nif, struct weft_afpacket_stats *ret);

/*
 * The same by AF_XDP: frames of its queues come to us, through memory shared with the kernel or,
 * where it can, the device, and the host does not see them. Frames of at most 3566 bytes of MTU,
 * without offloads: checksums and segments are made here, and frames of a flow joined. Linux 5.9.
 */
struct weft_afxdp_config {
	const char *ifname; /* in the calling thread's network namespace */
	uint32_t n_queues;  /* 0: those that the device has, at most 64; others are left to the host
			     */
	bool promisc;       /* frames for others too */
	char *why;          /* NULL, or where a sentence goes about what failed */
	size_t why_bytes;
};
/* Comes up. The XDP program goes with the interface, also when the process is killed. -EPERM: no
 * CAP_NET_RAW, CAP_NET_ADMIN or CAP_BPF; -EAFNOSUPPORT: a kernel without AF_XDP; -EBUSY: the
 * interface has an XDP program, or the queue a socket; -EMSGSIZE: its MTU; else as
 * weft_afpacket_new(), bpf(2). */
WEFT_API int weft_afxdp_new(struct weft_loop *loop, struct weft_stack *st, const char *name,
			    const struct weft_afxdp_config *cfg, struct weft_netif **ret);
struct weft_afxdp_stats {
	uint64_t rx_frames, rx_bytes;
	uint64_t rx_drops; /* by the kernel: a ring was full, or a frame too long */
	uint64_t tx_kicks, tx_frames, tx_bytes;
	uint64_t tx_drops;
	uint32_t n_queues;
	bool is_zero_copy; /* of the first queue */
	bool loses_tags;   /* the device takes VLAN tags out of frames (rxvlan of ethtool(8)) */
};
WEFT_API void weft_afxdp_stats(struct weft_netif *nif, struct weft_afxdp_stats *ret);

/* A stream socket as an interface of `st`: each Ethernet frame with its length in front, 32 bits,
 * big end first, as QEMU's `-netdev stream` has it. Comes up without carrier; weft_stream_attach()
 * brings the peer. At most 2 MiB wait for a peer that does not read; what is beyond is dropped.
 *
 * `ended` (may be NULL) is called from the loop when a peer has gone or was sent away (a frame
 * without bytes, or larger than 65553), with a word on why; the carrier is down by then. It may
 * attach the next one, but not remove the interface. As weft_netif_new(). */
WEFT_API int weft_stream_new(struct weft_loop *loop, struct weft_stack *st, const char *name,
			     void (*ended)(void *arg, const char *why), void *arg,
			     struct weft_netif **ret);
/* A connected stream socket (local or TCP) becomes the peer: carrier. Takes `fd`, also on failure.
 * -EBUSY: there is one; -ENOTSOCK, -ENOTCONN, -EINVAL: not a stream. */
WEFT_API int weft_stream_attach(struct weft_netif *nif, int fd);
struct weft_stream_stats {
	uint64_t n_peers;
	uint64_t rx_reads, rx_frames, rx_bytes; /* system calls; frames; bytes of frames */
	uint64_t tx_writes, tx_frames, tx_bytes;
	uint64_t tx_drops; /* the peer did not read, or had gone */
};
WEFT_API void weft_stream_stats(const struct weft_netif *nif, struct weft_stream_stats *ret);

#ifdef __cplusplus
}
#endif

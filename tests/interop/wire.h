/* SPDX-License-Identifier: MIT */
/*
 * One wire with the kernel's TCP/IP at one end and a weft stack at the other: a TAP in a network
 * namespace of the test's own.
 *
 *	10.9.0.1/24 tap0 (kernel) ---- (weft) tap0 10.9.0.2/24
 *
 * The test's thread owns the engine and turns its loop. What the kernel's side does runs in threads
 * with ordinary blocking sockets; such a function returns NULL, or what went wrong. Their sockets
 * give up after WIRE_PATIENCE_S, so that no thread outlives its test by more than that.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/io.h"
#include "weft/weft.h"

enum {
	WIRE_PATIENCE_S = 30,
	WIRE_THREADS = 8,
	WIRE_CHUNK = 256 * 1024, /* bytes handled at a time */
};

struct wire_thread {
	pthread_t id;
	const char *(*fn)(void *arg);
	void *arg;
	const char *fault; /* NULL: all was well */
	atomic_bool is_done;
};

struct wire {
	struct weft_engine *eng;
	struct weft_loop *loop;
	struct weft_stack *st;
	struct weft_netif *nif;
	int64_t live_bytes; /* that the engine has allocated */
	int64_t turned_ns;  /* time spent turning the loop */
	struct wire_thread threads[WIRE_THREADS];
	uint32_t n_threads;
};

/* The start of a test program: enters a network namespace of our own, and takes an argument as the
 * pattern of the tests to run. False: there cannot be one here; it has said why. */
bool wire_begin(int argc, char **argv);

/* Brings the wire up; fails the test when it cannot. */
void wire_start(struct wire *w, uint32_t mtu);
/* The same with another device: `attach` makes the kernel's end, named tap0, before `w->eng` is
 * there, and w->nif when it is. */
void wire_start_by(struct wire *w, uint32_t mtu, void (*attach)(struct wire *w));
/* Lets every timer of the stack run out, checks that all pools are back at zero and no connection
 * is left, takes the wire down, and checks that all memory was given back. */
void wire_stop(struct wire *w);
/* After a test that failed: joins the threads and takes the wire down without another word. */
void wire_abandon(struct wire *w);

/* Turns the loop until `cond(arg)`; fails the test after `timeout_s`. */
void wire_until(struct wire *w, bool (*cond)(void *arg), void *arg, int timeout_s);
/* Turns the loop for that long. */
void wire_for_ms(struct wire *w, int ms);

/* Starts a thread on the kernel's side. */
struct wire_thread *wire_kernel(struct wire *w, const char *(*fn)(void *arg), void *arg);
/* Turns the loop until the thread has ended; fails the test with its fault. */
void wire_join(struct wire *w, struct wire_thread *t, int timeout_s);

/* Connections that the stack has in `state` (enum weft_tcp_state); state 0: in any but LISTEN. */
uint32_t wire_count_conns(struct wire *w, int state);

/* Writes a file below /proc/sys/net/ipv4 in the namespace; fails the test when it cannot. */
void wire_sysctl(const char *name, const char *value);

/* Sockets of the kernel's side, with timeouts set. Negative: failed. */
int kernel_listen(uint16_t port, int backlog);
int kernel_accept(int listener);
int kernel_connect(uint16_t port); /* to the weft end */
/* All `len` bytes, or false. */
bool kernel_send(int fd, const void *buf, size_t len);
bool kernel_recv(int fd, void *buf, size_t len);
/* `len` bytes of stream `id` from offset 0; received ones are checked. NULL or the fault. */
const char *kernel_send_stream(int fd, uint32_t id, uint64_t len);
const char *kernel_recv_stream(int fd, uint32_t id, uint64_t len);
/* The peer finishes: NULL when the next read says so. */
const char *kernel_recv_end(int fd);
/* A UDP socket at `port`; peer_port not 0: connected to that port of the weft end. */
int kernel_udp(uint16_t port, uint16_t peer_port);
/* A raw IP socket of that protocol, connected to the weft end. */
int kernel_raw(int protocol);
/* A packet socket on the kernel's end of the wire: sees and sends whole frames. */
int kernel_frames(void);

/* The endpoints as weft has them. */
struct weft_sockaddr wire_kernel_addr(uint16_t port);
struct weft_sockaddr wire_weft_addr(uint16_t port);

/*
 * Streams: byte `off` of stream `id` is known, so that a byte lost, doubled, moved or of another
 * stream is found.
 */
void stream_fill(uint32_t id, uint64_t off, uint8_t *buf, size_t len);
bool stream_check(uint32_t id, uint64_t off, const uint8_t *buf, size_t len);

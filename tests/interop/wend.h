/* SPDX-License-Identifier: MIT */
/*
 * The weft end of a connection in tests: sends a stream, receives and checks one, and remembers
 * what happened. An ordinary user of the socket calls.
 */
#pragma once

#include "wire.h"

struct wend {
	struct weft_sock *s; /* NULL: not there yet, or closed */
	uint32_t tx_id, rx_id;
	uint64_t to_send, sent;
	uint64_t received;
	bool is_paused;     /* does not read */
	bool fin_when_sent; /* shuts down when all is sent */
	bool close_at_end;  /* closes when all is sent and the peer has finished */
	bool is_connected;
	bool has_shut;
	bool peer_finished;
	bool is_corrupt;           /* a wrong byte was received */
	int err;                   /* -Exxx that ended it */
	struct weft_tcp_info info; /* as of its end, or of wend_info() */
};

/* Takes over a socket that is connected or connecting; `e` says what it is to do. */
void wend_attach(struct wend *e, struct weft_sock *s);
/* Connects to the kernel's port. */
void wend_connect(struct wend *e, struct wire *w, uint16_t port);
/* Reads on after `is_paused` was taken back. */
void wend_resume(struct wend *e);
void wend_close(struct wend *e);
const struct weft_tcp_info *wend_info(struct wend *e);

/* A listener whose connections become `ends[0]`, `ends[1]` …; more are reset. */
struct wlisten {
	struct weft_sock *s;
	struct wend *ends;
	uint32_t n_ends, n_accepted;
};
void wlisten_start(struct wlisten *l, struct wire *w, uint16_t port, struct wend *ends,
		   uint32_t n_ends);
void wlisten_stop(struct wlisten *l);

/* Conditions for wire_until(); `arg` is the end. */
bool wend_is_connected(void *arg);
bool wend_has_failed(void *arg);
bool wend_has_all(void *arg); /* both directions are finished, or it has failed */
bool wend_has_sent(void *arg);
bool wend_peer_finished(void *arg);

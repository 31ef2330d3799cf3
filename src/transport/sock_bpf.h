/* SPDX-License-Identifier: MIT */
/*
 * Filters of sockets: a classic BPF program (base/bpf.h) that a socket's packets pass before they
 * are queued, as Linux's SO_ATTACH_FILTER. The program is checked when it is attached, and belongs
 * to the socket.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bpf.h"
#include "base/compiler.h"
#include "core/stack.h"
#include "pkt/pkt.h"

struct bpf_prog;

struct sock_bpf {
	struct bpf_prog *prog; /* NULL: none */
	bool is_locked;
};

/* What a program may ask about a packet besides its bytes. */
struct sock_bpf_pkt {
	struct stack *st;
	const struct pkt *pkt; /* `data` where the program's offset 0 is */
	const struct netif *netif;
	uint32_t l3_off; /* of the network header from pkt->head */
	uint16_t protocol;
	uint8_t type; /* WEFT_PACKET_* */
};

/* A program as an application gives it (struct weft_sock_fprog); *slot is replaced. 0, -EINVAL,
 * -ENOMEM. */
int bpf_prog_set(struct stack *st, struct bpf_prog **slot, const void *val, size_t len) MUST_CHECK;
/* NULL is fine. */
void bpf_prog_free(struct stack *st, struct bpf_prog *prog);
uint32_t bpf_prog_run(const struct bpf_prog *prog, const struct sock_bpf_pkt *in);

/* The options WEFT_SO_*_FILTER. -EPERM, -ENOENT, -EINVAL, -ENOMEM; -ENOPROTOOPT: another one. */
int sock_bpf_setopt(struct stack *st, struct sock_bpf *bpf, int name, const void *val,
		    size_t len) MUST_CHECK;
int sock_bpf_getopt(const struct sock_bpf *bpf, int name, void *val, size_t *len) MUST_CHECK;
/* How many bytes of the packet to keep; 0: none. */
static inline uint32_t sock_bpf_run(const struct sock_bpf *bpf, const struct sock_bpf_pkt *in)
{
	return likely(!bpf->prog) ? UINT32_MAX : bpf_prog_run(bpf->prog, in);
}

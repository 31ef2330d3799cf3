/* SPDX-License-Identifier: MIT */
/* Between sock_table.c (the tables) and sock_ephemeral.c (the choice of ports). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "transport/sock_table.h"

/* What a port is wanted for. */
struct port_want {
	struct sock_flow flow; /* lport is not used; ifindex: of SO_BINDTODEVICE */
	bool is_connect;       /* else bind: raddr and rport are not used */
};

/* Whether an ephemeral `port` would do. */
bool sock_port_is_free(const struct stack *st, const struct port_want *want, uint16_t port);
/* Chooses one. 0; -EADDRNOTAVAIL: none is left; -ENOMEM. */
int sock_ephemeral_choose(struct stack *st, const struct port_want *want, uint16_t *ret) MUST_CHECK;
/* A node came to, or left, a port. */
void sock_ephemeral_update(struct stack *st, uint8_t proto, uint16_t port);
void sock_ephemeral_init(struct stack *st);
/* The range has changed, or the stack goes: what is known of crowded destinations is freed. */
void sock_ephemeral_forget(struct stack *st);

/* SPDX-License-Identifier: MIT */
/* The operations that a program of fuzz_stack consists of; each reads its operands from the input.
 * Those of frames and of the system are in fuzz_stack.c. */
#pragma once

#include "base/cursor.h"
#include "stack_world.h"

/* The slot that the next byte names; NULL: it is free. */
struct slot *rd_slot(struct world *w, struct rd *r);
struct weft_sockaddr rd_sockaddr(struct rd *r);

/* stack_app.c: calls of the application. */
void op_socket(struct world *w, struct rd *r);
void op_connect(struct world *w, struct rd *r);
void op_open(struct world *w, struct rd *r);
void op_bind(struct world *w, struct rd *r);
void op_listen(struct world *w, struct rd *r);
void op_accept(struct world *w, struct rd *r);
void op_send(struct world *w, struct rd *r);
void op_recv(struct world *w, struct rd *r);
void op_sendmsg(struct world *w, struct rd *r);
void op_recvmsg(struct world *w, struct rd *r);
void op_ioctl(struct world *w, struct rd *r);
void op_finish(struct world *w, struct rd *r);
void op_serve(struct world *w, struct rd *r);

/* stack_opts.c: options of sockets, and settings. */
void op_setsockopt(struct world *w, struct rd *r);
void op_getsockopt(struct world *w, struct rd *r);
void op_setbytes(struct world *w, struct rd *r);
void op_group(struct world *w, struct rd *r);
void op_filter(struct world *w, struct rd *r);
void op_packet(struct world *w, struct rd *r);
void op_sysctl(struct world *w, struct rd *r);

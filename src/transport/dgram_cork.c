/* SPDX-License-Identifier: MIT */
/* Messages held back; contracts in dgram_cork.h. */
#include "transport/dgram_cork.h"

#include <errno.h>
#include <string.h>

#include "weft/socket.h"

enum {
	CORK_ROOM_MIN = 2048, /* what is held first; then as much again each time */
};

int dgram_cork_new(struct dgram_sock *ds, const struct ip_addr *dst, uint16_t port,
		   const struct dgram_ctl *ctl, const struct ip_out *out, uint32_t max_bytes)
{
	struct dgram_cork *cork = mem_zalloc(&ds->sk.stack->eng->mem, sizeof(*cork));

	if (!cork)
		return -ENOBUFS;
	cork->dst = *dst;
	cork->port = port;
	cork->ctl = *ctl;
	cork->ctl.src = out->flow.src;
	cork->max_bytes = max_bytes;
	ds->cork = cork;
	return 0;
}

void dgram_cork_free(struct dgram_sock *ds)
{
	struct mem *mem = &ds->sk.stack->eng->mem;

	if (!ds->cork)
		return;
	mem_free(mem, ds->cork->bytes, ds->cork->room);
	mem_free(mem, ds->cork, sizeof(*ds->cork));
	ds->cork = NULL;
}

static bool cork_grow(struct mem *mem, struct dgram_cork *cork, uint32_t need)
{
	uint32_t room = cork->room ? cork->room : CORK_ROOM_MIN;
	uint8_t *bytes;

	if (need <= cork->room)
		return true;
	while (room < need)
		room *= 2;
	bytes = mem_resize(mem, cork->bytes, cork->room, room);
	if (!bytes)
		return false;
	cork->bytes = bytes;
	cork->room = room;
	return true;
}

static int cork_check(struct dgram_sock *ds, const struct sock_msg *msg)
{
	struct dgram_cork *cork = ds->cork;

	if (msg->n_bytes > cork->max_bytes - cork->n_bytes) {
		dgram_too_large(ds, &cork->dst, cork->port, &cork->ctl);
		return -EMSGSIZE;
	}
	if (ds->sk.err)
		return sock_take_err(&ds->sk);
	return ds->sk.flags & SOCK_F_SHUT_WR ? -EPIPE : 0;
}

int dgram_cork_add(struct dgram_sock *ds, const struct sock_msg *msg)
{
	struct dgram_cork *cork = ds->cork;
	int err = cork_check(ds, msg);

	if (!err &&
	    !cork_grow(&ds->sk.stack->eng->mem, cork, cork->n_bytes + (uint32_t)msg->n_bytes))
		err = -ENOBUFS;
	if (err) {
		dgram_cork_free(ds);
		return err;
	}
	for (size_t i = 0; i < msg->n_iov; i++) {
		if (msg->iov[i].len)
			memcpy(cork->bytes + cork->n_bytes, msg->iov[i].base, msg->iov[i].len);
		cork->n_bytes += (uint32_t)msg->iov[i].len;
	}
	return 0;
}

struct sock_msg dgram_cork_msg(const struct dgram_cork *cork, struct weft_iovec *iov)
{
	*iov = (struct weft_iovec){.base = cork->bytes, .len = cork->n_bytes};
	return (struct sock_msg){.iov = iov, .n_iov = 1, .n_bytes = cork->n_bytes};
}

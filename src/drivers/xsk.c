/* SPDX-License-Identifier: MIT */
/* An AF_XDP socket; the contract is in xsk.h, the protocol of the rings in the kernel's
 * Documentation/networking/af_xdp.rst. */
#include "drivers/xsk.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TX_KICKS_MAX = 2 * XSK_CHUNKS / 32, /* the kernel sends up to 32 frames a call */
};

/* In an address: no frame of ours. */
static const uint64_t void_bit = UINT64_C(1) << 62;
static const size_t umem_bytes = (size_t)2 * XSK_CHUNKS * XSK_CHUNK;

static uint32_t load_acquire(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store_release(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static int xdp_opt(int fd, int name, const void *val, socklen_t len)
{
	return setsockopt(fd, SOL_XDP, name, val, len) < 0 ? -errno : 0;
}

static int ring_map(int fd, struct xsk_ring *r, const struct xdp_ring_offset *off, uint64_t place,
		    size_t entry_bytes)
{
	uint8_t *map;

	r->map_bytes = off->desc + XSK_CHUNKS * entry_bytes;
	map = mmap(NULL, r->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		   (off_t)place);
	if (map == MAP_FAILED)
		return -errno;
	r->map = map;
	r->producer = (uint32_t *)(void *)(map + off->producer);
	r->consumer = (uint32_t *)(void *)(map + off->consumer);
	r->flags = (uint32_t *)(void *)(map + off->flags);
	r->entries = map + off->desc;
	r->mask = XSK_CHUNKS - 1;
	return 0;
}

static int umem_open(struct xsk *x)
{
	struct xdp_umem_reg reg = {.len = umem_bytes, .chunk_size = XSK_CHUNK};
	void *p =
		mmap(NULL, umem_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	x->umem = p;
	reg.addr = (uintptr_t)p;
	return xdp_opt(x->fd, XDP_UMEM_REG, &reg, sizeof(reg));
}

static int rings_open(struct xsk *x)
{
	static const int rings[] = {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING,
				    XDP_TX_RING};
	struct xdp_mmap_offsets off;
	socklen_t len = sizeof(off);
	int n = XSK_CHUNKS, err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rings) && !err; i++)
		err = xdp_opt(x->fd, rings[i], &n, sizeof(n));
	if (err)
		return err;
	if (getsockopt(x->fd, SOL_XDP, XDP_MMAP_OFFSETS, &off, &len) < 0)
		return -errno;
	err = ring_map(x->fd, &x->fill, &off.fr, XDP_UMEM_PGOFF_FILL_RING, sizeof(uint64_t));
	if (!err)
		err = ring_map(x->fd, &x->completion, &off.cr, XDP_UMEM_PGOFF_COMPLETION_RING,
			       sizeof(uint64_t));
	if (!err)
		err = ring_map(x->fd, &x->rx, &off.rx, XDP_PGOFF_RX_RING, sizeof(struct xdp_desc));
	if (!err)
		err = ring_map(x->fd, &x->tx, &off.tx, XDP_PGOFF_TX_RING, sizeof(struct xdp_desc));
	return err;
}

/* The first half of the frames is for reception, and all of it the kernel's. */
static void frames_share_out(struct xsk *x)
{
	for (uint32_t i = 0; i < XSK_CHUNKS; i++)
		x->held[x->n_held++] = (uint64_t)i * XSK_CHUNK;
	xsk_rx_release(x);
	for (uint32_t i = 0; i < XSK_CHUNKS; i++)
		x->tx_free[x->n_tx_free++] = XSK_CHUNKS + i;
}

/* The device's own memory where it can, else by copies: the kernel chooses. */
static int xsk_bind(struct xsk *x, int ifindex, uint32_t queue)
{
	struct sockaddr_xdp sxdp = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = XDP_USE_NEED_WAKEUP,
		.sxdp_ifindex = (uint32_t)ifindex,
		.sxdp_queue_id = queue,
	};
	struct xdp_options opts = {.flags = 0};
	socklen_t len = sizeof(opts);

	if (bind(x->fd, (struct sockaddr *)&sxdp, sizeof(sxdp)) < 0)
		return -errno;
	x->is_zero_copy = getsockopt(x->fd, SOL_XDP, XDP_OPTIONS, &opts, &len) == 0 &&
			  opts.flags & XDP_OPTIONS_ZEROCOPY;
	return 0;
}

int xsk_open(struct xsk *x, int ifindex, uint32_t queue, const char **ret_step)
{
	int err;

	*ret_step = "no AF_XDP socket";
	x->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (x->fd < 0)
		return -errno;
	*ret_step = "no memory for frames (RLIMIT_MEMLOCK?)";
	err = umem_open(x);
	if (err)
		return err;
	*ret_step = "no rings";
	err = rings_open(x);
	if (err)
		return err;
	frames_share_out(x);
	*ret_step = "the AF_XDP socket cannot be bound (the queue has one?)";
	return xsk_bind(x, ifindex, queue);
}

static void ring_unmap(struct xsk_ring *r)
{
	if (r->map)
		munmap(r->map, r->map_bytes);
	*r = (struct xsk_ring){.map = NULL};
}

void xsk_close(struct xsk *x)
{
	if (x->fd >= 0)
		close(x->fd);
	x->fd = -1;
	ring_unmap(&x->fill);
	ring_unmap(&x->completion);
	ring_unmap(&x->rx);
	ring_unmap(&x->tx);
	if (x->umem)
		munmap(x->umem, umem_bytes);
	x->umem = NULL;
}

bool xsk_rx(struct xsk *x, const uint8_t **ret_frame, uint32_t *ret_len)
{
	struct xsk_ring *r = &x->rx;
	const struct xdp_desc *desc;

	if (x->n_held == XSK_CHUNKS || load_acquire(r->producer) == r->next)
		return false;
	desc = (const struct xdp_desc *)r->entries + (r->next & r->mask);
	*ret_frame = x->umem + desc->addr;
	*ret_len = desc->len;
	x->held[x->n_held++] = desc->addr / XSK_CHUNK * XSK_CHUNK;
	r->next++;
	return true;
}

void xsk_rx_release(struct xsk *x)
{
	uint64_t *entries = x->fill.entries;

	if (!x->n_held)
		return;
	if (x->rx.map)
		store_release(x->rx.consumer, x->rx.next);
	for (uint32_t i = 0; i < x->n_held; i++)
		entries[x->fill.next++ & x->fill.mask] = x->held[i];
	x->n_held = 0;
	store_release(x->fill.producer, x->fill.next);
	if (load_acquire(x->fill.flags) & XDP_RING_NEED_WAKEUP)
		(void)recvfrom(x->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

/* Frames that were sent are free again. What was cancelled is tx_pass_over()'s. */
static void tx_reclaim(struct xsk *x)
{
	struct xsk_ring *r = &x->completion;
	const uint64_t *entries = r->entries;
	uint32_t end = load_acquire(r->producer);

	for (; r->next != end; r->next++) {
		uint64_t addr = entries[r->next & r->mask];

		if (!(addr & void_bit))
			x->tx_free[x->n_tx_free++] = (uint32_t)(addr / XSK_CHUNK);
	}
	store_release(r->consumer, r->next);
}

uint8_t *xsk_tx_place(struct xsk *x)
{
	if (x->n_void)
		return NULL;
	if (!x->n_tx_free)
		tx_reclaim(x);
	return x->n_tx_free ? x->umem + (size_t)x->tx_free[x->n_tx_free - 1] * XSK_CHUNK : NULL;
}

void xsk_tx(struct xsk *x, const uint8_t *place, uint32_t len)
{
	struct xdp_desc *desc = (struct xdp_desc *)x->tx.entries + (x->tx.next++ & x->tx.mask);

	*desc = (struct xdp_desc){.addr = (uint64_t)(place - x->umem), .len = len};
	x->n_tx_free--;
}

/* Of frames that can go later. */
static bool is_passing(int err)
{
	return err == -EAGAIN || err == -EBUSY || err == -ENOBUFS || err == -EINTR;
}

static int tx_wake(const struct xsk *x)
{
	return sendto(x->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 ? -errno : 0;
}

static int xsk_statistics(const struct xsk *x, struct xdp_statistics *ret)
{
	socklen_t len = sizeof(*ret);

	*ret = (struct xdp_statistics){.rx_dropped = 0};
	return getsockopt(x->fd, SOL_XDP, XDP_STATISTICS, ret, &len) < 0 ? -errno : 0;
}

uint32_t xsk_tx_cancel(struct xsk *x)
{
	uint32_t first = load_acquire(x->tx.consumer);
	struct xdp_desc *descs = x->tx.entries;
	struct xdp_statistics s;

	/* While some are cancelled no others come. */
	if (x->n_void || first == x->tx.next || xsk_statistics(x, &s) < 0)
		return 0;
	x->n_void = x->tx.next - first;
	x->n_void_counted = s.tx_invalid_descs;
	/* From the end: whoever reads one that is void finds all behind it void. */
	for (uint32_t i = x->tx.next; i != first; i--) {
		struct xdp_desc *desc = &descs[(i - 1) & x->tx.mask];

		__atomic_store_n(&desc->addr, desc->addr | void_bit, __ATOMIC_RELEASE);
	}
	return x->n_void;
}

/* Has the kernel pass over what was cancelled, as some versions do with one a call. */
static int tx_pass_over(struct xsk *x)
{
	const struct xdp_desc *descs = x->tx.entries;
	struct xdp_statistics s;
	uint64_t n;
	int err;

	for (int i = 0; i < 2 * XSK_CHUNKS && load_acquire(x->tx.consumer) != x->tx.next; i++) {
		if (!(load_acquire(x->tx.flags) & XDP_RING_NEED_WAKEUP))
			break;
		err = tx_wake(x);
		if (err && !is_passing(err))
			return err;
	}
	if (load_acquire(x->tx.consumer) != x->tx.next || xsk_statistics(x, &s) < 0)
		return -EBUSY;
	n = s.tx_invalid_descs - x->n_void_counted;
	for (uint32_t i = 1; i <= n && i <= x->n_void; i++) {
		uint64_t addr = descs[(x->tx.next - i) & x->tx.mask].addr & ~void_bit;

		x->tx_free[x->n_tx_free++] = (uint32_t)(addr / XSK_CHUNK);
	}
	x->n_void = 0;
	tx_reclaim(x);
	return 0;
}

int xsk_tx_kick(struct xsk *x)
{
	uint32_t last = load_acquire(x->tx.consumer), now;
	int i, err;

	store_release(x->tx.producer, x->tx.next);
	if (x->n_void)
		return tx_pass_over(x);
	for (i = 0; i < TX_KICKS_MAX; i++) {
		if (!(load_acquire(x->tx.flags) & XDP_RING_NEED_WAKEUP))
			break;
		err = tx_wake(x);
		now = load_acquire(x->tx.consumer);
		if (now == x->tx.next)
			break;
		if (err && !is_passing(err))
			return err;
		if (now == last) /* what is under way has to come back first */
			return -EAGAIN;
		last = now;
	}
	tx_reclaim(x);
	return i < TX_KICKS_MAX ? 0 : -EAGAIN; /* each took a few, as a slow device frees room */
}

uint64_t xsk_rx_drops(const struct xsk *x)
{
	struct xdp_statistics s;

	if (xsk_statistics(x, &s) < 0)
		return 0;
	return s.rx_dropped + s.rx_ring_full;
}

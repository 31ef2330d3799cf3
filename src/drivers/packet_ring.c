/* SPDX-License-Identifier: MIT */
/* The receive ring of a packet socket; the contract is in packet_ring.h, the layout in packet(7)
 * and in the kernel's Documentation/networking/packet_mmap.rst. */
#include "drivers/packet_ring.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum {
	/* The kernel's headers in front of a frame, of either version, with its alignment. */
	RING_SLOT_EXTRA = 128,
	RING_SLOT_ALIGN = 64,
	RING_SLOT_BLOCK = 1024 * 1024,
	RING_BLOCK = 256 * 1024,
	RING_UNITS_MIN = 2, /* blocks: one that the kernel fills while one is read */
};

static int ring_version_set(int fd, int version)
{
	return setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ? -errno
											 : 0;
}

static uint32_t n_blocks_of(uint32_t ring_bytes, uint32_t block_bytes)
{
	uint32_t n = ring_bytes / block_bytes;

	return n < RING_UNITS_MIN ? RING_UNITS_MIN : n;
}

static int ring_open_slots(struct packet_ring *r, int fd, const struct packet_ring_conf *conf)
{
	uint32_t slot = conf->frame_max + RING_SLOT_EXTRA;
	struct tpacket_req req = {.tp_block_size = RING_SLOT_BLOCK};
	int err = ring_version_set(fd, TPACKET_V2);

	slot = (slot + RING_SLOT_ALIGN - 1) / RING_SLOT_ALIGN * RING_SLOT_ALIGN;
	req.tp_frame_size = slot;
	req.tp_block_nr = n_blocks_of(conf->ring_bytes, req.tp_block_size);
	req.tp_frame_nr = req.tp_block_size / slot * req.tp_block_nr;
	if (err)
		return err;
	if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) < 0)
		return -errno;
	r->block_bytes = req.tp_block_size;
	r->slot_bytes = slot;
	r->slots_per_block = req.tp_block_size / slot;
	r->n_units = req.tp_frame_nr;
	r->map_bytes = (size_t)req.tp_block_size * req.tp_block_nr;
	return 0;
}

static int ring_open_blocks(struct packet_ring *r, int fd, const struct packet_ring_conf *conf)
{
	struct tpacket_req3 req = {
		.tp_block_size = RING_BLOCK,
		.tp_block_nr = n_blocks_of(conf->ring_bytes, RING_BLOCK),
		.tp_frame_size = 2048, /* only has to divide: frames are as long as they are */
		.tp_retire_blk_tov = conf->timeout_ms,
	};
	int err = ring_version_set(fd, TPACKET_V3);

	req.tp_frame_nr = req.tp_block_size / req.tp_frame_size * req.tp_block_nr;
	if (err)
		return err;
	if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) < 0)
		return -errno;
	r->block_bytes = req.tp_block_size;
	r->n_units = req.tp_block_nr;
	r->map_bytes = (size_t)req.tp_block_size * req.tp_block_nr;
	return 0;
}

int packet_ring_open(struct packet_ring *r, int fd, const struct packet_ring_conf *conf)
{
	int err;
	void *map;

	*r = (struct packet_ring){.map = NULL};
	err = conf->timeout_ms ? ring_open_blocks(r, fd, conf) : ring_open_slots(r, fd, conf);
	if (err)
		return err;
	map = mmap(NULL, r->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	r->map = map;
	return 0;
}

void packet_ring_close(struct packet_ring *r)
{
	if (r->map)
		munmap(r->map, r->map_bytes);
	*r = (struct packet_ring){.map = NULL};
}

/* The memory is the kernel's to write: its status is what orders who may read what. */
static uint32_t status_load(const uint32_t *status)
{
	return __atomic_load_n(status, __ATOMIC_ACQUIRE);
}

static void status_give_back(uint32_t *status)
{
	__atomic_store_n(status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

static struct tpacket2_hdr *slot_hdr(const struct packet_ring *r, uint32_t i)
{
	size_t at = (size_t)(i / r->slots_per_block) * r->block_bytes +
		    (size_t)(i % r->slots_per_block) * r->slot_bytes;

	return (struct tpacket2_hdr *)(void *)(r->map + at);
}

static struct tpacket_block_desc *block_desc(const struct packet_ring *r, uint32_t i)
{
	return (struct tpacket_block_desc *)(void *)(r->map + (size_t)i * r->block_bytes);
}

static void ring_advance(struct packet_ring *r)
{
	r->head = r->head + 1 == r->n_units ? 0 : r->head + 1;
	r->n_held++;
}

static bool slot_next(struct packet_ring *r, struct packet_frame *ret)
{
	const struct tpacket2_hdr *h = slot_hdr(r, r->head);
	uint32_t status = status_load(&h->tp_status);

	if (!(status & TP_STATUS_USER))
		return false;
	*ret = (struct packet_frame){
		.bytes = (const uint8_t *)h + h->tp_mac,
		.len = h->tp_snaplen,
		.full_len = h->tp_len,
		.status = status,
		.vlan_tci = h->tp_vlan_tci,
		.vlan_tpid = h->tp_vlan_tpid,
	};
	ring_advance(r);
	return true;
}

/* The frames of the block at head become those to be read; a block may be empty. */
static bool block_begin(struct packet_ring *r)
{
	const struct tpacket_block_desc *b = block_desc(r, r->head);

	r->block_status = status_load(&b->hdr.bh1.block_status);
	if (!(r->block_status & TP_STATUS_USER))
		return false;
	r->n_left = b->hdr.bh1.num_pkts;
	r->at = (const uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
	if (!r->n_left)
		ring_advance(r);
	return true;
}

static bool block_next(struct packet_ring *r, struct packet_frame *ret)
{
	const struct tpacket3_hdr *h;

	while (!r->n_left)
		if (r->n_held == r->n_units || !block_begin(r))
			return false;
	h = (const struct tpacket3_hdr *)(const void *)r->at;
	*ret = (struct packet_frame){
		.bytes = r->at + h->tp_mac,
		.len = h->tp_snaplen,
		.full_len = h->tp_len,
		.status = h->tp_status | (r->block_status & TP_STATUS_LOSING),
		.vlan_tci = (uint16_t)h->hv1.tp_vlan_tci,
		.vlan_tpid = h->hv1.tp_vlan_tpid,
	};
	r->at += h->tp_next_offset;
	if (!--r->n_left)
		ring_advance(r);
	return true;
}

bool packet_ring_next(struct packet_ring *r, struct packet_frame *ret)
{
	if (!r->slot_bytes)
		return block_next(r, ret);
	return r->n_held < r->n_units && slot_next(r, ret);
}

void packet_ring_release(struct packet_ring *r)
{
	uint32_t i = r->head >= r->n_held ? r->head - r->n_held : r->head + r->n_units - r->n_held;

	for (; r->n_held; r->n_held--) {
		if (r->slot_bytes)
			status_give_back(&slot_hdr(r, i)->tp_status);
		else
			status_give_back(&block_desc(r, i)->hdr.bh1.block_status);
		i = i + 1 == r->n_units ? 0 : i + 1;
	}
}

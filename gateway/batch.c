/* SPDX-License-Identifier: MIT */
/*
 * Datagrams that go together: those that wait at a socket are read in one call, and those in a row
 * that have one way and one size go on as one: to the guest as a super-packet, to the host by
 * UDP_SEGMENT. Whoever receives them gets each as it was sent; nothing waits for more to come.
 *
 * To the guest, a batch is what one call has read, and is taken out in groups (gw_batch_next()). To
 * the host, a burst is what the guest has sent in a row (gw_burst_add()), its bytes copied, as they
 * stay only until the next is looked at.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "gateway/gateway_priv.h"
#include "weft/packet.h"

enum {
	GROUP_MAX = 64, /* datagrams that are one, as of the stack's super-packets */
	/* Payload of the largest super-packet, of either family. */
	GROUP_BYTES = 65535 - GW_DGRAM_HEADERS,
	BURST_ONE = 8 * 1024, /* larger datagrams go alone: what is copied costs more than a call */
};

/*
 * From a socket of the host.
 */

/* What the kernel says of a datagram besides: the address of ours that it was sent to, and of many
 * that came as one, the size of each. */
static void batch_control(struct gw_batch *b, int i)
{
	struct msghdr *hdr = &b->vec[i].msg_hdr;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c; c = CMSG_NXTHDR(hdr, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			b->local[i].family = WEFT_AF_INET;
			memcpy(b->local[i].bytes, &info.ipi_spec_dst, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			b->local[i].family = WEFT_AF_INET6;
			memcpy(b->local[i].bytes, &info.ipi6_addr, 16);
		} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == WEFT_UDP_GRO) {
			int size;

			memcpy(&size, CMSG_DATA(c), sizeof(size));
			b->sizes[i] = size > 0 && size <= UINT16_MAX ? (uint16_t)size : 0;
		}
	}
}

int gw_batch_recv(struct gw_batch *b, int fd, uint8_t *buf)
{
	int n;

	memset(b->vec, 0, sizeof(b->vec));
	for (int i = 0; i < GW_BATCH; i++) {
		b->iov[i] =
			(struct weft_iovec){buf + (size_t)i * GW_DGRAM_MAX, (size_t)GW_DGRAM_MAX};
		b->vec[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i],
						    .msg_namelen = sizeof(b->from[i]),
						    .msg_iov = (struct iovec *)(void *)&b->iov[i],
						    .msg_iovlen = 1,
						    .msg_control = b->control[i],
						    .msg_controllen = sizeof(b->control[i])};
	}
	n = recvmmsg(fd, b->vec, GW_BATCH, 0, NULL);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		b->iov[i].len = b->vec[i].msg_len;
		b->local[i].family = WEFT_AF_UNSPEC;
		b->sizes[i] = 0;
		batch_control(b, i);
		if (b->sizes[i] >= b->iov[i].len)
			b->sizes[i] = 0;
	}
	b->n = n;
	b->next = 0;
	b->off = 0;
	return n;
}

/* Of a message that is many datagrams: as many as may go at once. */
static void batch_part(struct gw_batch *b, size_t size_max, struct gw_group *ret)
{
	const struct weft_iovec *iov = &b->iov[b->next];
	size_t size = b->sizes[b->next], left = iov->len - b->off;
	size_t most = size <= size_max ? size * GROUP_MAX : size;

	b->part = (struct weft_iovec){(uint8_t *)iov->base + b->off, left < most ? left : most};
	ret->iov = &b->part;
	ret->n_iov = 1;
	ret->len = b->part.len;
	ret->gso_size = ret->len > size ? (uint16_t)size : 0;
	ret->n_dgrams = (uint32_t)((ret->len + size - 1) / size);
	b->off += ret->len;
	if (b->off == iov->len) {
		b->next++;
		b->off = 0;
	}
}

/* Message `i` goes with `first`, which is one datagram. */
static bool batch_is_same_way(const struct gw_batch *b, int first, int i)
{
	socklen_t len = b->vec[first].msg_hdr.msg_namelen;

	return !b->sizes[i] && b->vec[i].msg_hdr.msg_namelen == len &&
	       memcmp(&b->from[i], &b->from[first], len) == 0 &&
	       b->local[i].family == b->local[first].family &&
	       (!b->local[i].family || gw_addr_eq(&b->local[i], &b->local[first]));
}

bool gw_batch_next(struct gw_batch *b, size_t size_max, struct gw_group *ret)
{
	int first = b->next, i;
	size_t size;

	if (first == b->n)
		return false;
	*ret = (struct gw_group){.from = &b->from[first], .local = &b->local[first]};
	if (b->sizes[first]) {
		batch_part(b, size_max, ret);
		return true;
	}
	size = b->iov[first].len;
	ret->len = size;
	for (i = first + 1; size && size <= size_max && i < b->n; i++) {
		size_t len = b->iov[i].len;

		/* The last may be shorter. */
		if (!len || len > size || b->iov[i - 1].len < size ||
		    ret->len + len > GROUP_BYTES || !batch_is_same_way(b, first, i))
			break;
		ret->len += len;
	}
	b->next = size && size <= size_max ? i : first + 1;
	ret->iov = &b->iov[first];
	ret->n_iov = ret->n_dgrams = (uint32_t)(b->next - first);
	ret->gso_size = ret->n_dgrams > 1 ? (uint16_t)size : 0;
	return true;
}

/*
 * To a socket of the host.
 */

/* The same way, and the same in all that the host's socket is set to. */
static bool burst_is_same_way(const struct weft_intercept_msg *a,
			      const struct weft_intercept_msg *b)
{
	return a->proto == b->proto && a->src.port == b->src.port && a->dst.port == b->dst.port &&
	       a->ttl == b->ttl && a->tos == b->tos && a->df == b->df &&
	       gw_addr_eq(&a->src.addr, &b->src.addr) && gw_addr_eq(&a->dst.addr, &b->dst.addr);
}

bool gw_burst_takes(const struct gw_burst *burst, const struct weft_intercept_msg *msg)
{
	size_t size = burst->head.len;

	return burst->map && !msg->gso_size && msg->len > 0 && msg->len <= size &&
	       burst->n_dgrams < GROUP_MAX && burst->len == burst->n_dgrams * size &&
	       burst->len + msg->len <= GROUP_BYTES && burst_is_same_way(&burst->head, msg);
}

bool gw_burst_start(struct gw_burst *burst, struct gw_map *map,
		    const struct weft_intercept_msg *msg, const struct weft_sockaddr *to)
{
	if (msg->gso_size || !msg->len || msg->len > BURST_ONE || msg->len > map->segment_max)
		return false;
	burst->map = map;
	burst->to = *to;
	burst->head = *msg;
	burst->n_dgrams = 0;
	burst->len = 0;
	gw_burst_add(burst, msg);
	return true;
}

void gw_burst_add(struct gw_burst *burst, const struct weft_intercept_msg *msg)
{
	for (size_t i = 0; i < msg->n_iov; i++) {
		memcpy(burst->bytes + burst->len, msg->iov[i].base, msg->iov[i].len);
		burst->len += msg->iov[i].len;
	}
	burst->n_dgrams++;
}

struct gw_map *gw_burst_end(struct gw_burst *burst, struct weft_intercept_msg *ret,
			    struct weft_sockaddr *ret_to)
{
	struct gw_map *map = burst->map;

	if (!map)
		return NULL;
	burst->map = NULL;
	*ret = burst->head;
	ret->gso_size = burst->n_dgrams > 1 ? (uint16_t)burst->head.len : 0;
	ret->len = burst->len;
	burst->iov = (struct weft_iovec){burst->bytes, burst->len};
	ret->iov = &burst->iov;
	ret->n_iov = 1;
	*ret_to = burst->to;
	return map;
}

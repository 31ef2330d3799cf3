/* SPDX-License-Identifier: MIT */
/*
 * Zero copy of the public API (weft/zero.h): lent buffers are `struct buf` of no class, and
 * received bytes are packets taken off a socket's queue.
 */
#include "api/api_priv.h"
#include "pkt/pkt.h"
#include "weft/zero.h"

/* A buffer of the application's, while anything refers to it. */
struct api_lent {
	struct buf buf;
	struct engine_work work; /* tells the application, once nothing does */
	struct engine *eng;
	weft_lent_done *done;
	void *arg;
	size_t n_bytes; /* that were taken; 0: the application never lost them */
};

struct weft_ref {
	struct engine *eng;
	struct pktq pkts;
	size_t n_iov;
	struct weft_iovec iov[];
};

enum {
	ZERO_LENTS_MAX = 64, /* kept for the next calls: 7 KiB */
	ZERO_REFS_MAX = 4,   /* 11 KiB */
	REF_IOV_MAX = SOCKET_TAKE_PKTS_MAX * (1 + PKT_FRAGS_MAX),
};

static struct api_engine *zero_api(const struct engine *eng)
{
	return eng->api;
}

void api_zero_init(struct api_engine *api, struct engine *eng)
{
	spares_init(&api->lents, &eng->mem, sizeof(struct api_lent), ZERO_LENTS_MAX);
	spares_init(&api->refs, &eng->mem,
		    sizeof(struct weft_ref) + REF_IOV_MAX * sizeof(struct weft_iovec),
		    ZERO_REFS_MAX);
}

void api_zero_fini(struct api_engine *api)
{
	spares_bound(&api->lents, 0);
	spares_bound(&api->refs, 0);
}

static void lent_work(struct engine_work *work)
{
	struct api_lent *lent = container_of(work, struct api_lent, work);
	struct api_lent copy = *lent;

	spares_put(&zero_api(copy.eng)->lents, lent);
	if (copy.n_bytes)
		copy.done(copy.arg, copy.buf.bytes, copy.n_bytes);
}

/* The last reference may go in the middle of anything, also of the application's own call. */
static void lent_release(struct buf *buf)
{
	struct api_lent *lent = container_of(buf, struct api_lent, buf);

	if (lent->n_bytes)
		engine_work_defer(lent->eng, &lent->work);
	else
		lent_work(&lent->work);
}

static struct api_lent *lent_new(struct engine *eng, const void *bytes, size_t len)
{
	struct api_lent *lent = spares_get(&zero_api(eng)->lents);

	if (!lent)
		return NULL;
	*lent = (struct api_lent){
		.buf = {.bytes = (uint8_t *)(uintptr_t)bytes, /* never written to: shared */
			.cap = (uint32_t)len,
			.refs = 1,
			.pools = &eng->pkts,
			.class = BUF_CLASSES,
			.release = lent_release},
		.eng = eng,
	};
	engine_work_init(&lent->work, lent_work);
	return lent;
}

ptrdiff_t weft_send_lent(struct weft_sock *s, const void *buf, size_t len, uint32_t flags,
			 const struct weft_sockaddr *to, weft_lent_done *done, void *arg)
{
	struct sock *sk = sock_of(s);
	struct weft_iovec iov = {.base = (void *)(uintptr_t)buf, .len = len};
	struct sock_name name;
	struct api_lent *lent;
	ptrdiff_t n;

	if (len > INT32_MAX)
		iov.len = INT32_MAX;
	lent = lent_new(sk->stack->eng, buf, iov.len);
	if (!lent)
		return -ENOMEM;
	if (to)
		name = api_sock_name(to);
	lent->done = done;
	lent->arg = arg;
	n = socket_send_lent(sk, &iov, flags, to ? &name : NULL, &lent->buf);
	/* A copy of a datagram is under way, to a group that we are in or as a fragment, although
	 * another met with an error: then the bytes are lent, whatever the error says. */
	if (n < 0 && lent->buf.refs > 1)
		n = (ptrdiff_t)iov.len;
	lent->n_bytes = n > 0 ? (size_t)n : 0;
	buf_unref(&lent->buf);
	return n;
}

/* Received bytes */

static size_t pkts_n_iov(const struct pktq *q)
{
	size_t n = 0;

	pktq_for_each (pkt, q)
		n += 1u + pkt->n_frags;
	return n;
}

static void ref_iov_add(struct weft_ref *ref, const uint8_t *bytes, uint32_t len)
{
	if (len)
		ref->iov[ref->n_iov++] =
			(struct weft_iovec){.base = (void *)(uintptr_t)bytes, .len = len};
}

static void ref_iov_fill(struct weft_ref *ref)
{
	pktq_for_each (pkt, &ref->pkts) {
		ref_iov_add(ref, pkt->data, pkt->lin_len);
		for (uint32_t i = 0; i < pkt->n_frags; i++)
			ref_iov_add(ref, pkt->frags[i].buf->bytes + pkt->frags[i].off,
				    pkt->frags[i].len);
	}
}

/* Room for all that may come, before anything is taken that could not be put back. */
static struct weft_ref *ref_new(struct engine *eng)
{
	struct weft_ref *ref = spares_get(&zero_api(eng)->refs);

	if (!ref)
		return NULL;
	ref->eng = eng;
	ref->n_iov = 0;
	pktq_init(&ref->pkts);
	return ref;
}

static void ref_free(struct weft_ref *ref)
{
	pktq_purge(&ref->pkts);
	spares_put(&zero_api(ref->eng)->refs, ref);
}

ptrdiff_t weft_recv_ref(struct weft_sock *s, size_t max, uint32_t flags,
			struct weft_sockaddr *ret_from, struct weft_ref **ret)
{
	struct sock *sk = sock_of(s);
	struct weft_ref *ref = ref_new(sk->stack->eng);
	struct sock_name from;
	ptrdiff_t n;

	if (!ref)
		return -ENOMEM;
	n = socket_take(sk, max, flags, &ref->pkts, &from);
	if (n >= 0 && ret_from)
		*ret_from = weft_sockaddr_of(&from);
	if (n <= 0) {
		ref_free(ref);
		if (n == 0)
			*ret = NULL;
		return n;
	}
	assert(pkts_n_iov(&ref->pkts) <= REF_IOV_MAX);
	ref_iov_fill(ref);
	*ret = ref;
	return n;
}

const struct weft_iovec *weft_ref_iov(const struct weft_ref *ref, size_t *ret_n_iov)
{
	*ret_n_iov = ref->n_iov;
	return ref->iov;
}

void weft_ref_free(struct weft_ref *ref)
{
	if (ref)
		ref_free(ref);
}

/* SPDX-License-Identifier: MIT */
/* Captures; how they work is in capture.h. */
#include "core/capture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/csum.h"
#include "base/load.h"
#include "base/mem.h"
#include "core/stack.h"
#include "wire/pcapng.h"
#include "wire/pcapng_edit.h"

enum {
	CAPTURE_BUF_MIN = 64 * 1024,
	CAPTURE_COMMENT_MAX = 160,
};

struct capture_if {
	struct netif_tap tap;
	struct capture *cap;
	struct list link; /* cap->ifs */
	const struct netif *netif;
	uint32_t id; /* in the stream */
	uint64_t n_frames;
};

static int64_t wall_ns(const struct capture *cap)
{
	return cap->eng->epoch_ns + cap->eng->now_ns;
}

/* Room for `n` more bytes. False: no memory; what is there stays. */
static bool capture_reserve(struct capture *cap, size_t n)
{
	size_t want = cap->cap ? cap->cap : CAPTURE_BUF_MIN;
	uint8_t *buf;

	if (cap->cap - cap->len >= n)
		return true;
	while (want - cap->len < n)
		want *= 2;
	buf = mem_alloc(&cap->eng->mem, want);
	if (!buf)
		return false;
	if (cap->len)
		memcpy(buf, cap->buf, cap->len);
	mem_free(&cap->eng->mem, cap->buf, cap->cap);
	cap->buf = buf;
	cap->cap = want;
	return true;
}

static void capture_deliver(struct capture *cap)
{
	if (cap->len)
		cap->fn(cap->arg, cap->buf, cap->len);
	cap->len = 0;
}

static void capture_work(struct engine_work *work)
{
	capture_deliver(container_of(work, struct capture, work));
}

/* Frame bytes from the Ethernet header on, wherever `data` is now. */
static uint32_t frame_start(const struct pkt *pkt)
{
	return pkt->l2_off != PKT_NO_OFF && pkt->l2_off <= pkt_off(pkt)
		       ? (uint32_t)(pkt_off(pkt) - pkt->l2_off)
		       : 0;
}

/* Copies the first `n` bytes of the frame, of which `n_pulled` lie in front of `data`. */
static void frame_copy(const struct pkt *pkt, uint32_t n_pulled, uint8_t *dst, uint32_t n)
{
	uint32_t n_front = n_pulled < n ? n_pulled : n;

	memcpy(dst, pkt->data - n_pulled, n_front);
	pkt_copy_out(pkt, 0, dst + n_front, n - n_front);
}

/* The copy gets the checksum that a device would have put in. Needs the whole frame. */
static void frame_csum_complete(const struct pkt *pkt, uint32_t n_pulled, uint8_t *copy,
				uint32_t len)
{
	uint32_t start = pkt->csum_start - (pkt_off(pkt) - n_pulled);
	uint32_t field = start + pkt->csum_off;
	uint64_t sum;

	if (pkt->csum != PKT_CSUM_PARTIAL || start >= len || field + 2 > len)
		return;
	sum = csum_add(pkt->pools->cpu, copy + start, len - start, 0);
	store_be16(copy + field, pkt_csum_field(pkt, sum));
}

static void record_write(struct capture_if *ci, const struct pkt *pkt, uint32_t direction,
			 const char *note)
{
	struct capture *cap = ci->cap;
	uint32_t n_pulled = frame_start(pkt);
	uint32_t len = n_pulled + pkt->len;
	uint32_t kept = len < cap->snaplen ? len : cap->snaplen;
	char text[CAPTURE_COMMENT_MAX];
	struct pcapng_text comment = {text, 0};
	struct pcapng_epb epb = {
		.if_id = ci->id,
		.ts = (uint64_t)wall_ns(cap),
		.cap_len = kept,
		.orig_len = len,
		.flags = direction,
		.comments = &comment,
		.n_comments = 1,
	};
	struct wr w;
	uint8_t *copy;
	int n = snprintf(text, sizeof(text), "trace %u%s", pkt->trace_id, note);

	comment.len = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	if (!capture_reserve(cap, pcapng_epb_len(&epb))) {
		cap->n_lost++;
		return;
	}
	w = wr_make(cap->buf + cap->len, cap->cap - cap->len);
	copy = pcapng_epb_write(&w, &epb);
	if (!copy)
		return;
	frame_copy(pkt, n_pulled, copy, kept);
	if (kept == len)
		frame_csum_complete(pkt, n_pulled, copy, len);
	cap->len += (size_t)(w.p - (cap->buf + cap->len));
	ci->n_frames++;
	engine_work_defer(cap->eng, &cap->work);
}

static void tap_frame(struct netif_tap *tap, const struct netif *netif, const struct pkt *pkt,
		      bool is_tx)
{
	struct capture_if *ci = container_of(tap, struct capture_if, tap);
	struct capture *cap = ci->cap;
	size_t off = cap->len;

	record_write(ci, pkt, is_tx ? PCAPNG_DIR_OUT : PCAPNG_DIR_IN, "");
	/* done() comes for every frame(), so every frame() opens one, even beyond what is kept. */
	if (cap->n_open < CAPTURE_OPEN_MAX)
		cap->open[cap->n_open] = (struct capture_open){off, pkt->trace_id, netif};
	cap->n_open++;
}

static void tap_done(struct netif_tap *tap, const struct netif *netif)
{
	struct capture *cap = container_of(tap, struct capture_if, tap)->cap;

	(void)netif;
	cap->n_open--;
}

/* The open record of this packet, or NULL. */
static struct capture_open *open_find(struct capture *cap, const struct netif *netif,
				      const struct pkt *pkt)
{
	uint32_t n = cap->n_open < CAPTURE_OPEN_MAX ? cap->n_open : CAPTURE_OPEN_MAX;

	while (n--)
		if (cap->open[n].trace_id == pkt->trace_id && cap->open[n].netif == netif &&
		    cap->open[n].off < cap->len)
			return &cap->open[n];
	return NULL;
}

static void record_annotate(struct capture *cap, const struct capture_open *rec, enum drop why)
{
	char text[CAPTURE_COMMENT_MAX];
	int n = snprintf(text, sizeof(text), "dropped: %s: %s", drop_name(why), drop_text(why));
	size_t len = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	size_t n_add = pcapng_comment_len(len);

	if (!capture_reserve(cap, n_add) ||
	    pcapng_comment_insert(cap->buf, cap->cap, &cap->len, rec->off, text, len) < 0)
		return;
	for (uint32_t i = 0; i < cap->n_open && i < CAPTURE_OPEN_MAX; i++)
		if (cap->open[i].off > rec->off)
			cap->open[i].off += n_add;
}

static void tap_drop(struct netif_tap *tap, const struct netif *netif, const struct pkt *pkt,
		     enum drop why)
{
	struct capture_if *ci = container_of(tap, struct capture_if, tap);
	struct capture_open *rec = open_find(ci->cap, netif, pkt);
	char note[CAPTURE_COMMENT_MAX];

	if (rec) {
		record_annotate(ci->cap, rec, why);
		return;
	}
	snprintf(note, sizeof(note), "; dropped later: %s: %s", drop_name(why), drop_text(why));
	record_write(ci, pkt, 0, note);
}

static int header_write(struct capture *cap)
{
	struct pcapng_shb shb = {.userappl = pcapng_text("weft")};
	struct wr w;

	if (!capture_reserve(cap, pcapng_shb_len(&shb)))
		return -ENOMEM;
	w = wr_make(cap->buf, cap->cap);
	pcapng_shb_write(&w, &shb);
	cap->len = (size_t)(w.p - cap->buf);
	return 0;
}

int capture_new(struct engine *eng, uint32_t snaplen, capture_fn *fn, void *arg,
		struct capture **ret)
{
	struct capture *cap = mem_zalloc(&eng->mem, sizeof(*cap));

	if (!cap)
		return -ENOMEM;
	cap->eng = eng;
	cap->snaplen = snaplen && snaplen < CAPTURE_SNAPLEN_MAX ? snaplen : CAPTURE_SNAPLEN_MAX;
	cap->fn = fn;
	cap->arg = arg;
	list_init(&cap->ifs);
	engine_work_init(&cap->work, capture_work);
	if (header_write(cap) < 0) {
		mem_free(&eng->mem, cap, sizeof(*cap));
		return -ENOMEM;
	}
	engine_work_defer(eng, &cap->work);
	*ret = cap;
	return 0;
}

static int interface_write(struct capture *cap, const struct netif *netif)
{
	char name[STACK_NAME_MAX + NETIF_NAME_MAX + 1];
	struct pcapng_idb idb = {
		.linktype = PCAPNG_LINKTYPE_ETHERNET,
		.tsresol = PCAPNG_TSRESOL_NS,
		.snaplen = cap->snaplen,
	};
	struct wr w;

	snprintf(name, sizeof(name), "%s:%s", netif->stack->name, netif->name);
	idb.name = pcapng_text(name);
	if (!capture_reserve(cap, pcapng_idb_len(&idb)))
		return -ENOMEM;
	w = wr_make(cap->buf + cap->len, cap->cap - cap->len);
	pcapng_idb_write(&w, &idb);
	cap->len += (size_t)(w.p - (cap->buf + cap->len));
	engine_work_defer(cap->eng, &cap->work);
	return 0;
}

static void interface_stats_write(struct capture_if *ci)
{
	struct capture *cap = ci->cap;
	struct pcapng_isb isb = {
		.if_id = ci->id,
		.ts = (uint64_t)wall_ns(cap),
		.has_received = true,
		.n_received = ci->n_frames,
		.has_dropped = true,
		.n_dropped = cap->n_lost,
	};
	struct wr w;

	if (!capture_reserve(cap, pcapng_isb_len(&isb)))
		return;
	w = wr_make(cap->buf + cap->len, cap->cap - cap->len);
	pcapng_isb_write(&w, &isb);
	cap->len += (size_t)(w.p - (cap->buf + cap->len));
}

static void interface_free(struct capture_if *ci)
{
	interface_stats_write(ci);
	list_del(&ci->link);
	list_del(&ci->tap.link);
	mem_free(&ci->cap->eng->mem, ci, sizeof(*ci));
}

static void tap_gone(struct netif_tap *tap)
{
	interface_free(container_of(tap, struct capture_if, tap));
}

int capture_add(struct capture *cap, struct netif *netif)
{
	struct capture_if *ci;

	list_for_each (ci, &cap->ifs, link)
		if (ci->netif == netif)
			return -EEXIST;
	ci = mem_zalloc(&cap->eng->mem, sizeof(*ci));
	if (!ci)
		return -ENOMEM;
	if (interface_write(cap, netif) < 0) {
		mem_free(&cap->eng->mem, ci, sizeof(*ci));
		return -ENOMEM;
	}
	ci->cap = cap;
	ci->netif = netif;
	ci->id = cap->n_ifs++;
	ci->tap.frame = tap_frame;
	ci->tap.drop = tap_drop;
	ci->tap.done = tap_done;
	ci->tap.gone = tap_gone;
	list_add_tail(&cap->ifs, &ci->link);
	list_add_tail(&netif->taps, &ci->tap.link);
	return 0;
}

void capture_free(struct capture *cap)
{
	struct capture_if *ci;

	if (!cap)
		return;
	list_for_each_safe (ci, &cap->ifs, link)
		interface_free(ci);
	engine_work_cancel(&cap->work);
	capture_deliver(cap);
	mem_free(&cap->eng->mem, cap->buf, cap->cap);
	mem_free(&cap->eng->mem, cap, sizeof(*cap));
}

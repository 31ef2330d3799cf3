/* SPDX-License-Identifier: MIT */
/* Simulated links. Both ends and both directions are one block of memory. */
#include "link/media.h"

#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "base/wheel.h"
#include "core/netif.h"
#include "core/stack.h"
#include "link/cross.h"
#include "link/media_delay.h"
#include "link/media_ecn.h"
#include "link/media_loss.h"
#include "wire/eth.h"

#define NSEC_PER_SEC ((uint64_t)1000 * 1000 * 1000)

/* Frames under way in order of arrival; pkt->ts_ns says when. */
struct flight {
	struct pkt *first;
	struct pkt *last;
};

struct media_dir {
	struct media *m;
	struct netif *from, *to;
	struct media_conf conf;
	struct rng rng;
	struct media_loss loss;
	struct media_reorder reorder;
	struct pktq queue;        /* waits for the transmitter */
	struct pkt *sending;      /* in the transmitter; NULL: idle */
	int64_t tx_end_ns;        /* when `sending` has left it */
	uint64_t tx_rem;          /* of the division by the rate: 1/rate_bps ns each */
	struct flight flight;     /* in order of sending: append only */
	struct flight strays;     /* reordered frames */
	int64_t last_arrival_ns;  /* of `flight` ever */
	struct wheel_timer timer; /* the first of transmitter, flight, strays */
	struct media_stats stats;
};

struct media {
	struct netif ends[2];
	bool is_gone[2];
	bool is_up;
	struct media_dir dirs[2]; /* [0]: from ends[0] to ends[1] */
	struct engine *eng;
};

static struct media *media_of_end(const struct netif *netif)
{
	return netif->priv;
}

static int media_end_index(const struct netif *netif)
{
	return netif == &media_of_end(netif)->ends[1];
}

/* A list that is nearly always in order already: looks at the tail first. Frames of one time keep
 * the order in which they were sent. */
static void flight_add(struct flight *f, struct pkt *pkt, int64_t arrival_ns)
{
	struct pkt **link = &f->first;

	pkt->ts_ns = arrival_ns;
	if (f->first && f->last->ts_ns <= arrival_ns)
		link = &f->last->next;
	else
		while (*link && (*link)->ts_ns <= arrival_ns)
			link = &(*link)->next;
	pkt->next = *link;
	*link = pkt;
	if (!pkt->next)
		f->last = pkt;
}

static struct pkt *flight_pop(struct flight *f)
{
	struct pkt *pkt = f->first;

	f->first = pkt->next;
	pkt->next = NULL;
	return pkt;
}

/* The list whose first frame arrives first; NULL: nothing is under way. */
static struct flight *media_next_flight(struct media_dir *d)
{
	if (!d->flight.first)
		return d->strays.first ? &d->strays : NULL;
	if (!d->strays.first || d->flight.first->ts_ns <= d->strays.first->ts_ns)
		return &d->flight;
	return &d->strays;
}

static void media_drop(struct media_dir *d, struct pkt *pkt, enum drop why)
{
	pkt->netif = d->from;
	pkt_drop(d->from->stack, pkt, why);
}

/* Flips one bit. The frame must be all bytes for that, none of them shared, and nobody may trust
 * its checksum afterwards. */
static int media_corrupt(struct media_dir *d, struct pkt *pkt)
{
	uint64_t bit = rng_below(&d->rng, (uint64_t)pkt->len * 8);

	if (pkt->csum == PKT_CSUM_PARTIAL && pkt_csum_complete(pkt) < 0)
		return -ENOBUFS;
	if (!pkt_make_writable(pkt, pkt->len))
		return -ENOBUFS;
	pkt->csum = PKT_CSUM_NONE;
	pkt->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	d->stats.corrupted++;
	return 0;
}

/* Chooses when a frame that left the transmitter at `at_ns` arrives. */
static void media_launch(struct media_dir *d, struct pkt *pkt, int64_t at_ns)
{
	const struct media_conf *conf = &d->conf;
	int64_t arrival_ns = at_ns + media_delay_draw(conf, &d->rng);

	if (media_reorder_draw(&d->reorder, conf, &d->rng)) {
		d->stats.reordered += pkt_n_frames(pkt);
		flight_add(&d->strays, pkt,
			   conf->reorder_ns ? arrival_ns + conf->reorder_ns : at_ns);
		return;
	}
	if (arrival_ns < d->last_arrival_ns)
		arrival_ns = d->last_arrival_ns;
	d->last_arrival_ns = arrival_ns;
	flight_add(&d->flight, pkt, arrival_ns);
}

/* A frame has left the transmitter: what happens to it on the way? */
static void media_fly(struct media_dir *d, struct pkt *pkt, int64_t at_ns)
{
	struct pkt *twin = NULL;

	if (media_loss_draw(&d->loss, &d->conf, &d->rng)) {
		d->stats.lost += pkt_n_frames(pkt);
		media_drop(d, pkt, DROP_LINK_LOSS);
		return;
	}
	if (rng_chance_ppm(&d->rng, d->conf.duplicate_ppm))
		twin = pkt_clone(pkt); /* none when there is no memory for it */
	if (rng_chance_ppm(&d->rng, d->conf.corrupt_ppm) && media_corrupt(d, pkt) < 0)
		media_drop(d, pkt, DROP_LINK_CORRUPT);
	else
		media_launch(d, pkt, at_ns);
	if (!twin)
		return;
	d->stats.duplicated += pkt_n_frames(twin);
	media_launch(d, twin, at_ns);
}

/* How long the transmitter needs; the part of a nanosecond that is left over goes to the next. */
static int64_t media_serialise(struct media_dir *d, uint64_t n_bytes)
{
	uint64_t rate_bps = d->conf.rate_bps;
	uint64_t t;

	if (!rate_bps)
		return 0;
	/* Below 2^64: a packet has less than 2^20 bits, also split up, and the remainder is below
	 * MEDIA_RATE_MAX_BPS. */
	t = n_bytes * 8 * NSEC_PER_SEC + d->tx_rem;
	d->tx_rem = t % rate_bps;
	return (int64_t)(t / rate_bps);
}

static void media_send(struct media_dir *d, struct pkt *pkt, int64_t at_ns)
{
	int64_t duration_ns = media_serialise(d, pkt_wire_bytes(pkt));

	d->sending = pkt;
	d->tx_end_ns = at_ns + duration_ns;
	d->stats.busy_ns += duration_ns;
}

static void media_queue_trace(const struct media_dir *d)
{
	if (unlikely(d->m->eng->trace.has_figures))
		trace_queue(d->from->stack, d->from, d->queue.n_pkts);
}

/* The transmitter is done with a frame and begins the next at that very time. */
static void media_sent(struct media_dir *d)
{
	struct pkt *pkt = d->sending;
	int64_t at_ns = d->tx_end_ns;
	struct pkt *next = pktq_pop(&d->queue);

	d->sending = NULL;
	if (next) {
		media_queue_trace(d);
		media_send(d, next, at_ns);
	}
	media_fly(d, pkt, at_ns);
}

static void media_deliver(struct media_dir *d, struct pkt *pkt)
{
	d->stats.frames += pkt_n_frames(pkt);
	d->stats.bytes += pkt_wire_bytes(pkt);
	pkt_cross(pkt, d->from, d->to);
	netif_rx_later(d->to, pkt);
}

static void media_timer_set(struct media_dir *d)
{
	struct wheel *wheel = &d->m->eng->wheel;
	struct flight *f = media_next_flight(d);
	int64_t at_ns = f ? f->first->ts_ns : INT64_MAX;

	if (d->sending && d->tx_end_ns < at_ns)
		at_ns = d->tx_end_ns;
	if (at_ns == INT64_MAX)
		wheel_stop(wheel, &d->timer);
	else if (!wheel_timer_is_pending(&d->timer) || d->timer.deadline_ns != at_ns)
		wheel_start(wheel, &d->timer, at_ns);
}

/* Does what is due. All that has left the transmitter comes first: it may arrive before what is
 * under way already. */
static void media_run(struct media_dir *d, int64_t now_ns)
{
	struct flight *f;

	while (d->sending && d->tx_end_ns <= now_ns)
		media_sent(d);
	while ((f = media_next_flight(d)) && f->first->ts_ns <= now_ns)
		media_deliver(d, flight_pop(f));
	media_timer_set(d);
}

static void media_timer(struct wheel_timer *timer, int64_t now_ns)
{
	media_run(container_of(timer, struct media_dir, timer), now_ns);
}

static bool media_queue_is_full(const struct media_dir *d, const struct pkt *pkt)
{
	uint32_t max_pkts = d->conf.queue_pkts ? d->conf.queue_pkts : MEDIA_QUEUE_PKTS;

	if (d->queue.n_pkts >= max_pkts)
		return true;
	return d->conf.queue_bytes && d->queue.n_bytes + (uint64_t)pkt->len > d->conf.queue_bytes;
}

static void media_enqueue(struct media_dir *d, struct pkt *pkt)
{
	if (media_queue_is_full(d, pkt)) {
		d->stats.queue_drops += pkt_n_frames(pkt);
		d->from->stats.tx_dropped++;
		media_drop(d, pkt, DROP_LINK_QUEUE);
		return;
	}
	if (d->conf.ecn_pkts && d->queue.n_pkts >= d->conf.ecn_pkts && media_ecn_mark(pkt))
		d->stats.marked++;
	pkt_hop(pkt, HOP_QUEUE, d->queue.n_pkts + 1);
	pktq_push(&d->queue, pkt);
	media_queue_trace(d);
	if (d->queue.n_pkts > d->stats.queue_peak_pkts)
		d->stats.queue_peak_pkts = d->queue.n_pkts;
}

static void media_tx(struct netif *netif, struct pkt *pkt)
{
	struct media *m = media_of_end(netif);
	struct media_dir *d = &m->dirs[media_end_index(netif)];
	int64_t now_ns = m->eng->now_ns;

	if (d->sending)
		media_run(d, now_ns); /* the timer of a frame that has just left may be late */
	if (d->sending)
		media_enqueue(d, pkt);
	else if (d->conf.rate_bps)
		media_send(d, pkt, now_ns);
	else
		media_fly(d, pkt, now_ns);
	media_run(d, now_ns);
}

/* Loses everything that the direction carries. Returns how many frames. */
static uint64_t media_dir_purge(struct media_dir *d, bool with_drops)
{
	struct flight *f;
	uint64_t n_frames = 0;

	while ((f = media_next_flight(d)))
		pktq_push(&d->queue, flight_pop(f));
	if (d->sending)
		pktq_push(&d->queue, d->sending);
	d->sending = NULL;
	for (struct pkt *pkt; (pkt = pktq_pop(&d->queue));) {
		n_frames += pkt_n_frames(pkt);
		if (with_drops)
			media_drop(d, pkt, DROP_IF_CARRIER);
		else
			pkt_free(pkt);
	}
	media_timer_set(d);
	return n_frames;
}

static void media_set_carriers(struct media *m)
{
	for (int i = 0; i < 2; i++)
		if (!m->is_gone[i])
			netif_set_carrier(&m->ends[i], m->is_up && !m->is_gone[!i] &&
							       (m->ends[!i].flags & NETIF_UP));
}

static void media_change(struct netif *netif)
{
	media_set_carriers(media_of_end(netif));
}

static void media_free(struct media *m)
{
	struct engine *eng = m->eng;

	mem_free(&eng->mem, m, sizeof(*m));
}

static void media_fini(struct netif *netif)
{
	struct media *m = media_of_end(netif);
	int end = media_end_index(netif);

	(void)media_dir_purge(&m->dirs[0], false);
	(void)media_dir_purge(&m->dirs[1], false);
	m->is_gone[end] = true;
	if (m->is_gone[!end])
		media_free(m);
	else
		netif_del(&m->ends[!end]);
}

static const struct netif_ops media_ops = {
	.kind = "link",
	.tx = media_tx,
	.change = media_change,
	.fini = media_fini,
};

static bool media_lose_is_valid(const struct media_conf *c)
{
	if (c->n_lose > MEDIA_LOSE_MAX)
		return false;
	for (uint32_t i = 0; i < c->n_lose; i++)
		if (c->lose[i].first == 0 || c->lose[i].first > c->lose[i].last)
			return false;
	return true;
}

static bool media_conf_is_valid(const struct media_conf *c)
{
	return c->gemodel_p_ppm <= MEDIA_PPM && c->gemodel_r_ppm <= MEDIA_PPM &&
	       c->gemodel_1h_ppm <= MEDIA_PPM && c->gemodel_1k_ppm <= MEDIA_PPM &&
	       c->reorder_corr_ppm <= MEDIA_PPM && c->jitter_dist < MEDIA_DISTS &&
	       media_lose_is_valid(c) && c->rate_bps <= MEDIA_RATE_MAX_BPS &&
	       c->loss_ppm <= MEDIA_PPM && c->duplicate_ppm <= MEDIA_PPM &&
	       c->corrupt_ppm <= MEDIA_PPM && c->reorder_ppm <= MEDIA_PPM && c->delay_ns >= 0 &&
	       c->delay_ns <= MEDIA_TIME_MAX_NS && c->jitter_ns >= 0 &&
	       c->jitter_ns <= MEDIA_TIME_MAX_NS && c->reorder_ns >= 0 &&
	       c->reorder_ns <= MEDIA_TIME_MAX_NS;
}

static uint32_t media_features(const struct media_conf *c)
{
	uint32_t features = NETIF_F_CSUM | NETIF_F_FRAGS | NETIF_F_GRO;

	if (!c->rate_bps && !c->loss_ppm && !c->duplicate_ppm && !c->corrupt_ppm &&
	    !c->reorder_ppm && !c->gemodel_p_ppm && !c->gemodel_1k_ppm && !c->n_lose)
		features |= NETIF_F_GSO_TCP | NETIF_F_GSO_UDP;
	return features;
}

static void media_dir_init(struct media *m, int dir, const struct media_conf *conf)
{
	struct media_dir *d = &m->dirs[dir];

	d->m = m;
	d->from = &m->ends[dir];
	d->to = &m->ends[!dir];
	d->conf = *conf;
	rng_init_seed(&d->rng, rng_u64(&m->eng->rng));
	pktq_init(&d->queue);
	wheel_timer_init(&d->timer, media_timer);
}

static void media_end_init(struct media *m, int end)
{
	struct netif *netif = &m->ends[end];

	netif->ops = &media_ops;
	netif->priv = m;
	netif->flags = NETIF_BROADCAST;
	netif->features = media_features(&m->dirs[end].conf);
	netif->features_off = NETIF_F_GRO;
	netif->mtu = ETH_MTU;
	netif->hwaddr = hwaddr_random(&m->eng->rng);
}

int media_new(const struct media_end *a, const struct media_end *b, struct media **ret)
{
	struct engine *eng = a->stack->eng;
	struct media *m;
	int err;

	assert(b->stack->eng == eng);
	if (!media_conf_is_valid(a->conf) || !media_conf_is_valid(b->conf))
		return -EINVAL;
	m = mem_zalloc(&eng->mem, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->eng = eng;
	m->is_up = true;
	media_dir_init(m, 0, a->conf);
	media_dir_init(m, 1, b->conf);
	media_end_init(m, 0);
	media_end_init(m, 1);
	m->is_gone[1] = true; /* until it is added */
	err = netif_add(a->stack, &m->ends[0], a->name);
	if (err) {
		media_free(m);
		return err;
	}
	err = netif_add(b->stack, &m->ends[1], b->name);
	if (err) {
		netif_del(&m->ends[0]);
		return err;
	}
	m->is_gone[1] = false;
	*ret = m;
	return 0;
}

struct netif *media_netif(struct media *m, int end)
{
	return &m->ends[end];
}

struct media *media_of(const struct netif *netif)
{
	return netif->ops == &media_ops ? media_of_end(netif) : NULL;
}

int media_set(struct media *m, int dir, const struct media_conf *conf)
{
	struct media_dir *d = &m->dirs[dir];

	if (!media_conf_is_valid(conf))
		return -EINVAL;
	if (conf->rate_bps != d->conf.rate_bps)
		d->tx_rem = 0;
	if (conf->n_lose != d->conf.n_lose ||
	    memcmp(conf->lose, d->conf.lose, conf->n_lose * sizeof(conf->lose[0])) != 0)
		media_loss_restart(&d->loss);
	d->conf = *conf;
	m->ends[dir].features = media_features(conf);
	return 0;
}

void media_set_up(struct media *m, bool up)
{
	if (m->is_up == up)
		return;
	m->is_up = up;
	media_set_carriers(m);
	if (up)
		return;
	for (int dir = 0; dir < 2; dir++)
		m->dirs[dir].stats.down_drops += media_dir_purge(&m->dirs[dir], true);
}

const struct media_stats *media_stats(const struct media *m, int dir)
{
	return &m->dirs[dir].stats;
}

uint32_t media_queue_pkts(const struct media *m, int dir)
{
	return m->dirs[dir].queue.n_pkts;
}

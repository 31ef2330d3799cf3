/* SPDX-License-Identifier: MIT */
/*
 * Answers that are kept for their time (RFC 1035 §7.4, RFC 2308 §5): whole messages, by the
 * question and what of the query an answer depends on. The one used longest ago gives way.
 *
 * Who asks later gets the question in letters of its own (0x20: a resolver mixes their case at
 * random, and takes an answer that has them for one to what it has asked). So only an answer whose
 * question has, byte for byte, what was asked is kept: another one was passed on as it came, for
 * who asked to judge, and what that may have refused as forged must not come back in the right
 * letters. It also says that the name stands there whole, and can be written over.
 */
#include <stdlib.h>
#include <string.h>

#include "base/load.h"
#include "net/dnsfwd/dnsfwd_priv.h"

#define NSEC_PER_SEC INT64_C(1000000000)

enum {
	TTL_MAX_S = 3600, /* RFC 8767 §4 recommends a bound; a guest's forwarder needs no more */
	MSG_MAX = 4096,   /* longer ones are not kept */
	BYTES_MAX = 512 * 1024,
};

struct dnsfwd_cached {
	struct dnsfwd_key key;
	uint64_t used; /* the larger the later */
	int64_t start_ns, end_ns;
	size_t len;
	uint8_t msg[];
};

static void cached_free(struct dnsfwd *d, uint32_t i)
{
	d->cached_bytes -= d->cached[i]->len;
	free(d->cached[i]);
	d->cached[i] = d->cached[--d->stats.n_cached];
}

/* The one used longest ago. */
static void cached_drop(struct dnsfwd *d)
{
	uint32_t oldest = 0;

	for (uint32_t i = 1; i < d->stats.n_cached; i++)
		if (d->cached[i]->used < d->cached[oldest]->used)
			oldest = i;
	cached_free(d, oldest);
}

static bool key_eq(const struct dnsfwd_key *a, const struct dnsfwd_key *b)
{
	return a->flags == b->flags && a->question.type == b->question.type &&
	       a->question.class == b->question.class &&
	       dns_name_eq(&a->question.name, &b->question.name);
}

/* Its place, also when it has had its time; n_cached: there is none. The table is small: it is
 * looked through. */
static uint32_t cached_find(const struct dnsfwd *d, const struct dnsfwd_key *key)
{
	uint32_t i = 0;

	while (i < d->stats.n_cached && !key_eq(&d->cached[i]->key, key))
		i++;
	return i;
}

size_t dnsfwd_cache_get(struct dnsfwd *d, const struct dnsfwd_key *key, uint8_t buf[DNSFWD_MSG_MAX])
{
	uint32_t i = key->may_keep ? cached_find(d, key) : d->stats.n_cached;
	int64_t now_ns = weft_engine_now_ns(d->eng);
	struct dnsfwd_cached *c;

	if (i == d->stats.n_cached || now_ns >= d->cached[i]->end_ns)
		return 0;
	c = d->cached[i];
	memcpy(buf, c->msg, c->len);
	/* In the letters of who asks now: a resolver may look whether they are its own. */
	memcpy(buf + DNS_HDR_LEN, key->question.name.b, key->question.name.len);
	dns_msg_age(buf, c->len, (uint32_t)((now_ns - c->start_ns) / NSEC_PER_SEC));
	c->used = ++d->cached_used;
	d->stats.n_hits++;
	return c->len;
}

static bool question_is_whole(const struct dns_question *q, const uint8_t *msg, size_t len)
{
	return len - DNS_HDR_LEN >= q->name.len &&
	       !memcmp(msg + DNS_HDR_LEN, q->name.b, q->name.len);
}

void dnsfwd_cache_put(struct dnsfwd *d, const struct dnsfwd_key *key, const struct dns_hdr *hdr,
		      const uint8_t *msg, size_t len)
{
	uint32_t ttl_s = dns_msg_ttl_s(msg, len);
	struct dnsfwd_cached *c;
	uint32_t i;

	if (!d->max_cached || !key->may_keep || !ttl_s || len > MSG_MAX || hdr->is_truncated ||
	    hdr->n[DNS_QUESTION] != 1 || !question_is_whole(&key->question, msg, len))
		return;
	i = cached_find(d, key);
	if (i < d->stats.n_cached)
		cached_free(d, i);
	c = malloc(sizeof(*c) + len);
	if (!c)
		return; /* it is asked for again */
	while (d->stats.n_cached &&
	       (d->stats.n_cached >= d->max_cached || d->cached_bytes + len > BYTES_MAX))
		cached_drop(d);
	c->key = *key;
	c->start_ns = weft_engine_now_ns(d->eng);
	c->end_ns = c->start_ns + (ttl_s < TTL_MAX_S ? ttl_s : TTL_MAX_S) * NSEC_PER_SEC;
	c->len = len;
	memcpy(c->msg, msg, len);
	c->used = ++d->cached_used;
	d->cached[d->stats.n_cached++] = c;
	d->cached_bytes += len;
}

void dnsfwd_cache_clear(struct dnsfwd *d)
{
	while (d->stats.n_cached)
		cached_free(d, d->stats.n_cached - 1);
}

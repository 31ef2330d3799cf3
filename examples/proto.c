/* SPDX-License-Identifier: MIT */
/*
 * A transport protocol of one's own in a single file: MAIL, which is IP protocol 253 and carries
 * short texts between named boxes.
 *
 *	 0       1       2              2+n
 *	+-------+-------+---- ~ -------+---- ~ ------+
 *	| kind  |  n    | box (n bytes)| text        |     kind 1: letter, 2: receipt
 *	+-------+-------+---- ~ -------+---- ~ ------+
 *
 * A host answers each letter with a receipt; a letter without one is sent again, five times.
 */
#include <stdio.h>
#include <string.h>

#include "weft/proto.h"
#include "weft/weft.h"

enum {
	MAIL_PROTO = 253, /* for experiments (RFC 3692) */
	MAIL_LETTER = 1,
	MAIL_RECEIPT = 2,
	MAIL_MAX = 512,
	MAIL_TRIES = 5,
};
static const int64_t MAIL_WAIT_NS = 200000000;

/* The protocol on one host: at most one letter on its way. */
struct mail {
	struct weft_stack *st;
	const char *name;
	struct weft_timer *timer;
	struct weft_addr to;
	char letter[MAIL_MAX];
	size_t len; /* of the letter; 0: none on its way */
	int n_tries;
	int n_received;
};

static void mail_transmit(void *arg)
{
	struct mail *m = arg;

	if (m->n_tries++ == MAIL_TRIES) {
		printf("%s: nobody has signed for the letter\n", m->name);
		m->len = 0;
		return;
	}
	(void)weft_ip_send(m->st, MAIL_PROTO, NULL, &m->to, m->letter, m->len);
	weft_timer_start(m->timer, weft_engine_now_ns(weft_stack_engine(m->st)) + MAIL_WAIT_NS);
}

static void mail_input(void *arg, const struct weft_ip_rx *rx, const void *bytes, size_t len)
{
	const char *p = bytes;
	struct mail *m = arg;
	size_t n_box = len >= 2 ? (unsigned char)p[1] : 0;
	char receipt[2 + UINT8_MAX];

	if (len < 2 || n_box > len - 2) /* the network's word: checked, never believed */
		return;
	if (p[0] == MAIL_RECEIPT && m->len) {
		printf("%s: signed for by %.*s\n", m->name, (int)n_box, p + 2);
		weft_timer_stop(m->timer);
		m->len = 0;
	} else if (p[0] == MAIL_LETTER) {
		printf("%s: for %.*s: %.*s\n", m->name, (int)n_box, p + 2, (int)(len - 2 - n_box),
		       p + 2 + n_box);
		m->n_received++;
		memcpy(receipt, p, 2 + n_box);
		receipt[0] = MAIL_RECEIPT;
		(void)weft_ip_send(m->st, MAIL_PROTO, &rx->dst, &rx->src, receipt, 2 + n_box);
	}
}

static int mail_start(struct mail *m, struct weft_stack *st)
{
	struct weft_ip_proto proto = {.number = MAIL_PROTO, .input = mail_input, .arg = m};

	*m = (struct mail){.st = st, .name = weft_stack_name(st)};
	m->timer = weft_timer_new(weft_stack_engine(st), mail_transmit, m);
	return m->timer ? weft_ip_proto_add(st, &proto) : -1;
}

static void mail_send(struct mail *m, const struct weft_addr *to, const char *box, const char *text)
{
	m->len = (size_t)snprintf(m->letter, sizeof(m->letter), "%c%c%s%s", MAIL_LETTER,
				  (int)strlen(box), box, text);
	m->to = *to;
	m->n_tries = 0;
	mail_transmit(m);
}

int main(void)
{
	struct weft_engine_config cfg = {.has_seed = true, .seed = 3};
	struct weft_addr a, b;
	struct weft_engine *eng;
	struct weft_stack *ann = NULL, *bob = NULL;
	struct weft_netif *na, *nb;
	struct mail from, to;
	int err;

	if (weft_addr_parse("10.0.0.1", &a) || weft_addr_parse("10.0.0.2", &b) ||
	    weft_engine_new(&cfg, &eng))
		return 1;
	err = weft_stack_new(eng, "ann", &ann) || weft_stack_new(eng, "bob", &bob) ||
	      weft_veth_new(ann, "eth0", bob, "eth0", &na, &nb) || weft_addr_add(na, &a, 24) ||
	      weft_addr_add(nb, &b, 24) || mail_start(&from, ann) || mail_start(&to, bob);
	if (!err)
		mail_send(&from, &b, "box 7", "the wire carries more than TCP");
	for (int64_t now_ns = 0; !err && from.len && now_ns < 60000000000;
	     now_ns = weft_engine_next_ns(eng))
		weft_engine_run(eng, now_ns);
	if (!err) {
		weft_timer_free(from.timer);
		weft_timer_free(to.timer);
	}
	weft_stack_free(ann);
	weft_stack_free(bob);
	weft_engine_free(eng);
	return err || to.n_received == 0;
}

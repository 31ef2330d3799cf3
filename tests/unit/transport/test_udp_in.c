/* SPDX-License-Identifier: MIT */
/* UDP input by itself: what it refuses, and that a refused datagram is as it came. */
#include "base/csum.h"
#include "fixture.h"
#include "transport/dgram.h"
#include "transport/pseudo.h"
#include "transport/sock_table.h"
#include "transport/udp.h"
#include "weft/socket.h"
#include "wire/ip4.h"
#include "wire/udp.h"

#define ADDR4(a, b, c, d) ((struct ip_addr){{[10] = 0xff, 0xff, a, b, c, d}})

static const struct ip_info info = {
	.src = {{[10] = 0xff, 0xff, 192, 0, 2, 1}},
	.dst = {{[10] = 0xff, 0xff, 10, 0, 0, 1}},
	.proto = IP_PROTO_UDP,
};

struct world {
	struct engine *eng;
	struct stack *st;
	struct sock *sk;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->eng = fix_engine();
	w->st = stack_new(w->eng, "host");
	assert_non_null(w->st);
	assert_int_equal(sock_table_init(w->st), 0);
	assert_int_equal(udp_init(w->st), 0);
	assert_int_equal(udp_proto.create(w->st, WEFT_AF_INET, IP_PROTO_UDP, &w->sk), 0);
	assert_int_equal(sock_port_bind(w->sk, &ADDR4(0, 0, 0, 0), 53), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	fix_end(w->eng);
	free(w);
	return 0;
}

struct dgram {
	uint16_t dst_port; /* 0: 53 */
	uint16_t len;      /* the field; 0: what is right */
	bool bad_csum, no_csum;
	uint32_t n_payload;
	uint32_t n_cut; /* bytes missing at the end */
	uint32_t n_pad; /* bytes too many */
};

static struct pkt *make(struct world *w, const struct dgram *d)
{
	uint8_t b[256] = {0};
	struct udp_hdr hdr = {.src_port = 1000, .dst_port = d->dst_port ? d->dst_port : 53};
	uint16_t len = (uint16_t)(UDP_HDR_LEN + d->n_payload);
	struct pkt *pkt;
	uint64_t sum;

	hdr.len = d->len ? d->len : len;
	memset(b + UDP_HDR_LEN, 'x', d->n_payload);
	udp_hdr_write(b, &hdr);
	sum = csum_add(&w->eng->cpu, b, len, pseudo_sum(&info.src, &info.dst, IP_PROTO_UDP, len));
	hdr.csum = csum_udp(csum_finish(sum));
	if (d->bad_csum)
		hdr.csum ^= 0x100;
	if (d->no_csum)
		hdr.csum = 0;
	udp_hdr_write(b, &hdr);
	pkt = fix_pkt(w->eng, b, len - d->n_cut + d->n_pad);
	pkt->l4_off = pkt_off(pkt);
	return pkt;
}

/* The verdict on a datagram, which must be untouched when it is a refusal. */
static enum drop input(struct world *w, const struct dgram *d)
{
	struct pkt *pkt = make(w, d), before = *pkt;
	enum drop why = udp_input(w->st, pkt, &info);

	if (why == DROP_NONE)
		return why;
	assert_ptr_equal(pkt->data, before.data);
	assert_int_equal(pkt->len, before.len);
	assert_int_equal(pkt->lin_len, before.lin_len);
	assert_memory_equal(pkt->data, before.room + (before.data - before.head), pkt->lin_len);
	pkt_free(pkt);
	return why;
}

#define INPUT(w, ...) input(w, &(struct dgram){__VA_ARGS__})

static uint32_t n_queued(const struct world *w)
{
	return dgram_of(w->sk)->rcvq.n_pkts;
}

static void good_datagram_is_taken(void **state)
{
	struct world *w = *state;

	assert_int_equal(INPUT(w, .n_payload = 5), DROP_NONE);
	assert_int_equal(INPUT(w, .n_payload = 0), DROP_NONE);
	assert_int_equal(n_queued(w), 2);
	assert_int_equal(dgram_of(w->sk)->rcvq.n_bytes, 5);
	assert_int_equal(w->st->mib[MIB_UdpInDatagrams], 2);
}

static void truncated_header_is_refused(void **state)
{
	struct world *w = *state;

	for (uint32_t n = 1; n <= UDP_HDR_LEN; n++)
		assert_int_equal(INPUT(w, .n_cut = n), DROP_UDP_HDR);
	assert_int_equal(w->st->mib[MIB_UdpInErrors], UDP_HDR_LEN);
}

static void length_field_beyond_the_datagram_or_below_the_header_is_refused(void **state)
{
	struct world *w = *state;

	assert_int_equal(INPUT(w, .n_payload = 5, .len = 14), DROP_UDP_HDR);
	assert_int_equal(INPUT(w, .n_payload = 5, .len = 7), DROP_UDP_HDR);
	assert_int_equal(INPUT(w, .n_payload = 5, .len = 0xffff), DROP_UDP_HDR);
	assert_int_equal(INPUT(w, .n_payload = 5, .n_cut = 1), DROP_UDP_HDR);
	assert_int_equal(n_queued(w), 0);
}

static void padding_behind_the_datagram_is_cut_off(void **state)
{
	struct world *w = *state;

	assert_int_equal(INPUT(w, .n_payload = 5, .n_pad = 13), DROP_NONE);
	assert_int_equal(dgram_of(w->sk)->rcvq.n_bytes, 5);
}

static void wrong_checksum_is_refused_and_none_accepted(void **state)
{
	struct world *w = *state;

	assert_int_equal(INPUT(w, .n_payload = 5, .bad_csum = true), DROP_UDP_CSUM);
	assert_int_equal(w->st->mib[MIB_UdpInCsumErrors], 1);
	assert_int_equal(INPUT(w, .n_payload = 5, .no_csum = true), DROP_NONE);
	assert_int_equal(n_queued(w), 1);
}

/* RFC 8200 §8.1. */
static void checksum_of_zero_is_refused_in_ip6(void **state)
{
	struct world *w = *state;
	struct pkt *pkt = make(w, &(struct dgram){.n_payload = 5, .no_csum = true});
	struct ip_info info6 = info;

	info6.is_ip6 = true;
	assert_int_equal(udp_input(w->st, pkt, &info6), DROP_UDP_CSUM);
	pkt_free(pkt);
}

static void verified_packet_is_not_summed_again(void **state)
{
	struct world *w = *state;
	struct pkt *pkt = make(w, &(struct dgram){.n_payload = 5, .bad_csum = true});

	pkt->csum = PKT_CSUM_VERIFIED;
	assert_int_equal(udp_input(w->st, pkt, &info), DROP_NONE);
}

static void port_that_nobody_has_is_refused(void **state)
{
	struct world *w = *state;

	assert_int_equal(INPUT(w, .dst_port = 54), DROP_UDP_NO_PORT);
	assert_int_equal(w->st->mib[MIB_UdpNoPorts], 1);
}

static void full_queue_refuses(void **state)
{
	struct world *w = *state;

	w->sk->rcvbuf_bytes = 1;
	assert_int_equal(INPUT(w, .n_payload = 5), DROP_NONE);
	assert_int_equal(INPUT(w, .n_payload = 5), DROP_UDP_RCVBUF);
}

/* Group packets: one socket's full queue does not refuse what another has taken. */
static void group_datagram_is_taken_if_one_socket_takes_it(void **state)
{
	struct world *w = *state;
	struct ip_info group = info;
	struct sock *second;
	struct pkt *pkt;

	group.is_broadcast = true;
	w->sk->conn.flags |= CONN_F_REUSEADDR;
	assert_int_equal(udp_proto.create(w->st, WEFT_AF_INET, IP_PROTO_UDP, &second), 0);
	second->conn.flags |= CONN_F_REUSEADDR;
	assert_int_equal(sock_port_bind(second, &ADDR4(0, 0, 0, 0), 53), 0);
	w->sk->rcvbuf_bytes = 1;
	for (int i = 0; i < 2; i++) {
		pkt = make(w, &(struct dgram){.n_payload = 5});
		assert_int_equal(udp_input(w->st, pkt, &group), DROP_NONE);
	}
	assert_int_equal(n_queued(w), 1);
	assert_int_equal(dgram_of(second)->rcvq.n_pkts, 2);
	second->rcvbuf_bytes = 1;
	pkt = make(w, &(struct dgram){.n_payload = 5});
	assert_int_equal(udp_input(w->st, pkt, &group), DROP_UDP_RCVBUF);
	pkt_free(pkt);
}

struct err_case {
	struct icmp_err err;
	uint16_t lport;
	bool connected;
	uint32_t quote_len;
	int want;
};

static void icmp_error_reaches_connected_sockets_when_it_is_hard(void **state)
{
	struct world *w = *state;
	const struct ip_addr us = info.dst, peer = info.src;
	const struct err_case cases[] = {
		{{.is_hard = true, .err = ECONNREFUSED}, 53, true, 8, ECONNREFUSED},
		{{.is_hard = true, .err = ECONNREFUSED}, 53, false, 8, 0},
		{{.is_hard = true, .err = ECONNREFUSED}, 53, true, 7, 0},
		{{.is_hard = true, .err = ECONNREFUSED}, 54, true, 8, 0},
		{{.is_hard = false, .err = EHOSTUNREACH}, 53, true, 8, 0},
		{{.is_hard = false, .err = EMSGSIZE, .mtu = 1400}, 53, true, 8, EMSGSIZE},
	};

	w->sk->flags |= SOCK_F_BOUND_PORT;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct icmp_err err = cases[i].err;
		uint8_t quote[UDP_HDR_LEN];

		err.src = us;
		err.dst = peer;
		udp_hdr_write(quote, &(struct udp_hdr){cases[i].lport, 1000, 100, 0});
		if (cases[i].connected) {
			assert_int_equal(sock_conn_connect(w->sk, &us, &peer, 1000), 0);
			w->sk->flags |= SOCK_F_CONNECTED;
		}
		udp_error(w->st, &err, quote, cases[i].quote_len);
		assert_int_equal(-sock_take_err(w->sk), cases[i].want);
		if (cases[i].connected)
			assert_int_equal(dgram_disconnect(w->sk), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good_datagram_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(truncated_header_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			length_field_beyond_the_datagram_or_below_the_header_is_refused, setup,
			teardown),
		cmocka_unit_test_setup_teardown(padding_behind_the_datagram_is_cut_off, setup,
						teardown),
		cmocka_unit_test_setup_teardown(wrong_checksum_is_refused_and_none_accepted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(checksum_of_zero_is_refused_in_ip6, setup,
						teardown),
		cmocka_unit_test_setup_teardown(verified_packet_is_not_summed_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(port_that_nobody_has_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(full_queue_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(group_datagram_is_taken_if_one_socket_takes_it,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			icmp_error_reaches_connected_sockets_when_it_is_hard, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Protocols of the application's own, above IP and with an EtherType. */
#include "weft/proto.h"

#include "world.h"

enum {
	NUMBER = 253,
	TYPE = 0x88b5,
	BIG = 5000,
};

struct seen {
	int n, n_errors, err;
	struct weft_ip_rx rx;
	size_t len;
	uint8_t first, src[6];
	struct weft_netif *nif;
	struct weft_stack *answers; /* sends back what it gets */
};

static void ip_input(void *arg, const struct weft_ip_rx *rx, const void *bytes, size_t len)
{
	struct seen *s = arg;

	s->n++;
	s->rx = *rx;
	s->len = len;
	s->first = len ? *(const uint8_t *)bytes : 0;
	if (s->answers)
		assert_int_equal(weft_ip_send(s->answers, NUMBER, &rx->dst, &rx->src, bytes, len),
				 0);
}

static void ip_error(void *arg, const struct weft_addr *dst, int err, const void *quote,
		     size_t quote_len)
{
	struct seen *s = arg;

	assert_int_equal(dst->bytes[3], 2);
	assert_true(quote_len >= 8);
	assert_int_equal(*(const uint8_t *)quote, 'e');
	s->n_errors++;
	s->err = err;
}

static void eth_input(void *arg, struct weft_netif *nif, const uint8_t *src, const void *bytes,
		      size_t len)
{
	struct seen *s = arg;

	s->n++;
	s->nif = nif;
	s->len = len;
	s->first = len ? *(const uint8_t *)bytes : 0;
	memcpy(s->src, src, sizeof(s->src));
}

static void protocol_receives_answers_and_is_told_of_errors(void **state UNUSED)
{
	static uint8_t big[BIG] = {'b'};
	struct weft_addr a = world_addr("10.0.0.1"), b = world_addr("10.0.0.2");
	struct seen ours = {0}, theirs = {0};
	struct weft_ip_proto proto = {
		.number = NUMBER, .input = ip_input, .error = ip_error, .arg = &ours};
	struct world w;

	world_start(&w);
	assert_int_equal(weft_ip_proto_add(w.client, &proto), 0);
	assert_int_equal(weft_ip_proto_add(w.client, &proto), -EEXIST);
	/* Nobody has it there. */
	assert_int_equal(weft_ip_send(w.client, NUMBER, NULL, &b, "error me", 8), 0);
	world_settle(&w);
	assert_int_equal(ours.n_errors, 1);
	assert_int_equal(ours.err, ENOPROTOOPT);
	theirs.answers = w.server;
	proto.arg = &theirs;
	proto.error = NULL;
	assert_int_equal(weft_ip_proto_add(w.server, &proto), 0);
	assert_int_equal(weft_ip_send(w.client, NUMBER, &a, &b, "x", 1), 0);
	world_settle(&w);
	assert_int_equal(theirs.n, 1);
	assert_int_equal(theirs.first, 'x');
	assert_int_equal(theirs.rx.ttl, 64);
	assert_memory_equal(&theirs.rx.src, &a, sizeof(a));
	assert_int_equal(ours.n, 1);
	assert_int_equal(ours.len, 1);
	/* In fragments there and back, and empty. */
	assert_int_equal(weft_ip_send(w.client, NUMBER, NULL, &b, big, sizeof(big)), 0);
	world_settle(&w);
	assert_int_equal(ours.len, BIG);
	assert_int_equal(ours.first, 'b');
	assert_int_equal(weft_ip_send(w.client, NUMBER, NULL, &b, NULL, 0), 0);
	world_settle(&w);
	assert_int_equal(ours.n, 3);
	assert_int_equal(ours.len, 0);
	world_end(&w);
}

static void protocol_says_what_it_cannot_do(void **state UNUSED)
{
	struct weft_addr b = world_addr("10.0.0.2"), far = world_addr("192.0.2.1"), none = {0};
	struct weft_ip_proto proto = {.number = 6, .input = ip_input};
	struct weft_eth_proto eth = {.type = 0x0800, .input = eth_input};
	struct world w;

	world_start(&w);
	assert_int_equal(weft_ip_proto_add(w.client, &proto), -EEXIST);
	proto.input = NULL;
	assert_int_equal(weft_ip_proto_add(w.client, &proto), -EINVAL);
	proto = (struct weft_ip_proto){.number = NUMBER, .input = ip_input};
	world_fail_after(&w, 0);
	assert_int_equal(weft_ip_proto_add(w.client, &proto), -ENOMEM);
	assert_int_equal(weft_eth_proto_add(w.client, &eth), -ENOMEM);
	world_fail_after(&w, -1);
	assert_int_equal(weft_ip_send(w.client, NUMBER, NULL, &far, "x", 1), -ENETUNREACH);
	assert_int_equal(weft_ip_send(w.client, NUMBER, &b, &b, "x", 1), -EADDRNOTAVAIL);
	assert_int_equal(weft_ip_send(w.client, NUMBER, NULL, &none, "x", 1), -EAFNOSUPPORT);
	assert_int_equal(weft_ip_send(w.client, NUMBER, NULL, &b, "x", 65516), -EMSGSIZE);
	assert_int_equal(weft_eth_proto_add(w.client, &eth), -EEXIST);
	eth.type = 0x8100;
	assert_int_equal(weft_eth_proto_add(w.client, &eth), -EEXIST);
	eth.type = 5;
	assert_int_equal(weft_eth_proto_add(w.client, &eth), -EINVAL);
	for (eth.type = TYPE; weft_eth_proto_add(w.client, &eth) == 0; eth.type++)
		assert_true(eth.type < TYPE + 16);
	assert_int_equal(weft_eth_proto_add(w.client, &eth), -ENOSPC);
	world_end(&w);
}

static void frames_of_a_type_go_and_come(void **state UNUSED)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static uint8_t frame[1501];
	struct seen seen = {0};
	struct weft_eth_proto eth = {.type = TYPE, .input = eth_input, .arg = &seen};
	struct world w;

	world_start(&w);
	assert_int_equal(weft_eth_proto_add(w.server, &eth), 0);
	assert_int_equal(weft_eth_send(w.client_if, TYPE, all, "hello", 5), 0);
	assert_int_equal(weft_eth_send(w.client_if, TYPE + 1, all, "nobody", 6), 0);
	world_settle(&w);
	assert_int_equal(seen.n, 1);
	assert_ptr_equal(seen.nif, w.server_if);
	assert_int_equal(seen.first, 'h');
	assert_int_equal(weft_stack_counter(w.server, "ETH_PROTO"), 1);
	assert_int_equal(weft_eth_send(w.client_if, TYPE, all, frame, 1500), 0);
	assert_int_equal(weft_eth_send(w.client_if, TYPE, all, frame, 1501), -EMSGSIZE);
	world_settle(&w);
	assert_int_equal(seen.len, 1500);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protocol_receives_answers_and_is_told_of_errors),
		cmocka_unit_test(protocol_says_what_it_cannot_do),
		cmocka_unit_test(frames_of_a_type_go_and_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

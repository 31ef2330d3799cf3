/* SPDX-License-Identifier: MIT */
/* TCP of a stack: set-up and end. */
#include "transport/tcp/tcp.h"

#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

static const struct ip_proto tcp_ip_proto = {
	.proto = IP_PROTO_TCP,
	.input = tcp_input,
	.error = tcp_error,
};

static void tcp_fini_conn(struct conn_node *node, void *arg UNUSED)
{
	tcp_done(tcp_conn_of(sock_of_conn(node)));
}

static void tcp_reset_conn(struct conn_node *node, void *arg UNUSED)
{
	tcp_abort(tcp_conn_of(sock_of_conn(node)), ECONNABORTED);
}

void tcp_reset_all(struct stack *st)
{
	sock_close_all(st, &tcp_proto);
	sock_conn_each(st, IP_PROTO_TCP, CONN_SOCK, tcp_reset_conn, NULL);
}

/* Closes what is left without a word: no interface is left either. */
static void tcp_fini(struct stack *st)
{
	struct tcp *tcp = st->tcp;

	if (!tcp)
		return;
	sock_close_all(st, &tcp_proto);
	sock_conn_each(st, IP_PROTO_TCP, CONN_SOCK, tcp_fini_conn, NULL);
	tcp_tw_purge(st);
	tcp_tfo_fini(tcp);
	spares_bound(&tcp->txqs, 0);
	spares_bound(&tcp->lents, 0);
	mem_free(&st->eng->mem, tcp, sizeof(*tcp));
	st->tcp = NULL;
}

static const struct stack_layer tcp_layer = {
	.name = "tcp",
	.fini = tcp_fini,
};

/* Keys of their own, derived from the engine's: what one hash shows helps with no other. */
static struct siphash_key tcp_key(struct stack *st, uint8_t purpose)
{
	const uint8_t text[8] = {'t',
				 'c',
				 'p',
				 purpose,
				 (uint8_t)st->id,
				 (uint8_t)(st->id >> 8),
				 (uint8_t)(st->id >> 16),
				 (uint8_t)(st->id >> 24)};
	const struct siphash_key *root = &st->eng->hash_key;
	struct siphash_key swapped = {.k0 = root->k1, .k1 = root->k0};

	return (struct siphash_key){
		.k0 = siphash24(root, text, sizeof(text)),
		.k1 = siphash24(&swapped, text, sizeof(text)),
	};
}

int tcp_init(struct stack *st)
{
	struct tcp *tcp = mem_zalloc(&st->eng->mem, sizeof(*tcp));
	int err;

	if (!tcp)
		return -ENOMEM;
	tcp->st = st;
	tcp_conf_default(&tcp->conf);
	tcp_mem_default(st, &tcp->conf);
	tcp->isn_key = tcp_key(st, 1);
	tcp->ts_key = tcp_key(st, 2);
	tcp->cookie_key = tcp_key(st, 3);
	tcp->tfo.key = tcp_key(st, 4);
	tcp_txq_init(tcp);
	tcp_sndq_init(tcp);
	list_init(&tcp->tw);
	wheel_timer_init(&tcp->tw_timer, tcp_tw_timer);
	st->tcp = tcp;
	err = stack_layer_add(st, &tcp_layer);
	if (err) {
		tcp_fini(st);
		return err;
	}
	err = tcp_conf_register(st);
	if (!err)
		err = sock_proto_add(st, &tcp_proto);
	return err ? err : stack_ip_proto_add(st, &tcp_ip_proto);
}

void tcp_on_end(struct stack *st,
		void (*fn)(void *arg, const struct sock *sk, const struct weft_tcp_info *info),
		void *arg)
{
	st->tcp->on_end = fn;
	st->tcp->on_end_arg = arg;
}

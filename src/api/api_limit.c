/* SPDX-License-Identifier: MIT */
/* Limits, owners and the audit log of the public API; the work is transport/'s. */
#include "api/api_priv.h"
#include "transport/sock_table.h"
#include "transport/tcp/tcp_priv.h"
#include "weft/limit.h"

int weft_socket_for(struct weft_stack *handle, uint32_t owner, int family, int type, int protocol,
		    struct weft_sock **ret)
{
	struct stack *st = stack_of(handle);
	struct sock *sk;
	int err;

	engine_check_thread(st->eng);
	err = socket_new(st, owner, family, type, protocol, &sk);
	if (!err)
		*ret = sock_handle(sk);
	return err;
}

int weft_stack_limits_set(struct weft_stack *handle, uint32_t owner,
			  const struct weft_limits *limits)
{
	static const struct weft_limits none;
	struct stack *st = stack_of(handle);
	const struct weft_limits *l = limits ? limits : &none;
	struct sock_limit_conf conf;
	struct sock_scope *scope;
	int err;

	engine_check_thread(st->eng);
	memset(&conf, 0, sizeof(conf));
	conf.max_socks = l->max_socks;
	conf.max_per_peer = l->max_conns_per_peer;
	conf.conns_per_s = l->conns_per_s;
	conf.conns_burst = l->conns_burst;
	conf.max_bytes = l->max_bytes < INT64_MAX ? (int64_t)l->max_bytes : INT64_MAX;
	conf.peer_len4 = l->peer_len4;
	conf.peer_len6 = l->peer_len6;
	conf.resets = l->resets;
	scope = sock_scope_get(st, owner);
	if (!scope)
		return -ENOMEM;
	err = sock_scope_conf(st, scope, &conf);
	sock_scope_put(st, scope);
	return err;
}

static struct weft_usage api_usage_of(const struct sock_scope *scope)
{
	return (struct weft_usage){
		.owner = scope->id,
		.n_socks = scope->n_socks,
		.n_bytes = scope->n_bytes,
		.refused_socks = scope->n_refused[SOCK_LIMIT_SOCKS],
		.refused_bytes = scope->n_refused[SOCK_LIMIT_BYTES],
		.refused_peer = scope->n_refused[SOCK_LIMIT_PEER],
		.refused_rate = scope->n_refused[SOCK_LIMIT_RATE],
	};
}

int weft_stack_limits_get(const struct weft_stack *st, uint32_t owner, struct weft_limits *ret,
			  struct weft_usage *ret_usage)
{
	const struct sock_scope *scope = sock_scope_find(stack_of_const(st), owner);

	if (!scope)
		return -ENOENT;
	if (ret)
		*ret = (struct weft_limits){
			.max_socks = scope->conf.max_socks,
			.max_conns_per_peer = scope->conf.max_per_peer,
			.conns_per_s = scope->conf.conns_per_s,
			.conns_burst = scope->conf.conns_burst,
			.max_bytes = (uint64_t)scope->conf.max_bytes,
			.peer_len4 = scope->conf.peer_len4,
			.peer_len6 = scope->conf.peer_len6,
			.resets = scope->conf.resets,
		};
	if (ret_usage)
		*ret_usage = api_usage_of(scope);
	return 0;
}

void weft_stack_usage(const struct weft_stack *handle,
		      void (*fn)(void *arg, const struct weft_usage *usage), void *arg)
{
	const struct sock_limits *l = &stack_of_const(handle)->socks->limits;
	struct weft_usage usage = api_usage_of(&l->stack);

	fn(arg, &usage);
	for (uint32_t i = 0; i < l->n_slots; i++) {
		if (!l->owners[i])
			continue;
		usage = api_usage_of(l->owners[i]);
		fn(arg, &usage);
	}
}

void weft_stack_audit(struct weft_stack *st, uint32_t what, void (*fn)(void *arg, const char *line),
		      void *arg)
{
	struct sock_audit *a = &stack_of(st)->socks->audit;

	engine_check_thread(stack_of(st)->eng);
	a->fn = fn;
	a->arg = arg;
	a->what = what;
}

/* The marks follow the limit unless somebody has set them. */
static void api_tcp_marks(struct stack *st, uint64_t was_bytes)
{
	struct tcp_conf *conf = &st->tcp->conf, was = *conf;
	struct mem *mem = &st->eng->mem;
	uint64_t is_bytes = mem->limit_bytes;

	mem->limit_bytes = was_bytes;
	tcp_mem_default(st, &was);
	mem->limit_bytes = is_bytes;
	if (conf->mem_min == was.mem_min && conf->mem_pressure == was.mem_pressure &&
	    conf->mem_max == was.mem_max)
		tcp_mem_default(st, conf);
}

void weft_engine_mem_limit_set(struct weft_engine *handle, uint64_t bytes)
{
	struct engine *eng = engine_of(handle);
	uint64_t was_bytes = eng->mem.limit_bytes;
	struct stack *st;

	engine_check_thread(eng);
	eng->mem.limit_bytes = bytes ? bytes : UINT64_MAX;
	pkt_pools_trim(&eng->pkts);
	list_for_each (st, &eng->stacks, link)
		if (st->tcp)
			api_tcp_marks(st, was_bytes);
}

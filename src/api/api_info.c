/* SPDX-License-Identifier: MIT */
/* What tools show of a stack: counters, drop reasons, endpoints. */
#include "api/api_priv.h"
#include "transport/sock_table.h"
#include "transport/tcp/tcp.h"
#include "weft/engine.h"
#include "weft/socket.h"
#include "wire/ip4.h"

void weft_stack_counters(const struct weft_stack *handle,
			 void (*fn)(void *arg, const char *name, const char *text, uint64_t n),
			 void *arg)
{
	const struct stack *st = stack_of_const(handle);

	for (enum mib id = 0; id < MIB_MAX; id++)
		fn(arg, mib_name(id), mib_text(id), st->mib[id]);
}

void weft_stack_drops(const struct weft_stack *handle,
		      void (*fn)(void *arg, const char *name, const char *text, uint64_t n),
		      void *arg)
{
	const struct stack *st = stack_of_const(handle);

	for (enum drop why = DROP_NONE + 1; why < DROP_MAX; why++)
		fn(arg, drop_name(why), drop_text(why), st->drops[why]);
}

uint64_t weft_stack_counter(const struct weft_stack *handle, const char *name)
{
	const struct stack *st = stack_of_const(handle);

	for (enum mib id = 0; id < MIB_MAX; id++)
		if (strcmp(mib_name(id), name) == 0)
			return st->mib[id];
	for (enum drop why = DROP_NONE + 1; why < DROP_MAX; why++)
		if (strcmp(drop_name(why), name) == 0)
			return st->drops[why];
	return 0;
}

/* Endpoints */

struct api_dump {
	const struct stack *st;
	void (*fn)(void *arg, const struct weft_sock_info *info);
	void *arg;
};

static struct weft_sock_info api_node_info(const struct conn_node *node, const char *proto)
{
	struct sock_name local = {.family = node->family, .addr = node->laddr, .port = node->lport};
	struct sock_name peer = {.family = node->family, .addr = node->raddr, .port = node->rport};

	return (struct weft_sock_info){
		.proto = proto,
		.local = weft_sockaddr_of(&local),
		.peer = weft_sockaddr_of(&peer),
		.ip_proto = node->proto,
		.ifindex = node->ifindex,
	};
}

static bool api_sock_is_shown(const struct sock *sk)
{
	return sk->conn.family != WEFT_AF_PACKET &&
	       (sk->conn.port || sk->proto->type == WEFT_SOCK_RAW);
}

static void api_dump_sock(const struct api_dump *dump, const struct sock *sk)
{
	struct weft_sock_info info = api_node_info(&sk->conn, sk->proto->name);
	struct weft_tcp_info tcp;
	struct sock_diag diag = {.mem_bytes = 0};

	sk->proto->diag(sk, &diag);
	info.state = diag.state;
	info.recv_q = diag.recv_q;
	info.send_q = diag.send_q;
	info.is_orphan = sk->flags & SOCK_F_ORPHAN;
	info.has_buffers = true;
	info.rcvbuf_bytes = sk->rcvbuf_bytes;
	info.sndbuf_bytes = sk->sndbuf_bytes;
	info.owner = sock_owner(sk);
	info.mark = sk->mark;
	info.mem_bytes = diag.mem_bytes;
	if (sk->proto == &tcp_proto && diag.state != WEFT_TCP_LISTEN) {
		tcp_info_get(sk, &tcp);
		info.tcp = &tcp;
		info.timer = tcp.timer;
		info.timer_tries = tcp.timer_tries;
		info.timer_ns = tcp.timer_ns;
	}
	dump->fn(dump->arg, &info);
}

static void api_dump_node(struct conn_node *node, void *arg)
{
	const struct api_dump *dump = arg;
	struct weft_sock_info info = api_node_info(node, tcp_proto.name);

	info.state = tcp_node_state(node);
	tcp_node_info(dump->st, node, &info);
	dump->fn(dump->arg, &info);
}

void weft_stack_sockets(struct weft_stack *handle,
			void (*fn)(void *arg, const struct weft_sock_info *info), void *arg)
{
	struct stack *st = stack_of(handle);
	struct api_dump dump = {.st = st, .fn = fn, .arg = arg};
	struct sock *sk;

	list_for_each (sk, &st->socks->all, link)
		if (api_sock_is_shown(sk))
			api_dump_sock(&dump, sk);
	sock_conn_each(st, IP_PROTO_TCP, CONN_SYN, api_dump_node, &dump);
	sock_conn_each(st, IP_PROTO_TCP, CONN_TW, api_dump_node, &dump);
}

static void api_tcp_end(void *arg, const struct sock *sk, const struct weft_tcp_info *tcp)
{
	const struct api_stack *api = arg;
	struct weft_sock_info info = api_node_info(&sk->conn, sk->proto->name);

	info.state = tcp->state;
	info.tcp = tcp;
	api->tcp_end_fn(api->tcp_end_arg, &info);
}

void weft_stack_on_tcp_end(struct weft_stack *handle,
			   void (*fn)(void *arg, const struct weft_sock_info *info), void *arg)
{
	struct stack *st = stack_of(handle);
	struct api_stack *api = st->api;

	api->tcp_end_fn = fn;
	api->tcp_end_arg = arg;
	tcp_on_end(st, fn ? api_tcp_end : NULL, api);
}

/* SPDX-License-Identifier: MIT */
/*
 * The network that a stack is (weft/net.h): the socket calls as a table, and a resolver that knows
 * what it has been told (weft_stack_host_add()) and asks another one, which has registered itself
 * with api_resolver_set(), about the rest.
 */
#include "api/api_priv.h"
#include "weft/net.h"

enum {
	NET_NAME_MAX = 253, /* RFC 1035 §2.3.4, as text */
	NET_ADDRS_MAX = 32, /* of a name */
	NET_HOST_ADDRS_MAX = 16,
};

/* A line of the stack's table of hosts. */
struct api_host {
	struct list link; /* api_stack.hosts */
	struct weft_addr addr;
	char name[NET_NAME_MAX + 1];
};

struct weft_resolve {
	struct list link; /* api_stack.resolves */
	struct weft_timer *timer;
	struct engine *eng;
	struct api_stack *api;
	void *ask; /* of the stack's resolver; NULL: the answer is here */
	int err;
	weft_resolve_fn *fn;
	void *arg;
	size_t n;
	struct weft_addr addrs[NET_ADDRS_MAX];
};

static int net_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool net_name_eq(const char *a, const char *b)
{
	for (; *a && net_lower(*a) == net_lower(*b); a++, b++)
		;
	return net_lower(*a) == net_lower(*b);
}

int weft_stack_host_add(struct weft_stack *st, const char *name, const struct weft_addr *addr)
{
	struct stack *stack = stack_of(st);
	struct api_stack *api = stack->api;
	size_t len = strlen(name), n = 0;
	struct api_host *host;

	if (len == 0 || len > NET_NAME_MAX || !addr->family)
		return -EINVAL;
	list_for_each (host, &api->hosts, link)
		n += net_name_eq(host->name, name);
	if (n >= NET_HOST_ADDRS_MAX)
		return -ENOSPC;
	host = mem_zalloc(&stack->eng->mem, sizeof(*host));
	if (!host)
		return -ENOMEM;
	host->addr = *addr;
	memcpy(host->name, name, len);
	list_add_tail(&api->hosts, &host->link);
	return 0;
}

static void net_resolve_cancel(struct weft_resolve *r)
{
	if (!r)
		return;
	if (r->ask)
		r->api->resolver_ops->cancel(r->ask);
	list_del(&r->link);
	weft_timer_free(r->timer);
	mem_free(&r->eng->mem, r, sizeof(*r));
}

/* Questions of a resolver that goes get their answer as all others do: later. */
void api_resolver_set(struct stack *st, const struct api_resolver_ops *ops, void *ctx)
{
	struct api_stack *api = st->api;
	struct weft_resolve *r;

	list_for_each (r, &api->resolves, link) {
		if (!r->ask)
			continue;
		api->resolver_ops->cancel(r->ask);
		r->ask = NULL;
		r->err = -EAGAIN;
		weft_timer_start(r->timer, st->eng->now_ns);
	}
	if (api->resolver_ops)
		api->resolver_ops->free(api->resolver, true);
	api->resolver_ops = ops;
	api->resolver = ctx;
}

void api_net_fini(struct engine *eng, struct api_stack *api)
{
	struct list *link;

	if (api->resolver_ops)
		api->resolver_ops->free(api->resolver, false);
	while ((link = list_first(&api->resolves))) {
		struct weft_resolve *r = container_of(link, struct weft_resolve, link);

		r->ask = NULL; /* went with the resolver */
		net_resolve_cancel(r);
	}
	while ((link = list_pop(&api->hosts))) {
		struct api_host *host = container_of(link, struct api_host, link);

		mem_free(&eng->mem, host, sizeof(*host));
	}
}

static void net_resolve_add(struct weft_resolve *r, int family, const struct weft_addr *addr)
{
	if (r->n < NET_ADDRS_MAX && (family == WEFT_AF_UNSPEC || family == addr->family))
		r->addrs[r->n++] = *addr;
}

/* True: the stack itself has said all there is to say. */
static bool net_resolve_look(struct weft_resolve *r, const struct api_stack *api, const char *name,
			     int family)
{
	static const struct weft_addr here[] = {
		{.family = WEFT_AF_INET6, .bytes = {[15] = 1}},
		{.family = WEFT_AF_INET, .bytes = {127, 0, 0, 1}},
	};
	const struct api_host *host;
	struct weft_addr addr;
	bool is_host = false;

	r->err = -ENOENT;
	if (weft_addr_parse(name, &addr) == 0) {
		net_resolve_add(r, family, &addr);
		return true;
	}
	list_for_each (host, &api->hosts, link)
		if (net_name_eq(host->name, name)) {
			net_resolve_add(r, family, &host->addr);
			is_host = true;
		}
	if (is_host || !net_name_eq(name, "localhost"))
		return is_host;
	for (size_t i = 0; i < ARRAY_SIZE(here); i++)
		net_resolve_add(r, family, &here[i]);
	return true;
}

/* The answer was there at once, but is given later: one way for callers to go. */
static void net_resolve_fire(void *arg)
{
	struct weft_resolve *r = arg;
	weft_resolve_fn *fn = r->fn;
	void *fn_arg = r->arg;
	struct weft_addr addrs[NET_ADDRS_MAX];
	size_t n = r->n;
	int err = n ? 0 : r->err;

	memcpy(addrs, r->addrs, sizeof(addrs));
	net_resolve_cancel(r);
	fn(fn_arg, err, addrs, n);
}

/* The resolver's question is over, and so is this one. */
static void net_resolve_told(void *arg, int err, const struct weft_addr *addrs, size_t n)
{
	struct weft_resolve *r = arg;
	weft_resolve_fn *fn = r->fn;
	void *fn_arg = r->arg;

	r->ask = NULL;
	net_resolve_cancel(r);
	fn(fn_arg, err, addrs, n);
}

static int net_resolve(const struct weft_net *net, const char *name, int family,
		       weft_resolve_fn *fn, void *arg, struct weft_resolve **ret)
{
	struct stack *st = stack_of(net->ctx);
	struct api_stack *api = st->api;
	size_t len = strlen(name);
	struct weft_resolve *r;
	int err = 0;

	if (len == 0 || len > NET_NAME_MAX)
		return -EINVAL;
	r = mem_zalloc(&st->eng->mem, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->timer = weft_timer_new(net->eng, net_resolve_fire, r);
	if (!r->timer) {
		mem_free(&st->eng->mem, r, sizeof(*r));
		return -ENOMEM;
	}
	r->eng = st->eng;
	r->api = api;
	r->fn = fn;
	r->arg = arg;
	list_add_tail(&api->resolves, &r->link);
	if (net_resolve_look(r, api, name, family) || !api->resolver_ops)
		weft_timer_start(r->timer, weft_engine_now_ns(net->eng));
	else
		err = api->resolver_ops->ask(api->resolver, name, family, net_resolve_told, r,
					     &r->ask);
	if (err) {
		net_resolve_cancel(r);
		return err;
	}
	*ret = r;
	return 0;
}

static int net_socket(const struct weft_net *net, int family, int type, int protocol,
		      struct weft_sock **ret)
{
	return weft_socket(net->ctx, family, type, protocol, ret);
}

static const struct weft_net_ops net_ops = {
	.name = "weft",
	.socket = net_socket,
	.on_event = weft_on_event,
	.events = weft_events,
	.bind = weft_bind,
	.listen = weft_listen,
	.accept = weft_accept,
	.connect = weft_connect,
	.send = weft_send,
	.sendv = weft_sendv,
	.sendto = weft_sendto,
	.recv = weft_recv,
	.recvv = weft_recvv,
	.recvfrom = weft_recvfrom,
	.shutdown = weft_shutdown,
	.close = weft_close,
	.abort = weft_abort,
	.getsockname = weft_getsockname,
	.getpeername = weft_getpeername,
	.setsockopt = weft_setsockopt,
	.getsockopt = weft_getsockopt,
	.resolve = net_resolve,
	.resolve_cancel = net_resolve_cancel,
};

void weft_net_of_stack(struct weft_stack *st, struct weft_net *ret)
{
	*ret = (struct weft_net){.ops = &net_ops, .ctx = st, .eng = weft_stack_engine(st)};
}

/* SPDX-License-Identifier: MIT */
/* Intercepts of the public API (weft/intercept.h): the same objects under other names. */
#include "api/api_priv.h"
#include "transport/intercept.h"

static struct intercept *intercept_of(struct weft_intercept *ic)
{
	return (struct intercept *)(void *)ic;
}

static struct tcp_ask *ask_of(struct weft_tcp_request *req)
{
	return (struct tcp_ask *)(void *)req;
}

static const struct tcp_ask *ask_of_const(const struct weft_tcp_request *req)
{
	return (const struct tcp_ask *)(const void *)req;
}

int weft_intercept_new(struct weft_netif *nif, const struct weft_intercept_config *cfg,
		       struct weft_intercept **ret)
{
	struct intercept *ic;
	int err = intercept_new(netif_of(nif), cfg, &ic);

	if (!err)
		*ret = (struct weft_intercept *)(void *)ic;
	return err;
}

void weft_intercept_free(struct weft_intercept *ic)
{
	intercept_free(intercept_of(ic));
}

void weft_intercept_stats(const struct weft_intercept *handle, struct weft_intercept_stats *ret)
{
	const struct intercept *ic = (const struct intercept *)(const void *)handle;

	*ret = ic->stats;
	ret->queue_bytes = ic->queue_mem;
}

void weft_tcp_request_info(const struct weft_tcp_request *req, struct weft_tcp_request_info *ret)
{
	tcp_ask_info(ask_of_const(req), ret);
}

void weft_tcp_request_set_data(struct weft_tcp_request *req, void *data)
{
	tcp_ask_set_data(ask_of(req), data);
}

void *weft_tcp_request_data(const struct weft_tcp_request *req)
{
	return tcp_ask_data(ask_of_const(req));
}

int weft_tcp_request_accept(struct weft_tcp_request *req, struct weft_sock **ret)
{
	struct sock *sk;
	int err = tcp_ask_accept(ask_of(req), &sk);

	if (!err)
		*ret = sock_handle(sk);
	return err;
}

void weft_tcp_request_refuse(struct weft_tcp_request *req)
{
	tcp_ask_refuse(ask_of(req));
}

void weft_tcp_request_drop(struct weft_tcp_request *req)
{
	tcp_ask_drop(ask_of(req));
}

void weft_tcp_request_unreachable(struct weft_tcp_request *req, const struct weft_icmp_error *icmp)
{
	tcp_ask_unreachable(ask_of(req), icmp);
}

int weft_intercept_recv(struct weft_intercept *ic, struct weft_intercept_msg *ret)
{
	return intercept_recv(intercept_of(ic), ret);
}

int weft_intercept_send(struct weft_intercept *ic, const struct weft_intercept_msg *msg)
{
	return intercept_send(intercept_of(ic), msg);
}

int weft_intercept_error(struct weft_intercept *ic, const struct weft_icmp_error *icmp)
{
	return intercept_error_of(intercept_of(ic), icmp);
}

/* SPDX-License-Identifier: MIT */
/*
 * Fast open (RFC 7413), what both sides share: cookies and their keys, and the watch for boxes on
 * the way that swallow such connections. The client is tcp_tfo_active.c, the server
 * tcp_tfo_passive.c.
 *
 * A cookie is SipHash of both hosts' addresses under a key of the stack, or of the listener: eight
 * bytes, as Linux makes them since 5.3, so that hosts of both kinds behind one address can share a
 * key. With two keys the first makes cookies and both accept them, so keys can change without
 * refusing anybody.
 *
 * RFC-DEVIATION: RFC 7413 §4.1.2: a cookie does not expire by itself, as in Linux: it ends with the
 * key.
 */
#include <string.h>

#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"

enum {
	TFO_STOP_SHIFT_MAX = 6, /* of the doubling of a stop */
	TFO_TIMEOUTS = 3,       /* in a row, after which the path is held to be one that swallows */
};

void tcp_tfo_keys_load(const uint8_t *bytes, size_t len, struct tcp_tfo_keys *ret)
{
	*ret = (struct tcp_tfo_keys){.n = tcp_min((uint32_t)(len / TCP_TFO_KEY_LEN), TCP_TFO_KEYS)};
	for (uint32_t i = 0; i < TCP_TFO_KEYS && i < ret->n; i++)
		ret->keys[i] = siphash_key_load(bytes + (size_t)i * TCP_TFO_KEY_LEN);
}

/* Four words of the setting, which Linux writes in hexadecimal, are a key. */
static void tfo_keys_of_setting(const struct tcp_conf *conf, uint32_t n, struct tcp_tfo_keys *ret)
{
	uint8_t bytes[TCP_TFO_KEYS * TCP_TFO_KEY_LEN];

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(conf->tfo_key[i / 4] >> 8 * (i % 4));
	tcp_tfo_keys_load(bytes, sizeof(bytes), ret);
	ret->n = n;
}

static bool tfo_key_is_set(const uint32_t words[4])
{
	return words[0] || words[1] || words[2] || words[3];
}

void tcp_tfo_keys_of(const struct tcp_conn *conn, struct tcp_tfo_keys *ret)
{
	const struct tcp *tcp = conn->sk.stack->tcp;
	const struct tcp_tfoq *q = tcp_sockopts(conn)->tfoq;

	if (q && q->keys.n > 0)
		*ret = q->keys;
	else if (tfo_key_is_set(tcp->conf.tfo_key))
		tfo_keys_of_setting(&tcp->conf, 1 + tfo_key_is_set(tcp->conf.tfo_key + 4), ret);
	else
		*ret = (struct tcp_tfo_keys){.n = 1, .keys[0] = tcp->tfo.key};
}

void tcp_tfo_cookie_make(const struct siphash_key *key, const struct ip_addr *client,
			 const struct ip_addr *server, uint8_t ret[TCP_TFO_COOKIE_LEN])
{
	uint32_t skip = ip_addr_is_ip4(client) ? 12 : 0, n = 16 - skip;
	uint8_t addrs[32];
	uint64_t hash;

	memcpy(addrs, client->b + skip, n);
	memcpy(addrs + n, server->b + skip, n);
	hash = siphash24(key, addrs, 2 * (size_t)n);
	for (uint32_t i = 0; i < TCP_TFO_COOKIE_LEN; i++)
		ret[i] = (uint8_t)(hash >> 8 * i);
}

/* Each stop in a row is twice as long. */
static int64_t tfo_stop_ns(const struct tcp *tcp)
{
	int64_t ns = (int64_t)tcp->conf.tfo_blackhole_timeout_s * TCP_NS_PER_S;
	uint32_t n = tcp->tfo.n_stops;

	return n > 0 ? ns << tcp_min(n - 1, TFO_STOP_SHIFT_MAX) : 0;
}

bool tcp_tfo_is_stopped(struct tcp_conn *conn)
{
	const struct tcp *tcp = conn->sk.stack->tcp;

	if (!tcp->conf.tfo_blackhole_timeout_s || !tcp->tfo.n_stops)
		return false;
	if (tcp_now(conn) < tcp->tfo.stop_ns + tfo_stop_ns(tcp))
		return true;
	conn->tfo |= TCP_TFO_CHECK;
	return false;
}

static void tfo_stop(struct tcp_conn *conn)
{
	struct tcp *tcp = conn->sk.stack->tcp;

	if (!tcp->conf.tfo_blackhole_timeout_s)
		return;
	tcp->tfo.stop_ns = tcp_now(conn);
	tcp->tfo.n_stops++;
	tcp_mib(conn, MIB_TcpExtTCPFastOpenBlackhole);
}

void tcp_tfo_on_timeout(struct tcp_conn *conn, bool is_last)
{
	if (!(conn->tfo & (TCP_TFO_ASKED | TCP_TFO_DATA | TCP_TFO_TAKEN)))
		return;
	if (conn->n_retries == TFO_TIMEOUTS || (conn->n_retries < TFO_TIMEOUTS && is_last))
		tfo_stop(conn);
}

/* What came out of order is a FIN and nothing else. */
static bool tfo_only_fin_came(const struct tcp_conn *conn)
{
	const struct tcp_reasm *r = conn->reasm;

	return r && r->n == 1 && r->runs[0].first == r->runs[0].last &&
	       (r->runs[0].first->tcp.flags & TCP_F_FIN);
}

static bool tfo_is_over_loopback(const struct tcp_conn *conn)
{
	return ip_addr_eq(&conn->sk.conn.laddr, &conn->sk.conn.raddr) ||
	       (ip_addr_is_ip4(&conn->sk.conn.raddr) && conn->sk.conn.raddr.b[12] == 127);
}

void tcp_tfo_on_end(struct tcp_conn *conn)
{
	struct tcp *tcp = conn->sk.stack->tcp;

	tcp_tfoq_leave(conn, false);
	if (!(conn->tfo & TCP_TFO_ASKED))
		return;
	if (conn->data_segs_in == 0) {
		/* All data was swallowed, and the FIN came. */
		if (tfo_only_fin_came(conn))
			tfo_stop(conn);
	} else if ((conn->tfo & TCP_TFO_CHECK) && !tfo_is_over_loopback(conn)) {
		tcp->tfo.n_stops = 0;
	}
}

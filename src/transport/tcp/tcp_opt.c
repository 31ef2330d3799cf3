/* SPDX-License-Identifier: MIT */
/* Socket options of TCP's level, and what follows from those that the socket layer keeps. */
#include <string.h>

#include "transport/stamp.h"
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	KEEPIDLE_MAX_S = 32767,
	KEEPCNT_MAX = 127,
	MAXSEG_MIN = 88, /* Linux's TCP_MIN_MSS */
	MAXSEG_MAX = 32767,
	SYNCNT_MAX = 127,
	LINGER2_MAX_S = 120,
	DEFER_MAX = 14, /* repetitions of a SYN-ACK */
	CLAMP_MIN = SOCK_RCVBUF_MIN / 2,
};

const struct tcp_sockopts tcp_sockopts_none = {.pmtudisc = WEFT_IP_PMTUDISC_WANT};

struct tcp_sockopts *tcp_sockopts_get(struct tcp_conn *conn)
{
	struct tcp_sockopts *o = conn->sockopts;

	if (o)
		return o;
	o = mem_alloc(&tcp_eng(conn)->mem, sizeof(*o));
	if (!o)
		return NULL;
	*o = tcp_sockopts_none;
	errq_init(&o->errq);
	conn->sockopts = o;
	return o;
}

void tcp_sockopts_free(struct tcp_conn *conn)
{
	struct tcp_sockopts *o = conn->sockopts;

	if (!o)
		return;
	errq_purge(&conn->sk, &o->errq);
	sock_ip6_fini(&conn->sk, &o->ip6);
	mem_free(&tcp_eng(conn)->mem, o, sizeof(*o));
	conn->sockopts = NULL;
}

static int tcp_opt_int(const void *val, size_t len, int *ret)
{
	if (len < sizeof(*ret))
		return -EINVAL;
	memcpy(ret, val, sizeof(*ret));
	return 0;
}

static void tcp_opt_flag(struct tcp_conn *conn, uint32_t flag, bool on)
{
	if (on)
		conn->sk.flags |= flag;
	else
		conn->sk.flags &= ~flag;
	/* What Nagle or the cork held back may go now. */
	if (tcp_may_send(conn) && tcp_unsent(conn) > 0)
		tcp_output(conn);
}

static int tcp_opt_quickack(struct tcp_conn *conn, bool on)
{
	if (!on) {
		/* As in Linux it counts as interactive, until data or the timer says otherwise. */
		conn->flags &= ~(uint32_t)TCPC_QUICKACK;
		conn->flags |= TCPC_PINGPONG;
		conn->n_quickacks = 0;
		return 0;
	}
	conn->flags |= TCPC_QUICKACK;
	conn->flags &= ~(uint32_t)TCPC_PINGPONG;
	if (conn->flags & TCPC_ACK_DELAYED)
		tcp_conn_defer(conn, TCPC_ACK_NOW);
	return 0;
}

static int tcp_opt_range(int v, int lo, int hi)
{
	return v < lo || v > hi ? -EINVAL : 0;
}

static int tcp_opt_keep(struct tcp_conn *conn, struct tcp_sockopts *o, int name, int v)
{
	int err = tcp_opt_range(v, 1, name == WEFT_TCP_KEEPCNT ? KEEPCNT_MAX : KEEPIDLE_MAX_S);

	if (err)
		return err;
	if (name == WEFT_TCP_KEEPCNT)
		o->keepcnt = (uint8_t)v;
	else if (name == WEFT_TCP_KEEPINTVL)
		o->keepintvl_s = (uint16_t)v;
	else
		o->keepidle_s = (uint16_t)v;
	if (conn->sk.flags & SOCK_F_KEEPALIVE)
		tcp_idle_arm(conn);
	return 0;
}

static int tcp_opt_maxseg(struct tcp_sockopts *o, int v)
{
	if (v != 0 && tcp_opt_range(v, MAXSEG_MIN, MAXSEG_MAX) < 0)
		return -EINVAL;
	o->mss_user = (uint16_t)v;
	return 0;
}

static int tcp_opt_syncnt(struct tcp_sockopts *o, int v)
{
	if (tcp_opt_range(v, 1, SYNCNT_MAX) < 0)
		return -EINVAL;
	o->syncnt = (uint8_t)v;
	return 0;
}

static int tcp_opt_linger2(struct tcp_sockopts *o, int v)
{
	if (v < 0)
		o->linger2_s = -1;
	else
		o->linger2_s = (int8_t)(v < LINGER2_MAX_S ? v : LINGER2_MAX_S);
	return 0;
}

/* As Linux: how often a SYN-ACK is repeated in the time, which is then rounded up to that. */
static int tcp_opt_defer(struct tcp_sockopts *o, int v)
{
	int64_t step_s = 1, sum_s = 1;

	o->n_defer = v > 0;
	while (v > sum_s && o->n_defer < DEFER_MAX) {
		o->n_defer++;
		step_s = step_s * 2 < TCP_RTO_MAX_US / 1000000 ? step_s * 2
							       : TCP_RTO_MAX_US / 1000000;
		sum_s += step_s;
	}
	return 0;
}

static int tcp_opt_defer_s(const struct tcp_sockopts *o)
{
	int step_s = 1, sum_s = o->n_defer > 0;

	for (int i = 1; i < o->n_defer; i++) {
		step_s = step_s * 2 < TCP_RTO_MAX_US / 1000000 ? step_s * 2
							       : TCP_RTO_MAX_US / 1000000;
		sum_s += step_s;
	}
	return sum_s;
}

/* What has been offered stays offered: the window's edge never moves back. */
static int tcp_opt_clamp(const struct tcp_conn *conn, struct tcp_sockopts *o, int v)
{
	if (v == 0 && conn->state != WEFT_TCP_CLOSE)
		return -EINVAL;
	o->window_clamp = v == 0 ? 0 : (uint32_t)(v > CLAMP_MIN ? v : CLAMP_MIN);
	return 0;
}

static int tcp_opt_inq(struct tcp_conn *conn, int v)
{
	if (tcp_opt_range(v, 0, 1) < 0)
		return -EINVAL;
	conn->flags = v ? conn->flags | TCPC_INQ : conn->flags & ~(uint32_t)TCPC_INQ;
	return 0;
}

static int tcp_opt_user_timeout(struct tcp_sockopts *o, int v)
{
	if (v < 0)
		return -EINVAL;
	o->user_timeout_ms = (uint32_t)v;
	return 0;
}

/* How many connections of a listener may have their handshake under way; 0: none. */
static int tcp_opt_fastopen(struct tcp_conn *conn, int v)
{
	uint32_t somaxconn = conn->sk.stack->socks->somaxconn;
	struct tcp_tfoq *q;

	if (v < 0 || (conn->state != WEFT_TCP_CLOSE && conn->state != WEFT_TCP_LISTEN))
		return -EINVAL;
	q = tcp_tfoq_get(conn);
	if (!q)
		return -ENOMEM;
	q->max = tcp_min((uint32_t)v, somaxconn);
	return 0;
}

static int tcp_opt_fastopen_connect(const struct tcp_conn *conn, struct tcp_sockopts *o, int v)
{
	if (tcp_opt_range(v, 0, 1) < 0)
		return -EINVAL;
	if (!(tcp_conf(conn)->fastopen & TCP_TFO_CLIENT))
		return -EOPNOTSUPP;
	if (conn->state != WEFT_TCP_CLOSE)
		return -EINVAL;
	o->tfo_connect = v;
	return 0;
}

static int tcp_opt_fastopen_no_cookie(const struct tcp_conn *conn, struct tcp_sockopts *o, int v)
{
	if (tcp_opt_range(v, 0, 1) < 0 ||
	    (conn->state != WEFT_TCP_CLOSE && conn->state != WEFT_TCP_LISTEN))
		return -EINVAL;
	o->tfo_no_cookie = v;
	return 0;
}

/* One key, or the one that makes cookies and an older one. */
static int tcp_opt_fastopen_key(struct tcp_conn *conn, const void *val, size_t len)
{
	struct tcp_tfoq *q;

	if (len != TCP_TFO_KEY_LEN && len != TCP_TFO_KEYS * TCP_TFO_KEY_LEN)
		return -EINVAL;
	q = tcp_tfoq_get(conn);
	if (!q)
		return -ENOMEM;
	tcp_tfo_keys_load(val, len, &q->keys);
	return 0;
}

/* Those of struct tcp_sockopts. */
static int tcp_opt_set_rare(struct tcp_conn *conn, int name, int v)
{
	struct tcp_sockopts *o = tcp_sockopts_get(conn);

	if (!o)
		return -ENOMEM;
	switch (name) {
	case WEFT_TCP_MAXSEG:
		return tcp_opt_maxseg(o, v);
	case WEFT_TCP_KEEPIDLE:
	case WEFT_TCP_KEEPINTVL:
	case WEFT_TCP_KEEPCNT:
		return tcp_opt_keep(conn, o, name, v);
	case WEFT_TCP_SYNCNT:
		return tcp_opt_syncnt(o, v);
	case WEFT_TCP_LINGER2:
		return tcp_opt_linger2(o, v);
	case WEFT_TCP_DEFER_ACCEPT:
		return tcp_opt_defer(o, v);
	case WEFT_TCP_WINDOW_CLAMP:
		return tcp_opt_clamp(conn, o, v);
	case WEFT_TCP_USER_TIMEOUT:
		return tcp_opt_user_timeout(o, v);
	case WEFT_TCP_NOTSENT_LOWAT:
		o->notsent_lowat = (uint32_t)v;
		tcp_sndq_wake(conn);
		return 0;
	case WEFT_TCP_FASTOPEN:
		return tcp_opt_fastopen(conn, v);
	case WEFT_TCP_FASTOPEN_CONNECT:
		return tcp_opt_fastopen_connect(conn, o, v);
	case WEFT_TCP_FASTOPEN_NO_COOKIE:
		return tcp_opt_fastopen_no_cookie(conn, o, v);
	default:
		return -ENOPROTOOPT;
	}
}

static int tcp_opt_set(struct tcp_conn *conn, int name, int v)
{
	switch (name) {
	case WEFT_TCP_NODELAY:
		tcp_opt_flag(conn, SOCK_F_NODELAY, v);
		return 0;
	case WEFT_TCP_CORK:
		tcp_opt_flag(conn, SOCK_F_CORK, v);
		return 0;
	case WEFT_TCP_INQ:
		return tcp_opt_inq(conn, v);
	case WEFT_TCP_QUICKACK:
		return tcp_opt_quickack(conn, v);
	default:
		return tcp_opt_set_rare(conn, name, v);
	}
}

/* The socket layer has changed one of its own options. */
static int tcp_opt_noticed(struct tcp_conn *conn, int name)
{
	switch (name) {
	case WEFT_SO_SNDBUF:
		conn->flags |= TCPC_SNDBUF_LOCK;
		break;
	case WEFT_SO_RCVBUF:
		conn->flags |= TCPC_RCVBUF_LOCK;
		break;
	case WEFT_SO_KEEPALIVE:
		if (tcp_is_synced(conn))
			tcp_idle_arm(conn);
		break;
	default:
		break;
	}
	return 0;
}

/* A name, with or without a NUL. */
static int tcp_opt_congestion(struct tcp_conn *conn, const void *val, size_t len)
{
	char name[CC_NAME_MAX] = "";
	const struct cc_ops *ops;

	if (len < 1)
		return -EINVAL;
	memcpy(name, val, len < sizeof(name) ? len : sizeof(name) - 1);
	ops = cc_find(name);
	return ops ? tcp_cc_set(conn, ops) : -ENOENT;
}

/* As Linux: an unsigned int or an unsigned long, all ones for any rate. */
static int tcp_opt_pacing_set(struct tcp_conn *conn, const void *val, size_t len)
{
	uint64_t Bps;
	uint32_t v;

	if (len < sizeof(v))
		return -EINVAL;
	if (len >= sizeof(Bps)) {
		memcpy(&Bps, val, sizeof(Bps));
	} else {
		memcpy(&v, val, sizeof(v));
		Bps = v == UINT32_MAX ? UINT64_MAX : v;
	}
	return tcp_pace_set_max(conn, Bps);
}

static int tcp_opt_pacing_get(const struct tcp_conn *conn, void *val, size_t *len)
{
	const struct tcp_sender *snd = tcp_sender(conn);
	uint64_t Bps = snd ? snd->pacing_max_Bps : UINT64_MAX;
	uint32_t v = Bps < UINT32_MAX ? (uint32_t)Bps : UINT32_MAX;
	const void *from = *len >= sizeof(Bps) ? (const void *)&Bps : &v;
	size_t n = *len >= sizeof(Bps) ? sizeof(Bps) : sizeof(v);

	*len = *len < n ? *len : n;
	memcpy(val, from, *len);
	return 0;
}

static int tcp_opt_rcvlowat(struct tcp_conn *conn, const void *val, size_t len)
{
	struct tcp_sockopts *o;
	int v, err = tcp_opt_int(val, len, &v);

	if (err)
		return err;
	o = tcp_sockopts_get(conn);
	if (!o)
		return -ENOMEM;
	tcp_rcvq_set_lowat(conn, o, v);
	return 0;
}

/* As in Linux: what is sent is numbered from the last byte acknowledged, or from the next written,
 * and a socket that has none of both cannot be asked to. */
static int tcp_opt_tstamping(struct tcp_conn *conn, const void *val, size_t len)
{
	uint32_t has = stamp_get(&conn->sk), flags;
	int v, err = tcp_opt_int(val, len, &v);

	if (err)
		return err;
	flags = (uint32_t)v;
	if ((flags & ~has & WEFT_SOF_OPT_ID) &&
	    (conn->state == WEFT_TCP_CLOSE || conn->state == WEFT_TCP_LISTEN))
		return -EINVAL;
	return stamp_set(&conn->sk, flags,
			 flags & WEFT_SOF_OPT_ID_TCP ? conn->snd_end : conn->snd_una);
}

int tcp_setopt(struct sock *sk, int level, int name, const void *val, size_t len)
{
	struct tcp_conn *conn = tcp_conn_of(sk);
	int v, err;

	if (level == WEFT_SOL_SOCKET && name == WEFT_SO_MAX_PACING_RATE)
		return tcp_opt_pacing_set(conn, val, len);
	if (level == WEFT_SOL_SOCKET && name == WEFT_SO_RCVLOWAT)
		return tcp_opt_rcvlowat(conn, val, len);
	if (level == WEFT_SOL_SOCKET && name == WEFT_SO_TIMESTAMPING)
		return tcp_opt_tstamping(conn, val, len);
	if (level == WEFT_SOL_SOCKET)
		return tcp_opt_noticed(conn, name);
	if (level == WEFT_IPPROTO_IP || level == WEFT_IPPROTO_IPV6)
		return tcp_ip_setopt(conn, level, name, val, len);
	if (level != WEFT_IPPROTO_TCP)
		return -ENOPROTOOPT;
	if (name == WEFT_TCP_CONGESTION)
		return tcp_opt_congestion(conn, val, len);
	if (name == WEFT_TCP_FASTOPEN_KEY)
		return tcp_opt_fastopen_key(conn, val, len);
	err = tcp_opt_int(val, len, &v);
	return err ? err : tcp_opt_set(conn, name, v);
}

static int tcp_opt_get(const struct tcp_conn *conn, int name, int *ret)
{
	const struct tcp_conf *conf = tcp_conf(conn);
	const struct tcp_sockopts *o = tcp_sockopts(conn);

	switch (name) {
	case WEFT_TCP_NODELAY:
		*ret = (conn->sk.flags & SOCK_F_NODELAY) != 0;
		return 0;
	case WEFT_TCP_CORK:
		*ret = (conn->sk.flags & SOCK_F_CORK) != 0;
		return 0;
	case WEFT_TCP_MAXSEG:
		*ret = conn->mss;
		if (o->mss_user &&
		    (conn->state == WEFT_TCP_CLOSE || conn->state == WEFT_TCP_LISTEN))
			*ret = o->mss_user;
		return 0;
	case WEFT_TCP_SYNCNT:
		*ret = o->syncnt ? o->syncnt : conf->syn_retries;
		return 0;
	case WEFT_TCP_LINGER2:
		*ret = o->linger2_s ? o->linger2_s : (int)conf->fin_timeout_s;
		return 0;
	case WEFT_TCP_DEFER_ACCEPT:
		*ret = tcp_opt_defer_s(o);
		return 0;
	case WEFT_TCP_WINDOW_CLAMP:
		*ret = (int)o->window_clamp;
		return 0;
	case WEFT_TCP_INQ:
		*ret = (conn->flags & TCPC_INQ) != 0;
		return 0;
	case WEFT_TCP_KEEPIDLE:
		*ret = (int)(o->keepidle_s ? o->keepidle_s : conf->keepalive_time_s);
		return 0;
	case WEFT_TCP_KEEPINTVL:
		*ret = (int)(o->keepintvl_s ? o->keepintvl_s : conf->keepalive_intvl_s);
		return 0;
	case WEFT_TCP_KEEPCNT:
		*ret = o->keepcnt ? o->keepcnt : conf->keepalive_probes;
		return 0;
	case WEFT_TCP_QUICKACK:
		*ret = !(conn->flags & TCPC_PINGPONG);
		return 0;
	case WEFT_TCP_USER_TIMEOUT:
		*ret = (int)o->user_timeout_ms;
		return 0;
	case WEFT_TCP_NOTSENT_LOWAT:
		*ret = (int)o->notsent_lowat;
		return 0;
	case WEFT_TCP_FASTOPEN:
		*ret = o->tfoq ? (int)o->tfoq->max : 0;
		return 0;
	case WEFT_TCP_FASTOPEN_CONNECT:
		*ret = o->tfo_connect;
		return 0;
	case WEFT_TCP_FASTOPEN_NO_COOKIE:
		*ret = o->tfo_no_cookie;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int tcp_opt_put(void *val, size_t *len, const void *from, size_t n)
{
	*len = *len < n ? *len : n;
	memcpy(val, from, *len);
	return 0;
}

static int tcp_opt_get_fastopen_key(const struct tcp_conn *conn, void *val, size_t *len)
{
	uint8_t bytes[TCP_TFO_KEYS * TCP_TFO_KEY_LEN];
	struct tcp_tfo_keys keys;

	tcp_tfo_keys_of(conn, &keys);
	for (uint32_t i = 0; i < keys.n * 2; i++) {
		const struct siphash_key *key = &keys.keys[i / 2];
		uint64_t half = i % 2 ? key->k1 : key->k0;

		for (uint32_t j = 0; j < 8; j++)
			bytes[8 * i + j] = (uint8_t)(half >> 8 * j);
	}
	return tcp_opt_put(val, len, bytes, (size_t)keys.n * TCP_TFO_KEY_LEN);
}

int tcp_getopt(struct sock *sk, int level, int name, void *val, size_t *len)
{
	struct tcp_conn *conn = tcp_conn_of(sk);
	union {
		struct weft_tcp_info ours;
		struct weft_tcp_info_linux linux_;
	} info;
	int v = 0, err;

	if (level == WEFT_SOL_SOCKET && name == WEFT_SO_MAX_PACING_RATE)
		return tcp_opt_pacing_get(conn, val, len);
	if (level == WEFT_SOL_SOCKET && name == WEFT_SO_RCVLOWAT) {
		v = (int)tcp_max(tcp_sockopts(conn)->rcvlowat, 1);
		return tcp_opt_put(val, len, &v, sizeof(v));
	}
	if (level == WEFT_IPPROTO_IP || level == WEFT_IPPROTO_IPV6)
		return tcp_ip_getopt(conn, level, name, val, len);
	if (level != WEFT_IPPROTO_TCP)
		return -ENOPROTOOPT;
	if (name == WEFT_TCP_INFO) {
		tcp_info_fill(conn, &info.ours);
		return tcp_opt_put(val, len, &info.ours, sizeof(info.ours));
	}
	if (name == WEFT_TCP_INFO_LINUX) {
		tcp_info_linux(conn, &info.linux_);
		return tcp_opt_put(val, len, &info.linux_, sizeof(info.linux_));
	}
	if (name == WEFT_TCP_CONGESTION) {
		char cc[CC_NAME_MAX] = "";

		memcpy(cc, conn->cc.ops->name, strlen(conn->cc.ops->name));
		return tcp_opt_put(val, len, cc, sizeof(cc));
	}
	if (name == WEFT_TCP_FASTOPEN_KEY)
		return tcp_opt_get_fastopen_key(conn, val, len);
	err = tcp_opt_get(conn, name, &v);
	if (err)
		return err;
	*len = *len < sizeof(v) ? *len : sizeof(v);
	memcpy(val, &v, *len);
	return 0;
}

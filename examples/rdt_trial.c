/* SPDX-License-Identifier: MIT */
/* RDT tried out, on a lossy line and on the host's loopback, in both families. */
#include "nets.h"
#include "rdt.h"

enum {
	N_MSGS = 1000,
	N_BAD = 2000,
	BAD_MAX = 80, /* bytes */
	PAUSE_S = 1800,
	LEFT_S = 120,
};

static const int64_t MSEC = 1000000;

/* One end: sends N_MSGS messages, expects as many, byte for byte. */
struct trial {
	struct nets *nets;
	struct rdt rdt;
	struct rdt_conn *conn;
	struct weft_timer *slow; /* reads a little at a time; NULL: reads at once */
	uint32_t side, n_sent, n_came;
	bool has_finished, is_done;
	int err;
};

/* The `i`th message of a side: its bytes and its length follow from both. */
static size_t msg_make(uint32_t side, uint32_t i, uint8_t *p)
{
	uint32_t x = i * 2654435761u + side * 40503u + 1;
	size_t len = 1 + (x >> 8) % RDT_MSG_MAX;

	for (size_t k = 0; k < len; k++) {
		x = x * 1664525u + 1013904223u;
		p[k] = (uint8_t)(x >> 24);
	}
	return len;
}

static void trial_send(struct trial *t)
{
	uint8_t p[RDT_MSG_MAX];

	while (t->n_sent < N_MSGS) {
		if (rdt_send(t->conn, p, msg_make(t->side, t->n_sent, p)))
			return;
		t->n_sent++;
	}
	if (!t->has_finished)
		t->has_finished = rdt_finish(t->conn) == 0;
}

static void trial_receive(struct trial *t, int max)
{
	uint8_t want[RDT_MSG_MAX], got[RDT_MSG_MAX];
	ptrdiff_t n = 0;

	while (!t->is_done && max-- && (n = rdt_recv(t->conn, got, sizeof(got))) >= 0) {
		size_t len = msg_make(!t->side, t->n_came++, want);

		if ((size_t)n != len || memcmp(got, want, len) != 0)
			t->err = -EBADMSG;
	}
	if (n == -EPIPE && t->n_came != N_MSGS)
		t->err = -EBADMSG;
	else if (n < 0 && n != -EAGAIN && n != -EPIPE)
		t->err = (int)n;
	/* Done: all has come, and the other end has all of ours. */
	if (t->err || (n == -EPIPE && rdt_is_finished(t->conn))) {
		t->is_done = true;
		rdt_close(t->conn);
	}
}

static void trial_step(struct rdt_conn *c, void *arg)
{
	struct trial *t = arg;

	t->conn = c;
	if (t->is_done)
		return;
	trial_send(t);
	if (!t->slow || rdt_error(c))
		trial_receive(t, -1);
}

/* The slow reader: 32 messages at a time. */
static void trial_read_slowly(void *arg)
{
	struct trial *t = arg;

	if (t->conn && !t->is_done)
		trial_receive(t, 32);
	if (!t->is_done)
		weft_timer_start(t->slow, weft_engine_now_ns(t->nets->eng) + 10 * MSEC);
}

static void trial_accept(struct rdt_conn *c, void *arg)
{
	rdt_on_change(c, trial_step, arg);
}

/* Both have all, and the connections have gone from both ends. */
static bool trials_are_done(void *arg)
{
	struct trial *t = arg;

	return t[0].is_done && t[1].is_done && !t[0].rdt.n_conns && !t[1].rdt.n_conns;
}

/* The slow reader begins after a pause. */
static int trial_run(struct nets *n, struct trial t[2], int pause_s)
{
	struct weft_sockaddr at;
	int err;

	for (uint32_t i = 0; i < 2; i++) {
		t[i].nets = n;
		t[i].side = i;
		err = rdt_open(&t[i].rdt, &n->net[i], &n->ends[i]);
		if (err)
			return err;
		t[i].rdt.drop_ppm = n->is_host ? 30000 : 0; /* loopback loses nothing by itself */
	}
	t[1].rdt.accept_fn = trial_accept;
	t[1].rdt.arg = &t[1];
	t[1].slow = weft_timer_new(n->eng, trial_read_slowly, &t[1]);
	if (!t[1].slow)
		return -ENOMEM;
	weft_timer_start(t[1].slow, weft_engine_now_ns(n->eng) + pause_s * 1000 * MSEC);
	err = n->net[1].ops->getsockname(t[1].rdt.sock, &at);
	if (err)
		return err;
	t[0].conn = rdt_connect(&t[0].rdt, &at);
	if (!t[0].conn)
		return -ENOMEM;
	trial_accept(t[0].conn, &t[0]);
	err = nets_run(n, trials_are_done, t, n->is_host ? 60 : 600 + pause_s);
	return t[0].err ? t[0].err : t[1].err ? t[1].err : err;
}

static int trial(struct nets *n, int pause_s)
{
	static struct trial t[2];
	int64_t start_ns = weft_engine_now_ns(n->eng);
	int err;

	memset(t, 0, sizeof(t));
	err = trial_run(n, t, pause_s);
	if (!err)
		printf("%s: %d messages each way, byte for byte, in %d ms\n", n->name, N_MSGS,
		       (int)((weft_engine_now_ns(n->eng) - start_ns) / MSEC));
	for (int i = 0; i < 2; i++)
		rdt_end(&t[i].rdt);
	weft_timer_free(t[1].slow);
	return err;
}

/* What a stranger may send: bytes that nearly make sense. */
static void bad_send(struct nets *n, struct weft_sock *s, const struct weft_sockaddr *at)
{
	uint8_t p[BAD_MAX];

	for (int i = 0; i < N_BAD; i++) {
		uint64_t random = weft_engine_random(n->eng);
		size_t len = random % sizeof(p);

		for (size_t k = 0; k < sizeof(p); k++)
			p[k] = (uint8_t)weft_engine_random(n->eng);
		p[0] &= 0xf;
		p[1] &= 7;
		memset(p + 4, 0, 8);
		p[7] = random >> 16 & 0x7f; /* a few connections, often */
		p[11] = random >> 32 & 0x3f;
		(void)n->net[0].ops->sendto(s, p, len, 0, at);
	}
}

static bool is_refused(void *arg)
{
	const struct trial *t = arg;

	return rdt_error(t[0].conn) != 0;
}

/* An endpoint takes what strangers send, within its bound; one that lets nobody in says so. */
static int trial_bad_run(struct nets *n, struct trial t[2])
{
	struct weft_sockaddr at;
	int err = rdt_open(&t[0].rdt, &n->net[0], &n->ends[0]);

	if (!err)
		err = rdt_open(&t[1].rdt, &n->net[1], &n->ends[1]);
	if (!err)
		err = n->net[1].ops->getsockname(t[1].rdt.sock, &at);
	if (err)
		return err;
	t[1].rdt.accept_fn = trial_accept;
	t[1].rdt.arg = &t[1];
	t[1].is_done = true; /* it only looks on */
	bad_send(n, t[0].rdt.sock, &at);
	(void)nets_run(n, trials_are_done, t, 1);
	if (!t[1].rdt.n_conns || t[1].rdt.n_conns > RDT_CONNS_MAX)
		return -EBADMSG;
	t[1].rdt.accept_fn = NULL;
	t[0].conn = rdt_connect(&t[0].rdt, &at);
	err = t[0].conn ? nets_run(n, is_refused, t, 60) : -ENOMEM;
	if (!err && rdt_error(t[0].conn) != -ECONNRESET)
		err = -EBADMSG;
	return err;
}

static bool has_come(void *arg)
{
	const struct trial *t = arg;

	return t[1].conn != NULL;
}

static bool has_gone(void *arg)
{
	const struct trial *t = arg;

	return !t[1].rdt.n_conns;
}

/* One that its application has closed goes, also when the other side never finishes. */
static int trial_left_run(struct nets *n, struct trial t[2])
{
	struct weft_sockaddr at;
	int err = rdt_open(&t[0].rdt, &n->net[0], &n->ends[0]);

	if (!err)
		err = rdt_open(&t[1].rdt, &n->net[1], &n->ends[1]);
	if (!err)
		err = n->net[1].ops->getsockname(t[1].rdt.sock, &at);
	if (err)
		return err;
	t[1].rdt.accept_fn = trial_accept;
	t[1].rdt.arg = &t[1];
	t[1].is_done = true; /* it says nothing */
	if (!rdt_connect(&t[0].rdt, &at))
		return -ENOMEM;
	err = nets_run(n, has_come, t, 60);
	if (err)
		return err;
	rdt_close(t[1].conn);
	return nets_run(n, has_gone, t, LEFT_S);
}

static int trial_of(struct nets *n, int (*run)(struct nets *n, struct trial t[2]))
{
	static struct trial t[2];
	int err;

	memset(t, 0, sizeof(t));
	err = run(n, t);
	for (int i = 0; i < 2; i++)
		rdt_end(&t[i].rdt);
	return err;
}

static int trials(struct nets *n)
{
	int err = trial(n, 0);

	if (!err)
		err = trial_of(n, trial_bad_run);
	/* These take their time, which only the one in virtual time has. */
	if (!err && !n->is_host)
		err = trial(n, PAUSE_S);
	if (!err && !n->is_host)
		err = trial_of(n, trial_left_run);
	return err;
}

int main(void)
{
	return nets_each(trials);
}

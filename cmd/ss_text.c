/* SPDX-License-Identifier: MIT */
/*
 * The table of `weft ss`, in the columns of iproute2 6.1, and what -i, -m, -o and -s add.
 *
 * How it works: a row is nine cells; a column is as wide as its widest cell. What -i and -m say is
 * part of the last cell, behind a line end and a tab, and makes that column as wide as itself: so
 * does ss.
 */
#include <inttypes.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/json_text.h"
#include "cmd/ss.h"

enum column {
	COL_NETID,
	COL_STATE,
	COL_RECVQ,
	COL_SENDQ,
	COL_LOCAL,
	COL_LPORT,
	COL_PEER,
	COL_PPORT,
	COL_EXT,
	N_COLUMNS,
};

static const struct {
	const char *title, *before; /* `before` stands between it and the column on its left */
	bool is_right;
} columns[] = {
	[COL_NETID] = {"Netid", "", false},          [COL_STATE] = {"State", " ", false},
	[COL_RECVQ] = {"Recv-Q", " ", false},        [COL_SENDQ] = {"Send-Q", " ", false},
	[COL_LOCAL] = {"Local Address:", " ", true}, [COL_LPORT] = {"Port", "", false},
	[COL_PEER] = {"Peer Address:", " ", true},   [COL_PPORT] = {"Port", "", false},
	[COL_EXT] = {"Process", "", false},
};

struct row {
	char cells[COL_EXT][72]; /* an address with an interface: 46 + 16 */
	char *ext;
};

uint32_t ss_kind_of(const json_t *sock)
{
	const char *netid = json_text_of(sock, "netid");

	if (strcmp(netid, "tcp") == 0)
		return SS_TCP;
	if (strcmp(netid, "udp") == 0)
		return SS_UDP;
	return strcmp(netid, "raw") == 0 ? SS_RAW : SS_ICMP;
}

/* ---- what -o, -m and -i say ---------------------------------------------------------------- */

/* As ss prints timers: "119min", "1min30sec", "5.036ms", "200ms". */
static void duration_print(FILE *out, int64_t ms)
{
	int64_t min = ms / 60000, sec = ms / 1000 % 60, rest = ms % 1000;

	if (min) {
		fprintf(out, "%" PRId64 "min", min);
		rest = 0;
		if (min > 9)
			sec = 0;
	}
	if (sec) {
		if (sec > 9)
			rest = 0;
		fprintf(out, "%" PRId64 "%s", sec, rest ? "." : "sec");
	}
	if (rest)
		fprintf(out, "%03" PRId64 "ms", rest);
}

static void timer_print(FILE *out, const json_t *sock)
{
	const json_t *timer = json_object_get(sock, "timer");

	if (!timer)
		return;
	fprintf(out, " timer:(%s,", json_text_of(timer, "name"));
	duration_print(out, json_int_of(timer, "left_ms"));
	fprintf(out, ",%" PRId64 ")", json_int_of(timer, "tries"));
}

static void memory_print(FILE *out, const json_t *sock)
{
	const json_t *mem = json_object_get(sock, "mem");
	bool is_listener = strcmp(json_text_of(sock, "state"), "LISTEN") == 0;

	if (!mem)
		return;
	fprintf(out,
		" skmem:(r%" PRId64 ",rb%" PRId64 ",t0,tb%" PRId64 ",f0,w%" PRId64 ",o0,bl0,d0)",
		is_listener ? 0 : json_int_of(sock, "recv_q"), json_int_of(mem, "rcvbuf_bytes"),
		json_int_of(mem, "sndbuf_bytes"), is_listener ? 0 : json_int_of(sock, "send_q"));
}

/* Why a connection is not sending, for people. */
static const char *wait_text(const char *wait)
{
	static const struct {
		const char *word, *text;
	} texts[] = {
		{"app", "nothing to send"},
		{"rwnd", "the peer's window is full"},
		{"cwnd", "the congestion window is full"},
		{"pacing", "the next segment has its time"},
		{"nagle", "a small segment waits for an ACK"},
		{"handshake", "the connection is not open yet"},
		{"memory", "no packet or buffer to be had"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(wait, texts[i].word) == 0)
			return texts[i].text;
	return "";
}

/* Figures that are printed as NAME:NUMBER unless they are zero. */
static void figures_print(FILE *out, const json_t *tcp, const char *const (*figures)[2])
{
	for (; (*figures)[0]; figures++) {
		int64_t n = json_int_of(tcp, (*figures)[1]);

		if (n)
			fprintf(out, " %s:%" PRId64, (*figures)[0], n);
	}
}

static double ms_of(const json_t *tcp, const char *key)
{
	return (double)json_int_of(tcp, key) / 1000;
}

static void options_print(FILE *out, const json_t *tcp)
{
	if (json_is_true(json_object_get(tcp, "ts")))
		fputs(" ts", out);
	if (json_is_true(json_object_get(tcp, "sack")))
		fputs(" sack", out);
	if (json_is_true(json_object_get(tcp, "ecn")))
		fputs(" ecn", out);
	if (json_is_true(json_object_get(tcp, "ecn_seen")))
		fputs(" ecnseen", out);
}

/* Figures of the control, as ss has them. */
static void control_print(FILE *out, const json_t *tcp)
{
	if (json_has(tcp, "cc_alpha_1024") && json_int_of(tcp, "cc_alpha_1024") >= 0)
		fprintf(out, " dctcp:(alpha:%" PRId64 ")", json_int_of(tcp, "cc_alpha_1024"));
	if (!json_int_of(tcp, "cc_pacing_gain_256"))
		return;
	fprintf(out, " bbr:(bw:%.0fbps,mrtt:%g,pacing_gain:%g,cwnd_gain:%g)",
		(double)json_int_of(tcp, "cc_bw") * 8, ms_of(tcp, "cc_min_rtt_us"),
		(double)json_int_of(tcp, "cc_pacing_gain_256") / 256,
		(double)json_int_of(tcp, "cc_cwnd_gain_256") / 256);
}

static void rates_print(FILE *out, const json_t *tcp)
{
	if (json_int_of(tcp, "pacing_rate"))
		fprintf(out, " pacing_rate %.0fbps", (double)json_int_of(tcp, "pacing_rate") * 8);
	if (json_int_of(tcp, "pacing_rate") && json_int_of(tcp, "max_pacing_rate"))
		fprintf(out, "/%.0fbps", (double)json_int_of(tcp, "max_pacing_rate") * 8);
	if (json_int_of(tcp, "delivery_rate"))
		fprintf(out, " delivery_rate %.0fbps",
			(double)json_int_of(tcp, "delivery_rate") * 8);
}

/* A share of the busy time, with its percentage. */
static void limited_print(FILE *out, const json_t *tcp, const char *name, const char *key)
{
	int64_t ns = json_int_of(tcp, key);

	if (ns >= 1000000)
		fprintf(out, " %s:%" PRId64 "ms(%.1f%%)", name, ns / 1000000,
			100.0 * (double)ns / (double)json_int_of(tcp, "busy_ns"));
}

static void times_print(FILE *out, const json_t *tcp)
{
	if (json_is_true(json_object_get(tcp, "wscale")))
		fprintf(out, " wscale:%" PRId64 ",%" PRId64, json_int_of(tcp, "snd_wscale"),
			json_int_of(tcp, "rcv_wscale"));
	fprintf(out, " rto:%g", ms_of(tcp, "rto_us"));
	if (json_int_of(tcp, "backoffs"))
		fprintf(out, " backoff:%" PRId64, json_int_of(tcp, "backoffs"));
	if (json_int_of(tcp, "rtt_us"))
		fprintf(out, " rtt:%g/%g", ms_of(tcp, "rtt_us"), ms_of(tcp, "rttvar_us"));
	if (json_int_of(tcp, "ato_us"))
		fprintf(out, " ato:%g", ms_of(tcp, "ato_us"));
}

static void tcp_print(FILE *out, const json_t *tcp, bool shows_options)
{
	static const char *const sizes[][2] = {
		{"mss", "snd_mss"}, {"pmtu", "pmtu"}, {"rcvmss", "rcv_mss"}, {NULL, NULL}};
	static const char *const window[][2] = {{"cwnd", "snd_cwnd"}, {NULL, NULL}};
	static const char *const counts[][2] = {{"bytes_sent", "bytes_sent"},
						{"bytes_retrans", "bytes_retrans"},
						{"bytes_acked", "bytes_acked"},
						{"bytes_received", "bytes_received"},
						{"segs_out", "segs_out"},
						{"segs_in", "segs_in"},
						{"data_segs_out", "data_segs_out"},
						{"data_segs_in", "data_segs_in"},
						{NULL, NULL}};
	static const char *const delivered[][2] = {
		{"delivered", "delivered"}, {"delivered_ce", "delivered_ce"}, {NULL, NULL}};
	static const char *const recovery[][2] = {
		{"lost", "lost"}, {"sacked", "sacked"}, {"dsack_dups", "dsack_dups"}, {NULL, NULL}};
	static const char *const receiver[][2] = {{"rcv_space", "rcv_space"},
						  {"rcv_ssthresh", "rcv_ssthresh"},
						  {"notsent", "notsent_bytes"},
						  {NULL, NULL}};
	static const char *const last[][2] = {
		{"rcv_ooopack", "rcv_ooopack"}, {"snd_wnd", "snd_wnd"}, {NULL, NULL}};
	int64_t rtt_us = json_int_of(tcp, "rtt_us");
	const char *wait = json_text_of(tcp, "wait");

	if (shows_options)
		options_print(out, tcp);
	fprintf(out, " %s", json_text_of(tcp, "cc"));
	times_print(out, tcp);
	figures_print(out, tcp, sizes);
	/* As Linux counts it: without the timestamps that each segment has. */
	fprintf(out, " advmss:%" PRId64,
		json_int_of(tcp, "advmss") - (json_is_true(json_object_get(tcp, "ts")) ? 12 : 0));
	figures_print(out, tcp, window);
	if (json_int_of(tcp, "snd_ssthresh") < 0xffff)
		fprintf(out, " ssthresh:%" PRId64, json_int_of(tcp, "snd_ssthresh"));
	figures_print(out, tcp, counts);
	control_print(out, tcp);
	if (rtt_us)
		fprintf(out, " send %.0fbps",
			(double)json_int_of(tcp, "snd_cwnd") * (double)json_int_of(tcp, "snd_mss") *
				8000000. / (double)rtt_us);
	/* An acknowledgement is anything received. */
	fprintf(out, " lastsnd:%" PRId64 " lastrcv:%" PRId64 " lastack:%" PRId64,
		json_int_of(tcp, "last_snd_ago_ms"), json_int_of(tcp, "last_rcv_ago_ms"),
		json_int_of(tcp, "last_rcv_ago_ms"));
	rates_print(out, tcp);
	figures_print(out, tcp, delivered);
	if (json_is_true(json_object_get(tcp, "app_limited")))
		fputs(" app_limited", out);
	if (json_int_of(tcp, "busy_ns") >= 1000000)
		fprintf(out, " busy:%" PRId64 "ms", json_int_of(tcp, "busy_ns") / 1000000);
	limited_print(out, tcp, "rwnd_limited", "rwnd_limited_ns");
	limited_print(out, tcp, "sndbuf_limited", "sndbuf_limited_ns");
	if (json_int_of(tcp, "unacked"))
		fprintf(out, " unacked:%" PRId64, json_int_of(tcp, "unacked"));
	if (json_int_of(tcp, "retrans") || json_int_of(tcp, "total_retrans"))
		fprintf(out, " retrans:%" PRId64 "/%" PRId64, json_int_of(tcp, "retrans"),
			json_int_of(tcp, "total_retrans"));
	figures_print(out, tcp, recovery);
	/* Three is what everybody starts with (RFC 5681 §3.2). */
	if (json_int_of(tcp, "reordering") > 3)
		fprintf(out, " reordering:%" PRId64, json_int_of(tcp, "reordering"));
	if (json_int_of(tcp, "reord_seen"))
		fprintf(out, " reord_seen:%" PRId64, json_int_of(tcp, "reord_seen"));
	if (json_int_of(tcp, "rcv_rtt_us"))
		fprintf(out, " rcv_rtt:%g", ms_of(tcp, "rcv_rtt_us"));
	figures_print(out, tcp, receiver);
	if (json_int_of(tcp, "min_rtt_us"))
		fprintf(out, " minrtt:%g", ms_of(tcp, "min_rtt_us"));
	figures_print(out, tcp, last);
	fprintf(out, " wait:%s", wait);
	if (*wait_text(wait))
		fprintf(out, " (%s)", wait_text(wait));
}

/* The last cell; the caller's. */
static char *ext_text(const json_t *sock, const struct ss_opts *o)
{
	const json_t *tcp = json_object_get(sock, "tcp");
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	if (o->timers || o->extended)
		timer_print(out, sock);
	if (((o->memory && json_has(sock, "mem")) || (o->info && tcp)) && !o->oneline)
		fputs("\n\t", out);
	if (o->memory)
		memory_print(out, sock);
	if (o->info && tcp)
		tcp_print(out, tcp, o->timers || o->extended);
	fclose(out);
	return text;
}

/* ---- cells --------------------------------------------------------------------------------- */

static void port_text(char *cell, size_t size, const json_t *sock, int64_t port,
		      const struct ss_opts *o)
{
	uint16_t swapped = (uint16_t)((port & 0xff) << 8 | (port >> 8 & 0xff));
	const struct servent *service = NULL;

	if (port == 0) {
		snprintf(cell, size, "*");
		return;
	}
	if (!o->is_numeric && ss_kind_of(sock) != SS_RAW)
		service = getservbyport(swapped, json_text_of(sock, "netid"));
	if (service)
		snprintf(cell, size, "%s", service->s_name);
	else
		snprintf(cell, size, "%" PRId64, port);
}

static void end_text(const json_t *sock, const char *key, char *addr, char *port, size_t size,
		     const struct ss_opts *o)
{
	const json_t *end = json_object_get(sock, key);
	const char *text = json_text_of(end, "address"), *dev = json_text_of(sock, "dev");
	bool is_six = strchr(text, ':') != NULL;

	if (strcmp(key, "local") != 0)
		dev = "";
	snprintf(addr, size, "%s%s%s%s%s:", is_six ? "[" : "", text, is_six ? "]" : "",
		 *dev ? "%" : "", dev);
	port_text(port, size, sock, json_int_of(end, "port"), o);
}

static void row_fill(struct row *row, const json_t *sock, const struct ss_opts *o)
{
	const size_t size = sizeof(row->cells[0]);

	snprintf(row->cells[COL_NETID], size, "%s", json_text_of(sock, "netid"));
	snprintf(row->cells[COL_STATE], size, "%s", json_text_of(sock, "state"));
	snprintf(row->cells[COL_RECVQ], size, "%-6" PRId64, json_int_of(sock, "recv_q"));
	snprintf(row->cells[COL_SENDQ], size, "%-6" PRId64, json_int_of(sock, "send_q"));
	end_text(sock, "local", row->cells[COL_LOCAL], row->cells[COL_LPORT], size, o);
	end_text(sock, "peer", row->cells[COL_PEER], row->cells[COL_PPORT], size, o);
	row->ext = ext_text(sock, o);
}

static const char *row_cell(const struct row *row, size_t c)
{
	if (c < COL_EXT)
		return row->cells[c];
	return row->ext ? row->ext : "";
}

/* ---- the table ----------------------------------------------------------------------------- */

struct table {
	struct row *rows;
	size_t n;
	bool is_shown[N_COLUMNS];
	int width[N_COLUMNS];
};

static bool is_one_bit(uint32_t bits)
{
	return bits && !(bits & (bits - 1));
}

/* Gives the columns from `first` to before `end` what is left of a line, as evenly as can be. */
static void columns_spread(struct table *t, size_t first, size_t end, int spare)
{
	int n_left = 0;

	for (size_t c = first; c < end; c++)
		n_left += t->is_shown[c];
	for (size_t c = first; c < end; c++) {
		int extra;

		if (!t->is_shown[c])
			continue;
		extra = spare / n_left--;
		t->width[c] += extra;
		spare -= extra;
	}
}

/* On a terminal the columns fill its width; those that do not fit fill the next line's. The
 * terminal itself breaks the line there. */
static void columns_fill_screen(struct table *t, int screen)
{
	size_t first = 0;
	int used = 0;

	for (size_t c = 0; c < N_COLUMNS; c++) {
		int width = t->width[c] + (used ? (int)strlen(columns[c].before) : 0);

		if (!t->is_shown[c])
			continue;
		if (used && used + width > screen) {
			columns_spread(t, first, c, screen - used);
			first = c;
			used = 0;
		}
		if (width > screen)
			width = t->width[c] = screen;
		used += width;
	}
	columns_spread(t, first, N_COLUMNS, screen - used);
}

/* A column that would say the same in every row is left out, as ss does. */
static void columns_measure(struct table *t, const struct ss_opts *o)
{
	for (size_t c = 0; c < N_COLUMNS; c++) {
		t->is_shown[c] =
			!(c == COL_NETID && is_one_bit(o->kinds) && o->kinds != SS_OTHER) &&
			!(c == COL_STATE && is_one_bit(o->states));
		t->width[c] = o->no_header ? 0 : (int)strlen(columns[c].title);
		for (size_t i = 0; i < t->n; i++) {
			int len = (int)strlen(row_cell(&t->rows[i], c));

			if (len > t->width[c])
				t->width[c] = len;
		}
		if (c == COL_EXT && !t->width[c])
			t->is_shown[c] = false;
	}
	if (o->screen_columns)
		columns_fill_screen(t, (int)o->screen_columns);
}

static void line_print(FILE *out, const struct table *t, const char *const cells[N_COLUMNS])
{
	bool is_first = true;

	for (size_t c = 0; c < N_COLUMNS; c++) {
		if (!t->is_shown[c])
			continue;
		if (!is_first)
			fputs(columns[c].before, out);
		is_first = false;
		fprintf(out, "%*s", columns[c].is_right ? t->width[c] : -t->width[c], cells[c]);
	}
	putc('\n', out);
}

/* The order of ss: raw sockets, then UDP, then TCP with its listeners first. */
static int order_of(const json_t *sock)
{
	switch (ss_kind_of(sock)) {
	case SS_ICMP:
		return 0;
	case SS_RAW:
		return 1;
	case SS_UDP:
		return 2;
	default:
		return strcmp(json_text_of(sock, "state"), "LISTEN") == 0 ? 3 : 4;
	}
}

static void table_fill(struct table *t, const json_t *socks, const struct ss_opts *o)
{
	const json_t *sock;
	size_t i;

	for (int order = 0; order <= 4; order++)
		json_array_foreach (socks, i, sock)
			if (order_of(sock) == order)
				row_fill(&t->rows[t->n++], sock, o);
}

void ss_table_print(FILE *out, const json_t *socks, const struct ss_opts *o)
{
	struct table t = {.n = 0};
	const char *cells[N_COLUMNS];

	t.rows = calloc(json_array_size(socks) + 1, sizeof(*t.rows));
	if (!t.rows) {
		fprintf(stderr, "ss: out of memory\n");
		return;
	}
	table_fill(&t, socks, o);
	columns_measure(&t, o);
	for (size_t c = 0; c < N_COLUMNS; c++)
		cells[c] = columns[c].title;
	if (!o->no_header)
		line_print(out, &t, cells);
	for (size_t i = 0; i < t.n; i++) {
		for (size_t c = 0; c < N_COLUMNS; c++)
			cells[c] = row_cell(&t.rows[i], c);
		line_print(out, &t, cells);
		free(t.rows[i].ext);
	}
	free(t.rows);
}

/* ---- -s ------------------------------------------------------------------------------------ */

struct tally {
	int total, ip, ip6;
};

static void tally_add(struct tally *t, const json_t *sock)
{
	bool is_six = strcmp(json_text_of(sock, "family"), "inet6") == 0;

	t->total++;
	t->ip += !is_six;
	t->ip6 += is_six;
}

static void tally_print(FILE *out, const char *name, const struct tally *t)
{
	fprintf(out, "%s\t  %-9d %-9d %-9d\n", name, t->total, t->ip, t->ip6);
}

void ss_summary_print(FILE *out, const json_t *socks)
{
	struct tally raw = {0}, udp = {0}, tcp = {0}, inet = {0}, frag = {0};
	int n_tcp = 0, estab = 0, closed = 0, orphaned = 0, timewait = 0, total = 0;
	const json_t *sock;
	size_t i;

	json_array_foreach (socks, i, sock) {
		const char *state = json_text_of(sock, "state");
		uint32_t kind = ss_kind_of(sock);
		bool is_tw = strcmp(state, "TIME-WAIT") == 0;

		total += json_has(sock, "mem"); /* sockets, not what is left of them */
		if (!is_tw) {
			tally_add(kind == SS_TCP ? &tcp : kind == SS_UDP ? &udp : &raw, sock);
			tally_add(&inet, sock);
		}
		if (kind != SS_TCP)
			continue;
		n_tcp++;
		estab += strcmp(state, "ESTAB") == 0;
		closed += strcmp(state, "UNCONN") == 0;
		orphaned += json_is_true(json_object_get(sock, "orphan"));
		timewait += is_tw;
	}
	fprintf(out,
		"Total: %d\nTCP:   %d (estab %d, closed %d, orphaned %d, timewait %d)\n\n"
		"Transport Total     IP        IPv6\n",
		total, n_tcp, estab, closed, orphaned, timewait);
	tally_print(out, "RAW", &raw);
	tally_print(out, "UDP", &udp);
	tally_print(out, "TCP", &tcp);
	tally_print(out, "INET", &inet);
	tally_print(out, "FRAG", &frag);
	putc('\n', out);
}

/* SPDX-License-Identifier: MIT */
/*
 * Names in code: the fields of struct tcp_info, of the connection that packets without ports belong
 * to, in Linux's units; and constants.
 */
#include <string.h>

#include "drill/run_priv.h"
#include "drill/symbol.h"

/* Units: what divides the stack's number to give Linux's. */
#define FIGURE(name, field, unit)                                        \
	{                                                                \
		name, offsetof(struct weft_tcp_info, field),             \
			sizeof(((struct weft_tcp_info *)0)->field), unit \
	}

static const struct figure {
	const char *name;
	size_t offset, size;
	int64_t unit;
} figures[] = {
	FIGURE("tcpi_state", state, 1),
	FIGURE("tcpi_ca_state", ca_state, 1),
	FIGURE("tcpi_retransmits", retransmits, 1),
	FIGURE("tcpi_snd_wscale", snd_wscale, 1),
	FIGURE("tcpi_rcv_wscale", rcv_wscale, 1),
	FIGURE("tcpi_rto", rto_us, 1),
	FIGURE("tcpi_ato", ato_us, 1),
	FIGURE("tcpi_snd_mss", snd_mss, 1),
	FIGURE("tcpi_rcv_mss", rcv_mss, 1),
	FIGURE("tcpi_unacked", unacked, 1),
	FIGURE("tcpi_sacked", sacked, 1),
	FIGURE("tcpi_lost", lost, 1),
	FIGURE("tcpi_retrans", retrans, 1),
	FIGURE("tcpi_pmtu", pmtu, 1),
	FIGURE("tcpi_rtt", rtt_us, 1),
	FIGURE("tcpi_rttvar", rttvar_us, 1),
	FIGURE("tcpi_min_rtt", min_rtt_us, 1),
	FIGURE("tcpi_snd_ssthresh", snd_ssthresh, 1),
	FIGURE("tcpi_snd_cwnd", snd_cwnd, 1),
	FIGURE("tcpi_advmss", advmss, 1),
	FIGURE("tcpi_total_retrans", total_retrans, 1),
	FIGURE("tcpi_bytes_acked", bytes_acked, 1),
	FIGURE("tcpi_bytes_received", bytes_received, 1),
	FIGURE("tcpi_bytes_sent", bytes_sent, 1),
	FIGURE("tcpi_bytes_retrans", bytes_retrans, 1),
	FIGURE("tcpi_segs_out", segs_out, 1),
	FIGURE("tcpi_segs_in", segs_in, 1),
	FIGURE("tcpi_data_segs_out", data_segs_out, 1),
	FIGURE("tcpi_data_segs_in", data_segs_in, 1),
	FIGURE("tcpi_notsent_bytes", notsent_bytes, 1),
	FIGURE("tcpi_snd_wnd", snd_wnd, 1),
	FIGURE("tcpi_rcv_wnd", rcv_wnd, 1),
	FIGURE("tcpi_busy_time", busy_ns, 1000),
};

struct lookup {
	const struct drill_flow *flow;
	bool is_found;
	struct weft_tcp_info info;
};

static void look(void *arg, const struct weft_sock_info *info)
{
	struct lookup *l = arg;

	if (strcmp(info->proto, "tcp") != 0 || info->local.port != l->flow->lport ||
	    info->peer.port != l->flow->rport)
		return;
	if (info->tcp)
		l->info = *info->tcp; /* else TIME-WAIT, which has a state alone */
	l->info.state = info->state;
	l->is_found = true;
}

static int64_t figure_value(const struct weft_tcp_info *info, const struct figure *f)
{
	const uint8_t *p = (const uint8_t *)info + f->offset;
	uint32_t v32;
	int64_t v64;

	if (f->size == 1)
		return *p;
	if (f->size == 4) {
		memcpy(&v32, p, sizeof(v32));
		return v32;
	}
	memcpy(&v64, p, sizeof(v64));
	return v64 / f->unit;
}

/* TCPI_OPT_* */
static int64_t options_value(const struct weft_tcp_info *info)
{
	return (info->has_ts ? 1 : 0) | (info->has_sack ? 2 : 0) | (info->has_wscale ? 4 : 0);
}

bool drill_figures_find(void *arg, const char *name, int64_t *ret)
{
	struct drill_run *run = arg;
	struct lookup l = {.flow = run->flow};

	if (strncmp(name, "tcpi_", 5) != 0)
		return drill_symbol(name, ret);
	if (!l.flow)
		return false;
	weft_stack_sockets(run->st, look, &l);
	if (!l.is_found) {
		*ret = WEFT_TCP_CLOSE;
		return !strcmp(name, "tcpi_state");
	}
	if (!strcmp(name, "tcpi_options")) {
		*ret = options_value(&l.info);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		if (!strcmp(figures[i].name, name)) {
			*ret = figure_value(&l.info, &figures[i]);
			return true;
		}
	}
	return false;
}

/* SPDX-License-Identifier: MIT */
/*
 * Names in code: the fields of struct tcp_info, of the connection that packets without ports belong
 * to, in Linux's units; and constants.
 */
#include <string.h>

#include "drill/run_priv.h"
#include "drill/symbol.h"

#define FIGURE(name, type, field)                                                             \
	{                                                                                     \
		"tcpi_" name, offsetof(struct type, field), sizeof(((struct type *)0)->field) \
	}
#define LINUX(name)      FIGURE(#name, weft_tcp_info_linux, name)
#define OWN(name, field) FIGURE(name, weft_tcp_info, field)

struct figure {
	const char *name;
	size_t offset, size;
};

/* Linux's struct, of a socket that the script has. */
static const struct figure linux_figures[] = {
	LINUX(ca_state),
	LINUX(retransmits),
	LINUX(probes),
	LINUX(backoff),
	LINUX(options),
	LINUX(rto),
	LINUX(ato),
	LINUX(snd_mss),
	LINUX(rcv_mss),
	LINUX(unacked),
	LINUX(sacked),
	LINUX(lost),
	LINUX(retrans),
	LINUX(fackets),
	LINUX(last_data_sent),
	LINUX(last_ack_sent),
	LINUX(last_data_recv),
	LINUX(last_ack_recv),
	LINUX(pmtu),
	LINUX(rcv_ssthresh),
	LINUX(rtt),
	LINUX(rttvar),
	LINUX(snd_ssthresh),
	LINUX(snd_cwnd),
	LINUX(advmss),
	LINUX(reordering),
	LINUX(rcv_rtt),
	LINUX(rcv_space),
	LINUX(total_retrans),
	LINUX(pacing_rate),
	LINUX(max_pacing_rate),
	LINUX(bytes_acked),
	LINUX(bytes_received),
	LINUX(segs_out),
	LINUX(segs_in),
	LINUX(notsent_bytes),
	LINUX(min_rtt),
	LINUX(data_segs_in),
	LINUX(data_segs_out),
	LINUX(delivery_rate),
	LINUX(busy_time),
	LINUX(rwnd_limited),
	LINUX(sndbuf_limited),
	LINUX(delivered),
	LINUX(delivered_ce),
	LINUX(bytes_sent),
	LINUX(bytes_retrans),
	LINUX(dsack_dups),
	LINUX(reord_seen),
	LINUX(rcv_ooopack),
	LINUX(snd_wnd),
};

/* The stack's own, of any connection: for what Linux packs into bits, and for connections that
 * nobody has accepted or that are closed for the script. */
static const struct figure own_figures[] = {
	OWN("ca_state", ca_state),
	OWN("retransmits", retransmits),
	OWN("snd_wscale", snd_wscale),
	OWN("rcv_wscale", rcv_wscale),
	OWN("rto", rto_us),
	OWN("snd_mss", snd_mss),
	OWN("unacked", unacked),
	OWN("pmtu", pmtu),
	OWN("rtt", rtt_us),
	OWN("rttvar", rttvar_us),
	OWN("snd_ssthresh", snd_ssthresh),
	OWN("snd_cwnd", snd_cwnd),
	OWN("total_retrans", total_retrans),
	OWN("bytes_received", bytes_received),
	OWN("notsent_bytes", notsent_bytes),
	OWN("snd_wnd", snd_wnd),
	OWN("rcv_wnd", rcv_wnd),
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

static bool figure_find(const struct figure *figures, size_t n, const void *info, const char *name,
			int64_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = (const uint8_t *)info + figures[i].offset;
		uint32_t v32;

		if (strcmp(figures[i].name, name) != 0)
			continue;
		*ret = *p;
		if (figures[i].size == sizeof(v32)) {
			memcpy(&v32, p, sizeof(v32));
			*ret = v32;
		} else if (figures[i].size == sizeof(*ret)) {
			memcpy(ret, p, sizeof(*ret));
		}
		return true;
	}
	return false;
}

/* TCP_INFO of the descriptor that has the flow. */
static bool linux_info(struct drill_run *run, struct weft_tcp_info_linux *ret)
{
	for (struct drill_fd *fd = run->fds; fd; fd = fd->next) {
		struct weft_sockaddr own, peer;
		size_t len = sizeof(*ret);

		if (fd->sk && !weft_getsockname(fd->sk, &own) && !weft_getpeername(fd->sk, &peer) &&
		    own.port == run->flow->lport && peer.port == run->flow->rport)
			return !weft_getsockopt(fd->sk, WEFT_IPPROTO_TCP, WEFT_TCP_INFO_LINUX, ret,
						&len);
	}
	return false;
}

static bool tcpi_find(struct drill_run *run, const char *name, int64_t *ret)
{
	struct lookup l = {.flow = run->flow};
	struct weft_tcp_info_linux info;

	if (!l.flow)
		return false;
	weft_stack_sockets(run->st, look, &l);
	if (!strcmp(name, "tcpi_state")) {
		*ret = l.is_found ? l.info.state : WEFT_TCP_CLOSE;
		return true;
	}
	if (!strcmp(name, "tcpi_fastopen_client_fail") && linux_info(run, &info)) {
		*ret = info.app_bits >> 1 & 3;
		return true;
	}
	if (linux_info(run, &info) &&
	    figure_find(linux_figures, ARRAY_SIZE(linux_figures), &info, name, ret))
		return true;
	return l.is_found && figure_find(own_figures, ARRAY_SIZE(own_figures), &l.info, name, ret);
}

bool drill_figures_find(void *arg, const char *name, int64_t *ret)
{
	struct drill_run *run = arg;

	if (strncmp(name, "tcpi_", 5) != 0)
		return drill_symbol(name, ret);
	if (!tcpi_find(run, name, ret))
		return false;
	if (!strcmp(name, "tcpi_pmtu"))
		*ret -= run->mtu_extra;
	return true;
}

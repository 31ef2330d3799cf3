# SPDX-License-Identifier: MIT
"""What disables the code of each row of doc/rfc.md: try_rows.py makes the faults and runs the tests that the row names.

ROWS: clause -> faults, each (file under src/, text that is there once, text instead), or a list of such where the code
stands in two places. The clause is the RFC's number and the first column of the row; "#2" is the second row of that
clause. Every test that a row names must fail with at least one of the row's faults, and each fault be noticed.
"""

TCP = "transport/tcp/"
OUT, IN, SYNCED, TEXT = TCP + "tcp_out.c", TCP + "tcp_in.c", TCP + "tcp_in_synced.c", TCP + "tcp_in_text.c"
ACK, RTO, RECOVER, RCVQ = TCP + "tcp_ack.c", TCP + "tcp_rto.c", TCP + "tcp_recover.c", TCP + "tcp_rcvq.c"
PRIV = TCP + "tcp_priv.h"
URG, ROUTE, TIMER, OPT = TCP + "tcp_urg.c", TCP + "tcp_route.c", TCP + "tcp_timer.c", TCP + "tcp_opt.c"
SOCK, REQ, LISTEN, SENT = TCP + "tcp_sock.c", TCP + "tcp_req.c", TCP + "tcp_listen.c", TCP + "tcp_syn_sent.c"
TW, RESET, ISN, ERROR = TCP + "tcp_time_wait.c", TCP + "tcp_reset.c", TCP + "tcp_isn.c", TCP + "tcp_error.c"
CONN, CONF, COOKIE, REASM = TCP + "tcp_conn.c", TCP + "tcp_conf.c", TCP + "tcp_cookie.c", TCP + "tcp_reasm.c"
WIRE, TABLE = "wire/tcp.c", "transport/sock_table.c"

# RFCs of which every row has its faults.
COMPLETE = ("9293", "6298", "7323", "5961", "6528")

# Rows that have nothing to disable, and why.
NOTHING = {
    "9293 MUST-51, MUST-52, MUST-53, SHLD-24": "a deviation: there is no code",
    "9293 SHLD-13": "of applications",
    "9293 SHLD-20": "a deviation: there is no code",
    "9293 SHLD-23": "of applications",
    "9293 SHLD-8": "of another part",
    "9293 MAY-12": "refers to RFC 5961",
}

# Faults that serve several rows.
NO_PSH = (OUT, "	if (n > 0 && (n == tcp_unsent(conn) || tcp_ends_record(conn, n)))\n		tx.flags |= TCP_F_PSH;\n", "")
PSH_ALWAYS = (OUT, "	if (n > 0 && (n == tcp_unsent(conn) || tcp_ends_record(conn, n)))\n		tx.flags |= TCP_F_PSH;\n",
              "	tx.flags |= TCP_F_PSH;\n")
SIGNED_WINDOW = (ACK, "	uint32_t wnd = (uint32_t)seg->wnd <<", "	uint32_t wnd = (uint32_t)(seg->wnd & 0x7fff) <<")
WINDOW_OF_16_BITS = (PRIV, "	conn->snd_wnd = wnd;\n", "	conn->snd_wnd = (uint16_t)wnd;\n")
NO_PROBE = (RTO, "	tcp_send_probe(conn);\n", "")
NO_BACKOFF = (RTO, "		if (conn->n_backoffs < 16)\n			conn->n_backoffs++;\n", "")
NO_RTT = (ACK, "		tcp_rtt_sample(conn, tcp_min(rtt_us, UINT32_MAX / 16));\n", "")
NO_KARN = (OUT, "	conn->flags &= ~(uint32_t)TCPC_RTT_TIMING;\n	tcp_out_opts(conn, &opts);",
           "	tcp_out_opts(conn, &opts);")
NO_NAGLE = (OUT, "	if (conn->sk.flags & SOCK_F_NODELAY)\n		return false;",
            "	if (!(conn->flags & TCPC_MORE))\n		return false;")
NO_CHALLENGE = (RESET, "	if (tcp_challenge_is_due(conn->sk.stack, &conn->sk.conn))\n",
                "	if (tcp_challenge_is_due(conn->sk.stack, &conn->sk.conn) && false)\n")
ADDRS_OK = (IN, "	return !info->is_broadcast && !ip_addr_is_unspecified(&info->src) &&\n",
            "	return true || (!info->is_broadcast && !ip_addr_is_unspecified(&info->src)) ||\n")
NO_SYN_TIMER = (RTO, "	(void)tcp_send_syn(conn);\n	tcp_rexmt_restart(conn);\n", "	(void)tcp_send_syn(conn);\n	conn->rexmt_ns = 0;\n	tcp_rexmt_arm(conn);\n	conn->rexmt_ns += 1000000000;\n")
SOFT_ENDS = (ERROR, "	conn->soft_err = (uint8_t)(err->err <= UINT8_MAX ? err->err : EHOSTUNREACH);\n",
             "	tcp_fail(conn, err->err);\n")
NO_SOFT = (ERROR, "	conn->soft_err = (uint8_t)(err->err <= UINT8_MAX ? err->err : EHOSTUNREACH);\n", "")
NO_ERRORS = (ERROR, "	tcp_error_conn(conn, err, quote, quote_len);\n", "	(void)tcp_error_conn;\n	(void)seq;\n")
NO_SMALLER = (ERROR, "	tcp_pmtu_learn(conn, mtu);\n", "	(void)mtu;\n")
NO_WSCALE_MAX = (IN, "		conn->snd_wscale = (uint8_t)tcp_min(o->wscale, TCP_WSCALE_MAX);\n",
                 "		conn->snd_wscale = o->wscale & 15;\n")
NO_WSCALE_MAX_REQ = (REQ, "					 tcp_min(o->wscale, TCP_WSCALE_MAX));\n",
                     "					 (o->wscale & 15));\n")
SYN_SCALED = (SENT, "	tcp_ecn_learn(conn, seg);\n	conn->rcv_adv", "	tcp_ecn_learn(conn, seg);\n	conn->snd_wnd <<= conn->snd_wscale;\n	conn->rcv_adv")
NO_URGENT = (SYNCED, "	if (seg->flags & TCP_F_URG)\n		tcp_urg_input(conn, seg);\n", "")
NO_DOUBLE = (RTO, "(uint64_t)conn->rto_us << tcp_min(conn->n_backoffs, 16);", "(uint64_t)conn->rto_us;")
ALL_AT_TIMEOUT = (RTO, "	tcp_recover_on_timeout(conn);\n", "")
NO_REASM = (TEXT, "	why = tcp_reasm_add(conn, pkt);\n", "	why = DROP_TCP_REASM;\n")
ACK_LATE = (TEXT, "(int64_t)tcp_conf(conn)->delack_ms * TCP_NS_PER_MS;", "600 * TCP_NS_PER_MS;")
ACK_EACH = (TEXT, "	if (conn->rcv_nxt - conn->rcv_wup > conn->rcv_mss || is_quick", "	if (true || is_quick")
ONLY_DELAYED = (TEXT, "	if (conn->rcv_nxt - conn->rcv_wup > conn->rcv_mss || is_quick", "	if (is_quick")
NO_KEEPALIVE = (TIMER, "	return (conn->sk.flags & SOCK_F_KEEPALIVE) && tcp_is_synced(conn);",
                "	(void)conn;\n	return false;")
ALWAYS_KEEPALIVE = (TIMER, "	return (conn->sk.flags & SOCK_F_KEEPALIVE) && tcp_is_synced(conn);",
                    "	return tcp_is_synced(conn);")
R2_NEVER = (RTO, "	return waited_ms >= tcp_retries_ms(conf->rto_min_ms, n);", "	return waited_ms >= 10 * tcp_retries_ms(conf->rto_min_ms, n);")
R2_SHORT = (RTO, "		step = step * 2 < TCP_RTO_MAX_US / 1000 ? step * 2 : TCP_RTO_MAX_US / 1000;\n", "")
NO_TOS = (OUT, "			 .tos = sk->tos | ecn,\n			 .proto = IP_PROTO_TCP},\n		.ttl = sk->ttl,", "			 .proto = IP_PROTO_TCP},\n		.ttl = sk->ttl,")
NO_TTL = (OUT, "		.ttl = sk->ttl,\n", "")
RST_RESETS = (SYNCED, "	if (seg->seq != conn->rcv_nxt) {\n		tcp_challenge_ack(conn);",
              "	if (seg->seq != conn->rcv_nxt && false) {\n		tcp_challenge_ack(conn);")
ANY_SEQ = (SYNCED, "	if (!tcp_seq_is_acceptable(conn, seg)) {", "	if (!tcp_seq_is_acceptable(conn, seg) && !(seg->flags & TCP_F_RST)) {")
NO_WSCALE = (IN, "	if (o->has_wscale && conf->window_scaling) {", "	if (conf->window_scaling) {")
SAME_ROOT = (TCP + "tcp.c", "	const struct siphash_key *root = &st->eng->hash_key;\n", "	static const struct siphash_key known = {.k0 = 1};\n	const struct siphash_key *root = &known;\n")
NO_OPTS_ASKED = (REQ, "	if (o->sack_ok && conf->sack)\n", "	if (conf->sack)\n")

ROWS = {
    # RFC 9293: PUSH, window, urgent data
    "9293 SHLD-27": [PSH_ALWAYS, NO_PSH],
    "9293 MUST-60": [(RTO, "	if (tcp_send_override(conn)) {", "	if (tcp_send_override(conn) && false) {"),
                     (RTO, "		tcp_rto_probe(conn);\n", "		(void)tcp_rto_probe;\n")],
    "9293 MUST-61": [NO_PSH],
    "9293 SHLD-28": [(OUT, "	if (n >= mss)\n		return tcp_tso_defers(conn, n, limit, max) ? 0 : n - n % mss;",
                      "	if (n >= mss)\n		return tcp_tso_defers(conn, n, limit, max) ? 0 : n - n / 3;"),
                     (OUT, "		return rest > 0 && tcp_nagle_holds(conn) ? n - rest : n;",
                      "		return tcp_nagle_holds(conn) ? 0 : rest ? n : n;")],
    "9293 MUST-1": [SIGNED_WINDOW],
    "9293 REC-1": [WINDOW_OF_16_BITS],
    "9293 SHLD-14": [(RCVQ, "	if (moves) /* no less than what is advertised already */\n		wnd = tcp_max(space, old);", "	wnd = space;")],
    "9293 SHLD-15": [(OUT, "	uint32_t limit = tcp_min(cwnd_left, wnd_left);", "	uint32_t limit = cwnd_left;")],
    "9293 SHLD-16": [(RECOVER, "	uint32_t edge = conn->snd_una + tcp_max(conn->snd_wnd + rounded, conn->mss);\n",
                      "	uint32_t edge = conn->snd_nxt + 1 + 0 * rounded;\n")],
    "9293 SHLD-17": [(RTO, "	if (conn->snd_wnd == 0 && tcp_is_synced(conn)", "	if (false && tcp_is_synced(conn)")],
    "9293 MUST-34": [(RTO, "	if (conn->snd_wnd == 0 && tcp_is_synced(conn)", "	if (false && tcp_is_synced(conn)"),
                     (PRIV, "	conn->snd_wnd = wnd;\n", "	if (wnd < conn->snd_wnd)\n		tcp_abort(conn, EPROTO);\n	conn->snd_wnd = wnd;\n")],
    "9293 MUST-35, MUST-36": [NO_PROBE],
    "9293 §3.8.6.1": [NO_PROBE],
    "9293 SHLD-29": [(RTO, "		tcp_rexmt_set(conn, kind, tcp_rto_in_time_ns(conn));",
                      "		tcp_rexmt_set(conn, kind, tcp_rto_in_time_ns(conn) * (kind == TCP_REXMT_PROBE ? 3 : 1));")],
    "9293 SHLD-30": [NO_BACKOFF],
    "9293 MUST-37": [(ACK, "	    !tcp_sockopts(conn)->user_timeout_ms)\n		conn->n_retries = 0;",
                      "	    tcp_sockopts(conn)->user_timeout_ms)\n		conn->n_retries = 0;"),
                     (RTO, "	if (is_probe && !(conn->sk.flags & SOCK_F_ORPHAN))\n",
                      "	if (is_probe)\n"), NO_PROBE],
    "9293 MUST-66": [(SYNCED, "	       seq_leq(seg->seq, seq_max(conn->rcv_adv, conn->rcv_nxt));",
                      "	       seq_lt(seg->seq, seq_max(conn->rcv_adv, conn->rcv_nxt));")],
    "9293 MUST-30": [NO_URGENT],
    "9293 MUST-62": [(URG, "seg->seq + (seg->urg && !is_std ? seg->urg - 1u : seg->urg);", "seg->seq + seg->urg + (is_std && false);"),
                     (URG, "	if (tcp_conf(conn)->stdurg)\n		off--;", "	off--;")],
    "9293 MUST-31": [(URG, "	hdr->urg = (uint16_t)tcp_min(off, UINT16_MAX);\n",
                      "	if (off > UINT16_MAX)\n		return;\n	hdr->urg = (uint16_t)off;\n")],
    "9293 MUST-32": [(TEXT, "		if (conn->flags & TCPC_RCV_URG)\n			sock_wake(&conn->sk, SOCK_PRI);\n", ""),
                     (SOCK, "		events |= SOCK_PRI;\n", "		events |= 0;\n")],
    "9293 MUST-33": [(URG, "	if (!tcp_urg_is_here(conn) || tcp_urg_is_inline(conn))\n		return conn->rcvq.n_bytes;\n	return",
                      "	if (true)\n		return conn->rcvq.n_bytes;\n	return"),
                     (URG, "	return tcp_urg_is_set(conn) && off > 0 ? off : UINT32_MAX;",
                      "	return tcp_urg_is_set(conn) && off > 0 && false ? off : UINT32_MAX;")],
    # Options and checksum
    "9293 MUST-4": [(WIRE, "	while (p < end && *p != TCP_OPT_EOL) {", "	while (p < end) {"),
                    (WIRE, "		if (*p == TCP_OPT_NOP) {\n			p++;\n			continue;\n		}\n", "")],
    "9293 MUST-5": [(IN, "	return tcp_opts_parse(p, len, &seg->opts) < 0 ? DROP_TCP_OPTIONS : DROP_NONE;",
                     "	return tcp_opts_parse(p, len, &seg->opts) < 0 || (seg->opts.has_mss && !(seg->flags & TCP_F_SYN)) ? DROP_TCP_OPTIONS : DROP_NONE;")],
    "9293 MUST-6": [(WIRE, "		if (!tcp_opt_read(p, p[1], ret))\n			ret->n_unknown++;",
                     "		if (!tcp_opt_read(p, p[1], ret))\n			return -EBADMSG;")],
    "9293 MUST-68": [(WIRE, "p[1] < 2 || p[1] > end - p)", "p[1] < 1 || p[1] > end - p)")],
    "9293 MUST-7": [(IN, "	return tcp_opts_parse(p, len, &seg->opts) < 0 ? DROP_TCP_OPTIONS : DROP_NONE;",
                     "	return tcp_opts_parse(p, len, &seg->opts) < 0 ? DROP_NONE : DROP_NONE;"),
                    (WIRE, "p[1] < 2 || p[1] > end - p)\n			return -EBADMSG;", "p[1] < 2 || p[1] > end - p)\n			return 0;")],
    "9293 MUST-64": [(WIRE, "	case TCP_OPT_TS:\n		if (len != OPT_TS_LEN)", "	case TCP_OPT_TS:\n		if (len != OPT_TS_LEN || ((uintptr_t)p & 3) != 2)"),
                     (WIRE, "	case TCP_OPT_MSS:\n		if (len != OPT_MSS_LEN)", "	case TCP_OPT_MSS:\n		if (len != OPT_MSS_LEN || ((uintptr_t)p & 3) != 2)")],
    "9293 MUST-14": [(OUT, "		.has_mss = true,\n", ""),
                     (REQ, "	req->mss_peer = o->has_mss ? o->mss : 0;", "	req->mss_peer = 0;")],
    "9293 SHLD-5": [(OUT, "		.has_mss = true,\n", ""), (REQ, "	ctl.opts.has_mss = true;\n", "")],
    "9293 MUST-15": [(ROUTE, "	return ip_addr_is_ip4(raddr) ? TCP_MSS_DEFAULT :", "	return ip_addr_is_ip4(raddr) ? 1460 :"),
                     (ROUTE, ": TCP_IP6_PMTU_MIN - TCP_IP6_HDRS;", ": TCP_MSS_DEFAULT;")],
    "9293 MUST-16": [(ROUTE, "	if (conn->flags & TCPC_TS)\n		mss -= TCP_OPTS_TS_LEN;\n", "")],
    "9293 SHLD-6": [NO_SMALLER],
    "9293 MUST-65": [(OUT, "	*ret = (struct tcp_opts){.has_ts = conn->flags & TCPC_TS};",
                      "	*ret = (struct tcp_opts){.has_ts = conn->flags & TCPC_TS, .has_mss = true, .mss = conn->advmss};")],
    "9293 MUST-67": [(ROUTE, "		conn->advmss = (uint16_t)mss;\n", "		conn->advmss = (uint16_t)(mss - TCP_OPTS_TS_LEN);\n")],
    "9293 MUST-69": [(WIRE, "		p = opt_word_write(p, TCP_OPT_NOP, TCP_OPT_NOP, TCP_OPT_SACK_OK, OPT_SACK_OK_LEN);",
                      "		p = opt_word_write(p, TCP_OPT_SACK_OK, OPT_SACK_OK_LEN, TCP_OPT_EOL, 7);")],
    "9293 MUST-2": [(TCP + "tcp_csum.c", "PKT_CSUM_PARTIAL", "PKT_CSUM_VERIFIED")],
    "9293 MUST-3": [(IN, "	if (!tcp_csum_ok(pkt, seg->info))\n		return DROP_TCP_CSUM;\n", "	(void)!tcp_csum_ok(pkt, seg->info);\n")],
    # Opening
    "9293 MUST-8": [(ISN, "	return (uint32_t)hash + (uint32_t)(st->eng->now_ns / 64);", "	return (uint32_t)hash;")],
    "9293 SHLD-1": [(ISN, "	return (uint32_t)hash + (uint32_t)(st->eng->now_ns / 64);", "	(void)hash;\n	return (uint32_t)(st->eng->now_ns / 64);")],
    "9293 MUST-9": [(TCP + "tcp.c", "		.k0 = siphash24(root, text, sizeof(text)),\n		.k1 = siphash24(&swapped, text, sizeof(text)),\n", "		.k0 = text[3] + 0 * root->k0,\n		.k1 = 0 * swapped.k1,\n")],
    "9293 MUST-10": [(SENT, "	return tcp_syn_sent_simultaneous(conn, seg);", "	(void)tcp_syn_sent_simultaneous;\n	return DROP_TCP_FLAGS;")],
    "9293 MUST-11": [(REQ, "		mib_inc(st, MIB_TcpAttemptFails);\n		tcp_req_free(st, req);\n		return DROP_NONE;\n	}\n	/* TCP_DEFER",
                      "		return DROP_NONE;\n	}\n	/* TCP_DEFER")],
    "9293 MUST-41": [(SOCK, "	if (conn->state != WEFT_TCP_CLOSE || conn->established_ns ||\n	    (conn->flags & TCPC_CONNECTING))\n		return -EINVAL;\n", "")],
    "9293 MUST-42": [(TABLE, "	return !(both & CONN_F_REUSEADDR) || is_listener;", "	return true || is_listener;")],
    "9293 MUST-43": [(SOCK, "	return sock_port_bind(sk, addr, port);", "	static const struct ip_addr any;\n\n	(void)addr;\n	return sock_port_bind(sk, &any, port);")],
    "9293 MUST-44": [(SOCK, "	err = sock_conn_connect(sk, &src, &to, port);", "	err = sock_conn_connect(sk, &flow.src, &to, port);")],
    "9293 MUST-45": [(OUT, "		.flow = {.dst = sk->conn.raddr,\n			 .src = sk->conn.laddr,\n", "		.flow = {.dst = sk->conn.raddr,\n")],
    "9293 MUST-46": [(SOCK, "	if (ip_addr_is_multicast(&to) ||\n", "	if (false ||\n")],
    "9293 MUST-57": [ADDRS_OK],
    "9293 MUST-63": [ADDRS_OK],
    # Closing
    "9293 SHLD-2": [(SYNCED, "	if (seg->seq != conn->rcv_nxt) {\n", "	if (seg->seq != conn->rcv_nxt || seg->len > 0) {\n")],
    "9293 MUST-12": [(CONN, "		sock_set_err(&conn->sk, err);\n", "		(void)err;\n")],
    "9293 SHLD-3": [(SOCK, "	bool is_unread = conn->rcvq.n_bytes > 0;", "	bool is_unread = false;"),
                    (SYNCED, "	if (tcp_is_data_after_close(conn, seg)) {", "	if (tcp_is_data_after_close(conn, seg) && false) {")],
    "9293 MUST-13": [(TW, "	uint32_t wait_ms = st->tcp->conf.tw_timeout_s * 1000 + 1;", "	uint32_t wait_ms = st->tcp->conf.tw_timeout_s * 1;")],
    "9293 SHLD-4": [(TW, "	if (tw->ts_recent && seg->opts.has_ts && seg->opts.ts_val != tw->ts_recent)\n		return seq_gt(seg->opts.ts_val, tw->ts_recent);\n", "")],
    "9293 §3.10.4": [(SOCK, "			tcp_abort(conn, 0);\n		else\n", "			tcp_done(conn);\n		else\n")],
    "9293 §3.10.7.4": [(TW, "		if (seg->seq != tw->rcv_nxt || st->tcp->conf.rfc1337)", "		if (seg->seq != tw->rcv_nxt)")],
    # Retransmission and ACKs
    "9293 MUST-19": [NO_BACKOFF,
                     ("transport/cc/cc.c", "	cc->cwnd += grow;\n	return acked - grow;", "	return acked - 0 * grow;"),
                     ("transport/cc/cc.c", "	while (cc->acked >= cc->cwnd) {\n", "	while (false) {\n")],
    "9293 MUST-18": [NO_KARN],
    "9293 MUST-58": [(TEXT, "	conn->flags |= TCPC_ACK_DELAYED;\n	conn->delack_ns = tcp_now(conn) + (int64_t)tcp_conf", "	tcp_send_ack(conn);\n	return;\n	conn->flags |= TCPC_ACK_DELAYED;\n	conn->delack_ns = tcp_now(conn) + (int64_t)tcp_conf")],
    "9293 SHLD-31": [NO_REASM],
    "9293 MUST-59": [(TEXT, "		has_fin = tcp_reasm_drain(conn);\n	sock_wake", "		tcp_send_ack(conn), has_fin = tcp_reasm_drain(conn);\n	sock_wake")],
    "9293 SHLD-18": [ACK_EACH],
    "9293 MUST-40": [ACK_LATE],
    "9293 SHLD-19": [ONLY_DELAYED],
    "9293 MUST-39": [(RCVQ, "	return space > shown && space - shown >= step;", "	return space > shown;")],
    "9293 MUST-38": [(OUT, "	return n == wnd_left && n >= conn->snd_wnd_max / 2 ? n : 0;", "	return n;")],
    "9293 MUST-49": [NO_TTL],
    "9293 SHLD-7": [NO_NAGLE, (OUT, "	if (!tcp_conf(conn)->nagle_minshall)\n		return tcp_flight(conn) > 0;\n", "")],
    "9293 MUST-17": [(OUT, "	if (conn->sk.flags & SOCK_F_NODELAY)\n		return false;\n", "")],
    # Failures and keepalive
    "9293 MUST-20": [(RTO, "		conn->sk.dst.gen = 0;\n", "		(void)conn;\n"), R2_NEVER],
    "9293 MUST-21": [(RTO, "	if (tcp_sockopts(conn)->user_timeout_ms && waited_ms >= tcp_sockopts(conn)->user_timeout_ms)\n		return true;\n", "")],
    "9293 SHLD-9": [(TCP + "tcp_info.c", "		.retransmits = is_probing ? 0 : conn->n_retries,", "		.retransmits = 0,")],
    "9293 SHLD-10": [(CONF, "		.retries1 = 3,\n", "		.retries1 = 2,\n")],
    "9293 SHLD-11": [R2_SHORT],
    "9293 MUST-22": [(RTO, "	if (conn->state == WEFT_TCP_SYN_SENT)\n		return", "	if (conn->state == WEFT_TCP_SYN_SENT && false)\n		return")],
    "9293 MUST-23": [(CONF, "		.syn_retries = 6,\n", "		.syn_retries = 5,\n"),
                     (CONF, '	{"net.ipv4.tcp_syn_retries", 7},           /* RFC 9293 §3.8.3: three minutes */\n', "")],
    "9293 MUST-24, MUST-25": [ALWAYS_KEEPALIVE],
    "9293 MUST-26": [(TIMER, "	if (quiet_ms < idle_ms) {", "	if (false) {")],
    "9293 MUST-27": [(OPT, "		o->keepintvl_s = (uint16_t)v;\n", "		o->keepintvl_s = 0;\n")],
    "9293 MUST-28": [(CONF, "		.keepalive_time_s = 7200,\n", "		.keepalive_time_s = 3600,\n")],
    "9293 MUST-29": [(TIMER, "		    : conn->n_keepalives >= max) {", "		    : conn->n_keepalives >= 1 + 0 * max) {")],
    "9293 SHLD-12": [(OUT, "	(void)tcp_send_empty(conn, conn->snd_una - 1, TCP_F_ACK);\n}", "	(void)tcp_send_again(conn, conn->snd_una - 1, 1);\n}")],
    # IP, ICMP, the application
    "9293 MUST-54": [NO_ERRORS],
    "9293 SHLD-25": [NO_SOFT],
    "9293 MUST-56": [SOFT_ENDS,
                     (ERROR, "				: conf->icmp_fails_connect || tcp_error_is_final(err)) {", "				: true) {")],
    "9293 SHLD-26": [(ERROR, "	if (tcp_is_synced(conn) ? conf->icmp_aborts && tcp_error_is_final(err)", "	if (tcp_is_synced(conn) ? tcp_error_is_final(err)"),
                     (ERROR, "	if (tcp_is_synced(conn) ? conf->icmp_aborts && tcp_error_is_final(err)", "	if (tcp_is_synced(conn) ? false")],
    "9293 MUST-47": [(RTO, "	tcp_fail(conn, conn->soft_err ? conn->soft_err : ETIMEDOUT);", "	tcp_fail(conn, ETIMEDOUT);")],
    "9293 MUST-48, SHLD-22": [NO_TOS],
    "9293 SHLD-21": [("socket/socket_opt.c", "		sk->tos = (uint8_t)v;\n", "		sk->tos = sk->dst.gen ? sk->tos : (uint8_t)v;\n")],
    "9293 MUST-50": [("ip/ip4_opts.c", "	return opt->type == IP4_OPT_LSRR || opt->type == IP4_OPT_SSRR;", "	return opt->type != 1 && opt->type != 0;")],
    "9293 MUST-55": [[("ip/icmp4_err.c", "	else\n		return false;\n	*ret_err = m.err;", "	else\n		m = (struct meaning){EPROTO, true};\n	*ret_err = m.err;"),
                      ("ip/icmp4.c", "	case ICMP4_UNREACH:\n	case ICMP4_TIME_EXCEEDED:\n	case ICMP4_PARAM_PROBLEM:\n		return", "	case ICMP4_UNREACH:\n	case ICMP4_SOURCE_QUENCH:\n	case ICMP4_TIME_EXCEEDED:\n	case ICMP4_PARAM_PROBLEM:\n		return"),
                      (ERROR, "	if (err->mtu) {\n", "	if (err->type == 4) {\n		tcp_fail(conn, err->err);\n		return;\n	}\n	if (err->mtu) {\n")]],
    "9293 §3.10.7.2": [(LISTEN, "			tcp_reset_for(listener->sk.stack, seg);\n", "			(void)listener;\n"),
                       (COOKIE, "DROP_TCP_COOKIE", "DROP_TCP_NO_SOCKET")],
    # RFC 6298
    "6298 §2.1": [(CONN, "	conn->rto_us = conf->rto_initial_ms * 1000;", "	conn->rto_us = 3000000;")],
    "6298 §2.2": [(RTO, "		conn->rttvar_us4 = rtt_us * 2;", "		conn->rttvar_us4 = rtt_us;")],
    "6298 §2.3": [(RTO, "		conn->srtt_us8 = conn->srtt_us8 - conn->srtt_us8 / 8 + rtt_us;\n", "		conn->srtt_us8 = rtt_us * 8;\n"),
                  (RTO, "		conn->rttvar_us4 = conn->rttvar_us4 - conn->rttvar_us4 / 4 + err;\n", "		conn->rttvar_us4 = err * 4;\n")],
    "6298 §2.4": [(RTO, "			conn->srtt_us8 / 8 + tcp_max(conn->rttvar_us4, conf->rto_min_ms * 1000);", "			conn->srtt_us8 / 8 + conn->rttvar_us4;"),
                  (RTO, "tcp_max(conn->rttvar_us4, 1000),\n				       conf->rto_min_ms * 1000);", "tcp_max(conn->rttvar_us4, 1000),\n				       0);")],
    "6298 §2.5": [(RTO, "	return (int64_t)(us < max_us ? us : max_us) * TCP_NS_PER_US;", "	return (int64_t)(us < max_us ? us : us) * TCP_NS_PER_US;")],
    "6298 §3": [NO_KARN],
    "6298 §3#2": [(OUT, "	conn->flags |= TCPC_RTT_TIMING;\n	conn->rtt_seq = conn->snd_nxt;\n", "	conn->rtt_seq = conn->snd_nxt;\n")],
    "6298 §4": [(RTO, "tcp_max(conn->rttvar_us4, 1000),", "tcp_max(conn->rttvar_us4, 0),")],
    "6298 §5": [(RTO, "		tcp_rexmt_set(conn, kind, tcp_rto_in_time_ns(conn));", "		tcp_rexmt_set(conn, kind, tcp_rto_in_time_ns(conn) / 2);")],
    "6298 §5.1": [(RTO, "	if (conn->rexmt_ns && tcp_rexmt_serves(conn, kind))\n		return;\n", ""),
                  (OUT, "		tcp_rexmt_sent_new(conn);\n	else\n		tcp_rexmt_arm(conn);\n", "		(void)nxt;\n")],
    "6298 §5.2": [(RTO, "	if (kind == TCP_REXMT_NONE) {\n", "	if (kind == TCP_REXMT_NONE && tcp_may_send(conn))\n		kind = TCP_REXMT_RTO;\n	if (kind == TCP_REXMT_NONE) {\n")],
    "6298 §5.3": [(ACK, "		if (!ev.has_reo_timer)\n			tcp_rexmt_restart(conn);", "		if (!ev.has_reo_timer && tcp_flight(conn) == 0)\n			tcp_rexmt_restart(conn);")],
    "6298 §5.4": [ALL_AT_TIMEOUT],
    "6298 §5.5": [NO_DOUBLE],
    "6298 §5.6": [(RTO, "	tcp_output(conn);\n}\n\n/* Something waits and nothing", "	tcp_output(conn);\n	conn->rexmt_ns = 0;\n	conn->rexmt_kind = TCP_REXMT_NONE;\n}\n\n/* Something waits and nothing")],
    "6298 §5.7": [(SYNCED, "	if (conn->n_backoffs > 0 && conn->srtt_us8 == 0)\n		conn->rto_us = TCP_RTO_FALLBACK_US;\n", "")],
    "6298 §5.7#2": [(RTO, "	rtt_us = tcp_max(rtt_us, 1);\n	conn->n_backoffs = 0;\n", "	rtt_us = tcp_max(rtt_us, 1);\n")],
    # RFC 7323
    "7323 §1.3, §2.2": [NO_OPTS_ASKED],
    "7323 §2.2": [SYN_SCALED],
    "7323 §2.2#2": [(ACK, "	uint32_t wnd = (uint32_t)seg->wnd <<", "	if (seg->opts.has_wscale)\n		conn->snd_wscale = seg->opts.wscale & 15;\n\n	uint32_t wnd = (uint32_t)seg->wnd <<")],
    "7323 §2.3#3": [(RCVQ, "tcp_min((wnd + round) >> conn->rcv_wscale, 65535)", "tcp_min(wnd + round, 65535)")],
    "7323 §2.3": [NO_WSCALE_MAX, NO_WSCALE_MAX_REQ],
    "7323 §2.3#2": [NO_WSCALE, (REQ, "	if (o->has_wscale && conf->window_scaling)\n", "	if (conf->window_scaling)\n")],
    "7323 §2.4": [(RECOVER, "	uint32_t rounded = (1u << conn->snd_wscale) - 1;\n", "	uint32_t rounded = 0;\n")],
    "7323 §2.4#2": [(RCVQ, "	conn->rcv_adv = seq_max(conn->rcv_adv, conn->rcv_nxt + wnd);\n", "	conn->rcv_adv = conn->rcv_nxt + wnd;\n"),
                  (RCVQ, "	round = wnd <= space || moves ? unit - 1 : 0;", "	round = unit - 1;")],
    "7323 §3.2": [(OUT, "	*ret = (struct tcp_opts){.has_ts = conn->flags & TCPC_TS};", "	*ret = (struct tcp_opts){.has_ts = (conn->flags & TCPC_TS) && conn->state == WEFT_TCP_ESTABLISHED && !conn->data_segs_out};")],
    "7323 §3.2#2": [(OUT, "	(void)tcp_send_empty(conn, conn->snd_nxt, TCP_F_RST | TCP_F_ACK);", "	conn->flags &= ~(uint32_t)TCPC_TS;\n	(void)tcp_send_empty(conn, conn->snd_nxt, TCP_F_RST | TCP_F_ACK);")],
    "7323 §3.2#3": [(OUT, "		ret->ts_ecr = conn->ts_recent;\n	}\n	if (!(conn->flags & TCPC_SACK)", "		ret->ts_ecr = conn->ts_recent + 1;\n	}\n	if (!(conn->flags & TCPC_SACK)"),
                    (OUT, "		ret->ts_ecr = conn->ts_recent;\n	}\n}", "		ret->ts_ecr = conn->ts_recent + 1;\n	}\n}")],
    "7323 §3.2#4": [[(SYNCED, "	if (!(conn->flags & TCPC_TS) || !seg->opts.has_ts || seq_gt", "	if (!seg->opts.has_ts || seq_gt"),
                     (SYNCED, "	return (conn->flags & TCPC_TS) && seg->opts.has_ts &&", "	return seg->opts.has_ts &&")],
                    (OUT, "	*ret = (struct tcp_opts){.has_ts = conn->flags & TCPC_TS};", "	*ret = (struct tcp_opts){.has_ts = tcp_conf(conn)->timestamps};")],
    "7323 §3.2#5": [(SYNCED, "	return (conn->flags & TCPC_TS) && seg->opts.has_ts &&", "	return (conn->flags & TCPC_TS) &&"),
                    (SYNCED, "	why = tcp_in_seq(conn, seg);\n", "	if ((conn->flags & TCPC_TS) && !seg->opts.has_ts) {\n		tcp_abort(conn, EPROTO);\n		return DROP_TCP_PAWS;\n	}\n	why = tcp_in_seq(conn, seg);\n")],
    "7323 §3.2#6": [(SENT, "(!tcp_syn_ack_ok(conn, seg) || !tcp_syn_echo_ok(conn, seg))", "(!tcp_syn_ack_ok(conn, seg) || (!tcp_syn_echo_ok(conn, seg) && false))")],
    "7323 §3.2#7": [(OUT, "		ret->ts_val = tcp_ts_now(conn);\n		ret->ts_ecr = conn->ts_recent;\n	}\n	if (", "		ret->ts_val = 0;\n		ret->ts_ecr = conn->ts_recent;\n	}\n	if ("),
                    (OUT, "		opts.ts_val = tcp_again_ts(conn);\n", "		opts.ts_val = tcp_ts_now(conn);\n")],
    "7323 §4.1": [(ACK, "	    conn->n_backoffs > 0) {", "	    false) {")],
    "7323 §4.3": [(SYNCED, "!seg->opts.has_ts || seq_gt(seg->seq, conn->rcv_wup))", "!seg->opts.has_ts)"),
                  (SYNCED, "	conn->ts_recent = seg->opts.ts_val;\n	conn->ts_recent_s", "	conn->ts_recent_s"),
                  (IN, "	if (seg->opts.has_ts && seq_leq(seg->seq, conn->rcv_wup)) {", "	if (seg->opts.has_ts) {"),
                  (IN, "	if (seg->opts.has_ts && seq_leq(seg->seq, conn->rcv_wup)) {", "	if (false) {")],
    "7323 §4.3#2": [(SYNCED, "	why = tcp_in_seq(conn, seg);\n", "	tcp_in_ts_recent(conn, seg);\n	why = tcp_in_seq(conn, seg);\n")],
    "7323 §5.3 R1": [(SYNCED, "	       !tcp_ts_recent_has_expired(conn) && !tcp_is", "	       tcp_ts_recent_has_expired(conn) && !tcp_is"),
                     (SYNCED, "seq_lt(seg->opts.ts_val + tcp_conf(conn)->paws_window, conn->ts_recent)", "seq_lt(seg->opts.ts_val + 1, conn->ts_recent)"),
                     (SYNCED, "&&\n	       !tcp_is_overtaken_text(conn, seg);", "&&\n	       (true || tcp_is_overtaken_text(conn, seg));")],
    "7323 §5.3 R2": [(SYNCED, "	why = tcp_in_seq(conn, seg);\n", "	tcp_in_ts_recent(conn, seg);\n	why = tcp_in_seq(conn, seg);\n")],
    "7323 §5.4": [(CONF, 'TCP_CTL(ts_tick_ms, "ts_tick_ms", 1, 1000,', 'TCP_CTL(ts_tick_ms, "ts_tick_ms", 1, 1,')],
    "7323 §5.4#2": [(ISN, "	return (uint32_t)siphash24(&st->tcp->ts_key, key, sizeof(key));", "	(void)key;\n	(void)st;\n	return 0;")],
    "7323 §5.5": [(SYNCED, "PAWS_VALID_S = 24 * 24 * 3600,", "PAWS_VALID_S = 2000000000,")],
    # RFC 5961
    "5961 §3.2": [ANY_SEQ],
    "5961 §3.2#2": [(SYNCED, "	tcp_was_reset(conn);\n	return DROP_NONE;", "	tcp_challenge_ack(conn);\n	return DROP_NONE;")],
    "5961 §3.2#3": [RST_RESETS],
    "5961 §3.2#4": [(REQ, "	if ((seg->flags & TCP_F_RST) && seg->seq != req->irs + 1) {", "	if ((seg->flags & TCP_F_RST) && false) {")],
    "5961 §4.2": [(SYNCED, "		/* RFC 5961 §4.2 */\n		tcp_challenge_ack(conn);", "		/* RFC 5961 §4.2 */\n		tcp_was_reset(conn);"),
                  (SYNCED, "		if (!(seg->flags & TCP_F_RST))\n			tcp_ack_unacceptable(conn, seg);\n		return seq_lt", "		if (!(seg->flags & (TCP_F_RST | TCP_F_SYN)))\n			tcp_ack_unacceptable(conn, seg);\n		return seq_lt")],
    "5961 §5.2": [(ACK, "	if (seq_lt(seg->ack, conn->snd_una - conn->snd_wnd_max)) {", "	if (seq_lt(seg->ack, conn->snd_una - conn->snd_wnd_max) && false) {")],
    "5961 §5.2#2": [(ACK, "	if (seq_gt(seg->ack, conn->snd_nxt)) {", "	if (seq_gt(seg->ack, conn->snd_nxt) && false) {")],
    "5961 §7": [(RESET, "<= limit_ms)\n		return true;", "<= limit_ms)\n		return false;")],
    "5961 §7#2": [(RESET, "limit_ms = st->tcp->conf.invalid_ratelimit_ms;", "limit_ms = 500;"),
                  (RESET, "	uint32_t limit = st->tcp->conf.challenge_ack_limit,", "	uint32_t limit = 1000,")],
    "5961 CVE-2016-5696": [(RESET, "		tcp->challenges_left = half + (uint32_t)rng_below(&st->eng->rng, limit ? limit : 1);", "		tcp->challenges_left = limit + 0 * half;"),
                           (RESET, "		tcp->challenges_left = half + (uint32_t)rng_below(&st->eng->rng, limit ? limit : 1);", "		tcp->challenges_left = 1 + 0 * half;"),
                           (RESET, "	if (tcp_answer_is_limited(st, node) || tcp_challenges_are_used_up(st))", "	if (tcp_challenges_are_used_up(st) || tcp_answer_is_limited(st, node))")],
    # RFC 6528
    "6528 §3": [(ISN, "	return (uint32_t)hash + (uint32_t)(st->eng->now_ns / 64);", "	return (uint32_t)hash;")],
    "6528 §3#2": [(ISN, "(uint32_t)(st->eng->now_ns / 64);", "(uint32_t)(st->eng->now_ns / 4000);")],
    "6528 §3#3": [(ISN, "= {node->laddr, node->raddr, node->lport, node->rport, 0};", "= {node->laddr, node->raddr, node->lport, 0, 0};"), SAME_ROOT],
    "6528 §3#4": [SAME_ROOT],
}

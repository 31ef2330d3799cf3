/* SPDX-License-Identifier: MIT */
/* What `weft ss` prints, against what ss of iproute2 6.1 printed of the same sockets. */
#include "unit.h"

#include <stdlib.h>

#include "cmd/ss.h"

#define TCP                                                                                        \
	"'tcp': {'cc': 'cubic', 'ca_state': 'open', 'wait': 'rwnd', 'ts': true, 'sack': true, "    \
	"'wscale': true, 'snd_wscale': 10, 'rcv_wscale': 7, 'rto_us': 204000, 'ato_us': 40000, "   \
	"'rtt_us': 22, 'rttvar_us': 9, 'min_rtt_us': 21, 'snd_mss': 1448, 'pmtu': 1500, "          \
	"'rcv_mss': 536, 'advmss': 1460, 'snd_cwnd': 13, 'snd_ssthresh': 2147483647, "             \
	"'bytes_sent': 3000, 'bytes_acked': 3000, 'bytes_received': 10, 'segs_out': 4, 'segs_in'"  \
	": 4, 'data_segs_out': 3, 'data_segs_in': 1, 'last_snd_ago_ms': 1368, 'last_rcv_ago_ms': " \
	"1372, 'delivered': 4, 'rcv_rtt_us': 1500, 'rcv_ssthresh': 64088, 'rcv_space': 14480, "    \
	"'snd_wnd': 70656}"
#define END(addr, port) "{'address': '" addr "', 'port': " port "}"

static const char socks_text
	[] = "[{'netid': 'tcp', 'family': 'inet', 'state': 'ESTAB', 'recv_q': 0, 'send_q': 0, "
	     "'local': " END("10.0.0.1", "80") ", 'peer': " END(
		     "10.0.0.2",
		     "48890") ", 'mem': {'rcvbuf_bytes': 131072, 'sndbuf_bytes': 69120}, " TCP "}, "
			      "{'netid': 'tcp', 'family': 'inet', 'state': 'ESTAB', 'recv_q': 5, "
			      "'send_q': 0, 'local': " END("10.0.0.1", "80") ", 'peer': " END(
				      "10.0.0.2",
				      "48894") ", 'timer': {'name': 'keepalive', 'left_ms': "
					       "7195000, "
					       "'tries': 0}}, "
					       "{'netid': 'tcp', 'family': 'inet', 'state': "
					       "'LISTEN', "
					       "'recv_q': 1, 'send_q': 5, 'local': " END(
						       "10.0.0.1",
						       "8"
						       "0") ", 'peer': " END("0.0.0.0",
									     "0") ", 'mem': "
										  "{'rcvbuf_bytes':"
										  " "
										  "131072, "
										  "'sndbuf_bytes': "
										  "16384}}, "
										  "{'netid': "
										  "'udp', "
										  "'family': "
										  "'inet', "
										  "'state': "
										  "'UNCONN', "
										  "'recv_q': 0, "
										  "'send_q': 0, "
										  "'local': " END("0.0.0.0", "53") ", 'peer': " END(
											  "0.0.0.0",
											  "0") ", "
											       "'de"
											       "v':"
											       " '"
											       "eth"
											       "0'}"
											       ", "
											       "{'"
											       "net"
											       "id'"
											       ": "
											       "'ra"
											       "w',"
											       " "
											       "'fa"
											       "mil"
											       "y':"
											       " '"
											       "ine"
											       "t6'"
											       ", "
											       "'st"
											       "ate"
											       "': "
											       "'UN"
											       "CON"
											       "N',"
											       " "
											       "'re"
											       "cv_"
											       "q':"
											       " 0,"
											       " "
											       "'se"
											       "nd_"
											       "q':"
											       " 0,"
											       " "
											       "'lo"
											       "cal"
											       "'"
											       ":"
											       " " END("::",
												       "17") ", "
													     "'peer"
													     "':"
													     " " END("::",
														     "0") "}]";

static json_t *json(const char *text)
{
	char *copy = strdup(text);
	json_t *value;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	value = json_loads(copy, 0, NULL);
	assert_non_null(value);
	free(copy);
	return value;
}

/* The table of those of the sockets that `which` has a 1 for. */
static void table_is(const char *which, const struct ss_opts *o, const char *want)
{
	json_t *all = json(socks_text), *some = json_array();
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; which[i]; i++)
		if (which[i] == '1')
			json_array_append(some, json_array_get(all, i));
	ss_table_print(out, some, o);
	fclose(out);
	assert_string_equal(text, want);
	free(text);
	json_decref(some);
	json_decref(all);
}

static void columns_are_as_wide_as_by_ss(void **state UNUSED)
{
	const struct ss_opts all = {
		.kinds = SS_INET | SS_OTHER, .states = SS_STATES_ALL, .is_numeric = true};
	const struct ss_opts tcp = {.kinds = SS_TCP, .states = SS_STATES_ALL, .is_numeric = true};
	const struct ss_opts one = {.kinds = SS_TCP, .states = 1 << 10, .is_numeric = true};
	const struct ss_opts bare = {
		.kinds = SS_TCP, .states = SS_STATES_USUAL, .is_numeric = true, .no_header = true};

	table_is("1111", &all,
		 "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
		 "udp   UNCONN 0      0       0.0.0.0%eth0:53        0.0.0.0:*           \n"
		 "tcp   LISTEN 1      5           10.0.0.1:80        0.0.0.0:*           \n"
		 "tcp   ESTAB  0      0           10.0.0.1:80       10.0.0.2:48890       \n"
		 "tcp   ESTAB  5      0           10.0.0.1:80       10.0.0.2:48894       \n");
	table_is("001", &tcp,
		 "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
		 "LISTEN 1      5           10.0.0.1:80        0.0.0.0:*          \n");
	table_is("001", &one,
		 "Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
		 "1      5           10.0.0.1:80        0.0.0.0:*          \n");
	table_is("11", &bare,
		 "ESTAB 0      0      10.0.0.1:80 10.0.0.2:48890\n"
		 "ESTAB 5      0      10.0.0.1:80 10.0.0.2:48894\n");
	table_is("00001", &all,
		 "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
		 "raw   UNCONN 0      0               [::]:17           [::]:*          \n");
	table_is("", &tcp, "State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n");
}

static void ports_have_names_unless_numbers_are_asked_for(void **state UNUSED)
{
	const struct ss_opts o = {.kinds = SS_TCP, .states = SS_STATES_USUAL};

	table_is("1", &o,
		 "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
		 "ESTAB 0      0           10.0.0.1:http     10.0.0.2:48890       \n");
}

static void timers_and_memory_are_printed_as_by_ss(void **state UNUSED)
{
	const struct ss_opts timers = {
		.kinds = SS_TCP, .states = SS_STATES_USUAL, .is_numeric = true, .timers = true};
	const struct ss_opts memory = {
		.kinds = SS_TCP, .states = SS_STATES_ALL, .is_numeric = true, .memory = true};

	table_is("11", &timers,
		 "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process                 "
		 "   \n"
		 "ESTAB 0      0           10.0.0.1:80       10.0.0.2:48890                        "
		 "   \n"
		 "ESTAB 5      0           10.0.0.1:80       10.0.0.2:48894 "
		 "timer:(keepalive,119min,0)\n");
	table_is("101", &memory,
		 "State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process                "
		 "                          \n"
		 "LISTEN 1      5           10.0.0.1:80        0.0.0.0:*    \n"
		 "\t skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d0)\n"
		 "ESTAB  0      0           10.0.0.1:80       10.0.0.2:48890\n"
		 "\t skmem:(r0,rb131072,t0,tb69120,f0,w0,o0,bl0,d0)\n");
}

#define FIGURES                                                                                  \
	" cubic wscale:10,7 rto:204 rtt:0.022/0.009 ato:40 mss:1448 pmtu:1500 rcvmss:536 "       \
	"advmss:1448 cwnd:13 bytes_sent:3000 bytes_acked:3000 bytes_received:10 segs_out:4 "     \
	"segs_in:4 data_segs_out:3 data_segs_in:1 send 6845090909bps lastsnd:1368 lastrcv:1372 " \
	"lastack:1372 delivered:4 rcv_rtt:1.5 rcv_space:14480 rcv_ssthresh:64088 minrtt:0.021 "  \
	"snd_wnd:70656 wait:rwnd (the peer's window is full)"

static void figures_of_tcp_are_printed_as_by_ss(void **state UNUSED)
{
	const struct ss_opts info = {.kinds = SS_TCP,
				     .states = SS_STATES_USUAL,
				     .is_numeric = true,
				     .info = true,
				     .no_header = true};
	struct ss_opts one = info;

	table_is("1", &info, "ESTAB 0      0      10.0.0.1:80 10.0.0.2:48890\n\t" FIGURES "\n");
	one.oneline = true;
	table_is("1", &one, "ESTAB 0      0      10.0.0.1:80 10.0.0.2:48890" FIGURES "\n");
	one.extended = true;
	table_is("1", &one, "ESTAB 0      0      10.0.0.1:80 10.0.0.2:48890 ts sack" FIGURES "\n");
}

static void columns_fill_a_terminal_as_by_ss(void **state UNUSED)
{
	struct ss_opts o = {.kinds = SS_TCP, .states = SS_STATES_ALL, .is_numeric = true};

	o.screen_columns = 80;
	table_is(
		"101", &o,
		"State   Recv-Q   Send-Q     Local Address:Port     Peer Address:Port   Process  \n"
		"LISTEN  1        5               10.0.0.1:80            0.0.0.0:*               \n"
		"ESTAB   0        0               10.0.0.1:80           10.0.0.2:48890           "
		"\n");
	o.screen_columns = 60; /* the last column goes to the next line */
	table_is("101", &o,
		 "State  Recv-Q Send-Q Local Address:Port  Peer Address:Port  Process              "
		 "                                       \n"
		 "LISTEN 1      5           10.0.0.1:80         0.0.0.0:*                          "
		 "                                       \n"
		 "ESTAB  0      0           10.0.0.1:80        10.0.0.2:48890                      "
		 "                                       \n");
	o.no_header = true;
	o.screen_columns = 80;
	table_is("1", &o,
		 "ESTAB     0           0                10.0.0.1:80           10.0.0.2:48890     "
		 "\n");
}

static void sockets_are_counted_as_by_ss(void **state UNUSED)
{
	json_t *socks = json(socks_text);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ss_summary_print(out, socks);
	fclose(out);
	assert_string_equal(text, "Total: 2\n"
				  "TCP:   3 (estab 2, closed 0, orphaned 0, timewait 0)\n"
				  "\n"
				  "Transport Total     IP        IPv6\n"
				  "RAW\t  1         0         1        \n"
				  "UDP\t  1         1         0        \n"
				  "TCP\t  3         3         0        \n"
				  "INET\t  5         4         1        \n"
				  "FRAG\t  0         0         0        \n"
				  "\n");
	free(text);
	json_decref(socks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_by_ss),
		cmocka_unit_test(ports_have_names_unless_numbers_are_asked_for),
		cmocka_unit_test(timers_and_memory_are_printed_as_by_ss),
		cmocka_unit_test(figures_of_tcp_are_printed_as_by_ss),
		cmocka_unit_test(columns_fill_a_terminal_as_by_ss),
		cmocka_unit_test(sockets_are_counted_as_by_ss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Scripts that run: calls, blocking, packets, commands; and what a failure says. */
#include "unit.h"

#include <stdio.h>

#include "drill/drill.h"

static struct drill_result res;

static enum drill_verdict run_with(const char *text, void (*change)(struct drill_opts *opts))
{
	struct drill_opts opts;

	drill_opts_init(&opts);
	if (change)
		change(&opts);
	drill_run("t.pkt", text, strlen(text), &opts, &res);
	if (res.verdict != DRILL_PASSED)
		print_message("%s\n", res.text);
	return res.verdict;
}

static enum drill_verdict run(const char *text)
{
	return run_with(text, NULL);
}

#define SERVER                                                     \
	"0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"            \
	"+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0\n" \
	"+0 bind(3, ..., ...) = 0\n"                               \
	"+0 listen(3, 1) = 0\n"                                    \
	"+0 < S 0:0(0) win 32792 <mss 1000,nop,nop,sackOK>\n"      \
	"+0 > S. 0:0(0) ack 1 <...>\n"                             \
	"+.1 < . 1:1(0) ack 1 win 32792\n"                         \
	"+0 accept(3, ..., ...) = 4\n"

static void server_reads_and_writes(void **state UNUSED)
{
	assert_int_equal(run(SERVER "+0 < P. 1:101(100) ack 1 win 32792\n"
				    "+0 > . 1:1(0) ack 101\n"
				    "+0 ioctl(4, SIOCINQ, [100]) = 0\n"
				    "+0 read(4, ..., 1000) = 100\n"
				    "+0 write(4, ..., 2000) = 2000\n"
				    "+0 > P. 1:2001(2000) ack 101\n"
				    "+0 ioctl(4, SIOCOUTQ, [2000]) = 0\n"
				    "+.1 < . 101:101(0) ack 2001 win 32792\n"
				    "+0 %{ assert tcpi_state == TCP_ESTABLISHED }%\n"
				    "+0 close(4) = 0\n"
				    "+0 > F. 2001:2001(0) ack 101\n"),
			 DRILL_PASSED);
}

static void strict_segments_does_not_join(void **state UNUSED)
{
	assert_int_equal(run("--strict_segments\n" SERVER "+0 write(4, ..., 2000) = 2000\n"
			     "+0 > P. 1:2001(2000) ack 1\n"),
			 DRILL_FAILED);
	assert_non_null(strstr(res.text, "flag PSH: expected 1, seen 0"));
}

static void blocking_read_returns_when_data_comes(void **state UNUSED)
{
	assert_int_equal(run(SERVER "+0...0.3 read(4, ..., 1000) = 10\n"
				    "+.2 < P. 1:11(10) ack 1 win 32792\n"
				    "+0 > . 1:1(0) ack 11\n"),
			 DRILL_FAILED);
	assert_int_equal(run(SERVER "+0...+0.2 read(4, ..., 1000) = 10\n"), DRILL_REFUSED);
	assert_int_equal(run(SERVER "+0...0.2 read(4, ..., 1000) = 10\n"
				    "+.2 < P. 1:11(10) ack 1 win 32792\n"
				    "+0 > . 1:1(0) ack 11\n"),
			 DRILL_PASSED);
}

static void call_that_would_block_fails(void **state UNUSED)
{
	assert_int_equal(run(SERVER "+0 read(4, ..., 1000) = 10\n"), DRILL_FAILED);
	assert_non_null(strstr(res.text, "the call would block"));
	assert_int_equal(run(SERVER "+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
				    "+0 read(4, ..., 1000) = -1 EAGAIN (again)\n"
				    "+0 fcntl(4, F_GETFL) = 0x802 (flags O_RDWR|O_NONBLOCK)\n"),
			 DRILL_PASSED);
}

static void wrong_result_is_shown(void **state UNUSED)
{
	assert_int_equal(run("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
			     "+0 listen(3, 1) = -1 EINVAL (no)\n"),
			 DRILL_FAILED);
	assert_string_equal(res.text, "t.pkt:2: +0 listen(3, 1) = -1 EINVAL (no)\n"
				      "  expected -1 EINVAL\n  seen     0");
}

static void error_without_name_is_any(void **state UNUSED)
{
	assert_int_equal(run("0 close(3) = -1 (whatever)\n"), DRILL_PASSED);
	assert_int_equal(run("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
			     "+0 close(3) = -1 (whatever)\n"),
			 DRILL_FAILED);
	assert_int_equal(run("0 close(3) = -1 ENOSUCH (whatever)\n"), DRILL_REFUSED);
}

static void packet_that_does_not_come_fails(void **state UNUSED)
{
	assert_int_equal(run(SERVER "+0 > . 1:1(0) ack 101\n"), DRILL_FAILED);
	assert_non_null(strstr(res.text, "seen     nothing until"));
}

static void segment_to_closed_port_needs_no_socket(void **state UNUSED)
{
	assert_int_equal(run("0 < . 5:5(0) ack 9 win 100\n+0 > R 9:9(0)\n"
			     "+0 < S 7:7(0) win 100\n+0 > R. 0:0(0) ack 8\n"),
			 DRILL_PASSED);
}

static void ports_tell_connections_apart(void **state UNUSED)
{
	assert_int_equal(run("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
			     "+0 bind(3, ..., ...) = 0\n+0 listen(3, 2) = 0\n"
			     "+0 < 1001 > 8080 S 0:0(0) win 1000\n"
			     "+0 < 1002 > 8080 S 0:0(0) win 1000\n"
			     "+0 > 8080 > 1002 S. 0:0(0) ack 1 <...>\n"
			     "+0 > 8080 > 1001 S. 0:0(0) ack 1 <...>\n"),
			 DRILL_PASSED);
}

static void ping_is_answered(void **state UNUSED)
{
	assert_int_equal(run("0 < icmp echo_request id 7\n+0 > icmp echo_reply id 7\n"),
			 DRILL_PASSED);
}

static void udp_goes_both_ways(void **state UNUSED)
{
	assert_int_equal(run("0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n"
			     "+0 bind(3, ..., ...) = 0\n"
			     "+0 sendto(3, \"hello\", 5, 0, ..., ...) = 5\n"
			     "+0 > udp (5)\n+0 < udp (100)\n"
			     "+0 recvfrom(3, ..., 50, MSG_TRUNC, ..., ...) = 100\n"
			     "+0...0.5 read(3, ..., 10) = 3\n"
			     "+.5 < udp (3)\n"),
			 DRILL_PASSED);
}

static void control_message_is_compared(void **state UNUSED)
{
	assert_int_equal(run(SERVER "+0 setsockopt(4, SOL_TCP, TCP_INQ, [1], 4) = 0\n"
				    "+0 < P. 1:101(100) ack 1 win 32792\n"
				    "+0 > . 1:1(0) ack 101\n"
				    "+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 30}], "
				    "msg_flags=0, msg_control=[{cmsg_level=SOL_TCP, "
				    "cmsg_type=TCP_CM_INQ, cmsg_data=71}]}, 0) = 30\n"),
			 DRILL_FAILED);
	assert_non_null(strstr(res.text, "seen     level 6, type 36, data 70"));
}

#define SENDMSG(control)                                                           \
	"0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n"                             \
	"+0 connect(3, ..., ...) = 0\n"                                            \
	"+0 sendmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0,\n" \
	"msg_control=[" control "]}, 0) = 10\n"

static void control_messages_that_make_no_sense_are_refused(void **state UNUSED)
{
	char many[4000] = "0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n"
			  "+0 sendmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0,\n"
			  "msg_control=[";
	size_t len = strlen(many);

	assert_int_equal(run(SENDMSG("{cmsg_level=SOL_IP, cmsg_type=IP_TOS, cmsg_data={what=1}}")),
			 DRILL_REFUSED);
	assert_non_null(strstr(res.text, "what is no field of a control message"));
	assert_int_equal(run(SENDMSG("{cmsg_level=SOL_IP, cmsg_type=IP_TOS, cmsg_data={1}}")),
			 DRILL_REFUSED);
	assert_int_equal(run(SENDMSG("{cmsg_level=SOL_IP, cmsg_type=IP_TOS, cmsg_data=[1, 2]}")),
			 DRILL_REFUSED);
	assert_int_equal(run(SENDMSG("{cmsg_level=SOL_IP, cmsg_data=1}")), DRILL_REFUSED);
	assert_int_equal(run(SENDMSG("7")), DRILL_REFUSED);
	assert_int_equal(run(SENDMSG("{cmsg_level=SOL_IP, cmsg_type=IP_PKTINFO, "
				     "cmsg_data={ipi_addr=7}}")),
			 DRILL_REFUSED);
	for (int i = 0; i < 20; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len,
					"%s{cmsg_level=SOL_IP, cmsg_type=IP_TOS, cmsg_data=1}",
					i ? "," : "");
	snprintf(many + len, sizeof(many) - len, "]}, 0) = 10\n");
	assert_int_equal(run(many), DRILL_REFUSED);
	assert_non_null(strstr(res.text, "more control messages"));
}

static void files_and_pipes_that_make_no_sense_are_refused(void **state UNUSED)
{
	static const struct {
		const char *call;
		enum drill_verdict verdict;
	} calls[] = {
		{"open(..., O_RDONLY) = 5", DRILL_REFUSED},
		{"open(\"a\", O_RDONLY) = -1 ENOENT", DRILL_FAILED},
		{"pipe(7) = 0", DRILL_REFUSED},
		{"pipe([]) = 0", DRILL_REFUSED},
		{"pipe([7]) = 0", DRILL_REFUSED},
		{"pipe([7, 8, 9]) = 0", DRILL_REFUSED},
		{"pipe([7, 7]) = 0", DRILL_REFUSED},
		{"pipe([4, 7]) = 0", DRILL_REFUSED},
		{"splice(4, NULL, 9, NULL, 10, 0) = -1 EBADF", DRILL_PASSED},
		{"splice(4, NULL, 4, NULL, 10, 0) = -1 EINVAL", DRILL_PASSED},
		{"splice(4, NULL, 4, NULL, -1, 0) = 0", DRILL_REFUSED},
		{"sendfile(4, 4, NULL, 99999999999) = 0", DRILL_REFUSED},
	};
	char text[1000];

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		snprintf(text, sizeof(text), SERVER "+0 %s\n", calls[i].call);
		assert_int_equal(run(text), calls[i].verdict);
	}
}

static void figures_are_those_of_linux(void **state UNUSED)
{
	assert_int_equal(run(SERVER "+0 write(4, ..., 100) = 100\n"
				    "+0 > P. 1:101(100) ack 1\n"
				    "+0 %{ assert tcpi_unacked == 1 and tcpi_rtt == 100000\n"
				    "assert tcpi_options == TCPI_OPT_SACK, tcpi_options }%\n"
				    "+0 %{ assert tcpi_nothing == 0 }%\n"),
			 DRILL_FAILED);
	assert_non_null(strstr(res.text, ":13: tcpi_nothing is not known"));
}

static void edge_of_epoll_is_reported_once(void **state UNUSED)
{
	assert_int_equal(
		run(SERVER "+0 epoll_create(1) = 5\n"
			   "+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, fd=4}) = 0\n"
			   "+0 epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0\n"
			   "+0 < P. 1:11(10) ack 1 win 32792\n"
			   "+0 > . 1:1(0) ack 11\n"
			   "+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1\n"
			   "+0 epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0\n"
			   "+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLIN|POLLOUT}], 1, 0) "
			   "= 1\n"),
		DRILL_PASSED);
}

static void settings_in_commands_are_applied(void **state UNUSED)
{
	assert_int_equal(run("`sysctl -q net.ipv4.tcp_timestamps=0 > /dev/null 2>&1\n"
			     "echo 0 > /proc/sys/net/ipv4/tcp_sack; tc qdisc add dev tun0\n"
			     "set_sysctls.py /proc/sys/net/ipv4/tcp_window_scaling=0 \\\n"
			     "  /proc/sys/net/ipv4/tcp_rmem=\"4096 $((100*1000)) 200000\"`\n"
			     "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
			     "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
			     "+0 connect(3, ..., ...) = -1 EINPROGRESS (now)\n"
			     "+0 > S 0:0(0) <mss 1460>\n"),
			 DRILL_PASSED);
}

static void unknown_command_is_refused_by_name(void **state UNUSED)
{
	assert_int_equal(run("`reboot now`\n0 close(3) = 0\n"), DRILL_REFUSED);
	assert_string_equal(res.text, "t.pkt:1: the command `reboot now` is not known here");
	assert_int_equal(run("`sysctl net.ipv4.tcp_nothing=1`\n0 close(3) = 0\n"), DRILL_REFUSED);
	assert_int_equal(run("`nstat | grep TcpExt`\n0 close(3) = 0\n"), DRILL_REFUSED);
	assert_int_equal(run("`tc qdisc replace dev tun0 root pfifo limit 0`\n0 close(3) = 0\n"),
			 DRILL_REFUSED);
	assert_int_equal(run("`ss -K`\n0 close(3) = 0\n"), DRILL_REFUSED);
	assert_int_equal(run("`ss -tn || reboot; sleep 1 && nstat -n 2>&1`\n"
			     "0 close(3) = -1 EBADF (x)\n"),
			 DRILL_PASSED);
	assert_int_equal(run("`../no/such.sh`\n0 close(3) = 0\n"), DRILL_REFUSED);
	assert_int_equal(
		run("`ip route change 192.0.2.0/24 dev tun0 initcwnd 5`\n0 close(3) = 0\n"),
		DRILL_REFUSED);
}

static void option_of_script_is_applied(void **state UNUSED)
{
	assert_int_equal(run("--mtu=1000\n--tolerance_usecs=1000\n"
			     "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
			     "+0...0.5 connect(3, ..., ...) = 0\n"
			     "+0 > S 0:0(0) <mss 960,sackOK,TS val 1 ecr 0,nop,wscale 10>\n"
			     "+.5 < S. 0:0(0) ack 1 win 1000 <mss 900>\n"
			     "+0 > . 1:1(0) ack 1\n"),
			 DRILL_PASSED);
	assert_int_equal(run("--nonsense=1\n0 close(3) = 0\n"), DRILL_REFUSED);
}

static void leave_nothing(struct drill_opts *opts)
{
	opts->nothing_left = true;
}

static void in_ip6(struct drill_opts *opts)
{
	assert_int_equal(drill_opts_set(opts, "ip_version", "ipv6"), 0);
	assert_int_equal(drill_opts_set(opts, "same_mss", NULL), 0);
}

static void in_mapped(struct drill_opts *opts)
{
	assert_int_equal(drill_opts_set(opts, "ip_version", "ipv4-mapped-ipv6"), 0);
}

static void script_of_one_mss_runs_in_all_families(void **state UNUSED)
{
	static const char text[] =
		SERVER "+0 write(4, ..., 1000) = 1000\n"
		       "+0 > P. 1:1001(1000) ack 1\n"
		       "+.1 < icmp unreachable frag_needed mtu 1400 [1:1001(1000)]\n"
		       "+0 %{ assert tcpi_pmtu == 1400 and tcpi_advmss == 1460 }%\n";

	assert_int_equal(run(text), DRILL_PASSED);
	assert_int_equal(run_with(text, in_ip6), DRILL_PASSED);
	assert_int_equal(run_with(text, in_mapped), DRILL_PASSED);
}

static void script_about_a_family_has_its_sizes(void **state UNUSED)
{
	static const char text[] = "--ip_version=ipv6\n"
				   "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
				   "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
				   "+0 connect(3, ..., ...) = -1 EINPROGRESS\n"
				   "+0 > S 0:0(0) <mss 1440,sackOK,TS val 1 ecr 0,nop,wscale 10>\n"
				   "+0 < icmpv6 unreachable port_unreachable [0:0(0)]\n"
				   "+0 connect(3, ..., ...) = -1 ECONNREFUSED\n";

	assert_int_equal(run_with(text, in_ip6), DRILL_PASSED);
}

static void answer_of_icmp6_is_read(void **state UNUSED)
{
	assert_int_equal(run_with("0 < udp 5000 > 9999 (10)\n"
				  "+0 > icmpv6 unreachable port_unreachable\n"
				  "+0 < icmpv6 echo_request id 7\n"
				  "+0 > icmpv6 echo_reply id 7\n",
				  in_ip6),
			 DRILL_PASSED);
}

static void flow_label_is_compared(void **state UNUSED)
{
	assert_int_equal(run_with("0 < [flowlabel 0x12345] 5000 > 9999 . 1:1(0) ack 1 win 0\n"
				  "+0 > [flowlabel 0x12345] 9999 > 5000 R 1:1(0)\n",
				  in_ip6),
			 DRILL_FAILED);
	assert_non_null(strstr(res.text, "flow label"));
}

static void packet_left_over_fails_when_asked(void **state UNUSED)
{
	assert_int_equal(run("0 < . 5:5(0) ack 9 win 100\n"), DRILL_PASSED);
	assert_int_equal(run_with("0 < . 5:5(0) ack 9 win 100\n", leave_nothing), DRILL_FAILED);
}

static void timestamp_that_stands_still_fails_when_asked(void **state UNUSED)
{
	assert_int_equal(run("--tcp_ts_tick_usecs=1000\n"
			     "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
			     "+0...0 connect(3, ..., ...) = -1 EINPROGRESS (x)\n"),
			 DRILL_FAILED);
	assert_int_equal(run("--tcp_ts_tick_usecs=1000\n"
			     "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
			     "+0 ioctl(3, FIONBIO, [1]) = 0\n"
			     "+0 connect(3, ..., ...) = -1 EINPROGRESS (x)\n"
			     "+0 > S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10>\n"
			     "+1 > S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10>\n"),
			 DRILL_FAILED);
	assert_non_null(strstr(res.text, "TS val: expected 100, seen 1100"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_reads_and_writes),
		cmocka_unit_test(strict_segments_does_not_join),
		cmocka_unit_test(blocking_read_returns_when_data_comes),
		cmocka_unit_test(call_that_would_block_fails),
		cmocka_unit_test(wrong_result_is_shown),
		cmocka_unit_test(error_without_name_is_any),
		cmocka_unit_test(packet_that_does_not_come_fails),
		cmocka_unit_test(segment_to_closed_port_needs_no_socket),
		cmocka_unit_test(ports_tell_connections_apart),
		cmocka_unit_test(ping_is_answered),
		cmocka_unit_test(udp_goes_both_ways),
		cmocka_unit_test(control_message_is_compared),
		cmocka_unit_test(control_messages_that_make_no_sense_are_refused),
		cmocka_unit_test(files_and_pipes_that_make_no_sense_are_refused),
		cmocka_unit_test(figures_are_those_of_linux),
		cmocka_unit_test(edge_of_epoll_is_reported_once),
		cmocka_unit_test(settings_in_commands_are_applied),
		cmocka_unit_test(unknown_command_is_refused_by_name),
		cmocka_unit_test(option_of_script_is_applied),
		cmocka_unit_test(script_of_one_mss_runs_in_all_families),
		cmocka_unit_test(script_about_a_family_has_its_sizes),
		cmocka_unit_test(answer_of_icmp6_is_read),
		cmocka_unit_test(flow_label_is_compared),
		cmocka_unit_test(packet_left_over_fails_when_asked),
		cmocka_unit_test(timestamp_that_stands_still_fails_when_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

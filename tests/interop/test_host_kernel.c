/* SPDX-License-Identifier: MIT */
/*
 * Drivers of interfaces that the kernel has: one end of a veth is weft's, the kernel's TCP/IP is at
 * the other, as over a TAP. What a driver does with its interface: offloads or none, MTUs, VLAN
 * tags, rings that are too small, interfaces that come, change and go.
 */
#include "wend.h"

#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/csum.h"

enum {
	PORT_FIRST = 5000,
	MIB = 1024 * 1024,
	BULK = 24 * MIB,
	PATIENCE_S = 60, /* generous: the machine may be busy, the build sanitized */
	NOBODY = 65534,
};

static struct wire wire;
static struct weft_afpacket_config conf; /* of the next wire */
static const char *veth_features;        /* `ethtool -K` of both ends; NULL: as they are */
static uint32_t veth_mtu = 1500;
static bool by_xdp;
static uint16_t port; /* of the next transfer: the last one's is in TIME-WAIT */

PRINTF_LIKE(1, 2) static void sh(const char *fmt, ...)
{
	char cmd[256];
	va_list args;
	int status = 0;

	va_start(args, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, args);
	va_end(args);
	status = system(cmd); /* NOLINT(cert-env33-c): words of our own */
	if (status != 0)
		fail_msg("`%s`: status %d", cmd, status);
}

/* tap0, the kernel's, joined to veth0. */
static void veth_make(void)
{
	sh("ip link del veth0 2>/dev/null; ip link add tap0 numtxqueues 2 numrxqueues 2 "
	   "type veth peer name veth0 numtxqueues 2 numrxqueues 2 && "
	   "ip link set veth0 mtu %u addrgenmode none && ip link set tap0 mtu %u && "
	   "ip link set veth0 up",
	   veth_mtu, veth_mtu);
	if (veth_features)
		sh("for i in tap0 veth0; do ethtool -K $i %s >/dev/null; done", veth_features);
}

/* Opens veth0 by the driver that the test is about. */
static int device_new(const char *name, char *why, size_t why_bytes, struct weft_netif **ret)
{
	const struct weft_afxdp_config xdp = {
		.ifname = "veth0", .why = why, .why_bytes = why_bytes};

	if (by_xdp)
		return weft_afxdp_new(wire.loop, wire.st, name, &xdp, ret);
	conf.ifname = "veth0";
	conf.why = why;
	conf.why_bytes = why_bytes;
	return weft_afpacket_new(wire.loop, wire.st, name, &conf, ret);
}

static void device_attach(struct wire *w)
{
	char why[128] = "";
	int err;

	if (!w->eng) {
		veth_make();
		return;
	}
	err = device_new("veth0", why, sizeof(why), &w->nif);
	/* XDP takes the rights of the machine, not of a user namespace, and a kernel that has it.
	 */
	if (by_xdp && (err == -EPERM || err == -EAFNOSUPPORT)) {
		print_message("%s\n", why);
		skip();
	}
	if (err)
		fail_msg("%s", why);
}

static int setup(void **state)
{
	(void)state;
	conf = (struct weft_afpacket_config){.ifname = NULL};
	veth_features = NULL;
	veth_mtu = 1500;
	by_xdp = false;
	port = PORT_FIRST;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wire_abandon(&wire);
	return 0;
}

static void device_start(void)
{
	wire_start_by(&wire, veth_mtu, device_attach);
}

static const char *both_ways(void *arg)
{
	const uint64_t *n_bytes = arg;
	int fd = kernel_connect(port);
	const char *fault;

	if (fd < 0)
		return "cannot connect";
	fault = kernel_send_stream(fd, 1, *n_bytes);
	if (!fault)
		fault = kernel_recv_stream(fd, 2, *n_bytes);
	close(fd);
	return fault;
}

/* The kernel connects and sends, then weft sends as much. */
static void transfer(uint64_t n_bytes)
{
	struct wend e = {.tx_id = 2,
			 .rx_id = 1,
			 .to_send = n_bytes,
			 .fin_when_sent = true,
			 .close_at_end = true};
	struct wire_thread *t;
	struct wlisten l;

	port++;
	wlisten_start(&l, &wire, port, &e, 1);
	t = wire_kernel(&wire, both_ways, &n_bytes);
	wire_join(&wire, t, PATIENCE_S);
	wire_until(&wire, wend_has_all, &e, PATIENCE_S);
	wlisten_stop(&l);
	assert_int_equal(e.err, 0);
	assert_false(e.is_corrupt);
	assert_int_equal(e.received, n_bytes);
}

static uint64_t drops(const char *reason)
{
	return weft_stack_counter(wire.st, reason);
}

/* Frames that came as one packet with others. */
static uint64_t n_joined(void)
{
	struct weft_netif_stats s;

	weft_netif_stats(wire.nif, &s);
	return s.rx_packets - s.rx_units;
}

/* Bytes of a packet handed over: more than a frame has where offloads are used. */
static uint64_t mean_rx_bytes(void)
{
	struct weft_netif_stats s;

	weft_netif_stats(wire.nif, &s);
	return s.rx_units ? s.rx_bytes / s.rx_units : 0;
}

static const char *ping(void *arg)
{
	struct icmphdr req = {.type = ICMP_ECHO}, *reply;
	uint8_t buf[256];
	int fd = kernel_raw(IPPROTO_ICMP);
	int *n_answers = arg;

	if (fd < 0)
		return "no raw socket";
	for (uint16_t i = 1; i <= 10; i++) {
		req.un.echo.id = 7;
		req.un.echo.sequence = i;
		req.checksum = 0;
		req.checksum = (uint16_t) ~(ICMP_ECHO + 7 + i);
		if (send(fd, &req, sizeof(req), 0) < 0)
			break;
		if (recv(fd, buf, sizeof(buf), 0) < 28)
			break;
		reply = (struct icmphdr *)(void *)(buf + 20);
		*n_answers += reply->type == ICMP_ECHOREPLY && reply->un.echo.sequence == i;
	}
	close(fd);
	return NULL;
}

static void ping_and_bulk(uint64_t n_bytes)
{
	int n_answers = 0;
	struct wire_thread *t = wire_kernel(&wire, ping, &n_answers);

	wire_join(&wire, t, PATIENCE_S);
	assert_int_equal(n_answers, 10);
	transfer(n_bytes);
}

static void packet_slots_with_offloads_bulk_passes_in_super_packets(void **state UNUSED)
{
	device_start();
	ping_and_bulk(BULK);
	assert_true(mean_rx_bytes() > 3000);
	wire_stop(&wire);
}

static void packet_blocks_with_offloads_bulk_passes(void **state UNUSED)
{
	conf.block_ms = 1;
	device_start();
	ping_and_bulk(BULK);
	assert_true(mean_rx_bytes() > 3000);
	wire_stop(&wire);
}

static void packet_without_offloads_plain_frames_pass(void **state UNUSED)
{
	static const char *const features[] = {"tso off gso off gro off",
					       "tso off gso off gro off rx off tx off"};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(features); i++) {
		veth_features = features[i / 2];
		conf.block_ms = i % 2;
		conf.no_offloads = true;
		device_start();
		ping_and_bulk(BULK / 4);
		assert_true(n_joined() > 0);
		wire_stop(&wire);
		setup(NULL);
	}
}

static void packet_without_gro_the_same_stream_comes_frame_by_frame(void **state UNUSED)
{
	veth_features = "tso off gso off gro off";
	conf.no_offloads = true;
	device_start();
	assert_int_equal(weft_netif_set_offloads(wire.nif, WEFT_OFFLOAD_ALL & ~WEFT_OFFLOAD_GRO),
			 0);
	transfer(BULK / 4);
	assert_int_equal(n_joined(), 0);
	wire_stop(&wire);
}

static void packet_with_offloads_frames_of_a_plain_peer_pass(void **state UNUSED)
{
	veth_features = "tso off gso off gro off rx off tx off";
	device_start();
	ping_and_bulk(BULK / 4);
	wire_stop(&wire);
}

static void packet_mtu_is_9000_transfers_pass(void **state UNUSED)
{
	for (int i = 0; i < 2; i++) {
		veth_mtu = 9000;
		conf.no_offloads = i;
		veth_features = i ? "tso off gso off gro off" : NULL;
		device_start();
		ping_and_bulk(BULK / 4);
		wire_stop(&wire);
		setup(NULL);
	}
}

static bool is_counted(void *arg)
{
	return drops(arg) > 0;
}

/* An Ethernet frame of 64 bytes with a tag, to weft. */
static void send_tagged(uint16_t vid)
{
	uint8_t frame[64] = {0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x77, 0x81, 0x00};
	int fd = kernel_frames();

	assert_true(fd >= 0);
	frame[14] = (uint8_t)(vid >> 8);
	frame[15] = (uint8_t)vid;
	frame[16] = 0x08; /* ARP, which must be longer than this one */
	frame[17] = 0x06;
	assert_int_equal(send(fd, frame, sizeof(frame), 0), sizeof(frame));
	close(fd);
}

/* The kernel takes tags out of frames; the driver puts them back. */
static void packet_frames_have_tags_they_are_where_they_were(void **state UNUSED)
{
	for (int i = 0; i < 4; i++) {
		conf.no_offloads = i % 2;
		conf.block_ms = (uint32_t)i / 2;
		device_start();
		send_tagged(7);
		wire_until(&wire, is_counted, (void *)"ETH_VLAN", PATIENCE_S);
		assert_int_equal(drops("ETH_VLAN"), 1);
		assert_int_equal(drops("ARP_HDR"), 0);
		send_tagged(0); /* a priority: for us */
		wire_until(&wire, is_counted, (void *)"ARP_HDR", PATIENCE_S);
		wire_stop(&wire);
		setup(NULL);
	}
}

static void packet_ring_is_full_what_the_kernel_drops_is_counted(void **state UNUSED)
{
	enum {
		N_FRAMES = 40000,
	};
	uint8_t frame[64] = {0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x77, 0x88, 0xb5};
	struct weft_afpacket_stats s;
	int fd;

	for (uint32_t block_ms = 0; block_ms < 2; block_ms++) {
		conf.block_ms = block_ms;
		conf.ring_bytes = 1;
		device_start();
		fd = kernel_frames();
		for (int i = 0; i < N_FRAMES; i++)
			assert_int_equal(send(fd, frame, sizeof(frame), 0), sizeof(frame));
		close(fd);
		wire_for_ms(&wire, 20);
		weft_afpacket_stats(wire.nif, &s);
		assert_true(s.rx_drops > 0);
		assert_int_equal(drops("IF_RX_RING"), s.rx_drops);
		assert_true(drops("ETH_PROTO") + s.rx_drops >= N_FRAMES);
		transfer(MIB); /* nothing has come to harm */
		wire_stop(&wire);
		setup(NULL);
	}
}

static bool has_carrier(void *arg UNUSED)
{
	struct weft_netif_info info;

	weft_netif_info(wire.nif, &info);
	return info.flags & WEFT_IFF_LOWER_UP;
}

static bool has_no_carrier(void *arg UNUSED)
{
	return !has_carrier(NULL);
}

static uint32_t mtu_now(void)
{
	struct weft_netif_info info;

	weft_netif_info(wire.nif, &info);
	return info.mtu;
}

static bool has_new_mtu(void *arg UNUSED)
{
	return mtu_now() == 1400;
}

static void interface_changes(void)
{
	device_start();
	transfer(MIB);
	sh("ip link set veth0 down");
	wire_until(&wire, has_no_carrier, NULL, PATIENCE_S);
	sh("ip link set veth0 up");
	wire_until(&wire, has_carrier, NULL, PATIENCE_S);
	/* An MTU of our own stays until the host has another one. */
	assert_int_equal(weft_netif_set_mtu(wire.nif, 1300), 0);
	sh("ip link set tap0 down");
	wire_until(&wire, has_no_carrier, NULL, PATIENCE_S);
	assert_int_equal(mtu_now(), 1300);
	sh("ip link set tap0 up; ip link set veth0 mtu 1400");
	wire_until(&wire, has_carrier, NULL, PATIENCE_S);
	wire_until(&wire, has_new_mtu, NULL, PATIENCE_S);
	transfer(MIB);
	wire_stop(&wire);
}

static void packet_interface_changes_weft_follows(void **state UNUSED)
{
	interface_changes();
}

static void xdp_interface_changes_weft_follows(void **state UNUSED)
{
	by_xdp = true;
	interface_changes();
}

static void interface_removed(void)
{
	struct weft_sockaddr to = wire_kernel_addr(9);
	struct weft_loop_stats before, after;
	struct weft_sock *s;

	device_start();
	transfer(MIB);
	sh("ip link del veth0");
	wire_until(&wire, has_no_carrier, NULL, PATIENCE_S);
	assert_int_equal(weft_socket(wire.st, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s), 0);
	assert_true(weft_sendto(s, "x", 1, 0, &to) < 0);
	weft_close(s);
	wire_for_ms(&wire, 50);
	weft_loop_stats(wire.loop, &before);
	wire_for_ms(&wire, 100); /* nothing is ready again and again */
	weft_loop_stats(wire.loop, &after);
	assert_true(after.n_turns - before.n_turns < 1000);
	wire_stop(&wire);
}

static void packet_interface_is_removed_carrier_is_gone_and_the_loop_goes_on(void **state UNUSED)
{
	interface_removed();
}

static void xdp_interface_is_removed_carrier_is_gone_and_the_loop_goes_on(void **state UNUSED)
{
	by_xdp = true;
	interface_removed();
}

/* As who has no capabilities: what the driver returns, and that its words name it. */
static int open_as_nobody(const char *cap)
{
	struct weft_netif *nif;
	char why[128] = "";
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(1);
		if (device_new("eth7", why, sizeof(why), &nif) != -EPERM)
			_exit(2);
		_exit(strstr(why, cap) && strstr(why, "veth0") ? 0 : 3);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void packet_cannot_be_opened_it_says_why(void **state UNUSED)
{
	struct weft_afpacket_config cfg = {.ifname = "nowhere7"};
	struct weft_netif *nif;
	char why[128] = "";

	device_start();
	cfg.why = why;
	cfg.why_bytes = sizeof(why);
	assert_int_equal(weft_afpacket_new(wire.loop, wire.st, "eth7", &cfg, &nif), -ENODEV);
	assert_non_null(strstr(why, "nowhere7"));
	cfg.ifname = "lo";
	assert_int_equal(weft_afpacket_new(wire.loop, wire.st, "eth7", &cfg, &nif),
			 -EPROTONOSUPPORT);
	cfg.ifname = "a_name_much_too_long";
	assert_int_equal(weft_afpacket_new(wire.loop, wire.st, "eth7", &cfg, &nif), -EINVAL);
	cfg.ifname = NULL;
	assert_int_equal(weft_afpacket_new(wire.loop, wire.st, "eth7", &cfg, &nif), -EINVAL);
	cfg.ifname = "veth0";
	assert_int_equal(weft_afpacket_new(wire.loop, wire.st, "veth0", &cfg, &nif), -EEXIST);
	assert_int_equal(open_as_nobody("CAP_NET_RAW"), 0);
	wire_stop(&wire);
}

static void two_in_a_fanout_share_the_frames(void **state UNUSED)
{
	struct weft_afpacket_stats a, b;
	struct weft_netif *second;
	int n_answers = 0;

	conf.fanout_group = 77;
	device_start();
	assert_int_equal(weft_afpacket_new(wire.loop, wire.st, "second", &conf, &second), 0);
	wire_join(&wire, wire_kernel(&wire, ping, &n_answers), PATIENCE_S);
	weft_afpacket_stats(wire.nif, &a);
	weft_afpacket_stats(second, &b);
	assert_true(a.rx_frames + b.rx_frames >= 10);
	assert_true(a.rx_frames + b.rx_frames < 20); /* none came to both */
	weft_netif_del(second);
	wire_stop(&wire);
}

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir)) /* NOLINT(concurrency-mt-unsafe) */
		n++;
	closedir(dir);
	return n;
}

static void packet_comes_and_goes_no_descriptor_is_left(void **state UNUSED)
{
	struct weft_afpacket_config cfg = {.ifname = "nowhere7"};
	struct weft_netif *nif;
	int n = count_descriptors();

	device_start();
	assert_true(weft_afpacket_new(wire.loop, wire.st, "eth7", &cfg, &nif) < 0);
	cfg.ifname = "veth0";
	for (int i = 0; i < 10; i++) {
		assert_int_equal(weft_afpacket_new(wire.loop, wire.st, "eth7", &cfg, &nif), 0);
		weft_netif_del(nif);
	}
	wire_stop(&wire);
	assert_int_equal(count_descriptors(), n);
}

static void xdp_frames_of_any_peer_pass(void **state UNUSED)
{
	static const char *const features[] = {NULL, "rx off tx off", "tso off gso off gro off"};
	struct weft_afxdp_stats s;

	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		veth_features = features[i];
		by_xdp = true;
		device_start();
		ping_and_bulk(BULK / 4);
		weft_afxdp_stats(wire.nif, &s);
		assert_int_equal(s.n_queues, 2);
		assert_true(s.loses_tags); /* as a veth is at first */
		assert_true(s.rx_bytes > BULK / 4 && s.tx_bytes > BULK / 4);
		assert_true(n_joined() > 0);
		wire_stop(&wire);
		setup(NULL);
	}
}

static void xdp_mtu_is_3000_transfers_pass(void **state UNUSED)
{
	veth_mtu = 3000;
	by_xdp = true;
	device_start();
	ping_and_bulk(BULK / 4);
	wire_stop(&wire);
}

static void xdp_ring_is_full_what_the_kernel_drops_is_counted(void **state UNUSED)
{
	enum {
		N_FRAMES = 40000,
	};
	uint8_t frame[64] = {0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x77, 0x88, 0xb5};
	struct weft_afxdp_stats s;
	int fd;

	by_xdp = true;
	device_start();
	fd = kernel_frames();
	for (int i = 0; i < N_FRAMES; i++)
		assert_int_equal(send(fd, frame, sizeof(frame), 0), sizeof(frame));
	close(fd);
	wire_for_ms(&wire, 20);
	weft_afxdp_stats(wire.nif, &s);
	assert_true(s.rx_drops > 0);
	assert_int_equal(drops("IF_RX_RING"), s.rx_drops);
	transfer(MIB); /* nothing has come to harm */
	wire_stop(&wire);
}

static bool is_readable(void *fd)
{
	uint8_t byte;

	return recv(*(int *)fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
}

/* More frames than the ring has are dropped, so those that were must be free again. */
static void xdp_interface_is_down_what_waited_is_dropped_for_good(void **state UNUSED)
{
	enum {
		N_ROUNDS = 6,
		N_FRAMES = 500,
		N_OTHERS = 20, /* frames of the transfer that ends */
	};
	struct weft_sockaddr to = wire_kernel_addr(7001);
	struct weft_sockaddr from = {.addr.family = WEFT_AF_INET, .port = 7002};
	struct weft_afxdp_stats stats = {.tx_drops = 0};
	struct weft_sock *s;
	int fd;

	by_xdp = true;
	device_start();
	fd = kernel_udp(7001, 7002);
	assert_true(fd >= 0);
	assert_int_equal(weft_socket(wire.st, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s), 0);
	assert_int_equal(weft_bind(s, &from), 0);
	for (uint64_t i = 0, before = 0; i < N_ROUNDS; i++, before = stats.tx_drops) {
		transfer(10000);
		sh("ip link set veth0 down");
		for (int k = 0; k < N_FRAMES; k++)
			assert_int_equal(weft_sendto(s, "x", 1, 0, &to), 1);
		wire_until(&wire, has_no_carrier, NULL, PATIENCE_S);
		weft_afxdp_stats(wire.nif, &stats);
		assert_in_range(stats.tx_drops - before, N_FRAMES, N_FRAMES + N_OTHERS);
		assert_true(drops("IF_CARRIER") >= stats.tx_drops);
		sh("ip link set veth0 up");
		wire_until(&wire, has_carrier, NULL, PATIENCE_S);
	}
	transfer(MIB);
	assert_false(is_readable(&fd));
	assert_int_equal(weft_sendto(s, "x", 1, 0, &to), 1);
	wire_until(&wire, is_readable, &fd, PATIENCE_S);
	weft_close(s);
	close(fd);
	wire_stop(&wire);
}

static bool has_xdp(void)
{
	/* NOLINTNEXTLINE(cert-env33-c): words of our own */
	return system("ip link show dev veth0 | grep -q xdp") == 0;
}

static bool has_no_xdp(void *arg UNUSED)
{
	return !has_xdp();
}

/* Opens it in a process that is killed with it. */
static void open_and_be_killed(void)
{
	struct weft_netif *nif;
	int ready[2], status = 0;
	char c = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		c = (char)(device_new("eth7", NULL, 0, &nif) ? 'n' : 'y');
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(1);
	}
	assert_true(pid > 0 && read(ready[0], &c, 1) == 1);
	assert_int_equal(c, 'y');
	assert_true(has_xdp());
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(ready[0]);
	close(ready[1]);
}

static void xdp_goes_or_is_killed_the_interface_is_the_hosts_again(void **state UNUSED)
{
	int n = count_descriptors();

	by_xdp = true;
	device_start();
	assert_true(has_xdp());
	transfer(MIB);
	weft_netif_del(wire.nif);
	wire_until(&wire, has_no_xdp, NULL, PATIENCE_S);
	open_and_be_killed();
	wire_until(&wire, has_no_xdp, NULL, PATIENCE_S);
	device_attach(&wire);
	wire_stop(&wire);
	assert_int_equal(count_descriptors(), n);
}

static void xdp_cannot_be_opened_it_says_why(void **state UNUSED)
{
	struct weft_afxdp_config cfg = {.ifname = "nowhere7"};
	struct weft_netif *nif;
	char why[128] = "";

	by_xdp = true;
	device_start();
	cfg.why = why;
	cfg.why_bytes = sizeof(why);
	assert_int_equal(weft_afxdp_new(wire.loop, wire.st, "eth7", &cfg, &nif), -ENODEV);
	assert_non_null(strstr(why, "nowhere7"));
	assert_int_equal(device_new("eth7", why, sizeof(why), &nif), -EBUSY);
	assert_int_equal(open_as_nobody("CAP_NET_RAW"), 0);
	sh("ip link add veth8 mtu 9000 type veth peer name veth9");
	cfg.ifname = "veth8";
	assert_int_equal(weft_afxdp_new(wire.loop, wire.st, "eth7", &cfg, &nif), -EMSGSIZE);
	assert_non_null(strstr(why, "MTU"));
	sh("ip link del veth8");
	wire_stop(&wire);
}

#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(packet_slots_with_offloads_bulk_passes_in_super_packets),
		HOST_TEST(packet_blocks_with_offloads_bulk_passes),
		HOST_TEST(packet_without_offloads_plain_frames_pass),
		HOST_TEST(packet_without_gro_the_same_stream_comes_frame_by_frame),
		HOST_TEST(packet_with_offloads_frames_of_a_plain_peer_pass),
		HOST_TEST(packet_mtu_is_9000_transfers_pass),
		HOST_TEST(packet_frames_have_tags_they_are_where_they_were),
		HOST_TEST(packet_ring_is_full_what_the_kernel_drops_is_counted),
		HOST_TEST(packet_interface_changes_weft_follows),
		HOST_TEST(packet_interface_is_removed_carrier_is_gone_and_the_loop_goes_on),
		HOST_TEST(packet_cannot_be_opened_it_says_why),
		HOST_TEST(two_in_a_fanout_share_the_frames),
		HOST_TEST(packet_comes_and_goes_no_descriptor_is_left),
		HOST_TEST(xdp_frames_of_any_peer_pass),
		HOST_TEST(xdp_mtu_is_3000_transfers_pass),
		HOST_TEST(xdp_ring_is_full_what_the_kernel_drops_is_counted),
		HOST_TEST(xdp_interface_changes_weft_follows),
		HOST_TEST(xdp_interface_is_down_what_waited_is_dropped_for_good),
		HOST_TEST(xdp_interface_is_removed_carrier_is_gone_and_the_loop_goes_on),
		HOST_TEST(xdp_goes_or_is_killed_the_interface_is_the_hosts_again),
		HOST_TEST(xdp_cannot_be_opened_it_says_why),
	};

	return wire_begin(argc, argv) ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}

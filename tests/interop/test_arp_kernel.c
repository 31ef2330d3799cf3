/* SPDX-License-Identifier: MIT */
/*
 * ARP with the kernel as the neighbour, over a TAP: what is on the wire is seen and forged through
 * a packet socket on the kernel's end.
 */
#include "wire.h"

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MTU = 1500,
	PORT = 6000, /* of the kernel */
	PATIENCE_S = 30,
	LOCKTIME_MS = 1100, /* a little more than net.ipv4.neigh.default.locktime_ms */
	N_QUEUED = 50,
};

static const uint8_t kernel_ip[4] = {10, 9, 0, 1};
static const uint8_t weft_ip[4] = {10, 9, 0, 2};
static const uint8_t weft_mac[6] = {0x02, 0, 0, 0, 0, 0x02};
static const uint8_t rival_mac[6] = {0x02, 0xbd, 0, 0, 0, 0x01};
static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t nobody[6];
static const uint8_t no_ip[4];

static struct wire wire;
static int frames = -1; /* packet socket on the kernel's end */

static int setup(void **state)
{
	(void)state;
	wire_start(&wire, MTU);
	frames = kernel_frames();
	return frames < 0;
}

static int teardown(void **state)
{
	(void)state;
	wire_abandon(&wire);
	close(frames);
	return 0;
}

static uint64_t counter(const char *name)
{
	return weft_stack_counter(wire.st, name);
}

/* An ARP message as it is on the wire. */
struct arp_frame {
	struct ether_header eth;
	struct ether_arp arp;
};

static struct arp_frame arp_make(uint16_t op, const uint8_t *sha, const uint8_t *spa,
				 const uint8_t *tha, const uint8_t *tpa)
{
	struct arp_frame f = {
		.eth.ether_type = htons(ETHERTYPE_ARP),
		.arp.ea_hdr = {htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), 6, 4, htons(op)},
	};

	memcpy(f.eth.ether_shost, sha, 6);
	memcpy(f.eth.ether_dhost, op == ARPOP_REPLY ? tha : broadcast, 6);
	memcpy(f.arp.arp_sha, sha, 6);
	memcpy(f.arp.arp_spa, spa, 4);
	memcpy(f.arp.arp_tha, tha, 6);
	memcpy(f.arp.arp_tpa, tpa, 4);
	return f;
}

/* Puts a message on the wire, as if from the kernel's side. */
static void arp_say(uint16_t op, const uint8_t *sha, const uint8_t *spa, const uint8_t *tha,
		    const uint8_t *tpa)
{
	struct arp_frame f = arp_make(op, sha, spa, tha, tpa);

	assert_int_equal(send(frames, &f, sizeof(f), 0), sizeof(f));
}

/* The next ARP message from weft that has been seen, if any. */
static bool arp_heard(struct arp_frame *ret)
{
	uint8_t buf[2048];
	ssize_t n;

	while ((n = recv(frames, buf, sizeof(buf), MSG_DONTWAIT)) >= 0) {
		if ((size_t)n < sizeof(*ret))
			continue;
		memcpy(ret, buf, sizeof(*ret));
		if (ret->eth.ether_type == htons(ETHERTYPE_ARP) &&
		    !memcmp(ret->eth.ether_shost, weft_mac, 6))
			return true;
	}
	assert_int_equal(errno, EAGAIN);
	return false;
}

static void frames_forget(void)
{
	uint8_t buf[2048];

	while (recv(frames, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
}

/* Turns the loop until weft says something by ARP. */
static struct arp_frame arp_await(int timeout_ms)
{
	struct arp_frame f;

	for (int ms = 0; !arp_heard(&f); ms += 10) {
		if (ms >= timeout_ms)
			fail_msg("no ARP message after %d ms", timeout_ms);
		wire_for_ms(&wire, 10);
	}
	return f;
}

static void arp_is(const struct arp_frame *got, uint16_t op, const uint8_t *dst, const uint8_t *spa,
		   const uint8_t *tha, const uint8_t *tpa)
{
	assert_int_equal(ntohs(got->arp.arp_op), op);
	assert_memory_equal(got->eth.ether_dhost, dst, 6);
	assert_memory_equal(got->arp.arp_sha, weft_mac, 6);
	assert_memory_equal(got->arp.arp_spa, spa, 4);
	if (tha)
		assert_memory_equal(got->arp.arp_tha, tha, 6);
	assert_memory_equal(got->arp.arp_tpa, tpa, 4);
}

/* What weft's cache says about the kernel's address. */
struct seen {
	const uint8_t *ip;
	struct weft_neigh_info info;
	bool found;
};

static void neigh_see(void *arg, const struct weft_neigh_info *info)
{
	struct seen *seen = arg;

	if (!memcmp(info->addr.bytes, seen->ip, 4)) {
		seen->info = *info;
		seen->found = true;
	}
}

static struct seen neigh_of(const uint8_t *ip)
{
	struct seen seen = {.ip = ip};

	weft_neighs(wire.st, neigh_see, &seen);
	return seen;
}

static void kernel_mac(uint8_t ret[6])
{
	struct ifreq req = {.ifr_name = "tap0"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &req), 0);
	memcpy(ret, req.ifr_hwaddr.sa_data, 6);
	close(fd);
}

static void kernel_set_mac(const uint8_t *mac)
{
	struct ifreq req = {.ifr_name = "tap0", .ifr_hwaddr.sa_family = ARPHRD_ETHER};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(req.ifr_hwaddr.sa_data, mac, 6);
	if (ioctl(fd, SIOCSIFHWADDR, &req) < 0)
		fail_msg("SIOCSIFHWADDR: %s", strerror(errno));
	close(fd);
}

/* A UDP socket of weft and one of the kernel, for seeing what gets through. */
struct talk {
	struct weft_sock *s;
	int fd;
};

static void talk_start(struct talk *t)
{
	struct weft_sockaddr to = wire_kernel_addr(PORT);

	assert_int_equal(weft_socket(wire.st, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &t->s), 0);
	assert_int_equal(weft_connect(t->s, &to), 0);
	t->fd = kernel_udp(PORT, 0);
	assert_true(t->fd >= 0);
}

static void talk_stop(struct talk *t)
{
	weft_close(t->s);
	close(t->fd);
}

/* weft sends a datagram every 50 ms until the kernel gets one. Returns how long that took. */
static int talk_until_heard(struct talk *t, int timeout_ms)
{
	char byte;
	int ms = 0;

	while (recv(t->fd, &byte, 1, MSG_DONTWAIT) >= 0) /* from before */
		;
	for (; ms < timeout_ms; ms += 50) {
		(void)!weft_send(t->s, "x", 1, 0);
		wire_for_ms(&wire, 50);
		if (recv(t->fd, &byte, 1, MSG_DONTWAIT) == 1)
			return ms;
	}
	fail_msg("nothing gets through after %d ms", timeout_ms);
	return ms;
}

static const char *kernel_pings_once(void *arg)
{
	int fd = kernel_udp(PORT + 1, 4999);
	char byte;

	/* Refused is an answer as good as any. */
	(void)arg;
	if (fd < 0 || send(fd, "x", 1, 0) != 1)
		return "cannot send";
	if (recv(fd, &byte, 1, 0) >= 0 || errno != ECONNREFUSED)
		return "no answer";
	close(fd);
	return NULL;
}

static void address_is_added_it_is_announced(void **state UNUSED)
{
	const uint8_t new_ip[4] = {10, 9, 0, 33};
	struct weft_addr addr = {.family = WEFT_AF_INET, .bytes = {10, 9, 0, 33}};
	struct arp_frame f;

	wire_for_ms(&wire, 20);
	frames_forget();
	assert_int_equal(weft_addr_add(wire.nif, &addr, 24), 0);
	f = arp_await(1000);
	arp_is(&f, ARPOP_REQUEST, broadcast, new_ip, NULL, new_ip);
	wire_stop(&wire);
}

static void kernel_asks_for_weft_one_reply_comes(void **state UNUSED)
{
	struct arp_frame f;
	uint8_t mac[6];

	kernel_mac(mac);
	wire_for_ms(&wire, 20);
	frames_forget();
	arp_say(ARPOP_REQUEST, mac, kernel_ip, nobody, weft_ip);
	f = arp_await(1000);
	arp_is(&f, ARPOP_REPLY, mac, weft_ip, mac, kernel_ip);
	wire_for_ms(&wire, 50);
	assert_false(arp_heard(&f));
	assert_true(neigh_of(kernel_ip).info.has_mac); /* who asks will be answered: RFC 826 */
	wire_stop(&wire);
}

static void somebody_probes_for_weft_address_learns_that_it_is_taken(void **state UNUSED)
{
	struct arp_frame f;

	wire_for_ms(&wire, 20);
	frames_forget();
	arp_say(ARPOP_REQUEST, rival_mac, no_ip, nobody, weft_ip); /* RFC 5227 §2.1.1 */
	f = arp_await(1000);
	arp_is(&f, ARPOP_REPLY, rival_mac, weft_ip, rival_mac, no_ip);
	assert_false(neigh_of(no_ip).found);
	wire_stop(&wire);
}

static void somebody_asks_for_another_address_weft_is_silent(void **state UNUSED)
{
	const uint8_t other_ip[4] = {10, 9, 0, 200};
	struct arp_frame f;

	wire_for_ms(&wire, 20);
	frames_forget();
	arp_say(ARPOP_REQUEST, rival_mac, other_ip, nobody, kernel_ip);
	arp_say(ARPOP_REPLY, rival_mac, other_ip, weft_mac, weft_ip);
	arp_say(ARPOP_REQUEST, rival_mac, other_ip, nobody, other_ip);
	wire_for_ms(&wire, 100);
	assert_false(arp_heard(&f));
	assert_false(neigh_of(other_ip).found); /* nobody asked, so nothing was learned */
	wire_stop(&wire);
}

static void
somebody_claims_weft_address_conflict_is_counted_and_traffic_goes_on(void **state UNUSED)
{
	struct talk talk;

	talk_start(&talk);
	talk_until_heard(&talk, 2000);
	arp_say(ARPOP_REQUEST, rival_mac, weft_ip, nobody, weft_ip);
	arp_say(ARPOP_REPLY, rival_mac, weft_ip, weft_mac, kernel_ip);
	wire_for_ms(&wire, 50);
	assert_int_equal(counter("ArpInConflicts"), 2);
	assert_false(neigh_of(weft_ip).found);
	assert_int_equal(talk_until_heard(&talk, 2000), 0);
	talk_stop(&talk);
	wire_stop(&wire);
}

static void rival_answers_right_after_kernel_first_answer_stays(void **state UNUSED)
{
	struct talk talk;
	uint8_t mac[6];

	kernel_mac(mac);
	talk_start(&talk);
	talk_until_heard(&talk, 2000);
	arp_say(ARPOP_REPLY, rival_mac, kernel_ip, weft_mac, weft_ip);
	wire_for_ms(&wire, 50);
	assert_memory_equal(neigh_of(kernel_ip).info.mac, mac, 6);
	assert_int_equal(talk_until_heard(&talk, 2000), 0);
	talk_stop(&talk);
	wire_stop(&wire);
}

/* Two hosts with one address: the later announcement counts, until the other speaks again. */
static void two_hosts_share_an_address_last_announcement_counts(void **state UNUSED)
{
	struct talk talk;
	uint8_t mac[6];

	kernel_mac(mac);
	talk_start(&talk);
	talk_until_heard(&talk, 2000);
	wire_for_ms(&wire, LOCKTIME_MS);
	arp_say(ARPOP_REQUEST, rival_mac, kernel_ip, nobody, kernel_ip);
	wire_for_ms(&wire, 50);
	assert_memory_equal(neigh_of(kernel_ip).info.mac, rival_mac, 6);
	wire_for_ms(&wire, LOCKTIME_MS);
	arp_say(ARPOP_REQUEST, mac, kernel_ip, nobody, kernel_ip);
	wire_for_ms(&wire, 50);
	assert_memory_equal(neigh_of(kernel_ip).info.mac, mac, 6);
	assert_int_equal(talk_until_heard(&talk, 2000), 0);
	talk_stop(&talk);
	wire_stop(&wire);
}

/* The kernel gets another MAC and says so: traffic follows at once. */
static void neighbour_moves_and_announces_it_traffic_follows(void **state UNUSED)
{
	const uint8_t new_mac[6] = {0x02, 0xaa, 0, 0, 0, 0x77};
	struct talk talk;

	wire_sysctl("conf/tap0/arp_notify", "1");
	talk_start(&talk);
	talk_until_heard(&talk, 2000);
	wire_for_ms(&wire, LOCKTIME_MS);
	kernel_set_mac(new_mac);
	wire_for_ms(&wire, 100);
	assert_memory_equal(neigh_of(kernel_ip).info.mac, new_mac, 6);
	assert_in_range(talk_until_heard(&talk, 2000), 0, 100);
	talk_stop(&talk);
	wire_stop(&wire);
}

/* It moves and does not say so, and never speaks: unreachability detection finds out (RFC 4861
 * §7.3, RFC 7048). The times are made short; they are the defaults' in proportion. */
static void neighbour_moves_silently_it_is_probed_and_asked_for_again(void **state UNUSED)
{
	const uint8_t new_mac[6] = {0x02, 0xaa, 0, 0, 0, 0x78};
	struct talk talk;

	assert_int_equal(
		weft_stack_set(wire.st, "net.ipv4.neigh.default.base_reachable_time_ms", 300), 0);
	assert_int_equal(
		weft_stack_set(wire.st, "net.ipv4.neigh.default.delay_first_probe_ms", 300), 0);
	assert_int_equal(weft_stack_set(wire.st, "net.ipv4.neigh.default.retrans_time_ms", 200), 0);
	talk_start(&talk);
	talk_until_heard(&talk, 2000);
	kernel_set_mac(new_mac);
	assert_in_range(talk_until_heard(&talk, 10000), 100, 3000);
	assert_memory_equal(neigh_of(kernel_ip).info.mac, new_mac, 6);
	talk_stop(&talk);
	wire_stop(&wire);
}

/* weft gets another MAC while the kernel has the old one in its cache. */
static void weft_moves_kernel_follows(void **state UNUSED)
{
	const uint8_t new_mac[6] = {0x02, 0, 0, 0, 0, 0x99};
	int64_t start_ns;

	wire_join(&wire, wire_kernel(&wire, kernel_pings_once, NULL), PATIENCE_S);
	wire_for_ms(&wire, LOCKTIME_MS); /* the kernel's, too */
	weft_netif_set_mac(wire.nif, new_mac);
	wire_for_ms(&wire, 50);
	start_ns = weft_io_now_ns();
	wire_join(&wire, wire_kernel(&wire, kernel_pings_once, NULL), PATIENCE_S);
	assert_in_range(weft_io_now_ns() - start_ns, 0, 2000000000);
	wire_stop(&wire);
}

static const char *kernel_sends_burst(void *arg)
{
	int fd = *(int *)arg;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(PORT),
				 .sin_addr.s_addr = htonl(0x0a090002)};

	for (uint8_t i = 0; i < N_QUEUED; i++)
		if (sendto(fd, &i, 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1)
			return "cannot send";
	return NULL;
}

/* Datagrams to a neighbour that is not known yet wait for it, and keep their order. */
static void nobody_is_known_yet_bursts_both_ways_arrive_in_order(void **state UNUSED)
{
	struct weft_sockaddr here = wire_weft_addr(PORT);
	struct weft_sock *s;
	struct talk talk;
	uint8_t byte;

	talk_start(&talk);
	for (uint8_t i = 0; i < N_QUEUED; i++)
		assert_int_equal(weft_send(talk.s, &i, 1, 0), 1);
	assert_true(counter("ArpOutRequests") <= 2); /* the announcement, and one question */
	wire_for_ms(&wire, 100);
	for (uint8_t i = 0; i < N_QUEUED; i++) {
		assert_int_equal(recv(talk.fd, &byte, 1, MSG_DONTWAIT), 1);
		assert_int_equal(byte, i);
	}
	assert_int_equal(weft_socket(wire.st, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s), 0);
	assert_int_equal(weft_bind(s, &here), 0);
	wire_join(&wire, wire_kernel(&wire, kernel_sends_burst, &talk.fd), PATIENCE_S);
	wire_for_ms(&wire, 100);
	for (uint8_t i = 0; i < N_QUEUED; i++) {
		assert_int_equal(weft_recv(s, &byte, 1, 0), 1);
		assert_int_equal(byte, i);
	}
	weft_close(s);
	talk_stop(&talk);
	wire_stop(&wire);
}

/* Messages that are no ARP, or lie about themselves. */
static void somebody_sends_malformed_arp_it_is_dropped(void **state UNUSED)
{
	struct arp_frame good = arp_make(ARPOP_REQUEST, rival_mac, kernel_ip, nobody, weft_ip);
	struct arp_frame bad[5] = {good, good, good, good, good};
	struct arp_frame f;

	bad[0].arp.ea_hdr.ar_hrd = htons(6);
	bad[1].arp.ea_hdr.ar_pro = htons(0x86dd);
	bad[2].arp.ea_hdr.ar_hln = 8;
	bad[3].arp.ea_hdr.ar_pln = 16;
	bad[4].arp.ea_hdr.ar_op = htons(99);
	wire_for_ms(&wire, 20);
	frames_forget();
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(send(frames, &bad[i], sizeof(bad[i]), 0), sizeof(bad[i]));
	for (size_t len = 14; len < sizeof(good); len += 7)
		assert_int_equal(send(frames, &good, len, 0), len);
	wire_for_ms(&wire, 100);
	assert_false(arp_heard(&f));
	assert_int_equal(counter("ARP_HDR"), 9);
	assert_false(neigh_of(kernel_ip).found);
	wire_stop(&wire);
}

#define WIRE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(address_is_added_it_is_announced),
		WIRE_TEST(kernel_asks_for_weft_one_reply_comes),
		WIRE_TEST(somebody_probes_for_weft_address_learns_that_it_is_taken),
		WIRE_TEST(somebody_asks_for_another_address_weft_is_silent),
		WIRE_TEST(somebody_claims_weft_address_conflict_is_counted_and_traffic_goes_on),
		WIRE_TEST(rival_answers_right_after_kernel_first_answer_stays),
		WIRE_TEST(two_hosts_share_an_address_last_announcement_counts),
		WIRE_TEST(neighbour_moves_and_announces_it_traffic_follows),
		WIRE_TEST(neighbour_moves_silently_it_is_probed_and_asked_for_again),
		WIRE_TEST(weft_moves_kernel_follows),
		WIRE_TEST(nobody_is_known_yet_bursts_both_ways_arrive_in_order),
		WIRE_TEST(somebody_sends_malformed_arp_it_is_dropped),
	};

	return wire_begin(argc, argv) ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}

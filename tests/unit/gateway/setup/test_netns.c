/* SPDX-License-Identifier: MIT */
/*
 * A TAP in a namespace that belongs to a child of the test: what it has there, and what is said
 * when it cannot be made. Needs /dev/net/tun and user namespaces (as root: network namespaces).
 */
#include "unit.h"

#include "gateway/setup/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	OUTPUT_MAX = 4096,
};

/* A process in a network namespace of its own, and in a user namespace of its own: of the test's
 * user, whoever that is. It ends with the pipe. */
struct guest {
	pid_t pid;
	int pipe;
};

static struct guest guest_start(void)
{
	int ready[2], stay[2];
	struct guest g;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(stay, O_CLOEXEC), 0);
	g.pid = fork();
	if (g.pid == 0) {
		int err = unshare(CLONE_NEWUSER | CLONE_NEWNET);

		close(stay[1]);
		(void)!write(ready[1], err ? "n" : "y", 1);
		(void)!read(stay[0], &c, 1);
		_exit(0);
	}
	close(stay[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	if (c == 'n') {
		print_message("no user namespaces here\n");
		skip();
	}
	g.pipe = stay[1];
	return g;
}

static void guest_stop(struct guest *g)
{
	close(g->pipe);
	waitpid(g->pid, NULL, 0);
}

/* What the namespace says of a command of ip(8). */
static void guest_ip(const struct netns *ns, const char *args, char *ret)
{
	char command[128];
	int fds[2];
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	snprintf(command, sizeof(command), "ip -o %s", args);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (ns->user >= 0)
			(void)setns(ns->user, CLONE_NEWUSER);
		if (setns(ns->net, CLONE_NEWNET) < 0 || dup2(fds[1], STDOUT_FILENO) < 0)
			_exit(1);
		execlp("sh", "sh", "-c", command, NULL);
		_exit(1);
	}
	close(fds[1]);
	while (len < OUTPUT_MAX - 1 && (n = read(fds[0], ret + len, OUTPUT_MAX - 1 - len)) > 0)
		len += (size_t)n;
	ret[len] = 0;
	close(fds[0]);
	waitpid(pid, NULL, 0);
}

static void expect_words(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("no `%s` in: %s", words, text);
}

static const uint8_t mac[6] = {2, 0, 0, 1, 2, 3};

static struct netns_tap tap_config(void)
{
	return (struct netns_tap){
		.ifname = "tap0",
		.configure = true,
		.mac = mac,
		.mtu = 9000,
		.addrs = {{{LAB_IP4, {10, 0, 2, 100}}, 24}, {{LAB_IP6, {0xfd, [15] = 0x64}}, 64}},
		.n_addrs = 2,
		.via4 = {LAB_IP4, {10, 0, 2, 2}},
		.via6 = {LAB_IP6, {0xfd, [15] = 2}},
	};
}

static void tap_configured_has_addresses_routes_and_mtu(void **state)
{
	struct netns_target target = {0};
	struct netns_tap tap = tap_config();
	char text[OUTPUT_MAX], msg[NETNS_MSG_MAX] = "";
	struct ifreq ifr = {.ifr_flags = 0};
	struct guest g = guest_start();
	struct netns ns;
	int fd = -1;

	(void)state;
	target.pid = g.pid;
	assert_int_equal(netns_open(&target, &ns, msg), 0);
	assert_true(ns.user >= 0);
	if (netns_tap_open(&ns, &tap, &fd, msg))
		fail_msg("%s", msg);
	assert_int_equal(ioctl(fd, TUNGETIFF, &ifr), 0);
	assert_int_equal(ifr.ifr_flags & (IFF_TAP | IFF_VNET_HDR | IFF_NO_PI),
			 IFF_TAP | IFF_VNET_HDR | IFF_NO_PI);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	guest_ip(&ns, "addr", text);
	expect_words(text, "127.0.0.1/8");
	expect_words(text, "inet 10.0.2.100/24 brd 10.0.2.255");
	guest_ip(&ns, "link", text);
	expect_words(text, "mtu 9000");
	expect_words(text, "qlen 2000");
	expect_words(text, "02:00:00:01:02:03");
	expect_words(text, "UP");
	guest_ip(&ns, "route", text);
	expect_words(text, "default via 10.0.2.2 dev tap0");
	guest_ip(&ns, "-6 route", text);
	if (text[0]) {
		expect_words(text, "default via fd00::2 dev tap0");
		guest_ip(&ns, "-6 addr", text);
		expect_words(text, "fd00::64/64");
	}
	close(fd);
	guest_ip(&ns, "link", text);
	assert_null(strstr(text, "tap0"));
	netns_close(&ns);
	guest_stop(&g);
}

static void tap_not_configured_is_down_and_bare(void **state)
{
	struct netns_target target = {0};
	struct netns_tap tap = tap_config();
	char text[OUTPUT_MAX], msg[NETNS_MSG_MAX] = "";
	struct guest g = guest_start();
	struct netns ns;
	int fd = -1;

	(void)state;
	target.pid = g.pid;
	tap.configure = false;
	assert_int_equal(netns_open(&target, &ns, msg), 0);
	assert_int_equal(netns_tap_open(&ns, &tap, &fd, msg), 0);
	guest_ip(&ns, "link show tap0", text);
	expect_words(text, "state DOWN");
	guest_ip(&ns, "addr", text);
	assert_null(strstr(text, "inet"));
	close(fd);
	netns_close(&ns);
	guest_stop(&g);
}

static void name_taken_or_impossible_is_refused_in_words(void **state)
{
	struct netns_target target = {0};
	struct netns_tap tap = tap_config();
	char msg[NETNS_MSG_MAX] = "";
	struct guest g = guest_start();
	struct netns ns;
	int fd = -1, other = -1;

	(void)state;
	target.pid = g.pid;
	assert_int_equal(netns_open(&target, &ns, msg), 0);
	assert_int_equal(netns_tap_open(&ns, &tap, &fd, msg), 0);
	assert_int_equal(netns_tap_open(&ns, &tap, &other, msg), -EBUSY);
	expect_words(msg, "has an interface tap0 already");
	tap.ifname = "a-name-that-is-too-long";
	assert_int_equal(netns_tap_open(&ns, &tap, &other, msg), -EINVAL);
	expect_words(msg, "cannot be the name");
	tap.ifname = "tap%d";
	assert_int_equal(netns_tap_open(&ns, &tap, &other, msg), -EINVAL);
	tap.ifname = "tap1";
	tap.via4 = (struct lab_ip){LAB_IP4, {192, 0, 2, 1}};
	assert_int_equal(netns_tap_open(&ns, &tap, &other, msg), -ENETUNREACH);
	expect_words(msg, "default route");
	assert_int_equal(other, -1);
	close(fd);
	netns_close(&ns);
	guest_stop(&g);
}

static void target_that_is_none_is_refused_in_words(void **state)
{
	char msg[NETNS_MSG_MAX] = "";
	struct netns ns = {.net = -7};

	(void)state;
	assert_int_equal(netns_open(&(struct netns_target){.pid = 0x7ffffff0}, &ns, msg), -ESRCH);
	expect_words(msg, "there is no process");
	assert_int_equal(netns_open(&(struct netns_target){.path = "/nonexistent"}, &ns, msg),
			 -ENOENT);
	expect_words(msg, "/nonexistent: ");
	assert_int_equal(netns_open(&(struct netns_target){.path = "/dev/null"}, &ns, msg),
			 -EINVAL);
	expect_words(msg, "not a network namespace");
	assert_int_equal(netns_open(&(struct netns_target){.path = "/proc/self/ns/uts"}, &ns, msg),
			 -EINVAL);
	assert_int_equal(ns.net, -7);
}

static bool device_is_there(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tap_configured_has_addresses_routes_and_mtu),
		cmocka_unit_test(tap_not_configured_is_down_and_bare),
		cmocka_unit_test(name_taken_or_impossible_is_refused_in_words),
		cmocka_unit_test(target_that_is_none_is_refused_in_words),
	};

	if (!device_is_there()) {
		print_message("/dev/net/tun cannot be opened\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What facts about a machine mean, for machines that we do not have; and that looking at this one
 * works. */
#include "unit.h"

#include "gateway/setup/doctor.h"

#include <errno.h>
#include <string.h>

/* A user of a machine that allows everything. */
static struct doctor_facts good(void)
{
	return (struct doctor_facts){
		.kernel = "6.1.0-test",
		.kernel_major = 6,
		.kernel_minor = 1,
		.uid = 1000,
		.gid = 1000,
		.user = "ann",
		.max_user_namespaces = 15000,
		.max_net_namespaces = 15000,
		.unprivileged_userns_clone = DOCTOR_UNKNOWN,
		.apparmor_restrict_userns = DOCTOR_UNKNOWN,
		.has_tap_test = true,
		.offload_csum = true,
		.offload_tso = true,
		.offload_uso = true,
		.ping_group_last = 2147483647,
		.has_newuidmap = true,
		.has_newgidmap = true,
		.n_subuids = 65536,
		.nofile_soft = 1024,
		.nofile_hard = 1048576,
		.memlock_soft = 8192 * 1024,
		.has_seccomp = true,
		.unprivileged_port_start = 80,
	};
}

static struct doctor_finding found[DOCTOR_FINDINGS_MAX];

static const struct doctor_finding *judge(const struct doctor_facts *f, const char *check)
{
	uint32_t n = doctor_judge(f, found);

	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(found[i].check, check))
			return &found[i];
	return NULL;
}

static void expect(const struct doctor_facts *f, const char *check, enum doctor_status status,
		   const char *words, const char *command)
{
	const struct doctor_finding *d = judge(f, check);

	assert_non_null(d);
	assert_int_equal(d->status, status);
	assert_non_null(strstr(d->found, words));
	assert_string_equal(d->command, command);
	assert_int_equal(d->means[0] != 0, status != DOCTOR_OK);
}

static void everything_allowed_all_is_ok(void **state)
{
	struct doctor_facts f = good();
	uint32_t n = doctor_judge(&f, found);

	(void)state;
	assert_true(n >= 10 && n <= DOCTOR_FINDINGS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		assert_string_equal(doctor_status_name(found[i].status), "ok");
		assert_true(found[i].found[0] && !found[i].means[0] && !found[i].command[0]);
	}
}

static void tun_closed_or_absent_says_what_opens_it(void **state)
{
	struct doctor_facts f = good();

	(void)state;
	f.tun_err = EACCES;
	expect(&f, "tun", DOCTOR_MISSING, "not for this user", "sudo chmod 0666 /dev/net/tun");
	f.tun_err = ENOENT;
	expect(&f, "tun", DOCTOR_MISSING, "there is no", "sudo modprobe tun");
	f.tun_err = ENODEV;
	expect(&f, "tun", DOCTOR_MISSING, "/dev/net/tun: ", "sudo modprobe tun");
	assert_null(judge(&f, "offload"));
}

static void namespaces_refused_names_the_switch_that_is_off(void **state)
{
	struct doctor_facts f = good();

	(void)state;
	f.userns_err = EPERM;
	f.has_tap_test = false;
	expect(&f, "namespaces", DOCTOR_MISSING, "seccomp profile", "");
	f.is_chroot = true;
	expect(&f, "namespaces", DOCTOR_MISSING, "chroot", "");
	f.apparmor_restrict_userns = 1;
	expect(&f, "namespaces", DOCTOR_MISSING, "apparmor_restrict",
	       "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
	f.max_net_namespaces = 0;
	expect(&f, "namespaces", DOCTOR_MISSING, "max_net_namespaces is 0",
	       "sudo sysctl -w user.max_net_namespaces=15000");
	f.max_user_namespaces = 0;
	expect(&f, "namespaces", DOCTOR_MISSING, "max_user_namespaces is 0",
	       "sudo sysctl -w user.max_user_namespaces=15000");
	f.unprivileged_userns_clone = 0;
	expect(&f, "namespaces", DOCTOR_MISSING, "unprivileged_userns_clone is 0",
	       "sudo sysctl -w kernel.unprivileged_userns_clone=1");
}

static void namespaces_used_up_doubles_the_limit(void **state)
{
	struct doctor_facts f = good();

	(void)state;
	f.userns_err = ENOSPC;
	expect(&f, "namespaces", DOCTOR_MISSING, "reached (15000)",
	       "sudo sysctl -w user.max_user_namespaces=30000");
}

/* Ubuntu lets the namespace be made, and takes all rights in it away. */
static void namespace_without_rights_names_apparmor(void **state)
{
	struct doctor_facts f = good();

	(void)state;
	f.apparmor_restrict_userns = 1;
	expect(&f, "namespaces", DOCTOR_OK, "can be made", "");
	f.tap_err = EPERM;
	expect(&f, "namespaces", DOCTOR_MISSING, "apparmor_restrict",
	       "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
}

static void tap_without_offload_is_a_limit(void **state)
{
	struct doctor_facts f = good();

	(void)state;
	f.offload_uso = false;
	expect(&f, "offload", DOCTOR_OK, "no USO", "");
	f.offload_tso = false;
	expect(&f, "offload", DOCTOR_LIMITED, "TSO", "");
	f.offload_csum = false;
	expect(&f, "offload", DOCTOR_LIMITED, "checksums", "");
	f.tap_err = EINVAL;
	expect(&f, "offload", DOCTOR_MISSING, "vnet header", "");
}

static void ping_range_without_us_is_widened(void **state)
{
	struct doctor_facts f = good();

	(void)state;
	f.ping4_err = f.ping6_err = EACCES;
	f.ping_group_first = 1;
	f.ping_group_last = 0;
	expect(&f, "ping", DOCTOR_LIMITED, "\"1 0\", group 1000",
	       "sudo sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"");
	f.ping4_err = 0;
	f.ping6_err = EAFNOSUPPORT;
	expect(&f, "ping", DOCTOR_LIMITED, "ICMPv6", "");
	f.ping4_err = EPROTONOSUPPORT;
	expect(&f, "ping", DOCTOR_LIMITED, "ICMP sockets", "");
}

static void lesser_limits_say_what_lifts_them(void **state)
{
	struct doctor_facts f = good();

	(void)state;
	f.kernel_major = 5;
	f.kernel_minor = 4;
	expect(&f, "kernel", DOCTOR_LIMITED, "6.1.0-test", "");
	f.nofile_hard = 1024;
	expect(&f, "files", DOCTOR_LIMITED, "1024", "sudo prlimit --pid $$ --nofile=65536:65536");
	f.nofile_hard = UINT64_MAX;
	expect(&f, "files", DOCTOR_OK, "no limit", "");
	f.unprivileged_port_start = 1024;
	expect(&f, "ports", DOCTOR_LIMITED, "1024",
	       "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80");
	f.uid = 0;
	assert_non_null(strstr(judge(&f, "ports")->means, "--forward can"));
	f.uid = good().uid;
	f.unprivileged_port_start = 0;
	expect(&f, "ports", DOCTOR_OK, "every port", "");
	f.n_subuids = 0;
	expect(&f, "subids", DOCTOR_LIMITED, "ann",
	       "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ann");
	f.has_newuidmap = false;
	expect(&f, "subids", DOCTOR_LIMITED, "newuidmap", "sudo apt-get install uidmap");
	f.uid = 0;
	expect(&f, "subids", DOCTOR_OK, "root", "");
	f.xdp_err = EPERM;
	expect(&f, "af_xdp", DOCTOR_LIMITED, "CAP_NET_RAW", "");
	f.xdp_err = EAFNOSUPPORT;
	expect(&f, "af_xdp", DOCTOR_LIMITED, "CONFIG_XDP_SOCKETS", "");
	f.has_seccomp = false;
	expect(&f, "seccomp", DOCTOR_MISSING, "no seccomp filters", "");
	f.memlock_soft = UINT64_MAX;
	expect(&f, "memlock", DOCTOR_OK, "without limit", "");
}

static void this_machine_is_looked_at(void **state)
{
	struct doctor_facts f;

	(void)state;
	doctor_look(&f);
	assert_true(f.kernel[0] && f.kernel_major >= 4 && f.user[0]);
	assert_true(f.nofile_hard >= f.nofile_soft && f.nofile_soft > 0);
	assert_true(doctor_judge(&f, found) >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_allowed_all_is_ok),
		cmocka_unit_test(tun_closed_or_absent_says_what_opens_it),
		cmocka_unit_test(namespaces_refused_names_the_switch_that_is_off),
		cmocka_unit_test(namespaces_used_up_doubles_the_limit),
		cmocka_unit_test(namespace_without_rights_names_apparmor),
		cmocka_unit_test(tap_without_offload_is_a_limit),
		cmocka_unit_test(ping_range_without_us_is_widened),
		cmocka_unit_test(lesser_limits_say_what_lifts_them),
		cmocka_unit_test(this_machine_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Facts about this machine, by trying and by reading; see doctor.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/setup/doctor.h"

/* Headers of older systems do not have them (Linux 6.2). */
enum {
	OFFLOAD_USO4 = 0x20,
	OFFLOAD_USO6 = 0x40,
};

static int64_t setting_read(const char *path)
{
	FILE *f = fopen(path, "re");
	long long value = DOCTOR_UNKNOWN;
	char line[64];

	if (f && fgets(line, sizeof(line), f)) {
		char *end;

		value = strtoll(line, &end, 10);
		if (end == line)
			value = DOCTOR_UNKNOWN;
	}
	if (f)
		(void)fclose(f);
	return value;
}

static void look_kernel(struct doctor_facts *f)
{
	struct utsname name;
	char *end;

	if (uname(&name) < 0)
		return;
	snprintf(f->kernel, sizeof(f->kernel), "%.63s", name.release);
	f->kernel_major = (int)strtol(name.release, &end, 10);
	if (*end == '.')
		f->kernel_minor = (int)strtol(end + 1, NULL, 10);
}

static void look_user(struct doctor_facts *f)
{
	struct passwd *pw;

	f->uid = geteuid();
	f->gid = getegid();
	pw = getpwuid(f->uid);
	if (pw)
		snprintf(f->user, sizeof(f->user), "%s", pw->pw_name);
	else
		snprintf(f->user, sizeof(f->user), "%u", (unsigned int)f->uid);
}

static int tun_try(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* What the child of look_namespaces() has found. */
struct tap_found {
	int userns_err;
	bool has_tap_test;
	int tap_err;
	bool csum, tso, uso;
};

static void tap_try(struct tap_found *found)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, .ifr_name = "weft0"};
	unsigned long flags = TUN_F_CSUM;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	found->has_tap_test = true;
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		found->tap_err = errno;
	} else {
		found->csum = ioctl(fd, TUNSETOFFLOAD, flags) == 0;
		flags |= TUN_F_TSO4 | TUN_F_TSO6;
		found->tso = ioctl(fd, TUNSETOFFLOAD, flags) == 0;
		flags |= OFFLOAD_USO4 | OFFLOAD_USO6;
		found->uso = ioctl(fd, TUNSETOFFLOAD, flags) == 0;
	}
	close(fd);
}

/* In a child, which takes the namespaces along. */
static void look_namespaces(struct doctor_facts *f)
{
	struct tap_found found = {.userns_err = EIO};
	int fds[2];
	pid_t pid;

	f->userns_err = EIO;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		found.userns_err = unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ? errno : 0;
		if (!found.userns_err)
			tap_try(&found);
		(void)!write(fds[1], &found, sizeof(found));
		_exit(0);
	}
	close(fds[1]);
	if (pid > 0 && read(fds[0], &found, sizeof(found)) != sizeof(found))
		found = (struct tap_found){.userns_err = EIO};
	close(fds[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	f->userns_err = found.userns_err;
	f->has_tap_test = found.has_tap_test;
	f->tap_err = found.tap_err;
	f->offload_csum = found.csum;
	f->offload_tso = found.tso;
	f->offload_uso = found.uso;
}

/* Process 1 of the PID namespace has the root that the mount namespace began with, mostly; who may
 * not look at it learns nothing. */
static bool chroot_is(void)
{
	struct stat ours, first;

	return stat("/", &ours) == 0 && stat("/proc/1/root/.", &first) == 0 &&
	       (ours.st_ino != first.st_ino || ours.st_dev != first.st_dev);
}

static int socket_try(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void look_ping(struct doctor_facts *f)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ping_group_range", "re");
	char line[64];

	f->ping4_err = socket_try(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	f->ping6_err = socket_try(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
	if (file && fgets(line, sizeof(line), file)) {
		char *end;

		f->ping_group_first = strtoll(line, &end, 10);
		f->ping_group_last = strtoll(end, NULL, 10);
	}
	if (file)
		(void)fclose(file);
}

static bool path_has(const char *name)
{
	const char *dirs = getenv("PATH");
	char path[512];

	for (const char *p = dirs ? dirs : "/usr/bin"; *p;) {
		size_t len = strcspn(p, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)len, p, name);
		if (len && len < sizeof(path) / 2 && access(path, X_OK) == 0)
			return true;
		p += len + (p[len] == ':');
	}
	return false;
}

/* Lines of /etc/subuid are USER:FIRST:COUNT, the user by name or by number. */
static int64_t subuids_count(const struct doctor_facts *f)
{
	FILE *file = fopen("/etc/subuid", "re");
	char line[256], number[16];
	int64_t n = 0;

	snprintf(number, sizeof(number), "%u", (unsigned int)f->uid);
	while (file && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');
		char *last = strrchr(line, ':');

		if (!colon || colon == last)
			continue;
		*colon = 0;
		if (!strcmp(line, f->user) || !strcmp(line, number))
			n += strtoll(last + 1, NULL, 10);
	}
	if (file)
		(void)fclose(file);
	return n;
}

static uint64_t limit_of(rlim_t value)
{
	return value == RLIM_INFINITY ? UINT64_MAX : (uint64_t)value;
}

static void look_limits(struct doctor_facts *f)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		f->nofile_soft = limit_of(lim.rlim_cur);
		f->nofile_hard = limit_of(lim.rlim_max);
	}
	if (getrlimit(RLIMIT_MEMLOCK, &lim) == 0)
		f->memlock_soft = limit_of(lim.rlim_cur);
}

static bool seccomp_has_filters(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

void doctor_look(struct doctor_facts *ret)
{
	struct doctor_facts f = {.uid = 0};

	look_kernel(&f);
	look_user(&f);
	f.tun_err = tun_try();
	look_namespaces(&f);
	f.is_chroot = chroot_is();
	f.max_user_namespaces = setting_read("/proc/sys/user/max_user_namespaces");
	f.max_net_namespaces = setting_read("/proc/sys/user/max_net_namespaces");
	f.unprivileged_userns_clone = setting_read("/proc/sys/kernel/unprivileged_userns_clone");
	f.apparmor_restrict_userns =
		setting_read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
	look_ping(&f);
	f.xdp_err = socket_try(AF_XDP, SOCK_RAW, 0);
	f.has_newuidmap = path_has("newuidmap");
	f.has_newgidmap = path_has("newgidmap");
	f.n_subuids = subuids_count(&f);
	look_limits(&f);
	f.has_seccomp = seccomp_has_filters();
	f.unprivileged_port_start = setting_read("/proc/sys/net/ipv4/ip_unprivileged_port_start");
	*ret = f;
}

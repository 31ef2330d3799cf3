/* SPDX-License-Identifier: MIT */
/* From facts about a machine to what they mean for weft; touches nothing. See doctor.h. */
#include "gateway/setup/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

enum {
	KERNEL_MAJOR = 5, /* the oldest that weft is tested on: close_range(2), epoll_pwait2(2) */
	KERNEL_MINOR = 11,
	NOFILE_GOOD = 4096, /* the connections that a gateway holds by default */
	PORT_PRIVILEGED = 1024,
};

static void PRINTF_LIKE(2, 3) say(char *text, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, DOCTOR_TEXT_MAX, fmt, ap);
	va_end(ap);
}

static void judge_kernel(const struct doctor_facts *f, struct doctor_finding *d)
{
	d->check = "kernel";
	say(d->found, "Linux %s", f->kernel);
	if (f->kernel_major > KERNEL_MAJOR ||
	    (f->kernel_major == KERNEL_MAJOR && f->kernel_minor >= KERNEL_MINOR))
		return;
	d->status = DOCTOR_LIMITED;
	say(d->means, "weft is made for Linux %d.%d and newer", KERNEL_MAJOR, KERNEL_MINOR);
}

static void judge_tun(const struct doctor_facts *f, struct doctor_finding *d)
{
	d->check = "tun";
	if (!f->tun_err) {
		say(d->found, "/dev/net/tun opens");
		return;
	}
	d->status = DOCTOR_MISSING;
	say(d->means, "no TAP: `weft gateway`, `weft unshare` and kernel nodes of labs cannot run; "
		      "labs of weft nodes only, --sim and --qemu can");
	if (f->tun_err == EACCES || f->tun_err == EPERM) {
		say(d->found, "/dev/net/tun is there, but not for this user");
		say(d->command, "sudo chmod 0666 /dev/net/tun");
	} else if (f->tun_err == ENOENT) {
		say(d->found, "there is no /dev/net/tun");
		say(d->command, "sudo modprobe tun");
	} else {
		say(d->found, "/dev/net/tun: %s", strerror(f->tun_err));
		say(d->command, "sudo modprobe tun");
	}
}

/* Which of the switches is off, most likely first. */
static void userns_reason(const struct doctor_facts *f, struct doctor_finding *d)
{
	if (f->unprivileged_userns_clone == 0) {
		say(d->found, "kernel.unprivileged_userns_clone is 0");
		say(d->command, "sudo sysctl -w kernel.unprivileged_userns_clone=1");
	} else if (f->max_user_namespaces == 0) {
		say(d->found, "user.max_user_namespaces is 0");
		say(d->command, "sudo sysctl -w user.max_user_namespaces=15000");
	} else if (f->max_net_namespaces == 0) {
		say(d->found, "user.max_net_namespaces is 0");
		say(d->command, "sudo sysctl -w user.max_net_namespaces=15000");
	} else if (f->apparmor_restrict_userns == 1) {
		say(d->found, "kernel.apparmor_restrict_unprivileged_userns is 1");
		say(d->command, "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
	} else if (f->userns_err == ENOSPC || f->userns_err == EUSERS) {
		say(d->found, "the limit of namespaces is reached (%" PRId64 ")",
		    f->max_user_namespaces);
		say(d->command, "sudo sysctl -w user.max_user_namespaces=%" PRId64,
		    f->max_user_namespaces > 0 ? 2 * f->max_user_namespaces : 15000);
	} else if (f->is_chroot) {
		say(d->found, "refused: this is a chroot, which gets no user namespaces");
	} else {
		say(d->found, "refused: %s; a container's seccomp profile may forbid them",
		    strerror(f->userns_err));
	}
}

static void judge_userns(const struct doctor_facts *f, struct doctor_finding *d)
{
	/* Ubuntu lets the namespace be made, and takes the rights in it away. */
	bool has_no_rights = f->apparmor_restrict_userns == 1 && f->uid != 0 && f->tap_err == EPERM;

	d->check = "namespaces";
	if (!f->userns_err && !has_no_rights) {
		say(d->found, "user and network namespaces can be made");
	} else {
		d->status = DOCTOR_MISSING;
		userns_reason(f, d);
	}
	if (d->status)
		say(d->means,
		    "no namespace of one's own: `weft unshare` and kernel nodes need root, "
		    "and `weft gateway` runs without an empty root");
}

static void judge_offload(const struct doctor_facts *f, struct doctor_finding *d)
{
	d->check = "offload";
	if (f->tap_err) {
		d->status = DOCTOR_MISSING;
		say(d->found, "a TAP with a vnet header: %s", strerror(f->tap_err));
		say(d->means, "no TAP: as for /dev/net/tun");
	} else if (!f->offload_csum || !f->offload_tso) {
		d->status = DOCTOR_LIMITED;
		say(d->found, "the TAP takes no %s from us",
		    f->offload_csum ? "64 KiB segments (TSO)" : "unfinished checksums");
		say(d->means, "each frame crosses to the kernel by itself: much slower");
	} else {
		say(d->found, "TAP with vnet header, checksums, TSO%s",
		    f->offload_uso ? " and USO" : " (no USO: Linux 6.2 has it)");
	}
}

static void judge_ping(const struct doctor_facts *f, struct doctor_finding *d)
{
	d->check = "ping";
	if (!f->ping4_err && !f->ping6_err) {
		say(d->found, "ICMP sockets work for this user");
		return;
	}
	d->status = DOCTOR_LIMITED;
	if (!f->ping4_err) {
		say(d->found, "ICMPv6 sockets: %s", strerror(f->ping6_err));
		say(d->means, "`ping -6` from behind a gateway gets no answer");
		return;
	}
	say(d->means, "`ping` from behind a gateway gets no answer; all else works");
	if (f->ping4_err == EACCES || f->ping4_err == EPERM) {
		say(d->found,
		    "net.ipv4.ping_group_range is \"%" PRId64 " %" PRId64
		    "\", group %u is not in it",
		    f->ping_group_first, f->ping_group_last, (unsigned int)f->gid);
		say(d->command, "sudo sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"");
	} else {
		say(d->found, "ICMP sockets: %s", strerror(f->ping4_err));
	}
}

static void judge_ports(const struct doctor_facts *f, struct doctor_finding *d)
{
	d->check = "ports";
	if (f->unprivileged_port_start == 0) {
		say(d->found, "every port may be listened on");
		return;
	}
	say(d->found, "ports from %" PRId64 " on may be listened on",
	    f->unprivileged_port_start < 0 ? (int64_t)PORT_PRIVILEGED : f->unprivileged_port_start);
	if (f->unprivileged_port_start >= 0 && f->unprivileged_port_start <= 80)
		return;
	d->status = DOCTOR_LIMITED;
	say(d->means,
	    "port forwards of a gateway%s cannot listen on lower ones, such as 80 and 443%s",
	    f->uid ? "" : " that runs",
	    f->uid ? "" : "; those of --forward can, root's rights are there at the start");
	say(d->command, "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80");
}

static void judge_xdp(const struct doctor_facts *f, struct doctor_finding *d)
{
	d->check = "af_xdp";
	if (!f->xdp_err) {
		say(d->found, "AF_XDP sockets can be opened");
		return;
	}
	d->status = DOCTOR_LIMITED;
	if (f->xdp_err == EPERM || f->xdp_err == EACCES) {
		say(d->found, "AF_XDP is there, for root (CAP_NET_RAW)");
	} else if (f->xdp_err == EAFNOSUPPORT) {
		say(d->found, "this kernel has no AF_XDP (CONFIG_XDP_SOCKETS)");
	} else {
		say(d->found, "AF_XDP: %s", strerror(f->xdp_err));
	}
	say(d->means, "nothing of weft needs it: it is for drivers of physical devices");
}

static void judge_ids(const struct doctor_facts *f, struct doctor_finding *d)
{
	d->check = "subids";
	if (f->uid == 0) {
		say(d->found, "root needs no newuidmap");
	} else if (!f->has_newuidmap || !f->has_newgidmap) {
		d->status = DOCTOR_LIMITED;
		say(d->found, "there is no %s", f->has_newuidmap ? "newgidmap" : "newuidmap");
		say(d->command, "sudo apt-get install uidmap");
	} else if (f->n_subuids <= 0) {
		d->status = DOCTOR_LIMITED;
		say(d->found, "/etc/subuid has no ids for %s", f->user);
		say(d->command,
		    "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s",
		    f->user);
	} else {
		say(d->found, "newuidmap, and %" PRId64 " ids for %s", f->n_subuids, f->user);
	}
	if (d->status)
		say(d->means, "rootless Podman and RootlessKit map one user only; weft itself does "
			      "not need more");
}

static void judge_files(const struct doctor_facts *f, struct doctor_finding *d)
{
	d->check = "files";
	if (f->nofile_hard == UINT64_MAX)
		say(d->found, "no limit of open files");
	else
		say(d->found, "%" PRIu64 " open files, %" PRIu64 " when asked for", f->nofile_soft,
		    f->nofile_hard);
	if (f->nofile_hard >= NOFILE_GOOD)
		return;
	d->status = DOCTOR_LIMITED;
	say(d->means, "a gateway holds at most that many connections, one descriptor each");
	say(d->command, "sudo prlimit --pid $$ --nofile=65536:65536");
}

static void judge_memlock(const struct doctor_facts *f, struct doctor_finding *d)
{
	d->check = "memlock";
	if (f->memlock_soft == UINT64_MAX)
		say(d->found, "memory may be locked without limit");
	else
		say(d->found, "%" PRIu64 " KiB of memory may be locked", f->memlock_soft / 1024);
	/* AF_XDP alone counts its memory there; a gateway sets the limit to 0 itself. */
}

static void judge_seccomp(const struct doctor_facts *f, struct doctor_finding *d)
{
	d->check = "seccomp";
	if (f->has_seccomp) {
		say(d->found, "filters of system calls can be set");
		return;
	}
	d->status = DOCTOR_MISSING;
	say(d->found, "the kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)");
	say(d->means, "`weft gateway` runs only with --no-seccomp");
}

uint32_t doctor_judge(const struct doctor_facts *f, struct doctor_finding *ret)
{
	static void (*const judges[])(const struct doctor_facts *, struct doctor_finding *) = {
		judge_kernel, judge_tun,   judge_userns,  judge_offload, judge_ping, judge_ports,
		judge_ids,    judge_files, judge_memlock, judge_seccomp, judge_xdp,
	};
	uint32_t n = 0;

	for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
		struct doctor_finding d = {.status = DOCTOR_OK};

		/* Without namespaces nothing is known of TAPs in them. */
		if (judges[i] == judge_offload && (!f->has_tap_test || f->tun_err))
			continue;
		judges[i](f, &d);
		ret[n++] = d;
	}
	return n;
}

const char *doctor_status_name(enum doctor_status status)
{
	static const char *const names[] = {
		[DOCTOR_OK] = "ok", [DOCTOR_LIMITED] = "limited", [DOCTOR_MISSING] = "missing"};

	return names[status];
}

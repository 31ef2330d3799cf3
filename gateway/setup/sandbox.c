/* SPDX-License-Identifier: MIT */
/* Privileges, root directory, limits and system calls are given up; see sandbox.h. */
#include "gateway/setup/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab/nsfile.h"

static int explain(char *msg, int err, const char *what)
{
	snprintf(msg, SANDBOX_MSG_MAX, "%s: %s", what, strerror(-err));
	return err;
}

/* The same user and group as before, alone in a user namespace in which mounts may be made. */
static int userns_enter(char *msg)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];
	int err;

	/* Who has changed its user owns nothing below /proc/self otherwise; until caps_drop(). */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return explain(msg, -errno, "no user namespace for an empty root");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	err = nsfile_write("/proc/self/uid_map", map);
	if (!err)
		err = nsfile_write("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	if (!err)
		err = nsfile_write("/proc/self/gid_map", map);
	/* Not -EPERM, which says that nothing has changed. */
	return err ? explain(msg, -EIO, "cannot map the user into its namespace") : 0;
}

/* Puts an empty tmpfs in the place of everything. */
static int root_empty(char *msg)
{
	static const char *const places[] = {"/tmp", "/proc", "/run", "/"};
	size_t i = 0;

	if (nsfile_mounts_private() < 0)
		return explain(msg, -EIO, "cannot make mounts private");
	while (i < sizeof(places) / sizeof(places[0]) &&
	       mount("tmpfs", places[i], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		     "size=4k,nr_inodes=2,mode=0555") < 0)
		i++;
	if (i == sizeof(places) / sizeof(places[0]))
		return explain(msg, -EIO, "cannot mount an empty root");
	/* The old root ends up below the new one, at the same place, and is taken away there. */
	if (chdir(places[i]) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return explain(msg, -EIO, "cannot enter the empty root");
	if (mount(NULL, "/", NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return explain(msg, -EIO, "cannot make the empty root read-only");
	return 0;
}

static int limit_set(__rlimit_resource_t what, rlim_t want)
{
	struct rlimit lim;

	if (getrlimit(what, &lim) < 0)
		return -errno;
	if (lim.rlim_max != RLIM_INFINITY && want > lim.rlim_max)
		want = lim.rlim_max;
	lim.rlim_cur = want;
	lim.rlim_max = want;
	return setrlimit(what, &lim) < 0 ? -errno : 0;
}

static int limits_set(const struct sandbox *box, char *msg)
{
	struct rlimit files;
	int err = getrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;

	if (!err)
		err = limit_set(RLIMIT_NOFILE, box->max_files ? box->max_files : files.rlim_max);
	if (!err)
		err = limit_set(RLIMIT_CORE, 0);
	if (!err)
		err = limit_set(RLIMIT_MEMLOCK, 0);
	if (!err && box->max_memory)
		err = limit_set(RLIMIT_AS, (rlim_t)box->max_memory);
	return err ? explain(msg, err, "cannot set limits") : 0;
}

static int caps_drop(char *msg)
{
	struct __user_cap_header_struct hdr = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}, {0}};

	/* Without CAP_SETPCAP there is nothing that an exec could bring back: no_new_privs is set.
	 */
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &hdr, data) < 0)
		return explain(msg, -errno, "cannot give up capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return explain(msg, -errno, "no_new_privs");
	/* Nobody of the same user traces us, nor reads our memory. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return explain(msg, -errno, "cannot forbid core dumps");
	return 0;
}

/* What a gateway does all day: sockets, memory, time. */
static const int calls_allowed[] = {
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(bind),
	SCMP_SYS(brk),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(connect),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(futex),
	SCMP_SYS(getegid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getpeername),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrusage),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getuid),
	SCMP_SYS(listen),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sysinfo),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/* Nothing of ours makes these, by any library's detour: who does is not us any more. */
static const int calls_deadly[] = {
	SCMP_SYS(add_key),
	SCMP_SYS(bpf),
	SCMP_SYS(chroot),
	SCMP_SYS(delete_module),
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(finit_module),
	SCMP_SYS(fork),
	SCMP_SYS(init_module),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(kcmp),
	SCMP_SYS(kexec_load),
	SCMP_SYS(keyctl),
	SCMP_SYS(memfd_create),
	SCMP_SYS(mount),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(open_tree),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(personality),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(pivot_root),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(ptrace),
	SCMP_SYS(request_key),
	SCMP_SYS(setns),
	SCMP_SYS(umount2),
	SCMP_SYS(unshare),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(vfork),
};

/* Not local ones: the names that begin with a zero byte are the host's, whatever our root is. What
 * listens for the control socket was made before. */
static const int socket_families[] = {AF_INET, AF_INET6};

/* Memory that could be executed is not had any more. The protection is the third argument. */
static const int calls_without_exec[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};

/* Of a TAP: what it is and can. Of sockets: what is queued. Everything else (TUNSETIFF,
 * TIOCSTI, SIOCSIF...) was made before, or never. */
static const unsigned long ioctls_allowed[] = {
	TUNGETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ, TUNSETVNETLE, FIONREAD, TIOCOUTQ, FIONBIO,
};

static int filter_fill(scmp_filter_ctx ctx)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(calls_allowed) / sizeof(calls_allowed[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls_allowed[i], 0);
	for (size_t i = 0; !err && i < sizeof(calls_deadly) / sizeof(calls_deadly[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, calls_deadly[i], 0);
	for (size_t i = 0; !err && i < sizeof(socket_families) / sizeof(socket_families[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)socket_families[i], 0));
	for (size_t i = 0; !err && i < sizeof(calls_without_exec) / sizeof(calls_without_exec[0]);
	     i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls_without_exec[i], 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	for (size_t i = 0; !err && i < sizeof(ioctls_allowed) / sizeof(ioctls_allowed[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)ioctls_allowed[i], 0));
	return err;
}

static int filter_load(char *msg)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err;

	if (!ctx)
		return explain(msg, -ENOMEM, "seccomp");
	/* What a foreign architecture calls (x32, i386) has other numbers: never. */
	err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!err)
		err = filter_fill(ctx);
	/* stat(2) of a descriptor only: the path is empty, which a filter cannot see, but the flag
	 * is, and in an empty root there is nothing else to be found. */
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
				       SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err ? explain(msg, err, "seccomp") : 0;
}

int sandbox_enter(const struct sandbox *box, char *ret_msg)
{
	int err = 0;

	if (box->empty_root && geteuid() != 0)
		err = userns_enter(ret_msg);
	else if (box->empty_root && unshare(CLONE_NEWNS) < 0)
		err = explain(ret_msg, -errno, "no mount namespace for an empty root");
	if (!err && box->empty_root)
		err = root_empty(ret_msg);
	if (!err)
		err = limits_set(box, ret_msg);
	if (!err)
		err = caps_drop(ret_msg);
	if (!err && box->seccomp)
		err = filter_load(ret_msg);
	return err;
}

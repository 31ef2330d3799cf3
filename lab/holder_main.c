/* SPDX-License-Identifier: MIT */
/*
 * The process of a kernel node: process 1 of the node's namespaces. holder.h tells what it is for.
 *
 * Order of things: identity (user mapping, host name), mounts (/proc, /sys, hosts, resolv.conf),
 * interfaces (TAPs, addresses, routes), then serve requests until weft closes the socket or dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/holder_wire.h"
#include "lab/labfile.h"
#include "lab/nsfile.h"
#include "lab/rtnl.h"
#include "weft/io.h"

enum {
	HOLDER_PROGS_MAX = 256, /* programs at a time */
	HOLDER_TRIES = 10,      /* of what fails for lack of memory */
	HOLDER_RETRY_US = 10000,
};

struct prog {
	pid_t pid; /* 0: free */
	uint32_t id;
};

struct holder_self {
	int sock;
	int sigfd;
	struct prog progs[HOLDER_PROGS_MAX];
};

/* A report that is lost would be waited for: without memory it is tried again, and a holder that
 * cannot report ends, which the socket's end tells weft. Nobody listens any more: so does the main
 * loop. */
static void msg_send(int sock, enum holder_msg_kind kind, uint32_t id, int32_t value)
{
	struct holder_msg msg = {.kind = kind, .id = id, .value = value};

	for (int i = 0; send(sock, &msg, sizeof(msg), MSG_NOSIGNAL) < 0; i++) {
		if (errno == EPIPE || errno == ECONNRESET)
			return;
		if (i == HOLDER_TRIES)
			_exit(1);
		usleep(HOLDER_RETRY_US);
	}
}

/* Reports why the node cannot be set up, and ends. */
static _Noreturn void PRINTF_LIKE(3, 4) fail(int sock, int err, const char *fmt, ...)
{
	struct {
		struct holder_msg msg;
		char text[HOLDER_ERR_MAX];
	} out = {.msg = {.kind = HOLDER_FAILED, .value = err}};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out.text, sizeof(out.text), fmt, ap);
	va_end(ap);
	(void)!send(sock, &out, sizeof(out), MSG_NOSIGNAL);
	_exit(1);
}

/* In a user namespace: who started weft is root inside, and nobody else exists. */
static void identity_set(int sock, const char *name, uid_t uid, gid_t gid)
{
	char map[64];
	int err = 0;

	if (uid != 0) {
		snprintf(map, sizeof(map), "0 %u 1", uid);
		err = nsfile_write("/proc/self/uid_map", map);
		if (!err)
			err = nsfile_write("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", gid);
		if (!err)
			err = nsfile_write("/proc/self/gid_map", map);
	}
	if (err)
		fail(sock, err, "cannot map the user into the namespace: %s", strerror(-err));
	if (sethostname(name, strlen(name)) < 0)
		fail(sock, -errno, "sethostname: %s", strerror(errno));
}

/*
 * The covering files live in a tmpfs that is mounted over /tmp only while they are bound to their
 * places; afterwards it has no name, and goes with the mount namespace.
 */
static void mounts_set(int sock, const char *hosts)
{
	int err = nsfile_mounts_private();

	if (err)
		fail(sock, err, "cannot make mounts private: %s", strerror(-err));
	/* So that ps and /proc/net show the node; a sandbox may refuse it, and little is lost. */
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
		(void)mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=0755") < 0)
		fail(sock, -errno, "cannot mount a tmpfs for hosts and resolv.conf: %s",
		     strerror(errno));
	err = nsfile_cover("/etc/hosts", "/tmp/hosts", hosts);
	if (!err)
		err = nsfile_cover("/etc/resolv.conf", "/tmp/resolv.conf",
				   "# This node has no name server; names are in /etc/hosts.\n");
	if (umount2("/tmp", MNT_DETACH) < 0 && !err)
		err = -errno;
	if (err)
		fail(sock, err, "cannot set the node's hosts and resolv.conf: %s", strerror(-err));
}

static int tap_open(int sock, const char *ifname)
{
	int fd = weft_tap_open(ifname);

	if (fd == -ENOENT)
		fail(sock, fd,
		     "there is no /dev/net/tun: load the module (modprobe tun), or make "
		     "the device available in this container");
	if (fd == -EACCES || fd == -EPERM)
		fail(sock, fd,
		     "/dev/net/tun may not be opened: run as root, or let users open it "
		     "(chmod 0666 /dev/net/tun, as most distributions have it)");
	if (fd < 0)
		fail(sock, fd, "cannot create the TAP of %s: %s", ifname, strerror(-fd));
	return fd;
}

static void taps_send(int sock, const int *fds, uint32_t n)
{
	struct holder_msg msg = {.kind = HOLDER_TAPS};
	union {
		char buf[CMSG_SPACE(HOLDER_TAPS_BATCH * sizeof(int))];
		struct cmsghdr align;
	} ctl = {.buf = {0}};
	struct iovec iov = {&msg, sizeof(msg)};
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &ctl,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};

	ctl.align.cmsg_level = SOL_SOCKET;
	ctl.align.cmsg_type = SCM_RIGHTS;
	ctl.align.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&ctl.align), fds, n * sizeof(int));
	if (sendmsg(sock, &mh, MSG_NOSIGNAL) < 0)
		fail(sock, -errno, "cannot pass the TAPs on: %s", strerror(errno));
	for (uint32_t i = 0; i < n; i++)
		close(fds[i]);
}

static void taps_make(int sock, const struct labfile_node *node)
{
	int fds[HOLDER_TAPS_BATCH];
	uint32_t n = 0;

	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		fds[n++] = tap_open(sock, node->ifaces[i].name);
		if (n == HOLDER_TAPS_BATCH || i + 1 == node->n_ifaces) {
			taps_send(sock, fds, n);
			n = 0;
		}
	}
}

static bool mac_is_given(const struct lab_mac *mac)
{
	static const struct lab_mac none;

	return memcmp(mac, &none, sizeof(none)) != 0;
}

static int iface_set(struct rtnl *nl, const struct labfile_iface *iface, const char **ret_what)
{
	int ifindex = (int)if_nametoindex(iface->name);
	int err;

	*ret_what = "link up";
	err = rtnl_link_up(nl, ifindex, mac_is_given(&iface->mac) ? iface->mac.bytes : NULL,
			   iface->mtu);
	*ret_what = "address";
	for (uint32_t i = 0; !err && i < iface->n_addrs; i++)
		err = rtnl_addr_add(nl, ifindex, &iface->addrs[i].net);
	return err;
}

static int route_set(struct rtnl *nl, const struct labfile_route *r)
{
	const struct rtnl_metrics m = {
		.metric = r->metric, .mtu = r->mtu, .initcwnd = r->initcwnd, .congctl = r->congctl};

	return rtnl_route_add(nl, &r->dst, r->via.ip.family == LAB_IP_NONE ? NULL : &r->via.ip,
			      r->iface ? (int)if_nametoindex(r->iface->name) : 0, &m);
}

_Noreturn void holder_iface_main(int sock, const struct labfile_iface *iface)
{
	const char *what = "netlink";
	struct rtnl nl;
	int fd = tap_open(sock, iface->name);
	int err = rtnl_open(&nl);

	if (!err)
		err = iface_set(&nl, iface, &what);
	if (err)
		fail(sock, err, "the kernel refused a setting of interface %s (%s): %s",
		     iface->name, what, strerror(-err));
	taps_send(sock, &fd, 1);
	msg_send(sock, HOLDER_READY, 0, 0);
	_exit(0);
}

static bool node_has_ip6(const struct labfile_node *node)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		if (node->ifaces[i].slaac)
			return true;
		for (uint32_t k = 0; k < node->ifaces[i].n_addrs; k++)
			if (node->ifaces[i].addrs[k].net.ip.family == LAB_IP6)
				return true;
	}
	return false;
}

static void network_set(int sock, const struct labfile_node *node)
{
	struct rtnl nl;
	const char *what = "lo";
	int err = rtnl_open(&nl);

	if (err)
		fail(sock, err, "netlink socket: %s", strerror(-err));
	/* Not to chatter about IPv6 (router solicitations, MLD) where nobody speaks it. */
	if (!node_has_ip6(node))
		(void)!nsfile_write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	if (node->forwarding) {
		what = "net.ipv4.ip_forward";
		err = nsfile_write("/proc/sys/net/ipv4/ip_forward", "1");
		/* Refused where the kernel has no IPv6: then nobody needs it. */
		if (!err && node_has_ip6(node))
			(void)!nsfile_write("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	}
	if (!err) {
		what = "lo";
		err = rtnl_link_up(&nl, (int)if_nametoindex("lo"), NULL, 0);
	}
	for (uint32_t i = 0; !err && i < node->n_ifaces; i++)
		err = iface_set(&nl, &node->ifaces[i], &what);
	if (!err)
		what = "route";
	for (uint32_t i = 0; !err && i < node->n_routes; i++)
		err = route_set(&nl, &node->routes[i]);
	if (err)
		fail(sock, err, "the kernel refused a setting of node %s (%s): %s", node->name,
		     what, strerror(-err));
	rtnl_close(&nl);
}

/* Splits NUL-terminated strings at `*p` into an array that execvpe(3) takes. NULL and errno: out of
 * memory, or malformed. */
static char **strings_take(char **p, const char *end, uint32_t n)
{
	char **v = calloc((size_t)n + 1, sizeof(*v));

	for (uint32_t i = 0; v && i < n; i++) {
		char *nul = memchr(*p, 0, (size_t)(end - *p));

		if (!nul) {
			free(v);
			errno = EINVAL;
			return NULL;
		}
		v[i] = *p;
		*p = nul + 1;
	}
	return v;
}

static void signals_default(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the new process. The pipe closes by itself when exec succeeds, else it carries the errno. */
static _Noreturn void prog_exec(char *const *argv, char *const *envp, const char *cwd,
				const int *fds, int pipe_fd)
{
	const char *path = NULL;
	int err;

	signals_default();
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			goto fail;
	/* A directory that the node cannot see is no reason not to run. */
	if (chdir(cwd) < 0 && chdir("/") < 0)
		goto fail;
	for (char *const *e = envp; *e; e++)
		if (!strncmp(*e, "PATH=", 5))
			path = *e + 5;
	if (path)
		setenv("PATH", path, 1); /* execvpe searches the caller's PATH */
	execvpe(argv[0], argv, envp);
fail:
	err = errno;
	(void)!write(pipe_fd, &err, sizeof(err));
	_exit(127);
}

static struct prog *prog_slot(struct holder_self *self)
{
	for (size_t i = 0; i < HOLDER_PROGS_MAX; i++)
		if (!self->progs[i].pid)
			return &self->progs[i];
	return NULL;
}

/* Returns 0 or the positive errno of what failed. */
static int prog_start(struct holder_self *self, const struct holder_msg *msg, char *strings,
		      const char *end, const int *fds)
{
	struct prog *prog = prog_slot(self);
	char *p = strings;
	char **cwd = strings_take(&p, end, 1);
	char **argv = strings_take(&p, end, msg->n_argv);
	char **envp = strings_take(&p, end, msg->n_envp);
	int pipe_fds[2] = {-1, -1};
	int err = prog ? 0 : EAGAIN;
	pid_t pid;

	if (!cwd || !argv || !envp) {
		err = errno == EINVAL ? EINVAL : ENOMEM;
		goto out;
	}
	if (!err && !msg->n_argv)
		err = EINVAL;
	if (!err && pipe2(pipe_fds, O_CLOEXEC) < 0)
		err = errno;
	if (err)
		goto out;
	pid = fork();
	if (pid == 0)
		prog_exec(argv, envp, cwd[0], fds, pipe_fds[1]);
	err = pid < 0 ? errno : 0;
	close(pipe_fds[1]);
	if (pid > 0 && read(pipe_fds[0], &err, sizeof(err)) == sizeof(err))
		waitpid(pid, NULL, 0);
	else if (pid > 0)
		*prog = (struct prog){pid, msg->id};
	close(pipe_fds[0]);
out:
	free(cwd);
	free(argv);
	free(envp);
	return err;
}

static void prog_signal(struct holder_self *self, uint32_t id, int signo)
{
	for (size_t i = 0; i < HOLDER_PROGS_MAX; i++)
		if (self->progs[i].pid && self->progs[i].id == id)
			kill(self->progs[i].pid, signo);
}

/* Takes one request. False: weft has closed the socket. */
static bool request_take(struct holder_self *self, char *buf)
{
	union {
		char buf[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = {buf, HOLDER_MSG_MAX};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &ctl,
			    .msg_controllen = sizeof(ctl)};
	ssize_t n = recvmsg(self->sock, &mh, MSG_CMSG_CLOEXEC);
	struct cmsghdr *cm = n > 0 ? CMSG_FIRSTHDR(&mh) : NULL;
	int fds[3] = {-1, -1, -1};
	struct holder_msg msg;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if ((size_t)n < sizeof(msg))
		return false;
	memcpy(&msg, buf, sizeof(msg));
	if (cm && cm->cmsg_type == SCM_RIGHTS && cm->cmsg_len == CMSG_LEN(sizeof(fds)))
		memcpy(fds, CMSG_DATA(cm), sizeof(fds));
	if (msg.kind == HOLDER_RUN)
		msg_send(self->sock, HOLDER_STARTED, msg.id,
			 prog_start(self, &msg, buf + sizeof(msg), buf + n, fds));
	else if (msg.kind == HOLDER_SIGNAL)
		prog_signal(self, msg.id, msg.value);
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return true;
}

/* Collects every process that has ended: process 1 inherits orphans too. */
static void children_reap(struct holder_self *self)
{
	struct signalfd_siginfo si;
	int n_failed = 0;
	int status;
	pid_t pid;

	(void)!read(self->sigfd, &si, sizeof(si));
	while ((pid = waitpid(-1, &status, WNOHANG))) {
		if (pid < 0 && (errno == ECHILD || ++n_failed == HOLDER_TRIES))
			break;
		for (size_t i = 0; pid > 0 && i < HOLDER_PROGS_MAX; i++)
			if (self->progs[i].pid == pid) {
				msg_send(self->sock, HOLDER_ENDED, self->progs[i].id, status);
				self->progs[i].pid = 0;
			}
	}
}

static _Noreturn void serve(struct holder_self *self)
{
	char *buf = malloc(HOLDER_MSG_MAX);

	if (!buf)
		fail(self->sock, -ENOMEM, "out of memory");
	msg_send(self->sock, HOLDER_READY, 0, 0);
	for (;;) {
		struct pollfd pfds[2] = {{self->sock, POLLIN, 0}, {self->sigfd, POLLIN, 0}};

		if (poll(pfds, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		if (pfds[1].revents)
			children_reap(self);
		if (pfds[0].revents && !request_take(self, buf))
			_exit(0);
	}
}

/* Signals of the terminal are for the programs; only the socket and its parent's death end it. */
static int signals_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (int s = 1; s <= SIGSYS; s++)
		if (s != SIGKILL && s != SIGSTOP && s != SIGSEGV && s != SIGBUS && s != SIGABRT)
			sigaddset(&set, s);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Whoever reads what weft prints is not to wait for us: programs have streams of their own. */
static void streams_drop(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null >= 0)
		close(null);
}

_Noreturn void holder_main(int sock, const struct holder_owner *owner,
			   const struct labfile_node *node, const char *hosts)
{
	static struct holder_self self; /* of a process of its own */

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "weft-node");
	/* Whatever else the parent had open is not for programs of the node. */
	if (sock != 3 && dup2(sock, 3) < 0)
		_exit(1);
	close_range(4, ~0U, 0);
	streams_drop();
	fcntl(3, F_SETFD, FD_CLOEXEC);
	self.sock = 3;
	self.sigfd = signals_set();
	if (self.sigfd < 0)
		fail(self.sock, -errno, "signalfd: %s", strerror(errno));

	identity_set(self.sock, node->name, owner->uid, owner->gid);
	mounts_set(self.sock, hosts);
	taps_make(self.sock, node);
	network_set(self.sock, node);
	serve(&self);
}

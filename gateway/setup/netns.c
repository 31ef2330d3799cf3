/* SPDX-License-Identifier: MIT */
/* A TAP in somebody else's network namespace; the contract is in netns.h. */
#include "gateway/setup/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/nsfile.h"
#include "lab/rtnl.h"
#include "weft/io.h"

enum {
	TAP_QUEUE = 2000, /* frames of the guest's that wait to be read */
};

/* What the child sends: a descriptor with err 0, or why there is none. */
struct netns_reply {
	int32_t err;
	char text[NETNS_MSG_MAX];
};

static int PRINTF_LIKE(3, 4) explain(char *msg, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, NETNS_MSG_MAX, fmt, ap);
	va_end(ap);
	return err;
}

static int ns_file_open(const char *path, char *msg)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = -errno;

	if (fd >= 0)
		return fd;
	if (err == -EACCES || err == -EPERM)
		return explain(msg, err, "%s may not be opened: %s; it belongs to another user",
			       path, strerror(-err));
	return explain(msg, err, "%s: %s", path, strerror(-err));
}

static bool same_file(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* The user namespace that owns `net`, when that is another one than ours and below it; else -1.
 * Where the kernel does not say we try without, and setns(2) says what is wrong. */
static int owner_open(int net)
{
	int user = ioctl(net, NS_GET_USERNS);
	int own = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	bool is_own = user >= 0 && own >= 0 && same_file(user, own);

	if (own >= 0)
		close(own);
	if (!is_own)
		return user;
	close(user);
	return -1;
}

int netns_open(const struct netns_target *target, struct netns *ret, char *ret_msg)
{
	struct netns ns = {.net = -1, .user = -1};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", (int)target->pid);
	if (!target->path && access(path, F_OK) < 0)
		return explain(ret_msg, -ESRCH, "there is no process %d", (int)target->pid);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)target->pid);
	ns.net = ns_file_open(target->path ? target->path : path, ret_msg);
	if (ns.net < 0)
		return ns.net;
	if (ioctl(ns.net, NS_GET_NSTYPE) != CLONE_NEWNET) {
		close(ns.net);
		return explain(ret_msg, -EINVAL, "%s is not a network namespace",
			       target->path ? target->path : path);
	}
	if (target->userns) {
		ns.user = ns_file_open(target->userns, ret_msg);
		if (ns.user < 0) {
			close(ns.net);
			return ns.user;
		}
	} else {
		ns.user = owner_open(ns.net);
	}
	*ret = ns;
	return 0;
}

void netns_close(struct netns *ns)
{
	if (ns->net >= 0)
		close(ns->net);
	if (ns->user >= 0)
		close(ns->user);
	*ns = (struct netns){.net = -1, .user = -1};
}

static _Noreturn void reply_failed(int sock, const struct netns_reply *reply)
{
	(void)!send(sock, reply, sizeof(*reply), MSG_NOSIGNAL);
	_exit(1);
}

static _Noreturn void PRINTF_LIKE(3, 4) fail(int sock, int err, const char *fmt, ...)
{
	struct netns_reply reply = {.err = err};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reply.text, sizeof(reply.text), fmt, ap);
	va_end(ap);
	reply_failed(sock, &reply);
}

/* Root of the system may enter without being a member of the owner; everybody else must be. */
static void join(int sock, const struct netns *ns)
{
	if (ns->user >= 0 && setns(ns->user, CLONE_NEWUSER) < 0 && errno != EINVAL &&
	    geteuid() != 0)
		fail(sock, -errno,
		     "cannot join the user namespace that owns the network namespace: %s; it "
		     "belongs to another user",
		     strerror(errno));
	if (setns(ns->net, CLONE_NEWNET) < 0)
		fail(sock, -errno,
		     "cannot join the network namespace: %s; run as its owner, or as root",
		     strerror(errno));
}

/* A guest that opens a thousand connections at once sends a thousand SYNs, faster than they can be
 * connected on: what a TAP's queue of 500 had no room for came again after a second. The kernel may
 * refuse: then it is as it was. */
static void queue_lengthen(const char *ifname)
{
	struct rtnl nl;

	if (rtnl_open(&nl) < 0)
		return;
	(void)!rtnl_link_queue(&nl, (int)if_nametoindex(ifname), TAP_QUEUE);
	rtnl_close(&nl);
}

static int tap_open(int sock, const char *ifname)
{
	int fd = weft_tap_open(ifname);

	if (fd == -ENOENT || fd == -ENXIO || fd == -ENODEV)
		fail(sock, fd,
		     "there is no /dev/net/tun: load the module (modprobe tun), or make the device "
		     "available in this container");
	if (fd == -EBUSY)
		fail(sock, fd, "the namespace has an interface %s already", ifname);
	if (fd == -EACCES)
		fail(sock, fd,
		     "/dev/net/tun may not be opened: let users open it (chmod 0666 /dev/net/tun, "
		     "as most distributions have it), or run as root");
	if (fd == -EPERM)
		fail(sock, fd,
		     "the kernel lets nobody of this user namespace make a TAP in that network "
		     "namespace: it belongs to another one");
	if (fd < 0)
		fail(sock, fd, "cannot create the TAP %s: %s", ifname, strerror(-fd));
	queue_lengthen(ifname);
	return fd;
}

static int route_default(struct rtnl *nl, const struct lab_ip *via, int ifindex)
{
	const struct lab_net all = {.ip.family = via->family};
	const struct rtnl_metrics none = {.metric = 0};

	return via->family == LAB_IP_NONE ? 0 : rtnl_route_add(nl, &all, via, ifindex, &none);
}

/* Of the addresses only IPv4's are needed: a kernel without IPv6 refuses the others. */
static int addrs_set(struct rtnl *nl, const struct netns_tap *tap, int ifindex, bool *ret_has_ip6)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < tap->n_addrs; i++) {
		err = rtnl_addr_add(nl, ifindex, &tap->addrs[i]);
		if (err && tap->addrs[i].ip.family == LAB_IP6 &&
		    (err == -EOPNOTSUPP || err == -EAFNOSUPPORT || err == -EACCES ||
		     err == -EPERM)) {
			*ret_has_ip6 = false;
			err = 0;
		}
	}
	return err;
}

/* Who is not there yet (net.ipv4 of a kernel without it) is not needed: best effort. */
static void users_allow(void)
{
	char range[32];

	snprintf(range, sizeof(range), "%u %u", (unsigned int)getegid(), (unsigned int)getegid());
	if (nsfile_write("/proc/sys/net/ipv4/ping_group_range", "0 4294967294") < 0)
		(void)!nsfile_write("/proc/sys/net/ipv4/ping_group_range", range);
	(void)!nsfile_write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
}

static void configure(int sock, const struct netns_tap *tap)
{
	int ifindex = (int)if_nametoindex(tap->ifname);
	bool has_ip6 = true;
	const char *what = "netlink";
	struct rtnl nl;
	int err = rtnl_open(&nl);

	if (!err) {
		what = "lo";
		err = rtnl_link_up(&nl, (int)if_nametoindex("lo"), NULL, 0);
	}
	if (!err) {
		what = tap->mtu ? "MAC, MTU" : "MAC";
		err = rtnl_link_up(&nl, ifindex, tap->mac, tap->mtu);
	}
	if (!err) {
		what = "address";
		err = addrs_set(&nl, tap, ifindex, &has_ip6);
	}
	if (!err) {
		what = "default route";
		err = route_default(&nl, &tap->via4, ifindex);
	}
	if (!err && has_ip6)
		err = route_default(&nl, &tap->via6, ifindex);
	if (err == -EEXIST)
		fail(sock, err,
		     "the namespace has a default route already; a second interface is for you to "
		     "configure (`weft gateway --no-configure`)");
	else if (err)
		fail(sock, err, "the kernel refused a setting of interface %s (%s): %s",
		     tap->ifname, what, strerror(-err));
	rtnl_close(&nl);
	if (tap->open_to_users)
		users_allow();
}

/* One message, with a descriptor. */
static void tap_send(int sock, int fd)
{
	struct netns_reply reply = {.err = 0};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl = {.buf = {0}};
	struct iovec iov = {&reply, sizeof(reply)};
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &ctl,
		.msg_controllen = sizeof(ctl.buf),
	};

	ctl.align.cmsg_level = SOL_SOCKET;
	ctl.align.cmsg_type = SCM_RIGHTS;
	ctl.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&ctl.align), &fd, sizeof(int));
	if (sendmsg(sock, &mh, MSG_NOSIGNAL) < 0)
		fail(sock, -errno, "cannot pass the TAP on: %s", strerror(errno));
}

static _Noreturn void child_main(int sock, const struct netns *ns, const struct netns_tap *tap)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	join(sock, ns);
	fd = tap_open(sock, tap->ifname);
	if (tap->configure)
		configure(sock, tap);
	tap_send(sock, fd);
	_exit(0);
}

static int reply_take(int sock, int *ret_fd, char *ret_msg)
{
	struct netns_reply reply = {.err = 0};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl = {.buf = {0}};
	struct iovec iov = {&reply, sizeof(reply)};
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &ctl,
		.msg_controllen = sizeof(ctl.buf),
	};
	struct cmsghdr *cm;
	ssize_t n;

	do
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(reply))
		return explain(ret_msg, -EPIPE,
			       "the process that makes the TAP ended unexpectedly");
	if (reply.err) {
		memcpy(ret_msg, reply.text, sizeof(reply.text));
		return reply.err;
	}
	cm = CMSG_FIRSTHDR(&mh);
	if (!cm || cm->cmsg_type != SCM_RIGHTS || cm->cmsg_len != CMSG_LEN(sizeof(int)))
		return explain(ret_msg, -EMFILE, "out of file descriptors");
	memcpy(ret_fd, CMSG_DATA(cm), sizeof(int));
	return 0;
}

int netns_tap_open(const struct netns *ns, const struct netns_tap *tap, int *ret_fd, char *ret_msg)
{
	int socks[2];
	pid_t pid;
	int err;

	if (!tap->ifname[0] || strlen(tap->ifname) >= IFNAMSIZ || strchr(tap->ifname, '%'))
		return explain(ret_msg, -EINVAL, "`%s` cannot be the name of an interface",
			       tap->ifname);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) < 0)
		return explain(ret_msg, -errno, "socketpair: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(socks[0]);
		child_main(socks[1], ns, tap);
	}
	err = pid < 0 ? explain(ret_msg, -errno, "fork: %s", strerror(errno)) : 0;
	close(socks[1]);
	if (!err)
		err = reply_take(socks[0], ret_fd, ret_msg);
	close(socks[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return err;
}

/* SPDX-License-Identifier: MIT */
/*
 * The sockets under test: the kernel's, in two network namespaces joined by a veth (os.h). The
 * process must be in a namespace of its own and allowed to make more (oracle.py sees to both).
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int namespaces[2] = {-1, -1};

/* A descriptor and no more. */
struct os_sock {
	int fd;
};
struct os_set {
	int fd;
};

union name {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t name_of(const struct weft_sockaddr *from, union name *ret)
{
	*ret = (union name){.sa.sa_family = from->addr.family};
	if (from->addr.family == AF_INET6) {
		ret->in6.sin6_port = htons(from->port);
		ret->in6.sin6_scope_id = from->scope_id;
		memcpy(&ret->in6.sin6_addr, from->addr.bytes, 16);
		return sizeof(ret->in6);
	}
	ret->in.sin_port = htons(from->port);
	memcpy(&ret->in.sin_addr, from->addr.bytes, 4);
	return sizeof(ret->in);
}

static void name_to(const union name *from, struct weft_sockaddr *ret)
{
	*ret = (struct weft_sockaddr){.addr.family = (uint8_t)from->sa.sa_family};
	if (from->sa.sa_family == AF_INET) {
		ret->port = ntohs(from->in.sin_port);
		memcpy(ret->addr.bytes, &from->in.sin_addr, 4);
	} else if (from->sa.sa_family == AF_INET6) {
		ret->port = ntohs(from->in6.sin6_port);
		memcpy(ret->addr.bytes, &from->in6.sin6_addr, 16);
	}
}

static int result(long n)
{
	return n < 0 ? -errno : (int)n;
}

static int run(int host, const char *command)
{
	if (setns(namespaces[host], CLONE_NEWNET) < 0)
		return -errno;
	return system(command) ? -EIO : 0;
}

static int namespace_new(int host)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	namespaces[host] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return namespaces[host] < 0 ? -errno : 0;
}

int os_open(void)
{
	char command[512];
	int err = namespace_new(0);

	signal(SIGPIPE, SIG_IGN);
	if (!err)
		err = namespace_new(1);
	if (err)
		return err;
	/* In the second one: its end, and the other handed to the first. */
	snprintf(command, sizeof(command),
		 "cd /proc/sys/net/ipv4 && echo 0 > icmp_ratelimit && "
		 "{ echo 1000000 > icmp_msgs_per_sec; echo 1000000 > icmp_msgs_burst; } "
		 "2>/dev/null; "
		 "ip link set lo up && ip link add eth0 type veth peer name eth1 && "
		 "ip link set eth1 netns /proc/%d/fd/%d && ip addr add 10.0.0.2/24 dev eth0 && "
		 "ip addr add fd00::2/64 dev eth0 nodad && ip link set eth0 up",
		 (int)getpid(), namespaces[0]);
	fcntl(namespaces[0], F_SETFD, 0);
	err = run(1, command);
	return err ? err
		   : run(0, "ip link set lo up && ip link set eth1 name eth0 && "
			    "ip addr add 10.0.0.1/24 dev eth0 && "
			    "ip addr add fd00::1/64 dev eth0 nodad && ip link set eth0 up");
}

void os_close(void)
{
	close(namespaces[0]);
	close(namespaces[1]);
}

void os_settle(void)
{
	usleep(500); /* the wire is immediate, its softirq nearly so */
}

const char *os_name(void)
{
	return "kernel";
}

static int sock_new(int fd, struct os_sock **ret)
{
	struct os_sock *s;

	if (fd < 0)
		return -errno;
	s = malloc(sizeof(*s));
	if (!s)
		abort();
	s->fd = fd;
	*ret = s;
	return 0;
}

int os_socket(int host, int family, int type, int protocol, struct os_sock **ret)
{
	if (setns(namespaces[host], CLONE_NEWNET) < 0)
		return -errno;
	return sock_new(socket(family, type, protocol), ret);
}

void os_sock_close(struct os_sock *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s);
}

void os_nonblock(struct os_sock *s, bool on)
{
	fcntl(s->fd, F_SETFL, on ? O_NONBLOCK : 0);
}

int os_bind(struct os_sock *s, const struct weft_sockaddr *sa)
{
	union name name;
	socklen_t len = name_of(sa, &name);

	return result(bind(s->fd, &name.sa, len));
}

int os_listen(struct os_sock *s, int backlog)
{
	return result(listen(s->fd, backlog));
}

int os_accept(struct os_sock *s, struct os_sock **ret, struct weft_sockaddr *ret_peer)
{
	union name name = {.sa.sa_family = 0};
	socklen_t len = sizeof(name);
	int err = sock_new(accept(s->fd, &name.sa, &len), ret);

	if (!err && ret_peer)
		name_to(&name, ret_peer);
	return err;
}

int os_connect(struct os_sock *s, const struct weft_sockaddr *sa)
{
	union name name;
	socklen_t len = name_of(sa, &name);

	return result(connect(s->fd, &name.sa, len));
}

long os_sendto(struct os_sock *s, const void *buf, size_t len, uint32_t flags,
	       const struct weft_sockaddr *to)
{
	union name name;
	socklen_t name_len = to ? name_of(to, &name) : 0;

	return result(
		sendto(s->fd, buf, len, (int)flags | MSG_NOSIGNAL, to ? &name.sa : NULL, name_len));
}

long os_recvfrom(struct os_sock *s, void *buf, size_t len, uint32_t flags,
		 struct weft_sockaddr *ret_from)
{
	union name name = {.sa.sa_family = 0};
	socklen_t name_len = sizeof(name);
	int n = result(recvfrom(s->fd, buf, len, (int)flags, &name.sa, &name_len));

	if (n >= 0 && ret_from)
		name_to(&name, ret_from);
	return n;
}

static void msg_of(const struct weft_msghdr *from, struct msghdr *ret, union name *name)
{
	*ret = (struct msghdr){
		.msg_iov = (struct iovec *)(void *)(uintptr_t)from->iov,
		.msg_iovlen = from->n_iov,
		.msg_control = from->control,
		.msg_controllen = from->control_len,
	};
	if (from->name) {
		ret->msg_name = name;
		ret->msg_namelen = name_of(from->name, name);
	}
}

long os_sendmsg(struct os_sock *s, const struct weft_msghdr *msg, uint32_t flags)
{
	union name name;
	struct msghdr m;

	msg_of(msg, &m, &name);
	return result(sendmsg(s->fd, &m, (int)flags | MSG_NOSIGNAL));
}

long os_recvmsg(struct os_sock *s, struct weft_msghdr *msg, uint32_t flags)
{
	union name name;
	struct msghdr m;
	int n;

	msg_of(msg, &m, &name);
	m.msg_namelen = m.msg_name ? sizeof(name) : 0;
	name = (union name){.sa.sa_family = 0};
	n = result(recvmsg(s->fd, &m, (int)flags));
	if (n < 0)
		return n;
	if (msg->name)
		name_to(&name, msg->name);
	msg->control_len = m.msg_controllen;
	msg->flags = (uint32_t)m.msg_flags;
	return n;
}

int os_ioctl(struct os_sock *s, unsigned int request, int *ret)
{
	return result(ioctl(s->fd, request, ret));
}

int os_shutdown(struct os_sock *s, int how)
{
	return result(shutdown(s->fd, how));
}

int os_getsockname(struct os_sock *s, struct weft_sockaddr *ret)
{
	union name name = {.sa.sa_family = 0};
	socklen_t len = sizeof(name);
	int err = result(getsockname(s->fd, &name.sa, &len));

	if (!err)
		name_to(&name, ret);
	return err;
}

int os_getpeername(struct os_sock *s, struct weft_sockaddr *ret)
{
	union name name = {.sa.sa_family = 0};
	socklen_t len = sizeof(name);
	int err = result(getpeername(s->fd, &name.sa, &len));

	if (!err)
		name_to(&name, ret);
	return err;
}

int os_setsockopt(struct os_sock *s, int level, int name, const void *val, size_t len)
{
	return result(setsockopt(s->fd, level, name, val, (socklen_t)len));
}

int os_getsockopt(struct os_sock *s, int level, int name, void *val, size_t *len)
{
	socklen_t n = (socklen_t)*len;
	int err = result(getsockopt(s->fd, level, name, val, &n));

	*len = n;
	return err;
}

uint32_t os_poll(struct os_sock *s, uint32_t events, int timeout_ms)
{
	struct pollfd p = {.fd = s->fd, .events = (short)events};

	return poll(&p, 1, timeout_ms) == 1 ? (uint32_t)(uint16_t)p.revents : 0;
}

int os_set_new(struct os_set **ret)
{
	struct os_set *set = malloc(sizeof(*set));

	if (!set)
		abort();
	set->fd = epoll_create1(EPOLL_CLOEXEC);
	*ret = set;
	return set->fd < 0 ? -errno : 0;
}

void os_set_free(struct os_set *set)
{
	close(set->fd);
	free(set);
}

static int set_ctl(struct os_set *set, int op, struct os_sock *s, uint32_t events)
{
	struct epoll_event ev = {.events = events};

	return result(epoll_ctl(set->fd, op, s->fd, &ev));
}

int os_set_add(struct os_set *set, struct os_sock *s, uint32_t events)
{
	return set_ctl(set, EPOLL_CTL_ADD, s, events);
}

int os_set_mod(struct os_set *set, struct os_sock *s, uint32_t events)
{
	return set_ctl(set, EPOLL_CTL_MOD, s, events);
}

int os_set_del(struct os_set *set, struct os_sock *s)
{
	return set_ctl(set, EPOLL_CTL_DEL, s, 0);
}

uint32_t os_set_get(struct os_set *set)
{
	struct epoll_event ev;

	return epoll_wait(set->fd, &ev, 1, 0) == 1 ? ev.events : 0;
}

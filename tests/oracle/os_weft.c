/* SPDX-License-Identifier: MIT */
/* The sockets under test: weft's blocking ones, on two stacks joined by a wire (os.h). */
#include "os.h"

#include <errno.h>
#include <unistd.h>

#include "weft/blocking.h"
#include "weft/weft.h"

static struct weft_thread *thread;
static struct weft_stack *stacks[2];

/* The handles are weft's under other names. */
static struct weft_bsock *b(struct os_sock *s)
{
	return (struct weft_bsock *)(void *)s;
}

static struct weft_bpollset *bset(struct os_set *set)
{
	return (struct weft_bpollset *)(void *)set;
}

static int addrs_add(struct weft_netif *nif, const char *ip4, const char *ip6)
{
	struct weft_addr a, a6;

	if (weft_addr_parse(ip4, &a) || weft_addr_parse(ip6, &a6))
		return -EINVAL;
	return weft_addr_add(nif, &a, 24) ? -EINVAL : weft_addr_add(nif, &a6, 64);
}

static int build(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct weft_netif *na, *nb;

	(void)loop, (void)arg;
	if (weft_stack_new(eng, "a", &stacks[0]) || weft_stack_new(eng, "b", &stacks[1]) ||
	    weft_veth_new(stacks[0], "eth0", stacks[1], "eth0", &na, &nb) ||
	    weft_stack_set(stacks[1], "net.ipv4.icmp_ratelimit", 0) ||
	    weft_stack_set(stacks[1], "net.ipv4.icmp_msgs_per_sec", 1000000) ||
	    weft_stack_set(stacks[1], "net.ipv4.icmp_msgs_burst", 1000000) ||
	    addrs_add(na, "10.0.0.1", "fd00::1") || addrs_add(nb, "10.0.0.2", "fd00::2"))
		return -ENOMEM;
	return 0;
}

static int demolish(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	(void)eng, (void)loop, (void)arg;
	weft_stack_free(stacks[0]);
	weft_stack_free(stacks[1]);
	return 0;
}

static int nothing(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	(void)eng, (void)loop, (void)arg;
	return 0;
}

int os_open(void)
{
	struct weft_engine_config cfg = {.entropy = weft_io_entropy};
	int err = weft_thread_new(&cfg, &thread);

	return err ? err : weft_thread_call(thread, build, NULL);
}

void os_close(void)
{
	(void)weft_thread_call(thread, demolish, NULL);
	weft_thread_free(thread);
}

/* A turn of the loop ends when all is done that a call caused, wires included. */
void os_settle(void)
{
	(void)weft_thread_call(thread, nothing, NULL);
	(void)weft_thread_call(thread, nothing, NULL);
}

const char *os_name(void)
{
	return "weft";
}

int os_socket(int host, int family, int type, int protocol, struct os_sock **ret)
{
	struct weft_bsock *s;
	int err = weft_b_socket(thread, stacks[host], family, type, protocol, &s);

	if (!err)
		*ret = (struct os_sock *)(void *)s;
	return err;
}

void os_sock_close(struct os_sock *s)
{
	weft_b_close(b(s));
}

void os_nonblock(struct os_sock *s, bool on)
{
	weft_b_set_nonblock(b(s), on);
}

int os_bind(struct os_sock *s, const struct weft_sockaddr *sa)
{
	return weft_b_bind(b(s), sa);
}

int os_listen(struct os_sock *s, int backlog)
{
	return weft_b_listen(b(s), backlog);
}

int os_accept(struct os_sock *s, struct os_sock **ret, struct weft_sockaddr *ret_peer)
{
	struct weft_bsock *conn;
	int err = weft_b_accept(b(s), &conn, ret_peer);

	if (!err)
		*ret = (struct os_sock *)(void *)conn;
	return err;
}

int os_connect(struct os_sock *s, const struct weft_sockaddr *sa)
{
	return weft_b_connect(b(s), sa);
}

long os_sendto(struct os_sock *s, const void *buf, size_t len, uint32_t flags,
	       const struct weft_sockaddr *to)
{
	return weft_b_sendto(b(s), buf, len, flags, to);
}

long os_recvfrom(struct os_sock *s, void *buf, size_t len, uint32_t flags,
		 struct weft_sockaddr *ret_from)
{
	return weft_b_recvfrom(b(s), buf, len, flags, ret_from);
}

long os_sendmsg(struct os_sock *s, const struct weft_msghdr *msg, uint32_t flags)
{
	return weft_b_sendmsg(b(s), msg, flags);
}

long os_recvmsg(struct os_sock *s, struct weft_msghdr *msg, uint32_t flags)
{
	return weft_b_recvmsg(b(s), msg, flags);
}

int os_ioctl(struct os_sock *s, unsigned int request, int *ret)
{
	return weft_b_ioctl(b(s), request, ret);
}

int os_shutdown(struct os_sock *s, int how)
{
	return weft_b_shutdown(b(s), how);
}

int os_getsockname(struct os_sock *s, struct weft_sockaddr *ret)
{
	return weft_b_getsockname(b(s), ret);
}

int os_getpeername(struct os_sock *s, struct weft_sockaddr *ret)
{
	return weft_b_getpeername(b(s), ret);
}

int os_setsockopt(struct os_sock *s, int level, int name, const void *val, size_t len)
{
	return weft_b_setsockopt(b(s), level, name, val, len);
}

int os_getsockopt(struct os_sock *s, int level, int name, void *val, size_t *len)
{
	return weft_b_getsockopt(b(s), level, name, val, len);
}

uint32_t os_poll(struct os_sock *s, uint32_t events, int timeout_ms)
{
	struct weft_b_pollfd p = {.sock = b(s), .events = events};

	return weft_b_poll(thread, &p, 1, (int64_t)timeout_ms * 1000000) == 1 ? p.revents : 0;
}

int os_set_new(struct os_set **ret)
{
	struct weft_bpollset *set;
	int err = weft_b_pollset_new(thread, &set);

	if (!err)
		*ret = (struct os_set *)(void *)set;
	return err;
}

void os_set_free(struct os_set *set)
{
	weft_b_pollset_free(bset(set));
}

int os_set_add(struct os_set *set, struct os_sock *s, uint32_t events)
{
	return weft_b_pollset_add(bset(set), b(s), events, 1);
}

int os_set_mod(struct os_set *set, struct os_sock *s, uint32_t events)
{
	return weft_b_pollset_mod(bset(set), b(s), events, 1);
}

int os_set_del(struct os_set *set, struct os_sock *s)
{
	return weft_b_pollset_del(bset(set), b(s));
}

uint32_t os_set_get(struct os_set *set)
{
	struct weft_poll_event ev;

	return weft_b_pollset_wait(bset(set), &ev, 1, 0) == 1 ? ev.events : 0;
}

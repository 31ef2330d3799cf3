/* SPDX-License-Identifier: MIT */
/*
 * The sockets under test, twice: the kernel's (os_kernel.c) and weft's blocking ones (os_weft.c).
 * Constants are Linux's, which are weft's too; calls return a count or -errno.
 *
 *	host 0, 10.0.0.1, fd00::1 ---- eth0 ---- 10.0.0.2, fd00::2, host 1
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/poll.h"
#include "weft/socket.h"

struct os_sock;
struct os_set; /* epoll's */

/* Builds the two hosts, and takes them down. */
int os_open(void);
void os_close(void);
/* What was sent has arrived, as far as it will soon. */
void os_settle(void);
const char *os_name(void);

int os_socket(int host, int family, int type, int protocol, struct os_sock **ret);
void os_sock_close(struct os_sock *s); /* NULL is fine */
void os_nonblock(struct os_sock *s, bool on);
int os_bind(struct os_sock *s, const struct weft_sockaddr *sa);
int os_listen(struct os_sock *s, int backlog);
int os_accept(struct os_sock *s, struct os_sock **ret, struct weft_sockaddr *ret_peer);
int os_connect(struct os_sock *s, const struct weft_sockaddr *sa);
long os_sendto(struct os_sock *s, const void *buf, size_t len, uint32_t flags,
	       const struct weft_sockaddr *to);
long os_recvfrom(struct os_sock *s, void *buf, size_t len, uint32_t flags,
		 struct weft_sockaddr *ret_from);
long os_sendmsg(struct os_sock *s, const struct weft_msghdr *msg, uint32_t flags);
long os_recvmsg(struct os_sock *s, struct weft_msghdr *msg, uint32_t flags);
int os_ioctl(struct os_sock *s, unsigned int request, int *ret);
int os_shutdown(struct os_sock *s, int how);
int os_getsockname(struct os_sock *s, struct weft_sockaddr *ret);
int os_getpeername(struct os_sock *s, struct weft_sockaddr *ret);
int os_setsockopt(struct os_sock *s, int level, int name, const void *val, size_t len);
int os_getsockopt(struct os_sock *s, int level, int name, void *val, size_t *len);
/* poll(2)'s revents for `events`, waiting for at most so long. */
uint32_t os_poll(struct os_sock *s, uint32_t events, int timeout_ms);

int os_set_new(struct os_set **ret);
void os_set_free(struct os_set *set);
int os_set_add(struct os_set *set, struct os_sock *s, uint32_t events);
int os_set_mod(struct os_set *set, struct os_sock *s, uint32_t events);
int os_set_del(struct os_set *set, struct os_sock *s);
/* The events of the only socket; 0: none now. */
uint32_t os_set_get(struct os_set *set);

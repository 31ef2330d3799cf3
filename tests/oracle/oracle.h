/* SPDX-License-Identifier: MIT */
/* What the cases share: addresses, results as words, and the sockets that a case leaves behind. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "os.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
	ALL_EVENTS = WEFT_IN | WEFT_PRI | WEFT_OUT | WEFT_RDHUP,
};

void cases_stream(void);
void cases_dgram(void);
void cases_option(void);
void cases_misc(void);
void cases_stamp(void);
void cases_ip6(void);

/* A new socket, freed at the end of the case; fails the program when there is none. */
struct os_sock *sock(int host, int family, int type);
/* The case owns it from now on. */
struct os_sock *keep(struct os_sock *s);
/* Closed now. */
void drop(struct os_sock *s);
/* The case is over: closes what it has opened. */
void case_end(void);
/* A port that no case has used. */
uint16_t port_new(void);
/* 10.0.0.`host`, or fd00::`host`; 0: any. */
struct weft_sockaddr at(int host, uint16_t port);
struct weft_sockaddr at6(int host, uint16_t port);

/* "ok", "5", "EAGAIN": of a call that returns a count or -errno. */
const char *res(long n);
/* "IN|OUT", "0". */
const char *events(uint32_t bits);
/* SO_ERROR as a word, which is cleared. */
const char *so_error(struct os_sock *s);
int opt_int(struct os_sock *s, int level, int name);
int opt_set(struct os_sock *s, int level, int name, int v);

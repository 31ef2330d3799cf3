/* SPDX-License-Identifier: MIT */
/*
 * Socket cases, one line of output each: what a call returned in a state, and what is true then.
 * Built twice, on the kernel's sockets and on weft's (os.h); oracle.py compares the outputs.
 */
#include "oracle.h"

#include <stdlib.h>

enum {
	SOCKS_MAX = 256, /* of a case */
	WORDS_MAX = 16,  /* printed at a time */
	WORD_MAX = 64,
};

static struct os_sock *socks[SOCKS_MAX];
static size_t n_socks;
static uint16_t last_port = 20000;
static char words[WORDS_MAX][WORD_MAX];
static size_t n_words;

static char *word(void)
{
	return words[n_words++ % WORDS_MAX];
}

struct os_sock *keep(struct os_sock *s)
{
	if (n_socks == SOCKS_MAX)
		abort();
	socks[n_socks++] = s;
	return s;
}

struct os_sock *sock(int host, int family, int type)
{
	struct os_sock *s;
	int err = os_socket(host, family, type, 0, &s);

	if (err) {
		fprintf(stderr, "socket: %s\n", strerror(-err));
		exit(1);
	}
	return keep(s);
}

void drop(struct os_sock *s)
{
	for (size_t i = 0; i < n_socks; i++)
		if (socks[i] == s)
			socks[i] = NULL;
	os_sock_close(s);
}

void case_end(void)
{
	while (n_socks)
		os_sock_close(socks[--n_socks]);
	os_settle();
}

uint16_t port_new(void)
{
	return ++last_port;
}

struct weft_sockaddr at(int host, uint16_t port)
{
	struct weft_sockaddr sa = {.addr.family = WEFT_AF_INET, .port = port};

	if (host)
		memcpy(sa.addr.bytes, (uint8_t[]){10, 0, 0, (uint8_t)host}, 4);
	return sa;
}

struct weft_sockaddr at6(int host, uint16_t port)
{
	struct weft_sockaddr sa = {.addr.family = WEFT_AF_INET6, .port = port};

	if (host)
		memcpy(sa.addr.bytes, (uint8_t[16]){0xfd, [15] = (uint8_t)host}, 16);
	return sa;
}

const char *res(long n)
{
	char *w = word();

	if (n < 0)
		return strerrorname_np((int)-n);
	snprintf(w, WORD_MAX, "%ld", n);
	return w;
}

const char *events(uint32_t bits)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {{WEFT_IN, "IN"},   {WEFT_PRI, "PRI"}, {WEFT_OUT, "OUT"},
		     {WEFT_ERR, "ERR"}, {WEFT_HUP, "HUP"}, {WEFT_RDHUP, "RDHUP"}};
	char *w = word();
	size_t len = 0;

	w[0] = '\0';
	for (size_t i = 0; i < N_OF(names); i++)
		if (bits & names[i].bit)
			len += (size_t)snprintf(w + len, WORD_MAX - len, "%s%s", len ? "|" : "",
						names[i].name);
	return len ? w : "0";
}

int opt_int(struct os_sock *s, int level, int name)
{
	size_t len = sizeof(int);
	int v = -1;
	int err = os_getsockopt(s, level, name, &v, &len);

	return err ? err : v;
}

int opt_set(struct os_sock *s, int level, int name, int v)
{
	return os_setsockopt(s, level, name, &v, sizeof(v));
}

const char *so_error(struct os_sock *s)
{
	return res(-opt_int(s, SOL_SOCKET, SO_ERROR));
}

int main(void)
{
	int err = os_open();

	if (err) {
		fprintf(stderr, "%s: %s\n", os_name(), strerror(-err));
		return 1;
	}
	cases_stream();
	cases_dgram();
	cases_option();
	cases_misc();
	cases_stamp();
	cases_ip6();
	os_close();
	return 0;
}

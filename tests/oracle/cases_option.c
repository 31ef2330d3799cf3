/* SPDX-License-Identifier: MIT */
/* Options and socket(2): defaults, values at and beyond the edges of their ranges, and lengths. */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "oracle.h"

struct option {
	const char *name;
	int level, number;
};

static const struct option options[] = {
	{"SO_DEBUG", SOL_SOCKET, SO_DEBUG},
	{"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR},
	{"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT},
	{"SO_TYPE", SOL_SOCKET, SO_TYPE},
	{"SO_ERROR", SOL_SOCKET, SO_ERROR},
	{"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE},
	{"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST},
	{"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF},
	{"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF},
	{"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE},
	{"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE},
	{"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY},
	{"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT},
	{"SO_SNDLOWAT", SOL_SOCKET, SO_SNDLOWAT},
	{"SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP},
	{"SO_TIMESTAMPNS", SOL_SOCKET, SO_TIMESTAMPNS},
	{"SO_ACCEPTCONN", SOL_SOCKET, SO_ACCEPTCONN},
	{"SO_MARK", SOL_SOCKET, SO_MARK},
	{"SO_PROTOCOL", SOL_SOCKET, SO_PROTOCOL},
	{"SO_DOMAIN", SOL_SOCKET, SO_DOMAIN},
	{"SO_999", SOL_SOCKET, 999},
	{"IP_TOS", IPPROTO_IP, IP_TOS},
	{"IP_TTL", IPPROTO_IP, IP_TTL},
	{"IP_PKTINFO", IPPROTO_IP, IP_PKTINFO},
	{"IP_RECVTTL", IPPROTO_IP, IP_RECVTTL},
	{"IP_RECVTOS", IPPROTO_IP, IP_RECVTOS},
	{"IP_RECVERR", IPPROTO_IP, IP_RECVERR},
	{"IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER},
	{"IP_MTU", IPPROTO_IP, IP_MTU},
	{"IP_MULTICAST_TTL", IPPROTO_IP, IP_MULTICAST_TTL},
	{"IP_MULTICAST_LOOP", IPPROTO_IP, IP_MULTICAST_LOOP},
	{"IP_MULTICAST_ALL", IPPROTO_IP, IP_MULTICAST_ALL},
	{"IP_HDRINCL", IPPROTO_IP, IP_HDRINCL},
	{"IP_999", IPPROTO_IP, 999},
	{"IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY},
	{"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY},
	{"TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG},
	{"TCP_CORK", IPPROTO_TCP, TCP_CORK},
	{"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE},
	{"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL},
	{"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT},
	{"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT},
	{"TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2},
	{"TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT},
	{"TCP_WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP},
	{"TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK},
	{"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT},
	{"TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN},
	{"TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT},
	{"TCP_999", IPPROTO_TCP, 999},
	{"UDP_SEGMENT", IPPROTO_UDP, 103},
	{"UDP_999", IPPROTO_UDP, 999},
	{"level_999", 999, 1},
};

static const int values[] = {0, 1, 2, -1, 100, 256, 70000};

/* In the order given each value is set on a socket of its own, and read back. */
static void option_values(const struct option *o, int type)
{
	printf("option %s %s:", type == SOCK_STREAM ? "stream" : "dgram", o->name);
	for (size_t i = 0; i < N_OF(values); i++) {
		struct os_sock *s = sock(0, AF_INET, type);
		int before = opt_int(s, o->level, o->number);
		int err = opt_set(s, o->level, o->number, values[i]);

		if (i == 0)
			printf(" %s", res(before));
		printf("; %d %s %s", values[i], res(err), res(opt_int(s, o->level, o->number)));
		case_end();
	}
	printf("\n");
}

static void option_lengths(const struct option *o, int type)
{
	static const size_t lengths[] = {0, 1, 2, 3, 4, 8};
	union {
		char bytes[8];
		int v;
	} val = {.v = 1};

	printf("option length %s %s:", type == SOCK_STREAM ? "stream" : "dgram", o->name);
	for (size_t i = 0; i < N_OF(lengths); i++) {
		struct os_sock *s = sock(0, AF_INET, type);
		size_t len = lengths[i];
		int err = os_setsockopt(s, o->level, o->number, val.bytes, lengths[i]);
		int got = os_getsockopt(s, o->level, o->number, val.bytes, &len);

		printf(" set %zu %s get %s", lengths[i], res(err), res(got));
		if (!got)
			printf(" %zu", len);
		val.v = 1;
		case_end();
	}
	printf("\n");
}

static void option_struct(void)
{
	static const struct linger lingers[] = {{0, 0}, {1, 0}, {1, 5}, {1, -1}, {-1, 70000}};
	struct os_sock *s = sock(0, AF_INET, SOCK_STREAM);
	char name[32];
	size_t len;

	for (size_t i = 0; i < N_OF(lingers); i++) {
		struct linger got = {-1, -1};
		int err = os_setsockopt(s, SOL_SOCKET, SO_LINGER, &lingers[i], sizeof(got));

		len = sizeof(got);
		os_getsockopt(s, SOL_SOCKET, SO_LINGER, &got, &len);
		printf("option SO_LINGER %d %d: %s, %d\n", lingers[i].l_onoff, lingers[i].l_linger,
		       res(err), got.l_onoff);
	}
	printf("option SO_LINGER short: %s\n",
	       res(os_setsockopt(s, SOL_SOCKET, SO_LINGER, &lingers[0], 4)));
	printf("option SO_BINDTODEVICE: none %s",
	       res(os_setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "nosuch", 7)));
	printf(", eth0 %s", res(os_setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5)));
	len = sizeof(name);
	printf(", read %s %zu", res(os_getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &len)),
	       len);
	len = 4;
	printf(", short %s", res(os_getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &len)));
	printf(", any %s", res(os_setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "", 0)));
	len = sizeof(name);
	printf(", read %s %zu\n", res(os_getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &len)),
	       len);
	printf("option TCP_CONGESTION: reno %s, none %s",
	       res(os_setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "reno", 4)),
	       res(os_setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6)));
	len = sizeof(name);
	memset(name, 0, sizeof(name));
	printf(", read %s", res(os_getsockopt(s, IPPROTO_TCP, TCP_CONGESTION, name, &len)));
	printf(" %zu %s\n", len, name);
	case_end();
}

static void socket_arguments(void)
{
	static const int families[] = {0, AF_INET, AF_INET6, 60, -1};
	static const int types[] = {0, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, 9, 15, -1};
	static const int protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 200, 300, -1};

	for (size_t f = 0; f < N_OF(families); f++)
		for (size_t t = 0; t < N_OF(types); t++) {
			printf("socket %d %d:", families[f], types[t]);
			for (size_t p = 0; p < N_OF(protocols); p++) {
				struct os_sock *s;
				int err = os_socket(0, families[f], types[t], protocols[p], &s);

				if (!err)
					keep(s);
				printf(" %d %s", protocols[p], res(err));
				case_end();
			}
			printf("\n");
		}
}

void cases_option(void)
{
	for (size_t i = 0; i < N_OF(options); i++) {
		option_values(&options[i], SOCK_STREAM);
		option_values(&options[i], SOCK_DGRAM);
		option_lengths(&options[i], SOCK_STREAM);
		option_lengths(&options[i], SOCK_DGRAM);
	}
	option_struct();
	socket_arguments();
}

/* SPDX-License-Identifier: MIT */
/* Lines of `weft dump`: time, interface, packet, why it was dropped, bytes. As tcpdump 4.99. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/dump.h"
#include "cmd/live.h"
#include "lab/base64.h"

#define NS_PER_S INT64_C(1000000000)

enum {
	LINKTYPE_ETHERNET = 1,
	LINKTYPE_RAW = 101,
	ETH_HDR = 14,
	HEX_SIZE = 1 << 20, /* room for the lines of 64 KiB and more */
};

static const char *host_name(void *arg, const uint8_t *addr, size_t addr_len)
{
	const struct dump_opts *o = arg;
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(addr_len == 4 ? AF_INET : AF_INET6, addr, text, sizeof(text)))
		return NULL;
	return json_string_value(json_object_get(o->names, text));
}

static const char *port_name(void *arg, uint8_t ip_proto, uint16_t port)
{
	const struct servent *s = getservbyport(htons(port), ip_proto == 6 ? "tcp" : "udp");

	(void)arg;
	return s ? s->s_name : NULL;
}

static void print_clock(int64_t ns, const char *format)
{
	time_t s = (time_t)(ns / NS_PER_S);
	char text[64] = "";
	struct tm tm;

	if (localtime_r(&s, &tm))
		strftime(text, sizeof(text), format, &tm);
	printf("%s.%06" PRId64 " ", text, ns % NS_PER_S / 1000);
}

static void print_delta(int64_t ns)
{
	int64_t abs_ns = ns < 0 ? -ns : ns;
	int64_t s = abs_ns / NS_PER_S;

	printf("%s%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%06" PRId64 " ", ns < 0 ? "-" : " ",
	       s / 3600, s / 60 % 60, s % 60, abs_ns % NS_PER_S / 1000);
}

/* Differences are of what is printed. */
static int64_t whole_us(int64_t ns)
{
	return ns - ns % 1000;
}

static void print_time(const struct dump_opts *o, int64_t ns)
{
	switch (o->n_time) {
	case 0:
		print_clock(ns, "%H:%M:%S");
		break;
	case 1:
		break;
	case 2:
		printf("%" PRId64 ".%06" PRId64 " ", ns / NS_PER_S, ns % NS_PER_S / 1000);
		break;
	case 3:
		print_delta(o->last_ns ? whole_us(ns) - whole_us(o->last_ns) : 0);
		break;
	case 4:
		print_clock(ns, "%Y-%m-%d %H:%M:%S");
		break;
	default:
		print_delta(o->first_ns ? whole_us(ns) - whole_us(o->first_ns) : 0);
	}
}

/* "eth0  In  ", as tcpdump's -i any. */
static void print_interface(const struct pcapng_scan_packet *pkt)
{
	const char *colon = strrchr(pkt->ifname, ':');
	const char *dir = "";

	if (pkt->direction == 2)
		dir = "Out";
	else if (pkt->direction == 1 && pkt->cap_len >= 6 && pkt->data[0] & 1)
		dir = memcmp(pkt->data, "\xff\xff\xff\xff\xff\xff", 6) == 0 ? "B" : "M";
	else if (pkt->direction == 1)
		dir = "In";
	printf("%-5s %-3s ", colon ? colon + 1 : pkt->ifname, dir);
}

static void print_bytes(const struct dump_opts *o, const struct pcapng_scan_packet *pkt)
{
	bool has_link = o->n_hex > 1 || o->n_ascii > 1 || pkt->linktype != LINKTYPE_ETHERNET;
	size_t skip = has_link || pkt->cap_len < ETH_HDR ? 0 : ETH_HDR;
	char *buf;

	if (!o->n_hex && !o->n_ascii && !o->is_text)
		return;
	buf = malloc(HEX_SIZE * 2);
	if (!buf)
		return;
	if (o->is_text)
		pkt_print_text(buf, (size_t)HEX_SIZE * 2, pkt->data + skip, pkt->cap_len - skip);
	else
		pkt_print_hex(buf, (size_t)HEX_SIZE * 2, pkt->data + skip, pkt->cap_len - skip,
			      o->n_ascii > 0);
	fputs(buf, stdout);
	free(buf);
}

void dump_print(struct dump_opts *o, const struct pcapng_scan_packet *pkt)
{
	static const uint8_t none[1];
	char buf[PKT_PRINT_SIZE];
	const uint8_t *data = pkt->cap_len ? pkt->data : none;

	if (!o->is_numeric) {
		o->print.host_name = host_name;
		o->print.port_name = port_name;
		o->print.arg = o;
	}
	o->print.is_raw_bytes_shown = o->n_hex || o->n_ascii || o->is_text;
	print_time(o, pkt->ts_ns);
	if (o->is_any)
		print_interface(pkt);
	if (pkt->linktype == LINKTYPE_RAW)
		pkt_print_ip(buf, sizeof(buf), data, pkt->cap_len, pkt->len, &o->print);
	else
		pkt_print(buf, sizeof(buf), data, pkt->cap_len, pkt->len, &o->print);
	fputs(buf, stdout);
	if (pkt->drop[0])
		printf(" [dropped%s: %s]", pkt->is_dropped_later ? " later" : "", pkt->drop);
	print_bytes(o, pkt);
	printf("\n");
	o->last_ns = pkt->ts_ns;
	if (!o->first_ns)
		o->first_ns = pkt->ts_ns;
}

void dump_print_json(const struct dump_opts *o, const struct pcapng_scan_packet *pkt)
{
	static const char *const dirs[] = {"", "in", "out", ""};
	struct pkt_print_opts print = o->print;
	char buf[PKT_PRINT_SIZE], *text;
	json_t *line;

	print.verbose = 0;
	if (pkt->linktype == LINKTYPE_RAW)
		pkt_print_ip(buf, sizeof(buf), pkt->data, pkt->cap_len, pkt->len, &print);
	else
		pkt_print(buf, sizeof(buf), pkt->data, pkt->cap_len, pkt->len, &print);
	text = base64_encode(pkt->data, pkt->cap_len);
	line = json_pack("{s:I, s:s, s:s, s:I, s:s, s:s}", "time_ns", (json_int_t)pkt->ts_ns, "if",
			 pkt->ifname, "dir", dirs[pkt->direction & 3], "len", (json_int_t)pkt->len,
			 "text", buf, "data", text ? text : "");
	if (pkt->trace_id)
		json_object_set_new(line, "trace", json_integer(pkt->trace_id));
	if (pkt->drop[0])
		json_object_set_new(line, pkt->is_dropped_later ? "dropped_later" : "dropped",
				    json_string(pkt->drop));
	live_json_line("packet", line);
	json_decref(line);
	free(text);
}

/* SPDX-License-Identifier: MIT */
/*
 * `weft why` of a gateway: what can be done about a drop there, where it is other than in a lab,
 * and what the gateway itself has refused (gateway.refused).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/compiler.h"
#include "cmd/json_text.h"
#include "cmd/why_text.h"

enum {
	END_MAX = 80,
};

#define DAMAGED "The guest sends wrong checksums: a fault of its device's driver, or made by hand"
#define ONLY_OURS                                                                            \
	"It is for an address of the gateway's own, where DHCP and names alone are served; " \
	"the host's own servers are reached there with --allow-host-loopback"
#define NO_OTHER                                                                             \
	"TCP, UDP and pings leave by a gateway, and nothing else: this user's sockets send " \
	"nothing else; the guest has been told"
#define NO_FORWARDING                                                                       \
	"Ordinary: what is for a group or for everybody ends here; connections, datagrams " \
	"and pings to somebody go on by the host's sockets"
#define SAME_ADDRESS                                                                   \
	"The guest has taken an address of the gateway's: give it the one that DHCP, " \
	"DHCPv6 or `weft gateway --help` tells"

static const struct {
	const char *reason, *text;
} advice[] = {
	{"IF_NO_HANDLER",
	 "The gateway does not speak this family: leave --ipv4-only or --ipv6-only out"},
	{"IF_TX_QUEUE",
	 "The guest does not take what it gets fast enough: what TCP has sent is sent again"},
	{"IF_BACKLOG", "The guest sends faster than the gateway's process gets time for: is the "
		       "machine overloaded?"},
	{"IF_CARRIER", "The guest's device has gone: its namespace has ended, or no QEMU guest is "
		       "there"},
	{"IF_MTU", "Larger than the guest's MTU: start the gateway with --mtu as the guest's is"},
	{"IF_DRIVER", "The guest's interface is down: `ip link set IFNAME up` inside, or start the "
		      "gateway without --no-configure"},
	{"NOMEM", "The gateway holds as many packets as it may: `weft gateway flows` tells which "
		  "connections wait, and for whom"},
	{"ETH_OTHERHOST", "Ordinary: it is for another host behind the guest's bridge"},
	{"ARP_CONFLICT", SAME_ADDRESS},
	{"ND_CONFLICT", SAME_ADDRESS},
	{"NEIGH_FAILED", "Nobody inside has the address that the packet is for: compare the "
			 "guest's (`ip addr` inside) with `weft gateway forward list`"},
	{"IP4_CSUM", DAMAGED},
	{"ICMP_CSUM", DAMAGED},
	{"IGMP_CSUM", DAMAGED},
	{"UDP_CSUM", DAMAGED},
	{"TCP_CSUM", DAMAGED},
	{"IP4_NOT_LOCAL", NO_FORWARDING},
	{"IP6_NOT_LOCAL", NO_FORWARDING},
	{"IP_LINK_BROADCAST", NO_FORWARDING},
	{"IP4_NO_PROTO", NO_OTHER},
	{"IP6_NO_PROTO", NO_OTHER},
	{"IP_FRAG_DUP", "Harmless: the guest has sent a fragment twice"},
	{"IP6_DISABLED", "The gateway was started with --ipv4-only"},
	{"IP_FAMILY", "The gateway was started with --ipv4-only or --ipv6-only"},
	{"IP_NO_ROUTE", "The address is not of the guest's network: compare the guest's (`ip addr` "
			"inside) with `weft gateway forward list`"},
	{"IP_TTL", "The guest gave it as many hops: with traceroute this is how it works"},
	{"IP_MTU", "Larger than the guest's MTU: start the gateway with --mtu as the guest's is"},
	{"MLD_SRC",
	 "Ordinary: a guest that has no address yet tells its groups (RFC 3810 §5.2.13)"},
	{"ND_LOOPED", "The guest's bridge gives back what is sent to it: look for a loop"},
	{"UDP_NO_PORT", ONLY_OURS},
	{"TCP_NO_SOCKET", ONLY_OURS},
	{"INTERCEPT_QUEUE", "The guest sends datagrams faster than the host takes them: send less, "
			    "or give the gateway's process more time"},
	{"TCP_REQUEST", "The host is still connecting (`weft gateway flows`: host-connecting); the "
			"guest tries again"},
	{"TCP_REQUESTS_FULL",
	 "More of the guest's connections wait for the host than may: `weft gateway flows` says "
	 "host-connecting, and to whom; the oldest go first"},
};

const char *why_advice_gateway(const char *reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(advice); i++)
		if (!strcmp(advice[i].reason, reason))
			return advice[i].text;
	return why_advice(reason);
}

/* ---- what was refused -------------------------------------------------------------------- */

/* ADDRESS:PORT; the address alone of a ping. */
static const char *end_text(const json_t *event, const char *key, char buf[END_MAX])
{
	const json_t *end = json_object_get(event, key);
	const char *addr = json_text_of(end, "address");
	int64_t port = json_int_of(end, "port");
	bool is_ip6 = strchr(addr, ':') != NULL;

	if (!port)
		snprintf(buf, END_MAX, "%s", addr[0] ? addr : "?");
	else
		snprintf(buf, END_MAX, is_ip6 ? "[%s]:%" PRId64 : "%s:%" PRId64, addr, port);
	return buf;
}

/* What each word means, as the end of "refused: ". */
static const struct {
	const char *why, *means, *what_to_do;
} refusals[] = {
	{"rule", "an access rule denies it", NULL},
	{"host-loopback", "the host's loopback is closed to the guest",
	 "Start the gateway with --allow-host-loopback, or ask another address of the host's"},
	{"nobody", "nothing is behind this address of the gateway's",
	 "DHCP and names alone are served there. The host's own servers are reached by another "
	 "address of the host's, or with --allow-host-loopback"},
	{"on-link", "nobody has this address of the guest's own network",
	 "`ip addr` inside shows whom there is. An address outside that looks the same cannot be "
	 "reached by this network"},
	{"source", "the guest speaks from an address that is not of its network",
	 "Give its interface the address that DHCP, DHCPv6 or a router advertisement tells it"},
	{"ping", "the host gives this user no ping sockets",
	 "`sudo sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"` grants them; `weft doctor` "
	 "says what else is missing"},
	{"full", "a limit was met",
	 "`weft gateway stats` shows flows, mappings and descriptors, `weft gateway flows` who has "
	 "them"},
	{"half-open", "the guest does not complete its connections",
	 "It owes the answers to SYN and SYN-ACK of too many: find the program inside, or the "
	 "firewall that eats them"},
	{"filtered", "the guest has not sent to whom it comes from",
	 "--udp-filtering address or none lets it in; for a server inside make a forward: `weft "
	 "gateway forward add udp *:PORT`"},
	{"host", "the host could not connect",
	 "The guest sees what the host sees: try the same there"},
	{"forward", "a forward's client was not let in",
	 "`weft gateway forward list` has the reason in its state. A program has to listen inside, "
	 "at that port and on all addresses"},
};

static void rule_to_do(FILE *out, const json_t *event)
{
	const json_t *to = json_object_get(event, "to");
	const char *proto = json_text_of(event, "proto");
	int64_t rule = json_int_of(event, "rule"), port = json_int_of(to, "port");
	char ports[24] = "";

	if (port && strncmp(proto, "icmp", 4) != 0)
		snprintf(ports, sizeof(ports), " %" PRId64, port);
	fprintf(out,
		"`weft gateway rule list` shows rule %" PRId64
		". This one alone is let through by `weft gateway rule add allow %s %s%s before "
		"%" PRId64 "`",
		rule, strncmp(proto, "icmp", 4) ? proto : "icmp", json_text_of(to, "address"),
		ports, rule);
}

/* The words of gateway.refused are strerror(3)'s. */
static bool error_is(const json_t *event, int err)
{
	return !strcmp(json_text_of(event, "error"), strerror(err));
}

/* NULL: what its reason says is all. */
static const char *host_to_do(const json_t *event)
{
	if (strcmp(json_text_of(event, "why"), "host") != 0)
		return NULL;
	if (error_is(event, EADDRNOTAVAIL))
		return "The host has no longer the address that --outbound names, or no address of "
		       "this family, or no free port: `ip addr` there shows which addresses it has";
	if (error_is(event, ENODEV))
		return "The host has no longer the interface that --outbound names: `ip link` "
		       "there shows which it has";
	return NULL;
}

static size_t refusal_of(const json_t *event)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(refusals) && strcmp(refusals[i].why, json_text_of(event, "why")) != 0)
		i++;
	return i;
}

static void means_print(FILE *out, const json_t *event)
{
	size_t i = refusal_of(event);
	int64_t id = json_int_of(event, "rule") + json_int_of(event, "forward");
	const char *error = json_text_of(event, "error");

	fprintf(out, "%s", i < ARRAY_SIZE(refusals) ? refusals[i].means : "?");
	if (id)
		fprintf(out, " (%s %" PRId64 ")",
			json_object_get(event, "rule") ? "rule" : "forward", id);
	if (error[0])
		fprintf(out, ": %s", error);
}

bool why_is_refusal(const json_t *event)
{
	return json_object_get(event, "hops") == NULL;
}

void why_print_refusal_line(FILE *out, const json_t *event)
{
	char from[END_MAX], to[END_MAX];

	fprintf(out, "%8s  ", "-");
	why_print_ago(out, json_int_of(event, "ago_ns"));
	fprintf(out, "  gateway  refused  %s > %s %s  (", end_text(event, "from", from),
		end_text(event, "to", to), json_text_of(event, "proto"));
	means_print(out, event);
	fprintf(out, ")\n");
}

void why_print_refusal(FILE *out, const json_t *event)
{
	char from[END_MAX], to[END_MAX];
	int64_t n = json_int_of(event, "n");
	size_t i = refusal_of(event);

	fprintf(out, "%s > %s %s\nrefused ", end_text(event, "from", from),
		end_text(event, "to", to), json_text_of(event, "proto"));
	why_print_ago(out, json_int_of(event, "ago_ns"));
	if (n > 1)
		fprintf(out, ", the last of %" PRId64 " in a row", n);
	fprintf(out, ", by the gateway: ");
	means_print(out, event);
	fprintf(out, "\n");
	if (i == ARRAY_SIZE(refusals))
		return;
	fprintf(out, "\nWhat to do: ");
	if (host_to_do(event))
		fprintf(out, "%s", host_to_do(event));
	else if (refusals[i].what_to_do)
		fprintf(out, "%s", refusals[i].what_to_do);
	else
		rule_to_do(out, event);
	fprintf(out, ".\n");
}

static bool is_from_guest(const json_t *drop)
{
	const json_t *hop;
	size_t i;

	json_array_foreach (json_object_get(drop, "hops"), i, hop)
		if (!strcmp(json_text_of(hop, "hop"), "rx"))
			return true;
	return false;
}

void why_drop_ordinary(json_t *drops)
{
	static const char word[] = "Ordinary";
	bool is_up = false; /* something has come from the guest since */

	for (size_t i = 0; i < json_array_size(drops);) {
		const json_t *drop = json_array_get(drops, i);
		const char *reason = json_text_of(drop, "reason");
		const char *text = why_advice_gateway(reason);

		is_up |= is_from_guest(drop);
		if ((is_up && !strcmp(reason, "IF_DRIVER")) ||
		    (text && !strncmp(text, word, strlen(word))))
			(void)json_array_remove(drops, i);
		else
			i++;
	}
}

/* Both arrays are sorted, the newest first. */
json_t *why_merge(const json_t *drops, const json_t *refused, size_t max)
{
	json_t *all = json_array();
	size_t d = 0, r = 0;

	while (json_array_size(all) < max) {
		json_t *drop = json_array_get(drops, d), *ref = json_array_get(refused, r);
		bool is_drop =
			drop && (!ref || json_int_of(drop, "ago_ns") <= json_int_of(ref, "ago_ns"));

		if (!drop && !ref)
			break;
		json_array_append(all, is_drop ? drop : ref);
		d += is_drop;
		r += !is_drop;
	}
	return all;
}

/* SPDX-License-Identifier: MIT */
/*
 * Methods about packets: frames of a node's interfaces as they pass, filtered, without privilege.
 *
 * How it works: a capture of the library delivers pcapng blocks at the end of a burst; what passes
 * the filter goes on as fields of JSON, or as blocks for a file. The call ends from a timer, since
 * a capture must not be freed from its own function.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/base64.h"
#include "lab/filter.h"
#include "lab/lab.h"
#include "lab/names.h"
#include "lab/pcapng_scan.h"
#include "lab/rpc.h"
#include "lab/rpc_tool.h"

enum {
	DUMP_SNAPLEN_MAX = 262144,
	DUMP_NAMES_MAX = 4096, /* addresses whose names are told */
};

struct dump {
	struct rpc_call *call;
	struct lab_node *node;
	struct weft_capture *cap;
	struct weft_timer *timer;
	struct filter *filter;
	struct pcapng_scan scan;
	bool is_raw, is_full, is_freed;
	uint64_t count, n_captured, n_seen, n_left_out;
};

static void dump_free(struct dump *d)
{
	d->is_freed = true;
	weft_capture_free(d->cap); /* delivers what is left, to nobody */
	weft_timer_free(d->timer);
	filter_free(d->filter);
	pcapng_scan_fini(&d->scan);
	free(d);
}

static void dump_cancelled(void *arg)
{
	dump_free(arg);
}

static void dump_finish(void *arg)
{
	struct dump *d = arg;
	struct rpc_call *call = d->call;
	json_t *result =
		json_pack("{s:I, s:I, s:I}", "captured", (json_int_t)d->n_captured, "received",
			  (json_int_t)d->n_seen, "dropped", (json_int_t)d->n_left_out);

	dump_free(d);
	(void)rpc_reply(call, result);
}

/* ---- packets ----------------------------------------------------------------------------- */

static json_t *base64_json(const uint8_t *bytes, size_t len)
{
	char *text = base64_encode(bytes, len);
	json_t *json = text ? json_string_nocheck(text) : NULL;

	free(text);
	return json;
}

/* "node:eth0" to "eth0". */
static const char *short_name(const char *ifname)
{
	const char *colon = strrchr(ifname, ':');

	return colon ? colon + 1 : ifname;
}

static json_t *packet_json(const struct pcapng_scan_packet *pkt)
{
	static const char *const dirs[] = {"", "in", "out", ""};
	json_t *json = json_pack("{s:I, s:s, s:I, s:o}", "time_ns", (json_int_t)pkt->ts_ns, "if",
				 short_name(pkt->ifname), "len", (json_int_t)pkt->len, "data",
				 base64_json(pkt->data, pkt->cap_len));

	if (pkt->direction)
		json_object_set_new(json, "dir", json_string(dirs[pkt->direction & 3]));
	if (pkt->trace_id)
		json_object_set_new(json, "trace", json_integer(pkt->trace_id));
	if (pkt->drop[0])
		json_object_set_new(json, pkt->is_dropped_later ? "dropped_later" : "dropped",
				    json_string(pkt->drop));
	return json;
}

/* Whether a packet is wanted; counts it. */
static bool packet_take(struct dump *d, const struct pcapng_scan_packet *pkt)
{
	if (d->is_full || !filter_pass(d->filter, pkt->data, pkt->cap_len, pkt->len))
		return false;
	d->n_seen++;
	d->n_captured++;
	d->is_full = d->count && d->n_captured >= d->count;
	return true;
}

/* A burst as a notification with the blocks that are wanted: headers, and packets that pass. */
static void raw_send(struct dump *d, const uint8_t *buf, size_t len)
{
	uint8_t *out = malloc(len);
	enum pcapng_scan_kind kind;
	struct pcapng_scan_packet pkt;
	size_t n_out = 0, off = 0, n_pkts = 0;
	ptrdiff_t n;

	while (out && (n = pcapng_scan_block(&d->scan, buf + off, len - off, &kind, &pkt)) > 0) {
		if (kind == PCAPNG_SCAN_HEADER || packet_take(d, &pkt)) {
			memcpy(out + n_out, buf + off, (size_t)n);
			n_out += (size_t)n;
			n_pkts += kind == PCAPNG_SCAN_PACKET;
		}
		off += (size_t)n;
	}
	if (n_out && !rpc_notify(d->call, "dump.blocks",
				 json_pack("{s:o, s:I}", "blocks", base64_json(out, n_out),
					   "packets", (json_int_t)n_pkts)))
		d->n_left_out += n_pkts;
	free(out);
}

static void packets_send(struct dump *d, const uint8_t *buf, size_t len)
{
	json_t *packets = json_array();
	enum pcapng_scan_kind kind;
	struct pcapng_scan_packet pkt;
	size_t off = 0, n_pkts;
	ptrdiff_t n;

	while ((n = pcapng_scan_block(&d->scan, buf + off, len - off, &kind, &pkt)) > 0) {
		if (kind == PCAPNG_SCAN_PACKET && packet_take(d, &pkt))
			json_array_append_new(packets, packet_json(&pkt));
		off += (size_t)n;
	}
	n_pkts = json_array_size(packets);
	if (!n_pkts)
		json_decref(packets);
	else if (!rpc_notify(d->call, "dump.packets", json_pack("{s:o}", "packets", packets)))
		d->n_left_out += n_pkts;
}

static void blocks_take(void *arg, const void *blocks, size_t len)
{
	struct dump *d = arg;

	if (d->is_freed || d->is_full)
		return;
	if (d->is_raw)
		raw_send(d, blocks, len);
	else
		packets_send(d, blocks, len);
	if (d->is_full)
		weft_timer_start(d->timer, weft_engine_now_ns(d->node->lab->eng));
}

/* ---- starting ---------------------------------------------------------------------------- */

static bool name_lookup(void *arg, const char *name, struct weft_addr *ret)
{
	return lab_name_lookup(arg, name, WEFT_AF_UNSPEC, ret, 1) > 0;
}

struct names {
	struct lab_node *node;
	json_t *names;
};

static void name_add(struct names *n, const struct weft_addr *addr)
{
	char text[WEFT_ADDR_STRLEN];
	const char *name;

	if (json_object_size(n->names) >= DUMP_NAMES_MAX)
		return;
	name = lab_name_of(n->node, addr);
	if (name)
		json_object_set_new(n->names, weft_addr_print(addr, text, sizeof(text)),
				    json_string(name));
}

static void own_name_add(void *arg, const struct weft_addr_info *info)
{
	name_add(arg, &info->addr);
}

static void file_names_add(struct names *n, const struct labfile_node *file)
{
	for (uint32_t i = 0; i < file->n_ifaces; i++)
		for (uint32_t k = 0; k < file->ifaces[i].n_addrs; k++) {
			const struct lab_ip *ip = &file->ifaces[i].addrs[k].net.ip;
			struct weft_addr addr = {.family = ip->family == LAB_IP4 ? WEFT_AF_INET
										 : WEFT_AF_INET6};

			memcpy(addr.bytes, ip->bytes, sizeof(addr.bytes));
			name_add(n, &addr);
		}
}

/* The names of the lab's addresses, for output without -n. */
static json_t *names_json(struct lab_node *node)
{
	struct names n = {.node = node, .names = json_object()};
	struct lab *lab = node->lab;

	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		if (lab->nodes[i]->file->kind == LABFILE_WEFT)
			weft_addrs(lab->nodes[i]->stack, own_name_add, &n);
		else
			file_names_add(&n, lab->nodes[i]->file);
	}
	return n.names;
}

/* The first interface that leads anywhere, as tcpdump takes it. */
static struct weft_netif *first_netif(struct weft_stack *st)
{
	struct weft_netif *nif = NULL;

	while ((nif = weft_netif_next(st, nif)))
		if (strcmp(weft_netif_name(nif), "lo") != 0)
			return nif;
	return weft_netif_next(st, NULL);
}

/* 0, or what the method returns after refusing. */
static int netifs_add(struct dump *d, const char *name, const char **ret_name)
{
	struct weft_stack *st = d->node->stack;
	struct weft_netif *nif;
	int err = 0;

	*ret_name = name;
	if (name && !strcmp(name, "any")) {
		for (nif = weft_netif_next(st, NULL); nif && !err; nif = weft_netif_next(st, nif))
			err = weft_capture_add(d->cap, nif);
		return err;
	}
	nif = name ? weft_netif_find(st, name) : first_netif(st);
	if (!nif)
		return -ENODEV;
	*ret_name = weft_netif_name(nif);
	return weft_capture_add(d->cap, nif);
}

/* False: the call has been refused, and *ret is what the method returns. */
static bool begin(struct dump *d, struct rpc_call *call, int *ret)
{
	uint32_t snaplen = (uint32_t)rpc_call_integer(call, "snaplen", DUMP_SNAPLEN_MAX);
	const char *name = rpc_call_string(call, "if", NULL);
	char msg[FILTER_MSG_MAX];
	int err = filter_new(rpc_call_string(call, "filter", ""), snaplen, name_lookup, d->node,
			     &d->filter, msg);

	if (err == -EINVAL) {
		*ret = rpc_fail(call, RPC_FAILED, err, "can't parse filter expression: %s", msg);
		return false;
	}
	if (!err)
		err = pcapng_scan_init(&d->scan);
	if (!err)
		err = weft_capture_new(d->node->lab->eng, snaplen, blocks_take, d, &d->cap);
	if (!err) {
		d->timer = weft_timer_new(d->node->lab->eng, dump_finish, d);
		err = d->timer ? netifs_add(d, name, &name) : -ENOMEM;
	}
	if (err == -ENODEV) {
		*ret = rpc_fail(call, RPC_FAILED, err, "%s: No such device exists",
				name ? name : "");
		return false;
	}
	if (err) {
		*ret = rpc_fail_errno(call, err, "cannot capture");
		return false;
	}
	(void)rpc_notify(call, "dump.begin",
			 json_pack("{s:s, s:I, s:o}", "if", name, "snaplen", (json_int_t)snaplen,
				   "names", names_json(d->node)));
	rpc_call_on_cancel(call, dump_cancelled, d);
	return true;
}

static int dump_run(struct rpc_call *call)
{
	struct lab_node *node = rpc_call_node(call, "node");
	struct dump *d;
	int ret;

	if (node->file->kind == LABFILE_KERNEL)
		return rpc_fail_kind(call, node, "weft nodes and switches");
	d = calloc(1, sizeof(*d));
	if (!d)
		return rpc_fail_errno(call, -ENOMEM, "dump");
	d->call = call;
	d->node = node;
	d->is_raw = rpc_call_boolean(call, "raw", false);
	d->count = (uint64_t)rpc_call_integer(call, "count", 0);
	if (begin(d, call, &ret))
		return RPC_LATER;
	dump_free(d);
	return ret;
}

static const struct rpc_param dump_params[] = {
	{"node", RPC_NODE, true, 0, 0, "The weft node or switch"},
	{"if", RPC_STRING, false, 0, 0, "Its interface, or `any`; default: the first"},
	{"filter", RPC_STRING, false, 0, 0,
	 "A pcap-filter(7) expression, with names of the lab; default: everything"},
	{"snaplen", RPC_INTEGER, false, 1, DUMP_SNAPLEN_MAX,
	 "Bytes kept of a frame; default 262144"},
	{"count", RPC_INTEGER, false, 1, INT64_MAX, "Ends after so many packets; default: no end"},
	{"raw", RPC_BOOLEAN, false, 0, 0,
	 "Packets as blocks of pcapng, which make a file one after the other; default false"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

const struct rpc_method rpc_methods_dump[] = {
	{
		.name = "dump.start",
		.help = "Shows the frames of a node's interfaces as they pass",
		.params = dump_params,
		.result = "`{captured, received, dropped}`: packets that passed the filter, and "
			  "those "
			  "that were left out because the client did not read",
		.notifies =
			"`dump.begin` `{if, snaplen, names}`, `names` from addresses to names; "
			"`dump.packets` `{packets}`, each `{time_ns, if, dir, len, data, trace, "
			"dropped, dropped_later}`: `data` in base64, `dir` `in` or `out`, `trace` "
			"the id for trace.get, `dropped` the reason when weft drops it here, "
			"`dropped_later` when it came from a queue; with `raw`, `dump.blocks` "
			"`{blocks, packets}`, in base64",
		.run = dump_run,
	},
	{.name = NULL},
};

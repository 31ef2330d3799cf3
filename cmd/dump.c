/* SPDX-License-Identifier: MIT */
/*
 * `weft dump`: packets of a node as they pass, or of a file, in tcpdump's lines. The lab filters
 * (lab/rpc_dump.c); lines are made here.
 */
#include "cmd/dump.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/live.h"
#include "lab/base64.h"
#include "lab/rpc.h"

enum {
	DUMP_FAILED = 1,
	DUMP_OPT_HELP = 256,
	SNAPLEN_MAX = 262144,
};

struct dump {
	struct dump_opts o;
	FILE *out; /* -w */
	int status;
	bool has_begun;
};

static void usage(FILE *out)
{
	fprintf(out, "usage: weft [-l LAB] -n NODE dump [OPTIONS] [FILTER]\n"
		     "       weft dump -r FILE [OPTIONS] [FILTER]\n\n"
		     "Shows the packets of a node's interfaces, as tcpdump(8), and why weft drops "
		     "those that\n"
		     "it drops. FILTER: pcap-filter(7), with names of the lab: `tcp port 80 and "
		     "host server`.\n\n"
		     "  -i IF        interface, or any (default: the first)\n"
		     "  -c COUNT     end after so many packets\n"
		     "  -n           numbers, no names\n"
		     "  -e           Ethernet header\n"
		     "  -v -vv       more: IP header, checksums, packets that ICMP errors quote\n"
		     "  -q           less\n"
		     "  -S           sequence numbers as they are, not relative\n"
		     "  -t           no time; -tt since 1970, -ttt since the line before, -tttt "
		     "with the date,\n"
		     "               -ttttt since the first\n"
		     "  -x -X -A     bytes: hexadecimal, with text, as text; -xx -XX with the "
		     "Ethernet header\n"
		     "  -s BYTES     of each packet (262144)\n"
		     "  -w FILE      to a pcapng file instead (- is standard output), with trace "
		     "ids and drop\n"
		     "               reasons as comments; Wireshark reads it\n"
		     "  -r FILE      from a pcap or pcapng file; needs no lab\n"
		     "  --json       one JSON object a line\n\n"
		     "On a kernel node, the system's tcpdump runs. See weft-dump(1).\n");
}

/* ---- packets of a lab -------------------------------------------------------------------- */

static bool is_quiet_start(const struct dump *d)
{
	return d->o.env->json;
}

static void on_begin(struct dump *d, const json_t *params)
{
	d->has_begun = true;
	d->o.names = json_incref(json_object_get(params, "names"));
	d->o.is_any = !strcmp(live_text(params, "if"), "any");
	if (is_quiet_start(d))
		return;
	fprintf(stderr, "weft dump: ");
	if (!d->o.print.verbose && !d->out)
		fprintf(stderr,
			"verbose output suppressed, use -v[v]... for full protocol decode\n");
	fprintf(stderr,
		"listening on %s, link-type EN10MB (Ethernet), snapshot length %" PRId64 " bytes\n",
		live_text(params, "if"), live_int(params, "snaplen"));
}

static void packet_of_json(struct dump *d, const json_t *packet)
{
	const char *dir = live_text(packet, "dir"), *drop = live_text(packet, "dropped");
	struct pcapng_scan_packet pkt = {
		.ifname = live_text(packet, "if"),
		.linktype = 1,
		.ts_ns = live_int(packet, "time_ns"),
		.len = (uint32_t)live_int(packet, "len"),
		.direction = (uint8_t)(!strcmp(dir, "in")    ? 1
				       : !strcmp(dir, "out") ? 2
							     : 0),
		.trace_id = (uint32_t)live_int(packet, "trace"),
	};
	size_t len = 0;
	uint8_t *data = base64_decode(live_text(packet, "data"), &len);

	if (!data)
		return;
	if (!drop[0] && json_object_get(packet, "dropped_later")) {
		drop = live_text(packet, "dropped_later");
		pkt.is_dropped_later = true;
	}
	snprintf(pkt.drop, sizeof(pkt.drop), "%s", drop);
	pkt.data = data;
	pkt.cap_len = (uint32_t)len;
	if (d->o.env->json)
		dump_print_json(&d->o, &pkt);
	else
		dump_print(&d->o, &pkt);
	d->o.n_captured++;
	free(data);
}

static int on_blocks(struct dump *d, const json_t *params)
{
	size_t len = 0;
	uint8_t *blocks = base64_decode(live_text(params, "blocks"), &len);
	int err = 0;

	if (!blocks)
		return 0;
	if (fwrite(blocks, 1, len, d->out) != len || fflush(d->out) != 0) {
		fprintf(stderr, "weft dump: %s: %s\n", d->o.write_file, strerror(errno));
		d->status = DUMP_FAILED;
		err = -EIO;
	}
	d->o.n_captured += (uint64_t)live_int(params, "packets");
	free(blocks);
	return err;
}

static int on_notify(void *arg, const char *method, const json_t *params)
{
	const json_t *packets = json_object_get(params, "packets"), *packet;
	struct dump *d = arg;
	size_t i;

	if (json_object_get(params, "left_out"))
		d->o.n_left_out += (uint64_t)live_int(params, "left_out");
	if (!strcmp(method, "dump.begin"))
		on_begin(d, params);
	else if (!strcmp(method, "dump.blocks"))
		return on_blocks(d, params);
	else if (!strcmp(method, "dump.packets"))
		json_array_foreach (packets, i, packet)
			packet_of_json(d, packet);
	if (fflush(stdout) != 0) { /* `weft dump | head` */
		d->status = 0;
		return -EPIPE;
	}
	return 0;
}

static void summary_line(uint64_t n, const char *what)
{
	fprintf(stderr, "%" PRIu64 " packet%s %s\n", n, n == 1 ? "" : "s", what);
}

static void summary(const struct dump *d, bool is_interrupted)
{
	if (d->o.env->json || !d->has_begun)
		return;
	fprintf(stderr, "%s", is_interrupted ? "\n" : "");
	summary_line(d->o.n_captured, "captured");
	summary_line(d->o.n_captured + d->o.n_left_out, "received by filter");
	summary_line(d->o.n_left_out, "dropped by kernel");
}

static json_t *params_make(const struct dump_opts *o)
{
	json_t *params = client_node_params(o->env);

	if (!params)
		return NULL;
	if (o->ifname)
		json_object_set_new(params, "if", json_string(o->ifname));
	if (o->filter && o->filter[0])
		json_object_set_new(params, "filter", json_string(o->filter));
	if (o->count)
		json_object_set_new(params, "count", json_integer(o->count));
	if (o->snaplen)
		json_object_set_new(params, "snaplen", json_integer(o->snaplen));
	if (o->write_file)
		json_object_set_new(params, "raw", json_true());
	return params;
}

static int dump_ask(struct dump *d, struct client *c, json_t *params)
{
	int stop_fd = live_stop_fd(d->o.env);
	struct client_extra extra = {.on_notify = on_notify, .arg = d, .stop_fd = &stop_fd};
	json_t *result = NULL;
	int err;

	if (stop_fd < 0) {
		json_decref(params);
		return DUMP_FAILED;
	}
	err = client_call_quiet(c, "dump.start", params, &extra, &result);
	close(stop_fd);
	if (err && err != -ECANCELED) {
		const json_t *error = client_error(c);

		if (err == -EREMOTEIO && live_int(error, "code") == RPC_FAILED) {
			fprintf(stderr, "weft dump: %s\n", live_text(error, "message"));
			return DUMP_FAILED;
		}
		client_print_error(c, err);
		d->status = client_exit_status(c, err);
	}
	json_decref(result);
	summary(d, err == -ECANCELED);
	return d->status;
}

static int dump_live(struct dump *d)
{
	json_t *params = params_make(&d->o);
	struct client *c = NULL;
	int status;

	if (!params)
		return EXIT_USAGE;
	status = client_open(d->o.env, &c);
	if (!status && d->o.write_file) {
		d->out = !strcmp(d->o.write_file, "-") ? stdout : fopen(d->o.write_file, "wbe");
		if (!d->out) {
			fprintf(stderr, "weft dump: %s: %s\n", d->o.write_file, strerror(errno));
			status = DUMP_FAILED;
		}
	}
	if (status)
		json_decref(params);
	else
		status = dump_ask(d, c, params);
	client_close(c);
	if (d->out && d->out != stdout && fclose(d->out) != 0 && !status) {
		fprintf(stderr, "weft dump: %s: %s\n", d->o.write_file, strerror(errno));
		status = DUMP_FAILED;
	}
	return status;
}

/* ---- arguments --------------------------------------------------------------------------- */

static int number_option(const char *what, int64_t min, int64_t max, int64_t *ret)
{
	if (live_number(optarg, min, max, ret) == 0)
		return 0;
	fprintf(stderr,
		"weft dump: invalid %s %s: a number from %" PRId64 " to %" PRId64 " is expected\n",
		what, optarg, min, max);
	return DUMP_FAILED;
}

static int option_read(struct dump_opts *o, int opt)
{
	switch (opt) {
	case 'A':
		o->is_text = true;
		return 0;
	case 'c':
		return number_option("packet count", 1, INT64_MAX, &o->count);
	case 'e':
		o->print.has_link_header = true;
		return 0;
	case 'i':
		o->ifname = optarg;
		return 0;
	case 'n':
		o->is_numeric = true;
		return 0;
	case 'q':
		o->print.is_quiet = true;
		return 0;
	case 'r':
		o->read_file = optarg;
		return 0;
	case 's':
		if (number_option("snaplen", 0, SNAPLEN_MAX, &o->snaplen))
			return DUMP_FAILED;
		return 0;
	case 'S':
		pkt_flows_free(o->print.flows);
		o->print.flows = NULL;
		return 0;
	case 't':
		o->n_time++;
		return 0;
	case 'v':
		o->print.verbose++;
		return 0;
	case 'w':
		o->write_file = optarg;
		return 0;
	case 'x':
		o->n_hex++;
		return 0;
	case 'X':
		o->n_ascii++;
		return 0;
	case 'l': /* lines are written as they come anyway */
	case 'p': /* and nothing is put into promiscuous mode */
	case 'U':
		return 0;
	default:
		fprintf(stderr, "weft dump: `weft dump --help` lists the options\n");
		return DUMP_FAILED;
	}
}

/* The rest of the words is the filter. False: no memory. */
static bool filter_join(struct dump_opts *o, int argc, char **argv)
{
	size_t size;
	FILE *f = open_memstream(&o->filter, &size);

	if (!f)
		return false;
	for (int i = optind; i < argc; i++)
		fprintf(f, "%s%s", i > optind ? " " : "", argv[i]);
	return fclose(f) == 0 && o->filter;
}

/* 0; -1: help was asked for; else the exit status. */
static int args_read(struct dump_opts *o, int argc, char **argv)
{
	static const struct option longs[] = {{"help", no_argument, NULL, DUMP_OPT_HELP},
					      {NULL, 0, NULL, 0}};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "+Ac:ei:lnpqr:s:StUvw:xX", longs, NULL)) != -1) {
		if (opt == DUMP_OPT_HELP) {
			usage(stdout);
			return -1;
		}
		status = option_read(o, opt);
		if (status)
			return status;
	}
	return filter_join(o, argc, argv) ? 0 : DUMP_FAILED;
}

static bool reads_file(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (argv[i][0] == '-' && argv[i][1] != '-' && strchr(argv[i], 'r'))
			return true;
	return false;
}

static int dump_run(struct cmd_env *env, int argc, char **argv)
{
	struct dump d = {.o = {.env = env}};
	char tcpdump[] = "tcpdump";
	int status;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage(stdout);
		return 0;
	}
	if (!reads_file(argc, argv)) {
		char *own_name = argv[0];

		argv[0] = tcpdump;
		status = client_tool_on_kernel_node(env, argc, argv);
		argv[0] = own_name;
		if (status >= 0)
			return status;
	}
	live_json_option(env, &argc, argv);
	d.o.print.flows = pkt_flows_new();
	status = args_read(&d.o, argc, argv);
	if (!status)
		status = d.o.read_file ? dump_file(&d.o) : dump_live(&d);
	pkt_flows_free(d.o.print.flows);
	json_decref(d.o.names);
	free(d.o.filter);
	return status < 0 ? 0 : status;
}

const struct cmd cmd_dump = {
	.name = "dump",
	.args = "[OPTIONS] [FILTER]",
	.help = "packets as they pass, as tcpdump(8)",
	.run = dump_run,
	.group = CMD_TOOL,
};

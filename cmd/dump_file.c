/* SPDX-License-Identifier: MIT */
/*
 * `weft dump -r FILE`: packets of a pcap or pcapng file, read by libpcap and filtered by it. What
 * weft has noted about a packet in a pcapng file (interface, direction, trace, drop) libpcap does
 * not give out: it is read beside, packet by packet.
 */
#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/dump.h"
#include "cmd/live.h"

enum {
	DUMP_FAILED = 1,
	NOTES_READ = 65536,
};

/* The same file once more, for the notes. */
struct notes {
	FILE *file; /* NULL: there are none */
	struct pcapng_scan *scan;
	uint8_t *buf;
	size_t len, off, size;
};

static void notes_close(struct notes *n)
{
	if (n->file)
		fclose(n->file);
	free(n->buf);
	pcapng_scan_fini(n->scan);
	*n = (struct notes){.scan = n->scan};
}

static void notes_open(struct notes *n, struct pcapng_scan *scan, const char *path)
{
	*n = (struct notes){.scan = scan};
	if (!strcmp(path, "-") || pcapng_scan_init(scan) < 0)
		return;
	n->file = fopen(path, "rbe");
	n->size = NOTES_READ;
	n->buf = malloc(n->size);
	if (!n->file || !n->buf)
		notes_close(n);
}

/* More of the file. False: that was all. */
static bool notes_fill(struct notes *n)
{
	size_t got;

	memmove(n->buf, n->buf + n->off, n->len - n->off);
	n->len -= n->off;
	n->off = 0;
	if (n->len == n->size) {
		uint8_t *buf =
			n->size < PCAPNG_SCAN_BLOCK_MAX ? realloc(n->buf, n->size * 2) : NULL;

		if (!buf)
			return false;
		n->buf = buf;
		n->size *= 2;
	}
	got = fread(n->buf + n->len, 1, n->size - n->len, n->file);
	n->len += got;
	return got > 0;
}

/* What is noted of the next packet; false: nothing. */
static bool notes_next(struct notes *n, struct pcapng_scan_packet *ret)
{
	while (n->file) {
		enum pcapng_scan_kind kind;
		ptrdiff_t took =
			pcapng_scan_block(n->scan, n->buf + n->off, n->len - n->off, &kind, ret);

		if (took > 0) {
			n->off += (size_t)took;
			if (kind == PCAPNG_SCAN_PACKET)
				return true;
		} else if (took < 0 || !notes_fill(n)) {
			notes_close(n); /* a pcap file, or one that is damaged */
		}
	}
	return false;
}

static void packet_show(struct dump_opts *o, struct pcapng_scan_packet *pkt)
{
	if (o->env->json)
		dump_print_json(o, pkt);
	else
		dump_print(o, pkt);
	o->n_captured++;
}

static int packets_show(struct dump_opts *o, pcap_t *pcap, const struct bpf_program *prog,
			pcap_dumper_t *out)
{
	struct pcapng_scan scan = {0};
	struct notes notes;
	struct pcap_pkthdr *hdr;
	const u_char *data;
	int err = 0;

	notes_open(&notes, &scan, o->read_file);
	while ((!o->count || o->n_captured < (uint64_t)o->count) &&
	       (err = pcap_next_ex(pcap, &hdr, &data)) == 1) {
		struct pcapng_scan_packet note = {.ifname = ""}, pkt = note;

		if (notes_next(&notes, &note))
			pkt = note;
		if (prog && !pcap_offline_filter(prog, hdr, data))
			continue;
		/* libpcap has the last word about everything that both know. */
		pkt.linktype = (uint16_t)(pcap_datalink(pcap) == DLT_RAW ? 101 : 1);
		pkt.ts_ns = (int64_t)hdr->ts.tv_sec * 1000000000 + hdr->ts.tv_usec;
		pkt.data = data;
		pkt.cap_len = hdr->caplen;
		pkt.len = hdr->len;
		if (out) {
			pcap_dump((u_char *)out, hdr, data);
			o->n_captured++;
		} else {
			packet_show(o, &pkt);
		}
	}
	notes_close(&notes);
	if (err != PCAP_ERROR)
		return 0;
	fflush(stdout);
	fprintf(stderr, "weft dump: pcap_loop: %s\n", pcap_geterr(pcap));
	return DUMP_FAILED;
}

static int dump_open_file(struct dump_opts *o, pcap_t *pcap)
{
	struct bpf_program prog;
	pcap_dumper_t *out = NULL;
	bool has_filter = o->filter && o->filter[0];
	int status;

	if (pcap_datalink(pcap) != DLT_EN10MB && pcap_datalink(pcap) != DLT_RAW) {
		fprintf(stderr,
			"weft dump: %s: link type %s; Ethernet and raw IP are what it can read\n",
			o->read_file, pcap_datalink_val_to_name(pcap_datalink(pcap)));
		return DUMP_FAILED;
	}
	if (has_filter && pcap_compile(pcap, &prog, o->filter, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		fprintf(stderr, "weft dump: can't parse filter expression: %s\n",
			pcap_geterr(pcap));
		return DUMP_FAILED;
	}
	if (o->write_file) {
		out = pcap_dump_open(pcap, o->write_file);
		if (!out) {
			fprintf(stderr, "weft dump: %s\n", pcap_geterr(pcap));
			if (has_filter)
				pcap_freecode(&prog);
			return DUMP_FAILED;
		}
	}
	status = packets_show(o, pcap, has_filter ? &prog : NULL, out);
	if (out)
		pcap_dump_close(out);
	if (has_filter)
		pcap_freecode(&prog);
	return status;
}

int dump_file(struct dump_opts *o)
{
	char msg[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(o->read_file,
							       PCAP_TSTAMP_PRECISION_NANO, msg);
	int status;

	if (!pcap) {
		fprintf(stderr, "weft dump: %s\n", msg);
		return DUMP_FAILED;
	}
	if (!o->env->json)
		fprintf(stderr, "reading from file %s, link-type %s (%s), snapshot length %d\n",
			o->read_file, pcap_datalink_val_to_name(pcap_datalink(pcap)),
			pcap_datalink_val_to_description(pcap_datalink(pcap)), pcap_snapshot(pcap));
	status = dump_open_file(o, pcap);
	pcap_close(pcap);
	return status;
}

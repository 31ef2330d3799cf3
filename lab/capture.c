/* SPDX-License-Identifier: MIT */
/* Captures of a lab; the contract is in capture.h. */
#include "lab/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/lab.h"

enum {
	CAPTURE_SNAPLEN = 262144, /* tcpdump's: whole super-packets */
	CAPTURE_BUFFER = 1 << 20, /* bytes kept before they are written to the disk */
};

struct lab_capture {
	struct weft_capture *cap;
	FILE *file;
	char *buffer;
	char *path;
	bool all; /* every interface */
	int err;  /* first error of writing */
};

static void blocks_write(void *arg, const void *blocks, size_t len)
{
	struct lab_capture *lc = arg;

	if (!lc->err && fwrite(blocks, 1, len, lc->file) != len)
		lc->err = errno ? -errno : -EIO;
}

static bool is_captured(const struct labfile *file, const struct labfile_iface *iface, bool all)
{
	if (all || file->capture_all)
		return true;
	for (uint32_t i = 0; i < file->n_captures; i++)
		if (file->captures[i].iface == iface)
			return true;
	return false;
}

/* What the node itself sends and receives: for a kernel node that is its TAP. */
static struct weft_netif *captured_netif(const struct lab_iface *iface)
{
	return iface->tap ? iface->tap : iface->netif;
}

int lab_captures_add(struct lab *lab, const struct lab_iface *iface)
{
	struct lab_capture *lc = lab->captures;
	int err;

	if (!lc || !is_captured(lab->file, iface->file, lc->all))
		return 0;
	err = weft_capture_add(lc->cap, captured_netif(iface));
	return err == -EEXIST ? 0 : err;
}

static int interfaces_add(struct lab *lab)
{
	int err = 0;

	for (uint32_t i = 0; i < lab->n_nodes; i++)
		for (uint32_t k = 0; !err && k < lab->nodes[i]->n_ifaces; k++)
			err = lab_captures_add(lab, &lab->nodes[i]->ifaces[k]);
	return err;
}

static bool is_file_name(const char *pcap)
{
	static const char ending[] = ".pcapng";
	size_t len = strlen(pcap);

	return len >= sizeof(ending) && !strcmp(pcap + len - (sizeof(ending) - 1), ending);
}

static int path_make(struct lab_capture *lc, const char *pcap, const char *name)
{
	if (is_file_name(pcap)) {
		lc->path = strdup(pcap);
		return lc->path ? 0 : -ENOMEM;
	}
	if (mkdir(pcap, 0777) < 0 && errno != EEXIST)
		return -errno;
	if (asprintf(&lc->path, "%s/%s.pcapng", pcap, name) < 0) {
		lc->path = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int file_open(struct lab_capture *lc, const char *pcap, const char *name)
{
	int err = path_make(lc, pcap, name);

	if (err)
		return err;
	lc->buffer = malloc(CAPTURE_BUFFER);
	if (!lc->buffer)
		return -ENOMEM;
	lc->file = fopen(lc->path, "we");
	if (!lc->file)
		return -errno;
	setvbuf(lc->file, lc->buffer, _IOFBF, CAPTURE_BUFFER);
	return 0;
}

int lab_captures_start(struct lab *lab, const char *pcap, char *msg)
{
	const struct labfile *file = lab->file;
	struct lab_capture *lc;
	int err;

	if (!pcap && !file->capture_all && !file->n_captures)
		return 0;
	lc = calloc(1, sizeof(*lc));
	if (!lc)
		return -ENOMEM;
	lab->captures = lc;
	err = file_open(lc, pcap ? pcap : ".", lab->name);
	if (err) {
		snprintf(msg, LAB_MSG_MAX, "capture %s: %s", lc->path ? lc->path : lab->name,
			 strerror(-err));
		return err;
	}
	lc->all = pcap && !file->n_captures;
	err = weft_capture_new(lab->eng, CAPTURE_SNAPLEN, blocks_write, lc, &lc->cap);
	if (!err)
		err = interfaces_add(lab);
	if (err) {
		weft_capture_free(lc->cap);
		lc->cap = NULL;
	}
	return err;
}

int lab_captures_stop(struct lab *lab)
{
	struct lab_capture *lc = lab->captures;
	int err;

	if (!lc)
		return 0;
	weft_capture_free(lc->cap);
	if (lc->file) {
		if (fclose(lc->file) != 0 && !lc->err)
			lc->err = -errno;
		if (!lc->cap) /* the lab never came up: nobody wants an empty file */
			unlink(lc->path);
		if (lc->err)
			fprintf(stderr, "weft: capture %s: %s\n", lc->path, strerror(-lc->err));
	}
	err = lc->err;
	free(lc->buffer);
	free(lc->path);
	free(lc);
	lab->captures = NULL;
	return err;
}

const char *lab_capture_path(const struct lab *lab)
{
	return lab->captures ? lab->captures->path : NULL;
}

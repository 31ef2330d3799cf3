/* SPDX-License-Identifier: MIT */
/* Capture filters; the contract is in filter.h. */
#include "lab/filter.h"

#include <ctype.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct filter {
	struct bpf_program prog;
	bool is_all;
};

/* The words of pcap-filter(7). What is none of them, and not a number, is a name. */
static bool is_keyword(const char *word)
{
	static const char *const words[] = {
		"host",     "net",        "port",     "portrange", "src",       "dst",
		"and",      "or",         "not",      "gateway",   "broadcast", "multicast",
		"proto",    "protochain", "mask",     "less",      "greater",   "len",
		"length",   "ether",      "link",     "fddi",      "tr",        "wlan",
		"ppp",      "slip",       "ip",       "ip6",       "arp",       "rarp",
		"decnet",   "atalk",      "aarp",     "iso",       "stp",       "ipx",
		"netbeui",  "lat",        "moprc",    "mopdl",     "sca",       "tcp",
		"udp",      "sctp",       "icmp",     "icmp6",     "igmp",      "igrp",
		"pim",      "vrrp",       "carp",     "ah",        "esp",       "vlan",
		"mpls",     "pppoed",     "pppoes",   "geneve",    "inbound",   "outbound",
		"llc",      "i",          "s",        "u",         "ifname",    "on",
		"reason",   "action",     "type",     "subtype",   "dir",       "direction",
		"clnp",     "esis",       "es-is",    "isis",      "is-is",     "l1",
		"l2",       "iih",        "lsp",      "snp",       "csnp",      "psnp",
		"loopback", "tcpflags",   "icmptype", "icmpcode",  "icmp6type", "icmp6code",
		"ra",       "ta",         "addr1",    "addr2",     "addr3",     "addr4",
		"radio",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(word, words[i]))
			return true;
	return !strncasecmp(word, "tcp-", 4) || !strncasecmp(word, "icmp-", 5) ||
	       !strncasecmp(word, "icmp6-", 6);
}

/* What libpcap looks up in files of this machine. */
static bool takes_local_name(const char *word)
{
	return !strcasecmp(word, "port") || !strcasecmp(word, "portrange") ||
	       !strcasecmp(word, "proto") || !strcasecmp(word, "protochain");
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_' || c == ':';
}

/* Digits, dots and colons with hexadecimal digits: numbers, addresses, MAC addresses, ranges. */
static bool is_number(const char *word)
{
	struct weft_addr addr;

	if (strspn(word, "0123456789.-") == strlen(word) ||
	    (!strncasecmp(word, "0x", 2) &&
	     strspn(word + 2, "0123456789abcdefABCDEF") == strlen(word + 2)))
		return true;
	return weft_addr_parse(word, &addr) == 0 ||
	       (strchr(word, ':') && strspn(word, "0123456789abcdefABCDEF:-.") == strlen(word));
}

struct names {
	filter_lookup_fn *lookup;
	void *arg;
	char *out;
	size_t len;
	char *msg;
};

static int text_add(struct names *n, const char *text, size_t len)
{
	if (len >= FILTER_TEXT_MAX - n->len) {
		snprintf(n->msg, FILTER_MSG_MAX, "the expression is longer than %d bytes",
			 FILTER_TEXT_MAX);
		return -EINVAL;
	}
	memcpy(n->out + n->len, text, len);
	n->len += len;
	n->out[n->len] = '\0';
	return 0;
}

static int word_add(struct names *n, const char *word, const char *before)
{
	char text[WEFT_ADDR_STRLEN];
	struct weft_addr addr;

	if (is_keyword(word) || is_number(word) || takes_local_name(before))
		return text_add(n, word, strlen(word));
	if (!n->lookup || !n->lookup(n->arg, word, &addr)) {
		snprintf(n->msg, FILTER_MSG_MAX,
			 "`%s` is neither a word of pcap-filter(7) nor a name of the lab", word);
		return -EINVAL;
	}
	weft_addr_print(&addr, text, sizeof(text));
	return text_add(n, text, strlen(text));
}

int filter_names(const char *text, filter_lookup_fn *lookup, void *arg, char *ret, char *msg)
{
	struct names n = {.lookup = lookup, .arg = arg, .out = ret, .msg = msg};
	char word[256], before[256] = "";
	int err = 0;

	ret[0] = '\0';
	while (*text && !err) {
		size_t len = 0;

		while (is_word_char(text[len]))
			len++;
		if (!len) {
			err = text_add(&n, text++, 1);
			continue;
		}
		if (len >= sizeof(word)) {
			snprintf(msg, FILTER_MSG_MAX, "a word of %zu letters is too long", len);
			return -EINVAL;
		}
		memcpy(word, text, len);
		word[len] = '\0';
		/* \tcp: a keyword as a name of a protocol. */
		if (n.len && ret[n.len - 1] == '\\')
			err = text_add(&n, word, len);
		else
			err = word_add(&n, word, before);
		memcpy(before, word, len + 1);
		text += len;
	}
	return err;
}

static bool is_blank(const char *s)
{
	return s[strspn(s, " \t\n")] == '\0';
}

int filter_new(const char *text, uint32_t snaplen, filter_lookup_fn *lookup, void *arg,
	       struct filter **ret, char *msg)
{
	char names[FILTER_TEXT_MAX];
	struct filter *f;
	pcap_t *dead;
	int err = filter_names(text, lookup, arg, names, msg);

	if (err)
		return err;
	f = calloc(1, sizeof(*f));
	dead = pcap_open_dead(DLT_EN10MB, snaplen && snaplen <= INT32_MAX ? (int)snaplen : 262144);
	if (!f || !dead) {
		free(f);
		if (dead)
			pcap_close(dead);
		return -ENOMEM;
	}
	f->is_all = is_blank(names);
	if (!f->is_all && pcap_compile(dead, &f->prog, names, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		/* libpcap says so itself, for syntax errors only. */
		static const char prefix[] = "can't parse filter expression: ";
		const char *why = pcap_geterr(dead);

		if (!strncmp(why, prefix, sizeof(prefix) - 1))
			why += sizeof(prefix) - 1;
		snprintf(msg, FILTER_MSG_MAX, "%s", why);
		free(f);
		f = NULL;
		err = -EINVAL;
	}
	pcap_close(dead);
	if (f)
		*ret = f;
	return err;
}

void filter_free(struct filter *f)
{
	if (f && !f->is_all)
		pcap_freecode(&f->prog);
	free(f);
}

bool filter_pass(const struct filter *f, const uint8_t *frame, uint32_t cap_len, uint32_t len)
{
	struct pcap_pkthdr hdr = {.caplen = cap_len, .len = len};

	return f->is_all || pcap_offline_filter(&f->prog, &hdr, frame);
}

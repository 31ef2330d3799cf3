/* SPDX-License-Identifier: MIT */
/*
 * Packets that a script says header by header: neighbour discovery, ARP, groups, errors with what
 * they quote, extension headers, fragments.
 *
 *   < from fe80::2 to sol(local) ns local <slla remote>
 *   > from local to fe80::2 na local SO <tlla local>
 *
 * How it works: the parser makes a list of fields in the order of the wire. Injected, it becomes
 * bytes. Expected, it becomes bytes and a mask of those that were said; what was seen is compared
 * under the mask, and checksums are checked. $NAME is an address or other bytes that the first
 * expected packet with it sets.
 */
#pragma once

#include "drill/packet.h"

enum {
	DRILL_LAYER_FIELDS = 128, /* names that are remembered of one packet */
	DRILL_VAR_MAX = 16,       /* bytes */
	DRILL_QUOTE_DEPTH = 3,
	DRILL_HEADERS_MAX = 64, /* of a packet: each is a step of a recursion */
};

/* What frames are about. Those of a subject that no packet of the script is about are passed over
 * (but OTHER, which is of all scripts that say a packet header by header). */
enum drill_subject {
	DRILL_ABOUT_OTHER,
	DRILL_ABOUT_ARP,
	DRILL_ABOUT_ND,
	DRILL_ABOUT_GROUPS,  /* MLD */
	DRILL_ABOUT_GROUPS4, /* IGMP */
};

struct drill_known {
	struct drill_known *next;
	const char *name;
	uint8_t len;
	uint8_t bytes[DRILL_VAR_MAX];
};

/* What the words of a script stand for. */
struct drill_names {
	struct weft_addr local, remote, gateway;
	uint8_t local_mac[6], remote_mac[6];
	struct drill_known *known; /* owned */
};

void drill_names_fini(struct drill_names *names);

/* The subject of a frame. */
enum drill_subject drill_frame_subject(const uint8_t *frame, size_t len);

/* Writes the frame of an injected packet. The length; 0: `why` says what is not known or too long.
 */
size_t drill_layers_build(struct drill_names *names, const struct drill_packet *pkt, uint16_t ip_id,
			  uint8_t *frame, char *why, size_t why_size) MUST_CHECK;

/* 0; -EINVAL: `why` names the first difference. On 0 unknown $NAMES are known. */
int drill_layers_match(struct drill_names *names, const struct drill_packet *want,
		       const uint8_t *frame, size_t len, char *why, size_t why_size) MUST_CHECK;

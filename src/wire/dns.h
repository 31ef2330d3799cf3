/* SPDX-License-Identifier: MIT */
/*
 * DNS codec (RFC 1035 §4, RFC 2181, RFC 3596, RFC 6891): names, messages, and what a resolver, a
 * forwarder or a server needs of records. RFC 9267 lists how others have failed here:
 *
 *	names     a pointer leads strictly backwards, so there are no loops, and a name follows
 *	          DNS_POINTERS_MAX of them; labels and names have their lengths, in every form
 *	counts    are those of the header, but reading ends with the bytes: 65535 records
 *	          announced and none there is an error, and no loop
 *	RDLENGTH  bounds what is read of a record; a name in it ends where the record does
 *
 * A message is read from front to back with a `struct dns_rd`, and written with a `struct dns_wr`,
 * which compresses names and leaves out, with TC set, what does not fit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "wire/addr.h"

enum {
	DNS_PORT = 53,
	DNS_HDR_LEN = 12,
	DNS_LABEL_MAX = 63,
	DNS_NAME_MAX = 255,     /* bytes on the wire, with those of the lengths and the root */
	DNS_NAME_STRLEN = 1024, /* longest text: most bytes escaped, and the NUL */
	DNS_POINTERS_MAX = 128, /* more than a name can have labels */
	DNS_UDP_MAX = 512,      /* of who has not said more (RFC 1035 §2.3.4) */
	DNS_OPT_LEN = 11,       /* an OPT record without options */
	DNS_WR_NAMES_MAX = 64,  /* suffixes that a writer remembers for compression */
};

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_DNAME = 39,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_IXFR = 251,
	DNS_TYPE_AXFR = 252,
	DNS_TYPE_ANY = 255,
};

enum dns_class {
	DNS_CLASS_IN = 1,
	DNS_CLASS_ANY = 255,
};

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16, /* with the high bits of the OPT record */
};

enum dns_section {
	DNS_QUESTION,
	DNS_ANSWER,
	DNS_AUTHORITY,
	DNS_ADDITIONAL,
	DNS_N_SECTIONS,
};

/*
 * A name as on the wire without compression: labels with their lengths, an empty one (the root) at
 * the end. Bytes are any; case is kept and does not count when names are compared.
 */
struct dns_name {
	uint8_t len; /* 1 (the root) to 255 */
	uint8_t b[DNS_NAME_MAX];
};

/* "www.example", with or without the dot at the end; "." is the root. \. and \DDD are bytes (RFC
 * 1035 §5.1). 0; -EINVAL, with `ret` untouched: an empty or too long label, or too long a name. */
int dns_name_parse(const char *text, struct dns_name *ret) MUST_CHECK;
/* Without the dot at the end, but "." is the root. What is no letter, digit, '-' or '_' is escaped,
 * so the text is fit for a terminal. Cut to `size` bytes with the NUL; returns `buf`. */
const char *dns_name_print(const struct dns_name *name, char *buf, size_t size);
bool dns_name_eq(const struct dns_name *a, const struct dns_name *b);
/* The same name, and letters of the same case too. */
bool dns_name_eq_case(const struct dns_name *a, const struct dns_name *b);
/* `name` is `zone` or below it. */
bool dns_name_is_within(const struct dns_name *name, const struct dns_name *zone);
/* Without the root's. */
unsigned int dns_name_n_labels(const struct dns_name *name);
void dns_name_lower(struct dns_name *name);
/* `name` with `zone` behind it. -EINVAL: too long. `ret` may be one of them. */
int dns_name_join(const struct dns_name *name, const struct dns_name *zone,
		  struct dns_name *ret) MUST_CHECK;
/* The name at `r`, which points into the message of `len` bytes at `msg`; `r` moves behind it.
 * -EBADMSG, with `ret` untouched. */
int dns_name_read(struct rd *r, const uint8_t *msg, struct dns_name *ret) MUST_CHECK;

struct dns_hdr {
	uint16_t id;
	bool is_response;
	uint8_t opcode; /* 0: query; 4 bits */
	bool is_authoritative, is_truncated;
	bool wants_recursion, has_recursion;
	bool is_authentic, no_check; /* AD, CD (RFC 4035) */
	uint8_t rcode;               /* 4 bits; see struct dns_edns */
	uint16_t n[DNS_N_SECTIONS];  /* as they were read; a writer counts by itself */
};

struct dns_question {
	struct dns_name name;
	uint16_t type, class;
};

struct dns_rr {
	struct dns_name name;
	uint16_t type, class;
	uint32_t ttl_s; /* 0 when the wire had the top bit set (RFC 2181 §8); of OPT as it is */
	enum dns_section section;
	uint16_t rdata_len;
	const uint8_t *rdata; /* in the message */
	const uint8_t *msg;   /* the message's start, for names in rdata */
};

struct dns_soa {
	struct dns_name mname, rname;
	uint32_t serial, refresh_s, retry_s, expire_s, minimum_s;
};

/* What the OPT record says (RFC 6891). */
struct dns_edns {
	uint16_t udp_bytes; /* what the sender takes by UDP; below 512 means 512 */
	uint8_t rcode_high; /* above the header's four bits */
	uint8_t version;
	bool wants_dnssec; /* DO */
	/* Read: its bytes in the message. Written as they are. */
	const uint8_t *options;
	uint16_t options_len;
};

struct dns_rd {
	struct rd r;
	const uint8_t *msg;
	enum dns_section section; /* what comes next */
	uint16_t left[DNS_N_SECTIONS];
};

/* Reads the header. -EBADMSG: shorter than one. `msg` is used until the reading is over. */
int dns_msg_open(struct dns_rd *d, const uint8_t *msg, size_t len, struct dns_hdr *ret) MUST_CHECK;
/* 1: a question; 0: no more; -EBADMSG. */
int dns_question_read(struct dns_rd *d, struct dns_question *ret) MUST_CHECK;
/* 1: a record of the next section that has one; 0: no more; -EBADMSG. Questions that have not been
 * read are passed over. */
int dns_rr_read(struct dns_rd *d, struct dns_rr *ret) MUST_CHECK;
/* What is in a record: 0; -EBADMSG, also when it is of another type. The name is that of CNAME, NS,
 * PTR and DNAME. */
int dns_rr_a(const struct dns_rr *rr, struct ip4_addr *ret) MUST_CHECK;
int dns_rr_aaaa(const struct dns_rr *rr, struct ip6_addr *ret) MUST_CHECK;
int dns_rr_name(const struct dns_rr *rr, struct dns_name *ret) MUST_CHECK;
int dns_rr_soa(const struct dns_rr *rr, struct dns_soa *ret) MUST_CHECK;
int dns_rr_edns(const struct dns_rr *rr, struct dns_edns *ret) MUST_CHECK;

/* Reads all of a message, also the inside of the types above. 0, or -EBADMSG: something is not well
 * formed, there is more than one OPT record, or one that is not where it belongs. Bytes behind the
 * last record are not looked at. */
int dns_msg_check(const uint8_t *msg, size_t len) MUST_CHECK;
/* How long a reply may be kept: the least TTL of its answer, or of a negative one what its SOA
 * record says (RFC 2308 §5); 0: not at all (also of what is not well formed). */
uint32_t dns_msg_ttl_s(const uint8_t *msg, size_t len);
/* Lowers the TTLs of a message that passed dns_msg_check() by `age_s`, down to 0. */
void dns_msg_age(uint8_t *msg, size_t len, uint32_t age_s);

struct dns_wr {
	struct wr w;
	struct wr at; /* where the record under way began */
	struct dns_hdr hdr;
	struct dns_edns edns;
	bool has_edns;
	bool is_full; /* something did not fit: TC, and nothing more */
	uint16_t n_names, n_names_at;
	uint16_t names[DNS_WR_NAMES_MAX]; /* where suffixes stand */
};

/* Begins a message of at most `size` bytes; its counts and TC are written by dns_wr_finish(), and
 * so is an OPT record, whose room is kept free (`edns` NULL: none). */
void dns_wr_start(struct dns_wr *d, uint8_t *buf, size_t size, const struct dns_hdr *hdr,
		  const struct dns_edns *edns);
void dns_question_write(struct dns_wr *d, const struct dns_question *q);
/* A record: dns_rr_begin(), then its data with wr_*(&d->w) and dns_name_write(), then dns_rr_end().
 * Sections come in their order. False: it did not fit, is left out and TC is set, as it is for all
 * that would come after it. */
void dns_rr_begin(struct dns_wr *d, enum dns_section section, const struct dns_name *name,
		  uint16_t type, uint16_t class, uint32_t ttl_s);
bool dns_rr_end(struct dns_wr *d);
/* A name in a record's data; compressed in those types whose readers expect it: NS, CNAME, PTR, SOA
 * and MX (RFC 3597 §4). */
void dns_name_write(struct dns_wr *d, const struct dns_name *name, bool may_compress);
void dns_a_write(struct dns_wr *d, enum dns_section section, const struct dns_name *name,
		 const struct ip4_addr *addr, uint32_t ttl_s);
void dns_aaaa_write(struct dns_wr *d, enum dns_section section, const struct dns_name *name,
		    const struct ip6_addr *addr, uint32_t ttl_s);
/* CNAME, NS or PTR. */
void dns_name_rr_write(struct dns_wr *d, enum dns_section section, const struct dns_name *name,
		       uint16_t type, const struct dns_name *to, uint32_t ttl_s);
void dns_soa_write(struct dns_wr *d, enum dns_section section, const struct dns_name *name,
		   const struct dns_soa *soa, uint32_t ttl_s);
/* The message's length; 0: not even the question and OPT fitted. */
size_t dns_wr_finish(struct dns_wr *d);

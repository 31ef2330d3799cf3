/* SPDX-License-Identifier: MIT */
/* Lines of the audit log; contracts in sock_audit.h. */
#include "transport/sock_audit.h"

#include <inttypes.h>

#include "base/fmt.h"
#include "core/stack.h"
#include "transport/sock_table.h"
#include "weft/limit.h"
#include "weft/packet.h"

enum {
	AUDIT_LINE_MAX = 1024,   /* also of a stack whose name is all escapes */
	AUDIT_REFUSED_MAX = 100, /* lines a second about connections that peers try */
};

#define AUDIT_NS_PER_S INT64_C(1000000000)

static struct sock_audit *audit_of(const struct stack *st, uint32_t what)
{
	struct sock_audit *a = &st->socks->audit;

	return a->fn && (a->what & what) ? a : NULL;
}

static void audit_begin(struct sb *sb, const struct stack *st, const char *event, const char *proto,
			uint32_t owner)
{
	sb_printf(sb, "{\"time_ns\":%" PRId64 ",\"stack\":", st->eng->epoch_ns + st->eng->now_ns);
	sb_json_str(sb, st->name);
	sb_printf(sb, ",\"event\":\"%s\",\"proto\":\"%s\",\"owner\":%" PRIu32, event, proto, owner);
}

/* The unspecified address has no family of its own: it is the socket's. */
static void audit_addr(struct sb *sb, const char *key, const struct ip_addr *addr, uint16_t port,
		       int family)
{
	bool is_any4 = family == WEFT_AF_INET && ip_addr_is_unspecified(addr);
	char text[IP_ADDR_STRLEN];

	sb_printf(sb, is_any4 || ip_addr_is_ip4(addr) ? ",\"%s\":\"%s:%u\"" : ",\"%s\":\"[%s]:%u\"",
		  key, is_any4 ? "0.0.0.0" : ip_addr_print(addr, text), (unsigned int)port);
}

static void audit_end(struct sock_audit *a, struct sb *sb)
{
	if (a->n_withheld)
		sb_printf(sb, ",\"withheld\":%" PRIu64, a->n_withheld);
	a->n_withheld = 0;
	sb_char(sb, '}');
	a->fn(a->arg, sb->buf);
}

void sock_audit_call(const struct sock *sk, uint32_t what, const char *event,
		     const struct ip_addr *peer, uint16_t port, int err)
{
	struct sock_audit *a = audit_of(sk->stack, err ? WEFT_AUDIT_REFUSE : what);
	char line[AUDIT_LINE_MAX];
	struct sb sb = sb_make(line, sizeof(line));

	if (!a || sk->conn.family == WEFT_AF_PACKET)
		return;
	audit_begin(&sb, sk->stack, err ? "refuse" : event, sk->proto->name, sock_owner(sk));
	if (err)
		sb_printf(&sb, ",\"call\":\"%s\",\"errno\":%d", event, -err);
	if (what == WEFT_AUDIT_BIND && peer) {
		audit_addr(&sb, "local", peer, port, sk->conn.family);
	} else {
		audit_addr(&sb, "local", &sk->conn.laddr, sk->conn.lport, sk->conn.family);
		if (peer)
			audit_addr(&sb, "peer", peer, port, sk->conn.family);
	}
	audit_end(a, &sb);
}

void sock_audit_open(struct stack *st, const char *proto, uint32_t owner, int err)
{
	struct sock_audit *a = audit_of(st, WEFT_AUDIT_REFUSE);
	char line[AUDIT_LINE_MAX];
	struct sb sb = sb_make(line, sizeof(line));

	if (!a)
		return;
	audit_begin(&sb, st, "refuse", proto, owner);
	sb_printf(&sb, ",\"call\":\"socket\",\"errno\":%d", -err);
	audit_end(a, &sb);
}

/* A stranger must not fill the log. */
static bool audit_is_due(struct sock_audit *a, int64_t now_ns)
{
	if (a->second != now_ns / AUDIT_NS_PER_S) {
		a->second = now_ns / AUDIT_NS_PER_S;
		a->n_refused = 0;
	}
	if (a->n_refused < AUDIT_REFUSED_MAX) {
		a->n_refused++;
		return true;
	}
	a->n_withheld++;
	return false;
}

void sock_audit_refuse(const struct sock *listener, const struct ip_info *info, uint16_t port,
		       enum drop why)
{
	struct stack *st = listener->stack;
	struct sock_audit *a = audit_of(st, WEFT_AUDIT_REFUSE);
	char line[AUDIT_LINE_MAX];
	struct sb sb = sb_make(line, sizeof(line));

	if (!a || !audit_is_due(a, st->eng->now_ns))
		return;
	audit_begin(&sb, st, "refuse", listener->proto->name, sock_owner(listener));
	sb_printf(&sb, ",\"why\":\"%s\"", drop_name(why));
	audit_addr(&sb, "local", &info->dst, listener->conn.lport, listener->conn.family);
	audit_addr(&sb, "peer", &info->src, port, listener->conn.family);
	audit_end(a, &sb);
}

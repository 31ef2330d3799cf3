/* SPDX-License-Identifier: MIT */
/* A script is executed: set-up, the clock, events in their order, and what is said at the end. */
#include "drill/drill.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "drill/run_priv.h"

enum {
	NS_PER_US = 1000,
	STEPS_MAX = 2000000,               /* runs of the engine between two events */
	SEEN_MAX_BYTES = 64 * 1024 * 1024, /* of frames that nothing was said of yet */
};

/* Nanoseconds of it still fit the engine's clock. */
static const int64_t RUN_MAX_US = 100LL * DRILL_TIME_MAX_S * 1000000;

bool drill_run_fail(struct drill_run *run, uint32_t line, const char *fmt, ...)
{
	struct drill_result *res = run->result;
	va_list ap;
	int n;

	if (run->has_failed)
		return false;
	run->has_failed = true;
	res->verdict = DRILL_FAILED;
	n = snprintf(res->text, sizeof(res->text), "%s:%u: ", run->script->path, line);
	if (n < 0 || (size_t)n >= sizeof(res->text))
		return false;
	va_start(ap, fmt);
	vsnprintf(res->text + n, sizeof(res->text) - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

bool drill_run_refuse(struct drill_run *run, uint32_t line, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!run->has_failed) {
		drill_run_fail(run, line, "%s", text);
		run->result->verdict = DRILL_REFUSED;
	}
	return false;
}

int64_t drill_now_us(const struct drill_run *run)
{
	return (run->now_ns - run->start_ns) / NS_PER_US;
}

int64_t drill_next_us(const struct drill_run *run)
{
	int64_t ns = weft_engine_next_ns(run->eng);

	/* A part of a microsecond counts as a whole one: not before the deadline. */
	return ns == INT64_MAX ? ns : (ns - run->start_ns + NS_PER_US - 1) / NS_PER_US;
}

static bool run_engine(struct drill_run *run, int64_t ns)
{
	unsigned n = 0;

	run->now_ns = ns > run->now_ns ? ns : run->now_ns;
	while (weft_engine_run(run->eng, run->now_ns))
		if (++n > STEPS_MAX)
			return drill_run_fail(run, run->line, "the stack does not come to rest");
	return drill_call_retry(run);
}

bool drill_run_until(struct drill_run *run, int64_t us)
{
	int64_t target = run->start_ns + us * NS_PER_US;
	unsigned n = 0;

	for (;;) {
		int64_t next = weft_engine_next_ns(run->eng);
		int64_t end = run->is_waiting ? run->start_ns + run->waiting.end_us * NS_PER_US : 0;

		/* A call that waits for a time of its own is looked at when it should return. */
		if (end > run->now_ns && end < next)
			next = end;
		if (next > target)
			break;
		if (!run_engine(run, next))
			return false;
		if (++n > STEPS_MAX)
			return drill_run_fail(run, run->line, "the stack does not come to rest");
	}
	return run_engine(run, target);
}

static const char *when_text(const struct drill_run *run, const struct drill_event *ev, char *buf,
			     size_t size)
{
	int64_t us = run->event_us, end = us + ev->end_us - ev->us;

	if (ev->when == DRILL_AT_RANGE || ev->when == DRILL_AFT_RANGE)
		snprintf(buf, size, "from %lld.%06lld to %lld.%06lld s", (long long)(us / 1000000),
			 (long long)(us % 1000000), (long long)(end / 1000000),
			 (long long)(end % 1000000));
	else
		snprintf(buf, size, "at %lld.%06lld s", (long long)(us / 1000000),
			 (long long)(us % 1000000));
	return buf;
}

static int64_t tolerance(const struct drill_run *run)
{
	int64_t share = (run->event_us - run->last_us) / 100 * run->opts.tolerance_percent;

	return share > run->opts.tolerance_us ? share : run->opts.tolerance_us;
}

bool drill_check_time(struct drill_run *run, const struct drill_event *ev, int64_t seen_us,
		      const char *what)
{
	int64_t tol = tolerance(run), end = run->event_us;
	char when[80];

	if (ev->when == DRILL_ANY_TIME)
		return true;
	if (ev->when == DRILL_AT_RANGE || ev->when == DRILL_AFT_RANGE)
		end += ev->end_us - ev->us;
	if (seen_us >= run->event_us - tol && seen_us <= end + tol)
		return true;
	return drill_run_fail(
		run, ev->line,
		"%s\n  expected %s %s (within %lld us)\n  seen     %*s at %lld.%06lld s", ev->text,
		what, when_text(run, ev, when, sizeof(when)), (long long)tol, (int)strlen(what), "",
		(long long)(seen_us / 1000000), (long long)(seen_us % 1000000));
}

/* ---- set-up ---- */

/* The stack sends a frame: it is kept until the script asks. */
static int run_tx(void *arg, const void *frame, size_t len)
{
	struct drill_run *run = arg;
	struct drill_seen *seen;
	char why[100];
	int err;

	if (run->seen_bytes > SEEN_MAX_BYTES) {
		drill_run_fail(run, run->line,
			       "the stack sends more and more, of which the script "
			       "expects nothing");
		return 0;
	}
	seen = calloc(1, sizeof(*seen) + len);
	if (!seen)
		return -ENOBUFS;
	memcpy(seen->frame, frame, len);
	seen->len = len;
	seen->us = drill_now_us(run);
	err = drill_seen_read(seen, why, sizeof(why));
	if (err && (run->says & 1u << drill_frame_subject(frame, len))) {
		seen->pkt.proto = DRILL_LAYERS;
		err = 0;
	}
	if (err == -EBADMSG)
		drill_run_fail(run, run->line, "the stack sent %s", why);
	if (err) {
		free(seen);
		return 0;
	}
	*run->seen_tail = seen;
	run->seen_tail = &seen->next;
	run->seen_bytes += sizeof(*seen) + len;
	return 0;
}

static bool run_address(struct drill_run *run, const char *text, struct weft_addr *ret)
{
	uint8_t family = run->opts.ip == DRILL_IP6 ? WEFT_AF_INET6 : WEFT_AF_INET;

	if (weft_addr_parse(text, ret) || ret->family != family)
		return drill_run_refuse(run, 1, "%s is no %s address", text,
					family == WEFT_AF_INET ? "IPv4" : "IPv6");
	return true;
}

/* Addresses of the network, by packetdrill's defaults. */
static const struct {
	const char *local, *remote, *gateway;
	uint8_t prefix_len;
} nets[] = {
	{"192.168.0.1", "192.0.2.1", "192.168.0.2", 16},
	{"fd3d:0a0b:17d6::1", "fd3d:fa7b:d17d::1", "fd3d:0a0b:17d6:8888::1", 48},
};

static bool run_addresses(struct drill_run *run, struct weft_addr *ret_via)
{
	const struct drill_opts *o = &run->opts;
	bool is_ip6 = o->ip == DRILL_IP6;

	if (!run_address(run, o->local_ip ? o->local_ip : nets[is_ip6].local, &run->local) ||
	    !run_address(run, o->remote_ip ? o->remote_ip : nets[is_ip6].remote, &run->remote) ||
	    !run_address(run, o->gateway_ip ? o->gateway_ip : nets[is_ip6].gateway, ret_via))
		return false;
	/* packetdrill's device has no neighbours, so there the host may be its own gateway. */
	if (memcmp(ret_via->bytes, run->local.bytes, 16) == 0)
		ret_via->bytes[is_ip6 ? 15 : 3] ^= 3;
	return true;
}

static bool run_network(struct drill_run *run)
{
	static const struct weft_frame_ops ops = {.tx = run_tx};
	bool is_ip6 = run->opts.ip == DRILL_IP6;
	struct weft_route route = {.prefix_len = 0};
	struct weft_addr via;
	uint8_t len = run->opts.prefix_len ? run->opts.prefix_len : nets[is_ip6].prefix_len;

	if (!run_addresses(run, &via))
		return false;
	run->mtu_extra = is_ip6 && run->opts.same_mss ? 20 : 0;
	if (weft_netif_new(run->st, "tun0", run->local_mac,
			   run->opts.mtu + (uint32_t)run->mtu_extra, &ops, run, &run->nif))
		return drill_run_refuse(run, 1, "no interface with an MTU of %u", run->opts.mtu);
	/* Where there is duplicate address detection: the address serves from the first event on.
	 */
	(void)!weft_stack_set(run->st, "net.ipv6.conf.all.dad_transmits", 0);
	if (weft_addr_add(run->nif, &run->local, len))
		return drill_run_refuse(run, 1,
					is_ip6 ? "the stack has no IPv6"
					       : "the local address is not accepted");
	run->names.local = run->local;
	run->names.remote = run->remote;
	run->names.gateway = via;
	memcpy(run->names.local_mac, run->local_mac, 6);
	memcpy(run->names.remote_mac, run->remote_mac, 6);
	route.dst.family = run->local.family;
	route.via = via;
	if (weft_route_add(run->st, &route) || weft_neigh_add(run->nif, &via, run->remote_mac))
		return drill_run_refuse(run, 1, "the gateway address is not accepted");
	(void)weft_neigh_add(run->nif, &run->remote, run->remote_mac);
	return true;
}

static bool run_stack(struct drill_run *run)
{
	struct weft_engine_config cfg = {
		.now_ns = run->start_ns,
		.has_seed = true,
		.seed = run->opts.seed,
		.mem_limit_bytes = (uint64_t)1 << 31,
	};
	struct weft_sock *sk;

	if (weft_engine_new(&cfg, &run->eng) || weft_stack_new(run->eng, "drill", &run->st))
		return drill_run_refuse(run, 1, "out of memory");
	/* Scripts about these switch them on. */
	if (weft_stack_set(run->st, "net.ipv6.conf.all.accept_dad", 0) ||
	    weft_stack_set(run->st, "net.ipv6.conf.all.accept_ra", 0) || !run_network(run))
		return false;
	if (run->opts.ip != DRILL_IP4_MAPPED)
		return true;
	if (weft_socket(run->st, WEFT_AF_INET6, WEFT_SOCK_STREAM, 0, &sk))
		return drill_run_refuse(run, 1,
					"the stack has no IPv6 sockets, which "
					"ipv4-mapped-ipv6 needs");
	weft_close(sk);
	return true;
}

static void run_fini(struct drill_run *run)
{
	while (run->fds)
		drill_fd_free(run, run->fds);
	weft_stack_free(run->st);
	weft_engine_free(run->eng);
	while (run->seen) {
		struct drill_seen *next = run->seen->next;

		free(run->seen);
		run->seen = next;
	}
	drill_names_fini(&run->names);
	while (run->flows) {
		struct drill_flow *next = run->flows->next;

		free(run->flows);
		run->flows = next;
	}
	free(run->frame);
}

/* ---- events ---- */

static void run_print(void *arg, const char *text)
{
	struct drill_run *run = arg;

	if (run->opts.out)
		fprintf(run->opts.out, "%s\n", text);
}

static bool run_code(struct drill_run *run, const struct drill_event *ev)
{
	char why[600];

	if (!drill_code_run(ev->code, &run->code, why, sizeof(why)))
		return true;
	return drill_run_fail(run, ev->line, "%s", why);
}

static bool is_injected(const struct drill_event *ev)
{
	return ev->kind == DRILL_EV_PACKET && ev->packet->is_in;
}

/* When the event is due, in the script's time. Relative times count from when the event before it
 * was done; between two injected packets from when the first was due. */
static int64_t event_due(const struct drill_run *run, const struct drill_event *ev)
{
	int64_t from = run->last_was_in && is_injected(ev) ? run->last_us : drill_now_us(run);

	switch (ev->when) {
	case DRILL_AT:
	case DRILL_AT_RANGE:
		return ev->us;
	case DRILL_ANY_TIME:
		return drill_now_us(run);
	default:
		return from + ev->us;
	}
}

static bool run_event(struct drill_run *run, const struct drill_event *ev)
{
	bool is_expected = ev->kind == DRILL_EV_PACKET && !ev->packet->is_in;

	if (run->opts.verbose && run->opts.out)
		fprintf(run->opts.out, "%s:%u: %s\n", run->script->path, ev->line, ev->text);
	if (!is_expected) {
		if (!drill_run_until(run, run->event_us > drill_now_us(run) ? run->event_us
									    : drill_now_us(run)))
			return false;
		if (!drill_check_time(run, ev, drill_now_us(run), "this event"))
			return false;
	}
	switch (ev->kind) {
	case DRILL_EV_PACKET:
		return drill_run_packet(run, ev);
	case DRILL_EV_CALL:
		return drill_run_call(run, ev);
	case DRILL_EV_CODE:
		return run_code(run, ev);
	default:
		return drill_run_command(run, ev->command, ev->line);
	}
}

/* The script is over; what still runs? */
static bool run_end(struct drill_run *run)
{
	if (!drill_run_until(run, drill_now_us(run)))
		return false;
	if (run->is_waiting && run->waiting.end_us > drill_now_us(run) &&
	    !drill_run_until(run, run->waiting.end_us))
		return false;
	if (run->is_waiting)
		return drill_run_fail(run, run->waiting.ev->line, "%s\n  still waits at the end",
				      run->waiting.ev->text);
	return drill_check_left(run);
}

static bool run_events(struct drill_run *run)
{
	const struct drill_script *script = run->script;

	if (script->init && !drill_run_command(run, script->init, script->init_line))
		return false;
	for (const struct drill_event *ev = script->events; ev; ev = ev->next) {
		run->line = ev->line;
		run->event_us = event_due(run, ev);
		if (run->event_us > RUN_MAX_US)
			return drill_run_refuse(run, ev->line, "the script takes a century");
		run->result->n_events++;
		if (!run_event(run, ev) || run->has_failed)
			return false;
		run->last_us = run->event_us;
		run->last_was_in = is_injected(ev);
	}
	if (!run_end(run))
		return false;
	return !script->cleanup || drill_run_command(run, script->cleanup, script->cleanup_line);
}

static void run_script(const struct drill_script *script, const struct drill_opts *opts,
		       struct drill_result *ret)
{
	struct drill_run run = {
		.opts = *opts,
		.script = script,
		.result = ret,
		.start_ns = 1000000000,
		.now_ns = 1000000000,
		.local_mac = {2, 0, 0, 0, 0, 1},
		.remote_mac = {2, 0, 0, 0, 0, 2},
		.next_port = 40000,
		.next_ip_id = 1,
		.line = 1,
	};

	run.seen_tail = &run.seen;
	run.code = (struct drill_code_env){
		.find = drill_figures_find, .print = run_print, .arg = &run};
	for (const struct drill_event *ev = script->events; ev; ev = ev->next)
		if (ev->kind == DRILL_EV_PACKET && ev->packet->layers)
			run.says |= ev->packet->layers->says | 1u << DRILL_ABOUT_OTHER;
	run.frame = malloc(DRILL_FRAME_MAX);
	if (!run.frame)
		drill_run_refuse(&run, 1, "out of memory");
	else if (run_stack(&run))
		(void)run_events(&run);
	ret->virtual_us = drill_now_us(&run);
	run_fini(&run);
}

/* A script that is about a family is written with its sizes. What the command line says of another
 * one, addresses and the MTU, is not meant for it. */
static void keep_family(struct drill_opts *opts, const struct drill_opts *command_line)
{
	opts->same_mss = false;
	if ((opts->ip == DRILL_IP6) == (command_line->ip == DRILL_IP6))
		return;
	opts->local_ip = opts->remote_ip = opts->gateway_ip = NULL;
	opts->prefix_len = 0;
	opts->mtu = DRILL_MTU;
}

void drill_run(const char *path, const char *text, size_t len, const struct drill_opts *opts,
	       struct drill_result *ret)
{
	struct drill_opts all = *opts;
	struct drill_script *script;
	struct drill_error err;
	int rc = drill_parse(path, text, len, opts->defines, opts->ip == DRILL_IP6, &script, &err);

	*ret = (struct drill_result){.verdict = DRILL_PASSED};
	if (rc) {
		ret->verdict = DRILL_REFUSED;
		if (rc == -ENOMEM)
			snprintf(ret->text, sizeof(ret->text), "%s: out of memory", path);
		else
			snprintf(ret->text, sizeof(ret->text), "%s:%u:%u: %s", path, err.line,
				 err.column, err.text);
		return;
	}
	for (const struct drill_option *o = script->options; o; o = o->next) {
		if (!drill_opts_set(&all, o->name, o->value)) {
			if (!strcmp(o->name, "ip_version"))
				keep_family(&all, opts);
			continue;
		}
		ret->verdict = DRILL_REFUSED;
		snprintf(ret->text, sizeof(ret->text), "%s:%u: --%s%s%s is not understood", path,
			 o->line, o->name, o->value ? "=" : "", o->value ? o->value : "");
	}
	if (ret->verdict == DRILL_PASSED && !all.dry_run)
		run_script(script, &all, ret);
	drill_script_free(script);
}

/* SPDX-License-Identifier: MIT */
/* Any bytes as a packet script: either a tree whose parts hold together, or a mistake with a place;
 * its code is executed, and its packets are made, read back and printed. */
#include "fuzz.h"

#include "drill/code.h"
#include "drill/layer.h"
#include "drill/packet.h"
#include "drill/parse.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool find(void *arg, const char *name, int64_t *ret)
{
	(void)arg;
	*ret = (int64_t)strlen(name);
	return name[0] == 't';
}

static void check_expr(const struct drill_expr *e, unsigned depth)
{
	assert(depth < 100000);
	for (; e; e = e->next) {
		assert(e->line > 0);
		assert(e->kind != DRILL_EXPR_WORD || e->text);
		assert(e->kind != DRILL_EXPR_STRING || e->text[e->len] == '\0');
		assert(e->kind != DRILL_EXPR_OR || (e->first && e->second));
		if (e->kind == DRILL_EXPR_OR) {
			check_expr(e->second, depth + 1);
			continue; /* the left side can be as long as the script */
		}
		check_expr(e->first, depth + 1);
	}
}

/* Reads what any bytes make of a frame, and prints it. */
static void check_frame(struct drill_seen *seen)
{
	char text[DRILL_TEXT_MAX], why[200];
	int rc;

	seen->pkt = (struct drill_packet){.is_in = false};
	rc = drill_seen_read(seen, why, sizeof(why));
	assert(rc == 0 || rc == -EPROTONOSUPPORT || (rc == -EBADMSG && why[0]));
	if (rc == 0 && !drill_packet_text(&seen->pkt, text, sizeof(text))[0])
		abort();
}

/* One octet of a good frame is another one; or the frame is cut. */
static void check_broken(struct drill_seen *seen, uint32_t where)
{
	seen->frame[where % seen->len] ^= (uint8_t)(1 + where % 255);
	check_frame(seen);
	seen->len = where % seen->len;
	check_frame(seen);
}

/* What is said header by header goes to bytes, and these are what the same words expect. */
static void check_layers(const struct drill_packet *pkt, uint8_t family)
{
	static uint8_t frame[DRILL_FRAME_MAX];
	struct drill_names names = {.local = {.family = family, .bytes = {10, 0, 0, 1}},
				    .remote = {.family = family, .bytes = {10, 0, 0, 2}},
				    .gateway = {.family = family, .bytes = {10, 0, 0, 3}},
				    .local_mac = {2, 0, 0, 0, 0, 1},
				    .remote_mac = {2, 0, 0, 0, 0, 2}};
	struct drill_packet want = *pkt, in = *pkt;
	char why[200];
	size_t len;

	want.is_in = false;
	in.is_in = true;
	len = drill_layers_build(&names, &in, 1, frame, why, sizeof(why));
	assert(len > 0 || why[0]);
	if (len > 0 && !pkt->layers->has_mac)
		assert(drill_layers_match(&names, &want, frame, len, why, sizeof(why)) == 0);
	if (len > 0) {
		(void)drill_frame_subject(frame, len);
		frame[len / 2] ^= 1;
		(void)!drill_layers_match(&names, &want, frame, len / 2 + 1, why, sizeof(why));
	}
	drill_names_fini(&names);
}

/* A packet goes to bytes and back. */
static void check_packet(const struct drill_packet *pkt, uint8_t family)
{
	static uint8_t frame[DRILL_FRAME_MAX];
	char text[DRILL_TEXT_MAX], why[200];
	struct drill_build b = {.pkt = pkt,
				.src = {.family = family, .bytes = {10, 0, 0, 1}},
				.dst = {.family = family, .bytes = {10, 0, 0, 2}},
				.seq = pkt->seq,
				.ack = pkt->ack,
				.quote_proto = 6};
	struct drill_seen *seen;
	size_t len;

	if (pkt->layers) {
		check_layers(pkt, family);
		return;
	}
	assert(pkt->opts_len <= DRILL_TCP_OPTS_MAX && pkt->opts_len % 4 == 0);
	len = strlen(drill_packet_text(pkt, text, sizeof(text)));
	assert(len < sizeof(text));
	if (!pkt->is_in)
		return;
	memcpy(b.opts, pkt->opts, pkt->opts_len);
	len = drill_build(&b, frame);
	if (!len)
		return;
	seen = calloc(1, sizeof(*seen) + len);
	if (!seen)
		return;
	memcpy(seen->frame, frame, len);
	seen->len = len;
	if (drill_seen_read(seen, why, sizeof(why)) == 0 && pkt->proto == DRILL_TCP) {
		assert(seen->pkt.seq == pkt->seq && seen->pkt.len == pkt->len);
		assert(seen->pkt.flags == (pkt->flags & 0x1ff));
		assert(memcmp(seen->pkt.opts, pkt->opts, pkt->opts_len) == 0);
	}
	check_broken(seen, pkt->seq);
	free(seen);
}

static void check_event(const struct drill_event *ev, struct drill_code_env *env)
{
	char why[600];

	assert(ev->line > 0 && ev->us >= 0 && ev->text);
	switch (ev->kind) {
	case DRILL_EV_PACKET:
		check_packet(ev->packet, WEFT_AF_INET);
		check_packet(ev->packet, WEFT_AF_INET6);
		break;
	case DRILL_EV_CALL:
		assert(ev->call->name && ev->call->result);
		check_expr(ev->call->args, 0);
		check_expr(ev->call->result, 0);
		break;
	case DRILL_EV_CODE:
		if (drill_code_run(ev->code, env, why, sizeof(why)))
			assert(why[0]);
		break;
	default:
		assert(ev->command);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char three[] = "3", words[] = "\"a b\"", name_n[] = "N", name_s[] = "S";
	struct drill_define second = {.name = name_s, .value = words};
	struct drill_define first = {.next = &second, .name = name_n, .value = three};
	struct drill_code_env env = {.find = find};
	struct drill_script *script = NULL;
	struct drill_error err;
	int64_t sum;
	int rc = drill_parse("fuzz.pkt", (const char *)data, size, &first, size & 1, &script, &err);

	(void)!drill_code_sum((const char *)data, size, &sum);
	if (rc) {
		assert(rc == -EINVAL && !script && err.text[0]);
		assert(size > DRILL_SCRIPT_MAX || (err.line > 0 && err.column > 0));
		return 0;
	}
	assert(script->events && script->n_events > 0);
	for (const struct drill_event *ev = script->events; ev; ev = ev->next)
		check_event(ev, &env);
	drill_script_free(script);
	return 0;
}

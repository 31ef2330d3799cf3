/* SPDX-License-Identifier: MIT */
/* What slirp4netns' API socket answers to a request; the contract is in slirp_api.h. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/slirp_api.h"

enum {
	PORT_MAX = 65535,
};

static json_t *error_of(const char *desc)
{
	return json_pack("{s:{s:s}}", "error", "desc", desc);
}

static json_t *error_about(const char *execute, const char *what)
{
	return json_pack("{s:{s:o}}", "error", "desc",
			 json_sprintf("bad request: %s: %s", execute, what));
}

static const char *text_of(const json_t *args, const char *key)
{
	const char *text = json_string_value(json_object_get(args, key));

	return text ? text : "";
}

/* A number from 1 to `max`; 0: it is none. 80.0 is one too: to slirp4netns all numbers are floating
 * ones. */
static uint32_t number_of(const json_t *args, const char *key, uint32_t max)
{
	double n = json_number_value(json_object_get(args, key));

	return n >= 1 && n <= max && n == (double)(uint32_t)n ? (uint32_t)n : 0;
}

static bool port_of(const json_t *args, const char *key, uint16_t *ret)
{
	*ret = (uint16_t)number_of(args, key, PORT_MAX);
	return *ret != 0;
}

/* What is wrong with the arguments: "bad arguments.KEY", or NULL. */
static const char *forward_read(const json_t *args, struct gateway_forward *f)
{
	const char *proto = text_of(args, "proto");
	const char *host = text_of(args, "host_addr");
	const char *guest = text_of(args, "guest_addr");

	*f = (struct gateway_forward){.host_addr.family = WEFT_AF_INET, .n_ports = 1};
	if (!strcmp(proto, "tcp"))
		f->proto = WEFT_IPPROTO_TCP;
	else if (!strcmp(proto, "udp"))
		f->proto = WEFT_IPPROTO_UDP;
	else
		return "bad arguments.proto";
	if (*host && weft_addr_parse(host, &f->host_addr) < 0)
		return "bad arguments.host_addr";
	if (!port_of(args, "host_port", &f->host_port))
		return "bad arguments.host_port";
	if (*guest && weft_addr_parse(guest, &f->guest_addr) < 0)
		return "bad arguments.guest_addr";
	if (*guest && f->guest_addr.family != f->host_addr.family)
		return "bad arguments.guest_addr";
	return port_of(args, "guest_port", &f->guest_port) ? NULL : "bad arguments.guest_port";
}

static json_t *add_hostfwd(struct gateway *gw, const struct weft_addr *guest4 UNUSED,
			   const json_t *args)
{
	char msg[GATEWAY_MSG_MAX];
	struct gateway_forward f;
	const char *wrong = forward_read(args, &f);
	uint32_t id;

	if (wrong)
		return error_about("add_hostfwd", wrong);
	if (gateway_forward_add(gw, &f, &id, msg) < 0)
		return json_pack("{s:{s:s, s:s}}", "error", "desc",
				 "bad request: add_hostfwd: slirp_add_hostfwd failed", "reason",
				 msg);
	return json_pack("{s:{s:I}}", "return", "id", (json_int_t)id);
}

struct list_ctx {
	json_t *entries;
	const struct weft_addr *guest4;
};

static void list_one(void *arg, const struct gateway_forward_info *info)
{
	const struct gateway_forward *f = &info->forward;
	const struct list_ctx *ctx = arg;
	const struct weft_addr any = {.family = WEFT_AF_INET};
	char host[WEFT_ADDR_STRLEN], guest[WEFT_ADDR_STRLEN];

	weft_addr_print(f->host_addr.family ? &f->host_addr : &any, host, sizeof(host));
	weft_addr_print(f->guest_addr.family ? &f->guest_addr : ctx->guest4, guest, sizeof(guest));
	json_array_append_new(
		ctx->entries,
		json_pack("{s:I, s:s, s:s, s:i, s:s, s:i}", "id", (json_int_t)info->id, "proto",
			  f->proto == WEFT_IPPROTO_TCP ? "tcp" : "udp", "host_addr", host,
			  "host_port", (int)f->host_port, "guest_addr", guest, "guest_port",
			  (int)(f->guest_port ? f->guest_port : f->host_port)));
}

static json_t *list_hostfwd(struct gateway *gw, const struct weft_addr *guest4,
			    const json_t *args UNUSED)
{
	struct list_ctx ctx = {.entries = json_array(), .guest4 = guest4};

	gateway_forwards(gw, list_one, &ctx);
	return json_pack("{s:{s:O}, s:o}", "return", "entries", ctx.entries, "entries",
			 ctx.entries);
}

static json_t *remove_hostfwd(struct gateway *gw, const struct weft_addr *guest4 UNUSED,
			      const json_t *args)
{
	uint32_t id = number_of(args, "id", UINT32_MAX);

	if (!id || gateway_forward_del(gw, id) < 0)
		return error_about("remove_hostfwd", "bad arguments.id");
	return json_pack("{s:{}}", "return");
}

static json_t *answer(struct gateway *gw, const struct weft_addr *guest4, const json_t *req,
		      bool is_long)
{
	static const struct {
		const char *name;
		json_t *(*fn)(struct gateway *gw, const struct weft_addr *guest4,
			      const json_t *args);
	} calls[] = {
		{"add_hostfwd", add_hostfwd},
		{"list_hostfwd", list_hostfwd},
		{"remove_hostfwd", remove_hostfwd},
	};
	const char *execute = json_string_value(json_object_get(req, "execute"));

	if (is_long)
		return error_of("bad request: too large message");
	if (!req)
		return error_of("bad request: cannot parse JSON");
	if (!json_is_object(req))
		return error_of("bad request: json_object() failed");
	if (!execute)
		return error_of("bad request: no execute found");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, execute))
			return calls[i].fn(gw, guest4, json_object_get(req, "arguments"));
	return error_of("bad request: unknown execute");
}

char *slirp_api_answer(struct gateway *gw, const struct weft_addr *guest4, const char *request,
		       size_t len)
{
	bool is_long = len >= SLIRP_API_REQUEST_MAX;
	json_t *req = is_long ? NULL : json_loadb(request, len, JSON_DISABLE_EOF_CHECK, NULL);
	json_t *ans = answer(gw, guest4, req, is_long);
	char *text = json_dumps(ans, JSON_COMPACT | JSON_PRESERVE_ORDER);

	json_decref(ans);
	json_decref(req);
	return text;
}

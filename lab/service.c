/* SPDX-License-Identifier: MIT */
/* Services of weft nodes; the contract is in service.h. */
#include "lab/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"
#include "lab/sysctls.h"
#include "net/bulk/discard.h"
#include "net/echo/echo.h"
#include "net/http/http_server.h"
#include "net/radv/radv.h"
#include "net/rr/rr.h"

static int disk_watch(void *ctx, int fd, void (*fn)(void *arg, int fd, uint32_t events), void *arg)
{
	struct lab_node *node = ctx;

	return weft_loop_watch(node->lab->loop, fd, fn ? 1 /* POLLIN */ : 0, fn, arg);
}

/* The date that answers have in a simulation. */
static int64_t sim_now_s(void *ctx)
{
	struct lab_node *node = ctx;

	return (LAB_SIM_EPOCH_NS + weft_engine_now_ns(node->lab->eng)) / 1000000000;
}

static int http_start(struct lab_node *node, const struct labfile_http *file, uint32_t owner,
		      struct http_server **ret)
{
	struct http_doc *docs = calloc(file->n_docs + 1u, sizeof(*docs));
	struct http_server_config cfg = {
		.port = (uint16_t)file->port,
		.owner = owner,
		.root = file->root,
		.docs = docs,
		.n_docs = file->n_docs,
		/* In virtual time, reading a file takes no time. */
		.watch = node->lab->loop ? disk_watch : NULL,
		.watch_ctx = node,
		.now_s = node->lab->loop ? NULL : sim_now_s,
		.now_ctx = node,
	};
	int err;

	if (!docs)
		return -ENOMEM;
	for (uint32_t i = 0; i < file->n_docs; i++)
		docs[i] = (struct http_doc){
			.path = file->docs[i].path,
			.text = file->docs[i].text,
			.size = file->docs[i].size,
			.seed = file->docs[i].seed,
			.type = file->docs[i].type,
		};
	err = http_server_new(node->stack, &cfg, ret);
	free(docs);
	return err;
}

static int echo_start(struct lab_node *node, const struct labfile_echo *file, uint32_t owner,
		      struct echo **ret)
{
	struct echo_config cfg = {
		.port = (uint16_t)file->port,
		.tcp = file->protos & LABFILE_TCP,
		.udp = file->protos & LABFILE_UDP,
		.owner = owner,
	};

	return echo_new(node->stack, &cfg, ret);
}

static uint32_t seconds(int64_t ns)
{
	int64_t s = ns / 1000000000;

	return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

/* The numbers of items have been checked. */
static struct radv_config radv_config_of(const struct labfile_radv *file)
{
	struct radv_config cfg = {
		.max_interval_s = seconds(file->interval_ns),
		.lifetime_s = seconds(file->lifetime_ns),
		.pref = (uint8_t)file->pref,
		.managed = file->managed,
		.other = file->other,
		.unicast = file->unicast,
		.run_down = file->run_down,
		.hop_limit = (uint8_t)file->hop_limit,
		.mtu = file->mtu,
		.valid_s = file->valid_s,
		.preferred_s = file->preferred_s,
		.n_prefixes = file->n_prefixes,
		.n_routes = file->n_routes,
		.n_dns = file->n_dns,
		.n_search = file->n_search,
		.dns_lifetime_s = seconds(file->dns_lifetime_ns),
	};

	for (uint32_t i = 0; i < file->n_prefixes; i++) {
		const struct labfile_radv_prefix *p = &file->prefixes[i];

		cfg.prefixes[i] = (struct radv_prefix){.len = p->prefix.len,
						       .on_link = p->on_link,
						       .autonomous = p->autonomous,
						       .valid_s = p->valid_s,
						       .preferred_s = p->preferred_s};
		memcpy(cfg.prefixes[i].prefix, p->prefix.ip.bytes, 16);
	}
	for (uint32_t i = 0; i < file->n_routes; i++) {
		const struct labfile_radv_route *r = &file->routes[i];

		cfg.routes[i] = (struct radv_route){.len = r->prefix.len,
						    .pref = (uint8_t)r->pref,
						    .lifetime_s = seconds(r->lifetime_ns)};
		memcpy(cfg.routes[i].prefix, r->prefix.ip.bytes, 16);
	}
	for (uint32_t i = 0; i < file->n_dns; i++)
		memcpy(cfg.dns[i], file->dns[i].ip.bytes, 16);
	for (uint32_t i = 0; i < file->n_search; i++)
		cfg.search[i] = file->search[i].domain;
	return cfg;
}

static bool radv_is_on(const struct labfile_radv *file, const struct labfile_iface *iface)
{
	if (file->iface)
		return !strcmp(file->iface, iface->name);
	for (uint32_t i = 0; i < iface->n_addrs; i++)
		if (iface->addrs[i].net.ip.family == LAB_IP6 && iface->addrs[i].net.len == 64)
			return true;
	return false;
}

static int radv_start(struct lab_node *node, const struct labfile_radv *file,
		      struct lab_service *ret)
{
	struct radv_config cfg = radv_config_of(file);
	int err = 0;

	ret->radvs = calloc(node->n_ifaces + 1u, sizeof(*ret->radvs));
	if (!ret->radvs)
		return -ENOMEM;
	for (uint32_t i = 0; !err && i < node->n_ifaces; i++) {
		if (!radv_is_on(file, node->ifaces[i].file))
			continue;
		err = radv_new(node->ifaces[i].netif, node->stack, &cfg, &ret->radvs[ret->n_radvs]);
		ret->n_radvs += !err;
	}
	if (err)
		lab_service_stop(ret);
	return err;
}

int lab_service_start(struct lab_node *node, const struct labfile_service *file,
		      struct lab_service *ret)
{
	const uint32_t owner = (uint32_t)(file - node->file->services) + 1;
	const struct server_config cfg = {.port = (uint16_t)file->listener.port, .owner = owner};
	struct lab_service service = {.http = NULL};
	int err = lab_limits_set(node->stack, owner, lab_service_limits(file));

	if (err)
		return err;
	err = -EINVAL;
	switch (file->kind) {
	case LABFILE_HTTP:
		err = http_start(node, &file->http, owner, &service.http);
		break;
	case LABFILE_ECHO:
		err = echo_start(node, &file->echo, owner, &service.echo);
		break;
	case LABFILE_DISCARD:
		err = discard_new(node->stack, &cfg, &service.discard);
		break;
	case LABFILE_RR:
		err = rr_server_new(node->stack, &cfg, &service.rr);
		break;
	case LABFILE_RADV:
		err = radv_start(node, &file->radv, &service);
		break;
	default:
		break;
	}
	if (!err)
		*ret = service;
	return err;
}

const char *lab_service_kind_name(const struct labfile_service *file)
{
	static const char *const names[] = {
		[LABFILE_HTTP] = "http", [LABFILE_ECHO] = "echo", [LABFILE_DISCARD] = "discard",
		[LABFILE_RR] = "rr",     [LABFILE_RADV] = "radv",
	};

	return names[file->kind];
}

void lab_service_stop(struct lab_service *service)
{
	http_server_free(service->http);
	echo_free(service->echo);
	discard_free(service->discard);
	rr_server_free(service->rr);
	for (uint32_t i = 0; i < service->n_radvs; i++)
		radv_free(service->radvs[i]);
	free(service->radvs);
	*service = (struct lab_service){.http = NULL};
}

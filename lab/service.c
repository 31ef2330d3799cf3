/* SPDX-License-Identifier: MIT */
/* Services of weft nodes; the contract is in service.h. */
#include "lab/service.h"

#include <errno.h>
#include <stdlib.h>

#include "lab/lab.h"
#include "net/bulk/discard.h"
#include "net/echo/echo.h"
#include "net/http/http_server.h"
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

static int http_start(struct lab_node *node, const struct labfile_http *file,
		      struct http_server **ret)
{
	struct http_doc *docs = calloc(file->n_docs + 1u, sizeof(*docs));
	struct http_server_config cfg = {
		.port = (uint16_t)file->port,
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

static int echo_start(struct lab_node *node, const struct labfile_echo *file, struct echo **ret)
{
	struct echo_config cfg = {
		.port = (uint16_t)file->port,
		.tcp = file->protos & LABFILE_TCP,
		.udp = file->protos & LABFILE_UDP,
	};

	return echo_new(node->stack, &cfg, ret);
}

int lab_service_start(struct lab_node *node, const struct labfile_service *file,
		      struct lab_service *ret)
{
	struct lab_service service = {.http = NULL};
	int err = -EINVAL;

	switch (file->kind) {
	case LABFILE_HTTP:
		err = http_start(node, &file->http, &service.http);
		break;
	case LABFILE_ECHO:
		err = echo_start(node, &file->echo, &service.echo);
		break;
	case LABFILE_DISCARD:
		err = discard_new(node->stack, (uint16_t)file->listener.port, &service.discard);
		break;
	case LABFILE_RR:
		err = rr_server_new(node->stack, (uint16_t)file->listener.port, &service.rr);
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
		[LABFILE_HTTP] = "http",
		[LABFILE_ECHO] = "echo",
		[LABFILE_DISCARD] = "discard",
		[LABFILE_RR] = "rr",
	};

	return names[file->kind];
}

void lab_service_stop(struct lab_service *service)
{
	http_server_free(service->http);
	echo_free(service->echo);
	discard_free(service->discard);
	rr_server_free(service->rr);
	*service = (struct lab_service){.http = NULL};
}

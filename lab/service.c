/* SPDX-License-Identifier: MIT */
/* Services of weft nodes; the contract is in service.h. */
#include "lab/service.h"

#include <errno.h>
#include <stdlib.h>

#include "lab/lab.h"
#include "net/echo/echo.h"
#include "net/http/http_server.h"

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

int lab_service_start(struct lab_node *node, const struct labfile_service *file,
		      struct lab_service *ret)
{
	struct lab_service service = {NULL, NULL};
	struct echo_config echo = {
		.port = (uint16_t)file->echo.port,
		.tcp = file->echo.protos & LABFILE_TCP,
		.udp = file->echo.protos & LABFILE_UDP,
	};
	int err = file->kind == LABFILE_HTTP ? http_start(node, &file->http, &service.http)
					     : echo_new(node->stack, &echo, &service.echo);

	if (!err)
		*ret = service;
	return err;
}

void lab_service_stop(struct lab_service *service)
{
	http_server_free(service->http);
	echo_free(service->echo);
	*service = (struct lab_service){NULL, NULL};
}

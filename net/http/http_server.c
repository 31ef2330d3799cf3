/* SPDX-License-Identifier: MIT */
/* The web server's frame: configuration, documents, the listener; the contracts are in
 * http_server.h. */
#include "net/http/http_server.h"

#include "net/http/http_priv.h"
#include "net/http/http_type.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	SERVER_BACKLOG = 1024,
	SERVER_ACCEPT_BATCH = 64, /* connections taken before others have their turn */
};

static const int64_t second_ns = 1000000000;

static struct http_server_config with_defaults(const struct http_server_config *given)
{
	struct http_server_config cfg = *given;

	cfg.max_conns = cfg.max_conns ? cfg.max_conns : 10000;
	cfg.max_files = cfg.max_files ? cfg.max_files : 1024;
	cfg.max_body = cfg.max_body ? cfg.max_body : 65536;
	cfg.idle_timeout_ns = cfg.idle_timeout_ns ? cfg.idle_timeout_ns : 60 * second_ns;
	cfg.head_timeout_ns = cfg.head_timeout_ns ? cfg.head_timeout_ns : 10 * second_ns;
	cfg.close_timeout_ns = cfg.close_timeout_ns ? cfg.close_timeout_ns : 2 * second_ns;
	return cfg;
}

int64_t http_server_now_s(const struct http_server *srv)
{
	return srv->cfg.now_s ? srv->cfg.now_s(srv->cfg.now_ctx) : (int64_t)time(NULL);
}

/* Documents */

static int entry_compare(const void *a, const void *b)
{
	const struct http_entry *ea = a, *eb = b;

	return strcmp(ea->doc.path, eb->doc.path);
}

const struct http_entry *http_server_find(const struct http_server *srv, const char *path)
{
	struct http_entry key = {.doc.path = path};

	if (!srv->n_entries)
		return NULL;
	return bsearch(&key, srv->entries, srv->n_entries, sizeof(key), entry_compare);
}

static bool is_type(const char *type)
{
	size_t len = strlen(type);

	for (size_t i = 0; i < len; i++)
		if (type[i] < ' ' || type[i] > '~')
			return false;
	return len > 0 && len <= HTTP_TYPE_MAX;
}

static int entry_init(struct http_entry *entry, const struct http_doc *doc)
{
	if (!doc->path || doc->path[0] != '/' || (doc->type && !is_type(doc->type)))
		return -EINVAL;
	entry->doc = *doc;
	entry->size = http_doc_size(doc);
	entry->type = doc->type ? doc->type : http_type_of(doc->path);
	http_doc_etag(doc, entry->validators.etag, sizeof(entry->validators.etag));
	return 0;
}

static int entries_load(struct http_server *srv, const struct http_doc *docs, size_t n)
{
	srv->entries = n ? calloc(n, sizeof(*srv->entries)) : NULL;
	if (n && !srv->entries)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int err = entry_init(&srv->entries[i], &docs[i]);

		if (err)
			return err;
	}
	if (n)
		qsort(srv->entries, n, sizeof(*srv->entries), entry_compare);
	for (size_t i = 1; i < n; i++)
		if (entry_compare(&srv->entries[i - 1], &srv->entries[i]) == 0)
			return -EEXIST;
	srv->n_entries = n;
	return 0;
}

/* Connections */

static void server_accept(struct http_server *srv, struct weft_sock *s,
			  const struct weft_sockaddr *peer)
{
	uint32_t n_open = srv->stats.n_open;
	bool is_refused = n_open >= srv->cfg.max_conns;

	srv->stats.n_conns++;
	srv->stats.n_refused += is_refused;
	if (n_open >= (uint64_t)srv->cfg.max_conns + HTTP_REFUSED_MAX ||
	    http_conn_new(srv, s, peer, is_refused) < 0)
		srv->net.ops->abort(s);
}

static void listener_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct http_server *srv = arg;
	struct weft_sockaddr peer;
	struct weft_sock *conn;

	(void)events;
	for (int i = 0; i < SERVER_ACCEPT_BATCH && srv->net.ops->accept(s, &conn, &peer) == 0; i++)
		server_accept(srv, conn, &peer);
	/* More may wait: being set again, the callback comes once more. */
	srv->net.ops->on_event(s, listener_ready, srv);
}

static int listener_open(struct http_server *srv, bool is_ip6)
{
	const uint8_t family = is_ip6 ? WEFT_AF_INET6 : WEFT_AF_INET;
	struct weft_sockaddr any = {.addr.family = family, .port = srv->cfg.port};
	const struct weft_sockaddr *at = &srv->cfg.at;
	const int one = 1;
	struct weft_sock *s;
	int err;

	if (at->addr.family && at->addr.family != family)
		return 0;
	err = srv->net.ops->socket(&srv->net, family, WEFT_SOCK_STREAM, 0, &s);

	if (err)
		return is_ip6 && !at->addr.family && err == -EAFNOSUPPORT ? 0 : err;
	srv->listeners[is_ip6] = s;
	err = srv->net.ops->setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, &one, sizeof(one));
	if (!err && srv->cfg.owner)
		err = srv->net.ops->setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_OWNER, &srv->cfg.owner,
					       sizeof(srv->cfg.owner));
	if (!err && is_ip6)
		err = srv->net.ops->setsockopt(s, WEFT_IPPROTO_IPV6, WEFT_IPV6_V6ONLY, &one,
					       sizeof(one));
	if (!err)
		err = srv->net.ops->bind(s, at->addr.family ? at : &any);
	return err ? err : srv->net.ops->listen(s, SERVER_BACKLOG);
}

static int folder_open(struct http_server *srv)
{
	srv->folder.max_open = srv->cfg.max_files;
	if (!srv->cfg.root)
		return 0;
	srv->folder.fd = open(srv->cfg.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (srv->folder.fd < 0)
		return -errno;
	return http_disk_new(srv->cfg.watch, srv->cfg.watch_ctx, &srv->folder.disk);
}

int http_server_new(struct weft_stack *st, const struct http_server_config *cfg,
		    struct http_server **ret)
{
	struct http_server *srv = calloc(1, sizeof(*srv));
	int err;

	if (!srv)
		return -ENOMEM;
	srv->cfg = with_defaults(cfg);
	if (cfg->net)
		srv->net = *cfg->net;
	else
		weft_net_of_stack(st, &srv->net);
	srv->folder.fd = -1;
	err = entries_load(srv, cfg->docs, cfg->n_docs);
	if (!err)
		err = folder_open(srv);
	if (!err)
		err = listener_open(srv, false);
	if (!err)
		err = listener_open(srv, true);
	if (err) {
		http_server_free(srv);
		return err;
	}
	srv->cfg.docs = NULL;
	for (size_t i = 0; i < 2; i++)
		if (srv->listeners[i])
			srv->net.ops->on_event(srv->listeners[i], listener_ready, srv);
	*ret = srv;
	return 0;
}

/* Connections first: their files wait for the disk's thread, which frees them as it ends. */
void http_server_free(struct http_server *srv)
{
	if (!srv)
		return;
	while (srv->conns)
		http_conn_abort(srv->conns);
	srv->net.ops->close(srv->listeners[0]);
	srv->net.ops->close(srv->listeners[1]);
	http_disk_free(srv->folder.disk);
	if (srv->folder.fd >= 0)
		close(srv->folder.fd);
	free(srv->entries);
	free(srv);
}

void http_server_stats(const struct http_server *srv, struct http_server_stats *ret)
{
	*ret = srv->stats;
	ret->n_files = srv->folder.n_open;
}

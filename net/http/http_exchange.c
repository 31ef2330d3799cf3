/* SPDX-License-Identifier: MIT */
/*
 * What the answer to a request is: which document or file, whether it is sent, and which part of
 * it. Documents come before files. Errors are answers too; what cannot be answered for want of
 * memory ends the connection.
 */
#include "net/http/http_priv.h"

#include "net/http/http_path.h"
#include "net/http/http_type.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RETRY_AFTER_S = 1,
};

struct http_exchange *http_exchange_new(int64_t now_ns)
{
	struct http_exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->in = malloc(HTTP_IN_START);
	if (!x->in) {
		free(x);
		return NULL;
	}
	x->in_cap = HTTP_IN_START;
	x->start_ns = now_ns;
	http_parser_init(&x->parser);
	return x;
}

static void answer_free(struct http_exchange *x)
{
	http_file_close(x->file);
	free(x->piece);
	free(x->out);
}

void http_exchange_free(struct http_exchange *x)
{
	if (!x)
		return;
	answer_free(x);
	free(x->in);
	free(x);
}

void http_exchange_next(struct http_exchange *x, int64_t now_ns)
{
	char *in = x->in;
	size_t in_cap = x->in_cap, in_len = x->in_len - x->in_used;

	memmove(in, in + x->in_used, in_len);
	answer_free(x);
	*x = (struct http_exchange){
		.in = in,
		.in_cap = in_cap,
		.in_len = in_len,
		.start_ns = now_ns,
	};
	http_parser_init(&x->parser);
}

static bool is_head(const struct http_exchange *x)
{
	return x->parser.req.method == HTTP_HEAD;
}

/* The fields that every answer has. */
static struct http_response response(const struct http_exchange *x, const struct http_server *srv,
				     uint32_t status)
{
	return (struct http_response){
		.status = status,
		.keep_alive = x->keep_alive,
		.is_http10 = x->parser.req.minor == 0,
		.now_s = http_server_now_s(srv),
	};
}

/* Writes the head, with `text` behind it. */
static int write_head(struct http_exchange *x, const struct http_response *r, const char *text)
{
	size_t size = HTTP_RESPONSE_SIZE + (r->location ? strlen(r->location) + r->query_len : 0);
	size_t text_len = strlen(text);
	char *out = malloc(size);
	int len;

	if (!out)
		return -ENOMEM;
	len = http_response_write(r, out, size - text_len);
	if (len < 0) {
		free(out);
		return len;
	}
	(void)snprintf(out + len, size - (size_t)len, "%s", text);
	x->status = r->status;
	x->out = out;
	x->out_len = (size_t)len + text_len;
	return 0;
}

static int write_error(struct http_exchange *x, struct http_response *r, const char *why)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "%u %s%s%s\n", r->status,
			   http_status_text(r->status), why ? ": " : "", why ? why : "");

	x->why = why;
	http_file_close(x->file);
	x->file = NULL;
	r->type = "text/plain; charset=utf-8";
	r->has_length = true;
	r->length = (uint64_t)len;
	return write_head(x, r, is_head(x) ? "" : text);
}

int http_exchange_error(struct http_exchange *x, struct http_server *srv, uint32_t status,
			const char *why)
{
	struct http_response r = response(x, srv, status);

	r.allow = status == 405;
	r.retry_after_s = status == 503 ? RETRY_AFTER_S : 0;
	return write_error(x, &r, why);
}

/* What there is to be sent, of either kind. */
struct content {
	uint64_t size;
	const char *type;
	struct http_validators validators;
};

/* Gets ready to send a part. Made-up bytes need memory, texts lie there already. */
static int start_body(struct http_exchange *x, uint64_t off, uint64_t len)
{
	if (x->file && http_file_start(x->file, off, len) < 0)
		return -ENOMEM;
	if (!x->file && !x->entry->doc.text && len) {
		x->piece = malloc(len < HTTP_DOC_PIECE ? (size_t)len : HTTP_DOC_PIECE);
		if (!x->piece)
			return -ENOMEM;
	}
	x->body_off = off;
	x->body_left = len;
	return 0;
}

/* 200 or 206, or 416 (RFC 9110 §14.2: the Range field is of GET only). */
static int answer_content(struct http_exchange *x, struct http_server *srv,
			  const struct content *content)
{
	const struct http_request *req = &x->parser.req;
	struct http_response r = response(x, srv, 200);
	enum http_range_result result = HTTP_RANGE_WHOLE;
	struct http_text value;

	r.validators = &content->validators;
	r.whole_length = content->size;
	r.range = (struct http_range){.len = content->size};
	if (req->method == HTTP_GET && http_request_only(req, x->in, "Range", &value) &&
	    http_cond_range_applies(req, x->in, &content->validators, r.now_s))
		result = http_range_parse(value, content->size, &r.range);
	if (result == HTTP_RANGE_UNSATISFIABLE) {
		r.status = 416;
		return write_error(x, &r, "the document is shorter");
	}
	if (!is_head(x) && start_body(x, r.range.off, r.range.len) < 0)
		return http_exchange_error(x, srv, 503, NULL);
	r.status = result == HTTP_RANGE_PART ? 206 : 200;
	r.type = content->type;
	r.has_length = true;
	r.length = r.range.len;
	r.accepts_ranges = true;
	return write_head(x, &r, "");
}

static int answer_conditions(struct http_exchange *x, struct http_server *srv,
			     const struct content *content)
{
	struct http_response r = response(x, srv, 304);

	r.validators = &content->validators;
	switch (http_cond_check(&x->parser.req, x->in, &content->validators, r.now_s)) {
	case HTTP_COND_NOT_MODIFIED:
		return write_head(x, &r, "");
	case HTTP_COND_FAILED:
		return http_exchange_error(x, srv, 412, NULL);
	default:
		return answer_content(x, srv, content);
	}
}

static int answer_doc(struct http_exchange *x, struct http_server *srv,
		      const struct http_entry *entry)
{
	struct content content = {
		.size = entry->size,
		.type = entry->type,
		.validators = entry->validators,
	};

	x->entry = entry;
	return answer_conditions(x, srv, &content);
}

/* The path in normal form; the parser's request has been through it once without an error. */
static void path_of(const struct http_exchange *x, char path[HTTP_PATH_SIZE])
{
	if (http_path_parse(http_span_text(x->in, x->parser.req.path), path) < 0)
		path[0] = '\0';
}

/* A folder's own links only work when its path ends in '/'. The target is made of the normal form,
 * which starts with exactly one slash: "//host" would lead to another server. */
static int answer_redirect(struct http_exchange *x, struct http_server *srv)
{
	struct http_response r = response(x, srv, 301);
	struct http_text query = http_span_text(x->in, x->parser.req.query);
	char path[HTTP_PATH_SIZE], location[HTTP_LOCATION_MAX];
	size_t len;

	path_of(x, path);
	if (http_path_escape(path, location, sizeof(location) - 1) < 0)
		return http_exchange_error(x, srv, 414, "the folder's path is too long");
	len = strlen(location);
	memcpy(location + len, "/", 2);
	r.location = location;
	r.query = query.p;
	r.query_len = query.len;
	return write_error(x, &r, "this is a folder, and its path ends in /");
}

static uint32_t status_of_open(int err)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
		return 404;
	case -EACCES:
		return 403;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return 503;
	default:
		return 500;
	}
}

int http_exchange_opened(struct http_exchange *x, struct http_server *srv)
{
	int err = http_file_status(x->file);
	struct content content;
	char path[HTTP_PATH_SIZE];
	size_t len;

	path_of(x, path);
	len = strlen(path);
	if (err == -EISDIR && path[len - 1] != '/')
		return answer_redirect(x, srv);
	if (err == -EISDIR) /* "index.html" is one */
		err = -ENOENT;
	if (err)
		return http_exchange_error(x, srv, status_of_open(err), NULL);
	content.size = http_file_size(x->file);
	content.type = http_type_of(path[len - 1] == '/' ? "index.html" : path);
	http_file_validators(x->file, &content.validators);
	return answer_conditions(x, srv, &content);
}

static const struct http_entry *find_entry(const struct http_server *srv, const char *path)
{
	char index[HTTP_PATH_SIZE + sizeof("index.html")];
	const struct http_entry *entry = http_server_find(srv, path);

	if (entry || path[strlen(path) - 1] != '/')
		return entry;
	snprintf(index, sizeof(index), "%sindex.html", path);
	return http_server_find(srv, index);
}

static int answer_path(struct http_exchange *x, struct http_server *srv, void (*ready)(void *arg),
		       void *arg)
{
	struct http_text raw = http_span_text(x->in, x->parser.req.path);
	const struct http_entry *entry;
	char path[HTTP_PATH_SIZE];
	int err = http_path_parse(raw, path);

	if (err == -ENAMETOOLONG)
		return http_exchange_error(x, srv, 414, "the path is too long");
	if (err < 0)
		return http_exchange_error(x, srv, 400,
					   "the path has a wrong escape, \"..\" or a character "
					   "that is not served");
	entry = find_entry(srv, path);
	if (entry)
		return answer_doc(x, srv, entry);
	if (srv->folder.fd < 0)
		return http_exchange_error(x, srv, 404, NULL);
	err = http_file_open(&srv->folder, path, ready, arg, &x->file);
	if (err)
		return http_exchange_error(x, srv, 503, "too many files are being served");
	return http_file_status(x->file) == -EAGAIN ? -EAGAIN : http_exchange_opened(x, srv);
}

int http_exchange_answer(struct http_exchange *x, struct http_server *srv, void (*ready)(void *arg),
			 void *arg)
{
	const struct http_request *req = &x->parser.req;
	struct http_response r;

	http_body_init(&x->body, req, srv->cfg.max_body);
	/* A client that waits for leave to send its body gets the final answer instead, and may
	 * send the body or not; so nobody knows where the next request would start. */
	x->keep_alive = req->keep_alive && x->body.state != HTTP_BODY_BAD && !req->expects_continue;
	switch (req->method) {
	case HTTP_GET:
	case HTTP_HEAD:
		return answer_path(x, srv, ready, arg);
	case HTTP_OPTIONS:
		r = response(x, srv, 204);
		r.allow = true;
		return write_head(x, &r, "");
	case HTTP_METHOD_UNKNOWN:
		return http_exchange_error(x, srv, 501, "this server does not know the method");
	default:
		return http_exchange_error(x, srv, 405, NULL);
	}
}

static void piece_fill(struct http_exchange *x)
{
	x->piece_len = x->body_left < HTTP_DOC_PIECE ? (size_t)x->body_left : HTTP_DOC_PIECE;
	x->piece_off = 0;
	http_doc_read(&x->entry->doc, x->body_off, x->piece, x->piece_len);
}

ptrdiff_t http_exchange_peek(struct http_exchange *x, const void **ret)
{
	if (x->body_left == 0)
		return 0;
	if (x->file)
		return http_file_peek(x->file, ret);
	if (x->entry->doc.text) {
		*ret = x->entry->doc.text + x->body_off;
		return (ptrdiff_t)x->body_left;
	}
	if (x->piece_off == x->piece_len)
		piece_fill(x);
	*ret = x->piece + x->piece_off;
	return (ptrdiff_t)(x->piece_len - x->piece_off);
}

void http_exchange_take(struct http_exchange *x, size_t len)
{
	x->n_sent += len;
	x->body_off += len;
	x->body_left -= len;
	if (x->file)
		http_file_take(x->file, len);
	else if (x->piece)
		x->piece_off += len;
}

/* SPDX-License-Identifier: MIT */
/*
 * How it works: http_parse() goes through the bytes once. Bytes that no head may contain are
 * refused where they stand, so that a client which speaks something else (TLS, most often) hears of
 * it at its first byte. Each line is parsed when its LF has come: the request line first, then
 * field lines, each of which may have a meaning of its own in `known_fields`; the empty line checks
 * what only all fields together tell.
 */
#include "net/http/http_parse.h"

#include <string.h>

struct line {
	const char *buf;
	uint32_t off, len;
};

void http_parser_init(struct http_parser *p)
{
	*p = (struct http_parser){.req.method = HTTP_METHOD_UNKNOWN};
}

/* For `return fail(...)` in parsing functions: they return false when the request is refused. */
static bool fail(struct http_parser *p, uint32_t status, const char *why)
{
	p->status = status;
	p->why = why;
	return false;
}

static struct http_span span_make(size_t off, size_t len)
{
	return (struct http_span){.off = (uint16_t)off, .len = (uint16_t)len};
}

static struct http_span span_of(const char *buf, struct http_text t)
{
	return span_make((size_t)(t.p - buf), t.len);
}

/* The request line (RFC 9112 §3) */

static enum http_method method_of(struct http_text name)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",   [HTTP_OPTIONS] = "OPTIONS",
		[HTTP_POST] = "POST",       [HTTP_PUT] = "PUT",     [HTTP_DELETE] = "DELETE",
		[HTTP_CONNECT] = "CONNECT", [HTTP_TRACE] = "TRACE", [HTTP_PATCH] = "PATCH",
	};

	for (size_t i = 0; i < HTTP_METHOD_UNKNOWN; i++)
		if (strlen(names[i]) == name.len && memcmp(names[i], name.p, name.len) == 0)
			return (enum http_method)i;
	return HTTP_METHOD_UNKNOWN;
}

/* RFC 9112 §2.3: "HTTP/" DIGIT "." DIGIT, case-sensitive. */
static bool parse_version(struct http_parser *p, struct http_text t)
{
	if (t.len != 8 || memcmp(t.p, "HTTP/", 5) != 0 || !http_is_digit(t.p[5]) || t.p[6] != '.' ||
	    !http_is_digit(t.p[7]))
		return fail(p, 400, "the request line does not end in HTTP/1.1");
	if (t.p[5] != '1')
		return fail(p, 505, "this server speaks HTTP/1.1 and HTTP/1.0 only");
	p->req.minor = t.p[7] != '0';
	return true;
}

/* uri-host [ ":" port ] of RFC 9110 §7.2; may be empty. */
static bool is_host(struct http_text t)
{
	size_t i = 0;

	if (t.len && t.p[0] == '[') {
		for (i = 1; i < t.len && t.p[i] != ']'; i++)
			if (http_hex_value(t.p[i]) < 0 && t.p[i] != ':' && t.p[i] != '.')
				return false;
		if (i++ == t.len)
			return false;
	} else {
		for (; i < t.len && t.p[i] != ':'; i++)
			if (!http_is_alpha(t.p[i]) && !http_is_digit(t.p[i]) &&
			    !strchr("-._~%!$&'()*+,;=", t.p[i]))
				return false;
	}
	if (i == t.len)
		return true;
	if (t.p[i] != ':')
		return false;
	for (i++; i < t.len; i++)
		if (!http_is_digit(t.p[i]))
			return false;
	return true;
}

static void set_path(struct http_parser *p, const char *buf, struct http_text t)
{
	const char *mark = memchr(t.p, '?', t.len);
	size_t len = mark ? (size_t)(mark - t.p) : t.len;

	p->req.path = span_of(buf, http_text_make(t.p, len));
	p->req.query = span_of(buf, http_text_make(t.p + len, t.len - len));
}

/* RFC 9112 §3.2.2; a server has to take it from any client. `t` is what follows http://. */
static bool parse_absolute(struct http_parser *p, const char *buf, struct http_text t)
{
	size_t len = 0;

	while (len < t.len && t.p[len] != '/' && t.p[len] != '?')
		len++;
	if (len == 0 || t.p[0] == ':' || !is_host(http_text_make(t.p, len)))
		return fail(p, 400, "the host in the request's target is not valid");
	p->req.is_absolute = true;
	p->req.host = span_of(buf, http_text_make(t.p, len));
	set_path(p, buf, http_text_make(t.p + len, t.len - len));
	return true;
}

/*
 * RFC-DEVIATION: RFC 9112 §3.2: bytes above 0x7f are taken, as by most servers: clients send what
 * a user typed.
 */
static bool parse_target(struct http_parser *p, const char *buf, struct http_text t)
{
	static const char scheme[] = "http://";
	size_t scheme_len = sizeof(scheme) - 1;

	for (size_t i = 0; i < t.len; i++)
		if ((uint8_t)t.p[i] <= ' ' || t.p[i] == '#')
			return fail(p, 400,
				    "the request's target has a character that must not be there");
	if (p->req.method == HTTP_CONNECT) {
		if (t.p[0] == ':' || !is_host(t) || !memchr(t.p, ':', t.len))
			return fail(p, 400, "the target of CONNECT is not HOST:PORT");
		p->req.host = span_of(buf, t);
		return true;
	}
	if (t.p[0] == '/') {
		set_path(p, buf, t);
		return true;
	}
	if (t.len == 1 && t.p[0] == '*' && p->req.method == HTTP_OPTIONS) {
		p->req.is_asterisk = true;
		return true;
	}
	if (t.len > scheme_len && http_text_is(http_text_make(t.p, scheme_len), scheme))
		return parse_absolute(p, buf, http_text_make(t.p + scheme_len, t.len - scheme_len));
	return fail(p, 400, "the request's target does not start with / or http://");
}

/* method SP request-target SP HTTP-version: exactly one blank each, though a server may be lenient;
 * and so HTTP/0.9, which has no version, is refused too. The version comes first: the preface of
 * HTTP/2 has a target that HTTP/1 does not. */
static bool parse_request_line(struct http_parser *p, struct line l)
{
	struct http_text text = http_text_make(l.buf + l.off, l.len);
	const char *sp1 = memchr(text.p, ' ', text.len);
	const char *end = text.p + text.len;
	const char *sp2 = sp1 ? memchr(sp1 + 1, ' ', (size_t)(end - sp1 - 1)) : NULL;
	struct http_text method;

	p->req.line = span_make(l.off, l.len);
	if (!sp2 || sp2 == sp1 + 1)
		return fail(p, 400, "the request line is not METHOD TARGET HTTP/1.1");
	method = http_text_make(text.p, (size_t)(sp1 - text.p));
	if (!http_text_is_token(method))
		return fail(p, 400, "the request's method is not a word");
	p->req.method = method_of(method);
	return parse_version(p, http_text_make(sp2 + 1, (size_t)(end - sp2 - 1))) &&
	       parse_target(p, l.buf, http_text_make(sp1 + 1, (size_t)(sp2 - sp1 - 1)));
}

/* Field lines (RFC 9112 §5) */

/* RFC 9112 §3.2: more than one Host, or a wrong one, has to be refused. */
static bool field_host(struct http_parser *p, const char *buf, struct http_text value)
{
	if (p->n_host++)
		return fail(p, 400, "there is more than one Host field");
	if (!is_host(value))
		return fail(p, 400, "the Host field is not HOST or HOST:PORT");
	if (!p->req.is_absolute && p->req.method != HTTP_CONNECT)
		p->req.host = span_of(buf, value);
	return true;
}

/* RFC 9112 §6.3: equal repeated lengths could be taken as one; nobody needs that. */
static bool field_content_length(struct http_parser *p, const char *buf, struct http_text value)
{
	(void)buf;
	if (p->n_length++)
		return fail(p, 400, "there is more than one Content-Length field");
	if (!http_text_u64(value, &p->req.content_length) || p->req.content_length > INT64_MAX)
		return fail(p, 400, "the Content-Length is not a number of bytes");
	p->req.has_length = true;
	return true;
}

/* RFC 9112 §6.1, §6.3: the last coding has to be `chunked`, or nobody knows where the body ends. */
static bool field_transfer_encoding(struct http_parser *p, const char *buf, struct http_text value)
{
	struct http_text coding, last = {.len = 0};
	size_t n = 0;

	(void)buf;
	if (p->n_te++)
		return fail(p, 400, "there is more than one Transfer-Encoding field");
	while (http_text_next(&value, &coding)) {
		last = coding;
		n++;
	}
	if (!http_text_is(last, "chunked"))
		return fail(p, 400, "the last Transfer-Encoding is not chunked");
	if (n > 1)
		return fail(p, 501, "of Transfer-Encodings, this server knows chunked only");
	p->req.is_chunked = true;
	return true;
}

static bool field_connection(struct http_parser *p, const char *buf, struct http_text value)
{
	struct http_text option;

	(void)buf;
	while (http_text_next(&value, &option)) {
		p->wants_close |= http_text_is(option, "close");
		p->wants_keep_alive |= http_text_is(option, "keep-alive");
	}
	return true;
}

/* RFC 9110 §10.1.1; HTTP/1.0 does not have it. */
static bool field_expect(struct http_parser *p, const char *buf, struct http_text value)
{
	(void)buf;
	if (p->req.minor == 0)
		return true;
	if (!http_text_is(value, "100-continue"))
		return fail(p, 417, "this server meets no expectation but 100-continue");
	p->req.expects_continue = true;
	return true;
}

/* Fields that decide where the request ends, or whether there is one. */
static const struct known_field {
	const char *name;
	bool (*parse)(struct http_parser *p, const char *buf, struct http_text value);
} known_fields[] = {
	{"Host", field_host},
	{"Content-Length", field_content_length},
	{"Transfer-Encoding", field_transfer_encoding},
	{"Connection", field_connection},
	{"Expect", field_expect},
};

static bool parse_known_field(struct http_parser *p, const char *buf, struct http_text name,
			      struct http_text value)
{
	for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++)
		if (http_text_is(name, known_fields[i].name))
			return known_fields[i].parse(p, buf, value);
	return true;
}

static bool parse_field_line(struct http_parser *p, struct line l)
{
	const char *start = l.buf + l.off;
	const char *colon = memchr(start, ':', l.len);
	struct http_text name, value;

	if (start[0] == ' ' || start[0] == '\t')
		return fail(p, 400, "a field line is folded, or starts with a blank");
	if (!colon)
		return fail(p, 400, "a field line has no colon");
	name = http_text_make(start, (size_t)(colon - start));
	value = http_text_trim(http_text_make(colon + 1, l.len - name.len - 1));
	if (!http_text_is_token(name))
		return fail(p, 400, "a field's name is not a word, or a blank follows it");
	if (p->req.n_fields == HTTP_FIELDS_MAX)
		return fail(p, 431, "there are too many fields");
	p->req.fields[p->req.n_fields++] = (struct http_field){
		.name = span_of(l.buf, name),
		.value = span_of(l.buf, value),
	};
	return parse_known_field(p, l.buf, name, value);
}

/* What only all fields together tell. */
static bool check_fields(struct http_parser *p)
{
	struct http_request *req = &p->req;

	if (req->minor > 0 && p->n_host == 0)
		return fail(p, 400, "there is no Host field");
	if (p->n_te && p->n_length) /* RFC 9112 §11.2: the classic of request smuggling */
		return fail(p, 400, "there are both Content-Length and Transfer-Encoding");
	if (p->n_te && req->minor == 0) /* RFC 9112 §6.1 */
		return fail(p, 400, "HTTP/1.0 has no Transfer-Encoding");
	req->keep_alive = !p->wants_close && (req->minor > 0 || p->wants_keep_alive);
	return true;
}

/* A line without its end. Sets `head_len` when it was the last one. */
static bool parse_line(struct http_parser *p, struct line l)
{
	if (p->fields_off == 0 && l.len == 0) { /* RFC 9112 §2.2 */
		if (++p->n_empty > HTTP_EMPTY_MAX)
			return fail(p, 400, "there are empty lines in place of a request");
		return true;
	}
	if (p->fields_off == 0) {
		p->fields_off = p->pos + 1;
		return parse_request_line(p, l);
	}
	if (l.len > 0)
		return parse_field_line(p, l);
	if (!check_fields(p))
		return false;
	p->head_len = p->pos + 1;
	return true;
}

static bool parse_line_end(struct http_parser *p, const char *buf)
{
	uint32_t len = p->pos - p->line_off;

	if (len && buf[p->pos - 1] == '\r')
		len--;
	if (!parse_line(p, (struct line){.buf = buf, .off = p->line_off, .len = len}))
		return false;
	p->line_off = p->pos + 1;
	return true;
}

static bool check_byte(struct http_parser *p, const char *buf)
{
	char c = buf[p->pos];
	bool after_cr = p->pos > p->line_off && buf[p->pos - 1] == '\r';

	if (p->fields_off && p->pos - p->fields_off >= HTTP_FIELDS_BYTES)
		return fail(p, 431, "the fields are too long");
	if (c == '\n')
		return true;
	if (after_cr)
		return fail(p, 400, "a CR is not followed by LF");
	if (c == '\r')
		return true;
	if (((uint8_t)c < ' ' && c != '\t') || c == 0x7f)
		return fail(p, 400,
			    c == 0x16 && p->pos == 0
				    ? "this port speaks HTTP, and the client seems to speak TLS"
				    : "the request has a control character");
	if (!p->fields_off && p->pos - p->line_off >= HTTP_LINE_MAX)
		return fail(p, 414, "the request line is too long");
	return true;
}

enum http_parse_result http_parse(struct http_parser *p, const char *buf, size_t len)
{
	for (; p->pos < len; p->pos++) {
		if (!check_byte(p, buf))
			return HTTP_PARSE_BAD;
		if (buf[p->pos] == '\n' && !parse_line_end(p, buf))
			return HTTP_PARSE_BAD;
		if (p->head_len)
			return HTTP_PARSE_DONE;
	}
	return HTTP_PARSE_MORE;
}

bool http_request_next(const struct http_request *req, const char *buf, const char *name,
		       uint32_t *it, struct http_text *ret_value)
{
	for (; *it < req->n_fields; ++*it) {
		const struct http_field *field = &req->fields[*it];

		if (http_text_is(http_span_text(buf, field->name), name)) {
			*ret_value = http_span_text(buf, field->value);
			++*it;
			return true;
		}
	}
	return false;
}

bool http_request_only(const struct http_request *req, const char *buf, const char *name,
		       struct http_text *ret_value)
{
	struct http_text value, second;
	uint32_t it = 0;

	if (!http_request_next(req, buf, name, &it, &value) ||
	    http_request_next(req, buf, name, &it, &second))
		return false;
	*ret_value = value;
	return true;
}

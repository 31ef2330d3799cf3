/* SPDX-License-Identifier: MIT */
/* Conditional requests; the contracts are in http_cond.h. */
#include "net/http/http_cond.h"

#include "net/http/http_date.h"

#include <string.h>

/* Takes the next entity tag off a list, with its quotes. Tags may contain commas. False: none left,
 * or what follows is no tag. */
static bool next_tag(struct http_text *list, bool *ret_weak, struct http_text *ret_tag)
{
	size_t i = 0;
	const char *close;

	while (i < list->len && (list->p[i] == ' ' || list->p[i] == '\t' || list->p[i] == ','))
		i++;
	*ret_weak = list->len - i > 2 && list->p[i] == 'W' && list->p[i + 1] == '/';
	i += *ret_weak ? 2 : 0;
	if (i == list->len || list->p[i] != '"')
		return false;
	close = memchr(list->p + i + 1, '"', list->len - i - 1);
	if (!close)
		return false;
	*ret_tag = http_text_make(list->p + i, (size_t)(close + 1 - (list->p + i)));
	list->len -= (size_t)(close + 1 - list->p);
	list->p = close + 1;
	return true;
}

static bool tag_is(struct http_text tag, const char *etag)
{
	return tag.len == strlen(etag) && memcmp(tag.p, etag, tag.len) == 0;
}

/* Whether any field of that name lists the tag, or "*". Weak tags match only in the weak comparison
 * (§8.8.3.2). */
static bool fields_list_tag(const struct http_request *req, const char *buf, const char *name,
			    const char *etag, bool weak_comparison)
{
	struct http_text list, tag;
	uint32_t it = 0;
	bool weak;

	while (http_request_next(req, buf, name, &it, &list)) {
		if (http_text_is(list, "*"))
			return true;
		while (next_tag(&list, &weak, &tag))
			if ((weak_comparison || !weak) && tag_is(tag, etag))
				return true;
	}
	return false;
}

static bool has_field(const struct http_request *req, const char *buf, const char *name)
{
	struct http_text value;
	uint32_t it = 0;

	return http_request_next(req, buf, name, &it, &value);
}

static bool date_field(const struct http_request *req, const char *buf, const char *name,
		       int64_t now_s, int64_t *ret_time_s)
{
	struct http_text value;

	return http_request_only(req, buf, name, &value) &&
	       http_date_parse(value, now_s, ret_time_s) == 0;
}

/* If-Match, or without it If-Unmodified-Since. */
static bool precondition_holds(const struct http_request *req, const char *buf,
			       const struct http_validators *v, int64_t now_s)
{
	int64_t time_s;

	if (has_field(req, buf, "If-Match"))
		return fields_list_tag(req, buf, "If-Match", v->etag, false);
	if (v->has_mtime && date_field(req, buf, "If-Unmodified-Since", now_s, &time_s))
		return v->mtime_s <= time_s;
	return true;
}

/* If-None-Match, or without it If-Modified-Since. */
static bool client_has_it(const struct http_request *req, const char *buf,
			  const struct http_validators *v, int64_t now_s)
{
	int64_t time_s;

	if (has_field(req, buf, "If-None-Match"))
		return fields_list_tag(req, buf, "If-None-Match", v->etag, true);
	if (v->has_mtime && date_field(req, buf, "If-Modified-Since", now_s, &time_s))
		return v->mtime_s <= time_s;
	return false;
}

enum http_cond_result http_cond_check(const struct http_request *req, const char *buf,
				      const struct http_validators *v, int64_t now_s)
{
	if (!precondition_holds(req, buf, v, now_s))
		return HTTP_COND_FAILED;
	return client_has_it(req, buf, v, now_s) ? HTTP_COND_NOT_MODIFIED : HTTP_COND_SEND;
}

bool http_cond_range_applies(const struct http_request *req, const char *buf,
			     const struct http_validators *v, int64_t now_s)
{
	struct http_text value;
	int64_t time_s;

	if (!has_field(req, buf, "If-Range"))
		return true;
	if (!http_request_only(req, buf, "If-Range", &value))
		return false;
	if (value.len && value.p[0] == '"')
		return tag_is(value, v->etag);
	/* A date is a strong validator only if the file did not change within the second in which
	 * the answer that carried it was made (§8.8.2.2). */
	return v->has_mtime && http_date_parse(value, now_s, &time_s) == 0 &&
	       time_s == v->mtime_s && now_s > v->mtime_s;
}

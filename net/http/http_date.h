/* SPDX-License-Identifier: MIT */
/* Dates of HTTP (RFC 9110 §5.6.7), to and from seconds since 1970, always in GMT and English. */
#pragma once

#include "net/http/http_text.h"

enum {
	HTTP_DATE_SIZE = 30, /* "Sun, 06 Nov 1994 08:49:37 GMT" and the NUL */
};

/* `time_s` of the years 1 to 9999; others are cut to the nearest of those. */
void http_date_write(int64_t time_s, char ret[HTTP_DATE_SIZE]);

/* Any of the three formats that a server has to take. `now_s` says which century the two digits of
 * the RFC 850 format mean: no date is more than 50 years ahead. The name of the weekday is not
 * compared with the date. -EINVAL. */
int http_date_parse(struct http_text t, int64_t now_s, int64_t *ret_time_s)
	__attribute__((warn_unused_result));

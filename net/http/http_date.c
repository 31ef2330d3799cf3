/* SPDX-License-Identifier: MIT */
/*
 * Dates of HTTP. The calendar is counted in days since 1 March of the year 0, so that the day which
 * comes and goes is the last of its year.
 */
#include "net/http/http_date.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	DAY_S = 86400,
	DAYS_OF_400_YEARS = 146097,
	DAYS_OF_100_YEARS = 36524,
	DAYS_OF_4_YEARS = 1461,
	EPOCH_DAYS = 719468, /* 0000-03-01 to 1970-01-01 */
};

static const int64_t date_min_s = -62135596800; /* 0001-01-01 00:00:00 */
static const int64_t date_max_s = 253402300799; /* 9999-12-31 23:59:59 */

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char day_names[] = "MonTueWedThuFriSatSun";

struct date {
	int64_t year;
	int64_t month, day; /* from 1 */
	int64_t hour, min, s;
};

/* Days of the year of March before the first of a month, counted from 0 for March. */
static int64_t month_start(int64_t month)
{
	return (153 * month + 2) / 5;
}

static int64_t days_of(const struct date *d)
{
	int64_t year = d->month > 2 ? d->year : d->year - 1;
	int64_t month = d->month > 2 ? d->month - 3 : d->month + 9;

	return year * 365 + year / 4 - year / 100 + year / 400 + month_start(month) + d->day - 1 -
	       EPOCH_DAYS;
}

static struct date date_of(int64_t time_s)
{
	int64_t days = time_s / DAY_S + EPOCH_DAYS - (time_s % DAY_S < 0);
	int64_t of_day = time_s - (days - EPOCH_DAYS) * DAY_S;
	int64_t era = days / DAYS_OF_400_YEARS;
	int64_t n = days % DAYS_OF_400_YEARS;
	int64_t year = (n - n / (DAYS_OF_4_YEARS - 1) + n / DAYS_OF_100_YEARS -
			n / (DAYS_OF_400_YEARS - 1)) /
		       365;
	int64_t of_year = n - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;

	return (struct date){
		.year = era * 400 + year + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = of_year - month_start(month) + 1,
		.hour = of_day / 3600,
		.min = of_day / 60 % 60,
		.s = of_day % 60,
	};
}

void http_date_write(int64_t time_s, char ret[HTTP_DATE_SIZE])
{
	int64_t t = time_s < date_min_s ? date_min_s : time_s > date_max_s ? date_max_s : time_s;
	struct date d = date_of(t);
	int64_t weekday = (days_of(&d) + EPOCH_DAYS + 2) % 7; /* 0000-03-01 was a Wednesday */

	snprintf(ret, HTTP_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
		 day_names + 3 * weekday, (unsigned int)d.day % 100,
		 month_names + 3 * (d.month - 1), (unsigned int)d.year % 10000,
		 (unsigned int)d.hour % 100, (unsigned int)d.min % 100, (unsigned int)d.s % 100);
}

/*
 * Matches `t` with a form: 'D' a digit, '_' a digit or a blank, 'A' a letter, all else itself.
 */
static bool has_form(struct http_text t, const char *form)
{
	if (strlen(form) != t.len)
		return false;
	for (size_t i = 0; i < t.len; i++) {
		bool digit = http_is_digit(t.p[i]);

		if (form[i] == 'D'   ? !digit
		    : form[i] == '_' ? !digit && t.p[i] != ' '
		    : form[i] == 'A' ? !http_is_alpha(t.p[i])
				     : t.p[i] != form[i])
			return false;
	}
	return true;
}

/* Of digits, perhaps with a blank in front. */
static int64_t number(const char *p, size_t n)
{
	int64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + (p[i] == ' ' ? 0 : p[i] - '0');
	return value;
}

/* 1 to 12, or 0. */
static int64_t month_of(const char *p)
{
	for (int64_t i = 0; i < 12; i++)
		if (memcmp(month_names + 3 * i, p, 3) == 0)
			return i + 1;
	return 0;
}

static void read_clock(struct date *d, const char *p)
{
	d->hour = number(p, 2);
	d->min = number(p + 3, 2);
	d->s = number(p + 6, 2);
}

/* RFC 9110 §5.6.7: what seems to be more than 50 years ahead was the last time that the year ended
 * in these digits. */
static int64_t full_year(int64_t two_digits, int64_t now_s)
{
	int64_t now_year = date_of(now_s).year;
	int64_t year = now_year - now_year % 100 + two_digits;

	return year > now_year + 50 ? year - 100 : year;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT": what follows the weekday has a fixed form. */
static bool read_rfc850(struct http_text t, int64_t now_s, struct date *d)
{
	const char *comma = memchr(t.p, ',', t.len);
	const char *p;

	if (!comma || comma == t.p)
		return false;
	for (p = t.p; p < comma; p++)
		if (!http_is_alpha(*p))
			return false;
	if (!has_form(http_text_make(p, t.len - (size_t)(p - t.p)), ", DD-AAA-DD DD:DD:DD GMT"))
		return false;
	d->day = number(p + 2, 2);
	d->month = month_of(p + 5);
	d->year = full_year(number(p + 9, 2), now_s);
	read_clock(d, p + 12);
	return true;
}

static bool read_date(struct http_text t, int64_t now_s, struct date *d)
{
	if (has_form(t, "AAA, DD AAA DDDD DD:DD:DD GMT")) { /* IMF-fixdate */
		d->day = number(t.p + 5, 2);
		d->month = month_of(t.p + 8);
		d->year = number(t.p + 12, 4);
		read_clock(d, t.p + 17);
		return true;
	}
	if (has_form(t, "AAA AAA _D DD:DD:DD DDDD")) { /* asctime() */
		d->month = month_of(t.p + 4);
		d->day = number(t.p + 8, 2);
		read_clock(d, t.p + 11);
		d->year = number(t.p + 20, 4);
		return true;
	}
	return read_rfc850(t, now_s, d);
}

static int64_t days_of_month(const struct date *d)
{
	struct date next = {.year = d->year, .month = d->month + 1, .day = 1};
	struct date first = {.year = d->year, .month = d->month, .day = 1};

	return d->month == 12 ? 31 : days_of(&next) - days_of(&first);
}

int http_date_parse(struct http_text t, int64_t now_s, int64_t *ret_time_s)
{
	struct date d = {.year = 0};

	if (!read_date(t, now_s, &d))
		return -EINVAL;
	/* A leap second (:60) is the first of the next minute. */
	if (d.year < 1 || d.month < 1 || d.day < 1 || d.day > days_of_month(&d) || d.hour > 23 ||
	    d.min > 59 || d.s > 60)
		return -EINVAL;
	*ret_time_s = days_of(&d) * DAY_S + d.hour * 3600 + d.min * 60 + d.s;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* The quantities of units.h: a decimal is split into digits and unit, then scaled exactly. */
#include "lab/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One spelling of a unit and what one of it is in the base unit. */
struct unit {
	const char *name;
	uint64_t scale;
};

#define K UINT64_C(1000)
#define B UINT64_C(1024)

static const struct unit rate_units[] = {
	{"bit", 1},        {"kbit", K},          {"mbit", K *K},
	{"gbit", K *K *K}, {"tbit", K *K *K *K}, {"kibit", B},
	{"mibit", B *B},   {"gibit", B *B *B},   {"bps", 8},
	{"kbps", 8 * K},   {"mbps", 8 * K *K},   {"gbps", 8 * K *K *K},
	{NULL, 0},
};

static const struct unit duration_units[] = {
	{"ns", 1},      {"nsec", 1},    {"us", K},        {"usec", K}, {"ms", K *K},
	{"msec", K *K}, {"s", K *K *K}, {"sec", K *K *K}, {NULL, 0},
};

static const struct unit share_units[] = {
	{"%", 10000},
	{NULL, 0},
};

static const struct unit size_units[] = {
	{"b", 1},   {"kb", K},     {"mb", K *K},     {"gb", K *K *K},     {"tb", K *K *K *K},
	{"kib", B}, {"mib", B *B}, {"gib", B *B *B}, {"tib", B *B *B *B}, {NULL, 0},
};

/* A decimal number: `digits` divided by 10 to the `n_frac`. */
struct decimal {
	uint64_t digits;
	uint32_t n_frac;
	const char *unit; /* what follows the number, blanks skipped */
	bool overflow;    /* does not fit: certainly too large for every quantity here */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void decimal_add_digit(struct decimal *d, char c, bool is_frac)
{
	uint64_t v = (uint64_t)(c - '0');

	if (d->digits > (UINT64_MAX - v) / 10) {
		d->overflow = true;
		return;
	}
	d->digits = d->digits * 10 + v;
	d->n_frac += is_frac;
}

/* The zeros at the end of a fraction say nothing: 0.50 is 0.5. */
static const char *fraction_end(const char *s)
{
	const char *end = s;

	for (; is_digit(*s); s++) {
		if (*s != '0')
			end = s + 1;
	}
	return end;
}

/* false: `s` does not start with a number. "5.", ".5" and "5" are numbers, "." and "+5" are not. */
static bool decimal_parse(const char *s, struct decimal *ret)
{
	struct decimal d = {0};
	const char *start = s, *end;

	for (; is_digit(*s); s++)
		decimal_add_digit(&d, *s, false);
	if (*s == '.') {
		s++;
		if (s == start + 1 && !is_digit(*s))
			return false;
		for (end = fraction_end(s); s < end; s++)
			decimal_add_digit(&d, *s, true);
		while (*s == '0')
			s++;
	}
	if (s == start)
		return false;
	while (*s == ' ')
		s++;
	d.unit = s;
	*ret = d;
	return true;
}

static uint64_t unit_find(const struct unit *units, const char *name)
{
	for (; units->name; units++) {
		if (strcasecmp(units->name, name) == 0)
			return units->scale;
	}
	return 0;
}

/* What a quantity is called in messages, and its bounds. */
struct quantity {
	const struct unit *units;
	uint64_t max;
	const char *why_not;   /* no number, or an unknown unit */
	const char *why_bare;  /* no unit */
	const char *why_fine;  /* not a whole number of the base unit */
	const char *why_large; /* beyond max */
	const char *why_neg;   /* below zero */
};

static const struct quantity rate_quantity = {
	.units = rate_units,
	.max = LAB_RATE_MAX_BPS,
	.why_not = "is not a rate",
	.why_bare = "has no unit",
	.why_fine = "is not a whole number of bits a second",
	.why_large = "is more than 1tbit",
	.why_neg = "is negative",
};

static const struct quantity duration_quantity = {
	.units = duration_units,
	.max = (uint64_t)LAB_DURATION_MAX_NS,
	.why_not = "is not a duration",
	.why_bare = "has no unit",
	.why_fine = "is not a whole number of nanoseconds",
	.why_large = "is more than an hour",
	.why_neg = "is negative",
};

static const struct quantity share_quantity = {
	.units = share_units,
	.max = LAB_SHARE_ONE,
	.why_not = "is not a percentage",
	.why_bare = "has no % sign",
	.why_fine = "has more than four decimals",
	.why_large = "is more than 100%",
	.why_neg = "is negative",
};

static const struct quantity size_quantity = {
	.units = size_units,
	.max = LAB_SIZE_MAX,
	.why_not = "is not a size",
	.why_bare = "has no unit",
	.why_fine = "is not a whole number of bytes",
	.why_large = "is more than 1TB",
	.why_neg = "is negative",
};

/* digits * scale / 10^n_frac, exactly. */
static int decimal_scale(const struct decimal *d, uint64_t scale, const struct quantity *q,
			 uint64_t *ret, const char **ret_why)
{
	uint64_t v = d->digits;
	uint32_t n_frac = d->n_frac;

	/* Fractions first, as long as the scale still has factors of ten: 1.5ms is 15 * 100 us. */
	while (n_frac > 0 && scale % 10 == 0) {
		scale /= 10;
		n_frac--;
	}
	if (d->overflow || v > q->max * K / scale) {
		*ret_why = n_frac > 0 ? q->why_fine : q->why_large;
		return -EINVAL;
	}
	v *= scale;
	for (; n_frac > 0; n_frac--) { /* binary units: 1.5kib is 15 * 1024 / 10 */
		if (v % 10) {
			*ret_why = q->why_fine;
			return -EINVAL;
		}
		v /= 10;
	}
	if (v > q->max) {
		*ret_why = q->why_large;
		return -EINVAL;
	}
	*ret = v;
	return 0;
}

static int quantity_parse(const char *s, const struct quantity *q, uint64_t *ret,
			  const char **ret_why)
{
	struct decimal d;
	uint64_t scale;

	if (*s == '-' && decimal_parse(s + 1, &d)) {
		*ret_why = q->why_neg;
		return -EINVAL;
	}
	if (!decimal_parse(s, &d)) {
		*ret_why = q->why_not;
		return -EINVAL;
	}
	if (!*d.unit) {
		*ret_why = q->why_bare;
		return -EINVAL;
	}
	scale = unit_find(q->units, d.unit);
	if (!scale) {
		*ret_why = q->why_not;
		return -EINVAL;
	}
	return decimal_scale(&d, scale, q, ret, ret_why);
}

static bool is_plain_zero(const char *s)
{
	return strcmp(s, "0") == 0;
}

int lab_rate_parse(const char *s, uint64_t *ret_bps, const char **ret_why)
{
	uint64_t bps;
	int err;

	if (strcasecmp(s, "unlimited") == 0) {
		*ret_bps = 0;
		return 0;
	}
	err = quantity_parse(s, &rate_quantity, &bps, ret_why);
	if (err < 0)
		return err;
	if (bps == 0) {
		*ret_why = "lets nothing through (\"up: false\" takes a link down)";
		return -EINVAL;
	}
	*ret_bps = bps;
	return 0;
}

int lab_duration_parse(const char *s, int64_t *ret_ns, const char **ret_why)
{
	uint64_t ns = 0;
	int err = is_plain_zero(s) ? 0 : quantity_parse(s, &duration_quantity, &ns, ret_why);

	if (err < 0)
		return err;
	*ret_ns = (int64_t)ns;
	return 0;
}

int lab_share_parse(const char *s, uint32_t *ret_ppm, const char **ret_why)
{
	uint64_t ppm = 0;
	int err = is_plain_zero(s) ? 0 : quantity_parse(s, &share_quantity, &ppm, ret_why);

	if (err < 0)
		return err;
	*ret_ppm = (uint32_t)ppm;
	return 0;
}

int lab_size_parse(const char *s, uint64_t *ret_bytes, const char **ret_why)
{
	return quantity_parse(s, &size_quantity, ret_bytes, ret_why);
}

static bool unit_is_packets(const char *unit)
{
	return !*unit || strcmp(unit, "p") == 0 || strcmp(unit, "packet") == 0 ||
	       strcmp(unit, "packets") == 0;
}

int lab_queue_parse(const char *s, struct lab_queue *ret, const char **ret_why)
{
	struct decimal d;
	uint64_t bytes;
	int err;

	if (decimal_parse(s, &d) && unit_is_packets(d.unit)) {
		*ret_why = "is not from 1 to 1000000 packets";
		if (d.n_frac || d.overflow || d.digits == 0 || d.digits > LAB_QUEUE_MAX_PKTS)
			return -EINVAL;
		*ret = (struct lab_queue){.pkts = (uint32_t)d.digits};
		return 0;
	}
	err = lab_size_parse(s, &bytes, ret_why);
	if (err < 0) {
		if (*ret_why == size_quantity.why_not)
			*ret_why = "is not the length of a queue";
		return err;
	}
	if (bytes == 0 || bytes > LAB_QUEUE_MAX_BYTES) {
		*ret_why = "is not from 1B to 4GB";
		return -EINVAL;
	}
	*ret = (struct lab_queue){.bytes = bytes};
	return 0;
}

static int digit_of(char c, uint32_t base)
{
	int v = -1;

	if (is_digit(c))
		v = c - '0';
	else if (c >= 'a' && c <= 'f')
		v = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		v = c - 'A' + 10;
	return v < (int)base ? v : -1;
}

int lab_uint_parse(const char *s, uint64_t min, uint64_t max, uint64_t *ret, const char **ret_why)
{
	uint32_t base = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10;
	uint64_t v = 0;
	bool overflow = false;

	if (base == 16)
		s += 2;
	*ret_why = "is not a whole number";
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		int digit = digit_of(*s, base);

		if (digit < 0)
			return -EINVAL;
		if (v > (UINT64_MAX - (uint64_t)digit) / base)
			overflow = true;
		v = v * base + (uint64_t)digit;
	}
	if (overflow || v < min || v > max) {
		*ret_why = "is out of range";
		return -EINVAL;
	}
	*ret = v;
	return 0;
}

/* ---- Values to text ---- */

/* In the largest of the units, each 1000 of the one before, in which three decimals hold it. */
static const char *scaled_format(uint64_t v, const char *const *units, uint32_t n_units,
				 char buf[static LAB_UNIT_TEXT])
{
	uint64_t scale = 1, frac;
	uint32_t u = 0;
	int digits = 3;

	while (u + 1 < n_units && v >= scale * 1000 && v % scale == 0) {
		scale *= 1000;
		u++;
	}
	frac = u ? v % scale / (scale / 1000) : 0;
	while (digits > 0 && frac % 10 == 0) {
		frac /= 10;
		digits--;
	}
	if (digits)
		snprintf(buf, LAB_UNIT_TEXT, "%llu.%0*llu%s", (unsigned long long)(v / scale),
			 digits, (unsigned long long)frac, units[u]);
	else
		snprintf(buf, LAB_UNIT_TEXT, "%llu%s", (unsigned long long)(v / scale), units[u]);
	return buf;
}

const char *lab_rate_format(uint64_t bps, char buf[static LAB_UNIT_TEXT])
{
	static const char *const units[] = {"bit", "kbit", "mbit", "gbit"};

	if (bps)
		return scaled_format(bps, units, ARRAY_SIZE(units), buf);
	snprintf(buf, LAB_UNIT_TEXT, "unlimited");
	return buf;
}

const char *lab_duration_format(int64_t ns, char buf[static LAB_UNIT_TEXT])
{
	static const char *const units[] = {"ns", "us", "ms", "s"};

	return scaled_format((uint64_t)ns, units, ARRAY_SIZE(units), buf);
}

const char *lab_share_format(uint32_t ppm, char buf[static LAB_UNIT_TEXT])
{
	uint32_t frac = ppm % 10000;
	int digits = 4;

	while (digits > 0 && frac % 10 == 0) {
		frac /= 10;
		digits--;
	}
	if (digits)
		snprintf(buf, LAB_UNIT_TEXT, "%u.%0*u%%", ppm / 10000, digits, frac);
	else
		snprintf(buf, LAB_UNIT_TEXT, "%u%%", ppm / 10000);
	return buf;
}

const char *lab_queue_format(const struct lab_queue *q, char buf[static LAB_UNIT_TEXT])
{
	static const char *const units[] = {"B", "kB", "MB", "GB"};

	if (q->bytes)
		return scaled_format(q->bytes, units, ARRAY_SIZE(units), buf);
	snprintf(buf, LAB_UNIT_TEXT, "%u", q->pkts);
	return buf;
}

/* SPDX-License-Identifier: MIT */
/*
 * What this machine can do at best: copies within the cache and beyond it, the Internet checksum, a
 * system call, and a load that no cache has. One line of JSON.
 *
 *	limits SECONDS
 *
 * SECONDS is the time for each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "meter.h"

enum {
	HOT_BYTES = 128 * 1024,
	PIECE_BYTES = 16 * 1024,
	COLD_BYTES = 256 << 20,
	LINE_BYTES = 64,
	CALLS = 1000,
};

struct limits {
	uint8_t *big, *small;
	double seconds;
};

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Does not let the compiler see that nobody looks at what was written. */
static void keep(const void *p)
{
	__asm__ volatile("" ::"r"(p) : "memory");
}

/* Copies PIECE_BYTES at a time out of `n` bytes, over and over; Gbit/s. */
static double copy_gbit(const struct limits *l, const uint8_t *from, size_t n)
{
	double start = now_s(), end = start + l->seconds, t;
	uint64_t bytes = 0;

	do {
		for (size_t at = 0; at < HOT_BYTES; at += PIECE_BYTES) {
			memcpy(l->small + at, from + (bytes + at) % n, PIECE_BYTES);
			keep(l->small);
		}
		bytes += HOT_BYTES;
		t = now_s();
	} while (t < end);
	return (double)bytes * 8 / 1e9 / (t - start);
}

/* A sum of 32-bit words in 64 bits is as good as one of 16-bit words, and what vectors are for. */
static uint64_t sum_words(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i += sizeof(uint32_t)) {
		uint32_t word;

		memcpy(&word, p + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static double sum_gbit(const struct limits *l)
{
	double start = now_s(), end = start + l->seconds, t;
	uint64_t bytes = 0, sum = 0;

	do {
		sum += sum_words(l->small, HOT_BYTES);
		keep(&sum);
		bytes += HOT_BYTES;
		t = now_s();
	} while (t < end);
	return (double)bytes * 8 / 1e9 / (t - start);
}

static double syscall_ns(const struct limits *l)
{
	double start = now_s(), end = start + l->seconds, t;
	uint64_t n = 0;

	do {
		for (int i = 0; i < CALLS; i++)
			syscall(SYS_getppid);
		n += CALLS;
		t = now_s();
	} while (t < end);
	return (t - start) * 1e9 / (double)n;
}

/* Each line says where the next one is: a permutation with one cycle (Sattolo's algorithm). */
static double miss_ns(const struct limits *l)
{
	size_t n = COLD_BYTES / LINE_BYTES, at = 0;
	uint32_t *order = malloc(n * sizeof(*order));
	uint64_t random = 88172645463325252, n_loads = 0;
	double start, end, t;

	if (!order)
		die("memory", -ENOMEM);
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	for (size_t i = n - 1; i > 0; i--) {
		size_t j;
		uint32_t tmp = order[i];

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		j = random % i;
		order[i] = order[j];
		order[j] = tmp;
	}
	for (size_t i = 0; i < n; i++)
		memcpy(l->big + i * LINE_BYTES, &order[i], sizeof(*order));
	free(order);
	start = now_s();
	end = start + l->seconds;
	do {
		for (int i = 0; i < CALLS; i++) {
			uint32_t next;

			memcpy(&next, l->big + at * LINE_BYTES, sizeof(next));
			at = next;
		}
		keep(&at);
		n_loads += CALLS;
		t = now_s();
	} while (t < end);
	return (t - start) * 1e9 / (double)n_loads;
}

int main(int argc, char **argv)
{
	struct limits l;

	if (argc != 2) {
		fprintf(stderr, "usage: limits SECONDS\n");
		return 2;
	}
	l.seconds = meter_seconds(argv[1]);
	l.big = malloc(COLD_BYTES);
	l.small = malloc(HOT_BYTES);
	if (!l.big || !l.small)
		die("memory", -ENOMEM);
	memset(l.big, 1, COLD_BYTES);
	memset(l.small, 1, HOT_BYTES);
	printf("{\"copy_hot_gbit\": %.1f, ", copy_gbit(&l, l.big, HOT_BYTES));
	printf("\"copy_cold_gbit\": %.1f, ", copy_gbit(&l, l.big, COLD_BYTES));
	printf("\"checksum_gbit\": %.1f, ", sum_gbit(&l));
	printf("\"syscall_ns\": %.1f, ", syscall_ns(&l));
	printf("\"miss_ns\": %.1f}\n", miss_ns(&l));
	free(l.big);
	free(l.small);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * What happened in a lab: the paths that packets took and where they spent their time, the figures
 * of TCP connections, the links' use, the packets dropped by reason.
 *
 * How it works: the engine traces the hops of one packet in REPORT_SAMPLE; the events of a packet
 * are joined by its trace id into a journey, and journeys along the same interfaces are averaged.
 * Everything is bounded: so many journeys at a time, so many different paths.
 */
#pragma once

#include <stdio.h>

#include "base/compiler.h"

struct lab;

enum {
	REPORT_SAMPLE = 16,    /* one packet in so many is followed */
	REPORT_JOURNEYS = 256, /* followed at a time; the oldest gives way */
	REPORT_STEPS = 24,     /* of one journey */
	REPORT_PATHS = 32,     /* different ones that are kept */
	REPORT_CONNS = 1024,   /* ended connections that are kept */
};

/* Starts to collect. 0 or -ENOMEM. */
int lab_report_start(struct lab *lab) MUST_CHECK;
struct lab_node;
/* A node has come while the lab runs. */
void lab_report_node(struct lab_node *node);
/* Prints what has been collected so far. */
void lab_report_print(struct lab *lab, FILE *out);
/* NULL is fine. Called by lab_stop(). */
struct lab_report;
void lab_report_free(struct lab *lab);

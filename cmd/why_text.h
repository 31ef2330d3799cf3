/* SPDX-License-Identifier: MIT */
/* The journey of a packet in words, out of what trace.drops and trace.get say. */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* What a person can do about a drop of that reason ("UDP_NO_PORT"); NULL: nothing is known. */
const char *why_advice(const char *reason);
/* One line: when, where, which packet, why. */
void why_print_line(FILE *out, const json_t *event);
/* A drop with the way that the packet came, and what to do. */
void why_print_drop(FILE *out, const json_t *event);
/* All that is known of one packet, as an array of events: hop by hop with times. */
void why_print_trace(FILE *out, const json_t *events);

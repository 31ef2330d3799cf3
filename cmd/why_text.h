/* SPDX-License-Identifier: MIT */
/* The journey of a packet in words, out of what trace.drops and trace.get say. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What a person can do about a drop of that reason ("UDP_NO_PORT"); NULL: nothing is known. */
const char *why_advice(const char *reason);
/* The same where the lab is a gateway: its options, rules and forwards. */
const char *why_advice_gateway(const char *reason);
/* One line: when, where, which packet, why. */
void why_print_line(FILE *out, const json_t *event);
/* A drop with the way that the packet came, and what to do. */
void why_print_drop(FILE *out, const json_t *event, bool is_gateway);
/* All that is known of one packet, as an array of events: hop by hop with times. */
void why_print_trace(FILE *out, const json_t *events, bool is_gateway);
void why_print_ago(FILE *out, int64_t ns);

/* What a gateway has refused, as gateway.refused says it. */
bool why_is_refusal(const json_t *event);
void why_print_refusal_line(FILE *out, const json_t *event);
void why_print_refusal(FILE *out, const json_t *event);
/* Takes out what is dropped on any gateway: what its guest's kernel says to its link, and what was
 * for a guest whose interface was not up yet, and is now. The newest first. */
void why_drop_ordinary(json_t *drops);
/* Of both, the newest `max`, the newest first. */
json_t *why_merge(const json_t *drops, const json_t *refused, size_t max);

/* SPDX-License-Identifier: MIT */
/* Captures of a lab: one pcapng file with every interface that is watched, named "node:interface".
 */
#pragma once

#include "base/compiler.h"

struct lab;
struct lab_iface;

/*
 * Starts what the lab file and `pcap` ask for: with a path that ends in .pcapng, that file; with
 * another one, LAB.pcapng in that directory, which is made; with NULL, the file's captures go to
 * LAB.pcapng in the current directory. The file can be read while it is being
 * written (whole blocks, as tcpdump's), so a lab that is killed leaves what it had seen. Returns 0,
 * or -Exxx with a message in `msg` (LAB_MSG_MAX bytes).
 */
int lab_captures_start(struct lab *lab, const char *pcap, char *msg) MUST_CHECK;
/* An interface that has come, or has got another net device, while the lab runs: watches it if it
 * is one of those. 0 or -ENOMEM. */
int lab_captures_add(struct lab *lab, const struct lab_iface *iface) MUST_CHECK;
/* Finishes the file. 0, or -Exxx after a message on stderr when the disk could not take all of it.
 */
int lab_captures_stop(struct lab *lab);
/* Path of the file, or NULL when nothing is captured; valid until lab_stop(). */
const char *lab_capture_path(const struct lab *lab);

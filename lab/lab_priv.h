/* SPDX-License-Identifier: MIT */
/* The steps in which a lab is made: lab.c makes whole labs of them, live_node.c single nodes. */
#pragma once

#include "lab/lab.h"

/* A node of the file at the end of lab->nodes, which has room for it; not started. */
int lab_node_alloc(struct lab *lab, const struct labfile_node *file) MUST_CHECK;
/* The namespaces of a kernel node. */
int lab_node_hold(struct lab_node *node, char *msg) MUST_CHECK;
/* Its stack. */
int lab_node_start(struct lab_node *node, char *msg) MUST_CHECK;
/* What stands on the links: addresses, routes, bridge ports, patches. */
int lab_node_configure(struct lab_node *node, char *msg) MUST_CHECK;
/* Its services and apps. */
int lab_node_serve(struct lab_node *node, char *msg) MUST_CHECK;
/* Ends and frees it; it is the caller's to take it off lab->nodes. */
void lab_node_free(struct lab_node *node);

/* A link of the file at the end of lab->links, which has room for it, between interfaces that have
 * none. */
int lab_link_make(struct lab *lab, const struct labfile_link *file, struct lab_node *nodes[2],
		  struct lab_iface *ends[2]) MUST_CHECK;
/* The changes of its file begin. 0 or -ENOMEM. */
int lab_link_schedule(struct lab_link *link) MUST_CHECK;
void lab_link_free(struct lab_link *link);
/* An interface without a link: it is there, and has no carrier behind it. */
int lab_iface_make_unlinked(struct lab_node *node, struct lab_iface *iface) MUST_CHECK;
/* host_iface.c: opens the interface of the machine that it is; `msg` gets what failed. */
int lab_iface_open_host(struct lab_node *node, struct lab_iface *iface, char *msg) MUST_CHECK;
/* Makes its `netif` a part of the node: a port of the switch or of the patch with its TAP, or the
 * addresses of the file. */
int lab_iface_attach(struct lab_node *node, struct lab_iface *iface) MUST_CHECK;

/* Makes lab->hosts anew. */
int lab_hosts_build(struct lab *lab) MUST_CHECK;
/* The hosts file of a node: its own names, then the lab's; free(3). NULL: out of memory. */
char *lab_node_hosts(const struct lab_node *node);

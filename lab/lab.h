/* SPDX-License-Identifier: MIT */
/*
 * A running lab: what a lab file describes, made of stacks, links, holders and services, and the
 * runner that drives it.
 *
 * How it works: one engine and one thread. A weft node is a stack; a switch is a stack with a
 * bridge over all its interfaces; a kernel node is a process in namespaces of its own (holder.h),
 * whose TAPs are patched through to its links by a small stack that only bridges. Every link is a
 * weft_link. Nodes and links come and go while the lab runs; a pointer to one is good until it
 * goes, an index into `nodes` or `links` only until the next change.
 *
 *	kernel:   namespace -- TAP == bridge == link end ~~~~ link ~~~~ link end : next node
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/list.h"
#include "lab/labfile.h"
#include "weft/io.h"
#include "weft/weft.h"

struct lab;
struct holder;
struct journey;
struct rpc_server;
struct runner;
struct trace_store;

enum {
	LAB_MSG_MAX = 512,
	LAB_SIM_SEED = 1, /* of a simulation for which neither its file nor its caller has one */
};

/* The wall clock at the start of a simulation, where the engine's is 0: 2000-01-01 00:00:00 UTC. */
#define LAB_SIM_EPOCH_NS (INT64_C(946684800) * 1000000000)

struct lab_config {
	/* Called while the lab comes up: so much of it is there. NULL: nobody wants to know. */
	void (*on_progress)(void *arg, uint32_t done, uint32_t total);
	void *on_progress_arg;
	const char *name; /* the lab's, borrowed; NULL: the file's */
	/* Capture every interface: to this file if it ends in .pcapng, else to LAB.pcapng in this
	 * directory. NULL: as the lab file says. */
	const char *pcap;
	const char
		*audit; /* a directory for NODE.jsonl of each weft node (lab/audit.h); NULL: none */
	bool has_seed;  /* overrides the file's */
	uint64_t seed;
	bool is_sim; /* in virtual time */
};

/* One interface of a node. */
struct lab_iface {
	const struct labfile_iface *file;
	struct weft_netif *netif;  /* its end of the link; NULL: not made yet */
	struct weft_netif *tap;    /* kernel nodes */
	int tap_fd;                /* kernel nodes, until `tap` has taken it; else -1 */
	struct weft_bridge *patch; /* kernel nodes: joins `tap` and `netif` */
	struct lab_link *link;     /* NULL: not connected */
	int end;                   /* which end of the link this is */
	bool is_live;              /* made with its link while the lab ran, and goes with it */
};

struct lab_node {
	const struct labfile_node *file;
	struct lab *lab;
	struct weft_stack *stack;
	struct weft_bridge *bridge; /* switch */
	struct holder *holder;      /* kernel node */
	struct lab_iface *ifaces;
	uint32_t n_ifaces;
	uint32_t n_taps_ever; /* for names of TAPs on our side */
	struct lab_service *services;
	uint32_t n_services; /* that have been started */
	struct lab_app *apps;
	uint32_t n_apps;              /* likewise */
	struct json_t *nstat_history; /* counters that nstat.read has remembered; NULL: none */
	FILE *audit;                  /* NULL: none */
	uint32_t group;       /* of switches that are joined; only while a switch is added */
	bool is_needed;       /* a program that the lab was started for runs in it: it must stay */
	struct labfile *live; /* of a node made while the lab ran: what `file` is in; else NULL */
};

struct lab_link {
	const struct labfile_link *file; /* as it was made; `dir` and `is_up` are as it is now */
	struct weft_link *link;          /* NULL: not made yet */
	struct lab_node *nodes[2];
	struct weft_link_dir dir[2];
	bool is_up;
	struct weft_timer *timer; /* of the next of the file's changes; NULL: it has none */
	uint32_t n_changed;       /* changes that were made */
	int64_t start_ns;         /* what their times count from */
};

struct lab {
	const struct labfile *file; /* what the lab was started with */
	const char *name;           /* the file's, unless the config has another */
	const char *audit;          /* the config's */
	struct weft_engine *eng;
	struct runner *runner;
	struct weft_loop *loop;  /* the runner's; NULL in virtual time */
	struct lab_node **nodes; /* in the order of the file; those made later at the end */
	uint32_t n_nodes;
	struct lab_link **links; /* likewise */
	uint32_t n_links;
	uint32_t n_nodes_ever, n_ifaces_live_ever; /* for MAC addresses that nobody has had */
	int64_t start_ns;                          /* when it came up, on the engine's clock ... */
	int64_t start_epoch_ns;                    /* ... and since 1970 */
	int64_t tolerance_ns;                      /* of lateness: lab/belief.h */
	/* Somebody wants the lab to end: what runs its loop sets this. */
	void (*on_down)(void *arg);
	void *on_down_arg;
	struct rpc_server *rpc; /* NULL: no control socket */
	struct list rpc_peers;  /* who is connected to it: struct rpc_peer */
	/* Methods that it has besides everybody's, of whoever runs it, as rpc_tables; NULL: none.
	 */
	const struct rpc_method *const *rpc_more;
	void *rpc_more_arg; /* for them */
	struct lab_capture *captures;
	struct lab_report *report; /* NULL: none asked for */
	struct trace_store *traces;
	char *hosts; /* text of the nodes' hosts file */
};

/* Says which of the lab's interfaces of the machine lose VLAN tags, and what keeps them. */
void lab_host_warn(const struct lab *lab, FILE *out);
/*
 * Brings the lab up; `file` is borrowed until lab_stop(). Returns 0, or -Exxx with what failed and
 * what to do in `ret_msg` (LAB_MSG_MAX bytes); nothing is left behind then. -EOPNOTSUPP: a
 * simulation of a lab with kernel nodes.
 */
int lab_start(const struct labfile *file, const struct lab_config *cfg, struct lab **ret,
	      char *ret_msg) MUST_CHECK;
/* Takes everything down: programs, namespaces, captures are finished. NULL is fine. 0, or -Exxx
 * after a message when the capture is not whole. */
int lab_stop(struct lab *lab);

/* NULL when there is no such node. Case does not matter in names of nodes. */
struct lab_node *lab_node_find(struct lab *lab, const char *name);

/* The MAC address of an interface: the file's, or one made of the node's and its own number, the
 * same in every run. */
void lab_iface_mac(const struct labfile_iface *iface, uint8_t ret[6]);

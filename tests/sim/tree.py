#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the lab file of a tree: a core router, routers below it, switches below these, hosts.

    tree.py [--nodes N] [--routers N] [--switches N] [--no-apps | --all-pairs]

The same arguments print the same file. Without the last two, every host pings one behind another
router, and each tenth downloads a document from the first host there; with --all-pairs, every host
pings every other one once.
"""
import argparse


def tree(n_nodes, n_routers, n_per_router, apps):
    """Yields the lines of the file."""
    n_switches = n_routers * n_per_router
    n_hosts = n_nodes - 1 - n_routers - n_switches
    if n_hosts < n_switches or n_hosts > n_switches * 250 or n_routers > 250:
        raise SystemExit("tree.py: these numbers make no tree")
    hosts = [[] for _ in range(n_switches)]
    for i in range(n_hosts):
        hosts[i % n_switches].append(f"h{i}")

    yield f"lab: tree{n_nodes}"
    yield "x-host: &host {rate: 1gbit, delay: 100us}"
    yield "x-trunk: &trunk {rate: 10gbit, delay: 1ms}"
    yield "nodes:"
    yield "  core:"
    yield "    forwarding: true"
    yield "    interfaces:"
    for r in range(n_routers):
        yield f"      eth{r}: 172.16.{r}.1/30"
    yield "    routes:"
    for r in range(n_routers):
        for s in range(n_per_router):
            yield f"      - 10.{r}.{s}.0/24 via 172.16.{r}.2"
    for r in range(n_routers):
        yield f"  r{r}:"
        yield "    forwarding: true"
        yield "    interfaces:"
        yield f"      up: 172.16.{r}.2/30"
        for s in range(n_per_router):
            yield f"      eth{s}: 10.{r}.{s}.1/24"
        yield f"    routes: [default via 172.16.{r}.1]"
        for s in range(n_per_router):
            yield f"  s{r}x{s}: {{kind: switch}}"
    for w in range(n_switches):
        r, s = divmod(w, n_per_router)
        for i, name in enumerate(hosts[w]):
            yield f"  {name}:"
            yield f"    interfaces: {{eth0: 10.{r}.{s}.{i + 2}/24}}"
            yield f"    routes: [default via 10.{r}.{s}.1]"
            yield from apps(hosts, w, i, n_per_router)
    yield "links:"
    for r in range(n_routers):
        yield f"  - {{between: 'core:eth{r} -- r{r}:up', <<: *trunk}}"
        for s in range(n_per_router):
            yield f"  - {{between: 'r{r}:eth{s} -- s{r}x{s}:up', <<: *trunk}}"
    for w in range(n_switches):
        r, s = divmod(w, n_per_router)
        for i, name in enumerate(hosts[w]):
            yield f"  - {{between: 's{r}x{s}:p{i} -- {name}:eth0', <<: *host}}"


def no_apps(_hosts, _w, _i, _n_per_router):
    """None."""
    return iter(())


def all_pairs(hosts, w, i, _n_per_router):
    """An echo request to each other host, one every 10 ms, hosts taking turns."""
    me = hosts[w][i]
    others = [h for group in hosts for h in group if h != me]
    yield "    apps:"
    for k, other in enumerate(others):
        yield f"      - ping: {{to: {other}, at: {k * 10}ms, count: 1}}"


def background(hosts, w, i, n_per_router):
    """The apps and services of host i of switch w."""
    far = hosts[(w + n_per_router) % len(hosts)]
    at_ms = 100 + (w * 37 + i * 11) % 1000
    if i == 0:
        yield "    services: [http: {files: {/100k: {size: 100KB}}}]"
    yield "    apps:"
    yield f"      - ping: {{to: {far[i % len(far)]}, at: {at_ms}ms, count: 50, interval: 1s}}"
    if i % 10 == 1:
        yield f"      - http: {{url: 'http://{far[0]}/100k', at: {at_ms}ms, count: 10,"
        yield "               interval: 5s}"


def main():
    """The command line."""
    ap = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    ap.add_argument("--nodes", type=int, default=500)
    ap.add_argument("--routers", type=int, default=8)
    ap.add_argument("--switches", type=int, default=2, help="of each router")
    ap.add_argument("--no-apps", action="store_const", dest="apps", const=no_apps, default=background)
    ap.add_argument("--all-pairs", action="store_const", dest="apps", const=all_pairs)
    args = ap.parse_args()
    for line in tree(args.nodes, args.routers, args.switches, args.apps):
        print(line)


if __name__ == "__main__":
    main()

/* SPDX-License-Identifier: MIT */
/* A lab in words: what a file has become once everything is assigned and written out in full. */
#include "lab/labfile.h"

#include <stdarg.h>
#include <string.h>

struct shape_text {
	char *buf;
	size_t at;
};

static void PRINTF_LIKE(2, 3) shape_add(struct shape_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->at && t->at + 1 < LABFILE_SHAPE_TEXT)
		t->buf[t->at++] = ' ';
	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->at, LABFILE_SHAPE_TEXT - t->at, fmt, ap);
	va_end(ap);
	t->at += (size_t)n;
	if (t->at >= LABFILE_SHAPE_TEXT)
		t->at = LABFILE_SHAPE_TEXT - 1;
}

static void shape_add_share(struct shape_text *t, const char *what, uint32_t ppm)
{
	char text[LAB_UNIT_TEXT];

	if (ppm)
		shape_add(t, "%s %s", what, lab_share_format(ppm, text));
}

const char *labfile_shape_format(const struct labfile_shape *s, char buf[static LABFILE_SHAPE_TEXT])
{
	static const char *const distributions[] = {
		[LABFILE_UNIFORM] = "",
		[LABFILE_NORMAL] = " normal",
		[LABFILE_PARETO] = " pareto",
		[LABFILE_PARETONORMAL] = " paretonormal",
	};
	struct shape_text t = {.buf = buf};
	char text[LAB_UNIT_TEXT];

	buf[0] = '\0';
	if (s->rate_bps)
		shape_add(&t, "%s", lab_rate_format(s->rate_bps, text));
	if (s->delay_ns)
		shape_add(&t, "%s", lab_duration_format(s->delay_ns, text));
	if (s->jitter_ns)
		shape_add(&t, "jitter %s%s", lab_duration_format(s->jitter_ns, text),
			  distributions[s->distribution]);
	shape_add_share(&t, "loss", s->loss_ppm);
	shape_add_share(&t, "gemodel_p", s->gemodel_p_ppm);
	if (s->gemodel_p_ppm) {
		shape_add_share(&t, "gemodel_r", s->gemodel_r_ppm);
		shape_add(&t, "gemodel_1-h %s", lab_share_format(s->gemodel_1h_ppm, text));
	}
	shape_add_share(&t, "gemodel_1-k", s->gemodel_1k_ppm);
	shape_add_share(&t, "duplicate", s->duplicate_ppm);
	shape_add_share(&t, "corrupt", s->corrupt_ppm);
	shape_add_share(&t, "reorder", s->reorder_ppm);
	if (s->rate_bps && s->queue.pkts != 1000)
		shape_add(&t, "queue %s", lab_queue_format(&s->queue, text));
	if (s->ecn_pkts)
		shape_add(&t, "ecn_threshold %u", s->ecn_pkts);
	return buf;
}

static void print_iface(const struct labfile_iface *iface, FILE *out)
{
	char text[LAB_NET_TEXT];

	fprintf(out, "  %s", iface->name);
	for (uint32_t i = 0; i < iface->n_addrs; i++)
		fprintf(out, " %s", lab_net_format(&iface->addrs[i].net, text));
	if (iface->link)
		fprintf(out, " -- %s\n", iface->link->ends[!iface->end].text);
	else if (iface->host)
		fprintf(out, " (%s of the machine)\n", iface->host);
	else
		fprintf(out, " (no link)\n");
}

static void print_route(const struct labfile_route *route, FILE *out)
{
	char text[LAB_NET_TEXT], via[LAB_IP_TEXT];

	fprintf(out, "  route %s", route->dst.len ? lab_net_format(&route->dst, text) : "default");
	if (route->via.ip.family)
		fprintf(out, " via %s", lab_ip_format(&route->via.ip, via));
	if (route->iface)
		fprintf(out, " dev %s", route->iface->name);
	if (route->metric)
		fprintf(out, " metric %u", route->metric);
	if (route->mtu)
		fprintf(out, " mtu %u", route->mtu);
	if (route->initcwnd)
		fprintf(out, " initcwnd %u", route->initcwnd);
	if (route->congctl)
		fprintf(out, " congctl %s", route->congctl);
	fputc('\n', out);
}

static void print_node(const struct labfile_node *node, FILE *out)
{
	static const char *const kinds[] = {
		[LABFILE_WEFT] = "weft", [LABFILE_KERNEL] = "kernel", [LABFILE_SWITCH] = "switch"};

	fprintf(out, "%s (%s%s)\n", node->name, kinds[node->kind],
		node->forwarding ? ", forwards" : "");
	for (uint32_t i = 0; i < node->n_ifaces; i++)
		print_iface(&node->ifaces[i], out);
	for (uint32_t i = 0; i < node->n_routes; i++)
		print_route(&node->routes[i], out);
}

static void print_change(const struct labfile_change *change, FILE *out)
{
	static const char *const states[] = {
		[LABFILE_CARRIER_KEEP] = "",
		[LABFILE_CARRIER_UP] = " up",
		[LABFILE_CARRIER_DOWN] = " down",
	};
	char ab[LABFILE_SHAPE_TEXT], ba[LABFILE_SHAPE_TEXT], at[LAB_UNIT_TEXT];

	labfile_shape_format(&change->dir[0], ab);
	labfile_shape_format(&change->dir[1], ba);
	fprintf(out, "    at %s:%s", lab_duration_format(change->at_ns, at),
		states[change->carrier]);
	if (!change->both.given && !change->dir[0].given && !change->dir[1].given)
		fputc('\n', out);
	else if (strcmp(ab, ba) == 0)
		fprintf(out, " %s\n", ab);
	else
		fprintf(out, " %s; back: %s\n", *ab ? ab : "as it is", *ba ? ba : "as it is");
}

static void print_link(const struct labfile_link *link, FILE *out)
{
	char ab[LABFILE_SHAPE_TEXT], ba[LABFILE_SHAPE_TEXT];

	labfile_shape_format(&link->dir[0], ab);
	labfile_shape_format(&link->dir[1], ba);
	fprintf(out, "  %s -- %s", link->ends[0].text, link->ends[1].text);
	if (link->mtu != 1500)
		fprintf(out, " mtu %u", link->mtu);
	if (!link->up)
		fprintf(out, " down");
	if (strcmp(ab, ba) == 0)
		fprintf(out, "%s%s\n", *ab ? ": " : "", ab);
	else
		fprintf(out, ": %s; back: %s\n", *ab ? ab : "as it is", *ba ? ba : "as it is");
	for (uint32_t i = 0; i < link->n_changes; i++)
		print_change(&link->changes[i], out);
}

void labfile_print_plan(const struct labfile *lab, FILE *out)
{
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		print_node(&lab->nodes[i], out);
	if (lab->n_links)
		fprintf(out, "links\n");
	for (uint32_t i = 0; i < lab->n_links; i++)
		print_link(&lab->links[i], out);
}

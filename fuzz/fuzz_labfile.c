/* SPDX-License-Identifier: MIT */
/* Any bytes as a lab file: either a lab whose pointers and bounds hold, or errors with places. */
#include "fuzz.h"

#include "lab/graph.h"
#include "lab/labfile.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void check_node(const struct labfile *lab, const struct labfile_node *node)
{
	assert(labfile_node_find(lab, node->name) == node);
	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		const struct labfile_iface *iface = &node->ifaces[i];

		assert(labfile_iface_find(node, iface->name) == iface && iface->node == node);
		assert(iface->segment < lab->n_segments);
		assert(!iface->link || iface->link->ends[iface->end].iface == iface);
		assert(!iface->link || labfile_iface_peer(iface)->segment == iface->segment);
		for (uint32_t k = 0; k < iface->n_addrs; k++)
			assert(!lab_net_special(&iface->addrs[k].net));
	}
	for (uint32_t i = 0; i < node->n_routes; i++)
		assert(node->routes[i].iface && node->routes[i].dst.ip.family);
	for (uint32_t i = 0; i < node->n_hosts; i++)
		assert(node->hosts[i].ip.family);
	for (uint32_t i = 0; i < node->n_services; i++)
		assert(node->kind == LABFILE_WEFT);
}

/* What is printed of a lab that is good, as long as it is small. */
static void check_prints(const struct labfile *lab)
{
	char *text = NULL;
	size_t len = 0;
	int err;
	FILE *out = lab->n_nodes + lab->n_links < 200 ? open_memstream(&text, &len) : NULL;

	if (!out)
		return;
	labfile_print_plan(lab, out);
	err = lab_graph_print(lab, lab->n_nodes & 1, out);
	fclose(out);
	assert(err == 0 && len > 0);
	(void)err;
	free(text);
}

static void check_lab(const struct labfile *lab)
{
	assert(lab->n_nodes > 0 && lab->name && *lab->name);
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		check_node(lab, &lab->nodes[i]);
	for (uint32_t i = 0; i < lab->n_links; i++) {
		assert(lab->links[i].ends[0].iface && lab->links[i].ends[1].iface);
		for (int k = 0; k < 2; k++) {
			const struct labfile_shape *s = &lab->links[i].dir[k];

			assert(s->loss_ppm <= LAB_SHARE_ONE && s->rate_bps <= LAB_RATE_MAX_BPS);
			assert(!s->queue.pkts != !s->queue.bytes);
		}
	}
	for (uint32_t i = 0; i < lab->n_captures; i++)
		assert(lab->captures[i].iface);
	check_prints(lab);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lab_errors errs;
	struct labfile *lab = NULL;
	char line[LAB_ERROR_TEXT + 100];
	int err = labfile_parse("fuzz.yaml", NULL, (const char *)data, size, &lab, &errs);

	assert(err == 0 || err == -EINVAL);
	assert((err == 0) == (errs.n_errors == 0) && (err == 0) == (lab != NULL));
	for (uint32_t i = 0; i < errs.n_list; i++) {
		int len = lab_error_format(&errs, &errs.list[i], line, sizeof(line));

		assert(len > 0 && (size_t)len < sizeof(line));
		assert(size > LABFILE_MAX_BYTES || errs.list[i].pos.line > 0);
	}
	if (lab)
		check_lab(lab);
	labfile_free(lab);
	return 0;
}

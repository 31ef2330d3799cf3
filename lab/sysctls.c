/* SPDX-License-Identifier: MIT */
/* Settings of nodes; contracts in sysctls.h. */
#include "lab/sysctls.h"

#include <errno.h>

#include "weft/engine.h"
#include "weft/limit.h"

int lab_sysctls_set(const struct labfile_node *node, struct weft_stack *st,
		    const struct labfile_sysctl **ret_bad)
{
	for (uint32_t i = 0; i < node->n_sysctls; i++) {
		int err = weft_stack_set_text(st, node->sysctls[i].name, node->sysctls[i].value);

		if (err) {
			*ret_bad = &node->sysctls[i];
			return err;
		}
	}
	return 0;
}

int lab_limits_set(struct weft_stack *st, uint32_t owner, const struct labfile_limits *l)
{
	const struct weft_limits limits = {
		.max_socks = l->sockets,
		.max_bytes = l->bytes,
		.max_conns_per_peer = l->peer_connections,
		.conns_per_s = l->rate,
		.conns_burst = l->burst,
		.resets = l->resets,
	};

	if (!l->sockets && !l->bytes && !l->peer_connections && !l->rate)
		return 0;
	return weft_stack_limits_set(st, owner, &limits);
}

static void check_node(const struct labfile_node *node, struct weft_stack *st,
		       struct lab_errors *errs)
{
	for (uint32_t i = 0; i < node->n_sysctls; i++) {
		const struct labfile_sysctl *ctl = &node->sysctls[i];
		int err = weft_stack_set_text(st, ctl->name, ctl->value);

		if (err == -ENOENT)
			lab_error_add(errs, ctl->pos,
				      "nodes.%s.sysctls.%s: there is no such setting; "
				      "doc/sysctl.md lists them",
				      node->name, ctl->name);
		else if (err)
			lab_error_add(errs, ctl->pos,
				      "nodes.%s.sysctls.%s: %.60s is none of its values",
				      node->name, ctl->name, ctl->value);
	}
}

static bool has_some(const struct labfile *file)
{
	for (uint32_t i = 0; i < file->n_nodes; i++)
		if (file->nodes[i].n_sysctls)
			return true;
	return false;
}

int lab_sysctls_check(const struct labfile *file, struct lab_errors *errs)
{
	const struct weft_engine_config cfg = {.has_seed = true};
	struct weft_engine *eng;
	struct weft_stack *st;
	int err;

	if (!has_some(file))
		return 0;
	err = weft_engine_new(&cfg, &eng);
	if (err)
		return err;
	err = weft_stack_new(eng, "check", &st);
	for (uint32_t i = 0; !err && i < file->n_nodes; i++)
		check_node(&file->nodes[i], st, errs);
	if (!err)
		weft_stack_free(st);
	weft_engine_free(eng);
	return err ? err : errs->n_errors ? -EINVAL : 0;
}

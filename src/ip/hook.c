/* SPDX-License-Identifier: MIT */
/* Hook points: lists in order of priority. */
#include "ip/hook.h"

void ip_hooks_init(struct ip_hooks *hooks)
{
	for (int i = 0; i < IP_HOOK_POINTS; i++)
		list_init(&hooks->points[i]);
}

void ip_hook_add(struct ip_hooks *hooks, enum ip_hook_point point, struct ip_hook *hook)
{
	struct list *head = &hooks->points[point];
	struct ip_hook *other;

	list_for_each (other, head, link) {
		if (other->priority > hook->priority) {
			list_add_tail(&other->link, &hook->link);
			return;
		}
	}
	list_add_tail(head, &hook->link);
}

void ip_hook_del(struct ip_hook *hook)
{
	list_del(&hook->link);
}

enum ip_verdict ip_hooks_call(const struct ip_hooks *hooks, struct pkt *pkt,
			      struct ip_hook_ctx *ctx)
{
	enum ip_verdict verdict;
	struct ip_hook *hook;

	list_for_each_safe (hook, &hooks->points[ctx->point], link) {
		verdict = hook->fn(hook, pkt, ctx);
		if (verdict != IP_ACCEPT)
			return verdict;
	}
	return IP_ACCEPT;
}

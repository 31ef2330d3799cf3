/* SPDX-License-Identifier: MIT */
/*
 * Intrusive lists: the links live in the objects, so adding and deleting never allocates or fails.
 *
 * `struct list` is both the head and the link of a circular doubly linked list:
 *
 *	head <-> first <-> ... <-> last <-> head
 *
 * A link that is on no list points at itself: deleting it again is harmless, and
 * list_is_linked() tells. The same test on a head says whether the list is empty.
 *
 * `struct hlist` is for hash chains: a head of one pointer, links that know what points at them,
 * so deleting needs no head. A link on no chain has a NULL pprev.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct list {
	struct list *next;
	struct list *prev;
};

/* Initialiser of a head or a link: `struct list l = LIST_INIT(l);` */
#define LIST_INIT(name)                          \
	{                                        \
		.next = &(name), .prev = &(name) \
	}

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_is_linked(const struct list *link)
{
	return link->next != link;
}

static inline void list_insert_between(struct list *link, struct list *prev, struct list *next)
{
	link->prev = prev;
	link->next = next;
	prev->next = link;
	next->prev = link;
}

/* Adds `link`, which is on no list, right after `head`; with a link for `head`, right after it. */
static inline void list_add(struct list *head, struct list *link)
{
	list_insert_between(link, head, head->next);
}

/* Adds `link`, which is on no list, at the end; with a link for `head`, right before it. */
static inline void list_add_tail(struct list *head, struct list *link)
{
	list_insert_between(link, head->prev, head);
}

/* Takes `link` off its list, if it is on one. */
static inline void list_del(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* NULL when empty. */
static inline struct list *list_first(const struct list *head)
{
	return list_is_empty(head) ? NULL : head->next;
}

static inline struct list *list_last(const struct list *head)
{
	return list_is_empty(head) ? NULL : head->prev;
}

/* Takes the first link off the list; NULL when empty. */
static inline struct list *list_pop(struct list *head)
{
	struct list *link = list_first(head);

	if (link)
		list_del(link);
	return link;
}

/* Moves everything on `from` to the end of `head`, in order; `from` is empty afterwards. */
static inline void list_splice_tail(struct list *head, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = head->prev;
	head->prev->next = from->next;
	from->prev->next = head;
	head->prev = from->prev;
	list_init(from);
}

/*
 * Walks the objects of a list. `pos` is a variable, declared before, of the objects' pointer type,
 * whose member `member` is the link:
 *
 *	struct route *r;
 *	list_for_each(r, &table->routes, link)
 *		...
 *
 * The body must not delete `pos`; with list_for_each_safe() it may (and may free it), but no other
 * object of the list. After a loop that ran to its end `pos` is not meaningful.
 */
#define list_for_each(pos, head, member)                                      \
	for (struct list *pos##_it = (head)->next;                            \
	     pos##_it != (head) &&                                            \
	     ((pos) = container_of(pos##_it, __typeof__(*(pos)), member), 1); \
	     pos##_it = pos##_it->next)

#define list_for_each_safe(pos, head, member)                                    \
	for (struct list *pos##_it = (head)->next, *pos##_next = pos##_it->next; \
	     pos##_it != (head) &&                                               \
	     ((pos) = container_of(pos##_it, __typeof__(*(pos)), member), 1);    \
	     pos##_it = pos##_next, pos##_next = pos##_it->next)

struct hlist_node {
	struct hlist_node *next;
	struct hlist_node **pprev; /* the pointer that points here; NULL: on no chain */
};

struct hlist {
	struct hlist_node *first; /* NULL: empty; an all-zero head is a valid one */
};

static inline bool hlist_is_empty(const struct hlist *head)
{
	return head->first == NULL;
}

static inline bool hlist_is_linked(const struct hlist_node *node)
{
	return node->pprev != NULL;
}

/* Adds `node`, which is on no chain, in front. */
static inline void hlist_add(struct hlist *head, struct hlist_node *node)
{
	node->next = head->first;
	node->pprev = &head->first;
	if (node->next)
		node->next->pprev = &node->next;
	head->first = node;
}

/* Takes `node` off its chain, if it is on one. */
static inline void hlist_del(struct hlist_node *node)
{
	if (!node->pprev)
		return;
	*node->pprev = node->next;
	if (node->next)
		node->next->pprev = node->pprev;
	node->next = NULL;
	node->pprev = NULL;
}

/* As list_for_each(); in the _safe form the body may delete `pos`. */
#define hlist_for_each(pos, head, member)                                                 \
	for (struct hlist_node *pos##_it = (head)->first;                                 \
	     pos##_it && ((pos) = container_of(pos##_it, __typeof__(*(pos)), member), 1); \
	     pos##_it = pos##_it->next)

#define hlist_for_each_safe(pos, head, member)                                           \
	for (struct hlist_node *pos##_it = (head)->first, *pos##_next;                   \
	     pos##_it && (pos##_next = pos##_it->next,                                   \
			 (pos) = container_of(pos##_it, __typeof__(*(pos)), member), 1); \
	     pos##_it = pos##_next)

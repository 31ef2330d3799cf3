/* SPDX-License-Identifier: MIT */
/*
 * What a resolver believes of a message. The question is the input's own, so that what follows it
 * is looked at; a foreign one must not be believed.
 */
#include "fuzz.h"

#include <assert.h>
#include <errno.h>

#include "resolve/resolve_answer.h"

static void answer_check(enum resolve_verdict verdict, const struct resolve_question *q,
			 const struct resolve_answer *a)
{
	const uint8_t family = q->type == DNS_TYPE_A ? WEFT_AF_INET : WEFT_AF_INET6;

	if (verdict == RESOLVE_ALIAS)
		assert(a->alias.len >= 1 && a->n_aliases >= 1);
	if (verdict != RESOLVE_FINAL)
		return;
	assert(a->n_aliases <= RESOLVE_CHAIN_MAX && a->res.ttl_s <= RESOLVE_TTL_MAX_S);
	assert(a->res.err ? a->res.err == -ENOENT && !a->res.n : a->res.n > 0);
	assert(a->res.n <= WEFT_RESOLVER_ADDRS_MAX);
	for (uint32_t i = 0; i < a->res.n; i++)
		assert(a->res.addrs[i].family == family);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resolve_question q = {.type = DNS_TYPE_A};
	struct dns_question asked;
	struct resolve_answer a;
	struct dns_hdr hdr;
	struct dns_rd d;

	if (dns_msg_open(&d, data, size, &hdr) || dns_question_read(&d, &asked) != 1)
		return 0;
	q.name = asked.name;
	q.id = hdr.id;
	q.type = asked.type == DNS_TYPE_AAAA ? DNS_TYPE_AAAA : DNS_TYPE_A;
	q.case_counts = hdr.no_check;
	answer_check(resolve_answer(data, size, &q, &a), &q, &a);
	q.id ^= 1;
	assert(resolve_answer(data, size, &q, &a) == RESOLVE_FOREIGN);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* What `weft nstat` prints, against what nstat of iproute2 6.1 printed of the same counters. */
#include "unit.h"

#include <stdlib.h>

#include "cmd/nstat.h"

static const char answer_text[] =
	"{\"kernel\": {\"IpExtInOctets\": 336, \"TcpExtTW\": 0, \"ArpInRequests\": 2, "
	"\"UdpInDatagrams\": 7, \"IcmpInMsgs\": 4, \"IpInReceives\": 4, \"TcpInSegs\": 0, "
	"\"IcmpMsgInType8\": 2}, \"history\": {\"IpInReceives\": 1, \"IcmpInMsgs\": 4}}";

static void shows(const struct nstat_opts *o, const char *want)
{
	json_t *answer = json_loads(answer_text, 0, NULL), *counters = nstat_pick(answer, o);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	nstat_print(out, counters, o);
	fclose(out);
	assert_string_equal(text, want);
	free(text);
	json_decref(counters);
	json_decref(answer);
}

static void changes_are_shown_in_the_order_of_the_groups(void **state UNUSED)
{
	shows(&(struct nstat_opts){0}, "#kernel\n"
				       "IpInReceives                    3                  0.0\n"
				       "IcmpMsgInType8                  2                  0.0\n"
				       "UdpInDatagrams                  7                  0.0\n"
				       "IpExtInOctets                   336                0.0\n"
				       "ArpInRequests                   2                  0.0\n");
}

static void absolute_values_ignore_the_history(void **state UNUSED)
{
	char ip[] = "Ip*", icmp[] = "icmp*", *both[] = {ip, icmp, NULL}, *one[] = {icmp, NULL};

	shows(&(struct nstat_opts){.is_absolute = true, .patterns = both},
	      "#kernel\n"
	      "IpInReceives                    4                  0.0\n"
	      "IcmpInMsgs                      4                  0.0\n"
	      "IcmpMsgInType8                  2                  0.0\n"
	      "IpExtInOctets                   336                0.0\n");
	shows(&(struct nstat_opts){.has_zeros = true, .patterns = one},
	      "#kernel\n"
	      "IcmpInMsgs                      0                  0.0\n"
	      "IcmpMsgInType8                  2                  0.0\n");
}

static void json_is_an_object_of_the_source(void **state UNUSED)
{
	char tcp[] = "Tcp*", none[] = "None", *some[] = {tcp, NULL}, *no[] = {none, NULL};

	shows(&(struct nstat_opts){.has_zeros = true, .json = true, .patterns = some},
	      "{\"kernel\":{\"TcpInSegs\":0,\"TcpExtTW\":0}}\n");
	shows(&(struct nstat_opts){.json = true, .patterns = no}, "{\"kernel\":{}}\n");
	shows(&(struct nstat_opts){.patterns = no}, "#kernel\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_shown_in_the_order_of_the_groups),
		cmocka_unit_test(absolute_values_ignore_the_history),
		cmocka_unit_test(json_is_an_object_of_the_source),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

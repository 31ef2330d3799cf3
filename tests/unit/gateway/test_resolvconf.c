/* SPDX-License-Identifier: MIT */
/* resolv.conf(5), as a gateway reads it. */
#include "gateway/resolvconf.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static struct resolvconf parsed(const char *text)
{
	struct resolvconf conf;
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1); /* of just that size: a byte too many is seen */

	assert_non_null(copy);
	for (size_t i = 0; i < len; i++)
		copy[i] = text[i];
	resolvconf_parse(copy, len, &conf);
	free(copy);
	return conf;
}

static void assert_server(const struct resolvconf *conf, uint32_t i, const char *want)
{
	char text[WEFT_ADDR_STRLEN];

	assert_true(i < conf->n_servers);
	weft_addr_print(&conf->servers[i].addr, text, sizeof(text));
	assert_string_equal(text, want);
}

static void servers_and_search_list_are_read(void **state UNUSED)
{
	struct resolvconf conf = parsed("# a comment\n"
					"nameserver 192.0.2.1\n"
					"  nameserver\t2001:db8::1   # another\r\n"
					"options ndots:2\n"
					"search example.org a.test.");

	assert_int_equal(conf.n_servers, 2);
	assert_server(&conf, 0, "192.0.2.1");
	assert_server(&conf, 1, "2001:db8::1");
	assert_int_equal(conf.n_search, 2);
	assert_string_equal(conf.search[0], "example.org");
	assert_string_equal(conf.search[1], "a.test");
}

static void last_of_domain_and_search_counts(void **state UNUSED)
{
	struct resolvconf conf = parsed("search a b c\ndomain example.org more\n");

	assert_int_equal(conf.n_search, 1);
	assert_string_equal(conf.search[0], "example.org");
	conf = parsed("domain a\nsearch b c\n");
	assert_int_equal(conf.n_search, 2);
}

static void without_a_server_it_is_the_loopback(void **state UNUSED)
{
	struct resolvconf conf = parsed("");

	assert_int_equal(conf.n_servers, 1);
	assert_server(&conf, 0, "127.0.0.1");
	assert_int_equal(resolvconf_read("/nonexistent/resolv.conf", &conf), -ENOENT);
	assert_server(&conf, 0, "127.0.0.1");
}

static void what_is_no_address_or_domain_is_passed_over(void **state UNUSED)
{
	struct resolvconf conf =
		parsed("nameserver\nnameserver 1.2.3\nnameserver fe80::1%nothing0\n"
		       "nameserver fe80::1%lo\nnameserver 192.0.2.1\n"
		       "search . a..b -ok\nnonsense\n\n \n");

	assert_int_equal(conf.n_servers, 2);
	assert_server(&conf, 0, "fe80::1");
	assert_int_equal(conf.servers[0].scope_id, 1);
	assert_server(&conf, 1, "192.0.2.1");
	assert_int_equal(conf.n_search, 1);
}

static void more_than_the_bounds_is_left_out(void **state UNUSED)
{
	static const char domain[] = " example.org", server[] = "\nnameserver 192.0.2.1",
			  search[] = "\nsearch ";
	char text[8192] = "search";
	struct resolvconf conf;
	size_t len = strlen(text);

	for (int i = 0; i < 20; i++, len += sizeof(domain) - 1)
		memcpy(text + len, domain, sizeof(domain));
	for (int i = 0; i < 20; i++, len += sizeof(server) - 1)
		memcpy(text + len, server, sizeof(server));
	memcpy(text + len, search, sizeof(search));
	memset(text + len + sizeof(search) - 1, 'a',
	       2000); /* a line that is too long says nothing */
	conf = parsed(text);
	assert_int_equal(conf.n_servers, RESOLVCONF_SERVERS_MAX);
	assert_int_equal(conf.n_search, RESOLVCONF_SEARCH_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_and_search_list_are_read),
		cmocka_unit_test(last_of_domain_and_search_counts),
		cmocka_unit_test(without_a_server_it_is_the_loopback),
		cmocka_unit_test(what_is_no_address_or_domain_is_passed_over),
		cmocka_unit_test(more_than_the_bounds_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* resolv.conf(5); the contract is in resolvconf.h. */
#include "gateway/resolvconf.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "net/dhcp/dhcp_msg.h"

enum {
	LINE_MAX_BYTES = 1024,
};

/* fe80::1%eth0 is of the host's interface of that name. */
static bool server_parse(char *text, struct weft_sockaddr *ret)
{
	char *zone = strchr(text, '%');

	*ret = (struct weft_sockaddr){0};
	if (zone) {
		*zone = '\0';
		ret->scope_id = if_nametoindex(zone + 1);
	}
	return weft_addr_parse(text, &ret->addr) == 0 && (!zone || ret->scope_id);
}

static void search_add(struct resolvconf *conf, char *name)
{
	size_t len = strlen(name);

	if (len > 1 && name[len - 1] == '.')
		name[--len] = '\0';
	if (conf->n_search < RESOLVCONF_SEARCH_MAX && dhcp_domain_is_right(name))
		memcpy(conf->search[conf->n_search++], name, len + 1);
}

/* The last of the lines `domain` and `search` counts. */
static void line_parse(struct resolvconf *conf, char *line)
{
	static const char space[] = " \t\r";
	char *save, *word = strtok_r(line, space, &save);
	bool is_domain;

	if (!word)
		return;
	is_domain = !strcmp(word, "domain");
	if (!strcmp(word, "nameserver")) {
		word = strtok_r(NULL, space, &save);
		if (word && conf->n_servers < RESOLVCONF_SERVERS_MAX &&
		    server_parse(word, &conf->servers[conf->n_servers]))
			conf->n_servers++;
	} else if (is_domain || !strcmp(word, "search")) {
		conf->n_search = 0;
		while ((word = strtok_r(NULL, space, &save)) && !(is_domain && conf->n_search))
			search_add(conf, word);
	}
}

void resolvconf_parse(const char *text, size_t len, struct resolvconf *ret)
{
	char line[LINE_MAX_BYTES];

	*ret = (struct resolvconf){0};
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		if (n < sizeof(line)) {
			memcpy(line, text, n);
			line[n] = '\0';
			line_parse(ret, line);
		}
		n += end != NULL;
		text += n;
		len -= n;
	}
	if (!ret->n_servers) {
		ret->servers[0].addr =
			(struct weft_addr){.family = WEFT_AF_INET, .bytes = {127, [3] = 1}};
		ret->n_servers = 1;
	}
}

int resolvconf_read(const char *path, struct resolvconf *ret)
{
	char text[RESOLVCONF_BYTES_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		err = -errno;
	while (!err && n > 0 && len < sizeof(text)) {
		n = read(fd, text + len, sizeof(text) - len);
		if (n < 0)
			err = -errno;
		else
			len += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	resolvconf_parse(text, err ? 0 : len, ret);
	return err;
}

/* SPDX-License-Identifier: MIT */
/* The scalar types of the lab file's language: what each is called, and its text to its value. */
#include "lab/schema.h"

#include "lab/labfile.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

const struct lab_type_info lab_type_infos[LAB_N_TYPES] = {
	[LAB_T_TEXT] = {"text", "is not a text", "write a text", "hello", sizeof(char *)},
	[LAB_T_LAB_NAME] = {"lab name", "is not the name of a lab",
			    "write up to 32 of a-z, 0-9, - and _, a letter or digit first", "home",
			    sizeof(char *)},
	[LAB_T_NODE_NAME] = {"node name", "is not the name of a node",
			     "write up to 63 letters, digits, - _ and ., a letter or digit first",
			     "home-router", sizeof(char *)},
	[LAB_T_IF_NAME] = {"interface name", "is not the name of an interface",
			   "write up to 15 letters, digits, - _ and ., a letter or digit first",
			   "eth0", sizeof(char *)},
	[LAB_T_HOST_NAME] = {"host name", "is not the name of a host",
			     "write labels of up to 63 letters, digits, - and _ with dots between",
			     "www.example.org", sizeof(char *)},
	[LAB_T_SYSCTL] = {"setting", "is not the name of a setting",
			  "write a name of doc/sysctl.md", "net.ipv4.tcp_sack", sizeof(char *)},
	[LAB_T_DOC_PATH] = {"path", "is not the path of a document",
			    "write / and names with / between, without .. or blanks", "/index.html",
			    sizeof(char *)},
	[LAB_T_DIR] = {"directory", "is not a directory",
		       "write a directory, relative to the lab file", "www", sizeof(char *)},
	[LAB_T_BOOL] = {"boolean", "is not a boolean", "write true or false", NULL, sizeof(bool)},
	[LAB_T_U32] = {"number", "is not a whole number", "write a whole number", NULL,
		       sizeof(uint32_t)},
	[LAB_T_U64] = {"number", "is not a whole number", "write a whole number", NULL,
		       sizeof(uint64_t)},
	[LAB_T_WORD] = {"word", "is not known here", "write one of:", NULL, sizeof(uint32_t)},
	[LAB_T_RATE] = {"rate", "is not a rate",
			"write a number and a unit: bit, kbit, mbit, gbit (bits a second), bps, "
			"kbps, mbps, gbps (bytes a second)",
			"50mbit", sizeof(uint64_t)},
	[LAB_T_DURATION] = {"duration", "is not a duration",
			    "write a number and a unit: ns, us, ms, s", "20ms", sizeof(int64_t)},
	[LAB_T_SHARE] = {"percentage", "is not a percentage",
			 "write a number from 0 to 100, with up to four decimals, and a % sign",
			 "0.1%", sizeof(uint32_t)},
	[LAB_T_SIZE] = {"size", "is not a size",
			"write a number and a unit: B, kB, MB, GB (thousands), KiB, MiB, GiB "
			"(1024s)",
			"10MB", sizeof(uint64_t)},
	[LAB_T_QUEUE] = {"queue length", "is not the length of a queue",
			 "write a number of packets, or a number with a unit of bytes: B, kB, MB, "
			 "KiB, MiB",
			 "100", sizeof(struct lab_queue)},
	[LAB_T_MSS] = {"segment size", "is no segment size",
		       "write \"pmtu\", or bytes from 48 to 65495", "1400", sizeof(uint32_t)},
	[LAB_T_IP] = {"address", "is not an address", "write an address without a prefix length",
		      "192.0.2.1", sizeof(struct lab_scoped_ip)},
	[LAB_T_HOST_NET] = {"address with prefix", "is not an address with a prefix length",
			    "write the address, a slash and the length of its prefix",
			    "192.0.2.1/24", sizeof(struct lab_net)},
	[LAB_T_NET] = {"prefix", "is not a prefix",
		       "write \"default\", or a network and the length of its prefix",
		       "192.0.2.0/24", sizeof(struct lab_net)},
	[LAB_T_PREFIX] = {"network", "is not a network",
			  "write a network and the length of its prefix", "10.0.1.0/24",
			  sizeof(struct lab_net)},
	[LAB_T_MAC] = {"MAC address", "is not a MAC address",
		       "write six hexadecimal bytes with colons between", "02:00:5e:10:00:01",
		       sizeof(struct lab_mac)},
	[LAB_T_TARGET] = {"address or node", "is neither an address nor the name of a node",
			  "write an address or the name of a node", "192.0.2.1", sizeof(char *)},
	[LAB_T_HOST] = {"address or name", "is neither an address nor the name of a host",
			"write an address, the name of a node or one under hosts", "web",
			sizeof(char *)},
	[LAB_T_URL] = {"URL", "is not the URL of a document", "write http://HOST/PATH",
		       "http://web/10m", sizeof(char *)},
	[LAB_T_END] = {"interface of a node", "is not an interface of a node",
		       "write the node, a colon and the interface, without blanks", "laptop:eth0",
		       sizeof(struct labfile_end)},
	[LAB_T_LINK_END] = {"end of a link", "is not an interface of a node",
			    "write the node, a colon and the interface, without blanks",
			    "laptop:eth0", sizeof(struct labfile_end)},
	[LAB_T_WORDS] = {"words", "is not known here",
			 "write one of these or a list of them:", NULL, sizeof(uint32_t)},
	[LAB_T_ENDS] = {"two interfaces", "does not name two interfaces",
			"write two NODE:INTERFACE with \" -- \" between, or a list of two",
			"laptop:eth0 -- sw:p1", 0},
	[LAB_T_CAPTURE] = {"boolean or interfaces", "is not a boolean",
			   "write true, false, or a list of NODE:INTERFACE", "[laptop:eth0]", 0},
	[LAB_T_ADDRS] = {"addresses with prefix", "is not an address with a prefix length",
			 "write the address, a slash and the length of its prefix, or a list",
			 "192.0.2.1/24", 0},
	[LAB_T_MAP] = {"mapping", "is not a mapping", "write keys and values", NULL, 0},
	[LAB_T_LIST] = {"list", "is not a list", "write a list", NULL, 0},
	[LAB_T_NAMED] = {"mapping from names", "is not a mapping",
			 "write names, each with a colon and what it is", NULL, 0},
	[LAB_T_TAGGED] = {"list", "is not a list", "write a list", NULL, 0},
};

const char *lab_plural(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && strchr("sx", name[len - 1]) ? "es" : "s";
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(const char *s, size_t max, const char *extra)
{
	if (!is_alnum(*s) || strlen(s) > max)
		return false;
	for (; *s; s++) {
		if (!is_alnum(*s) && !strchr(extra, *s))
			return false;
	}
	return true;
}

bool labfile_is_lab_name(const char *s)
{
	for (const char *p = s; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			return false;
	}
	return is_name(s, LABFILE_NAME_MAX, "-_");
}

static bool is_node_name(const char *s)
{
	return is_name(s, LABFILE_NODE_NAME_MAX, "-_.");
}

static bool is_iface_name(const char *s)
{
	return is_name(s, LABFILE_IFACE_NAME_MAX, "-_.");
}

/* What a request line can carry; host and port are looked at when they are resolved. */
static bool is_url(const char *s)
{
	static const char scheme[] = "http://";

	if (strncmp(s, scheme, sizeof(scheme) - 1) != 0 || strlen(s) > LABFILE_URL_MAX)
		return false;
	for (s += sizeof(scheme) - 1; *s; s++)
		if (*s <= ' ' || *s > '~' || *s == '#')
			return false;
	return true;
}

/* Labels of at most 63 bytes that begin with a letter, digit or _ (RFC 1123 §2.1, RFC 8552). */
static bool is_host_name(const char *s)
{
	size_t len = 0;

	if (strlen(s) > LABFILE_HOST_NAME_MAX)
		return false;
	for (; *s; s++, len++) {
		if (*s == '.') {
			if (len == 0 || len > 63)
				return false;
			len = (size_t)-1;
		} else if (!is_alnum(*s) && *s != '_' && (*s != '-' || len == 0)) {
			return false;
		}
	}
	return len > 0 && len <= 63;
}

/* Absolute, and without what a server would have to clean up before it can compare. */
static bool is_doc_path(const char *s)
{
	if (*s != '/' || strlen(s) > 1024)
		return false;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c <= ' ' || c == 0x7f || strchr("?#%\"<>\\", c))
			return false;
		if (c == '/' && (s[1] == '/' || (s[1] == '.' && strchr("/", s[2])) ||
				 (s[1] == '.' && s[2] == '.' && strchr("/", s[3]))))
			return false;
	}
	return true;
}

static bool is_ip(const char *s)
{
	struct lab_ip ip;

	return lab_ip_parse(s, &ip) == 0;
}

static int text_parse(enum lab_type type, const char *text, struct arena *arena, void *field,
		      const char **ret_why)
{
	bool ok = true;
	char *copy;

	switch (type) {
	case LAB_T_LAB_NAME:
		ok = labfile_is_lab_name(text);
		break;
	case LAB_T_NODE_NAME:
		ok = is_node_name(text);
		break;
	case LAB_T_IF_NAME:
		ok = is_iface_name(text);
		break;
	case LAB_T_HOST_NAME:
	case LAB_T_SYSCTL:
		ok = is_host_name(text);
		break;
	case LAB_T_DOC_PATH:
		ok = is_doc_path(text);
		break;
	case LAB_T_DIR:
		ok = *text;
		break;
	case LAB_T_HOST:
		ok = is_host_name(text) || is_ip(text);
		break;
	case LAB_T_URL:
		ok = is_url(text);
		break;
	case LAB_T_TARGET:
		ok = is_node_name(text) || is_ip(text);
		break;
	default:
		break;
	}
	if (!ok) {
		*ret_why = lab_type_infos[type].is_not;
		return -EINVAL;
	}
	copy = arena_strdup(arena, text);
	if (!copy)
		return -ENOMEM;
	memcpy(field, &copy, sizeof(copy));
	return 0;
}

/* The words of YAML 1.1, which is what people's other files accept. */
static int bool_parse(const char *s, bool *ret, const char **ret_why)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(s, words[i]) == 0) {
			*ret = i & 1;
			return 0;
		}
	}
	*ret_why = lab_type_infos[LAB_T_BOOL].is_not;
	return -EINVAL;
}

static int word_parse(const struct lab_word *words, const char *s, uint32_t *ret,
		      const char **ret_why)
{
	for (; words->name; words++) {
		if (strcmp(words->name, s) == 0) {
			*ret = words->value;
			return 0;
		}
	}
	*ret_why = lab_type_infos[LAB_T_WORD].is_not;
	return -EINVAL;
}

static int u32_parse(const struct lab_key *key, const char *s, uint32_t *ret, const char **ret_why)
{
	uint64_t v;
	int err = lab_uint_parse(s, key->min, key->max, &v, ret_why);

	if (err < 0)
		return err;
	*ret = (uint32_t)v;
	return 0;
}

static int host_net_parse(const char *s, struct lab_net *ret, const char **ret_why)
{
	if (lab_net_parse(s, ret) == 0)
		return 0;
	*ret_why = is_ip(s) ? "has no prefix length" : lab_type_infos[LAB_T_HOST_NET].is_not;
	return -EINVAL;
}

/* As in ip(8): "default" fits either family, and an address alone is the prefix of just it. */
static int net_parse(const char *s, struct lab_net *ret, const char **ret_why)
{
	struct lab_net net = {0};

	if (strcmp(s, "default") == 0) {
		*ret = net;
		return 0;
	}
	if (lab_ip_parse(s, &net.ip) == 0) {
		net.len = lab_ip_bits(&net.ip);
		*ret = net;
		return 0;
	}
	*ret_why = lab_type_infos[LAB_T_NET].is_not;
	return lab_net_parse(s, ret);
}

/* A network whose addresses hosts can have: more than one of them, and not special ones. */
static int prefix_parse(const char *s, struct lab_net *ret, const char **ret_why)
{
	struct lab_net net, base;
	struct lab_ip last;

	if (lab_net_parse(s, &net) < 0) {
		*ret_why = is_ip(s) ? "has no prefix length" : lab_type_infos[LAB_T_PREFIX].is_not;
		return -EINVAL;
	}
	base = lab_net_base(&net);
	last = lab_net_last(&net);
	if (!lab_ip_eq(&base.ip, &net.ip))
		*ret_why = "has bits behind its prefix";
	else if (net.len == lab_ip_bits(&net.ip))
		*ret_why = "is a single address";
	else if (lab_ip_special(&net.ip) || lab_ip_special(&last))
		*ret_why = "has no addresses of hosts";
	else {
		*ret = net;
		return 0;
	}
	return -EINVAL;
}

static int end_parse(enum lab_type type, const char *s, struct arena *arena,
		     struct labfile_end *ret, const char **ret_why)
{
	const char *colon = strrchr(s, ':');
	char node[LABFILE_NODE_NAME_MAX + 1] = {0};

	*ret_why = lab_type_infos[LAB_T_END].is_not;
	if (!colon && type == LAB_T_LINK_END && is_node_name(s)) {
		ret->text = arena_strdup(arena, s);
		return ret->text ? 0 : -ENOMEM;
	}
	if (!colon || colon - s > LABFILE_NODE_NAME_MAX)
		return -EINVAL;
	memcpy(node, s, (size_t)(colon - s));
	if (!is_node_name(node) || !is_iface_name(colon + 1))
		return -EINVAL;
	ret->text = arena_strdup(arena, s);
	return ret->text ? 0 : -ENOMEM;
}

static int mss_parse(const char *text, uint32_t *ret, const char **ret_why)
{
	uint64_t v = LABFILE_MSS_PMTU;
	int err = strcmp(text, "pmtu")
			  ? lab_uint_parse(text, LABFILE_MSS_MIN, LABFILE_MSS_MAX, &v, ret_why)
			  : 0;

	if (!err)
		*ret = (uint32_t)v;
	return err;
}

int lab_value_parse(const struct lab_key *key, const char *text, struct arena *arena, void *field,
		    const char **ret_why)
{
	int err;

	switch (key->type) {
	case LAB_T_BOOL:
		return bool_parse(text, field, ret_why);
	case LAB_T_U32:
		return u32_parse(key, text, field, ret_why);
	case LAB_T_U64:
		return lab_uint_parse(text, key->min, key->max, field, ret_why);
	case LAB_T_WORD:
	case LAB_T_WORDS:
		return word_parse(key->words, text, field, ret_why);
	case LAB_T_RATE:
		return lab_rate_parse(text, field, ret_why);
	case LAB_T_DURATION:
		return lab_duration_parse(text, field, ret_why);
	case LAB_T_SHARE:
		return lab_share_parse(text, field, ret_why);
	case LAB_T_SIZE:
		return lab_size_parse(text, field, ret_why);
	case LAB_T_QUEUE:
		return lab_queue_parse(text, field, ret_why);
	case LAB_T_HOST_NET:
		return host_net_parse(text, field, ret_why);
	case LAB_T_NET:
		return net_parse(text, field, ret_why);
	case LAB_T_PREFIX:
		return prefix_parse(text, field, ret_why);
	case LAB_T_END:
	case LAB_T_LINK_END:
		return end_parse(key->type, text, arena, field, ret_why);
	case LAB_T_MSS:
		return mss_parse(text, field, ret_why);
	case LAB_T_IP:
		err = lab_scoped_ip_parse(text, field);
		break;
	case LAB_T_MAC:
		err = lab_mac_parse(text, field);
		break;
	default:
		return text_parse(key->type, text, arena, field, ret_why);
	}
	if (err < 0)
		*ret_why = lab_type_infos[key->type].is_not;
	return err;
}

static void words_list(const struct lab_word *words, char *buf, size_t size)
{
	size_t at = strlen(buf);

	for (const char *sep = " "; words->name && at < size; words++, sep = ", ")
		at += (size_t)snprintf(buf + at, size - at, "%s%s", sep, words->name);
}

const char *lab_key_advice(const struct lab_key *key, char *buf, size_t size)
{
	const struct lab_type_info *info = &lab_type_infos[key->type];

	if (key->type == LAB_T_U32 || key->type == LAB_T_U64)
		snprintf(buf, size, "%s from %llu to %llu", info->advice,
			 (unsigned long long)key->min, (unsigned long long)key->max);
	else if (info->example)
		snprintf(buf, size, "%s (for example %s)", info->advice, info->example);
	else
		snprintf(buf, size, "%s", info->advice);
	if (key->words)
		words_list(key->words, buf, size);
	return buf;
}

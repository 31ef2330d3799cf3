/* SPDX-License-Identifier: MIT */
/* Interfaces of weft nodes and switches that are the machine's, by a packet socket or AF_XDP. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lab/lab_priv.h"

static int PRINTF_LIKE(5, 6) refuse(const struct lab_node *node, const struct lab_iface *iface,
				    char *msg, int err, const char *fmt, ...)
{
	char what[LAB_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(msg, LAB_MSG_MAX, "node %.63s: interface %.15s: %.300s", node->file->name,
		 iface->file->name, what);
	return err;
}

static int host_iface_new(struct lab_node *node, struct lab_iface *iface, char *why,
			  size_t why_bytes)
{
	const struct labfile_iface *file = iface->file;
	const struct weft_afpacket_config packet = {
		.ifname = file->host, .why = why, .why_bytes = why_bytes};
	const struct weft_afxdp_config xdp = {
		.ifname = file->host, .why = why, .why_bytes = why_bytes};

	if (file->driver == LABFILE_DRIVER_XDP)
		return weft_afxdp_new(node->lab->loop, node->stack, file->name, &xdp,
				      &iface->netif);
	return weft_afpacket_new(node->lab->loop, node->stack, file->name, &packet, &iface->netif);
}

/* A smaller one than the machine's: what is larger the kernel would not send. */
static int host_iface_set_mtu(struct lab_node *node, struct lab_iface *iface, char *msg)
{
	const struct labfile_iface *file = iface->file;
	struct weft_netif_info info;
	int err;

	weft_netif_info(iface->netif, &info);
	if (file->mtu > info.mtu)
		return refuse(node, iface, msg, -EMSGSIZE, "an MTU of %u is more than the %u of %s",
			      file->mtu, info.mtu, file->host);
	err = weft_netif_set_mtu(iface->netif, file->mtu);
	return err ? refuse(node, iface, msg, err, "an MTU of %u: %s", file->mtu, strerror(-err))
		   : 0;
}

int lab_iface_open_host(struct lab_node *node, struct lab_iface *iface, char *msg)
{
	static const struct lab_mac none;
	const struct labfile_iface *file = iface->file;
	char why[160] = "a simulation has no interfaces of the machine";
	int err = -EOPNOTSUPP;

	if (node->lab->loop)
		err = host_iface_new(node, iface, why, sizeof(why));
	if (err)
		return refuse(node, iface, msg, err, "%s", why);
	if (memcmp(&file->mac, &none, sizeof(none)) != 0)
		weft_netif_set_mac(iface->netif, file->mac.bytes);
	return file->mtu ? host_iface_set_mtu(node, iface, msg) : 0;
}

void lab_host_warn(const struct lab *lab, FILE *out)
{
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		const struct lab_node *node = lab->nodes[i];

		for (uint32_t k = 0; k < node->file->n_ifaces; k++) {
			const struct labfile_iface *file = &node->file->ifaces[k];
			struct weft_afxdp_stats stats = {.loses_tags = false};

			if (file->host && file->driver == LABFILE_DRIVER_XDP)
				weft_afxdp_stats(node->ifaces[k].netif, &stats);
			if (stats.loses_tags)
				fprintf(out,
					"weft: warning: node %s: interface %s: %s takes VLAN tags "
					"out of frames, which AF_XDP loses; where there are any: "
					"`ethtool -K %s rxvlan off`, of a veth's other end `txvlan "
					"off`\n",
					node->file->name, file->name, file->host, file->host);
		}
	}
}

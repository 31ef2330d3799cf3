/* SPDX-License-Identifier: MIT */
/* Methods of the control socket that a gateway's lab has besides those of every lab (lab/rpc.h):
 * what its connections wait for, its forwards, its figures. */
#pragma once

struct rpc_method;

/* For lab->rpc_more, with the gateway's run as its argument. */
extern const struct rpc_method *const gateway_rpc_tables[];

/* What doc/rpc.md says before them. */
#define GATEWAY_RPC_TEXT                                                   \
	"Methods of gateways\n\nOnly the lab that a gateway is has these " \
	"([gateway.md](gateway.md)); elsewhere there is no such method."

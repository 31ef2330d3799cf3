/* SPDX-License-Identifier: MIT */
/* Everything of libweft: engines and stacks, interfaces, sockets. libweft-io is weft/io.h. */
#pragma once

#include "weft/cable.h"
#include "weft/engine.h"
#include "weft/intercept.h"
#include "weft/limit.h"
#include "weft/mcast.h"
#include "weft/net.h"
#include "weft/netif.h"
#include "weft/packet.h"
#include "weft/poll.h"
#include "weft/proto.h"
#include "weft/resolver.h"
#include "weft/shard.h"
#include "weft/socket.h"
#include "weft/types.h"
#include "weft/zero.h"

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1
#define WEFT_VERSION_PATCH 0

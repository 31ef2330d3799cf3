/* SPDX-License-Identifier: MIT */
/* weft_capture_*: captures of the public API over core/capture. */
#include <errno.h>

#include "api/api_priv.h"
#include "core/capture.h"
#include "weft/netif.h"

static struct capture *capture_of(struct weft_capture *cap)
{
	return (struct capture *)(void *)cap;
}

int weft_capture_new(struct weft_engine *eng, uint32_t snaplen,
		     void (*fn)(void *arg, const void *blocks, size_t len), void *arg,
		     struct weft_capture **ret)
{
	struct capture *cap;
	int err = capture_new(engine_of(eng), snaplen, fn, arg, &cap);

	if (!err)
		*ret = (struct weft_capture *)(void *)cap;
	return err;
}

int weft_capture_add(struct weft_capture *cap, struct weft_netif *nif)
{
	return capture_add(capture_of(cap), netif_of(nif));
}

void weft_capture_free(struct weft_capture *cap)
{
	capture_free(capture_of(cap));
}

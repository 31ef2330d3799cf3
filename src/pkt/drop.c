/* SPDX-License-Identifier: MIT */
/* Texts and errnos of the drop reasons, from drop.def. */
#include <errno.h>

#include "pkt/pkt.h"

struct drop_info {
	const char *name;
	const char *layer;
	const char *text;
	int err;
};

static const struct drop_info drop_infos[DROP_MAX] = {
	[DROP_NONE] = {"NONE", "", "not dropped", 0},
#define DROP(sym, layer_, err_, text_) [DROP_##sym] = {#sym, layer_, text_, err_},
#include "pkt/drop.def"
#undef DROP
};

static const struct drop_info *drop_info(enum drop why)
{
	assert(why < DROP_MAX);
	return &drop_infos[why];
}

const char *drop_name(enum drop why)
{
	return drop_info(why)->name;
}

const char *drop_layer(enum drop why)
{
	return drop_info(why)->layer;
}

const char *drop_text(enum drop why)
{
	return drop_info(why)->text;
}

int drop_errno(enum drop why)
{
	return -drop_info(why)->err;
}

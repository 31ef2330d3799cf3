/* SPDX-License-Identifier: MIT */
/* Content-Type by the ending of a path. */
#pragma once

/* The media type for `path`; application/octet-stream when the ending is unknown. */
const char *http_type_of(const char *path);

/* SPDX-License-Identifier: MIT */
/* Options of sockets, ioctl and fcntl. Names and values go to the stack as they are. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "drill/run_priv.h"
#include "drill/symbol.h"
#include "weft/mcast.h"

enum {
	OPT_MAX = 512
};

static bool membership_addr(struct drill_ctx *c, const struct drill_expr *e, const char *name,
			    uint8_t *ret, size_t len)
{
	struct weft_addr addr;

	if (!drill_expr_addr(c, drill_item(e, name), &addr))
		return false;
	memcpy(ret, addr.bytes, len);
	return true;
}

/* A group, and whose it is to come from: IPv4's structures, with an interface's address. */
static bool membership(struct drill_ctx *c, const struct drill_expr *e, uint8_t buf[OPT_MAX],
		       size_t *ret_len)
{
	bool has_source = drill_item(e, "imr_sourceaddr");

	*ret_len = has_source ? 12 : 8;
	return membership_addr(c, e, "imr_multiaddr", buf, 4) &&
	       membership_addr(c, e, "imr_interface", buf + 4, 4) &&
	       (!has_source || membership_addr(c, e, "imr_sourceaddr", buf + 8, 4));
}

/* IPv6's, with an interface's number. */
static bool membership6(struct drill_ctx *c, const struct drill_expr *e, uint8_t buf[OPT_MAX],
			size_t *ret_len)
{
	struct weft_ipv6_mreq req;
	int64_t ifindex;

	if (!membership_addr(c, e, "ipv6mr_multiaddr", req.multiaddr, sizeof(req.multiaddr)) ||
	    !drill_expr_int(c, drill_item(e, "ipv6mr_interface"), &ifindex))
		return false;
	req.ifindex = (int)ifindex;
	memcpy(buf, &req, sizeof(req));
	*ret_len = sizeof(req);
	return true;
}

/* The value of an option as bytes: a number, {onoff=1, linger=2}, a membership, or a text. */
static bool opt_value(struct drill_ctx *c, const struct drill_expr *e, uint8_t buf[OPT_MAX],
		      size_t *ret_len)
{
	const struct drill_expr *one =
		e->kind == DRILL_EXPR_LIST && e->first && !e->first->next ? e->first : e;
	int64_t v, w;
	int num;

	if (one->kind == DRILL_EXPR_STRING) {
		if (one->len >= OPT_MAX) {
			drill_bad(c, "a text that is too long");
			return false;
		}
		memcpy(buf, one->text, one->len);
		*ret_len = one->len;
		return true;
	}
	if (one->kind == DRILL_EXPR_STRUCT && drill_item(one, "onoff")) {
		struct weft_linger lg;

		if (!drill_expr_int(c, drill_item(one, "onoff"), &v) ||
		    !drill_expr_int(c, drill_item(one, "linger"), &w))
			return false;
		lg = (struct weft_linger){.onoff = (int)v, .linger_s = (int)w};
		memcpy(buf, &lg, sizeof(lg));
		*ret_len = sizeof(lg);
		return true;
	}
	if (one->kind == DRILL_EXPR_STRUCT && drill_item(one, "imr_multiaddr"))
		return membership(c, one, buf, ret_len);
	if (one->kind == DRILL_EXPR_STRUCT && drill_item(one, "ipv6mr_multiaddr"))
		return membership6(c, one, buf, ret_len);
	if (!drill_expr_int(c, e, &v))
		return false;
	num = (int)v;
	memcpy(buf, &num, sizeof(num));
	*ret_len = sizeof(num);
	return true;
}

static bool opt_names(struct drill_ctx *c, struct drill_fd **ret_fd, int64_t *ret_level,
		      int64_t *ret_name)
{
	return drill_arg_fd(c, 0, ret_fd) && drill_arg_int(c, 1, ret_level) &&
	       drill_arg_int(c, 2, ret_name);
}

enum drill_call_state drill_sys_setsockopt(struct drill_ctx *c)
{
	int64_t level, name, said;
	uint8_t buf[OPT_MAX];
	struct drill_fd *fd;
	size_t len;

	if (!opt_names(c, &fd, &level, &name) || !opt_value(c, drill_arg(c, 3), buf, &len) ||
	    !drill_arg_int(c, 4, &said))
		return DRILL_CALL_BAD;
	if (!fd || !fd->sk)
		return drill_done(c, fd ? -ENOTSOCK : -EBADF);
	if (said >= 0 && (size_t)said < len)
		len = (size_t)said;
	return drill_done(c, weft_setsockopt(fd->sk, (int)level, (int)name, buf, len));
}

static bool check_value(struct drill_ctx *c, const struct drill_expr *e, const uint8_t *got,
			size_t got_len)
{
	uint8_t want[OPT_MAX] = {0};
	size_t want_len;
	int w, g;

	if (e->kind == DRILL_EXPR_ELLIPSIS)
		return true;
	if (!opt_value(c, e, want, &want_len))
		return false;
	if (want_len <= got_len && memcmp(want, got, want_len) == 0)
		return true;
	if (want_len != sizeof(w) || got_len != sizeof(g))
		return drill_run_fail(c->run, c->ev->line, "%s\n  another value was read",
				      c->ev->text);
	memcpy(&w, want, sizeof(w));
	memcpy(&g, got, sizeof(g));
	return drill_run_fail(c->run, c->ev->line, "%s\n  expected the value %d\n  seen     %d",
			      c->ev->text, w, g);
}

enum drill_call_state drill_sys_getsockopt(struct drill_ctx *c)
{
	const struct drill_expr *said = drill_arg(c, 4);
	int64_t level, name, room = OPT_MAX;
	uint8_t buf[OPT_MAX] = {0};
	struct drill_fd *fd;
	size_t len;
	int err;

	if (!opt_names(c, &fd, &level, &name))
		return DRILL_CALL_BAD;
	if (said->kind != DRILL_EXPR_ELLIPSIS && !drill_expr_int(c, said, &room))
		return DRILL_CALL_BAD;
	if (!fd || !fd->sk)
		return drill_done(c, fd ? -ENOTSOCK : -EBADF);
	len = room >= 0 && room < OPT_MAX ? (size_t)room : OPT_MAX;
	err = weft_getsockopt(fd->sk, (int)level, (int)name, buf, &len);
	if (!err && !check_value(c, drill_arg(c, 3), buf, len))
		return DRILL_CALL_BAD;
	return drill_done(c, err);
}

enum drill_call_state drill_sys_ioctl(struct drill_ctx *c)
{
	struct drill_fd *fd;
	int64_t what, want;
	int got, err;

	if (!drill_arg_fd(c, 0, &fd) || !drill_arg_int(c, 1, &what))
		return DRILL_CALL_BAD;
	if (!fd || !fd->sk)
		return drill_done(c, fd ? -ENOTTY : -EBADF);
	if (what == FIONBIO) {
		if (!drill_arg_int(c, 2, &want))
			return DRILL_CALL_BAD;
		fd->nonblock = want != 0;
		return drill_done(c, 0);
	}
	err = weft_ioctl(fd->sk, (unsigned int)what, &got);
	if (err || !drill_arg(c, 2) || drill_arg(c, 2)->kind == DRILL_EXPR_ELLIPSIS)
		return drill_done(c, err);
	if (!drill_arg_int(c, 2, &want))
		return DRILL_CALL_BAD;
	if (want != got) {
		drill_run_fail(c->run, c->ev->line, "%s\n  expected %lld\n  seen     %d",
			       c->ev->text, (long long)want, got);
		return DRILL_CALL_BAD;
	}
	return drill_done(c, 0);
}

enum drill_call_state drill_sys_fcntl(struct drill_ctx *c)
{
	struct drill_fd *fd;
	int64_t what, flags = 0;

	if (!drill_arg_fd(c, 0, &fd) || !drill_arg_int(c, 1, &what))
		return DRILL_CALL_BAD;
	if (drill_arg(c, 2) && !drill_arg_int(c, 2, &flags))
		return DRILL_CALL_BAD;
	if (!fd)
		return drill_done(c, -EBADF);
	switch (what) {
	case F_GETFL:
		return drill_done(c, O_RDWR | (fd->nonblock ? O_NONBLOCK : 0));
	case F_SETFL:
		fd->nonblock = (flags & O_NONBLOCK) != 0;
		return drill_done(c, 0);
	case F_GETFD:
	case F_SETFD:
		return drill_done(c, 0);
	default:
		return drill_bad(c, "only F_GETFL and F_SETFL are there");
	}
}

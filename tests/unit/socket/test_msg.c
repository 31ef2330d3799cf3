/* SPDX-License-Identifier: MIT */
/* Messages with what comes besides their bytes, and ioctls, by the public calls. */
#include "core/engine.h"
#include "world.h"

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	world_start(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_end(*state);
	free(*state);
	return 0;
}

/* A connection from the client to the server, whose end is returned. */
static struct weft_sock *connected(struct world *w, struct weft_sock **ret_client)
{
	struct weft_sock *lst = world_socket(w->server, WEFT_SOCK_STREAM, 0), *conn = NULL;
	struct weft_sockaddr sa = world_at("10.0.0.2:80");

	assert_int_equal(weft_bind(lst, &sa), 0);
	assert_int_equal(weft_listen(lst, 1), 0);
	*ret_client = world_socket(w->client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(weft_connect(*ret_client, &sa), -EINPROGRESS);
	world_settle(w);
	assert_int_equal(weft_accept(lst, &conn, NULL), 0);
	return conn;
}

static void recvmsg_tells_what_is_left(void **state)
{
	struct world *w = *state;
	struct weft_sock *client, *conn = connected(w, &client);
	_Alignas(8) uint8_t control[64];
	struct weft_cmsghdr cmsg;
	char buf[3];
	struct weft_iovec iov = {.base = buf, .len = sizeof(buf)};
	struct weft_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = control, .control_len = sizeof(control)};
	int on = 1, inq;

	assert_int_equal(weft_setsockopt(conn, WEFT_IPPROTO_TCP, WEFT_TCP_INQ, &on, sizeof(on)), 0);
	assert_int_equal(weft_send(client, "abcdefgh", 8, 0), 8);
	world_settle(w);
	assert_int_equal(weft_ioctl(conn, WEFT_SIOCINQ, &inq), 0);
	assert_int_equal(inq, 8);
	assert_int_equal(weft_recvmsg(conn, &msg, 0), 3);
	assert_int_equal(msg.flags, 0);
	assert_int_equal(msg.control_len, 24);
	memcpy(&cmsg, control, sizeof(cmsg));
	assert_int_equal(cmsg.len, sizeof(cmsg) + sizeof(int));
	assert_int_equal(cmsg.level, WEFT_IPPROTO_TCP);
	assert_int_equal(cmsg.type, WEFT_TCP_CM_INQ);
	memcpy(&inq, control + sizeof(cmsg), sizeof(inq));
	assert_int_equal(inq, 5);
	/* no room for it */
	msg.control_len = 16;
	assert_int_equal(weft_recvmsg(conn, &msg, 0), 3);
	assert_int_equal(msg.flags, WEFT_MSG_CTRUNC);
	assert_int_equal(msg.control_len, 0);
	weft_close(conn);
}

static void recvmsg_names_the_urgent_byte(void **state)
{
	struct world *w = *state;
	struct weft_sock *client, *conn = connected(w, &client);
	char buf[8];
	struct weft_iovec iov = {.base = buf, .len = sizeof(buf)};
	struct weft_msghdr msg = {.iov = &iov, .n_iov = 1};
	struct weft_msghdr out = {.iov = &(struct weft_iovec){.base = (char[]){'a', '!'}, .len = 2},
				  .n_iov = 1};

	assert_int_equal(weft_sendmsg(client, &out, WEFT_MSG_OOB), 2);
	out.control_len = 16;
	assert_int_equal(weft_sendmsg(client, &out, 0), -EINVAL);
	world_settle(w);
	assert_int_equal(weft_events(conn) & WEFT_PRI, WEFT_PRI);
	assert_int_equal(weft_recvmsg(conn, &msg, WEFT_MSG_OOB), 1);
	assert_int_equal(buf[0], '!');
	assert_int_equal(msg.flags, WEFT_MSG_OOB);
	assert_int_equal(weft_recvmsg(conn, &msg, 0), 1);
	assert_int_equal(buf[0], 'a');
	weft_close(conn);
}

static void ioctl_of_a_datagram_socket_tells_of_the_next_one(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = world_bound(w->server, "10.0.0.2:7");
	int v = -1;

	assert_int_equal(weft_ioctl(s, WEFT_SIOCINQ, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(world_sendto(s, "abc", 3, "10.0.0.2:7"), 3);
	assert_int_equal(world_sendto(s, "d", 1, "10.0.0.2:7"), 1);
	world_settle(w);
	assert_int_equal(weft_ioctl(s, WEFT_SIOCINQ, &v), 0);
	assert_int_equal(v, 3);
	assert_int_equal(weft_ioctl(s, WEFT_SIOCOUTQ, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(weft_ioctl(s, WEFT_SIOCATMARK, &v), -ENOTTY);
	assert_int_equal(weft_ioctl(world_socket(w->client, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP),
				    WEFT_SIOCINQ, &v),
			 -ENOTTY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(recvmsg_tells_what_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(recvmsg_names_the_urgent_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(ioctl_of_a_datagram_socket_tells_of_the_next_one,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

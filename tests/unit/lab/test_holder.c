/* SPDX-License-Identifier: MIT */
/*
 * Kernel nodes: namespaces appear, programs run in them and report, and nothing is left, however
 * weft ends. Needs root or user namespaces, and /dev/net/tun.
 */
#include "unit.h"

#include "lab/holder.h"
#include "lab/labfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WAIT_MS = 10000,
	OUTPUT_MAX = 4096,
};

static struct labfile_addr addrs[] = {{.net = {{LAB_IP4, {10, 9, 8, 7}}, 24}}};
static struct labfile_iface ifaces[] = {
	{.name = "eth0", .addrs = addrs, .n_addrs = 1, .mtu = 1400, .mac = {{2, 0, 0, 0, 0, 9}}},
};
static struct labfile_route routes[] = {
	{.dst = {{LAB_IP4, {0}}, 0}, .via = {.ip = {LAB_IP4, {10, 9, 8, 1}}}, .iface = &ifaces[0]},
};
static struct labfile_node node = {
	.name = "laptop",
	.kind = LABFILE_KERNEL,
	.ifaces = ifaces,
	.n_ifaces = 1,
	.routes = routes,
	.n_routes = 1,
};

static struct holder *start(int *tap_fd)
{
	char msg[HOLDER_ERR_MAX] = "";
	struct holder *h = NULL;
	int err =
		holder_start(&node, "127.0.0.1 localhost\n10.9.8.1 gateway.lab\n", &h, tap_fd, msg);

	if (err)
		print_message("holder_start: %s\n", msg);
	assert_int_equal(err, 0);
	return h;
}

/* Waits for one report about program `id`. */
static struct holder_event await(struct holder *h, uint32_t id)
{
	struct holder_event ev = {0};

	for (;;) {
		struct pollfd p = {holder_fd(h), POLLIN, 0};
		int err = holder_read(h, &ev);

		if (err == 0 && ev.id == id)
			return ev;
		assert_true(err == 0 || err == -EAGAIN);
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	}
}

/* Runs a shell command in the node. Returns its wait status; its output goes to `out`. */
static int run(struct holder *h, const char *script, char *out)
{
	char *argv[] = {"sh", "-c", (char *)(uintptr_t)script, NULL};
	int pipe_fds[2];
	struct holder_cmd cmd = {.argv = argv, .envp = environ, .cwd = "/"};
	struct holder_event ev;
	uint32_t id;
	ssize_t n;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	cmd.fds[0] = STDIN_FILENO;
	cmd.fds[1] = pipe_fds[1];
	cmd.fds[2] = pipe_fds[1];
	assert_int_equal(holder_run(h, &cmd, &id), 0);
	close(pipe_fds[1]);
	ev = await(h, id);
	assert_true(ev.started);
	n = read(pipe_fds[0], out, OUTPUT_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
	close(pipe_fds[0]);
	return ev.status;
}

static void node_has_its_interface_addresses_routes_and_names(void **state UNUSED)
{
	char out[OUTPUT_MAX];
	int tap_fd = -1;
	struct holder *h = start(&tap_fd);

	assert_true(tap_fd >= 0);
	run(h,
	    "hostname; ip -br addr show eth0; ip route; ip link show eth0; getent hosts "
	    "gateway.lab; "
	    "cat /proc/1/comm; ls /tmp | head -1 >/dev/null && echo tmp",
	    out);
	assert_non_null(strstr(out, "laptop\n"));
	assert_non_null(strstr(out, "10.9.8.7/24"));
	assert_non_null(strstr(out, "default via 10.9.8.1 dev eth0"));
	assert_non_null(strstr(out, "mtu 1400"));
	assert_non_null(strstr(out, "02:00:00:00:00:09"));
	assert_non_null(strstr(out, "gateway.lab"));
	assert_non_null(strstr(out, "weft-node"));
	close(tap_fd);
	holder_stop(h);
}

static void program_status_and_signals_come_back(void **state UNUSED)
{
	char out[OUTPUT_MAX];
	int tap_fd, status;
	struct holder *h = start(&tap_fd);

	status = run(h, "exit 42", out);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
	status = run(h, "kill -TERM $$", out);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	close(tap_fd);
	holder_stop(h);
}

static void missing_program_is_reported_with_its_errno(void **state UNUSED)
{
	char *argv[] = {"/no/such/program", NULL};
	struct holder_cmd cmd = {.argv = argv, .envp = environ, .cwd = "/", .fds = {0, 1, 2}};
	struct holder_event ev;
	uint32_t id;
	int tap_fd;
	struct holder *h = start(&tap_fd);

	assert_int_equal(holder_run(h, &cmd, &id), 0);
	ev = await(h, id);
	assert_false(ev.started);
	assert_int_equal(ev.err, ENOENT);
	close(tap_fd);
	holder_stop(h);
}

static void signal_reaches_the_program_that_it_is_for(void **state UNUSED)
{
	char *argv[] = {"sleep", "100", NULL};
	struct holder_cmd cmd = {.argv = argv, .envp = environ, .cwd = "/", .fds = {0, 1, 2}};
	struct holder_event ev;
	uint32_t id;
	int tap_fd;
	struct holder *h = start(&tap_fd);

	assert_int_equal(holder_run(h, &cmd, &id), 0);
	assert_int_equal(holder_signal(h, id, SIGINT), 0);
	ev = await(h, id);
	assert_true(WIFSIGNALED(ev.status));
	assert_int_equal(WTERMSIG(ev.status), SIGINT);
	close(tap_fd);
	holder_stop(h);
}

static void oversized_command_is_refused(void **state UNUSED)
{
	char *big = calloc(1, 200 * 1024);
	char *argv[] = {"true", big, NULL};
	struct holder_cmd cmd = {.argv = argv, .envp = environ, .cwd = "/", .fds = {0, 1, 2}};
	uint32_t id;
	int tap_fd;
	struct holder *h = start(&tap_fd);

	memset(big, 'x', 200 * 1024 - 1);
	assert_int_equal(holder_run(h, &cmd, &id), -E2BIG);
	free(big);
	close(tap_fd);
	holder_stop(h);
}

static bool process_exists(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

/* A process that starts a node with a program in it, tells their PIDs, and waits to be killed. */
static pid_t victim(pid_t *holder, int *alive_fd)
{
	int to_us[2], alive[2];
	pid_t pid;

	assert_int_equal(pipe2(to_us, O_CLOEXEC), 0);
	assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		char *argv[] = {"sleep", "100", NULL};
		struct holder_cmd cmd = {
			.argv = argv, .envp = environ, .cwd = "/", .fds = {0, alive[1], 2}};
		char msg[HOLDER_ERR_MAX];
		struct holder *h;
		uint32_t id;
		int tap_fd;
		pid_t hpid;

		signal(SIGSEGV, SIG_DFL); /* the test library catches it */
		if (holder_start(&node, "", &h, &tap_fd, msg) || holder_run(h, &cmd, &id))
			_exit(1);
		hpid = holder_pid(h);
		(void)!write(to_us[1], &hpid, sizeof(hpid));
		pause();
		_exit(0);
	}
	close(to_us[1]);
	close(alive[1]);
	assert_int_equal(read(to_us[0], holder, sizeof(*holder)), sizeof(*holder));
	close(to_us[0]);
	*alive_fd = alive[0];
	return pid;
}

static void killed_weft_leaves_no_process_and_no_namespace(void **state UNUSED)
{
	static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct pollfd p;
		pid_t holder, pid;
		char byte;
		int alive_fd;

		pid = victim(&holder, &alive_fd);
		assert_true(process_exists(holder));
		kill(pid, signals[i]);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		/* The program's end of the pipe closes when the last process in the node is gone.
		 */
		p = (struct pollfd){alive_fd, POLLIN, 0};
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		assert_int_equal(read(alive_fd, &byte, 1), 0);
		close(alive_fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(node_has_its_interface_addresses_routes_and_names),
		cmocka_unit_test(program_status_and_signals_come_back),
		cmocka_unit_test(missing_program_is_reported_with_its_errno),
		cmocka_unit_test(signal_reaches_the_program_that_it_is_for),
		cmocka_unit_test(oversized_command_is_refused),
		cmocka_unit_test(killed_weft_leaves_no_process_and_no_namespace),
	};

	if (access("/dev/net/tun", R_OK | W_OK) < 0) {
		print_message("skipped: /dev/net/tun cannot be opened (%s)\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

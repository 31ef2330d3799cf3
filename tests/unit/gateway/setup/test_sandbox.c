/* SPDX-License-Identifier: MIT */
/*
 * What is possible inside of the sandbox, and what is not: each try is made by a child that has
 * entered it, as an ordinary user when the test is root.
 */
#include "unit.h"

#include "gateway/setup/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NOBODY = 54321,
	NO_SANDBOX = 99, /* exit status: it could not be entered */
	NOT_HERE = 77,
};

/* Status of a child that enters the sandbox and then does `fn`; as wait(2) gives it. */
static int try_inside(const struct sandbox *box, bool as_root, int (*fn)(void))
{
	char msg[SANDBOX_MSG_MAX] = "";
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int err;

		if (!as_root && geteuid() == 0 &&
		    (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		     setresuid(NOBODY, NOBODY, NOBODY) < 0))
			_exit(NO_SANDBOX);
		err = sandbox_enter(box, msg);
		if (err == -EPERM || err == -ENOSPC)
			_exit(NOT_HERE);
		if (err) {
			fprintf(stderr, "sandbox: %s\n", msg);
			_exit(NO_SANDBOX);
		}
		_exit(fn());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_HERE) {
		print_message("no user namespaces here\n");
		skip();
	}
	return status;
}

static const struct sandbox all = {.empty_root = true, .seccomp = true, .max_files = 64};
/* So that what the filter would hide can be looked at. */
static const struct sandbox no_filter = {.empty_root = true, .max_files = 64};

static void expect_status(const struct sandbox *box, int (*fn)(void), int want)
{
	for (int as_root = 0; as_root <= (geteuid() == 0); as_root++) {
		int status = try_inside(box, as_root, fn);

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), want);
	}
}

static void expect_killed(int (*fn)(void))
{
	for (int as_root = 0; as_root <= (geteuid() == 0); as_root++) {
		int status = try_inside(&all, as_root, fn);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static int open_a_file(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static int make_a_file(void)
{
	return open("/x", O_RDWR | O_CREAT, 0600) < 0 ? errno : 0;
}

static int execute(void)
{
	execl("/bin/sh", "sh", "-c", "true", NULL);
	return errno;
}

static int trace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 ? errno : 0;
}

static int mount_something(void)
{
	return mount("none", "/", "tmpfs", 0, NULL) < 0 ? errno : 0;
}

static int enter_namespace(void)
{
	return setns(0, 0) < 0 ? errno : 0;
}

static int make_namespace(void)
{
	return unshare(CLONE_NEWUSER) < 0 ? errno : 0;
}

static int read_memory(void)
{
	return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) < 0 ? errno : 0;
}

static int make_ring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL) < 0 ? errno : 0;
}

static int load_program(void)
{
	return syscall(SYS_bpf, 0, NULL, 0) < 0 ? errno : 0;
}

static int make_file_of_memory(void)
{
	return syscall(SYS_memfd_create, "x", 0) < 0 ? errno : 0;
}

static int execute_descriptor(void)
{
	return syscall(SYS_execveat, 0, "", NULL, NULL, AT_EMPTY_PATH) < 0 ? errno : 0;
}

static int signal_others(void)
{
	return kill(getppid(), 0) < 0 ? errno : 0;
}

static int start_a_process(void)
{
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) < 0 ? errno : 0;
}

static int change_user(void)
{
	return setuid(0) < 0 ? errno : 0;
}

static int other_family(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0) < 0 && socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno
											 : 0;
}

/* Both are harmless, and made by nothing here. */
static int splice_nothing(void)
{
	return splice(-1, NULL, -1, NULL, 0, 0) < 0 ? errno : 0;
}

static int send_many(void)
{
	return sendmmsg(-1, NULL, 0, 0) < 0 ? errno : 0;
}

static int other_ioctl(void)
{
	return ioctl(0, TIOCSTI, "x") < 0 ? errno : 0;
}

static void open_inside_the_sandbox_fails(void **state)
{
	(void)state;
	expect_status(&all, open_a_file, EPERM);
	expect_status(&all, make_a_file, EPERM);
}

static void calls_that_nothing_of_ours_makes_end_the_process(void **state)
{
	(void)state;
	expect_killed(execute);
	expect_killed(trace);
	expect_killed(mount_something);
	expect_killed(enter_namespace);
	expect_killed(make_namespace);
	expect_killed(read_memory);
	expect_killed(make_ring);
	expect_killed(load_program);
	expect_killed(make_file_of_memory);
	expect_killed(execute_descriptor);
}

static int local_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int memory_made_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0 ? errno : 0;
}

static void other_calls_fail(void **state)
{
	(void)state;
	expect_status(&all, signal_others, EPERM);
	expect_status(&all, start_a_process, EPERM);
	expect_status(&all, change_user, EPERM);
	expect_status(&all, other_family, EPERM);
	expect_status(&all, local_socket, EPERM);
	expect_status(&all, splice_nothing, EPERM);
	expect_status(&all, send_many, EPERM);
	expect_status(&all, executable_memory, EPERM);
	expect_status(&all, memory_made_executable, EPERM);
	expect_status(&all, other_ioctl, EPERM);
}

/* Sockets of the host's network, memory, random numbers, time. */
static int live(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(any);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *p = malloc(1 << 20);
	uint8_t byte;
	void *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (s < 0 || c < 0 || !p || map == MAP_FAILED)
		return 1;
	if (bind(s, (struct sockaddr *)&any, len) < 0 || listen(s, 1) < 0 ||
	    getsockname(s, (struct sockaddr *)&any, &len) < 0)
		return 2;
	if (connect(c, (struct sockaddr *)&any, len) < 0 || accept(s, NULL, NULL) < 0)
		return 3;
	if (send(c, "x", 1, 0) != 1 || close(c) < 0)
		return 4;
	if (syscall(SYS_getrandom, &byte, 1, 0) != 1)
		return 5;
	free(p);
	return munmap(map, 1 << 20) < 0;
}

static void sockets_and_memory_work(void **state)
{
	(void)state;
	expect_status(&all, live, 0);
}

/* Number of entries of the root directory, and whether anything can be written or reached. */
static int look_around(void)
{
	DIR *d = opendir("/");
	int n = 0;

	if (!d)
		return 200;
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	if (open("/x", O_RDWR | O_CREAT, 0600) >= 0 || mkdir("/d", 0700) == 0)
		return 201;
	if (chdir("..") == 0 && access("etc", F_OK) == 0)
		return 202;
	return access("/proc/self", F_OK) == 0 ? 203 : n;
}

static void root_is_empty_and_read_only(void **state)
{
	(void)state;
	expect_status(&no_filter, look_around, 0);
}

/* Which part of what was to be given up is still there. */
static int rights(void)
{
	struct {
		uint32_t version;
		int pid;
	} hdr = {0x20080522, 0};
	uint32_t data[2][3];
	struct rlimit lim;

	if (syscall(SYS_capget, &hdr, data) < 0)
		return 1;
	for (int i = 0; i < 2; i++)
		if (data[i][0] || data[i][1] || data[i][2])
			return 2;
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0))
			return 3;
	if (!prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
		return 4;
	if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur != 64 || lim.rlim_max != 64)
		return 5;
	if (getrlimit(RLIMIT_CORE, &lim) < 0 || lim.rlim_max)
		return 6;
	return prctl(PR_CAPBSET_READ, 0, 0, 0, 0);
}

static void no_capability_is_left_and_none_comes_back(void **state)
{
	(void)state;
	expect_status(&no_filter, rights, 0);
}

/* Of an ordinary user who is not in a user namespace of its own: nothing was in the bounding set
 * that could be dropped, and nothing can be gained all the same. */
static int rights_without_namespace(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1;
}

static void parts_can_be_left_out(void **state)
{
	const struct sandbox none = {.max_files = 0};

	(void)state;
	expect_status(&none, rights_without_namespace, 0);
	expect_status(&none, open_a_file, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_inside_the_sandbox_fails),
		cmocka_unit_test(calls_that_nothing_of_ours_makes_end_the_process),
		cmocka_unit_test(other_calls_fail),
		cmocka_unit_test(sockets_and_memory_work),
		cmocka_unit_test(root_is_empty_and_read_only),
		cmocka_unit_test(no_capability_is_left_and_none_comes_back),
		cmocka_unit_test(parts_can_be_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* weft's side of a kernel node; the process itself is in holder_main.c. */
#include "lab/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/holder_wire.h"
#include "lab/labfile.h"

struct holder {
	pid_t pid;
	int sock;
	uint32_t next_id;
};

/* fork(2), but into new namespaces: the child is process 1 of its own PID namespace. */
static pid_t holder_clone(void)
{
	unsigned long flags = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | SIGCHLD;

	if (geteuid() != 0)
		flags |= CLONE_NEWUSER;
	return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
}

static void clone_explain(int err, char *msg)
{
	const char *advice = "";

	if (err == EPERM && geteuid() != 0)
		advice = "; this system forbids user namespaces to ordinary users (or we are in a "
			 "chroot): run as root, or allow them (sysctl user.max_user_namespaces, "
			 "kernel.unprivileged_userns_clone, "
			 "kernel.apparmor_restrict_unprivileged_userns)";
	else if (err == ENOSPC)
		advice = "; the limit of namespaces is reached (sysctl user.max_user_namespaces, "
			 "user.max_net_namespaces); 0 forbids them";
	snprintf(msg, HOLDER_ERR_MAX, "cannot create namespaces: %s%s", strerror(err), advice);
}

/* Receives one message with at most `max_fds` descriptors. Returns its length, 0 at the end. */
static ssize_t sock_recv(int sock, void *buf, size_t size, int *fds, uint32_t max_fds,
			 uint32_t *ret_n_fds, int flags)
{
	union {
		char buf[CMSG_SPACE(HOLDER_TAPS_BATCH * sizeof(int))];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = {buf, size};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &ctl,
			    .msg_controllen = sizeof(ctl)};
	struct cmsghdr *cm;
	ssize_t n;

	do
		n = recvmsg(sock, &mh, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*ret_n_fds = 0;
	cm = CMSG_FIRSTHDR(&mh);
	if (cm && cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS) {
		uint32_t n_fds = (uint32_t)((cm->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		int got[HOLDER_TAPS_BATCH];

		memcpy(got, CMSG_DATA(cm), n_fds * sizeof(int));
		for (uint32_t i = 0; i < n_fds; i++) {
			if (*ret_n_fds < max_fds)
				fds[(*ret_n_fds)++] = got[i];
			else
				close(got[i]);
		}
	}
	return n;
}

/* Waits until the child has set the node up. */
static int holder_await_ready(struct holder *h, uint32_t n_ifaces, int *fds, uint32_t *n_fds,
			      char *msg)
{
	struct {
		struct holder_msg msg;
		char text[HOLDER_ERR_MAX];
	} in;

	for (;;) {
		uint32_t n_new = 0;
		ssize_t n;

		memset(&in, 0, sizeof(in));
		n = sock_recv(h->sock, &in, sizeof(in) - 1, fds + *n_fds, n_ifaces - *n_fds, &n_new,
			      0);
		if (n < (ssize_t)sizeof(in.msg)) {
			snprintf(msg, HOLDER_ERR_MAX, "the node's process ended unexpectedly");
			return n < 0 ? (int)n : -EPIPE;
		}
		*n_fds += n_new;
		if (in.msg.kind == HOLDER_READY && *n_fds == n_ifaces)
			return 0;
		if (in.msg.kind == HOLDER_TAPS)
			continue;
		snprintf(msg, HOLDER_ERR_MAX, "%s",
			 in.msg.kind == HOLDER_FAILED ? in.text : "out of file descriptors");
		return in.msg.kind == HOLDER_FAILED && in.msg.value < 0 ? in.msg.value : -EMFILE;
	}
}

static int holder_spawn(struct holder *h, const struct labfile_node *node, const char *hosts,
			char *msg)
{
	struct holder_owner owner = {geteuid(), getegid()};
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) < 0) {
		snprintf(msg, HOLDER_ERR_MAX, "socketpair: %s", strerror(errno));
		return -errno;
	}
	fflush(NULL);
	h->pid = holder_clone();
	if (h->pid == 0) {
		close(socks[0]);
		holder_main(socks[1], &owner, node, hosts);
	}
	close(socks[1]);
	if (h->pid < 0) {
		int err = errno;

		close(socks[0]);
		clone_explain(err, msg);
		return -err;
	}
	h->sock = socks[0];
	return 0;
}

int holder_start(const struct labfile_node *node, const char *hosts, struct holder **ret,
		 int *ret_tap_fds, char *ret_msg)
{
	struct holder *h = calloc(1, sizeof(*h));
	uint32_t n_fds = 0;
	int err;

	if (!h) {
		snprintf(ret_msg, HOLDER_ERR_MAX, "out of memory");
		return -ENOMEM;
	}
	err = holder_spawn(h, node, hosts, ret_msg);
	if (err) {
		free(h);
		return err;
	}
	err = holder_await_ready(h, node->n_ifaces, ret_tap_fds, &n_fds, ret_msg);
	if (err) {
		while (n_fds)
			close(ret_tap_fds[--n_fds]);
		holder_stop(h);
		return err;
	}
	*ret = h;
	return 0;
}

/* In the child of holder_iface_add(). */
static _Noreturn void iface_child(const struct holder *h, int sock,
				  const struct labfile_iface *iface)
{
	static const char *const names[] = {"user", "net"};
	struct holder_msg msg = {.kind = HOLDER_FAILED};

	for (size_t i = geteuid() == 0 ? 1 : 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)h->pid, names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, 0) < 0) {
			msg.value = -errno;
			(void)!send(sock, &msg, sizeof(msg), MSG_NOSIGNAL);
			_exit(1);
		}
		close(fd);
	}
	holder_iface_main(sock, iface);
}

int holder_iface_add(struct holder *h, const struct labfile_iface *iface, int *ret_tap_fd,
		     char *ret_msg)
{
	struct holder child = {.pid = -1};
	uint32_t n_fds = 0;
	int socks[2];
	int err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) < 0) {
		snprintf(ret_msg, HOLDER_ERR_MAX, "socketpair: %s", strerror(errno));
		return -errno;
	}
	fflush(NULL);
	child.pid = fork();
	if (child.pid == 0)
		iface_child(h, socks[1], iface);
	close(socks[1]);
	child.sock = socks[0];
	if (child.pid < 0) {
		err = -errno;
		snprintf(ret_msg, HOLDER_ERR_MAX, "fork: %s", strerror(-err));
	} else {
		err = holder_await_ready(&child, 1, ret_tap_fd, &n_fds, ret_msg);
		while (waitpid(child.pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(socks[0]);
	if (err && n_fds)
		close(*ret_tap_fd);
	if (err && !ret_msg[0])
		snprintf(ret_msg, HOLDER_ERR_MAX, "cannot join the node: %s", strerror(-err));
	return err;
}

int holder_hosts_set(struct holder *h, const char *hosts)
{
	char *real = realpath("/etc/hosts", NULL);
	struct stat ours = {.st_ino = 0}, theirs = {.st_ino = 0};
	struct statfs fs = {.f_type = 0};
	char *path = NULL;
	int err = 0;
	int fd;

	if (!real)
		return errno == ENOENT ? 0 : -errno;
	if (asprintf(&path, "/proc/%d/root%s", (int)h->pid, real) < 0) {
		free(real);
		return -ENOMEM;
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		err = -errno;
	/* Only ever the node's own file, which is on its tmpfs: never the system's. */
	if (!err && (fstat(fd, &theirs) < 0 || fstatfs(fd, &fs) < 0 || stat(real, &ours) < 0))
		err = -errno;
	if (!err && (fs.f_type != TMPFS_MAGIC ||
		     (ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)))
		err = -ENOTSUP;
	if (!err && (ftruncate(fd, 0) < 0 || write(fd, hosts, strlen(hosts)) < 0))
		err = -errno;
	if (fd >= 0)
		close(fd);
	free(path);
	free(real);
	return err == -ENOTSUP ? 0 : err;
}

void holder_stop(struct holder *h)
{
	if (!h)
		return;
	/* Process 1 takes its whole PID namespace along. It ends with its socket, too, should a
	 * sandbox forbid us to kill it. */
	close(h->sock);
	kill(h->pid, SIGKILL);
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(h);
}

/* Appends NUL-terminated strings; returns how many, or -E2BIG. */
static int strings_put(char *buf, size_t *len, char *const *strings)
{
	int n = 0;

	for (; strings[n]; n++) {
		size_t size = strlen(strings[n]) + 1;

		if (size > HOLDER_MSG_MAX - *len)
			return -E2BIG;
		memcpy(buf + *len, strings[n], size);
		*len += size;
	}
	return n;
}

static int run_msg_build(const struct holder_cmd *cmd, uint32_t id, char *buf, size_t *ret_len)
{
	struct holder_msg msg = {.kind = HOLDER_RUN, .id = id};
	char *const cwd[] = {(char *)(uintptr_t)cmd->cwd, NULL};
	size_t len = sizeof(msg);
	int n_argv, n_envp;

	if (strings_put(buf, &len, cwd) < 0)
		return -E2BIG;
	n_argv = strings_put(buf, &len, cmd->argv);
	n_envp = n_argv < 0 ? -E2BIG : strings_put(buf, &len, cmd->envp);
	if (n_envp < 0)
		return -E2BIG;
	msg.n_argv = (uint32_t)n_argv;
	msg.n_envp = (uint32_t)n_envp;
	memcpy(buf, &msg, sizeof(msg));
	*ret_len = len;
	return 0;
}

static int sock_send_fds(int sock, const void *buf, size_t len, const int *fds, uint32_t n_fds)
{
	union {
		char buf[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} ctl = {.buf = {0}};
	struct iovec iov = {(void *)(uintptr_t)buf, len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (n_fds) {
		struct cmsghdr *cm = &ctl.align;

		mh.msg_control = &ctl;
		mh.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(sock, &mh, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int holder_run(struct holder *h, const struct holder_cmd *cmd, uint32_t *ret_id)
{
	char *buf = malloc(HOLDER_MSG_MAX);
	size_t len;
	int err;

	if (!buf)
		return -ENOMEM;
	err = run_msg_build(cmd, h->next_id + 1, buf, &len);
	if (!err)
		err = sock_send_fds(h->sock, buf, len, cmd->fds, 3);
	free(buf);
	if (!err)
		*ret_id = ++h->next_id;
	return err;
}

int holder_signal(struct holder *h, uint32_t id, int signo)
{
	struct holder_msg msg = {.kind = HOLDER_SIGNAL, .id = id, .value = signo};

	return sock_send_fds(h->sock, &msg, sizeof(msg), NULL, 0);
}

int holder_fd(const struct holder *h)
{
	return h->sock;
}

pid_t holder_pid(const struct holder *h)
{
	return h->pid;
}

int holder_read(struct holder *h, struct holder_event *ret)
{
	for (;;) {
		struct holder_msg msg;
		uint32_t n_fds;
		ssize_t n = sock_recv(h->sock, &msg, sizeof(msg), NULL, 0, &n_fds, MSG_DONTWAIT);

		if (n < (ssize_t)sizeof(msg))
			return n < 0 ? (int)n : -EPIPE;
		*ret = (struct holder_event){.id = msg.id, .started = true};
		if (msg.kind == HOLDER_ENDED) {
			ret->status = msg.value;
			return 0;
		}
		if (msg.kind == HOLDER_STARTED && msg.value) {
			ret->started = false;
			ret->err = msg.value;
			return 0;
		}
	}
}

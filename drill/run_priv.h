/* SPDX-License-Identifier: MIT */
/*
 * A script that runs: its stack, connections, descriptors, and what the stack has sent.
 *
 * How it works: the clock stands still but between events. Before each event the engine runs up to
 * the event's time, one deadline after the other; frames that the stack sends are kept with their
 * time until the script expects them. A call that blocks is tried again each time the engine has
 * run; one at a time can wait, as in packetdrill.
 *
 * A connection is a `flow`: addresses and ports on the wire, and how the script's numbers lie to
 * the wire's. The peer's sequence numbers are the script's own; ours are off by a constant that
 * the first SYN shows, and timestamps likewise.
 */
#pragma once

#include "drill/code.h"
#include "drill/drill.h"
#include "drill/layer.h"
#include "drill/packet.h"
#include "drill/parse.h"
#include "weft/weft.h"

enum {
	DRILL_TS_MAP = 64,
	DRILL_WATCH_MAX = 32,
	DRILL_FDS_MAX = 1024,
	DRILL_CONTROL_MAX = 256,         /* bytes of control messages */
	DRILL_IO_MAX = 64 * 1024 * 1024, /* bytes of one read or write */
};

struct drill_flow {
	struct drill_flow *next;
	enum drill_proto proto;
	bool is_named; /* the script names its ports: */
	uint16_t script_local, script_remote;
	struct weft_addr laddr, raddr;
	uint16_t lport, rport;
	bool has_off;
	uint32_t off;  /* our sequence number on the wire minus that of the script */
	uint32_t lisn; /* our first one, in the script */
	bool is_over;  /* reset, or a new SYN came: our next SYN may have another number */
	bool has_risn;
	uint32_t risn; /* the peer's */
	bool has_ts;
	uint32_t ts_off; /* TS val on the wire minus that of the script */
	struct {
		uint32_t script, live;
	} ts[DRILL_TS_MAP]; /* the newest of them; a ring */
	uint32_t n_ts;
};

struct drill_watch {
	int fd;
	uint32_t events; /* 0: an entry that is free */
	uint64_t data;
	bool is_new; /* EPOLLET: something happened since it was reported */
};

struct drill_pipe;

struct drill_fd {
	struct drill_fd *next;
	struct drill_run *run;
	int num;
	bool is_epoll;
	bool is_file;            /* made up */
	struct drill_pipe *pipe; /* an end of one; NULL: none */
	bool nonblock;
	bool is_listening;
	int domain, type;
	uint16_t bound;       /* port; 0: none */
	struct weft_sock *sk; /* NULL: epoll */
	uint64_t tx_pos, rx_pos;
	bool is_named; /* got as the connection of a flow: streams can be checked */
	struct drill_watch watch[DRILL_WATCH_MAX];
};

enum drill_call_state {
	DRILL_CALL_DONE,
	DRILL_CALL_WAIT, /* it would block */
	DRILL_CALL_BAD,  /* it makes no sense; the failure is noted */
};

/* One call under way. */
struct drill_ctx {
	struct drill_run *run;
	const struct drill_event *ev;
	const struct drill_call *call;
	int64_t start_us, end_us; /* end_us: -1: not allowed to block */
	int64_t result;           /* >= 0 or -errno */
	uint32_t n_tries;
	size_t done; /* bytes so far, of a write or a read that waits for all */
	struct drill_fd *fd;
};

struct drill_run {
	struct drill_opts opts;
	const struct drill_script *script;
	struct drill_result *result;
	struct weft_engine *eng;
	struct weft_stack *st;
	struct weft_netif *nif;
	int64_t start_ns, now_ns;
	int64_t event_us; /* time of the event under way */
	int64_t last_us;  /* scheduled time of the one before */
	bool last_was_in; /* it was an injected packet */
	uint8_t local_mac[6], remote_mac[6];
	int32_t mtu_extra; /* --same_mss: what an IPv6 header has more than one of IPv4 */
	struct weft_addr local, remote;
	struct drill_names names;
	uint32_t says; /* subjects of packets that the script says header by header; 0: of none */
	struct drill_seen *seen; /* oldest first */
	struct drill_seen **seen_tail;
	size_t seen_bytes;
	struct drill_flow *flows;
	struct drill_flow *flow; /* that packets without ports belong to */
	struct drill_fd *fds;
	struct drill_fd *fd; /* made or used last */
	bool is_waiting;     /* `waiting` is a call that blocks */
	struct drill_ctx waiting;
	bool has_failed;
	bool has_ports; /* bind() has named a port: ports in packets are real ones */
	bool has_text;  /* a write had a text of its own, or there was urgent data: payloads are not
			  checked */
	uint32_t line;  /* of the event under way */
	uint16_t next_port, next_ip_id;
	uint8_t *frame; /* DRILL_FRAME_MAX bytes to build in */
	struct drill_code_env code;
};

/* run.c */
/* Notes a failure at `line`, unless there is one already; returns false. */
bool drill_run_fail(struct drill_run *run, uint32_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool drill_run_refuse(struct drill_run *run, uint32_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);
int64_t drill_now_us(const struct drill_run *run);
/* Lets the engine do what is due up to then. */
bool drill_run_until(struct drill_run *run, int64_t us);
/* Time of the engine's next deadline; INT64_MAX: none. */
int64_t drill_next_us(const struct drill_run *run);
/* Within tolerance? Fails the run when not. */
bool drill_check_time(struct drill_run *run, const struct drill_event *ev, int64_t seen_us,
		      const char *what);

/* run_packet.c */
bool drill_run_packet(struct drill_run *run, const struct drill_event *ev);
struct drill_flow *drill_flow_new(struct drill_run *run, enum drill_proto proto, uint16_t lport,
				  uint16_t rport);
bool drill_check_left(struct drill_run *run);

/* call.c */
bool drill_run_call(struct drill_run *run, const struct drill_event *ev);
/* Tries the call that waits again. */
bool drill_call_retry(struct drill_run *run);
struct drill_fd *drill_fd_find(struct drill_run *run, int num);
void drill_fd_free(struct drill_run *run, struct drill_fd *fd);
/* DONE with a result. */
enum drill_call_state drill_done(struct drill_ctx *c, int64_t result);
enum drill_call_state drill_bad(struct drill_ctx *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The n-th argument; NULL: there is none. */
const struct drill_expr *drill_arg(const struct drill_ctx *c, unsigned n);
bool drill_expr_int(struct drill_ctx *c, const struct drill_expr *e, int64_t *ret);
bool drill_arg_int(struct drill_ctx *c, unsigned n, int64_t *ret);
/* The descriptor that the n-th argument names; when it is none, the result is -EBADF and *ret NULL.
 */
bool drill_arg_fd(struct drill_ctx *c, unsigned n, struct drill_fd **ret);
/* {sa_family = AF_INET, sin_port = htons(1), sin_addr = inet_addr("...")}; "..." leaves *ret. */
bool drill_arg_addr(struct drill_ctx *c, const struct drill_expr *e, struct weft_sockaddr *ret);
/* inet_addr("192.0.2.1"), INADDR_ANY. */
bool drill_expr_addr(struct drill_ctx *c, const struct drill_expr *e, struct weft_addr *ret);
/* The item of a struct by name; NULL: none. */
const struct drill_expr *drill_item(const struct drill_expr *e, const char *name);
/* May the call wait? False: it gives EAGAIN, or fails the script. */
enum drill_call_state drill_would_block(struct drill_ctx *c, bool nonblock);

/* A descriptor with the number that the script's result names, or with `num`; it is c->fd. */
enum drill_call_state drill_fd_make(struct drill_ctx *c);
bool drill_fd_make_at(struct drill_ctx *c, int64_t num);
/* Of the family of the socket: IPv4 addresses of an IPv6 socket are mapped ones. */
struct weft_sockaddr drill_addr_of(const struct drill_fd *fd, const struct weft_addr *addr,
				   uint16_t port);
/* A write of `len` bytes of the pattern. */
enum drill_call_state drill_send_pattern(struct drill_ctx *c, struct drill_fd *fd, size_t len);
/* One of its ends is closed. NULL is fine. */
void drill_pipe_close(struct drill_pipe *pipe);

/* call_sock.c, call_data.c, call_file.c, call_opt.c, call_poll.c */
enum drill_call_state drill_sys_open(struct drill_ctx *c);
enum drill_call_state drill_sys_pipe(struct drill_ctx *c);
enum drill_call_state drill_sys_sendfile(struct drill_ctx *c);
enum drill_call_state drill_sys_splice(struct drill_ctx *c);
enum drill_call_state drill_sys_socket(struct drill_ctx *c);
enum drill_call_state drill_sys_bind(struct drill_ctx *c);
enum drill_call_state drill_sys_listen(struct drill_ctx *c);
enum drill_call_state drill_sys_accept(struct drill_ctx *c);
enum drill_call_state drill_sys_connect(struct drill_ctx *c);
enum drill_call_state drill_sys_close(struct drill_ctx *c);
enum drill_call_state drill_sys_shutdown(struct drill_ctx *c);
enum drill_call_state drill_sys_getname(struct drill_ctx *c);
enum drill_call_state drill_sys_read(struct drill_ctx *c);
enum drill_call_state drill_sys_readv(struct drill_ctx *c);
enum drill_call_state drill_sys_recv(struct drill_ctx *c);
enum drill_call_state drill_sys_recvmsg(struct drill_ctx *c);
enum drill_call_state drill_sys_write(struct drill_ctx *c);
enum drill_call_state drill_sys_writev(struct drill_ctx *c);
enum drill_call_state drill_sys_send(struct drill_ctx *c);
enum drill_call_state drill_sys_sendmsg(struct drill_ctx *c);
enum drill_call_state drill_sys_setsockopt(struct drill_ctx *c);
enum drill_call_state drill_sys_getsockopt(struct drill_ctx *c);
enum drill_call_state drill_sys_ioctl(struct drill_ctx *c);
enum drill_call_state drill_sys_fcntl(struct drill_ctx *c);
enum drill_call_state drill_sys_poll(struct drill_ctx *c);
enum drill_call_state drill_sys_epoll_create(struct drill_ctx *c);
enum drill_call_state drill_sys_epoll_ctl(struct drill_ctx *c);
enum drill_call_state drill_sys_epoll_wait(struct drill_ctx *c);
void drill_watch_forget(struct drill_run *run, int fd);

/* control.c: a list of {cmsg_level=..., cmsg_type=..., cmsg_data=...}; `list` may be NULL; `buf`
 * has DRILL_CONTROL_MAX bytes. */
bool drill_control_make(struct drill_ctx *c, const struct drill_expr *list, uint8_t *buf,
			size_t *ret_len);
bool drill_control_check(struct drill_ctx *c, const struct drill_expr *list, const uint8_t *buf,
			 size_t len);

/* command.c */
bool drill_run_command(struct drill_run *run, const char *text, uint32_t line);

/* command_ip.c: `ip OBJECT VERB ...` about the device. False: it is not about that; else *ret_ok.
 */
bool drill_command_ip(struct drill_run *run, uint32_t line, char *const *words, unsigned n,
		      bool *ret_ok);

/* figures.c: names of tcp_info for code. */
bool drill_figures_find(void *arg, const char *name, int64_t *ret);

/* SPDX-License-Identifier: MIT */
/*
 * Any lines as what a client of the control socket sends, to a lab in virtual time: every line that
 * comes back is one JSON message, and every call is answered at most once.
 *
 * Two kinds of lines are for the target itself: "!N" makes the N-th allocation of jansson from here
 * on fail, "~" makes the client stop reading for a while.
 *
 * Between lines a little time passes, so that methods that answer later do so. A node of kind
 * kernel does not exist in virtual time, so nothing here makes a process.
 */
#include "fuzz.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "lab/lab.h"
#include "lab/rpc_priv.h"
#include "lab/runner.h"

enum {
	STEP_NS = 10 * 1000 * 1000, /* between lines */
	END_NS = 200 * 1000 * 1000, /* at the end */
	TURNS_MAX = 20000,          /* of the runner, for one input */
	WAITING_MAX = 6 << 20,
};

static const char lab_text[] = "lab: fuzz\n"
			       "nodes:\n"
			       "  a: { interfaces: { eth0: 10.0.0.1/24 } }\n"
			       "  sw: { kind: switch }\n"
			       "  a-b: { forwarding: true, interfaces: { eth0: 10.0.0.2/24, eth1: "
			       "10.0.1.2/24 } }\n"
			       "  c: { interfaces: { eth0: 10.0.1.3/24 }, routes: [ default via "
			       "10.0.1.2 ], services: [ echo: { port: 7 } ] }\n"
			       "links:\n"
			       "  - a:eth0 -- sw:p1\n"
			       "  - sw:p2 -- a-b:eth0\n"
			       "  - { between: [ a-b:eth1, c:eth0 ], delay: 1ms, loss: 1% }\n";

/* How many allocations until one fails; 0: none does. */
static unsigned int fail_in;
static bool
	has_failed; /* one has: jansson 2.14 then writes a text without a key, and says nothing */

/* jansson 2.14 does not look whether the text buffer of its parser grew, and reads and writes
 * beyond what there is when it did not; it doubles from 16 bytes. So these sizes never fail here.
 */
static bool is_text_buffer(size_t size)
{
	return size > 16 && (size & (size - 1)) == 0;
}

static void *failing_malloc(size_t size)
{
	if (!is_text_buffer(size) && fail_in && !--fail_in) {
		has_failed = true;
		return NULL;
	}
	return malloc(size);
}

struct client {
	struct rpc_peer peer;
	size_t waiting; /* bytes that it has not read */
	unsigned int n_answers;
};

static void client_send(struct rpc_peer *peer, char *line, size_t len, const int *fds, size_t n_fds)
{
	struct client *c = container_of(peer, struct client, peer);
	unsigned int was_fail_in = fail_in;
	json_t *message;

	fail_in = 0;
	message = json_loadb(line, len, 0, NULL);

	assert(line[len - 1] == '\n' && !memchr(line, '\n', len - 1));
	assert(has_failed || json_is_object(message) || json_array_size(message));
	assert(len <= RPC_OUT_MAX);
	c->n_answers += !json_object_get(message, "method");
	c->waiting += len;
	if (c->waiting > WAITING_MAX)
		c->waiting = 0;
	json_decref(message);
	while (n_fds)
		close(fds[--n_fds]);
	free(line);
	fail_in = was_fail_in;
}

static size_t client_waiting(const struct rpc_peer *peer)
{
	return container_of(peer, const struct client, peer)->waiting;
}

static struct lab *lab_make(struct labfile **ret_file)
{
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	struct lab_config cfg = {.is_sim = true};
	char msg[LAB_MSG_MAX];
	struct lab *lab = NULL;
	int err = labfile_parse("fuzz.yaml", NULL, lab_text, strlen(lab_text), ret_file, errs);

	assert(!err);
	err = lab_start(*ret_file, &cfg, &lab, msg);
	assert(!err);
	free(errs);
	return lab;
}

static void time_pass(struct lab *lab, int64_t ns, unsigned int *turns)
{
	int64_t end_ns = runner_now_ns(lab->runner) + ns;

	while (!runner_is_over(lab->runner, end_ns) && (*turns)++ < TURNS_MAX) {
		int err = runner_turn(lab->runner, end_ns);

		assert(!err);
	}
}

static void check_lab(const struct lab *lab)
{
	for (uint32_t i = 0; i < lab->n_links; i++)
		for (int end = 0; end < 2; end++) {
			const struct lab_link *link = lab->links[i];
			const struct lab_node *node = link->nodes[end];
			uint32_t n = 0;

			for (uint32_t k = 0; k < node->n_ifaces; k++)
				n += node->ifaces[k].link == link && node->ifaces[k].end == end;
			assert(n == 1);
		}
}

/* False: the line is for the lab. */
static bool line_is_ours(struct client *c, const char *line, size_t len)
{
	unsigned int n = 0;

	if (!len || (line[0] != '!' && line[0] != '~'))
		return false;
	for (size_t i = 1; i < len && i < 6 && line[i] >= '0' && line[i] <= '9'; i++)
		n = n * 10 + (unsigned int)(line[i] - '0');
	if (line[0] == '!')
		fail_in = n;
	else
		c->waiting = WAITING_MAX;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client c = {.waiting = 0};
	struct labfile *file = NULL;
	struct lab *lab = lab_make(&file);
	const char *p = (const char *)data;
	unsigned int turns = 0;
	int err;

	has_failed = false;
	json_set_alloc_funcs(failing_malloc, free);
	rpc_peer_init(&c.peer, lab);
	c.peer.send = client_send;
	c.peer.waiting = client_waiting;
	while (size) {
		const char *end = memchr(p, '\n', size);
		size_t len = end ? (size_t)(end - p) : size;

		if (!line_is_ours(&c, p, len))
			rpc_peer_line(&c.peer, p, len);
		time_pass(lab, STEP_NS, &turns);
		check_lab(lab);
		p += len + (end != NULL);
		size -= len + (end != NULL);
	}
	fail_in = 0;
	time_pass(lab, END_NS, &turns);
	rpc_peer_fini(&c.peer);
	time_pass(lab, STEP_NS, &turns);
	err = lab_stop(lab);
	assert(!err);
	labfile_free(file);
	return 0;
}

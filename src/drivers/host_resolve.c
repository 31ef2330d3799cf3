/* SPDX-License-Identifier: MIT */
/*
 * Names by the host's resolver. getaddrinfo(3) blocks, so a thread of its own asks, one question
 * after the other, and an eventfd in the loop says that there are answers.
 *
 *	host_resolve()  ->  asked  ->  thread: getaddrinfo()  ->  answered  ->  eventfd: fn()
 *
 * The lists and `is_ending` are shared under the mutex; a question is the thread's from when it is
 * taken off `asked` until it is on `answered`. The thread starts with the first question.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "drivers/host.h"

enum {
	RESOLVE_NAME_MAX = 253,
	RESOLVE_ADDRS_MAX = 16,
	RESOLVE_QUESTIONS_MAX = 256, /* under way at a time */
};

struct weft_resolve {
	struct list link; /* host_resolver.asked or .answered, or none: it is being asked */
	struct host_resolver *resolver;
	weft_resolve_fn *fn; /* NULL: cancelled while asked. The loop's thread alone looks at it */
	void *arg;
	int family;
	int err;
	size_t n;
	struct weft_addr addrs[RESOLVE_ADDRS_MAX];
	char name[RESOLVE_NAME_MAX + 1];
};

struct host_resolver {
	struct loop_watch watch; /* the eventfd */
	struct host_net *net;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct list asked, answered;
	bool is_ending;
	uint32_t n_questions; /* the loop's thread's */
};

static void resolve_put(struct weft_resolve *r, const struct sockaddr *sa)
{
	struct weft_addr *addr = &r->addrs[r->n];

	if (r->n == RESOLVE_ADDRS_MAX)
		return;
	*addr = (struct weft_addr){.family = (uint8_t)sa->sa_family};
	if (sa->sa_family == AF_INET)
		memcpy(addr->bytes, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	else if (sa->sa_family == AF_INET6)
		memcpy(addr->bytes, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
		       16);
	else
		return;
	r->n++;
}

static void resolve_ask(struct weft_resolve *r)
{
	const struct addrinfo hints = {.ai_family = r->family, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	int got = getaddrinfo(r->name, NULL, &hints, &list);

	if (got) {
		r->err = got == EAI_AGAIN ? -EAGAIN : got == EAI_MEMORY ? -ENOMEM : -ENOENT;
		return;
	}
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
		resolve_put(r, ai->ai_addr);
	r->err = r->n ? 0 : -ENOENT;
	freeaddrinfo(list);
}

static void *resolver_main(void *arg)
{
	struct host_resolver *res = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&res->lock);
	while (!res->is_ending) {
		struct list *link = list_first(&res->asked);
		struct weft_resolve *r;

		if (!link) {
			pthread_cond_wait(&res->cond, &res->lock);
			continue;
		}
		list_del(link);
		pthread_mutex_unlock(&res->lock);
		r = container_of(link, struct weft_resolve, link);
		resolve_ask(r);
		pthread_mutex_lock(&res->lock);
		list_add_tail(&res->answered, link);
		/* The counter cannot overflow: there are at most as many as questions. */
		(void)!write(res->watch.fd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&res->lock);
	return NULL;
}

static struct list *resolver_pop(struct host_resolver *res, struct list *from)
{
	struct list *link;

	pthread_mutex_lock(&res->lock);
	link = list_pop(from);
	pthread_mutex_unlock(&res->lock);
	return link;
}

static void resolver_ready(struct loop_watch *watch, uint32_t events)
{
	struct host_resolver *res = container_of(watch, struct host_resolver, watch);
	uint64_t count;
	struct list *link;

	(void)events;
	(void)!read(watch->fd, &count, sizeof(count));
	/* A callback may ask anew, but not end the network. */
	while ((link = resolver_pop(res, &res->answered))) {
		struct weft_resolve *r = container_of(link, struct weft_resolve, link);

		res->n_questions--;
		if (r->fn)
			r->fn(r->arg, r->err, r->addrs, r->n);
		free(r);
	}
}

/* The thread takes no signals: they are the application's. */
static int resolver_thread_start(struct host_resolver *res)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&res->thread, NULL, resolver_main, res);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

static int resolver_new(struct host_net *net)
{
	struct host_resolver *res = calloc(1, sizeof(*res));
	int err;

	if (!res)
		return -ENOMEM;
	res->net = net;
	list_init(&res->asked);
	list_init(&res->answered);
	list_init(&res->watch.link);
	pthread_mutex_init(&res->lock, NULL);
	pthread_cond_init(&res->cond, NULL);
	res->watch.fn = resolver_ready;
	res->watch.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (res->watch.fd < 0) {
		err = -errno;
		free(res);
		return err;
	}
	err = loop_watch_add(net->loop, &res->watch, EPOLLIN);
	if (!err) {
		err = resolver_thread_start(res);
		if (err)
			loop_watch_del(net->loop, &res->watch);
	}
	if (err) {
		close(res->watch.fd);
		free(res);
		return err;
	}
	net->resolver = res;
	return 0;
}

static void resolver_free_all(struct list *from)
{
	struct weft_resolve *r;

	list_for_each_safe (r, from, link)
		free(r);
}

void host_resolver_free(struct host_net *net)
{
	struct host_resolver *res = net->resolver;

	if (!res)
		return;
	pthread_mutex_lock(&res->lock);
	res->is_ending = true;
	pthread_cond_signal(&res->cond);
	pthread_mutex_unlock(&res->lock);
	pthread_join(res->thread, NULL);
	loop_watch_del(net->loop, &res->watch);
	close(res->watch.fd);
	resolver_free_all(&res->asked);
	resolver_free_all(&res->answered);
	pthread_mutex_destroy(&res->lock);
	pthread_cond_destroy(&res->cond);
	free(res);
	net->resolver = NULL;
}

int host_resolve(const struct weft_net *handle, const char *name, int family, weft_resolve_fn *fn,
		 void *arg, struct weft_resolve **ret)
{
	struct host_net *net = handle->ctx;
	size_t len = strlen(name);
	struct weft_resolve *r;
	int err = 0;

	if (len == 0 || len > RESOLVE_NAME_MAX)
		return -EINVAL;
	if (!net->resolver)
		err = resolver_new(net);
	if (err)
		return err;
	if (net->resolver->n_questions >= RESOLVE_QUESTIONS_MAX)
		return -EAGAIN;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->resolver = net->resolver;
	r->fn = fn;
	r->arg = arg;
	r->family = family;
	memcpy(r->name, name, len);
	r->resolver->n_questions++;
	pthread_mutex_lock(&r->resolver->lock);
	list_add_tail(&r->resolver->asked, &r->link);
	pthread_cond_signal(&r->resolver->cond);
	pthread_mutex_unlock(&r->resolver->lock);
	*ret = r;
	return 0;
}

/* One that waits for its turn, or for its answer to be told, is forgotten; what is being asked
 * comes back, and is freed then. */
void host_resolve_cancel(struct weft_resolve *r)
{
	struct host_resolver *res;
	bool is_asked_now;

	if (!r)
		return;
	res = r->resolver;
	pthread_mutex_lock(&res->lock);
	is_asked_now = !list_is_linked(&r->link);
	list_del(&r->link);
	pthread_mutex_unlock(&res->lock);
	r->fn = NULL;
	if (is_asked_now)
		return;
	res->n_questions--;
	free(r);
}

/* SPDX-License-Identifier: MIT */
/*
 * The disk's thread. Both queues are lists under one lock, held for a few instructions; that is
 * fast enough for what waits for a disk, and needs no bound of its own.
 */
#include "net/http/http_disk.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job_queue {
	struct http_job *first, **last_next;
};

struct http_disk {
	http_watch_fn *watch;
	void *watch_ctx;
	int event_fd;
	bool has_thread; /* the engine's thread alone reads and writes this, */
	uint32_t n_jobs; /* and this */
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t more;  /* there is a job to do, or `stop` */
	struct job_queue to_do, done;
	bool stop;
};

static void queue_init(struct job_queue *q)
{
	q->first = NULL;
	q->last_next = &q->first;
}

static void queue_add(struct job_queue *q, struct http_job *job)
{
	job->next = NULL;
	*q->last_next = job;
	q->last_next = &job->next;
}

static struct http_job *queue_take(struct job_queue *q)
{
	struct http_job *job = q->first;

	if (job) {
		q->first = job->next;
		if (!q->first)
			q->last_next = &q->first;
	}
	return job;
}

static struct http_job *wait_for_job(struct http_disk *disk)
{
	struct http_job *job;

	pthread_mutex_lock(&disk->lock);
	while (!(job = queue_take(&disk->to_do)) && !disk->stop)
		pthread_cond_wait(&disk->more, &disk->lock);
	pthread_mutex_unlock(&disk->lock);
	return job;
}

static void *disk_main(void *arg)
{
	static const uint64_t one = 1;
	struct http_disk *disk = arg;
	struct http_job *job;

	while ((job = wait_for_job(disk))) {
		bool was_empty;

		job->run(job);
		pthread_mutex_lock(&disk->lock);
		was_empty = !disk->done.first;
		queue_add(&disk->done, job);
		pthread_mutex_unlock(&disk->lock);
		if (was_empty)
			(void)!write(disk->event_fd, &one, sizeof(one));
	}
	return NULL;
}

static void finish_done_jobs(struct http_disk *disk)
{
	struct http_job *job, *next;

	pthread_mutex_lock(&disk->lock);
	job = disk->done.first;
	queue_init(&disk->done);
	pthread_mutex_unlock(&disk->lock);
	for (; job; job = next) {
		next = job->next;
		disk->n_jobs--;
		job->is_done = true;
		job->done(job);
	}
}

static void disk_ready(void *arg, int fd, uint32_t events)
{
	uint64_t n;

	(void)events;
	(void)!read(fd, &n, sizeof(n));
	finish_done_jobs(arg);
}

/* The thread takes no signals: they belong to the program. */
static int thread_start(struct http_disk *disk)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&disk->thread, NULL, disk_main, disk);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	disk->has_thread = !err;
	return err;
}

static int loop_join(struct http_disk *disk)
{
	int err;

	disk->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (disk->event_fd < 0)
		return -errno;
	err = disk->watch(disk->watch_ctx, disk->event_fd, disk_ready, disk);
	if (err) {
		close(disk->event_fd);
		disk->event_fd = -1;
		return err;
	}
	return thread_start(disk);
}

int http_disk_new(http_watch_fn *watch, void *watch_ctx, struct http_disk **ret)
{
	struct http_disk *disk = calloc(1, sizeof(*disk));
	int err;

	if (!disk)
		return -ENOMEM;
	disk->watch = watch;
	disk->watch_ctx = watch_ctx;
	disk->event_fd = -1;
	pthread_mutex_init(&disk->lock, NULL);
	pthread_cond_init(&disk->more, NULL);
	queue_init(&disk->to_do);
	queue_init(&disk->done);
	err = watch ? loop_join(disk) : 0;
	if (err) {
		http_disk_free(disk);
		return err;
	}
	*ret = disk;
	return 0;
}

void http_disk_submit(struct http_disk *disk, struct http_job *job)
{
	job->is_done = false;
	if (!disk->has_thread) {
		job->run(job);
		job->is_done = true;
		return;
	}
	disk->n_jobs++;
	pthread_mutex_lock(&disk->lock);
	queue_add(&disk->to_do, job);
	pthread_cond_signal(&disk->more);
	pthread_mutex_unlock(&disk->lock);
}

uint32_t http_disk_n_jobs(const struct http_disk *disk)
{
	return disk->n_jobs;
}

void http_disk_free(struct http_disk *disk)
{
	if (!disk)
		return;
	if (disk->has_thread) {
		pthread_mutex_lock(&disk->lock);
		disk->stop = true;
		pthread_cond_signal(&disk->more);
		pthread_mutex_unlock(&disk->lock);
		pthread_join(disk->thread, NULL);
		disk->has_thread = false;
	}
	if (disk->event_fd >= 0) {
		(void)disk->watch(disk->watch_ctx, disk->event_fd, NULL, NULL);
		close(disk->event_fd);
	}
	finish_done_jobs(disk);
	pthread_cond_destroy(&disk->more);
	pthread_mutex_destroy(&disk->lock);
	free(disk);
}

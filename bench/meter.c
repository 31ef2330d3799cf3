/* SPDX-License-Identifier: MIT */
/* Workers as processes, and what they did between two moments. */
#include "meter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	WORKERS_MAX = 8,
	SOFTIRQ_MAX = 256, /* kernel threads ksoftirqd/N */
	NS_PER_S = 1000000000,
	WARMUP_MS = 300,
	READY_MS = 120000, /* a worker that is not ready by then is stuck */
	STOP_MS = 5000,    /* a worker that has not ended by then is killed */
};

/* Everything that is read at both ends of the window. */
struct sample {
	int64_t at_ns;
	uint64_t n_bytes, n_ops;
	int64_t cpu_ns[WORKERS_MAX];
	int64_t softirq_ns;
};

struct meter {
	const struct worker *workers;
	size_t n_workers;
	struct gauge *gauge;
	pid_t pids[WORKERS_MAX]; /* 0: ended */
	clockid_t softirq_clocks[SOFTIRQ_MAX];
	size_t n_softirqs;
};

void die(const char *what, int err)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(-err));
	exit(1);
}

void must(int err, const char *what)
{
	if (err < 0)
		die(what, err);
}

int must_sys(int ret, const char *what)
{
	if (ret < 0)
		die(what, -errno);
	return ret;
}

long meter_number(const char *text, long min, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < min || n > max) {
		fprintf(stderr, "%s: %s: not a number from %ld to %ld\n",
			program_invocation_short_name, text, min, max);
		exit(2);
	}
	return n;
}

double meter_seconds(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds > 0 && seconds <= 3600)) {
		fprintf(stderr, "%s: %s: not a number of seconds\n", program_invocation_short_name,
			text);
		exit(2);
	}
	return seconds;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts = {0};

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void sleep_ms(int64_t ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* A veth hands frames to a softirq, which mostly runs within the sender's system call and so on its
 * account; what is put off to ksoftirqd is on nobody's unless it is added. */
static void softirqs_find(struct meter *m)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc)) && m->n_softirqs < SOFTIRQ_MAX) {
		char path[300], name[16] = "";
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		int fd;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (pid <= 0 || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
			continue;
		if (read(fd, name, sizeof(name) - 1) > 0 && !strncmp(name, "ksoftirqd/", 10) &&
		    clock_getcpuclockid(pid, &m->softirq_clocks[m->n_softirqs]) == 0)
			m->n_softirqs++;
		close(fd);
	}
	if (proc)
		closedir(proc);
}

void netns_enter(const char *path)
{
	int fd = must_sys(open(path, O_RDONLY | O_CLOEXEC), path);

	must_sys(setns(fd, CLONE_NEWNET), path);
	close(fd);
}

/* Never returns: the worker's whole life. */
static _Noreturn void worker_live(const struct worker *w, struct gauge *g, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		exit(1);
	if (w->netns)
		netns_enter(w->netns);
	w->fn(g, w->arg);
	exit(0);
}

/* Exits if one has ended: it has said why. */
static void workers_check(struct meter *m)
{
	for (size_t i = 0; i < m->n_workers; i++) {
		if (!m->workers[i].fn || !m->pids[i] || waitpid(m->pids[i], NULL, WNOHANG) == 0)
			continue;
		fprintf(stderr, "%s: %s ended early\n", program_invocation_short_name,
			m->workers[i].name);
		exit(1);
	}
}

static void worker_start(struct meter *m, size_t i)
{
	pid_t self = getpid();
	pid_t pid;

	if (!m->workers[i].fn) {
		m->pids[i] = m->workers[i].pid;
		gauge_ready(m->gauge);
		return;
	}
	pid = must_sys(fork(), "fork");
	if (!pid)
		worker_live(&m->workers[i], m->gauge, self);
	m->pids[i] = pid;
	for (int ms = 0; atomic_load(&m->gauge->n_ready) <= i; ms++) {
		workers_check(m);
		if (ms == READY_MS)
			die(m->workers[i].name, -ETIMEDOUT);
		sleep_ms(1);
	}
}

/* Workers that count things ask for the stop; those that wait in the kernel are killed. A worker
 * that ends badly (a sanitizer's finding, a leak) fails the run. */
static void workers_stop(struct meter *m)
{
	size_t n_left = 0;

	for (size_t i = 0; i < m->n_workers; i++) {
		if (m->workers[i].fn)
			n_left++;
		else
			m->pids[i] = 0;
	}
	atomic_store(&m->gauge->is_stopping, true);
	for (int ms = 0; n_left; ms++) {
		for (size_t i = 0; i < m->n_workers; i++) {
			int status;

			if (m->pids[i] && waitpid(m->pids[i], &status, WNOHANG) > 0) {
				m->pids[i] = 0;
				n_left--;
				if (WIFEXITED(status) && WEXITSTATUS(status))
					exit(1);
			} else if (m->pids[i] && ms == STOP_MS) {
				kill(m->pids[i], SIGKILL);
			}
		}
		if (n_left)
			sleep_ms(1);
	}
}

static struct sample sample_take(const struct meter *m)
{
	struct sample s = {
		.at_ns = clock_ns(CLOCK_MONOTONIC),
		.n_bytes = atomic_load(&m->gauge->n_bytes),
		.n_ops = atomic_load(&m->gauge->n_ops),
	};

	for (size_t i = 0; i < m->n_workers; i++) {
		clockid_t clock;

		if (clock_getcpuclockid(m->pids[i], &clock) == 0)
			s.cpu_ns[i] = clock_ns(clock);
	}
	for (size_t i = 0; i < m->n_softirqs; i++)
		s.softirq_ns += clock_ns(m->softirq_clocks[i]);
	return s;
}

static double s_of(int64_t ns)
{
	return (double)ns / NS_PER_S;
}

static void report(const struct meter *m, enum unit unit, const struct sample *from,
		   const struct sample *to, const char *note)
{
	const struct gauge *g = m->gauge;
	uint64_t n_bytes = to->n_bytes - from->n_bytes;
	uint64_t n_ops = to->n_ops - from->n_ops;
	double took_s = s_of(to->at_ns - from->at_ns);
	double value =
		unit == UNIT_GBIT_S ? (double)n_bytes * 8 / 1e9 / took_s : (double)n_ops / took_s;
	int64_t softirq_ns = m->n_softirqs ? to->softirq_ns - from->softirq_ns : 0;
	int64_t cpu_ns = softirq_ns;

	if (!n_bytes && !n_ops) {
		fprintf(stderr, "%s: nothing was received\n", program_invocation_short_name);
		exit(1);
	}
	for (size_t i = 0; i < m->n_workers; i++)
		cpu_ns += to->cpu_ns[i] - from->cpu_ns[i];
	printf("{\"value\": %.6g, \"cpu_s\": %.4f, \"bytes\": %llu, \"ops\": %llu, "
	       "\"seconds\": %.4f, ",
	       value, s_of(cpu_ns), (unsigned long long)n_bytes, (unsigned long long)n_ops, took_s);
	if (atomic_load(&g->sent_units))
		printf("\"sent_unit_bytes_mean\": %.0f, \"retrans\": %llu, ",
		       (double)atomic_load(&g->sent_unit_bytes) /
			       (double)atomic_load(&g->sent_units),
		       (unsigned long long)atomic_load(&g->n_retrans));
	if (atomic_load(&g->setup_ns))
		printf("\"setup_s\": %.6f, \"setup_bytes\": %llu, ",
		       s_of((int64_t)atomic_load(&g->setup_ns)),
		       (unsigned long long)atomic_load(&g->setup_bytes));
	printf("%s\"cpu_s_by\": {", note);
	for (size_t i = 0; i < m->n_workers; i++)
		printf("\"%s\": %.4f, ", m->workers[i].name, s_of(to->cpu_ns[i] - from->cpu_ns[i]));
	printf("\"ksoftirqd\": %.4f}}\n", s_of(softirq_ns));
}

void meter_run(const struct worker *workers, size_t n_workers, enum unit unit, double seconds,
	       const char *note)
{
	struct meter m = {.workers = workers, .n_workers = n_workers};
	struct sample from, to;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	m.gauge = mmap(NULL, sizeof(*m.gauge), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (m.gauge == MAP_FAILED)
		die("mmap", -errno);
	/* Only with the kernel's network taking part is there softirq work to account for. */
	for (size_t i = 0; i < n_workers; i++)
		if (workers[i].netns && !m.n_softirqs)
			softirqs_find(&m);
	for (size_t i = 0; i < n_workers; i++)
		worker_start(&m, i);
	sleep_ms(seconds * 1000 < WARMUP_MS ? (int64_t)(seconds * 1000) : WARMUP_MS);
	workers_check(&m);
	from = sample_take(&m);
	sleep_ms((int64_t)(seconds * 1000));
	to = sample_take(&m);
	workers_check(&m);
	workers_stop(&m);
	report(&m, unit, &from, &to, note);
	munmap(m.gauge, sizeof(*m.gauge));
}

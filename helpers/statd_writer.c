/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that write and sync, because a disk can take any time and lockd cannot wait: one for
 * changes, one for the rewriting that goes on beside them.  Each touches nothing but the
 * operation it was given.
 */
#include "statd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct statd_writer {
	struct statd *statd;
	void (*done)(glr__monitor_t *monitor, int result, uint64_t now_ms);
	int done_fd;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	const struct glr__list_write *op; /* NULL: nothing to do */
	int result;
};

static void *writer_thread(void *arg)
{
	struct statd_writer *writer = arg;
	const struct glr__list_write *op;
	const uint64_t one = 1;
	int result;

	for (;;) {
		pthread_mutex_lock(&writer->lock);
		while (!writer->op)
			pthread_cond_wait(&writer->wake, &writer->lock);
		op = writer->op;
		pthread_mutex_unlock(&writer->lock);

		result = op->length ? glr__list_write(op) : 0;

		pthread_mutex_lock(&writer->lock);
		writer->op = NULL;
		writer->result = result;
		pthread_mutex_unlock(&writer->lock);
		while (write(writer->done_fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
	}
	return NULL;
}

static int32_t write_done(int32_t fd, int32_t revents, void *data)
{
	struct statd_writer *writer = data;
	uint64_t count;
	int result;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return 0;
	pthread_mutex_lock(&writer->lock);
	result = writer->result;
	pthread_mutex_unlock(&writer->lock);
	writer->done(writer->statd->monitor, result, glr__now_ms());
	statd_monitor_tick(writer->statd);
	return 0;
}

/* Lives as long as the process: a thread that waits for a dead disk cannot be joined. */
int statd_writer_new(struct statd *statd, void (*done)(glr__monitor_t *monitor, int result, uint64_t now_ms),
		     struct statd_writer **writer)
{
	struct statd_writer *w;
	sigset_t all, before;
	pthread_t thread;
	int rc;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->statd = statd;
	w->done = done;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->done_fd < 0) {
		rc = -errno;
		goto error;
	}
	rc = qb_loop_poll_add(statd->loop, QB_LOOP_HIGH, w->done_fd, POLLIN, w, write_done);
	if (rc)
		goto error;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = -pthread_create(&thread, NULL, writer_thread, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		goto error;
	pthread_detach(thread);
	*writer = w;
	return 0;
error:
	if (w->done_fd >= 0)
		close(w->done_fd);
	free(w);
	return rc;
}

void statd_writer_start(struct statd_writer *writer, const struct glr__list_write *op)
{
	pthread_mutex_lock(&writer->lock);
	writer->op = op;
	pthread_mutex_unlock(&writer->lock);
	pthread_cond_signal(&writer->wake);
}

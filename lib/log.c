/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging through libqb; every line begins with the group it is about.
 *
 * syslog(3) waits for as long as the log's socket is full, and lockd, with every group of the
 * node, would wait for a log that hangs.  Lines go to that socket without waiting; those that it does not
 * take are counted, and the first line it takes again is preceded by their number.
 */
#include "glr_private.h"

#include <errno.h>
#include <paths.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <qb/qblog.h>

#define LINE_MAX_BYTES 2048
#define OUR_FILE "glr" /* of our lines: what libqb says of itself is not for the log */

static struct {
	char program[32];
	char prefix[GLR_GROUP_MAX + 8];
	int32_t target;
	int fd; /* -1: not connected */
	unsigned long lost;
	bool debug;
} to_syslog = {.fd = -1};

static void disconnect(void)
{
	if (to_syslog.fd >= 0)
		close(to_syslog.fd);
	to_syslog.fd = -1;
}

static int connect_syslog(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = _PATH_LOG};

	if (to_syslog.fd >= 0)
		return 0;
	to_syslog.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (to_syslog.fd < 0 || connect(to_syslog.fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return to_syslog.fd < 0 ? -errno : 0;
	disconnect();
	return -ECONNREFUSED;
}

/* As syslog(3) does it: priority, time, who. */
static int send_line(int priority, time_t now, const char *text)
{
	char line[LINE_MAX_BYTES], when[32];
	struct tm tm;
	int length;
	int rc = connect_syslog();

	if (rc)
		return rc;
	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%b %e %T", &tm);
	length = snprintf(line, sizeof(line), "<%d>%s %s[%d]: %s", LOG_DAEMON | priority, when,
			  to_syslog.program, getpid(), text);
	if (length >= (int)sizeof(line))
		length = sizeof(line) - 1;
	if (send(to_syslog.fd, line, (size_t)length, MSG_NOSIGNAL) >= 0)
		return 0;
	rc = -errno;
	if (rc != -EAGAIN)
		disconnect();
	return rc;
}

/* A log that was restarted has another socket. */
static int send_line_or_reconnect(int priority, time_t now, const char *text)
{
	int rc = send_line(priority, now, text);

	return rc && rc != -EAGAIN ? send_line(priority, now, text) : rc;
}

static void write_syslog(int32_t target, struct qb_log_callsite *cs, struct timespec *timestamp,
			 const char *text)
{
	char note[192];
	int rc = 0;

	if (to_syslog.lost) {
		snprintf(note, sizeof(note), "%slines before this one that the log did not take: %lu",
			 to_syslog.prefix, to_syslog.lost);
		rc = send_line_or_reconnect(LOG_WARNING, timestamp->tv_sec, note);
	}
	if (!rc) {
		to_syslog.lost = 0;
		rc = send_line_or_reconnect(cs->priority, timestamp->tv_sec, text);
	}
	to_syslog.lost += rc != 0;
}

void glr__log_init(const char *program, const char *group, bool to_stderr)
{
	snprintf(to_syslog.program, sizeof(to_syslog.program), "%s", program);
	if (group)
		snprintf(to_syslog.prefix, sizeof(to_syslog.prefix), "group=%s ", group);
	/* One from before a fork may be closed by now, and its number somebody else's. */
	to_syslog.fd = -1;

	qb_log_init(program, LOG_DAEMON, LOG_INFO);
	qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_ENABLED, QB_FALSE);
	to_syslog.target = qb_log_custom_open(write_syslog, NULL, NULL, NULL);
	qb_log_filter_ctl(to_syslog.target, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, OUR_FILE, LOG_INFO);
	qb_log_ctl(to_syslog.target, QB_LOG_CONF_ENABLED, QB_TRUE);
	qb_log_format_set(QB_LOG_STDERR, "%b");
	qb_log_filter_ctl(QB_LOG_STDERR, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, OUR_FILE, LOG_NOTICE);
	qb_log_ctl(QB_LOG_STDERR, QB_LOG_CONF_ENABLED, to_stderr ? QB_TRUE : QB_FALSE);
}

void glr__log_fini(void)
{
	qb_log_fini();
	disconnect();
}

void glr__log_debug(void)
{
	to_syslog.debug = true;
	qb_log_filter_ctl(to_syslog.target, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, OUR_FILE, LOG_DEBUG);
	qb_log_filter_ctl(QB_LOG_STDERR, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, OUR_FILE, LOG_DEBUG);
}

void glr__log(int priority, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	/* libqb looks at the clock before it finds that nobody wants the line. */
	if (priority == LOG_DEBUG && !to_syslog.debug)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	qb_log_from_external_source(__func__, OUR_FILE, "%s%s", priority, __LINE__, 0, to_syslog.prefix, line);
}

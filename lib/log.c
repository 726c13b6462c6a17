/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logging through libqb; every line begins with the group it is about. */
#include "glr_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <qb/qblog.h>

static char log_prefix[GLR_GROUP_MAX + 8];

void glr__log_init(const char *program, const char *group, bool to_stderr)
{
	if (group)
		snprintf(log_prefix, sizeof(log_prefix), "group=%s ", group);

	qb_log_init(program, LOG_DAEMON, LOG_INFO);
	qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_ENABLED, QB_TRUE);
	qb_log_format_set(QB_LOG_STDERR, "%b");
	qb_log_filter_ctl(QB_LOG_STDERR, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, "*", LOG_NOTICE);
	qb_log_ctl(QB_LOG_STDERR, QB_LOG_CONF_ENABLED, to_stderr ? QB_TRUE : QB_FALSE);
}

void glr__log_fini(void)
{
	qb_log_fini();
}

void glr__log_debug(void)
{
	qb_log_filter_ctl(QB_LOG_SYSLOG, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, "*", LOG_DEBUG);
	qb_log_filter_ctl(QB_LOG_STDERR, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, "*", LOG_DEBUG);
}

void glr__log(int priority, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	qb_log_from_external_source(__func__, "glr", "%s%s", priority, 0, 0, log_prefix, line);
}

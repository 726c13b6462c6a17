/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * glr-statd: the status monitor of one service group.  It is started by glr-server inside the
 * group's namespaces with every descriptor it needs, becomes unprivileged, and opens
 * nothing by name.
 */
#include "notify_sockets.h"
#include "statd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct options {
	const char *group;
	int list[2], cookies, control, grace, local_state, report;
	int listen[STATD_LISTEN_MAX];
	size_t listen_count;
	int cld[2];
	bool debug;
};

/* ---- options -------------------------------------------------------------------------- */

/* @return how many descriptors the text names, or -EINVAL when one is not open */
static int parse_descriptors(const char *text, int *fds, size_t max)
{
	size_t count = 0;
	char *end;
	long fd;

	while (*text) {
		fd = strtol(text, &end, 10);
		if (end == text || (*end && *end != ',') || count == max || fd < 3 || fd > INT_MAX ||
		    fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
			return -EINVAL;
		fds[count++] = (int)fd;
		text = *end ? end + 1 : end;
	}
	return (int)count;
}

static int parse_one(const char *text, int *fd, bool may_be_none)
{
	if (may_be_none && !strcmp(text, "-1"))
		return 0;
	return parse_descriptors(text, fd, 1) == 1 ? 0 : -EINVAL;
}

static int parse_option(int option, const char *value, struct options *options)
{
	int count;

	switch (option) {
	case 'g':
		options->group = value;
		return strlen(value) < GLR_GROUP_MAX ? 0 : -EINVAL;
	case 'l':
		return parse_descriptors(value, options->list, 2) == 2 ? 0 : -EINVAL;
	case 'c':
		return parse_one(value, &options->cookies, false);
	case 's':
		return parse_one(value, &options->control, false);
	case 'n':
		count = parse_descriptors(value, options->listen, STATD_LISTEN_MAX);
		options->listen_count = count > 0 ? (size_t)count : 0;
		return count < 0 ? count : 0;
	case 'e':
		return parse_one(value, &options->grace, true);
	case 'o':
		return parse_one(value, &options->local_state, true);
	case 'r':
		return parse_one(value, &options->report, false);
	case 'v':
		return parse_descriptors(value, options->cld, 2) == 2 ? 0 : -EINVAL;
	case 'd':
		options->debug = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"group", required_argument, NULL, 'g'},
		{"list", required_argument, NULL, 'l'},
		{"cookies", required_argument, NULL, 'c'},
		{"control", required_argument, NULL, 's'},
		{"listen", required_argument, NULL, 'n'},
		{"grace-fd", required_argument, NULL, 'e'},
		{"local-state-fd", required_argument, NULL, 'o'},
		{"report", required_argument, NULL, 'r'},
		{"cld", required_argument, NULL, 'v'},
		{"debug", no_argument, NULL, 'd'},
		{NULL, 0, NULL, 0},
	};
	int option, index = 0;

	*options = (struct options){.list = {-1, -1},
				    .cookies = -1,
				    .control = -1,
				    .grace = -1,
				    .local_state = -1,
				    .report = -1,
				    .cld = {-1, -1}};
	while ((option = getopt_long(argc, argv, "", known, &index)) != -1) {
		if (option == '?')
			return -EINVAL;
		if (parse_option(option, optarg, options)) {
			fprintf(stderr, "glr-statd: --%s=%s is no good\n", known[index].name, optarg);
			return -EINVAL;
		}
	}
	if (optind != argc || !options->group || options->list[0] < 0 || options->cookies < 0 ||
	    options->control < 0) {
		fprintf(stderr, "usage: glr-statd --group=NAME --list=FD,FD --cookies=FD --control=FD"
				" [--listen=FD[,FD...]] [--grace-fd=FD] [--local-state-fd=FD] [--report=FD] "
				"[--cld=FD,FD] [--debug]\n"
				"It is started by glr-server.\n");
		return -EINVAL;
	}
	return 0;
}

/* ---- what the monitor asks for ---------------------------------------------------------- */

static void op_send(void *arg, uint64_t token, const uint8_t *reply, size_t length)
{
	struct statd *statd = arg;

	statd_listen_reply(statd->listen, token, reply, length);
}

static void op_write(void *arg, const struct glr__list_write *op)
{
	struct statd *statd = arg;

	statd_writer_start(statd->writer, op);
}

static void op_upkeep(void *arg, const struct glr__list_write *op)
{
	struct statd *statd = arg;

	statd_writer_start(statd->upkeep_writer, op);
}

static void op_begun(void *arg, int result)
{
	struct statd *statd = arg;

	statd->beginning = false;
	statd_control_begun(statd->control, result);
}

static void op_downcall(void *arg, const struct glr__cookie *cookie, uint32_t state)
{
	struct statd *statd = arg;

	statd_downcall(statd->downcalls, cookie, state);
}

static void op_seen(void *arg, const char *name)
{
	/* A storm of reclaims must not wait for the system's log. */
	glr_debug("client=%s: monitored", name);
}

/* lockd takes over what SM_MON answers, and the value is one for the whole node. */
static uint32_t op_local_state(void *arg)
{
	const struct statd *statd = arg;
	char text[16];
	ssize_t got;

	/* The kernel gives the whole of it at once. */
	got = statd->local_state_fd < 0 ? -1 : pread(statd->local_state_fd, text, sizeof(text) - 1, 0);
	if (got < 0)
		return 0;
	text[got] = '\0';
	return (uint32_t)strtoul(text, NULL, 10);
}

static void op_v4_done(void *arg, int result)
{
	struct statd *statd = arg;

	statd_cld_done(statd->cld, result);
}

static void monitor_timer_fired(void *arg)
{
	statd_monitor_tick(arg);
}

void statd_monitor_tick(struct statd *statd)
{
	statd_timer_set(&statd->monitor_timer, glr__monitor_tick(statd->monitor, glr__now_ms()));
	if (statd->control)
		statd_control_settled(statd->control);
}

/* ---- beginning and end --------------------------------------------------------------------- */

static int32_t stop(int32_t signal, void *data)
{
	struct statd *statd = data;

	qb_loop_stop(statd->loop);
	return -1;
}

static int open_state(struct statd *statd, const struct options *options)
{
	const struct glr__monitor_ops ops = {
		.send = op_send,
		.write = op_write,
		.upkeep = op_upkeep,
		.downcall = op_downcall,
		.seen = op_seen,
		.local_state = op_local_state,
		.v4_done = op_v4_done,
		.begun = op_begun,
		.arg = statd,
	};
	struct glr_list_facts facts;
	int rc;

	rc = glr_list_open(options->list[0], options->list[1], options->group, &statd->list);
	if (rc) {
		glr_err("client list: %s", strerror(-rc));
		return rc;
	}
	glr_list_get_facts(statd->list, &facts);
	if (facts.condition != GLR_LIST_CLEAN)
		glr_warn("client list: %s, %zu clients", glr_condition_text(facts.condition), facts.clients);
	rc = glr__cookies_open(options->cookies, &statd->cookies);
	if (rc) {
		glr_err("cookies: %s", strerror(-rc));
		return rc;
	}
	return glr__monitor_new(statd->list, statd->cookies, &ops, &statd->monitor);
}

static int start_parts(struct statd *statd, const struct options *options)
{
	int rc;

	statd_timer_init(&statd->monitor_timer, statd->loop, monitor_timer_fired, statd);
	rc = statd_writer_new(statd, glr__monitor_written, &statd->writer);
	if (!rc)
		rc = statd_writer_new(statd, glr__monitor_upkept, &statd->upkeep_writer);
	if (!rc)
		rc = statd_downcalls_new(statd, &statd->downcalls);
	if (!rc)
		rc = statd_listen_new(statd, options->listen, options->listen_count, &statd->listen);
	if (!rc)
		rc = statd_recovery_new(statd, &statd->recovery);
	if (!rc)
		rc = statd_cld_new(statd, options->cld[0], options->cld[1], &statd->cld);
	if (!rc)
		rc = statd_control_new(statd, options->control, &statd->control);
	if (rc)
		return rc;
	if (glr__cookies_frozen(statd->cookies))
		statd_listen_refuse(statd->listen);
	else
		rc = statd_listen_serve(statd->listen);
	statd_recovery_resume(statd->recovery);
	return rc;
}

static int run(struct statd *statd, const struct options *options)
{
	qb_loop_signal_handle term, interrupt;
	int rc;

	statd->group = options->group;
	statd->grace_fd = options->grace;
	statd->local_state_fd = options->local_state;
	statd->report_fd = options->report;
	/* While the group is not open yet: lockd would wait, too. */
	notify_backlog_prepare();
	rc = open_state(statd, options);
	if (rc)
		return rc;
	statd->loop = qb_loop_create();
	if (!statd->loop)
		return -ENOMEM;
	qb_loop_signal_add(statd->loop, QB_LOOP_HIGH, SIGTERM, statd, stop, &term);
	qb_loop_signal_add(statd->loop, QB_LOOP_HIGH, SIGINT, statd, stop, &interrupt);
	rc = start_parts(statd, options);
	if (rc) {
		glr_err("cannot start: %s", strerror(-rc));
		return rc;
	}
	qb_loop_run(statd->loop);
	return 0;
}

/* The loop is not destroyed, nor the list closed: the writer may still be inside a write of theirs. */
static void release(struct statd *statd)
{
	statd_control_free(statd->control);
	statd_cld_free(statd->cld);
	statd_watch_free(statd->watch);
	statd_recovery_free(statd->recovery);
	statd_listen_free(statd->listen);
	statd_downcalls_free(statd->downcalls);
}

int main(int argc, char **argv)
{
	static struct statd statd;
	struct options options;
	int rc;

	if (parse_options(argc, argv, &options))
		return EXIT_FAILURE;
	glr__log_init("glr-statd", options.group, true);
	if (options.debug)
		glr__log_debug();
	srandom((unsigned)time(NULL) ^ (unsigned)getpid());
	rc = statd_drop_privileges(GLR__USER);
	if (rc) {
		glr_err("cannot become user %s: %s", GLR__USER, strerror(-rc));
	} else {
		rc = run(&statd, &options);
		release(&statd);
	}
	glr__log_fini();
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The group's supervisor: starts its daemons, and restarts in place what dies,
 * without touching a lock.
 */
#include "rpcmsg.h"
#include "server_connections.h"
#include "server_daemons.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <qb/qbloop.h>
#include <qb/qbutil.h>

#define WATCH_MS 500
#define MONITOR_ANSWER_MS 2000
#define RESTART_PAUSE_MS 1000 /* for a daemon that did not live longer than that */

struct supervisor {
	struct daemons daemons;
	struct connections connections;
	qb_loop_t *loop;
	bool check_registration;
};

/* ---- inside the supervisor ------------------------------------------------- */

static void respawn(void *arg)
{
	struct supervisor *supervisor = arg;
	struct daemons *daemons = &supervisor->daemons;

	for (int kind = 0; kind < DAEMON_KINDS; kind++) {
		bool early = glr__now_ms() - daemons->started_ms[kind] < RESTART_PAUSE_MS;

		if (daemons->pids[kind] > 0 || (kind == DAEMON_RPCBIND && daemons->quiet))
			continue;
		if (early || daemons_spawn(daemons, kind) < 0)
			qb_loop_timer_add(supervisor->loop, QB_LOOP_MED,
					  RESTART_PAUSE_MS * QB_TIME_NS_IN_MSEC, supervisor, respawn, NULL);
		else
			glr_notice("%s was restarted in place", daemons_name(kind));
	}
}

static int32_t on_child(int32_t signal, void *arg)
{
	struct supervisor *supervisor = arg;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		enum daemon_kind kind = daemons_find(&supervisor->daemons, pid);

		if (connections_written(&supervisor->connections, pid, status) || kind == DAEMON_KINDS)
			continue;
		supervisor->daemons.pids[kind] = 0;
		if (kind == DAEMON_RPCBIND && supervisor->daemons.quiet)
			continue;
		supervisor->check_registration |= kind == DAEMON_RPCBIND;
		if (WIFSIGNALED(status))
			glr_err("%s was killed by signal %d", daemons_name(kind), WTERMSIG(status));
		else
			glr_err("%s ended with status %d", daemons_name(kind), WEXITSTATUS(status));
	}
	respawn(supervisor);
	return 0;
}

static int32_t on_end(int32_t signal, void *arg)
{
	struct supervisor *supervisor = arg;

	qb_loop_stop(supervisor->loop);
	return -1;
}

static int32_t on_quiesce(int32_t signal, void *arg)
{
	struct supervisor *supervisor = arg;

	connections_end(&supervisor->connections);
	daemons_quiesce(&supervisor->daemons);
	return 0;
}

static int32_t on_opened(int32_t signal, void *arg)
{
	struct supervisor *supervisor = arg;

	connections_begin(&supervisor->connections, supervisor->loop);
	return 0;
}

static int32_t on_pipe(int32_t fd, int32_t revents, void *arg)
{
	struct supervisor *supervisor = arg;
	char events[1024];

	if (read(fd, events, sizeof(events)) > 0)
		daemons_cld_hand_over(&supervisor->daemons);
	return 0;
}

static void watch(void *arg)
{
	struct supervisor *supervisor = arg;
	struct daemons *daemons = &supervisor->daemons;

	daemons_watch_monitor(daemons);
	daemons_watch_rpc(daemons, DAEMON_RPCBIND);
	daemons_watch_rpc(daemons, DAEMON_MOUNTD);
	if (supervisor->check_registration && daemons_rpcbind_answers()) {
		supervisor->check_registration = false;
		if (!daemons_registered(GLR__NSM_PROG) && daemons_register_nsm(daemons) == 0)
			glr_warn("rpcbind had forgotten the status monitor: registered it anew");
	}
	qb_loop_timer_add(supervisor->loop, QB_LOOP_MED, WATCH_MS * QB_TIME_NS_IN_MSEC, supervisor, watch,
			  NULL);
}

static int supervise(struct supervisor *supervisor)
{
	qb_loop_signal_handle handle;

	supervisor->loop = qb_loop_create();
	if (!supervisor->loop)
		return -ENOMEM;
	qb_loop_signal_add(supervisor->loop, QB_LOOP_HIGH, SIGCHLD, supervisor, on_child, &handle);
	qb_loop_signal_add(supervisor->loop, QB_LOOP_HIGH, SIGTERM, supervisor, on_end, &handle);
	qb_loop_signal_add(supervisor->loop, QB_LOOP_HIGH, SIGUSR1, supervisor, on_quiesce, &handle);
	qb_loop_signal_add(supervisor->loop, QB_LOOP_HIGH, SIGURG, supervisor, on_opened, &handle);
	qb_loop_poll_add(supervisor->loop, QB_LOOP_HIGH, supervisor->daemons.pipe_watch, POLLIN, supervisor,
			 on_pipe);
	qb_loop_timer_add(supervisor->loop, QB_LOOP_MED, WATCH_MS * QB_TIME_NS_IN_MSEC, supervisor, watch,
			  NULL);
	/* A daemon may have died before the handler stood. */
	on_child(SIGCHLD, supervisor);
	qb_loop_run(supervisor->loop);
	qb_loop_destroy(supervisor->loop);
	return 0;
}

/* @param what is what exportfs itself says, when it fails */
static int read_exports(const struct server *server, const char **what)
{
	static const char *const exportfs[] = {"exportfs", "-ra", NULL};
	static char error[256];
	int result = server_run(server, exportfs, NULL, error);

	*what = error;
	return result > 0 ? -EINVAL : result;
}

static int bring_up(struct daemons *daemons, const char **what)
{
	const struct server *server = daemons->server;
	struct glr_status status;
	int result;

	*what = "the status monitor's sockets";
	result = daemons_listen(daemons);
	*what = "rpc_pipefs";
	if (result == 0)
		result = daemons_cld_watch(daemons);
	for (int kind = DAEMON_RPCBIND; kind <= DAEMON_STATD && result == 0; kind++) {
		*what = daemons_name(kind);
		result = daemons_spawn(daemons, kind);
	}
	if (result < 0)
		return result;
	*what = "rpcbind";
	while (!daemons_rpcbind_answers())
		if (!server_wait(server))
			return -ETIMEDOUT;
	*what = daemons_name(DAEMON_MOUNTD);
	result = daemons_spawn(daemons, DAEMON_MOUNTD);
	*what = "registering the status monitor with rpcbind";
	if (result == 0)
		result = daemons_register_nsm(daemons);
	if (result == 0)
		result = read_exports(server, what);
	if (result < 0)
		return result;
	*what = "rpc.mountd";
	while (!daemons_registered(MOUNTD_PROG))
		if (!server_wait(server))
			return -ETIMEDOUT;
	*what = "keeping rpcbind's registrations";
	result = daemons_keep_registrations();
	if (result < 0)
		return result;
	*what = "glr-statd";
	while (glr_status_get(server->group, MONITOR_ANSWER_MS, &status) < 0)
		if (!server_wait(server))
			return -ETIMEDOUT;
	return 0;
}

/* Nobody would watch over them. */
static void end_daemons(const struct daemons *daemons)
{
	for (int kind = 0; kind < DAEMON_KINDS; kind++) {
		if (daemons->pids[kind] <= 0)
			continue;
		kill(daemons->pids[kind], SIGKILL);
		waitpid(daemons->pids[kind], NULL, 0);
	}
}

/* Held while the supervisor lives; holds its pid. */
static int take_pid_file(const struct server *server)
{
	char path[PATH_MAX];
	int fd = open(server_path(server, "supervisor", path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", getpid()) < 0)
		return -errno;
	return 0;
}

static _Noreturn void run_supervisor(const struct server *server, int report)
{
	struct supervisor supervisor = {.daemons = {.server = server}};
	const char *what = "its runtime directory";
	char ready[PATH_MAX];
	int null, result;

	setsid();
	/* To load five programs takes long enough to keep, on a node with one processor, the kernel's network
	 * thread waiting, and every group's clients with it: not ahead of others, as the action itself is. */
	setpriority(PRIO_PROCESS, 0, 0);
	server_show_group(server);
	if (chdir("/") < 0)
		_exit(1);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	dup2(report, 3);
	/* Locks of the action that started us must not outlive it. */
	syscall(SYS_close_range, 4, ~0u, 0);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	glr__log_init("glr-server", server->group, false);

	result = take_pid_file(server);
	if (result == 0)
		result = unlink(server_path(server, "ready", ready)) < 0 && errno != ENOENT ? -errno : 0;
	if (result == 0) {
		what = "the state directory";
		result = daemons_open(&supervisor.daemons);
	}
	if (result == 0)
		result = connections_open(&supervisor.connections, server->state_dir);
	if (result == 0) {
		what = "the namespaces";
		result = glr__netns_enter(server->group);
	}
	if (result == 0)
		result = bring_up(&supervisor.daemons, &what);
	if (result == 0)
		result = server_replace(server, "ready", "", 0600);
	if (result < 0) {
		end_daemons(&supervisor.daemons);
		dprintf(3, "%s: %s", what, strerror(-result));
	} else {
		/* lockd's only thread waits for the daemons and their threads, and with it every group of the
		 * node: they run like lockd itself, but not before they serve. */
		setpriority(PRIO_PGRP, 0, SERVER_LOCKD_NICE);
		dprintf(3, "ready");
	}
	close(3);
	if (result == 0)
		result = supervise(&supervisor);
	connections_close(&supervisor.connections);
	glr__log_fini();
	_exit(result == 0 ? 0 : 1);
}

/* ---- outside: the actions' side ------------------------------------------------- */

int server_supervisor_start(const struct server *server)
{
	char answer[256] = "";
	ssize_t got;
	int report[2];
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return server_fail(OCF_ERR_GENERIC, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return server_fail(OCF_ERR_GENERIC, "fork: %s", strerror(errno));
	if (pid == 0)
		run_supervisor(server, report[1]);
	close(report[1]);
	while ((got = read(report[0], answer, sizeof(answer) - 1)) < 0 && errno == EINTR)
		;
	close(report[0]);
	if (got > 0 && !strcmp(answer, "ready"))
		return OCF_SUCCESS;
	return server_fail(OCF_ERR_GENERIC, "group %s cannot start its daemons: %s", server->group,
			   got > 0 ? answer : "the supervisor died, see the log");
}

pid_t server_supervisor_pid(const struct server *server)
{
	char path[PATH_MAX], text[32];
	pid_t pid = 0;
	int fd = open(server_path(server, "supervisor", path), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && glr__read_text(AT_FDCWD, path, text, sizeof(text)) == 0)
		pid = atoi(text);
	close(fd);
	return pid;
}

int server_supervisor_wait(const struct server *server)
{
	char path[PATH_MAX];

	server_path(server, "ready", path);
	while (access(path, F_OK) < 0) {
		if (server_supervisor_pid(server) == 0)
			return -ECHILD;
		if (!server_wait(server))
			return -ETIMEDOUT;
	}
	return 0;
}

static bool rpcbind_refuses(void)
{
	return !daemons_rpcbind_answers();
}

int server_supervisor_quiesce(const struct server *server)
{
	pid_t pid = server_supervisor_pid(server);

	if (pid > 0 && kill(pid, SIGUSR1) < 0)
		return -errno;
	while (pid > 0 && !rpcbind_refuses())
		if (!server_wait(server))
			return -ETIMEDOUT;
	return 0;
}

void server_supervisor_opened(const struct server *server)
{
	pid_t pid = server_supervisor_pid(server);

	/* A supervisor of an older version, which knows nothing of this, does not mind this signal. */
	if (pid > 0)
		kill(pid, SIGURG);
}

int server_supervisor_stop(const struct server *server)
{
	pid_t pid = server_supervisor_pid(server);

	if (pid > 0)
		kill(pid, SIGTERM);
	while (server_supervisor_pid(server) > 0)
		if (!server_wait(server))
			return -ETIMEDOUT;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting the daemons of a group. */
#include "server_daemons.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Lets a descriptor survive exec.  @param result stays an errno value once it is one  @return fd */
static int inherit(posix_spawn_file_actions_t *actions, int fd, int *result)
{
	if (fd >= 0 && *result == 0)
		*result = posix_spawn_file_actions_adddup2(actions, fd, fd);
	return fd;
}

/* A fork would copy our memory, at the cost of half as much time again.
 * @param actions may be NULL  @return 0 or an errno value */
static int spawn_program(const char *const argv[], const posix_spawn_file_actions_t *actions, pid_t *pid)
{
	posix_spawnattr_t attributes;
	sigset_t none, pipe;
	int result = posix_spawnattr_init(&attributes);

	if (result != 0)
		return result;
	sigemptyset(&none);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &pipe);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	result = posix_spawnp(pid, argv[0], actions, &attributes, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attributes);
	return result;
}

static int spawn_statd(const struct daemons *daemons, pid_t *pid)
{
	const struct statd_fds *fds = &daemons->fds;
	char group[GLR_GROUP_MAX + 16], list[64], cookies[32], control[32],
		listeners[96] = "--listen=", grace[32], state[40], report[32], cld[40];
	const char *const argv[] = {GLR_LIBEXECDIR "/glr-statd",
				    group,
				    list,
				    cookies,
				    control,
				    listeners,
				    grace,
				    state,
				    report,
				    cld,
				    NULL};
	posix_spawn_file_actions_t actions;
	size_t used = strlen(listeners);
	int result = posix_spawn_file_actions_init(&actions);

	if (result != 0)
		return result;
	snprintf(group, sizeof(group), "--group=%s", daemons->server->group);
	snprintf(list, sizeof(list), "--list=%d,%d", inherit(&actions, fds->slots[0], &result),
		 inherit(&actions, fds->slots[1], &result));
	snprintf(cookies, sizeof(cookies), "--cookies=%d", inherit(&actions, fds->cookies, &result));
	snprintf(control, sizeof(control), "--control=%d", inherit(&actions, fds->control, &result));
	snprintf(grace, sizeof(grace), "--grace-fd=%d", inherit(&actions, fds->end_grace, &result));
	snprintf(state, sizeof(state), "--local-state-fd=%d", inherit(&actions, fds->local_state, &result));
	snprintf(report, sizeof(report), "--report=%d", inherit(&actions, fds->report, &result));
	snprintf(cld, sizeof(cld), "--cld=%d,%d", inherit(&actions, fds->handover[1], &result),
		 inherit(&actions, fds->kept, &result));
	for (int i = 0; i < NSM_SOCKETS; i++)
		if (fds->nsm[i] >= 0)
			used += snprintf(listeners + used, sizeof(listeners) - used, "%s%d", i ? "," : "",
					 inherit(&actions, fds->nsm[i], &result));
	if (result == 0)
		result = spawn_program(argv, &actions, pid);
	posix_spawn_file_actions_destroy(&actions);
	return result;
}

static int fork_v4clients(const struct daemons *daemons, pid_t *pid)
{
	*pid = fork();
	if (*pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		daemons_v4clients_run(daemons);
	}
	return *pid < 0 ? errno : 0;
}

static int spawn(const struct daemons *daemons, enum daemon_kind kind, pid_t *pid)
{
	/* -w: begins with the registrations that were kept. */
	static const char *const rpcbind[] = {"rpcbind", "-f", "-w", NULL};
	/* Its usual port, so that what is kept of its registration stays true when it restarts; no NFSv2. */
	static const char *const mountd[] = {"rpc.mountd", "-F", "-N", "2", "-p", SERVER_MOUNTD_PORT, NULL};

	switch (kind) {
	case DAEMON_RPCBIND:
		return spawn_program(rpcbind, NULL, pid);
	case DAEMON_V4CLIENTS:
		return fork_v4clients(daemons, pid);
	case DAEMON_STATD:
		return spawn_statd(daemons, pid);
	case DAEMON_MOUNTD:
		return spawn_program(mountd, NULL, pid);
	case DAEMON_KINDS:
		break;
	}
	return EINVAL;
}

int daemons_spawn(struct daemons *daemons, enum daemon_kind kind)
{
	int result = 0;
	pid_t pid;

	if (kind == DAEMON_STATD && !daemons->quiet && daemons->fds.nsm[0] < 0)
		result = daemons_listen(daemons);
	if (result == 0)
		result = -spawn(daemons, kind, &pid);
	if (result < 0) {
		glr_err("cannot start %s: %s", daemons_name(kind), strerror(-result));
		return result;
	}
	daemons->pids[kind] = pid;
	daemons->started_ms[kind] = glr__now_ms();
	if (kind == DAEMON_STATD)
		daemons_cld_hand_over(daemons);
	return 0;
}

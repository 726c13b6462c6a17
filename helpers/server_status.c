/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status: 7 only when nothing is left.  Asks nothing that takes a lock which a
 * group in trouble could be holding: no file below /proc/fs/nfsd.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#define ANSWER_MS 2000
#define WRITE_PATIENCE_MS 5000 /* with two answers, half of what the metadata gives the action */
#define ASKED_AGAIN_MS 250

static int ping(const struct server *server)
{
	return server_nfsd_ping(ANSWER_MS);
}

static bool has_namespace(const struct server *server)
{
	uint64_t inode;

	for (int kind = 0; kind < GLR__NS_KINDS; kind++)
		if (glr__netns_inode(server->group, kind, &inode) == 0)
			return true;
	return false;
}

/* Whoever stopped it: while it looks after nobody a daemon that dies is not replaced. */
static void continue_supervisor(pid_t pid)
{
	char path[32], text[1024], state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (glr__read_text(AT_FDCWD, path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%*d (glr-server) %c", &state) != 1 || state != 'T')
		return;
	glr_warn("the supervisor was stopped (SIGSTOP), and is continued");
	kill(pid, SIGCONT);
}

/*
 * New clients are refused while a write takes longer than its deadline.  A disk that is only busy is no
 * reason to restart the group, which costs all its clients a grace period.
 */
static int status_with_patience(const struct server *server, struct glr_status *status)
{
	uint64_t until_ms = glr__now_ms() + WRITE_PATIENCE_MS;
	int result;

	while ((result = glr_status_get(server->group, ANSWER_MS, status)) == 0 && !status->durable &&
	       glr__now_ms() < until_ms)
		poll(NULL, 0, ASKED_AGAIN_MS);
	return result;
}

static int status_of_nfsserver(const struct server *server)
{
	struct glr_status status;
	char path[PATH_MAX];
	pid_t pid = 0, supervisor = server_supervisor_pid(server);
	int result;

	if (supervisor == 0) {
		if (server_processes_count(server, &pid) != 0 || has_namespace(server))
			return server_fail(
				OCF_ERR_GENERIC,
				"the supervisor of group %s is gone and left %s behind: stop the group",
				server->group, pid ? "processes" : "namespaces");
		return OCF_NOT_RUNNING;
	}
	continue_supervisor(supervisor);
	if (access(server_path(server, "namespaces", path), F_OK) < 0 || !has_namespace(server))
		return server_fail(OCF_ERR_GENERIC, "group %s has lost its namespaces: stop the group",
				   server->group);
	result = status_with_patience(server, &status);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "the status monitor of group %s does not answer: %s",
				   server->group, strerror(-result));
	if (!status.durable)
		return server_fail(OCF_ERR_GENERIC, "group %s cannot write new clients to its list: %s",
				   server->group, *status.last_error ? status.last_error : "see the log");
	return OCF_SUCCESS;
}

static int status_of_lockrecover(const struct server *server)
{
	struct glr_status status;
	char path[PATH_MAX];
	int result, answers;

	if (!has_namespace(server))
		return OCF_NOT_RUNNING;
	/*
	 * A recovery by hand is closed for a moment: that is no failure.  Held until the process ends, but
	 * shared: whoever watches the status monitor must not take it for an action.
	 */
	flock(server_lock(server, server_path(server, SERVER_ACTION_LOCK, path)), LOCK_SH);
	answers = server_inside(server, ping);
	result = glr_status_get(server->group, ANSWER_MS, &status);
	if (result < 0 || status.phase == GLR_PHASE_PREPARED || status.phase == GLR_PHASE_CLOSED) {
		if (answers == 0)
			return OCF_NOT_RUNNING;
		return server_fail(OCF_ERR_GENERIC,
				   "nfsd of group %s runs, but its recovery does not: stop the group",
				   server->group);
	}
	if (answers != 1)
		return server_fail(OCF_ERR_GENERIC, "nfsd of group %s does not answer: %s", server->group,
				   answers == 0 ? "it is not listening" : strerror(-answers));
	return OCF_SUCCESS;
}

int server_status(struct server *server)
{
	if (!strcmp(server->status_of, "lockrecover"))
		return status_of_lockrecover(server);
	if (!strcmp(server->status_of, "nfsserver"))
		return status_of_nfsserver(server);
	return server_fail(OCF_ERR_CONFIGURED, "--of=%s: nfsserver or lockrecover", server->status_of);
}

/* ---- reload ------------------------------------------------------------------ */

static int read_exports(const struct server *server)
{
	static const char *const exportfs[] = {"exportfs", "-ra", NULL};
	char path[PATH_MAX], error[256] = "";
	int result;

	/* The new file has another inode than the one that is mounted there. */
	if (umount2("/etc/exports", MNT_DETACH) < 0 ||
	    mount(server_path(server, "exports", path), "/etc/exports", "none", MS_BIND, NULL) < 0)
		return -errno;
	result = server_run(server, exportfs, NULL, error);
	if (result > 0)
		glr_err("exportfs: %s", error);
	return result > 0 ? -EINVAL : result;
}

static int write_threads(const struct server *server)
{
	char text[16];

	snprintf(text, sizeof(text), "%u\n", server->threads);
	return glr__write_text(AT_FDCWD, "/proc/fs/nfsd/threads", text);
}

int server_reload(struct server *server)
{
	unsigned grace_s = server->grace_s, lease_s = server->lease_s, threads = server->threads;
	char exports_file[PATH_MAX], nft_file[PATH_MAX];
	int code = OCF_SUCCESS, result = 0;
	bool filtered;

	strcpy(exports_file, server->exports_file);
	strcpy(nft_file, server->nft_file);
	if (server_settings_load(server) < 0)
		return server_fail(OCF_ERR_GENERIC, "group %s was not started on this node", server->group);
	if (!strcmp(server->status_of, "nfsserver")) {
		if (*exports_file)
			strcpy(server->exports_file, exports_file);
		code = server_exports_prepare(server, true);
		if (code == OCF_SUCCESS)
			result = server_inside(server, read_exports);
		filtered = server->nft_file[0] || nft_file[0];
		strcpy(server->nft_file, nft_file);
		if (code == OCF_SUCCESS && result == 0 && filtered)
			code = server_inside(server, server_filter_load);
	} else {
		server->grace_s = grace_s;
		server->lease_s = lease_s;
		server->threads = threads;
		if (server_inside(server, ping) == 1)
			result = server_inside(server, write_threads);
	}
	if (code == OCF_SUCCESS && result == 0)
		result = server_settings_save(server);
	if (code == OCF_SUCCESS && result < 0)
		code = server_fail(OCF_ERR_GENERIC, "group %s cannot reload: %s", server->group,
				   strerror(-result));
	return code;
}

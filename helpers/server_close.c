/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * close and stop.  Each step can be entered again after a crash, and one that
 * does not succeed ends the action: going on could unmount a filesystem in
 * which the kernel still grants locks.
 */
#include "cookies.h"
#include "recovery_report.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_MS 3000
#define PING_MS 2000

static const char unlock_file[] = "/proc/fs/nfsd/unlock_filesystem";

/* The kernel takes one word and a newline: what would end the word is written in octal. */
static int unlock_path(const char *path, void *arg)
{
	bool *serving = arg;
	char word[4 * PATH_MAX];
	size_t used = 0;
	int result;

	for (const char *at = path; *at && used + 5 < sizeof(word); at++)
		used += snprintf(word + used, sizeof(word) - used, strchr(" \t\n\\", *at) ? "\\%03o" : "%c",
				 (unsigned char)*at);
	strcpy(word + used, "\n");
	result = glr__write_text(AT_FDCWD, unlock_file, word);
	/* The export's directory is gone; or newer kernels without threads have no locks to drop. */
	if (result == -ENOENT || (result == -EINVAL && !*serving))
		return 0;
	if (result < 0)
		glr_err("cannot drop the locks in %s: %s", path, strerror(-result));
	return result;
}

static int unlock_all(const struct server *server, bool serving)
{
	int result = unlock_path(server->directory, &serving);

	return result < 0 ? result : server_exports_foreach(server, unlock_path, &serving);
}

static int no_locks(const char *path, void *arg)
{
	int count = server_locks_count(path);

	if (count == -ENOENT)
		return 0;
	if (count > 0)
		glr_err("%d locks of clients are left in %s", count, path);
	return count > 0 ? -EBUSY : count;
}

/* Nobody answered "freeze", and no status monitor is left. */
static bool monitor_gone;

/* @return 0 or -errno: nfsd's threads end when its questions are answered, by whomever */
static int stop_nfsd(const struct server *server)
{
	pid_t stand_in = monitor_gone ? server_cld_stand_in(server) : 0;
	int result = stand_in < 0 ? stand_in : server_nfsd_stop(server);

	server_cld_relieve(stand_in);
	return result;
}

static int close_inside(const struct server *server)
{
	int result;

	/* The kernel says SM_UNMON for every client, one by one, under a lock that all groups
	 * of the node need: nobody must be there to keep it waiting. */
	result = server_supervisor_quiesce(server);
	if (result < 0)
		return result;
	/* Linux 6.1 keeps NLM locks beyond the threads. */
	result = unlock_all(server, server_nfsd_ping(PING_MS) == 1);
	if (result < 0)
		return result;
	result = stop_nfsd(server);
	if (result < 0)
		return result;
	/* A request that was queued can have been granted in between. */
	result = unlock_all(server, false);
	if (result < 0)
		return result;
	result = no_locks(server->directory, NULL);
	if (result == 0)
		result = server_exports_foreach(server, no_locks, NULL);
	return result;
}

/* From here on SM_UNMON changes nothing: a clean stop sends one for every client. */
static int freeze_list(const struct server *server)
{
	char error[256] = "";
	int result = glr__control_ask(server->group, "freeze", ASK_MS, NULL, NULL, error);
	char path[PATH_MAX];
	glr__cookies_t *cookies = NULL;
	int fd;

	if (result == 0)
		return 0;
	glr_warn("the status monitor does not answer (%s): freezing the list without it",
		 *error ? error : strerror(-result));
	/* Its successor, if there is one, finds this; without a listener nothing reaches it. */
	fd = open(server_path(server, "cookies", path), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	result = server_supervisor_stop(server);
	if (result == 0)
		result = server_processes_end(server);
	monitor_gone = true;
	if (result == 0)
		result = glr__cookies_open(fd, &cookies);
	if (result == 0)
		result = glr__cookies_set_frozen(cookies, true);
	glr__cookies_close(cookies);
	close(fd);
	return result;
}

static bool has_namespaces(const struct server *server)
{
	uint64_t inode;

	for (int kind = 0; kind < GLR__NS_KINDS; kind++)
		if (glr__netns_inode(server->group, kind, &inode) < 0)
			return false;
	return true;
}

static int close_group(struct server *server)
{
	int result = server_settings_load(server);

	if (result == -ENOENT || !has_namespaces(server))
		return OCF_SUCCESS;
	/* Before the list is frozen: what nfsd could not have recorded any more must not arrive. */
	if (result == 0)
		result = server_inside(server, server_gate_close);
	if (result == 0)
		result = freeze_list(server);
	if (result == 0)
		result = server_inside(server, close_inside);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot close group %s: %s; see the log", server->group,
				   strerror(-result));
	return OCF_SUCCESS;
}

int server_close(struct server *server)
{
	int code = close_group(server);

	if (code == OCF_SUCCESS)
		glr_notice("closed: no threads, no locks");
	return code;
}

static int remove_runtime_dir(const struct server *server)
{
	static const char *const files[] = {"control",
					    "cookies",
					    "exports",
					    "namespaces",
					    "opened",
					    "ready",
					    "settings",
					    "supervisor",
					    "upcall",
					    "uts",
					    "mnt",
					    RECOVERY_REPORT_FILE,
					    SERVER_ATTRIBUTE_FILE,
					    SERVER_ACTION_LOCK};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (unlink(server_path(server, files[i], path)) < 0 && errno != ENOENT)
			return -errno;
	return rmdir(server_path(server, "", path)) < 0 && errno != ENOENT ? -errno : 0;
}

int server_stop(struct server *server)
{
	pid_t pid = 0;
	int code = close_group(server);
	int result;

	if (code != OCF_SUCCESS)
		return code;
	result = server_supervisor_stop(server);
	if (result == 0)
		result = server_processes_end(server);
	if (result < 0) {
		server_processes_count(server, &pid);
		return server_fail(OCF_ERR_GENERIC, "process %d of group %s does not end: %s", pid,
				   server->group, strerror(-result));
	}
	result = server_inside(server, server_link_remove);
	if (result < 0 && result != -ENOENT)
		glr_warn("the link lives as long as the last connection: %s", strerror(-result));
	result = glr__netns_delete(server->group);
	if (result == 0)
		result = remove_runtime_dir(server);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC,
				   "cannot remove what group %s leaves in " GLR__RUNTIME_DIR ": %s",
				   server->group, strerror(-result));
	glr_notice("stopped: nothing of it is left on this node");
	return OCF_SUCCESS;
}

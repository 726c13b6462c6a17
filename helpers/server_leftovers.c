/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes inside the group's namespaces, found by the namespaces they are in:
 * never by name, which would hit other groups.
 */
#include "server.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLITE_MS 2000

struct inodes {
	uint64_t net, mnt;
};

int server_namespaces_remember(const struct server *server)
{
	struct inodes inodes;
	char text[64];
	int result;

	result = glr__netns_inode(server->group, GLR__NS_NET, &inodes.net);
	if (result == 0)
		result = glr__netns_inode(server->group, GLR__NS_MNT, &inodes.mnt);
	if (result < 0)
		return result;
	snprintf(text, sizeof(text), "%ju %ju\n", (uintmax_t)inodes.net, (uintmax_t)inodes.mnt);
	return server_replace(server, "namespaces", text, 0600);
}

static int remembered(const struct server *server, struct inodes *inodes)
{
	char path[PATH_MAX], text[64];
	uintmax_t net, mnt;
	int result = glr__read_text(AT_FDCWD, server_path(server, "namespaces", path), text, sizeof(text));

	if (result < 0)
		return result;
	if (sscanf(text, "%ju %ju", &net, &mnt) != 2)
		return -EBADMSG;
	*inodes = (struct inodes){net, mnt};
	return 0;
}

/* A process whose first thread has ended is in no namespace, but another one may wait for a disk in it. */
static bool in_namespace(const char *pid, const char *kind, uint64_t inode)
{
	struct dirent *entry;
	bool found = false;
	char path[80];
	struct stat st;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%.16s/ns/%s", pid, kind);
	if (stat(path, &st) == 0)
		return st.st_ino == inode;
	snprintf(path, sizeof(path), "/proc/%.16s/task", pid);
	threads = opendir(path);
	while (threads && !found && (entry = readdir(threads))) {
		snprintf(path, sizeof(path), "/proc/%.16s/task/%.16s/ns/%s", pid, entry->d_name, kind);
		found = stat(path, &st) == 0 && st.st_ino == inode;
	}
	if (threads)
		closedir(threads);
	return found;
}

static int foreach_process(const struct server *server, int (*fn)(pid_t pid, void *arg), void *arg)
{
	struct inodes inodes;
	struct dirent *entry;
	DIR *proc;
	int result = remembered(server, &inodes);

	if (result < 0)
		return result == -ENOENT ? 0 : result;
	proc = opendir("/proc");
	if (!proc)
		return -errno;
	while (result == 0 && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (atoi(entry->d_name) != getpid() && (in_namespace(entry->d_name, "net", inodes.net) ||
							in_namespace(entry->d_name, "mnt", inodes.mnt)))
			result = fn(atoi(entry->d_name), arg);
	}
	closedir(proc);
	return result;
}

struct tally {
	int count;
	pid_t last;
	int signal;
};

static int tally_one(pid_t pid, void *arg)
{
	struct tally *tally = arg;

	tally->count++;
	tally->last = pid;
	if (tally->signal)
		kill(pid, tally->signal);
	return 0;
}

int server_processes_count(const struct server *server, pid_t *pid)
{
	struct tally tally = {0};
	int result = foreach_process(server, tally_one, &tally);

	*pid = tally.last;
	return result < 0 ? result : tally.count;
}

int server_processes_end(const struct server *server)
{
	uint64_t began_ms = glr__now_ms();

	for (struct tally tally = {.signal = SIGTERM};; tally.count = 0) {
		int result = foreach_process(server, tally_one, &tally);

		if (result < 0 || tally.count == 0)
			return result;
		if (!server_wait(server))
			return -ETIMEDOUT;
		tally.signal = glr__now_ms() - began_ms < POLITE_MS ? 0 : SIGKILL;
	}
}

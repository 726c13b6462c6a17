/* SPDX-License-Identifier: GPL-2.0-or-later */
/* start: everything that can stand before the group's addresses do; no lock can be asked for yet. */
#include "checks.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool all_addresses(const char *list)
{
	char copy[128], *rest = copy, *one;
	struct glr_address address;

	snprintf(copy, sizeof(copy), "%s", list);
	while ((one = strsep(&rest, ",")))
		if (*one && glr_address_parse(one, &address) < 0)
			return false;
	return true;
}

static int complete_settings(struct server *server)
{
	char reason[CHECKS_REASON_MAX];

	if (check_group_name(server->group, reason, sizeof(reason)) < 0)
		return server_fail(OCF_ERR_CONFIGURED, "%s", reason);
	if (server->directory[0] != '/')
		return server_fail(OCF_ERR_CONFIGURED, "directory='%s' is not an absolute path",
				   server->directory);
	if (server->state_dir[0] == 0 &&
	    snprintf(server->state_dir, sizeof(server->state_dir), "%.4000s/.glr", server->directory) < 0)
		return OCF_ERR_GENERIC;
	if (server->state_dir[0] != '/')
		return server_fail(OCF_ERR_CONFIGURED, "state_dir='%s' is not an absolute path",
				   server->state_dir);
	if (server->exports_file[0] == 0)
		snprintf(server->exports_file, sizeof(server->exports_file), "%.4000s/exports",
			 server->state_dir);
	if (strcmp(server->link, "macvlan") && strcmp(server->link, "ipvlan") &&
	    strcmp(server->link, "veth") && strcmp(server->link, "none") && !server_is_routed(server))
		return server_fail(OCF_ERR_CONFIGURED,
				   "link=%s: choose macvlan, ipvlan, veth, routed or none", server->link);
	if (server_is_routed(server) && server->gateway[0])
		return server_fail(OCF_ERR_CONFIGURED,
				   "gateway=%s: with link=routed the node is the gateway: remove it",
				   server->gateway);
	/* It is quoted for nft. */
	if (server->nft_file[0] && (server->nft_file[0] != '/' || strchr(server->nft_file, '"')))
		return server_fail(OCF_ERR_CONFIGURED, "nft_file='%s' is not an absolute path without quotes",
				   server->nft_file);
	if (!all_addresses(server->gateway))
		return server_fail(OCF_ERR_CONFIGURED,
				   "gateway=%s: give an IP address, or one of each family with a comma",
				   server->gateway);
	if (server_link_needs_nic(server) && server->nic[0] == 0)
		return server_fail(OCF_ERR_CONFIGURED,
				   "nic is missing: name the device (for link=veth the bridge) that group "
				   "%s's link goes over",
				   server->group);
	return OCF_SUCCESS;
}

static bool same_filesystem(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev;
}

/* The parent must be there even when the directory itself will be made. */
static int check_state_place(const struct server *server)
{
	char parent[PATH_MAX], *slash;

	snprintf(parent, sizeof(parent), "%s", server->state_dir);
	slash = strrchr(parent, '/');
	*(slash == parent ? slash + 1 : slash) = 0;
	if (same_filesystem(parent, server->directory))
		return OCF_SUCCESS;
	return server_fail(OCF_ERR_CONFIGURED,
			   "state_dir %s is not on the filesystem of %s: the client list must travel with "
			   "the group's locks",
			   server->state_dir, server->directory);
}

/* What may differ between nodes is 2 or 5, so that Pacemaker tries another node. */
static int check_node(const struct server *server)
{
	char reason[CHECKS_REASON_MAX];

	if (check_mount_point(server->directory, reason, sizeof(reason)) < 0 ||
	    check_mount_shared(server->directory, reason, sizeof(reason)) < 0)
		return server_fail(OCF_ERR_ARGS, "%s", reason);
	if (check_filesystem(server->directory, reason, sizeof(reason)) < 0)
		return server_fail(OCF_ERR_CONFIGURED, "%s", reason);
	if (check_device_names(server->directory, reason, sizeof(reason)) < 0)
		return server_fail(OCF_ERR_ARGS, "%s", reason);
	if (check_user(reason, sizeof(reason)) < 0 || check_nfsd_module(reason, sizeof(reason)) < 0 ||
	    check_nsm_use_hostnames(reason, sizeof(reason)) < 0)
		return server_fail(OCF_ERR_INSTALLED, "%s", reason);
	return OCF_SUCCESS;
}

int server_validate(struct server *server)
{
	int code = complete_settings(server);

	/* Where the group does not run, its filesystem need not be mounted. */
	if (code == OCF_SUCCESS && (server->exports || access(server->exports_file, F_OK) == 0))
		code = server_exports_prepare(server, false);
	return code;
}

static int make_runtime_dirs(const struct server *server)
{
	char path[PATH_MAX];
	int result = glr__netns_prepare_dirs();

	if (result < 0)
		return result;
	if (mkdir(server_path(server, "", path), 0700) < 0 && errno != EEXIST)
		return -errno;
	return server_lock(server, server_path(server, SERVER_ACTION_LOCK, path));
}

/* Two groups that start at once must see each other's fsids. */
static int write_exports(const struct server *server)
{
	int lock = server_lock(server, SERVER_NODE_LOCK);
	int code;

	if (lock < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot lock " SERVER_NODE_LOCK ": %s", strerror(-lock));
	code = server_exports_prepare(server, true);
	close(lock);
	return code;
}

/* Whoever finds the namespaces, after a start that went no further, must be able to ask whether nfsd serves. */
static int furnish(void *server)
{
	int result = server_loopback_up();

	return result == 0 ? server_mounts_setup(server) : result;
}

/* Namespaces that were pinned whole, with their link, are kept; anything less is made anew. */
static int make_namespaces(struct server *server)
{
	char path[PATH_MAX];
	uint64_t inode;
	int result;

	if (glr__netns_inode(server->group, GLR__NS_NET, &inode) == 0 &&
	    glr__netns_inode(server->group, GLR__NS_UTS, &inode) == 0 &&
	    glr__netns_inode(server->group, GLR__NS_MNT, &inode) == 0 &&
	    access(server_path(server, "namespaces", path), F_OK) == 0)
		return OCF_SUCCESS;
	glr__netns_delete(server->group);
	/* What the last lockd handed out means nothing to the next. */
	unlink(server_path(server, "cookies", path));
	unlink(server_path(server, "opened", path));
	result = glr__netns_make(server->group, furnish, server);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot make the namespaces of group %s: %s",
				   server->group, strerror(-result));
	result = strcmp(server->link, "none") ? server_link_make(server) : OCF_SUCCESS;
	if (result == OCF_SUCCESS && server_namespaces_remember(server) < 0)
		result = server_fail(OCF_ERR_GENERIC, "cannot write %s", path);
	return result;
}

/*
 * lockd opens a connection from a privileged port for every client it reports,
 * and the closed ones must not use those ports up: few are remembered.
 */
static int limit_time_wait(void)
{
	return glr__write_text(AT_FDCWD, "/proc/sys/net/ipv4/tcp_max_tw_buckets", "64\n");
}

static int prepare_network(const struct server *server)
{
	int result = limit_time_wait();

	if (result == 0)
		result = server_gate_close(server);
	return result < 0 ? result : server_link_up();
}

static int ping(const struct server *server)
{
	return server_nfsd_ping(2000);
}

/* Daemons without a supervisor are replaced; where nfsd serves, that is a matter for stop. */
static int end_leftovers(const struct server *server)
{
	pid_t pid = 0;
	int serving;

	if (server_processes_count(server, &pid) == 0)
		return OCF_SUCCESS;
	serving = server_inside(server, ping);
	if ((serving != 0 && serving != -ENOENT) || server_processes_end(server) < 0)
		return server_fail(OCF_ERR_GENERIC,
				   "process %d of an earlier run of group %s is left: stop the group first",
				   pid, server->group);
	return OCF_SUCCESS;
}

static int start_locked(struct server *server)
{
	char path[PATH_MAX];
	int code, result;

	/* A start that was cut off may have left a supervisor that goes on. */
	if (server_supervisor_pid(server) > 0 && server_supervisor_wait(server) == 0)
		return OCF_SUCCESS;
	code = end_leftovers(server);
	if (code != OCF_SUCCESS)
		return code;
	code = write_exports(server);
	if (code == OCF_SUCCESS)
		code = server_state_prepare(server);
	if (code != OCF_SUCCESS)
		return code;
	result = server_settings_save(server);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot write %s: %s",
				   server_path(server, "settings", path), strerror(-result));
	code = make_namespaces(server);
	if (code != OCF_SUCCESS)
		return code;
	result = server_inside(server, prepare_network);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot prepare the network of group %s: %s",
				   server->group, strerror(-result));
	if (server->nft_file[0])
		code = server_inside(server, server_filter_load);
	return code == OCF_SUCCESS ? server_supervisor_start(server) : code;
}

int server_start(struct server *server)
{
	int code = complete_settings(server);
	int result;

	if (code == OCF_SUCCESS)
		code = check_node(server);
	if (code == OCF_SUCCESS)
		code = check_state_place(server);
	if (code == OCF_SUCCESS)
		code = server_link_check(server);
	/* Once more with the lock; here, what is refused leaves nothing behind. */
	if (code == OCF_SUCCESS)
		code = server_exports_prepare(server, false);
	if (code != OCF_SUCCESS)
		return code;
	result = make_runtime_dirs(server);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot prepare " GLR__RUNTIME_DIR ": %s",
				   strerror(-result));
	code = start_locked(server);
	if (code == OCF_SUCCESS)
		glr_notice("started: ready for its addresses");
	return code;
}

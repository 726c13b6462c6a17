/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * open: the NSM state advances on disk, nfsd's threads start and grace with
 * them, the gate opens, the clients on the list are told.  In this order a power
 * cut at any point leaves the list as it was, and the next node tells everybody.
 */
#include "cookies.h"
#include "link_addresses.h"
#include "server_daemons.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASK_MS 5000
/* Before lockd's grace ends: time to write down who was missed. */
#define GRACE_MARGIN_MS 2000

/* Filled in inside the namespaces. */
static struct {
	char addresses[1024];
	int address_count;
	uint64_t grace_end_ms;
} opened;

/* A route needs an address first. */
static int find_addresses(const struct server *server)
{
	opened.address_count = link_addresses(opened.addresses, sizeof(opened.addresses));
	if (opened.address_count > 0) {
		int result = server_link_route(server);

		if (result < 0)
			return result;
	}
	return opened.address_count;
}

static int start_threads(const struct server *server)
{
	int result = server_nfsd_start(server, &opened.grace_end_ms);

	if (result == 0 && !server_cld_tracks_clients(server))
		return -ENOTCONN;
	/* Those of nfsd and lockd are new. */
	return result < 0 ? result : daemons_keep_registrations();
}

struct answer {
	uint64_t clients;
	char condition[32];
	bool complete;
};

static int take_begin(const char *packet, void *arg)
{
	struct answer *answer = arg;

	if (glr__control_number(packet, "clients", &answer->clients) < 0 ||
	    glr__control_value(packet, "condition", answer->condition, sizeof(answer->condition)) < 0)
		return -EPROTO;
	answer->complete = true;
	return 1;
}

static bool is_recovering(const struct server *server)
{
	struct glr_status status;

	return glr_status_get(server->group, ASK_MS, &status) == 0 && status.phase == GLR_PHASE_RECOVERING;
}

/* A monitor that dies meanwhile is replaced, and asked again; a recovery that it had begun goes on. */
static int ask(const struct server *server, const char *request, int (*fn)(const char *packet, void *arg),
	       struct answer *answer)
{
	char error[256] = "";
	bool again = false;
	int result;

	while ((result = glr__control_ask(server->group, request, ASK_MS, fn, answer, error)) ==
		       -ECONNREFUSED &&
	       server_wait(server))
		again = true;
	if ((result >= 0 && (!fn || answer->complete)) || (again && is_recovering(server)))
		return OCF_SUCCESS;
	return server_fail(OCF_ERR_GENERIC, "the status monitor of group %s: %.20s: %s", server->group,
			   request, *error ? error : strerror(result < 0 ? -result : EPROTO));
}

/* Durable before lockd begins: the state that clients will be told is new. */
static int begin_epoch(const struct server *server, struct answer *answer)
{
	char path[PATH_MAX], request[32];
	bool fresh = access(server_path(server, "opened", path), F_OK) < 0;
	int code, result;

	snprintf(request, sizeof(request), "begin fresh=%d", fresh);
	code = ask(server, request, take_begin, answer);
	if (code != OCF_SUCCESS)
		return code;
	/* From here on lockd may believe that it has told the monitor about a client. */
	result = server_replace(server, "opened", "", 0600);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "%s: %s", path, strerror(-result));
	return OCF_SUCCESS;
}

static int begin_grace(const struct server *server)
{
	int lock = server_lock(server, SERVER_NODE_LOCK);
	int result = lock;

	if (lock >= 0) {
		result = server_inside(server, start_threads);
		close(lock);
	}
	if (result == -ENOTCONN)
		return server_fail(
			OCF_ERR_GENERIC,
			"nfsd of group %s does not keep its NFSv4 clients with the status monitor: see "
			"the log of glr-statd",
			server->group);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "nfsd of group %s does not start: %s", server->group,
				   strerror(-result));
	return OCF_SUCCESS;
}

static int end_grace_inside(const struct server *server)
{
	return glr__grace_end();
}

/* Nobody holds a lock that could be reclaimed: whoever comes through the gate finds no grace.  nfsd ends its
 * own likewise, when no NFSv4 client is listed. */
static void skip_grace(const struct server *server)
{
	int result = server_inside(server, end_grace_inside);

	if (result < 0)
		glr_warn("cannot end grace early, it will take its time: %s", strerror(-result));
	else
		glr_notice("no NFSv3 client has anything to reclaim: lockd is out of grace at once");
}

/* The monitor serves from here on; an open that is repeated takes that for its end. */
static int tell_nobody(const struct server *server)
{
	return ask(server, "end-grace", NULL, NULL);
}

static int tell_clients(const struct server *server)
{
	char request[GLR__CONTROL_PACKET_MAX];
	uint64_t now_ms = glr__now_ms();
	uint64_t grace_ms = opened.grace_end_ms > now_ms ? opened.grace_end_ms - now_ms : 0;
	uint64_t notify_ms = grace_ms > GRACE_MARGIN_MS ? grace_ms - GRACE_MARGIN_MS : 0;

	snprintf(request, sizeof(request), "recover notify_ms=%ju grace_ms=%ju identifiers=%s names=%s",
		 (uintmax_t)notify_ms, (uintmax_t)grace_ms, opened.addresses, server->server_names);
	return ask(server, request, NULL, NULL);
}

static int open_anew(struct server *server)
{
	struct answer begun = {.complete = false};
	int result = server_inside(server, find_addresses);
	bool nobody;
	int code;

	if (result == -EHOSTUNREACH)
		return server_fail(OCF_ERR_GENERIC,
				   "group %s cannot reach its gateway from its addresses: see the log",
				   server->group);
	if (result == -EADDRNOTAVAIL)
		return server_fail(
			OCF_ERR_CONFIGURED,
			"with link=routed the addresses of group %s need cidr_netmask=32, for IPv6 128",
			server->group);
	if (result <= 0)
		return server_fail(OCF_ERR_GENERIC,
				   "group %s has no address in its namespace%s%s: start an ocf:glr:IPaddr2 "
				   "with group=%s before",
				   server->group, result < 0 ? ": " : "", result < 0 ? strerror(-result) : "",
				   server->group);
	code = server_is_routed(server) ? server_routed_attach(server, opened.addresses) : OCF_SUCCESS;
	if (code == OCF_SUCCESS)
		code = begin_epoch(server, &begun);
	if (code == OCF_SUCCESS)
		code = begin_grace(server);
	if (code != OCF_SUCCESS)
		return code;
	nobody =
		begun.clients == 0 && (!strcmp(begun.condition, "clean") || !strcmp(begun.condition, "torn"));
	if (nobody)
		skip_grace(server);
	result = server_inside(server, server_gate_open);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot open the gate of group %s: %s", server->group,
				   strerror(-result));
	server_supervisor_opened(server);
	return nobody ? tell_nobody(server) : tell_clients(server);
}

static int ping(const struct server *server)
{
	return server_nfsd_ping(2000);
}

/* A monitor that was closed has no listeners any more: daemons are started anew, in the same namespaces. */
static int reopen_daemons(struct server *server)
{
	glr__cookies_t *cookies = NULL;
	char path[PATH_MAX];
	int fd, result;

	if (server_supervisor_stop(server) < 0 || server_processes_end(server) < 0)
		return server_fail(OCF_ERR_GENERIC, "the daemons of group %s do not end", server->group);
	fd = open(server_path(server, "cookies", path), O_RDWR | O_CLOEXEC);
	result = fd < 0 ? -errno : glr__cookies_open(fd, &cookies);
	if (result == 0)
		result = glr__cookies_set_frozen(cookies, false);
	glr__cookies_close(cookies);
	if (fd >= 0)
		close(fd);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "%s: %s", path, strerror(-result));
	return server_supervisor_start(server);
}

int server_open(struct server *server)
{
	unsigned grace_s = server->grace_s, lease_s = server->lease_s, threads = server->threads;
	char server_names[sizeof(server->server_names)];
	struct glr_status status;
	int code = OCF_SUCCESS;
	int result;

	strcpy(server_names, server->server_names);
	if (server_settings_load(server) < 0)
		return server_fail(OCF_ERR_GENERIC,
				   "group %s was not started on this node: start ocf:glr:nfsserver before",
				   server->group);
	server->grace_s = grace_s;
	server->lease_s = lease_s;
	server->threads = threads;
	strcpy(server->server_names, server_names);
	if (grace_s < lease_s)
		return server_fail(
			OCF_ERR_CONFIGURED,
			"grace_s=%u is shorter than lease_s=%u: NFSv4 clients could not reclaim in time",
			grace_s, lease_s);
	result = server_settings_save(server);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot write the settings of group %s: %s",
				   server->group, strerror(-result));
	result = glr_status_get(server->group, ASK_MS, &status);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "the status monitor of group %s does not answer: %s",
				   server->group, strerror(-result));
	result = server_inside(server, ping);
	if (result == 1 && (status.phase == GLR_PHASE_RECOVERING || status.phase == GLR_PHASE_SERVING))
		return OCF_SUCCESS;
	/* Half open: an open that was cut off between its steps. */
	if (result != 0)
		code = server_close(server);
	if (code == OCF_SUCCESS && (result != 0 || status.phase == GLR_PHASE_CLOSED))
		code = reopen_daemons(server);
	if (code == OCF_SUCCESS)
		code = open_anew(server);
	if (code == OCF_SUCCESS)
		glr_notice("open at %s", opened.addresses);
	return code;
}

int server_recover(struct server *server)
{
	int code;

	if (server_settings_load(server) < 0)
		return server_fail(OCF_NOT_RUNNING, "group %s was not started on this node", server->group);
	code = server_close(server);
	return code == OCF_SUCCESS ? server_open(server) : code;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemons of a group need, and what rpcbind knows of them. */
#include "recovery_report.h"
#include "rpcmsg.h"
#include "server_daemons.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <rpc/rpc.h>

#include <rpc/pmap_prot.h> /* needs the one above */

/* Where rpcbind -w looks for registrations when it begins. */
#define RPCBIND_STATE "/run/rpcbind"

static const struct {
	int family, type;
	const char *netid;
} nsm_sockets[NSM_SOCKETS] = {
	{AF_INET, SOCK_STREAM, "tcp"},
	{AF_INET, SOCK_DGRAM, "udp"},
	{AF_INET6, SOCK_STREAM, "tcp6"},
	{AF_INET6, SOCK_DGRAM, "udp6"},
	/* On 127.0.0.1, for lockd alone: who fills its queue is not outside. */
	{AF_INET, SOCK_STREAM, NULL},
};

static const char *const names[DAEMON_KINDS] = {
	[DAEMON_RPCBIND] = "rpcbind",
	[DAEMON_V4CLIENTS] = "glr-v4clients",
	[DAEMON_STATD] = "glr-statd",
	[DAEMON_MOUNTD] = "rpc.mountd",
};

const char *daemons_name(enum daemon_kind kind)
{
	return names[kind];
}

enum daemon_kind daemons_find(const struct daemons *daemons, pid_t pid)
{
	int kind = 0;

	while (kind < DAEMON_KINDS && daemons->pids[kind] != pid)
		kind++;
	return kind;
}

int daemons_open(struct daemons *daemons)
{
	const struct server *server = daemons->server;
	struct statd_fds *fds = &daemons->fds;
	char path[PATH_MAX];

	for (int i = 0; i < 2; i++) {
		if (snprintf(path, sizeof(path), "%s/clients.%d", server->state_dir, i) >= PATH_MAX)
			return -ENAMETOOLONG;
		fds->slots[i] = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fds->slots[i] < 0)
			return -errno;
	}
	fds->cookies = open(server_path(server, "cookies", path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fds->cookies < 0)
		return -errno;
	fds->report =
		open(server_path(server, RECOVERY_REPORT_FILE, path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fds->report < 0)
		return -errno;
	fds->control = glr__control_listen(server->group);
	if (fds->control < 0)
		return fds->control;
	/* Their contents follow the network namespace of whoever reads. */
	fds->end_grace = open("/proc/fs/lockd/nlm_end_grace", O_RDONLY | O_CLOEXEC);
	fds->local_state = open("/proc/sys/fs/nfs/nsm_local_state", O_RDONLY | O_CLOEXEC);
	return daemons_cld_open(daemons);
}

static int nsm_socket(int family, int type, bool loopback)
{
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(SERVER_NSM_PORT)};
	struct sockaddr_in any = {.sin_family = AF_INET,
				  .sin_port = htons(SERVER_NSM_PORT),
				  .sin_addr.s_addr = htonl(loopback ? INADDR_LOOPBACK : INADDR_ANY)};
	const struct sockaddr *address =
		family == AF_INET ? (struct sockaddr *)&any : (struct sockaddr *)&any6;
	int yes = 1, result = 0;
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	/* Of daemons before, connections may be remembered; and one more listens on 127.0.0.1. */
	if (type == SOCK_STREAM && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
				    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) < 0))
		result = -errno;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) < 0)
		result = -errno;
	if (result == 0 && bind(fd, address, family == AF_INET ? sizeof(any) : sizeof(any6)) < 0)
		result = -errno;
	/* Long enough for every lock request that can wait while the monitor is replaced. */
	if (result == 0 && type == SOCK_STREAM && listen(fd, 1024) < 0)
		result = -errno;
	if (result < 0) {
		close(fd);
		return result;
	}
	return fd;
}

int daemons_listen(struct daemons *daemons)
{
	for (int i = 0; i < NSM_SOCKETS; i++) {
		int fd = nsm_socket(nsm_sockets[i].family, nsm_sockets[i].type, !nsm_sockets[i].netid);

		if (fd < 0 && nsm_sockets[i].family == AF_INET)
			return fd;
		daemons->fds.nsm[i] = fd < 0 ? -1 : fd;
	}
	return 0;
}

bool daemons_rpcbind_answers(void)
{
	struct sockaddr_un socket_path = {.sun_family = AF_UNIX, .sun_path = "/run/rpcbind.sock"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers = fd >= 0 && connect(fd, (struct sockaddr *)&socket_path, sizeof(socket_path)) == 0;

	if (fd >= 0)
		close(fd);
	return answers;
}

bool daemons_registered(uint32_t prog)
{
	rpcblist_ptr all, one;
	struct netconfig *local = getnetconfigent("local");
	bool found = false;

	if (!local)
		return false;
	all = rpcb_getmaps(local, "localhost");
	for (one = all; one; one = one->rpcb_next)
		found = found || one->rpcb_map.r_prog == prog;
	if (all)
		xdr_free((xdrproc_t)xdr_rpcblist_ptr, (char *)&all);
	freenetconfigent(local);
	return found;
}

int daemons_register_nsm(const struct daemons *daemons)
{
	int result = 0;

	rpcb_unset(GLR__NSM_PROG, 1, NULL);
	for (int i = 0; i < NSM_SOCKETS && result == 0; i++) {
		struct sockaddr_storage address;
		struct netbuf where = {.maxlen = sizeof(address), .len = sizeof(address), .buf = &address};
		struct netconfig *transport;
		socklen_t length = sizeof(address);

		if (daemons->fds.nsm[i] < 0 || !nsm_sockets[i].netid)
			continue;
		if (getsockname(daemons->fds.nsm[i], (struct sockaddr *)&address, &length) < 0)
			return -errno;
		where.len = length;
		transport = getnetconfigent(nsm_sockets[i].netid);
		if (!transport || !rpcb_set(GLR__NSM_PROG, 1, transport, &where))
			result = -EIO;
		if (transport)
			freenetconfigent(transport);
	}
	return result;
}

static int write_kept(const char *name, xdrproc_t encode, void *list)
{
	char path[64], beside[sizeof(path) + 4];
	struct stat st;
	int result = 0;
	FILE *out;
	XDR xdr;

	snprintf(path, sizeof(path), RPCBIND_STATE "/%s", name);
	snprintf(beside, sizeof(beside), "%s.new", path);
	out = fopen(beside, "we");
	if (!out)
		return -errno;
	xdrstdio_create(&xdr, out, XDR_ENCODE);
	if (!encode(&xdr, list))
		result = -EIO;
	xdr_destroy(&xdr);
	/* rpcbind is not root when it writes the file anew at its own end. */
	if (result == 0 && (stat(RPCBIND_STATE, &st) < 0 || fchown(fileno(out), st.st_uid, st.st_gid) < 0))
		result = -errno;
	if (fclose(out) == EOF && result == 0)
		result = -errno;
	if (result == 0 && rename(beside, path) < 0)
		result = -errno;
	return result;
}

/* The last two numbers of an address such as 0.0.0.0.8.1 are the port (RFC 5665). */
static unsigned port_of(const char *address)
{
	unsigned high, low;

	return sscanf(address, "%*u.%*u.%*u.%*u.%u.%u", &high, &low) == 2 ? high << 8 | low : 0;
}

/* The list of version 2 of rpcbind's protocol: of the same registrations those over IPv4. */
static int keep_for_version_2(rpcblist_ptr all)
{
	struct pmaplist *list = NULL, **end = &list;
	int result = 0;

	for (; all && result == 0; all = all->rpcb_next) {
		const RPCB *map = &all->rpcb_map;
		bool tcp = !strcmp(map->r_netid, "tcp");

		if (!tcp && strcmp(map->r_netid, "udp"))
			continue;
		*end = calloc(1, sizeof(**end));
		if (!*end) {
			result = -ENOMEM;
			break;
		}
		(*end)->pml_map = (struct pmap){map->r_prog, map->r_vers, tcp ? IPPROTO_TCP : IPPROTO_UDP,
						port_of(map->r_addr)};
		end = &(*end)->pml_next;
	}
	if (result == 0)
		result = write_kept("portmap.xdr", (xdrproc_t)xdr_pmaplist, &list);
	while (list) {
		struct pmaplist *next = list->pml_next;

		free(list);
		list = next;
	}
	return result;
}

int daemons_keep_registrations(void)
{
	struct netconfig *local = getnetconfigent("local");
	rpcblist_ptr all;
	int result;

	if (!local)
		return -EIO;
	all = rpcb_getmaps(local, "localhost");
	freenetconfigent(local);
	if (!all)
		return -ECONNREFUSED;
	result = keep_for_version_2(all);
	if (result == 0)
		result = write_kept("rpcbind.xdr", (xdrproc_t)xdr_rpcblist_ptr, &all);
	xdr_free((xdrproc_t)xdr_rpcblist_ptr, (char *)&all);
	return result;
}

void daemons_quiesce(struct daemons *daemons)
{
	daemons->quiet = true;
	for (int i = 0; i < NSM_SOCKETS; i++) {
		if (daemons->fds.nsm[i] >= 0)
			close(daemons->fds.nsm[i]);
		daemons->fds.nsm[i] = -1;
	}
	if (daemons->pids[DAEMON_RPCBIND] > 0)
		kill(daemons->pids[DAEMON_RPCBIND], SIGKILL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's half of the group: nfsd, lockd and their grace.  Called inside the group's namespaces. */
#include "rpcmsg.h"
#include "server.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NFSD "/proc/fs/nfsd/"
#define LOCKD_PARAMETERS "/sys/module/lockd/parameters/"
#define NLM_CONNECTIONS 16384 /* for all groups of the node; the kernel's own limit is 1024 */
#define NFS_PORT 2049

static int write_number(const char *path, unsigned number)
{
	char text[16];
	int result;

	snprintf(text, sizeof(text), "%u\n", number);
	result = glr__write_text(AT_FDCWD, path, text);
	if (result < 0)
		glr_err("cannot write %u to %s: %s", number, path, strerror(-result));
	return result;
}

static unsigned read_number(const char *path)
{
	char text[32];

	return glr__read_text(AT_FDCWD, path, text, sizeof(text)) == 0 ? strtoul(text, NULL, 10) : 0;
}

static bool has_listeners(void)
{
	char text[1024];

	return glr__read_text(AT_FDCWD, NFSD "portlist", text, sizeof(text)) == 0 && *text;
}

/* nfsd tells rpcbind only of sockets that it is handed, not of those that it makes itself. */
static int hand_over_listener(int family)
{
	struct sockaddr_storage any = {.ss_family = family};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int yes = 1, result = 0;
	char text[16];

	if (fd < 0)
		return -errno;
	/* The port is at the same place for both families. */
	((struct sockaddr_in *)&any)->sin_port = htons(NFS_PORT);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if ((family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) < 0) ||
	    bind(fd, (struct sockaddr *)&any,
		 family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) < 0 ||
	    listen(fd, 64) < 0)
		result = -errno;
	snprintf(text, sizeof(text), "%d\n", fd);
	if (result == 0)
		result = glr__write_text(AT_FDCWD, NFSD "portlist", text);
	close(fd);
	return result;
}

static int make_listeners(void)
{
	int result = hand_over_listener(AF_INET);

	if (result == 0 && access("/proc/net/if_inet6", F_OK) == 0)
		result = hand_over_listener(AF_INET6);
	return result;
}

/* @return the kernel's lockd thread, 0 where there is none */
static pid_t find_lockd(void)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (processes && !found && (entry = readdir(processes))) {
		char path[300], text[1024];
		int pid, parent;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		/* Kernel threads are children of process 2. */
		if (isdigit((unsigned char)*entry->d_name) &&
		    glr__read_text(AT_FDCWD, path, text, sizeof(text)) == 0 &&
		    sscanf(text, "%d (lockd) %*c %d", &pid, &parent) == 2 && parent == 2)
			found = pid;
	}
	if (processes)
		closedir(processes);
	return found;
}

/* One thread serves the locks of all groups: the work of one that arrives must not keep it off the processor.
 */
static void prefer_lockd(void)
{
	pid_t lockd = find_lockd();

	if (lockd && getpriority(PRIO_PROCESS, lockd) > SERVER_LOCKD_NICE &&
	    setpriority(PRIO_PROCESS, lockd, SERVER_LOCKD_NICE) < 0)
		glr_warn("cannot give lockd its priority: %s", strerror(errno));
}

/* An administrator's own choice stays. */
static int fix_port(const char *path)
{
	return read_number(path) == 0 ? write_number(path, SERVER_NLM_PORT) : 0;
}

int server_nfsd_start(const struct server *server, uint64_t *grace_end_ms)
{
	unsigned step_s = read_number("/proc/sys/fs/nfs/nlm_timeout");
	uint64_t began_ms;
	int result;

	/* Both are read once, when lockd and nfsd begin in this namespace. */
	result = write_number("/proc/sys/fs/nfs/nlm_grace_period", server->grace_s);
	if (result == 0)
		result = write_number(NFSD "nfsv4leasetime", server->lease_s);
	if (result == 0)
		result = write_number(NFSD "nfsv4gracetime", server->grace_s);
	if (result == 0 && read_number(LOCKD_PARAMETERS "nlm_max_connections") < NLM_CONNECTIONS)
		result = write_number(LOCKD_PARAMETERS "nlm_max_connections", NLM_CONNECTIONS);
	if (result == 0)
		result = fix_port("/proc/sys/fs/nfs/nlm_tcpport");
	if (result == 0)
		result = fix_port("/proc/sys/fs/nfs/nlm_udpport");
	if (result == 0)
		result = glr__write_text(AT_FDCWD, NFSD "versions", "-2 +3 +4 +4.1 +4.2\n");
	if (result == 0 && !has_listeners())
		result = make_listeners();
	if (result < 0) {
		glr_err("cannot prepare nfsd: %s", strerror(-result));
		return result;
	}
	began_ms = glr__now_ms();
	result = write_number(NFSD "threads", server->threads);
	prefer_lockd();
	/* lockd rounds its grace up to a multiple of nlm_timeout; the clock began at or after began_ms. */
	if (step_s == 0)
		step_s = 1;
	*grace_end_ms = began_ms + (server->grace_s + step_s - 1) / step_s * step_s * 1000ull;
	return result;
}

int server_nfsd_stop(const struct server *server)
{
	int result = write_number(NFSD "threads", 0);

	while (result == 0 && server_nfsd_ping(200) != 0)
		if (!server_wait(server))
			result = -ETIMEDOUT;
	return result;
}

static int wait_for(int fd, short events, unsigned timeout_ms)
{
	struct pollfd ready = {.fd = fd, .events = events};
	int count = poll(&ready, 1, timeout_ms);

	if (count < 0)
		return -errno;
	return count == 0 ? -ETIMEDOUT : 0;
}

static int null_call(int fd, unsigned timeout_ms)
{
	uint8_t message[4 + 128], answer[64];
	struct glr__rpc_reply reply;
	ssize_t length = glr__rpc_encode_null_call(1, 100003, 3, message + 4, sizeof(message) - 4);
	uint32_t mark;
	int result;

	if (length < 0)
		return length;
	mark = htonl(0x80000000u | length); /* last fragment, RFC 5531 11 */
	memcpy(message, &mark, 4);
	if (send(fd, message, length + 4, MSG_NOSIGNAL) < 0)
		return -errno;
	result = wait_for(fd, POLLIN, timeout_ms);
	if (result < 0)
		return result;
	length = recv(fd, answer, sizeof(answer), 0);
	if (length <= 4 || glr__rpc_decode_reply(answer + 4, length - 4, &reply) < 0)
		return -EPROTO;
	return 1;
}

int server_nfsd_ping(unsigned timeout_ms)
{
	struct sockaddr_in self = {.sin_family = AF_INET,
				   .sin_port = htons(NFS_PORT),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0, result = 0;
	socklen_t size = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&self, sizeof(self)) < 0 && errno == EINPROGRESS)
		result = wait_for(fd, POLLOUT, timeout_ms);
	else if (errno == ECONNREFUSED)
		error = ECONNREFUSED;
	if (result == 0 && error == 0)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (result == 0 && error == 0)
		result = null_call(fd, timeout_ms);
	else if (result == 0)
		result = error == ECONNREFUSED ? 0 : -error;
	close(fd);
	return result;
}

/* lockd and nfsd take locks in their own name; a thread that has ended left its lock behind. */
static bool taken_by_server(long pid)
{
	char path[64], name[32];

	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	if (glr__read_text(AT_FDCWD, path, name, sizeof(name)) < 0)
		return true;
	return !strncmp(name, "lockd", 5) || !strncmp(name, "nfsd\n", 5);
}

int server_locks_count(const char *path)
{
	FILE *locks;
	char line[256];
	struct stat st;
	int count = 0;

	if (stat(path, &st) < 0)
		return -errno;
	locks = fopen("/proc/locks", "re");
	if (!locks)
		return -errno;
	while (fgets(line, sizeof(line), locks)) {
		unsigned major, minor;
		long pid;

		if (sscanf(line, "%*d: %*s %*s %*s %ld %x:%x:", &pid, &major, &minor) == 3 &&
		    makedev(major, minor) == st.st_dev && taken_by_server(pid))
			count++;
	}
	fclose(locks);
	return count;
}

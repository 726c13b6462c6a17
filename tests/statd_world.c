/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "statd_world.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef STATD
#define STATD "../helpers/glr-statd"
#endif

static struct {
	int slots[2], cookies, control, grace, local_state, report;
	int cld[2];    /* 0: none */
	int listen[5]; /* UDP, TCP, the same for IPv6, and TCP on 127.0.0.1 */
	pid_t pid;
} world;

/* ---- making it ------------------------------------------------------------------------ */

static void put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

/* The user that glr-statd becomes exists in here only, unless it is installed. */
static void add_user(void)
{
	if (getpwnam(GLR__USER))
		return;
	ck_assert_int_eq(system("cp /etc/passwd /run/passwd"), 0);
	FILE *file = fopen("/run/passwd", "a");
	ck_assert_ptr_nonnull(file);
	fprintf(file, GLR__USER ":x:%u:%u::/nonexistent:/usr/sbin/nologin\n", WORLD_UID, WORLD_UID);
	fclose(file);
	ck_assert_int_eq(mount("/run/passwd", "/etc/passwd", "none", MS_BIND, NULL), 0);
}

static void raise_link(const char *name, const char *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq request = {0};
	struct sockaddr_in *sin = (struct sockaddr_in *)&request.ifr_addr;

	strcpy(request.ifr_name, name);
	if (address) {
		sin->sin_family = AF_INET;
		inet_pton(AF_INET, address, &sin->sin_addr);
		ck_assert_int_eq(ioctl(fd, SIOCSIFADDR, &request), 0);
	}
	request.ifr_flags = IFF_UP;
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

/* @param port on 127.0.0.1, 0: any */
static int bound_socket(int family, int type, uint16_t port)
{
	struct sockaddr_storage sa = {.ss_family = (sa_family_t)family};
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (port)
		((struct sockaddr_in *)&sa)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	((struct sockaddr_in *)&sa)->sin_port = htons(port);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 128), 0);
	return fd;
}

void world_open_list(const char *directory, int flags)
{
	char path[64];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/clients.%d", directory, i);
		world.slots[i] = open(path, flags | O_CLOEXEC);
		ck_assert_int_ge(world.slots[i], 0);
	}
}

void world_make_list(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(glr_list_format(fd, WORLD_GROUP, 1 << 20, false), 0);
	close(fd);
	world_open_list(directory, O_RDWR);
}

void world_new_cookies(void)
{
	close(world.cookies);
	world.cookies = open(GLR__RUNTIME_DIR "/cookies", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(world.cookies, 0);
}

void world_thaw_cookies(void)
{
	glr__cookies_t *cookies;

	ck_assert_int_eq(glr__cookies_open(world.cookies, &cookies), 0);
	ck_assert_int_eq(glr__cookies_set_frozen(cookies, false), 0);
	glr__cookies_close(cookies);
}

void world_make(void)
{
	char text[16];

	ck_assert_int_eq(unshare(CLONE_NEWNS | CLONE_NEWNET), 0);
	ck_assert_int_eq(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", "/run", "tmpfs", 0, "mode=755"), 0);
	ck_assert_int_eq(mkdir(GLR__RUNTIME_DIR, 0700), 0);
	ck_assert_int_eq(mkdir(GLR__RUNTIME_DIR "/" WORLD_GROUP, 0700), 0);
	add_user();
	raise_link("lo", NULL);
	raise_link("lo:1", WORLD_STRANGER);
	world.cookies = -1;
	world_new_cookies();
	world.report = open(GLR__RUNTIME_DIR "/" WORLD_GROUP "/recovery", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(world.report, 0);
	world.control = glr__control_listen(WORLD_GROUP);
	snprintf(text, sizeof(text), "%u\n", WORLD_LOCAL_STATE);
	put_file("/run/local_state", text);
	put_file("/run/grace", "N\n");
	world.local_state = open("/run/local_state", O_RDONLY | O_CLOEXEC);
	world.grace = open("/run/grace", O_RDONLY | O_CLOEXEC);
	world.listen[0] = bound_socket(AF_INET, SOCK_DGRAM, 0);
	world.listen[1] = bound_socket(AF_INET, SOCK_STREAM, 0);
	world.listen[2] = bound_socket(AF_INET6, SOCK_DGRAM, 0);
	world.listen[3] = bound_socket(AF_INET6, SOCK_STREAM, 0);
	world.listen[4] = bound_socket(AF_INET, SOCK_STREAM, world_port(true, false));
}

void world_set_grace(bool over)
{
	int fd = open("/run/grace", O_WRONLY);

	ck_assert_int_eq(pwrite(fd, over ? "Y\n" : "N\n", 2, 0), 2);
	close(fd);
}

bool world_wait(const _Atomic unsigned *value, unsigned at_least)
{
	for (int i = 0; i < 100 && *value < at_least; i++)
		poll(NULL, 0, 50);
	return *value >= at_least;
}

uint16_t world_port(bool tcp, bool ipv6)
{
	struct sockaddr_in6 sa = {0};
	socklen_t length = sizeof(sa);

	ck_assert_int_eq(getsockname(world.listen[2 * ipv6 + tcp], (struct sockaddr *)&sa, &length), 0);
	return ntohs(ipv6 ? sa.sin6_port : ((struct sockaddr_in *)&sa)->sin_port);
}

/* ---- the monitor ------------------------------------------------------------------------- */

static int inherited(int fd)
{
	fcntl(fd, F_SETFD, 0);
	return fd;
}

static _Noreturn void become_statd(void)
{
	char list[32], cookies[32], control[32], listen[64], grace[32], state[40], report[32], cld[40];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(list, sizeof(list), "--list=%d,%d", inherited(world.slots[0]), inherited(world.slots[1]));
	snprintf(cookies, sizeof(cookies), "--cookies=%d", inherited(world.cookies));
	snprintf(control, sizeof(control), "--control=%d", inherited(world.control));
	snprintf(listen, sizeof(listen), "--listen=%d,%d,%d,%d,%d", inherited(world.listen[0]),
		 inherited(world.listen[1]), inherited(world.listen[2]), inherited(world.listen[3]),
		 inherited(world.listen[4]));
	snprintf(grace, sizeof(grace), "--grace-fd=%d", inherited(world.grace));
	snprintf(state, sizeof(state), "--local-state-fd=%d", inherited(world.local_state));
	snprintf(report, sizeof(report), "--report=%d", inherited(world.report));
	snprintf(cld, sizeof(cld), "--cld=%d,%d", inherited(world.cld[0]), inherited(world.cld[1]));
	execl(STATD, "glr-statd", "--group=" WORLD_GROUP, list, cookies, control, listen, grace, state,
	      report, world.cld[0] ? cld : NULL, NULL);
	_exit(127);
}

void world_set_cld(int handover, int kept)
{
	world.cld[0] = handover;
	world.cld[1] = kept;
}

void world_start_statd(void)
{
	world.pid = fork();
	ck_assert_int_ge(world.pid, 0);
	if (!world.pid)
		become_statd();
	world_wait_ready();
}

void world_kill_statd(int signal)
{
	int status;

	ck_assert_int_eq(kill(world.pid, signal), 0);
	ck_assert_int_eq(waitpid(world.pid, &status, 0), world.pid);
	if (signal == SIGTERM)
		ck_assert_int_eq(status, 0);
	world.pid = 0;
}

pid_t world_statd_pid(void)
{
	return world.pid;
}

void world_status(struct glr_status *status)
{
	ck_assert_int_eq(glr_status_get(WORLD_GROUP, 5000, status), 0);
}

void world_wait_ready(void)
{
	struct glr_status status;

	world_status(&status);
}

void world_wait_phase(enum glr_phase phase)
{
	struct glr_status status;

	for (int i = 0; i < 200; i++) {
		world_status(&status);
		if (status.phase == phase)
			return;
		poll(NULL, 0, 50);
	}
	ck_abort_msg("phase %s was not reached, it is %s", glr_phase_text(phase),
		     glr_phase_text(status.phase));
}

/* ---- control ------------------------------------------------------------------------------ */

static char packet_text[GLR__CONTROL_PACKET_MAX + 1];

static int first_packet(const char *packet, void *arg)
{
	snprintf(packet_text, sizeof(packet_text), "%s", packet);
	return 1;
}

const char *world_ask(const char *request)
{
	char error[256];
	int rc = glr__control_ask(WORLD_GROUP, request, 5000, first_packet, NULL, error);

	if (rc == -EREMOTEIO)
		snprintf(packet_text, sizeof(packet_text), "error=%s", error);
	else
		ck_assert_int_eq(rc, 1);
	return packet_text;
}

static int match_client(const char *packet, void *arg)
{
	char name[GLR_NAME_MAX];

	if (!strcmp(packet, "end=1\n"))
		return 1;
	ck_assert_int_eq(glr__control_value(packet, "name", name, sizeof(name)), 0);
	if (strcmp(name, arg))
		return 0;
	ck_assert_int_eq(glr__control_value(packet, "progress", packet_text, sizeof(packet_text)), 0);
	return 2;
}

const char *world_progress(const char *name)
{
	int rc;

	rc = glr__control_ask(WORLD_GROUP, "list", 5000, match_client, (void *)(uintptr_t)name, NULL);
	ck_assert_int_ge(rc, 1);
	return rc == 2 ? packet_text : "";
}

/* ---- talking NSM over TCP ------------------------------------------------------------------- */

int world_connect(const char *from, const char *to, bool privileged)
{
	static uint16_t next_port;
	struct glr_address address;
	struct sockaddr_storage sa;
	socklen_t length;
	int fd, rc = -1;

	ck_assert_int_eq(glr_address_parse(from, &address), 0);
	fd = socket(address.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int i = 0; rc && i < 400; i++) {
		uint16_t port = privileged ? (uint16_t)(1023 - next_port++ % 359) : 0;

		length = glr_address_to_sockaddr(&address, port, &sa);
		rc = bind(fd, (struct sockaddr *)&sa, length);
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(glr_address_parse(to, &address), 0);
	length = glr_address_to_sockaddr(&address, world_port(true, address.family == AF_INET6), &sa);
	if (connect(fd, (struct sockaddr *)&sa, length) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void world_send(int fd, const struct message *message)
{
	uint32_t mark = htonl(0x80000000u | (uint32_t)message->length);
	struct iovec iov[] = {{&mark, sizeof(mark)}, {(void *)(uintptr_t)message->bytes, message->length}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	ck_assert_int_eq(sendmsg(fd, &msg, MSG_NOSIGNAL), (ssize_t)(sizeof(mark) + message->length));
}

static ssize_t receive_all(int fd, void *bytes, size_t length, int timeout_ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	size_t got = 0;
	ssize_t n;

	while (got < length) {
		if (poll(&pfd, 1, timeout_ms) <= 0)
			return -1;
		n = recv(fd, (char *)bytes + got, length - got, 0);
		if (n <= 0)
			return 0;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

ssize_t world_receive(int fd, uint8_t *reply, size_t size, int timeout_ms)
{
	uint32_t mark;
	ssize_t got = receive_all(fd, &mark, sizeof(mark), timeout_ms);

	if (got <= 0)
		return got;
	mark = ntohl(mark);
	ck_assert(mark & 0x80000000u);
	mark &= 0x7fffffff;
	ck_assert_uint_le(mark, size);
	return receive_all(fd, reply, mark, timeout_ms);
}

uint32_t world_mon(const char *name)
{
	static uint32_t xid = 1000;
	struct message message;
	uint8_t reply[256];
	ssize_t got;
	int fd;

	fd = world_connect("127.0.0.1", "127.0.0.1", true);
	if (fd < 0)
		return UINT32_MAX;
	xid++;
	nsm_mon(&message, xid, name, (uint8_t)xid);
	world_send(fd, &message);
	got = world_receive(fd, reply, sizeof(reply), 5000);
	close(fd);
	if (got < 32)
		return UINT32_MAX;
	ck_assert_uint_eq(word_at(reply, 0), xid);
	ck_assert_uint_eq(word_at(reply, 7), WORLD_LOCAL_STATE);
	return word_at(reply, 6);
}

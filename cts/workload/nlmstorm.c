// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Thousands of NFSv3 clients that are nothing but addresses: 10.98.0.1, 10.98.0.2 ... each takes, or
 * reclaims, one byte of a file through the server's lock manager (NLM version 4).
 *
 *   nlmstorm lock    SERVER HANDLE CLIENTS SECONDS tcp|udp          WINDOW of them at a time
 *   nlmstorm reclaim SERVER HANDLE CLIENTS SECONDS tcp|udp SPREAD_MS  beginning one after another
 *   nlmstorm told    SERVER HANDLE CLIENTS SECONDS tcp|udp          each when its status monitor is told
 *
 * HANDLE is the file's NFSv3 handle in hexadecimal.  The addresses must be local: ip route add local
 * 10.98.0.0/16 dev lo.  "told" answers rpcbind and SM_NOTIFY on all of them.  Over TCP each client has a
 * connection, as Linux clients have; what the server drops is sent again by the kernel.  Ends
 * when all have their answer, or SECONDS after the first began.  Prints one JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "nlmstorm.h"

#define CLIENTS_MAX 60000
#define PER_NET 250
#define WINDOW 32
#define TOLD_WAIT_US 120000000u
#define RESEND_US 1000000u /* over UDP */
#define GRACE_US 30000000u /* what is counted as in time */
#define CLIENT_PORT 1000
#define RPCBIND 100000
#define NLM 100021
#define NLM_LOCK 2
#define GETPORT 3
#define STATUSES 11 /* nlm4_stats: 0 granted, 2 nolocks, 4 grace, 7 stale handle ... */
#define SECONDS_MAX 600
#define LAST_FRAGMENT 0x80000000u

enum mode { LOCK, RECLAIM, TOLD };

struct client {
	int fd; /* -1: none */
	bool begun, done;
	uint64_t end_us, resend_us;
	uint8_t reply[64];
	size_t got;
};

static struct client clients[CLIENTS_MAX];
static struct {
	enum mode mode;
	bool tcp;
	struct sockaddr_in server;
	uint8_t handle[64];
	size_t handle_length, count, begun, answered;
	uint64_t began_us, until_us, spread_us;
	size_t statuses[STATUSES];
	int epoll_fd;
} storm;

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- who is who ------------------------------------------------------------------------- */

static struct in_addr address_of(size_t number)
{
	return (struct in_addr){htonl(10u << 24 | 98u << 16 | (uint32_t)(number / PER_NET) << 8 |
				      (uint32_t)(number % PER_NET + 1))};
}

/* @return the client with this address, or NULL */
static struct client *client_at(struct in_addr address)
{
	uint32_t value = ntohl(address.s_addr);
	size_t number = (size_t)(value >> 8 & 0xff) * PER_NET + (value & 0xff) - 1;

	return number < storm.count && address_of(number).s_addr == address.s_addr ? &clients[number] : NULL;
}

/* ---- messages ---------------------------------------------------------------------------- */

static void begin_call(struct message *message, uint32_t xid, uint32_t prog, uint32_t vers, uint32_t proc)
{
	const uint32_t head[] = {xid, 0, 2, prog, vers, proc, 1 /* AUTH_SYS, root */, 28, 0};

	message->length = 0;
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		add_u32(message, head[i]);
	add_string(message, "storm");
	for (int i = 0; i < 3; i++)
		add_u32(message, 0);
	add_auth(message, 0, 0);
}

static void lock_call(struct message *message, size_t number)
{
	char name[16];

	snprintf(name, sizeof(name), "client%zu", number);
	begin_call(message, (uint32_t)number + 1, NLM, 4, NLM_LOCK);
	add_string(message, "lock");
	add_u32(message, 0); /* do not wait */
	add_u32(message, 1); /* exclusive */
	add_string(message, name);
	add_u32(message, (uint32_t)storm.handle_length);
	add_bytes(message, storm.handle, storm.handle_length);
	add_string(message, name);
	add_u32(message, 1);
	add_u32(message, 0);
	add_u32(message, (uint32_t)number);
	add_u32(message, 0);
	add_u32(message, 1);
	add_u32(message, storm.mode != LOCK);
	add_u32(message, 1);
}

/* The server's lock manager, as its rpcbind says: asked once, when the first client begins. */
static void find_port(void)
{
	struct timeval timeout = {.tv_usec = 200000};
	struct sockaddr_in rpcbind = storm.server;
	struct message call;
	uint8_t reply[64];
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	rpcbind.sin_port = htons(RPCBIND_PORT);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	begin_call(&call, 1, RPCBIND, 2, GETPORT);
	add_u32(&call, NLM);
	add_u32(&call, 4);
	add_u32(&call, storm.tcp ? IPPROTO_TCP : IPPROTO_UDP);
	add_u32(&call, 0);
	for (int i = 0; i < 50 && !storm.server.sin_port; i++) {
		sendto(fd, call.bytes, call.length, 0, (struct sockaddr *)&rpcbind, sizeof(rpcbind));
		if (recv(fd, reply, sizeof(reply), 0) >= 28)
			storm.server.sin_port = htons((uint16_t)word_at(reply, 6));
	}
	close(fd);
	if (!storm.server.sin_port) {
		fprintf(stderr, "nlmstorm: the server's rpcbind knows no lock manager\n");
		exit(2);
	}
}

/* ---- a client ---------------------------------------------------------------------------- */

static void send_lock(struct client *client)
{
	struct message message;
	uint32_t mark;
	struct iovec iov[] = {{&mark, sizeof(mark)}, {message.bytes, 0}};
	struct msghdr msg = {.msg_iov = iov + !storm.tcp, .msg_iovlen = 1 + storm.tcp};

	lock_call(&message, (size_t)(client - clients));
	mark = htonl(LAST_FRAGMENT | (uint32_t)message.length);
	iov[1].iov_len = message.length;
	sendmsg(client->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	client->resend_us = now_us() + RESEND_US;
}

static void open_client(struct client *client)
{
	struct sockaddr_in own = {.sin_family = AF_INET,
				  .sin_addr = address_of((size_t)(client - clients)),
				  .sin_port = htons(CLIENT_PORT)};
	struct epoll_event event = {.events = storm.tcp ? EPOLLOUT : EPOLLIN, .data.ptr = client};
	int one = 1;

	client->fd = socket(AF_INET, (storm.tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
	setsockopt(client->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (client->fd < 0 || bind(client->fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		die("a client's address");
	if (connect(client->fd, (struct sockaddr *)&storm.server, sizeof(storm.server)) < 0 &&
	    errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(storm.epoll_fd, EPOLL_CTL_ADD, client->fd, &event) < 0)
		die("epoll");
	if (!storm.tcp)
		send_lock(client);
}

static void begin_client(struct client *client)
{
	uint64_t now = now_us();

	if (client->begun)
		return;
	if (!storm.begun) {
		storm.until_us += now - storm.began_us;
		storm.began_us = now;
		find_port();
	}
	client->begun = true;
	storm.begun++;
	open_client(client);
}

void storm_told(struct in_addr address)
{
	struct client *client = client_at(address);

	if (client)
		begin_client(client);
}

static void end_client(struct client *client, uint32_t status)
{
	close(client->fd);
	client->fd = -1;
	client->done = true;
	client->end_us = status ? 0 : now_us();
	storm.answered++;
	storm.statuses[status < STATUSES ? status : STATUSES - 1]++;
}

/* A connection that the server ended begins anew, as the clients' kernel does it. */
static void lost(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	client->got = 0;
	client->resend_us = now_us() + RESEND_US;
}

static void heard(struct client *client, uint32_t events)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
	size_t mark = storm.tcp ? 4 : 0;
	uint8_t *reply = client->reply + mark;
	ssize_t got;

	if (storm.tcp && events == EPOLLOUT) {
		epoll_ctl(storm.epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
		send_lock(client);
		return;
	}
	if (!storm.tcp)
		client->got = 0;
	got = recv(client->fd, client->reply + client->got, sizeof(client->reply) - client->got, 0);
	if (got <= 0) {
		if (storm.tcp && !(got < 0 && errno == EAGAIN))
			lost(client);
		return;
	}
	client->got += (size_t)got;
	/* Six words of an accepted reply, the cookie, the status. */
	if (client->got >= mark + 36 && word_at(reply, 1) == 1 &&
	    word_at(reply, 0) == (uint32_t)(client - clients) + 1)
		end_client(client, word_at(reply, 8));
	else if (client->got >= mark + 24 && word_at(reply, 5))
		end_client(client, 1);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void begin_more(void)
{
	uint64_t gone_us = storm.begun ? now_us() - storm.began_us : 0;
	size_t due = storm.count;

	if (storm.mode == TOLD)
		return;
	if (storm.mode == LOCK)
		due = storm.answered + WINDOW;
	else if (storm.spread_us > gone_us)
		due = (size_t)(gone_us * storm.count / storm.spread_us) + 1;
	while (storm.begun < due && storm.begun < storm.count)
		begin_client(&clients[storm.begun]);
}

static void resend(void)
{
	uint64_t now = now_us();

	for (size_t i = 0; i < storm.count; i++) {
		struct client *client = &clients[i];

		if (!client->begun || client->done || client->resend_us > now ||
		    (storm.tcp && client->fd >= 0))
			continue;
		if (client->fd < 0)
			open_client(client);
		else
			send_lock(client);
	}
}

static bool over(void)
{
	uint64_t now = now_us();

	if (!storm.begun)
		return now - storm.began_us > TOLD_WAIT_US;
	return storm.answered == storm.count || now > storm.until_us;
}

static void run(void)
{
	struct epoll_event events[256];
	uint64_t looked_us = now_us();

	while (!over()) {
		begin_more();
		int count = epoll_wait(storm.epoll_fd, events, 256, 5);

		for (int i = 0; i < count; i++) {
			if (events[i].data.u64 > CLIENTS_MAX)
				heard(events[i].data.ptr, events[i].events);
			else
				told_serve(events[i].data.fd);
		}
		if (now_us() - looked_us > 50000) {
			resend();
			looked_us = now_us();
		}
	}
}

static void report(void)
{
	size_t granted = 0, in_time = 0, refused = 0, seconds[SECONDS_MAX] = {0};
	uint64_t last_us = 0;

	for (size_t i = 0; i < storm.count; i++) {
		const struct client *client = &clients[i];
		uint64_t after_us = client->end_us - storm.began_us;

		if (!client->end_us)
			continue;
		granted++;
		in_time += after_us <= GRACE_US;
		if (after_us > last_us)
			last_us = after_us;
		if (after_us / 1000000 < SECONDS_MAX)
			seconds[after_us / 1000000]++;
	}
	printf("{\"clients\": %zu, \"begun\": %zu, \"granted\": %zu, \"in_30_s\": %zu, \"last_s\": %.3f, "
	       "\"per_s\": %.1f, \"refused\": {",
	       storm.count, storm.begun, granted, in_time, (double)last_us / 1e6,
	       last_us ? (double)granted * 1e6 / (double)last_us : 0.0);
	for (size_t i = 1; i < STATUSES; i++)
		if (storm.statuses[i])
			printf("%s\"%zu\": %zu", refused++ ? ", " : "", i, storm.statuses[i]);
	printf("}, \"each_second\": [");
	for (size_t i = 0; i <= last_us / 1000000 && i < SECONDS_MAX; i++)
		printf("%s%zu", i ? ", " : "", seconds[i]);
	printf("]}\n");
}

static void take_arguments(int argc, char **argv)
{
	const char *hex = argc > 3 ? argv[3] : "";
	unsigned byte;

	if (argc < 7 || strlen(hex) / 2 > sizeof(storm.handle) ||
	    inet_pton(AF_INET, argv[2], &storm.server.sin_addr) != 1) {
		fprintf(stderr, "usage: nlmstorm lock|reclaim|told SERVER HANDLE CLIENTS SECONDS tcp|udp "
				"[SPREAD_MS]\n");
		exit(2);
	}
	storm.mode = argv[1][0] == 'l' ? LOCK : argv[1][0] == 't' ? TOLD : RECLAIM;
	storm.server.sin_family = AF_INET;
	for (; sscanf(hex + 2 * storm.handle_length, "%2x", &byte) == 1; storm.handle_length++)
		storm.handle[storm.handle_length] = (uint8_t)byte;
	storm.count = strtoul(argv[4], NULL, 10);
	if (storm.count > CLIENTS_MAX)
		storm.count = CLIENTS_MAX;
	storm.began_us = now_us();
	storm.until_us = storm.began_us + strtoul(argv[5], NULL, 10) * 1000000;
	storm.tcp = argv[6][0] == 't';
	storm.spread_us = argc > 7 ? strtoul(argv[7], NULL, 10) * 1000 : 0;
}

int main(int argc, char **argv)
{
	struct rlimit files;

	take_arguments(argc, argv);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_max < storm.count + 100)
		die("not enough descriptors");
	for (size_t i = 0; i < storm.count; i++)
		clients[i].fd = -1;
	storm.epoll_fd = epoll_create1(0);
	if (storm.mode == TOLD) {
		told_listen(storm.epoll_fd);
		fprintf(stderr, "ready\n");
	}
	run();
	report();
	return 0;
}

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
 * 10.98.0.0/16 dev lo.  "told" answers rpcbind and SM_NOTIFY on all of them.  Ends when all have
 * their answer, or SECONDS after the first began.  Prints one JSON object.
 */
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "nlmstorm.h"

#define CLIENTS_MAX 60000
#define PER_NET 250
#define WINDOW 24
#define TOLD_WAIT_US 120000000u
#define GRACE_US 30000000u /* what is counted as in time */
#define SECONDS_MAX 600

static struct client clients[CLIENTS_MAX];
struct storm storm = {.clients = clients};

/* ---- who is who ------------------------------------------------------------------------- */

struct in_addr storm_address(size_t number)
{
	return (struct in_addr){htonl(10u << 24 | 98u << 16 | (uint32_t)(number / PER_NET) << 8 |
				      (uint32_t)(number % PER_NET + 1))};
}

/* @return the client with this address, or NULL */
static struct client *client_at(struct in_addr address)
{
	uint32_t value = ntohl(address.s_addr);
	size_t number = (size_t)(value >> 8 & 0xff) * PER_NET + (value & 0xff) - 1;

	return number < storm.count && storm_address(number).s_addr == address.s_addr ? &clients[number]
										      : NULL;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void begin(struct client *client)
{
	uint64_t now = now_us();

	if (client->begun)
		return;
	if (!storm.begun) {
		storm.until_us += now - storm.began_us;
		storm.began_us = now;
	}
	client_begin(client);
}

void storm_told(struct in_addr address)
{
	struct client *client = client_at(address);

	if (client)
		begin(client);
}

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
		begin(&clients[storm.begun]);
}

static void resend(void)
{
	uint64_t now = now_us();

	for (size_t i = 0; i < storm.count; i++)
		client_again(&clients[i], now);
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
				client_heard(events[i].data.ptr, events[i].events);
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

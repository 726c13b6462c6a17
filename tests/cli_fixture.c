/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of the command line need around it:
 *   cli_fixture list DIRECTORY GROUP [ADDRESS...]  makes a client list
 *   cli_fixture monitor GROUP [ADDRESS...]         answers the control socket until it is killed, and prints what
 *                                                  it is told to do; "calm" is not in grace, "sick" is in trouble
 *   cli_fixture mute GROUP                         accepts connections and says nothing
 *   cli_fixture group GROUP COMMAND...             pins namespaces for the group, then runs a command
 */
#include "glr_private.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(const char *what, int error)
{
	fprintf(stderr, "cli_fixture: %s: %s\n", what, strerror(-error));
	return EXIT_FAILURE;
}

static int make_list(const char *path, const char *group, char *const addresses[])
{
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	glr_list_t *list;
	int rc, slots[2];

	rc = glr_list_format(directory, group, 65536, false);
	if (rc)
		return fail("glr_list_format", rc);
	slots[0] = openat(directory, "clients.0", O_RDWR | O_CLOEXEC);
	slots[1] = openat(directory, "clients.1", O_RDWR | O_CLOEXEC);
	rc = glr_list_open(slots[0], slots[1], group, &list);
	if (rc)
		return fail("glr_list_open", rc);
	for (; *addresses && !rc; addresses++) {
		struct glr_address address;

		rc = glr_address_parse(*addresses, &address);
		if (!rc)
			rc = glr_list_add(list, *addresses, &address);
	}
	glr_list_close(list);
	return rc ? fail("glr_list_add", rc) : EXIT_SUCCESS;
}

static void answer(int fd, const char *group, char *const addresses[])
{
	static const struct glr_status sample = {
		.phase = GLR_PHASE_RECOVERING,
		.grace_left_ms = 11500,
		.clients = 3,
		.v4_clients = 5,
		.told = 2,
		.acknowledged = 1,
		.seen = 1,
		.epoch = 4,
		.nsm_state = 9,
		.durable = true,
	};
	char request[GLR__CONTROL_PACKET_MAX] = "", reply[GLR__CONTROL_PACKET_MAX];
	struct glr_status status = sample;
	size_t length;

	if (read(fd, request, sizeof(request) - 1) <= 0)
		return;
	snprintf(status.group, sizeof(status.group), "%s", group);
	if (strcmp(group, "calm") == 0)
		status.phase = GLR_PHASE_SERVING;
	if (strcmp(group, "sick") == 0) {
		status.durable = false;
		strcpy(status.last_error, "fdatasync: Input/output error");
	}
	if (strcmp(request, "status") == 0) {
		length = glr__status_encode(&status, reply, sizeof(reply));
		send(fd, reply, length, MSG_NOSIGNAL);
		return;
	}
	if (strcmp(request, "list") != 0) { /* something is to be done */
		puts(request);
		fflush(stdout);
		strcpy(reply, strcmp(group, "sick") ? "ok=1\n" : "error=it cannot be done\n");
		send(fd, reply, strlen(reply), MSG_NOSIGNAL);
		return;
	}
	for (; *addresses; addresses++) {
		length = snprintf(reply, sizeof(reply), "name=%s\naddress=%s\nkind=NFSv3\nprogress=sent\n",
				  *addresses, *addresses);
		send(fd, reply, length, MSG_NOSIGNAL);
	}
	if (strcmp(group, "sick") != 0) /* whose monitor dies in the middle of a list */
		send(fd, "end=1\n", 6, MSG_NOSIGNAL);
}

static int serve(const char *group, char *const addresses[], bool mute)
{
	int fd = glr__control_listen(group);
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	if (fd < 0)
		return fail("glr__control_listen", fd);
	for (;;) {
		int client;

		poll(&pfd, 1, -1);
		client = accept(fd, NULL, NULL);
		if (client < 0 || mute)
			continue;
		answer(client, group, addresses);
		close(client);
	}
}

static int nothing(void *arg)
{
	return 0;
}

static int make_group(const char *group, char *const command[])
{
	int rc = glr__netns_prepare_dirs();

	if (!rc)
		rc = glr__netns_make(group, nothing, NULL);
	if (rc)
		return fail("glr__netns_make", rc);
	execvp(command[0], command);
	return EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
	if (argc >= 4 && strcmp(argv[1], "list") == 0)
		return make_list(argv[2], argv[3], argv + 4);
	if (argc >= 3 && strcmp(argv[1], "monitor") == 0)
		return serve(argv[2], argv + 3, false);
	if (argc == 3 && strcmp(argv[1], "mute") == 0)
		return serve(argv[2], argv + 3, true);
	if (argc >= 4 && strcmp(argv[1], "group") == 0)
		return make_group(argv[2], argv + 3);
	return EXIT_FAILURE;
}

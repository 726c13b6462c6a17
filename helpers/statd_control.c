/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: a request is a packet, the answer is packets, then the connection ends. */
#include "statd.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 32

struct client {
	struct statd_control *control;
	int fd;		 /* -1: free */
	bool asked;	 /* its request was read */
	bool wants_told; /* "recover": the second packet is still to come */
	bool wants_begun;
	char *out;	 /* packets, each ended by NUL */
	size_t out_length, out_size, out_sent;
};

struct statd_control {
	struct statd *statd;
	int fd;
	struct client clients[CLIENTS_MAX];
};

/* ---- answers ------------------------------------------------------------------------ */

static void close_client(struct client *client)
{
	if (client->fd < 0)
		return;
	qb_loop_poll_del(client->control->statd->loop, client->fd);
	close(client->fd);
	free(client->out);
	memset(client, 0, sizeof(*client));
	client->fd = -1;
}

static int add_packet(struct client *client, const char *packet)
{
	size_t length = strlen(packet) + 1;

	if (client->out_length + length > client->out_size) {
		size_t size = 2 * (client->out_length + length);
		char *out = realloc(client->out, size);

		if (!out)
			return -ENOMEM;
		client->out = out;
		client->out_size = size;
	}
	memcpy(client->out + client->out_length, packet, length);
	client->out_length += length;
	return 0;
}

/* Sends what the socket takes; an answer that is complete and sent ends the connection. */
static void flush(struct client *client)
{
	while (client->out_sent < client->out_length) {
		const char *packet = client->out + client->out_sent;
		size_t length = strlen(packet);

		if (send(client->fd, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno != EAGAIN)
				close_client(client);
			return;
		}
		client->out_sent += length + 1;
	}
	if (!client->wants_told && !client->wants_begun)
		close_client(client);
}

static void say(struct client *client, const char *packet)
{
	if (add_packet(client, packet)) {
		close_client(client);
		return;
	}
	flush(client);
}

static void say_result(struct client *client, int rc, const char *why)
{
	char packet[512];

	if (rc)
		snprintf(packet, sizeof(packet), "error=%s (%s)\n", why, strerror(-rc));
	else
		snprintf(packet, sizeof(packet), "ok=1\n");
	say(client, packet);
}

/* ---- verbs ---------------------------------------------------------------------------- */

static void verb_status(struct client *client, const char *request)
{
	struct statd *statd = client->control->statd;
	int v4_error = statd_cld_error(statd->cld);
	struct glr_status status = {.durable = glr__monitor_durable(statd->monitor) && !v4_error};
	char packet[GLR__CONTROL_PACKET_MAX];
	struct glr__notify_counts counts;
	struct glr_list_facts facts;

	glr_list_get_facts(statd->list, &facts);
	statd_recovery_counts(statd->recovery, &counts);
	snprintf(status.group, sizeof(status.group), "%s", statd->group);
	status.phase = statd_recovery_phase(statd->recovery);
	status.grace_left_ms = statd_recovery_grace_left_ms(statd->recovery);
	status.clients = facts.clients;
	status.v4_clients = facts.v4_clients;
	status.told = counts.told;
	status.acknowledged = counts.acknowledged;
	status.seen = glr__cookies_count_seen(statd->cookies);
	status.missed = facts.missed;
	status.epoch = facts.epoch;
	status.nsm_state = facts.nsm_state;
	status.condition = facts.condition;
	if (facts.error)
		snprintf(status.last_error, sizeof(status.last_error), "client list: %s",
			 strerror(-facts.error));
	else if (v4_error)
		snprintf(status.last_error, sizeof(status.last_error),
			 "client list: NFSv4 clients wait to be recorded: %s", strerror(-v4_error));
	else if (!status.durable)
		snprintf(status.last_error, sizeof(status.last_error),
			 "client list: a write has not come back for more than %d ms", GLR__SYNC_DEADLINE_MS);
	else if (!glr__cookies_whole(statd->cookies))
		snprintf(status.last_error, sizeof(status.last_error),
			 "lockd's cookies are damaged: nobody is struck off in this epoch");
	if (!glr__status_encode(&status, packet, sizeof(packet)))
		snprintf(packet, sizeof(packet), "error=status is too long\n");
	say(client, packet);
}

static int list_one(const struct glr_list_client *listed, void *arg)
{
	struct client *client = arg;
	char packet[GLR_NAME_MAX + 128], text[GLR_ADDRESS_TEXT_MAX];
	const char *progress = listed->current ? "seen" : "waiting";

	if (listed->kind == GLR_LIST_NSM)
		progress = statd_recovery_progress(client->control->statd->recovery, listed);
	snprintf(packet, sizeof(packet), "name=%s\naddress=%s\nkind=%s\nprogress=%s\n", listed->name,
		 glr_address_text(&listed->address, text), glr_list_kind_text(listed->kind),
		 progress);
	return add_packet(client, packet);
}

static void verb_list(struct client *client, const char *request)
{
	if (glr_list_foreach(client->control->statd->list, list_one, client))
		close_client(client);
	else
		say(client, "end=1\n");
}

static void say_begun(struct client *client, int rc, const char *why)
{
	struct glr_list_facts facts;
	char packet[128];

	client->wants_begun = false;
	if (rc) {
		say_result(client, rc, why);
		return;
	}
	glr_list_get_facts(client->control->statd->list, &facts);
	snprintf(packet, sizeof(packet), "clients=%zu\ncondition=%s\nnsm_state=%" PRIu32 "\n", facts.clients,
		 glr_condition_text(facts.condition), facts.nsm_state);
	say(client, packet);
}

static void verb_begin(struct client *client, const char *request)
{
	const char *why = "fresh=0 or fresh=1 is missing";
	uint64_t fresh;
	int rc = -EINVAL;

	client->wants_begun = true;
	if (!glr__control_number(request, "fresh", &fresh) && fresh <= 1)
		rc = statd_recovery_begin(client->control->statd->recovery, fresh, &why);
	if (rc)
		say_begun(client, rc, why);
}

void statd_control_begun(struct statd_control *control, int result)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0 && control->clients[i].wants_begun)
			say_begun(&control->clients[i], result,
				  "the new epoch cannot be written to the client list");
}

static int parse_window(const char *request, struct glr__window *window)
{
	uint64_t notify_ms, grace_ms, now_ms = glr__now_ms();

	memset(window, 0, sizeof(*window));
	if (glr__control_number(request, "notify_ms", &notify_ms) ||
	    glr__control_number(request, "grace_ms", &grace_ms) ||
	    glr__control_value(request, "identifiers", window->identifiers, sizeof(window->identifiers)))
		return -EINVAL;
	if (glr__control_value(request, "names", window->names, sizeof(window->names)) == -EMSGSIZE)
		return -EINVAL;
	if (notify_ms > UINT32_MAX || grace_ms > UINT32_MAX)
		return -EINVAL;
	window->notify_end_ms = now_ms + notify_ms;
	window->grace_end_ms = now_ms + grace_ms;
	return 0;
}

/* Nobody to tell is told at once, so that the engine runs only after the first answer. */
static void verb_recover(struct client *client, const char *request)
{
	const char *why = "notify_ms=, grace_ms= or identifiers= is missing or no good";
	struct statd *statd = client->control->statd;
	struct glr__window window;
	int rc;

	rc = parse_window(request, &window);
	if (!rc)
		rc = statd_recovery_recover(statd->recovery, &window, &why);
	client->wants_told = !rc;
	say_result(client, rc, why);
}

static void verb_end_grace(struct client *client, const char *request)
{
	const char *why = "";
	int rc = statd_recovery_end_grace(client->control->statd->recovery, &why);

	say_result(client, rc, why);
}

static void verb_freeze(struct client *client, const char *request)
{
	const char *why = "";
	int rc = statd_recovery_freeze(client->control->statd->recovery, &why);

	statd_cld_freeze(client->control->statd->cld);
	say_result(client, rc, why);
}

static const struct verb {
	const char *name;
	void (*fn)(struct client *client, const char *request);
} verbs[] = {
	{"status", verb_status},   {"list", verb_list},		  {"begin", verb_begin},
	{"recover", verb_recover}, {"end-grace", verb_end_grace}, {"freeze", verb_freeze},
};

static void dispatch(struct client *client, const char *request)
{
	size_t length = strcspn(request, " \n");

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strlen(verbs[i].name) == length && !memcmp(verbs[i].name, request, length)) {
			verbs[i].fn(client, request);
			return;
		}
	}
	say_result(client, -EINVAL, "no such verb");
}

void statd_control_told(struct statd_control *control, size_t told)
{
	char packet[32];

	snprintf(packet, sizeof(packet), "told=%zu\n", told);
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0 || !client->wants_told)
			continue;
		client->wants_told = false;
		say(client, packet);
	}
}

/* ---- connections ------------------------------------------------------------------------ */

static int32_t client_event(int32_t fd, int32_t revents, void *data)
{
	struct client *client = data;
	char request[GLR__CONTROL_PACKET_MAX + 1];
	ssize_t got;

	if (revents & POLLOUT && client->out_sent < client->out_length) {
		flush(client);
		return 0;
	}
	if (!(revents & (POLLIN | POLLHUP | POLLERR)))
		return 0;
	got = recv(fd, request, sizeof(request) - 1, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0 || client->asked) {
		close_client(client);
		return 0;
	}
	client->asked = true;
	request[got] = '\0';
	dispatch(client, request);
	if (client->fd == fd && client->out_sent < client->out_length)
		qb_loop_poll_mod(client->control->statd->loop, QB_LOOP_MED, fd, POLLIN | POLLOUT, client,
				 client_event);
	return 0;
}

static struct client *free_client(struct statd_control *control)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (control->clients[i].fd < 0)
			return &control->clients[i];
	}
	return NULL;
}

static int32_t acceptable(int32_t fd, int32_t revents, void *data)
{
	struct statd_control *control = data;
	struct client *client = free_client(control);
	int connection;

	connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (connection < 0)
		return 0;
	if (!client ||
	    qb_loop_poll_add(control->statd->loop, QB_LOOP_MED, connection, POLLIN, client, client_event)) {
		close(connection);
		return 0;
	}
	client->control = control;
	client->fd = connection;
	return 0;
}

int statd_control_new(struct statd *statd, int fd, struct statd_control **control)
{
	struct statd_control *c;
	int rc;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->statd = statd;
	c->fd = fd;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		c->clients[i].fd = -1;
	rc = qb_loop_poll_add(statd->loop, QB_LOOP_MED, fd, POLLIN, c, acceptable);
	if (rc) {
		free(c);
		return rc;
	}
	*control = c;
	return 0;
}

void statd_control_free(struct statd_control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		close_client(&control->clients[i]);
	qb_loop_poll_del(control->statd->loop, control->fd);
	close(control->fd);
	free(control);
}

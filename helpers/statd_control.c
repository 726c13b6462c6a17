/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: a request is a packet, the answer is packets, then the connection ends. */
#include "statd_control.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- answers ------------------------------------------------------------------------ */

void statd_control_close(struct client *client)
{
	if (client->fd < 0)
		return;
	qb_loop_poll_del(client->control->statd->loop, client->fd);
	close(client->fd);
	free(client->out);
	memset(client, 0, sizeof(*client));
	client->fd = -1;
}

int statd_control_add(struct client *client, const char *packet)
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
				statd_control_close(client);
			return;
		}
		client->out_sent += length + 1;
	}
	if (client->waits == WAITS_NOT)
		statd_control_close(client);
}

void statd_control_say(struct client *client, const char *packet)
{
	if (statd_control_add(client, packet)) {
		statd_control_close(client);
		return;
	}
	flush(client);
}

void statd_control_say_result(struct client *client, int rc, const char *why)
{
	char packet[512];

	if (rc)
		snprintf(packet, sizeof(packet), "error=%s (%s)\n", why, strerror(-rc));
	else
		snprintf(packet, sizeof(packet), "ok=1\n");
	statd_control_say(client, packet);
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
		statd_control_close(client);
		return 0;
	}
	client->asked = true;
	request[got] = '\0';
	statd_verbs_dispatch(client, request);
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
		statd_control_close(&control->clients[i]);
	qb_loop_poll_del(control->statd->loop, control->fd);
	close(control->fd);
	free(control);
}

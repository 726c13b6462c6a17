/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket of a group's status monitor: a packet of text in, packets of
 * text out.  A socket in the file system, not an abstract one: abstract names
 * belong to a network namespace, and the asking side sits in another.
 */
#include "glr_private.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_BACKLOG 16

static const char *const phase_texts[] = {
	[GLR_PHASE_PREPARED] = "prepared",
	[GLR_PHASE_RECOVERING] = "recovering",
	[GLR_PHASE_SERVING] = "serving",
	[GLR_PHASE_CLOSED] = "closed",
};

static const char *const condition_texts[] = {
	[GLR_LIST_CLEAN] = "clean",
	[GLR_LIST_TORN] = "torn",
	[GLR_LIST_SALVAGED] = "salvaged",
	[GLR_LIST_MISSING] = "missing",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *text_of(const char *const *texts, size_t count, unsigned value)
{
	return value < count ? texts[value] : "unknown";
}

static int value_of(const char *const *texts, size_t count, const char *text, unsigned *value)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(texts[i], text)) {
			*value = (unsigned)i;
			return 0;
		}
	}
	return -EBADMSG;
}

const char *glr_phase_text(enum glr_phase phase)
{
	return text_of(phase_texts, COUNT(phase_texts), phase);
}

const char *glr_condition_text(enum glr_list_condition condition)
{
	return text_of(condition_texts, COUNT(condition_texts), condition);
}

static const char *const kind_texts[] = {
	[GLR_LIST_NSM] = "NFSv3",
	[GLR_LIST_NFSV4] = "NFSv4",
};

const char *glr_list_kind_text(enum glr_list_kind kind)
{
	return text_of(kind_texts, COUNT(kind_texts), kind);
}

/* ---- key=value ----------------------------------------------------------- */

static bool runs_to_line_end(const char *key, size_t length)
{
	return (length == 4 && !memcmp(key, "name", 4)) || (length == 5 && !memcmp(key, "error", 5)) ||
	       (length == 10 && !memcmp(key, "last_error", 10));
}

/* Words are walked in order: what looks like a key inside an error text is none. */
int glr__control_value(const char *text, const char *key, char *value, size_t size)
{
	size_t key_length = strlen(key);

	while (*text) {
		size_t name_length, length;

		text += strspn(text, " \n");
		name_length = strcspn(text, "= \n");
		if (text[name_length] != '=') {
			text += name_length;
			continue;
		}
		length = strcspn(text + name_length + 1, runs_to_line_end(text, name_length) ? "\n" : " \n");
		if (name_length == key_length && !memcmp(text, key, key_length)) {
			if (length >= size)
				return -EMSGSIZE;
			memcpy(value, text + name_length + 1, length);
			value[length] = '\0';
			return 0;
		}
		text += name_length + 1 + length;
	}
	return -ENOENT;
}

int glr__control_number(const char *text, const char *key, uint64_t *value)
{
	unsigned long long number;
	char digits[24], *end;
	int rc;

	rc = glr__control_value(text, key, digits, sizeof(digits));
	if (rc)
		return rc;
	if (digits[0] < '0' || digits[0] > '9')
		return -EBADMSG;
	errno = 0;
	number = strtoull(digits, &end, 10);
	if (errno || *end)
		return -EBADMSG;
	*value = number;
	return 0;
}

/* ---- struct glr_status ---------------------------------------------------- */

/* One line for each field; last_error comes last because it may hold anything but a newline. */
size_t glr__status_encode(const struct glr_status *status, char *text, size_t size)
{
	char error[sizeof(status->last_error)];
	int length;

	snprintf(error, sizeof(error), "%s", status->last_error);
	for (char *c = error; *c; c++) {
		if (*c == '\n')
			*c = ' ';
	}
	length =
		snprintf(text, size,
			 "group=%s\nphase=%s\ngrace_left_ms=%" PRIu64 "\nclients=%" PRIu64 "\ntold=%" PRIu64
			 "\nacknowledged=%" PRIu64 "\nseen=%" PRIu64 "\nmissed=%" PRIu64 "\nepoch=%" PRIu64
			 "\nnsm_state=%" PRIu32 "\nv4_clients=%" PRIu64 "\ncondition=%s\ndurable=%d\nlast_error=%s\n",
			 status->group, glr_phase_text(status->phase), status->grace_left_ms, status->clients,
			 status->told, status->acknowledged, status->seen, status->missed, status->epoch,
			 status->nsm_state, status->v4_clients, glr_condition_text(status->condition),
			 status->durable, error);
	if (length < 0 || (size_t)length >= size)
		return 0;
	return (size_t)length;
}

static int decode_texts(const char *text, struct glr_status *status)
{
	unsigned phase, condition;
	char word[16];
	int rc;

	rc = glr__control_value(text, "group", status->group, sizeof(status->group));
	if (rc)
		return rc;
	rc = glr__control_value(text, "phase", word, sizeof(word));
	if (!rc)
		rc = value_of(phase_texts, COUNT(phase_texts), word, &phase);
	if (rc)
		return rc;
	rc = glr__control_value(text, "condition", word, sizeof(word));
	if (!rc)
		rc = value_of(condition_texts, COUNT(condition_texts), word, &condition);
	if (rc)
		return rc;
	status->phase = (enum glr_phase)phase;
	status->condition = (enum glr_list_condition)condition;
	return glr__control_value(text, "last_error", status->last_error, sizeof(status->last_error));
}

/* @return 0, or -EBADMSG when a field is missing or is not what it should be */
int glr__status_decode(const char *text, struct glr_status *status)
{
	uint64_t nsm_state, durable;
	struct {
		const char *key;
		uint64_t *value;
	} numbers[] = {
		{"grace_left_ms", &status->grace_left_ms},
		{"clients", &status->clients},
		{"told", &status->told},
		{"acknowledged", &status->acknowledged},
		{"seen", &status->seen},
		{"missed", &status->missed},
		{"epoch", &status->epoch},
		{"nsm_state", &nsm_state},
		{"v4_clients", &status->v4_clients},
		{"durable", &durable},
	};

	memset(status, 0, sizeof(*status));
	if (decode_texts(text, status))
		return -EBADMSG;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		if (glr__control_number(text, numbers[i].key, numbers[i].value))
			return -EBADMSG;
	}
	if (nsm_state > UINT32_MAX || durable > 1)
		return -EBADMSG;
	status->nsm_state = (uint32_t)nsm_state;
	status->durable = durable;
	return 0;
}

/* ---- the socket ------------------------------------------------------------ */

static int control_address(const char *group, struct sockaddr_un *sun)
{
	int length;

	if (!*group || *group == '.' || strchr(group, '/'))
		return -EINVAL;
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	length = snprintf(sun->sun_path, sizeof(sun->sun_path), GLR__RUNTIME_DIR "/%s/control", group);
	if (length < 0 || (size_t)length >= sizeof(sun->sun_path))
		return -EINVAL;
	return 0;
}

/* The mode is set before listen(): until then nobody can connect. */
int glr__control_listen(const char *group)
{
	struct sockaddr_un sun;
	int fd = -1, rc;

	rc = control_address(group, &sun);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (unlink(sun.sun_path) < 0 && errno != ENOENT)
		goto error;
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		goto error;
	if (chmod(sun.sun_path, 0600) < 0 || listen(fd, CONTROL_BACKLOG) < 0)
		goto error;
	return fd;
error:
	rc = -errno;
	close(fd);
	return rc;
}

/* @return ms left, at least 1, or 0 when the time is up */
static int left_ms(uint64_t deadline_ms)
{
	uint64_t now_ms = glr__now_ms();

	if (now_ms >= deadline_ms)
		return 0;
	return deadline_ms - now_ms > INT32_MAX ? INT32_MAX : (int)(deadline_ms - now_ms);
}

static int wait_for(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	int rc;

	do {
		rc = poll(&pfd, 1, left_ms(deadline_ms));
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -errno;
	return rc ? 0 : -ETIMEDOUT;
}

/* A full backlog answers EAGAIN to a socket that does not block; poll cannot wait for it. */
static int control_connect(const char *group, uint64_t deadline_ms)
{
	struct sockaddr_un sun;
	int fd, rc;

	rc = control_address(group, &sun);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		rc = -errno;
		if (rc == -EAGAIN && left_ms(deadline_ms)) {
			poll(NULL, 0, 10);
			continue;
		}
		if (rc == -EAGAIN)
			rc = -ETIMEDOUT;
		close(fd);
		return rc;
	}
	return fd;
}

static int receive_packet(int fd, char *packet, size_t size, uint64_t deadline_ms)
{
	ssize_t got;

	for (;;) {
		got = recv(fd, packet, size - 1, 0);
		if (got >= 0) {
			packet[got] = '\0';
			return (int)got;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (errno == EAGAIN) {
			int rc = wait_for(fd, POLLIN, deadline_ms);

			if (rc)
				return rc;
		}
	}
}

int glr__control_ask(const char *group, const char *request, unsigned timeout_ms,
		     int (*fn)(const char *packet, void *arg), void *arg, char error[256])
{
	uint64_t deadline_ms = glr__now_ms() + timeout_ms;
	char packet[GLR__CONTROL_PACKET_MAX + 1];
	bool answered = false;
	int fd, rc;

	if (error)
		error[0] = '\0';
	fd = control_connect(group, deadline_ms);
	if (fd < 0)
		return fd;
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
		rc = -errno;
		goto out;
	}
	do {
		rc = receive_packet(fd, packet, sizeof(packet), deadline_ms);
		if (rc == 0 && !answered)
			rc = -ECONNREFUSED;
		if (rc <= 0)
			goto out;
		answered = true;
		if (!strncmp(packet, "error=", 6)) {
			if (error)
				snprintf(error, 256, "%.*s", (int)strcspn(packet + 6, "\n"), packet + 6);
			rc = -EREMOTEIO;
			goto out;
		}
		rc = fn ? fn(packet, arg) : 0;
	} while (!rc);
out:
	close(fd);
	/* The monitor died with the question in its hands. */
	return rc == -EPIPE || rc == -ECONNRESET ? -ECONNREFUSED : rc;
}

static int status_packet(const char *packet, void *arg)
{
	int rc = glr__status_decode(packet, arg);

	return rc ? rc : 1;
}

int glr_status_get(const char *group, unsigned timeout_ms, struct glr_status *status)
{
	int rc;

	rc = glr__control_ask(group, "status", timeout_ms, status_packet, status, NULL);
	if (rc == 1)
		return 0;
	/* The monitor went away in the middle of its answer. */
	return rc ? rc : -ECONNREFUSED;
}

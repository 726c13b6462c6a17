/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be asked over the control socket; see lib/glr_private.h, control.c. */
#include "statd_control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
	statd_control_say(client, packet);
}

static int list_one(const struct glr_list_client *listed, void *arg)
{
	struct client *client = arg;
	char packet[GLR_NAME_MAX + 128], text[GLR_ADDRESS_TEXT_MAX];
	const char *progress = listed->current ? "seen" : "waiting";

	if (listed->kind == GLR_LIST_NSM)
		progress = statd_recovery_progress(client->control->statd->recovery, listed);
	snprintf(packet, sizeof(packet), "name=%s\naddress=%s\nkind=%s\nprogress=%s\n", listed->name,
		 glr_address_text(&listed->address, text), glr_list_kind_text(listed->kind), progress);
	return statd_control_add(client, packet);
}

static void verb_list(struct client *client, const char *request)
{
	if (glr_list_foreach(client->control->statd->list, list_one, client))
		statd_control_close(client);
	else
		statd_control_say(client, "end=1\n");
}

static void say_begun(struct client *client, int rc, const char *why)
{
	struct glr_list_facts facts;
	char packet[128];

	client->waits = WAITS_NOT;
	if (rc) {
		statd_control_say_result(client, rc, why);
		return;
	}
	glr_list_get_facts(client->control->statd->list, &facts);
	snprintf(packet, sizeof(packet), "clients=%zu\ncondition=%s\nnsm_state=%" PRIu32 "\n", facts.clients,
		 glr_condition_text(facts.condition), facts.nsm_state);
	statd_control_say(client, packet);
}

static void verb_begin(struct client *client, const char *request)
{
	const char *why = "fresh=0 or fresh=1 is missing";
	uint64_t fresh;
	int rc = -EINVAL;

	client->waits = WAITS_BEGUN;
	if (!glr__control_number(request, "fresh", &fresh) && fresh <= 1)
		rc = statd_recovery_begin(client->control->statd->recovery, fresh, &why);
	if (rc)
		say_begun(client, rc, why);
}

void statd_control_begun(struct statd_control *control, int result)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0 && control->clients[i].waits == WAITS_BEGUN)
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
	statd_control_say_result(client, rc, why);
}

static void answer(struct statd_control *control, enum waits waits, int rc, const char *why)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0 || client->waits != waits)
			continue;
		client->waits = WAITS_NOT;
		statd_control_say_result(client, rc, why);
	}
}

void statd_control_settled(struct statd_control *control)
{
	int rc;

	if (glr__monitor_settled(control->statd->monitor, &rc))
		answer(control, WAITS_SETTLED, rc, "the client list cannot be written");
}

static void say_settled(struct client *client, int rc, const char *why)
{
	if (rc) {
		statd_control_say_result(client, rc, why);
		return;
	}
	client->waits = WAITS_SETTLED;
	statd_control_settled(client->control);
}

static void verb_end_grace(struct client *client, const char *request)
{
	const char *why = "";
	int rc = statd_recovery_end_grace(client->control->statd->recovery, &why);

	say_settled(client, rc, why);
}

static void verb_import(struct client *client, const char *request)
{
	char names[GLR__CONTROL_PACKET_MAX], *rest = names, *name;
	int rc = glr__control_value(request, "names", names, sizeof(names));

	while (!rc && (name = strsep(&rest, ",")))
		rc = glr__monitor_change(client->control->statd->monitor, GLR__CHANGE_ADD, name,
					 glr__now_ms());
	say_settled(client, rc, rc == -EPERM ? "the group is closed" : "names= is missing or no good");
}

/* One at a time: lockd's answer names nobody. */
static void verb_release(struct client *client, const char *request)
{
	const char *why = "name= is missing or too long";
	char name[GLR_ADDRESS_TEXT_MAX];
	int rc = glr__control_value(request, "name", name, sizeof(name));

	if (!rc)
		rc = statd_release(client->control->statd->downcalls, name, &why);
	if (rc)
		statd_control_say_result(client, rc, why);
	else
		client->waits = WAITS_RELEASED;
}

void statd_control_released(struct statd_control *control, int rc)
{
	answer(control, WAITS_RELEASED, rc, "lockd was not told, so the locks stay");
}

static void verb_freeze(struct client *client, const char *request)
{
	const char *why = "";
	int rc = statd_recovery_freeze(client->control->statd->recovery, &why);

	statd_cld_freeze(client->control->statd->cld);
	statd_control_say_result(client, rc, why);
}

static const struct verb {
	const char *name;
	void (*fn)(struct client *client, const char *request);
} verbs[] = {
	{"status", verb_status},   {"list", verb_list},		  {"begin", verb_begin},
	{"recover", verb_recover}, {"end-grace", verb_end_grace}, {"freeze", verb_freeze},
	{"import", verb_import},   {"release", verb_release},
};

void statd_verbs_dispatch(struct client *client, const char *request)
{
	size_t length = strcspn(request, " \n");

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strlen(verbs[i].name) == length && !memcmp(verbs[i].name, request, length)) {
			verbs[i].fn(client, request);
			return;
		}
	}
	statd_control_say_result(client, -EINVAL, "no such verb");
}

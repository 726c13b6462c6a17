/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * release: the locks of a client that died are dropped, so that others need not wait for it.
 *
 * A client that lives after all must not go on as if it had them, nor reclaim them at the next takeover, when
 * somebody else holds them.  Of NFSv4 it finds out by itself.  Over NFSv3 it is told, as after a reboot of
 * the server: outside of grace it then loses them.  It stays on the list either way: lockd does not report it
 * again, and it may take new ones.
 */
#include "cmd.h"
#include "inside.h"
#include "link_addresses.h"
#include "notify_run.h"
#include "release_v4.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TELL_MS 1000
#define LOCKD_MS 10000 /* longer than glr-statd asks rpcbind and lockd */

struct release {
	const char *group;
	struct output out;
	char client[GLR_ADDRESS_TEXT_MAX];
	bool v3; /* on the list */
	struct release_v4 v4;
	bool answered;
};

/* ---- what the client has ---------------------------------------------------------------- */

static int find_v3(const char *packet, void *arg)
{
	struct release *release = arg;
	char name[GLR_NAME_MAX], kind[16];

	if (strncmp(packet, "end=", 4) == 0)
		return 1;
	if (glr__control_value(packet, "name", name, sizeof(name)) ||
	    glr__control_value(packet, "kind", kind, sizeof(kind)))
		return -EBADMSG;
	release->v3 |=
		strcmp(kind, glr_list_kind_text(GLR_LIST_NSM)) == 0 && strcmp(name, release->client) == 0;
	return 0;
}

static int check_phase(struct release *release)
{
	struct glr_status status;
	int rc = glr_status_get(release->group, CMD_TIMEOUT_MS, &status);

	if (rc)
		return group_unreachable(&release->out, release->group, rc, "");
	if (status.phase == GLR_PHASE_RECOVERING)
		return output_error(
			&release->out, CMD_UNSAFE,
			"group %s is in its grace period, in which a client that is alive would only "
			"reclaim again: wait %ju s, or see 'group-lockrecover end-grace %s'",
			release->group, (uintmax_t)(status.grace_left_ms + 999) / 1000, release->group);
	if (status.phase != GLR_PHASE_SERVING)
		return output_error(&release->out, CMD_UNSAFE, "group %s is %s: nobody holds a lock in it",
				    release->group, glr_phase_text(status.phase));
	return CMD_OK;
}

static int find(struct release *release)
{
	char text[256] = "";
	int rc = glr__control_ask(release->group, "list", CMD_TIMEOUT_MS, find_v3, release, text);

	if (rc >= 0)
		rc = inside_call(release->group, release_v4_find, &release->v4);
	if (rc)
		return group_unreachable(&release->out, release->group, rc, text);
	if (!release->v3 && !release->v4.count)
		return output_error(
			&release->out, CMD_NO_SUCH,
			"group %s knows no client %s: 'group-lockrecover list %s' shows who has locks",
			release->group, release->client, release->group);
	if (release->v3)
		output_text(&release->out, "%s: NFSv3, with all its locks", release->client);
	for (size_t i = 0; i < release->v4.count; i++)
		output_text(&release->out, "%s: NFSv4.%s, with all its locks and open files: %s",
			    release->client, release->v4.clients[i].version, release->v4.clients[i].name);
	return CMD_OK;
}

/* ---- telling it, inside the group's namespaces ------------------------------------------- */

/* The state is even: the next takeover tells an odd one, which is news to the client. */
static int tell(void *arg)
{
	struct release *release = arg;
	struct notify_target target = {.name = release->client, .address = release->v4.address};
	struct notify_targets targets = {.all = &target, .count = 1};
	struct glr__window window = {.notify_end_ms = glr__now_ms() + TELL_MS};
	struct notify_run run = {
		.window = &window, .targets = &targets, .state = ((uint32_t)time(NULL) | 1) + 1};
	int rc = link_addresses(window.identifiers, sizeof(window.identifiers));

	if (rc > 0)
		rc = notify_run(&run);
	else if (!rc)
		rc = -EADDRNOTAVAIL;
	release->answered = !rc && target.outcome == NOTIFY_ACKNOWLEDGED;
	return rc;
}

/* ---- dropping -------------------------------------------------------------------------------- */

static int release_v3(struct release *release)
{
	char request[128], text[256] = "";
	int rc = inside_call(release->group, tell, release);

	if (rc)
		output_error(&release->out, CMD_OK, "%s cannot be told: %s", release->client, strerror(-rc));
	snprintf(request, sizeof(request), "release name=%s", release->client);
	rc = glr__control_ask(release->group, request, LOCKD_MS, NULL, NULL, text);
	if (rc)
		return group_unreachable(&release->out, release->group, rc, text);
	output_text(&release->out, "%s: NFSv3 locks are released; %s", release->client,
		    release->answered ? "the client is alive, and was told that it has lost them"
				      : "the client did not answer: should it come back without a reboot, it "
					"still believes that it has them");
	return CMD_OK;
}

static int drop(struct release *release)
{
	int code = release->v3 ? release_v3(release) : CMD_OK;
	int rc = inside_call(release->group, release_v4_expire, &release->v4);

	if (rc)
		return output_error(&release->out, CMD_OS_ERROR, "NFSv4 state of %s cannot be dropped: %s",
				    release->client, strerror(-rc));
	if (release->v4.count)
		output_text(&release->out, "%s: NFSv4 locks are released", release->client);
	glr__log_init(PACKAGE_NAME, release->group, false);
	glr_notice("client=%s: its locks were released by hand%s%s", release->client,
		   release->v3 ? code ? ", but those of NFSv3 stay" : ", NFSv3" : "",
		   release->v4.count ? ", NFSv4" : "");
	glr__log_fini();
	return code;
}

int cmd_release(int argc, char *argv[])
{
	static const struct option options[] = {
		{"yes", no_argument, NULL, 'y'}, {"help", no_argument, NULL, 'h'}, {0}};
	static struct release release;
	char question[512];
	bool yes = false;
	int option, code;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'y')
			return cmd_usage("release", option == 'h' ? CMD_OK : CMD_USAGE);
		yes = true;
	}
	if (argc - optind != 2)
		return cmd_usage("release", CMD_USAGE);
	release.group = argv[optind];
	if (glr_address_parse(argv[optind + 1], &release.v4.address))
		return output_error(&release.out, CMD_USAGE,
				    "%s is not an IP address: 'group-lockrecover list %s' shows the clients'",
				    argv[optind + 1], release.group);
	glr_address_text(&release.v4.address, release.client);

	code = check_phase(&release);
	if (!code)
		code = find(&release);
	snprintf(question, sizeof(question),
		 "Releasing the locks of %s in group %s: others may get them at once. If it is alive, its "
		 "programs "
		 "go on writing without them: make sure that it is dead.",
		 release.client, release.group);
	if (!code)
		code = cmd_confirm(&release.out, yes, question);
	if (!code)
		code = drop(&release);
	return output_close(&release.out, code);
}

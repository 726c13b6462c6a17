/* SPDX-License-Identifier: GPL-2.0-or-later */
/* end-grace: a group's grace period ends now, for those who know that nobody else will come back. */
#include "cmd.h"
#include "glr_private.h"
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define NAMED_MAX 20
#define V4_END_GRACE "/proc/fs/nfsd/v4_end_grace"

struct ending {
	const char *group;
	struct output out;
	bool lockd, nfsd; /* in grace */
	size_t absent;
};

/* ---- inside the group's namespaces ------------------------------------------------- */

/* lockd ends its grace period on its own; nfsd does, too, so either may be over. */
static int look(void *arg)
{
	struct ending *ending = arg;
	char state[8] = "";
	int rc = glr__grace_active(-1);

	if (rc < 0)
		return rc;
	ending->lockd = rc > 0;
	rc = glr__read_text(AT_FDCWD, V4_END_GRACE, state, sizeof(state));
	ending->nfsd = state[0] == 'N';
	return rc;
}

static int end_both(void *arg)
{
	const struct ending *ending = arg;
	int rc = ending->lockd ? glr__grace_end() : 0;

	return rc || !ending->nfsd ? rc : glr__write_text(AT_FDCWD, V4_END_GRACE, "Y\n");
}

/* ---- who has not come back ----------------------------------------------------------- */

static int count_absent(const char *packet, void *arg)
{
	struct ending *ending = arg;
	char name[GLR_NAME_MAX], kind[16], progress[32];
	bool v4;

	if (glr__control_value(packet, "name", name, sizeof(name)) ||
	    glr__control_value(packet, "kind", kind, sizeof(kind)) ||
	    glr__control_value(packet, "progress", progress, sizeof(progress)))
		return strncmp(packet, "end=", 4) == 0 ? 1 : -EBADMSG;
	v4 = strcmp(kind, glr_list_kind_text(GLR_LIST_NFSV4)) == 0;
	if (!(v4 ? ending->nfsd : ending->lockd) || strcmp(progress, "seen") == 0 ||
	    strcmp(progress, "missed") == 0)
		return 0;
	if (++ending->absent <= NAMED_MAX)
		output_text(&ending->out, "has not come back: %s (%s, %s)", name, kind, progress);
	return 0;
}

static int show_absent(struct ending *ending)
{
	char text[256] = "";
	int rc = glr__control_ask(ending->group, "list", CMD_TIMEOUT_MS, count_absent, ending, text);

	if (rc < 0)
		return group_unreachable(&ending->out, ending->group, rc, text);
	if (ending->absent > NAMED_MAX)
		output_text(&ending->out, "... and %zu more: 'group-lockrecover list %s'",
			    ending->absent - NAMED_MAX, ending->group);
	return CMD_OK;
}

/* ---- the verb -------------------------------------------------------------------------- */

static int check(struct ending *ending, struct glr_status *status)
{
	int rc = glr_status_get(ending->group, CMD_TIMEOUT_MS, status);

	if (rc)
		return group_unreachable(&ending->out, ending->group, rc, "");
	/* Before it is open no grace period runs, whatever the kernel shows. */
	if (status->phase == GLR_PHASE_RECOVERING || status->phase == GLR_PHASE_SERVING) {
		rc = inside_call(ending->group, look, ending);
		if (rc)
			return group_unreachable(&ending->out, ending->group, rc, "");
	}
	if (!ending->lockd && !ending->nfsd)
		return output_error(&ending->out, CMD_UNSAFE,
				    "group %s is %s and not in its grace period: there is nothing to end",
				    ending->group, glr_phase_text(status->phase));
	return CMD_OK;
}

/* Who is missed is on disk before grace ends: from then on their locks may go to others. */
static int end(struct ending *ending, const struct glr_status *status)
{
	char text[256] = "";
	int rc = 0;

	if (status->phase == GLR_PHASE_RECOVERING)
		rc = glr__control_ask(ending->group, "end-grace", CMD_TIMEOUT_MS, NULL, NULL, text);
	if (rc)
		return group_unreachable(&ending->out, ending->group, rc, text);
	rc = inside_call(ending->group, end_both, ending);
	if (rc)
		return output_error(&ending->out, CMD_OS_ERROR,
				    "the kernel does not end the grace period of group %s (%s): it takes its "
				    "time",
				    ending->group, strerror(-rc));
	glr__log_init(PACKAGE_NAME, ending->group, false);
	glr_notice("grace was ended by hand; %zu clients had not come back", ending->absent);
	glr__log_fini();
	output_text(&ending->out, "%s: the grace period is over; %zu clients had not come back",
		    ending->group, ending->absent);
	return CMD_OK;
}

int cmd_end_grace(int argc, char *argv[])
{
	static const struct option options[] = {
		{"yes", no_argument, NULL, 'y'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct ending ending = {.group = NULL};
	struct glr_status status;
	char question[256];
	bool yes = false;
	int option, code;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'y')
			return cmd_usage("end-grace", option == 'h' ? CMD_OK : CMD_USAGE);
		yes = true;
	}
	if (argc - optind != 1)
		return cmd_usage("end-grace", CMD_USAGE);
	ending.group = argv[optind];

	code = check(&ending, &status);
	if (!code)
		code = show_absent(&ending);
	snprintf(question, sizeof(question),
		 "Ending the grace period of group %s: what its clients have not reclaimed is lost, and may "
		 "go "
		 "to others.",
		 ending.group);
	if (!code)
		code = cmd_confirm(&ending.out, yes, question);
	if (!code)
		code = end(&ending, &status);
	return output_close(&ending.out, code);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify: the client list on disk, and what can be done about one that is damaged. */
#include "checks.h"
#include "verify.h"

#include <errno.h>
#include <string.h>

#define REPAIR "'group-lockrecover verify --repair GROUP' when the group is stopped"

static void report(struct verify *verify, const struct verify_place *place, enum verify_level level,
		   const char *text)
{
	verify_report(verify, level, place->directory, "list", "%s: %s", place->state_dir, text);
}

static void report_salvaged(struct verify *verify, const struct verify_place *place,
			    const struct glr_list_facts *facts)
{
	verify_report(
		verify, facts->damaged ? VERIFY_ERROR : VERIFY_WARNING, place->directory, "list",
		"%s damaged: %zu clients were saved; others may be missing, and lose their locks at the next "
		"takeover%s",
		facts->damaged ? "is" : "was", facts->clients,
		facts->damaged ? ": check the storage, and " REPAIR : ", after which it is complete again");
}

static void report_facts(struct verify *verify, const struct verify_place *place, const glr_list_t *list)
{
	struct glr_list_facts facts;

	glr_list_get_facts(list, &facts);
	if (*place->group && strcmp(facts.group, place->group) != 0)
		verify_report(verify, VERIFY_ERROR, place->directory, "list",
			      "%s holds the list of group %s, not of %s: give each group a directory and a "
			      "state_dir of its own",
			      place->state_dir, facts.group, place->group);
	else if (facts.error)
		verify_report(verify, VERIFY_ERROR, place->directory, "list",
			      "%s: %s: move the group to another node", place->state_dir,
			      strerror(-facts.error));
	else if (facts.condition == GLR_LIST_SALVAGED)
		report_salvaged(verify, place, &facts);
	else if (facts.condition == GLR_LIST_MISSING)
		verify_report(verify, VERIFY_WARNING, place->directory, "list",
			      "was made anew beside other state of the group; complete again after the next "
			      "recovery");
	else
		verify_report(verify, VERIFY_OK, place->directory, "list", "%s, group %s, %zu clients",
			      glr_condition_text(facts.condition), facts.group, facts.clients);
}

void verify_list(struct verify *verify, const struct verify_place *place)
{
	struct list_look look;
	int rc = list_look_open(place->state_dir, &look);

	if (rc == 0)
		report_facts(verify, place, look.list);
	else if (rc == -ENOENT)
		report(verify, place, VERIFY_OK, "has none yet; the first start makes it");
	else if (rc == -ENODATA)
		report(verify, place, VERIFY_ERROR,
		       "one of clients.0 and clients.1 is missing: restore it, or " REPAIR);
	else if (rc == -EBADMSG)
		report(verify, place, VERIFY_ERROR,
		       "neither clients.0 nor clients.1 is a client list: check the storage; to begin with "
		       "an "
		       "empty list, " REPAIR);
	else if (rc == -EPROTONOSUPPORT)
		report(verify, place, VERIFY_ERROR,
		       "was written by a newer version: install that one on this node");
	else
		report(verify, place, VERIFY_ERROR, strerror(-rc));
	list_look_close(&look);
}

/* ---- repair ----------------------------------------------------------------------------- */

/* Rewritten into the other file, the list is whole; what is not on it any more cannot be known. */
static int rewrite(const struct verify_place *place, bool *damaged)
{
	struct glr_list_facts facts;
	struct list_look look;
	int rc = list_edit_open(place->state_dir, place->group, &look);

	*damaged = false;
	if (rc)
		return rc;
	glr_list_get_facts(look.list, &facts);
	*damaged = facts.damaged;
	rc = facts.damaged ? glr_list_compact(look.list) : 0;
	list_look_close(&look);
	return rc;
}

int verify_repair(struct verify *verify, const struct verify_place *place)
{
	struct glr_status status;
	struct list_look look;
	bool damaged;
	int rc = glr_status_get(place->group, CMD_TIMEOUT_MS, &status);

	if (rc != -ENOENT)
		return output_error(&verify->out, CMD_UNSAFE,
				    "group %s is started on this node, and writes its list itself: stop its "
				    "resource group, but leave its filesystem mounted",
				    place->group);
	rc = list_look_open(place->state_dir, &look);
	list_look_close(&look);
	if (rc == -ENOENT)
		return CMD_OK;
	rc = rewrite(place, &damaged);
	if (rc == -EBADMSG) {
		damaged = true;
		rc = list_make_anew(place->state_dir, place->group);
	}
	if (rc == -EXDEV)
		return output_error(&verify->out, CMD_UNSAFE, "%s holds another group's list than that of %s",
				    place->state_dir, place->group);
	if (rc)
		return output_error(&verify->out, rc == -EACCES ? CMD_NO_PERMISSION : CMD_OS_ERROR,
				    "the client list in %s cannot be repaired: %s", place->state_dir,
				    strerror(-rc));
	if (damaged)
		verify_report(verify, VERIFY_WARNING, place->directory, "repair",
			      "the list was made whole; what was there is kept in %s/clients.broken-*",
			      place->state_dir);
	else
		verify_report(verify, VERIFY_OK, place->directory, "repair", "nothing was to be done");
	return CMD_OK;
}

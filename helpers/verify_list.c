/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify: the client list on disk. */
#include "checks.h"
#include "verify.h"

#include <errno.h>
#include <string.h>

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
		verify_report(
			verify, VERIFY_ERROR, place->directory, "list",
			"damaged in the middle, %zu clients were saved and others may be missing: check the "
			"storage and the log; clients with locks that are not listed lose them at a takeover",
			facts.clients);
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
		verify_report(verify, VERIFY_OK, place->directory, "list",
			      "%s has none yet; the first start makes it", place->state_dir);
	else if (rc == -EBADMSG)
		verify_report(verify, VERIFY_ERROR, place->directory, "list",
			      "neither slot in %s is a client list: check the storage; move both files away "
			      "to begin "
			      "with an empty list",
			      place->state_dir);
	else if (rc == -EPROTONOSUPPORT)
		verify_report(verify, VERIFY_ERROR, place->directory, "list",
			      "%s was written by a newer version: install that one on this node",
			      place->state_dir);
	else
		verify_report(verify, VERIFY_ERROR, place->directory, "list", "%s: %s", place->state_dir,
			      strerror(-rc));
	list_look_close(&look);
}

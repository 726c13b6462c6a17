/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening the client list: which slot it is. */
#include "clientlist_private.h"

#include <errno.h>
#include <stdlib.h>

/* A slot that became shorter than it was made has no room for what it lost. */
static int other_capacity(glr_list_t *list, uint64_t slot_bytes)
{
	uint64_t size;
	int rc = glr__file_size(list->fds[!list->slot], &size);

	size &= ~(uint64_t)(GLR__LIST_BLOCK - 1);
	list->capacity[!list->slot] = size < slot_bytes ? size : slot_bytes;
	return rc;
}

static int choose_slot(glr_list_t *list, const char *group)
{
	struct glr__list_header headers[2];
	int rcs[2];
	int i;

	for (i = 0; i < 2; i++) {
		rcs[i] = glr__list_header_read(list->fds[i], &headers[i]);
		if (rcs[i] && rcs[i] != -EBADMSG)
			return rcs[i];
	}
	if (rcs[0] && rcs[1])
		return -EBADMSG;
	for (i = 0; i < 2; i++) {
		if (rcs[i]) {
			/* Not from an interrupted rewriting: that leaves the old header or the new one. */
			list->other_lost = true;
			list->damaged_slots |= 1u << i;
		} else if (group && strcmp(headers[i].group, group) != 0) {
			return -EXDEV;
		}
	}
	if (!list->other_lost && strcmp(headers[0].group, headers[1].group) != 0)
		return -EXDEV;
	list->slot = rcs[0] || (!rcs[1] && headers[1].generation > headers[0].generation);
	list->now = headers[list->slot];
	list->capacity[list->slot] = list->now.slot_bytes;
	if (rcs[!list->slot])
		return 0;
	return other_capacity(list, headers[!list->slot].slot_bytes);
}

/*
 * A monitor that was killed may have written what it did not sync: read back from memory, it would count as
 * known and be acknowledged without ever having reached the disk.
 */
static void sync_slots(glr_list_t *list)
{
	int i;

	for (i = 0; i < 2 && !list->error; i++)
		list->error = glr__fdatasync(list->fds[i]);
}

int glr_list_open(int slot0_fd, int slot1_fd, const char *group, glr_list_t **result)
{
	glr_list_t *list = calloc(1, sizeof(*list));
	bool writable[2];
	int rc;

	if (!list)
		return -ENOMEM;
	list->fds[0] = slot0_fd;
	list->fds[1] = slot1_fd;
	rc = glr__file_writable(slot0_fd, &writable[0]);
	if (!rc)
		rc = glr__file_writable(slot1_fd, &writable[1]);
	if (rc)
		goto out;
	list->writable = writable[0] && writable[1];
	rc = choose_slot(list, group);
	if (rc)
		goto out;
	rc = glr__list_replay(list);
	if (rc)
		goto out;
	if (list->writable)
		sync_slots(list);
	*result = list;
	list = NULL;
out:
	glr_list_close(list);
	return rc;
}

void glr_list_close(glr_list_t *list)
{
	if (!list)
		return;
	glr__list_drop_pending(list);
	free(list->upkeep);
	glr__table_clear(&list->table);
	glr__table_clear(&list->v4);
	free(list);
}

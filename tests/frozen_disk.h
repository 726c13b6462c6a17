/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system of one's own that can be frozen, as storage that hangs does: nothing fails, nothing ends. */
#ifndef FROZEN_DISK_H
#define FROZEN_DISK_H

#define FROZEN_DISK "/run/mnt"

/* Makes and mounts it.  Also when the test fails it is thawed: what waits for a frozen one cannot be killed.
 */
void frozen_disk_make(void);
void frozen_disk_freeze(void);
void frozen_disk_thaw(void);

#endif

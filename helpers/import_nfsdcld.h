/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NFSv4 clients that nfsdcld of nfs-utils has recorded. */
#ifndef IMPORT_NFSDCLD_H
#define IMPORT_NFSDCLD_H

#include "glr_private.h"

/*
 * Adds to a list every client that nfsdcld would let reclaim.
 * @param from its "nfsdcld/main.sqlite" is read where it exists; nfsdcld must not run, and a change it left
 *	       unfinished is undone there
 * @param imported is advanced by the number of clients
 * @return 0, -EPROTO (not nfsdcld's database), -ENOMEM, -EIO, or as glr_list_add()
 */
int import_nfsdcld(const char *from, glr_list_t *list, size_t *imported);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nfsdcld's database (utils/nfsdcld/sqlite.c of nfs-utils): a table per epoch, of which "grace" tells the one
 * that is and, until grace is done, the one that is recovered from.
 */
#include "clientlist.h"
#include "import_nfsdcld.h"
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int errno_of(int result)
{
	switch (result) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return 0;
	case SQLITE_ERROR: /* such as no such table */
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return -EPROTO;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* One row: the identifier and, since nfs-utils 2.5.1, the hash of the principal. */
static int take_client(sqlite3_stmt *row, struct glr__v4_client *client)
{
	int length = sqlite3_column_bytes(row, 0);

	if (length < 1 || length > GLR__V4_ID_MAX)
		return -EPROTO;
	memset(client, 0, sizeof(*client));
	memcpy(client->id, sqlite3_column_blob(row, 0), (size_t)length);
	client->id_length = (size_t)length;
	client->has_hash = sqlite3_column_count(row) > 1 && sqlite3_column_bytes(row, 1) == GLR__V4_HASH;
	if (client->has_hash)
		memcpy(client->hash, sqlite3_column_blob(row, 1), GLR__V4_HASH);
	return 0;
}

static int add(glr_list_t *list, const struct glr__v4_client *client)
{
	struct glr__list_write op;
	int rc;

	while ((rc = glr__list_prepare_v4_add(list, client, &op)) == -EAGAIN) {
		rc = glr_list_compact(list);
		if (rc)
			return rc;
	}
	return rc || op.length == 0 ? rc : glr__list_commit(list, glr__list_write(&op));
}

static int add_epoch(sqlite3 *db, uint64_t epoch, glr_list_t *list, size_t *imported)
{
	struct glr__v4_client client;
	sqlite3_stmt *rows = NULL;
	char query[64];
	int result, rc = 0;

	snprintf(query, sizeof(query), "SELECT * FROM \"rec-%016" PRIx64 "\"", epoch);
	result = sqlite3_prepare_v2(db, query, -1, &rows, NULL);
	if (result == SQLITE_OK)
		result = SQLITE_ROW;
	while (!rc && result == SQLITE_ROW && (result = sqlite3_step(rows)) == SQLITE_ROW) {
		rc = take_client(rows, &client);
		if (!rc)
			rc = add(list, &client);
		*imported += !rc;
	}
	sqlite3_finalize(rows);
	return rc ? rc : errno_of(result);
}

static int read_epochs(sqlite3 *db, uint64_t epochs[2])
{
	sqlite3_stmt *row = NULL;
	int result = sqlite3_prepare_v2(db, "SELECT current, recovery FROM grace", -1, &row, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(row);
	if (result == SQLITE_ROW)
		for (int i = 0; i < 2; i++)
			epochs[i] = (uint64_t)sqlite3_column_int64(row, i);
	sqlite3_finalize(row);
	return result == SQLITE_ROW ? 0 : result == SQLITE_DONE ? -EPROTO : errno_of(result);
}

int import_nfsdcld(const char *from, glr_list_t *list, size_t *imported)
{
	uint64_t epochs[2] = {0, 0};
	char path[PATH_MAX];
	sqlite3 *db = NULL;
	int rc;

	snprintf(path, sizeof(path), "%.4000s/nfsdcld/main.sqlite", from);
	if (access(path, F_OK) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	/* Opened for writing: what a power cut left unfinished has to be undone before it can be read. */
	rc = errno_of(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL));
	if (!rc)
		rc = read_epochs(db, epochs);
	for (int i = 0; i < 2 && !rc; i++)
		if (epochs[i])
			rc = add_epoch(db, epochs[i], list, imported);
	sqlite3_close(db);
	return rc;
}

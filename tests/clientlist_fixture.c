/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clientlist_fixture.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

struct disk disk;
int directory_fd = -1;
int slot_fds[2] = {-1, -1};
char directory_path[64];

/* ---- the disk ------------------------------------------------------------- */

struct unsynced {
	struct unsynced *next;
	int slot;
	off_t offset;
	size_t length;
	uint8_t before[];
};

static struct unsynced *unsynced;

int __real_glr__pwrite_all(int fd, const void *data, size_t length, off_t offset);
int __wrap_glr__pwrite_all(int fd, const void *data, size_t length, off_t offset);
int __real_glr__preallocate(int fd, uint64_t length);
int __wrap_glr__preallocate(int fd, uint64_t length);
int __wrap_glr__check_writable(int fd);
int __wrap_glr__fdatasync(int fd);
int __wrap_glr__fsync(int fd);

static int slot_of(int fd)
{
	return fd == slot_fds[0] ? 0 : fd == slot_fds[1] ? 1 : -1;
}

static bool fails(void)
{
	disk.calls++;
	return disk.fail_at && (disk.stays_broken ? disk.calls >= disk.fail_at : disk.calls == disk.fail_at);
}

static void remember(int slot, size_t length, off_t offset)
{
	struct unsynced *entry = calloc(1, sizeof(*entry) + length);

	ck_assert_ptr_nonnull(entry);
	entry->slot = slot;
	entry->offset = offset;
	entry->length = length;
	ck_assert_int_ge(pread(slot_fds[slot], entry->before, length, offset), 0);
	entry->next = unsynced;
	unsynced = entry;
}

static void forget(int slot)
{
	struct unsynced **link = &unsynced;
	struct unsynced *entry;

	while ((entry = *link)) {
		if (slot >= 0 && entry->slot != slot) {
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		free(entry);
	}
}

int __wrap_glr__pwrite_all(int fd, const void *data, size_t length, off_t offset)
{
	bool failing = fails();
	int slot = slot_of(fd);
	int rc = 0;

	disk.writes++;
	if (!failing || (disk.arrives && disk.calls == disk.fail_at)) {
		if (slot >= 0)
			remember(slot, length, offset);
		rc = __real_glr__pwrite_all(fd, data, length, offset);
	}
	return failing ? disk.error : rc;
}

/* Slots can be filled, and made larger only where a test gives them room. */
int __wrap_glr__preallocate(int fd, uint64_t length)
{
	uint64_t size;

	ck_assert_int_eq(glr__file_size(fd, &size), 0);
	if (slot_of(fd) < 0 || length <= size || disk.room)
		return __real_glr__preallocate(fd, length);
	return -ENOSPC;
}

int __wrap_glr__check_writable(int fd)
{
	return disk.read_only ? -EROFS : 0;
}

int __wrap_glr__fdatasync(int fd)
{
	if (fails())
		return disk.error;
	if (slot_of(fd) >= 0)
		forget(slot_of(fd));
	return 0;
}

int __wrap_glr__fsync(int fd)
{
	return __wrap_glr__fdatasync(fd);
}

static bool sector_lost(enum power_cut kind, off_t sector)
{
	static uint32_t series = 1;

	switch (kind) {
	case CUT_LOSES:
		return true;
	case CUT_ODD:
		return sector % 2 == 1;
	case CUT_EVEN:
		return sector % 2 == 0;
	case CUT_SCATTERS:
		series = series * 1103515245 + 12345;
		return series >> 16 & 1;
	default:
		return false;
	}
}

void power_cut(enum power_cut kind)
{
	struct unsynced *entry;
	off_t from, to, end;

	for (entry = unsynced; entry; entry = entry->next) {
		end = entry->offset + (off_t)entry->length;
		for (from = entry->offset; from < end; from = to) {
			to = (from / SECTOR + 1) * SECTOR;
			if (to > end)
				to = end;
			if (sector_lost(kind, from / SECTOR))
				poke(entry->slot, from, entry->before + (from - entry->offset),
				     (size_t)(to - from));
		}
	}
	forget(-1);
}

/* ---- the directory ------------------------------------------------------------ */

void fixture_setup(void)
{
	const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(directory_path, sizeof(directory_path), "%s/check_clientlist.XXXXXX", parent);
	ck_assert_ptr_nonnull(mkdtemp(directory_path));
	directory_fd = open(directory_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(directory_fd, 0);
}

void fixture_begin(void)
{
	struct dirent *entry;
	DIR *dir;

	slots_close();
	forget(-1);
	memset(&disk, 0, sizeof(disk));
	dir = opendir(directory_path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(directory_fd, entry->d_name, 0);
	closedir(dir);
}

void fixture_end(void)
{
	slots_close();
	forget(-1);
}

void fixture_teardown(void)
{
	fixture_begin();
	close(directory_fd);
	ck_assert_int_eq(rmdir(directory_path), 0);
}

void slots_open(int flags)
{
	slot_fds[0] = openat(directory_fd, "clients.0", flags | O_CLOEXEC);
	slot_fds[1] = openat(directory_fd, "clients.1", flags | O_CLOEXEC);
	ck_assert_int_ge(slot_fds[0], 0);
	ck_assert_int_ge(slot_fds[1], 0);
}

void slots_close(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (slot_fds[i] >= 0)
			close(slot_fds[i]);
		slot_fds[i] = -1;
	}
}

void fixture_format(uint64_t slot_bytes, bool missing)
{
	slots_close();
	unlinkat(directory_fd, "clients.0", 0);
	unlinkat(directory_fd, "clients.1", 0);
	ck_assert_int_eq(glr_list_format(directory_fd, "home", slot_bytes, missing), 0);
	slots_open(O_RDWR);
}

glr_list_t *list_open(void)
{
	glr_list_t *list = NULL;

	ck_assert_int_eq(glr_list_open(slot_fds[0], slot_fds[1], "home", &list), 0);
	return list;
}

glr_list_t *list_reopen(glr_list_t *list)
{
	glr_list_close(list);
	return list_open();
}

void poke(int slot, off_t offset, const void *bytes, size_t length)
{
	ck_assert_int_eq(pwrite(slot_fds[slot], bytes, length, offset), (ssize_t)length);
}

void flip_bit(int slot, uint64_t bit)
{
	uint8_t byte;

	ck_assert_int_eq(pread(slot_fds[slot], &byte, 1, (off_t)(bit / 8)), 1);
	byte ^= (uint8_t)(1u << (bit % 8));
	poke(slot, (off_t)(bit / 8), &byte, 1);
}

/* ---- the clients ------------------------------------------------------------------ */

struct glr_address address_of(unsigned number)
{
	struct glr_address address = {.family = AF_INET, .bytes = {10}};

	address.bytes[1] = (uint8_t)(number >> 16);
	address.bytes[2] = (uint8_t)(number >> 8);
	address.bytes[3] = (uint8_t)number;
	return address;
}

const char *name_of(unsigned number)
{
	static char texts[4][GLR_ADDRESS_TEXT_MAX];
	static unsigned turn;
	struct glr_address address = address_of(number);

	return glr_address_text(&address, texts[turn++ % 4]);
}

int add(glr_list_t *list, unsigned number)
{
	struct glr_address address = address_of(number);

	return glr_list_add(list, name_of(number), &address);
}

void add_many(glr_list_t *list, unsigned from, unsigned to)
{
	for (; from < to; from++)
		ck_assert_int_eq(add(list, from), 0);
}

bool on_list(const glr_list_t *list, unsigned number)
{
	return glr_list_contains(list, name_of(number));
}

struct glr_list_facts facts_of(const glr_list_t *list)
{
	struct glr_list_facts facts;

	glr_list_get_facts(list, &facts);
	return facts;
}

uint64_t record_at(unsigned index)
{
	return GLR__LIST_RECORDS + index * glr__list_entry_frame(strlen(name_of(100)));
}

struct glr__v4_client client_of(unsigned number)
{
	struct glr__v4_client client = {.has_hash = number % 2};

	/* Some long, some short, with zeros, as any opaque may be. */
	client.id_length = number % 5 == 4 ? (number > 40 ? 700 : 260) + number : 20;
	memset(client.id, number % 3 ? 'x' : 0, client.id_length);
	client.id[0] = (uint8_t)number;
	memset(client.hash, (int)number, client.has_hash ? sizeof(client.hash) : 0);
	return client;
}

int v4_change(glr_list_t *list, enum change kind, unsigned number)
{
	struct glr__v4_client client = client_of(number);
	struct glr__list_write op;
	int rc;

	do {
		if (kind == ADD)
			rc = glr__list_prepare_v4_add(list, &client, &op);
		else if (kind == WATCH)
			rc = glr__list_prepare_v4_watch(list, &client, &op);
		else if (kind == REMOVE)
			rc = glr__list_prepare_v4_remove(list, &client, &op);
		else if (kind == BEGIN)
			rc = glr__list_prepare_v4_grace_begin(list, &op);
		else
			rc = glr__list_prepare_v4_grace_done(list, &op);
	} while (rc == -EAGAIN && !(rc = glr__list_rewrite_now(list)) && (rc = -EAGAIN));
	if (rc || op.length == 0)
		return rc;
	return glr__list_commit(list, glr__list_write(&op));
}

/* ---- twelve clients ------------------------------------------------------------- */

uint8_t image[2][FIXTURE_SLOT_BYTES];

void save_slots(void)
{
	int i;

	for (i = 0; i < 2; i++)
		ck_assert_int_eq(pread(slot_fds[i], image[i], FIXTURE_SLOT_BYTES, 0), FIXTURE_SLOT_BYTES);
}

void restore_slots(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(ftruncate(slot_fds[i], FIXTURE_SLOT_BYTES), 0);
		poke(i, 0, image[i], FIXTURE_SLOT_BYTES);
	}
}

void make_twelve(void)
{
	glr_list_t *list;

	fixture_format(FIXTURE_SLOT_BYTES, false);
	list = list_open();
	add_many(list, FIRST, FIRST + COUNT);
	glr_list_close(list);
	save_slots();
}

unsigned count_present(const glr_list_t *list)
{
	unsigned present = 0;
	unsigned i;

	for (i = FIRST; i < FIRST + COUNT; i++)
		present += on_list(list, i);
	return present;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is on the client list in a state directory: client_list STATE_DIRECTORY
 *
 *	cc -o client_list client_list.c $(pkg-config --cflags --libs libglr)
 */
#include <glr.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int print_client(const struct glr_list_client *client, void *arg)
{
	char address[GLR_ADDRESS_TEXT_MAX];

	(void)arg;
	printf("%s %s %s%s\n", client->name, glr_address_text(&client->address, address),
	       glr_list_kind_text(client->kind), client->missed ? " missed" : "");
	return 0;
}

static int open_slot(const char *directory, int number)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/clients.%d", directory, number);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int print_list(int slot0_fd, int slot1_fd)
{
	struct glr_list_facts facts;
	glr_list_t *list = NULL;
	int rc = glr_list_open(slot0_fd, slot1_fd, NULL, &list);

	if (rc)
		goto out;
	glr_list_get_facts(list, &facts);
	printf("group %s, list %s\n", facts.group, glr_condition_text(facts.condition));
	rc = glr_list_foreach(list, print_client, NULL);
out:
	glr_list_close(list);
	return rc;
}

int main(int argc, char *argv[])
{
	int slots[2];
	int rc;

	if (argc != 2) {
		fprintf(stderr, "usage: client_list STATE_DIRECTORY\n");
		return 2;
	}
	for (int i = 0; i < 2; i++) {
		slots[i] = open_slot(argv[1], i);
		if (slots[i] < 0) {
			perror(argv[1]);
			return 1;
		}
	}
	rc = print_list(slots[0], slots[1]);
	if (rc)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-rc));
	close(slots[0]);
	close(slots[1]);
	return rc ? 1 : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads /proc/PID/mountinfo. */
#include "mountinfo.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The kernel writes space, tab, newline and backslash as \ooo. */
static void decode_octal(char *text)
{
	const char *in = text;
	char *out = text;

	while (*in) {
		if (in[0] == '\\' && is_octal(in[1]) && is_octal(in[2]) && is_octal(in[3])) {
			*out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
}

static char *next_text(char **rest)
{
	char *word = strsep(rest, " \n");

	if (word)
		decode_octal(word);
	return word;
}

int mountinfo_parse(char *line, struct mountinfo *entry)
{
	char *rest, *word;
	int used = 0;

	memset(entry, 0, sizeof(*entry));
	if (sscanf(line, "%d %d %u:%u %n", &entry->id, &entry->parent, &entry->major, &entry->minor, &used) !=
		    4 ||
	    !used)
		return -EBADMSG;

	rest = line + used;
	entry->root = next_text(&rest);
	entry->point = next_text(&rest);
	strsep(&rest, " "); /* mount options */
	while ((word = strsep(&rest, " \n")) && strcmp(word, "-") != 0) {
		sscanf(word, "shared:%d", &entry->shared);
		sscanf(word, "master:%d", &entry->master);
	}
	entry->fstype = next_text(&rest);
	entry->source = next_text(&rest);
	return entry->source && rest ? 0 : -EBADMSG; /* the source may be empty */
}

int mountinfo_foreach(const char *file, int (*fn)(const struct mountinfo *entry, void *arg), void *arg)
{
	struct mountinfo entry;
	char *line = NULL;
	size_t size = 0;
	FILE *stream;
	int rc = 0;

	stream = fopen(file, "re");
	if (!stream)
		return -errno;

	while (!rc) {
		errno = 0;
		if (getline(&line, &size, stream) < 0) {
			rc = -errno;
			break;
		}
		rc = mountinfo_parse(line, &entry);
		if (!rc)
			rc = fn(&entry, arg);
	}
	free(line);
	fclose(stream);
	return rc;
}

struct search {
	const char *point;
	struct mountinfo *found;
};

static int keep_last(const struct mountinfo *entry, void *arg)
{
	struct search *search = arg;
	struct mountinfo *found = search->found;
	size_t size;

	if (strcmp(entry->point, search->point) != 0)
		return 0;

	mountinfo_release(found);
	*found = *entry;
	size = strlen(entry->root) + strlen(entry->point) + strlen(entry->fstype) + strlen(entry->source) + 4;
	found->line = malloc(size);
	if (!found->line)
		return -ENOMEM;
	snprintf(found->line, size, "%s%c%s%c%s%c%s", entry->root, 0, entry->point, 0, entry->fstype, 0,
		 entry->source);
	found->root = found->line;
	found->point = found->root + strlen(found->root) + 1;
	found->fstype = found->point + strlen(found->point) + 1;
	found->source = found->fstype + strlen(found->fstype) + 1;
	return 0;
}

int mountinfo_find(const char *file, const char *point, struct mountinfo *entry)
{
	struct search search = {.point = point, .found = entry};
	int rc;

	memset(entry, 0, sizeof(*entry));
	rc = mountinfo_foreach(file, keep_last, &search);
	if (!rc && !entry->line)
		rc = -ENOENT;
	if (rc)
		mountinfo_release(entry);
	return rc;
}

void mountinfo_release(struct mountinfo *entry)
{
	free(entry->line);
	memset(entry, 0, sizeof(*entry));
}

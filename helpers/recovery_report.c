/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the last recovery came to: a line of numbers, the names of the missed, and "end=1". */
#include "recovery_report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define END "end=1\n"

static int append(struct recovery_report *report, const char *name, size_t length)
{
	char *grown = realloc(report->names, report->names_length + length + 2);

	if (!grown)
		return -ENOMEM;
	report->names = grown;
	memcpy(grown + report->names_length, name, length);
	report->names_length += length + 1;
	memcpy(grown + report->names_length - 1, "\n", 2);
	return 0;
}

int recovery_report_missed(struct recovery_report *report, const char *name)
{
	report->missed++;
	return append(report, name, strlen(name));
}

/* Emptied first: what is cut off has no end. */
int recovery_report_write(int fd, const struct recovery_report *report)
{
	char *text = NULL;
	int length, rc;

	if (fd < 0)
		return 0;
	length = asprintf(&text,
			  "began_s=%" PRIu64 " duration_ms=%" PRIu64 " nsm_state=%" PRIu64 " clients=%" PRIu64
			  " acknowledged=%" PRIu64 " returned=%" PRIu64 " missed=%" PRIu64 "\n%s" END,
			  report->began_s, report->duration_ms, report->nsm_state, report->clients,
			  report->acknowledged, report->returned, report->missed,
			  report->names ? report->names : "");
	if (length < 0)
		return -ENOMEM;
	rc = glr__truncate(fd, 0);
	if (!rc)
		rc = glr__pwrite_all(fd, text, (size_t)length, 0);
	free(text);
	return rc;
}

static int take_numbers(struct recovery_report *report, const char *line)
{
	struct {
		const char *key;
		uint64_t *value;
	} numbers[] = {
		{"began_s", &report->began_s},
		{"duration_ms", &report->duration_ms},
		{"nsm_state", &report->nsm_state},
		{"clients", &report->clients},
		{"acknowledged", &report->acknowledged},
		{"returned", &report->returned},
		{"missed", &report->missed},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (glr__control_number(line, numbers[i].key, numbers[i].value))
			return -EBADMSG;
	}
	return 0;
}

static int read_lines(FILE *stream, struct recovery_report *report)
{
	char line[GLR_NAME_MAX + 512];
	int rc;

	if (!fgets(line, sizeof(line), stream))
		return -ENOENT;
	rc = take_numbers(report, line);
	for (uint64_t i = 0; i < report->missed && !rc; i++)
		rc = fgets(line, sizeof(line), stream) ? append(report, line, strcspn(line, "\n")) : -EBADMSG;
	if (!rc && (!fgets(line, sizeof(line), stream) || strcmp(line, END)))
		rc = -EBADMSG;
	return rc;
}

int recovery_report_read(const char *group, struct recovery_report *report)
{
	char path[PATH_MAX];
	FILE *stream;
	int rc;

	memset(report, 0, sizeof(*report));
	snprintf(path, sizeof(path), GLR__RUNTIME_DIR "/%s/" RECOVERY_REPORT_FILE, group);
	stream = fopen(path, "re");
	if (!stream)
		return -errno;
	rc = read_lines(stream, report);
	fclose(stream);
	if (rc)
		recovery_report_clear(report);
	return rc;
}

void recovery_report_clear(struct recovery_report *report)
{
	free(report->names);
	memset(report, 0, sizeof(*report));
}

const char *recovery_report_time(uint64_t time_s, char buffer[RECOVERY_TIME_MAX])
{
	time_t time = (time_t)time_s;
	struct tm utc;

	if (!gmtime_r(&time, &utc) || !strftime(buffer, RECOVERY_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc))
		buffer[0] = '\0';
	return buffer;
}

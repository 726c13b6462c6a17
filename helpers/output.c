/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output as text, or as XML in the manner of Pacemaker's tools. */
#include "cmd.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 2048

static const struct {
	enum cmd_code code;
	const char *text;
} messages[] = {
	{CMD_OK, "OK"},
	{CMD_ERROR, "Error occurred"},
	{CMD_NO_PERMISSION, "Insufficient privileges"},
	{CMD_USAGE, "Incorrect usage"},
	{CMD_BAD_DATA, "Invalid data given"},
	{CMD_NO_INPUT, "Input file not available"},
	{CMD_UNAVAILABLE, "Necessary service unavailable"},
	{CMD_OS_ERROR, "Operating system error occurred"},
	{CMD_NOT_CONNECTED, "Not connected"},
	{CMD_NO_SUCH, "No such object"},
	{CMD_NO_QUORUM, "Quorum required"},
	{CMD_UNSAFE, "Operation not safe"},
	{CMD_TIMEOUT, "Timeout occurred"},
	{CMD_DEGRADED, "Service is active but might fail soon"},
};

/* Names come from the network: neither a terminal nor an XML parser shall see control or other odd bytes. */
static char *printable(char *text)
{
	for (char *at = text; *at; at++) {
		if (*at < ' ' || *at > '~')
			*at = '?';
	}
	return text;
}

int output_open(struct output *out, const char *format, const char *verb)
{
	char request[64];

	memset(out, 0, sizeof(*out));
	if (!format || strcmp(format, "text") == 0)
		return 0;
	if (strcmp(format, "xml") != 0)
		return cmd_usage(verb, CMD_USAGE);

	out->errors = xmlBufferCreate();
	out->xml = xmlNewTextWriterFilename("-", 0);
	if (!out->xml || !out->errors) {
		fprintf(stderr, "out of memory\n");
		xmlFreeTextWriter(out->xml);
		xmlBufferFree(out->errors);
		return CMD_ERROR;
	}
	snprintf(request, sizeof(request), "group-lockrecover %s", verb);
	xmlTextWriterSetIndent(out->xml, 1);
	xmlTextWriterSetIndentString(out->xml, BAD_CAST "  ");
	output_begin(out, "group-lockrecover-result", "api-version", "1.0", "request", request, NULL);
	return 0;
}

void output_text(struct output *out, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;

	if (out->xml)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(out->stream ? out->stream : stdout, "%s\n", printable(line));
}

void output_begin(struct output *out, const char *element, ...)
{
	const char *name, *value;
	va_list ap;

	if (!out->xml)
		return;
	xmlTextWriterStartElement(out->xml, BAD_CAST element);
	va_start(ap, element);
	while ((name = va_arg(ap, const char *)) && (value = va_arg(ap, const char *))) {
		char text[LINE_MAX_BYTES];

		snprintf(text, sizeof(text), "%s", value);
		xmlTextWriterWriteAttribute(out->xml, BAD_CAST name, BAD_CAST printable(text));
	}
	va_end(ap);
}

void output_end(struct output *out)
{
	if (out->xml)
		xmlTextWriterEndElement(out->xml);
}

int output_error(struct output *out, int code, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	printable(line);
	if (out->xml) /* NUL separates them */
		xmlBufferAdd(out->errors, BAD_CAST line, (int)strlen(line) + 1);
	else
		fprintf(stderr, "group-lockrecover: %s\n", line);
	return code;
}

static const char *message_of(int code)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (messages[i].code == (enum cmd_code)code)
			return messages[i].text;
	}
	return "Unknown exit status";
}

static void write_result(struct output *out, int code)
{
	const char *at = (const char *)xmlBufferContent(out->errors);
	const char *end = at + xmlBufferLength(out->errors);
	char number[24];

	output_begin(out, "status", "code", output_number(code, number), "message", message_of(code), NULL);
	if (at < end)
		output_begin(out, "errors", NULL);
	for (; at < end; at += strlen(at) + 1)
		xmlTextWriterWriteElement(out->xml, BAD_CAST "error", BAD_CAST at);
	xmlTextWriterEndDocument(out->xml);
}

int output_close(struct output *out, int code)
{
	if (out->xml) {
		write_result(out, code);
		xmlFreeTextWriter(out->xml);
		xmlBufferFree(out->errors);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("group-lockrecover: standard output");
		return CMD_ERROR;
	}
	return code;
}

const char *output_number(uint64_t number, char buffer[24])
{
	snprintf(buffer, 24, "%" PRIu64, number);
	return buffer;
}

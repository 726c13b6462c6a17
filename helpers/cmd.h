/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of group-lockrecover and what they share. */
#ifndef GLR_CMD_H
#define GLR_CMD_H

#include "glr.h"

#include <libxml/xmlwriter.h>
#include <stdio.h>

/* The exit codes of Pacemaker's tools (crm_error --exit --list). */
enum cmd_code {
	CMD_OK = 0,
	CMD_ERROR = 1,
	CMD_NO_PERMISSION = 4,
	CMD_USAGE = 64,
	CMD_BAD_DATA = 65,
	CMD_NO_INPUT = 66,
	CMD_UNAVAILABLE = 69,
	CMD_OS_ERROR = 71,
	CMD_NOT_CONNECTED = 102,
	CMD_NO_SUCH = 105,
	CMD_NO_QUORUM = 106,
	CMD_UNSAFE = 107,
	CMD_TIMEOUT = 124,
	CMD_DEGRADED = 190,
};

#define CMD_TIMEOUT_MS 5000

/* ---- cmd_<verb>.c: argv[0] is the verb; @return enum cmd_code, already reported -- */

int cmd_status(int argc, char *argv[]);
int cmd_list(int argc, char *argv[]);
int cmd_notify(int argc, char *argv[]);
int cmd_recover(int argc, char *argv[]);
int cmd_exec(int argc, char *argv[]);
int cmd_verify(int argc, char *argv[]);
int cmd_config(int argc, char *argv[]);
int cmd_end_grace(int argc, char *argv[]);
int cmd_import(int argc, char *argv[]);
int cmd_release(int argc, char *argv[]);

/* ---- group-lockrecover.c ------------------------------------------------------ */

/* Prints how a verb is used: to standard output for CMD_OK, else to standard error.  @return code */
int cmd_usage(const char *verb, int code);

struct output;

/* ---- confirm.c ----------------------------------------------------------------- */

/* Asks on the terminal whether to go on, unless yes.  @param question ends with a full stop
 * @return CMD_OK, or the code of a refusal, already reported */
int cmd_confirm(struct output *out, bool yes, const char *question);

/* ---- output.c: text, or XML as Pacemaker's tools write it --------------------- */

struct output {
	xmlTextWriter *xml; /* NULL: text */
	xmlBuffer *errors;
	FILE *stream; /* of the text; NULL: standard output */
};

#define OUTPUT_OPTION                                                                                        \
	{                                                                                                    \
		"output-as", required_argument, NULL, 'o'                                                    \
	}

/* @param format "text" (also for NULL) or "xml"  @return 0, or CMD_USAGE or CMD_ERROR, already reported */
int output_open(struct output *out, const char *format, const char *verb);
/* One line of text; nothing in XML. */
void output_text(struct output *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Begins an XML element with attributes given as name, value, ..., NULL; nothing in text. */
void output_begin(struct output *out, const char *element, ...) __attribute__((sentinel));
void output_end(struct output *out);
/* What went wrong and what to do: standard error, or an <error> of the result.  @return code */
int output_error(struct output *out, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Ends the output.  @return code, or CMD_ERROR when not everything could be written */
int output_close(struct output *out, int code);
/* @return buffer with the number as text */
const char *output_number(uint64_t number, char buffer[24]);

/* ---- group_ask.c: groups on this node ------------------------------------------ */

/* Calls fn for each group that has a control socket, in no order.  @return the first non-zero result of fn,
 * or 0 */
int groups_foreach(int (*fn)(const char *group, void *arg), void *arg);
/* Reports why a group's status monitor did not answer.  @return the exit code for it */
int group_unreachable(struct output *out, const char *group, int error, const char *text);

/* ---- cluster_ask.c: the cluster manager's view --------------------------------- */

/* Asks crm_mon and cibadmin.  @return 0, -ENOTCONN (no cluster runs here), -EBADMSG, -EIO, -ENOMEM */
int cluster_ask(struct glr_cluster **cluster);
/* @return name, this node's in the cluster: crm_node's answer, or the host name */
const char *cluster_local_node(char name[256]);

/* ---- list_open.c: a list that nobody serves ------------------------------------ */

struct list_look {
	glr_list_t *list;
	int slots[2];
};

/* @param look to be given to list_look_close()
 * @return 0, -ENOENT (there is none), -ENODATA (one of the two files is missing), or as glr_list_open() */
int list_look_open(const char *state_dir, struct list_look *look);
/* The same to be changed: a directory or slot that is missing is made, and of a damaged slot a copy is kept.
 * @return 0, or as glr_list_format(), glr_list_open() and glr__list_keep_broken() */
int list_edit_open(const char *state_dir, const char *group, struct list_look *look);
/* Replaces a list that cannot be read by an empty one, after copies of both slots were kept.
 * @return 0, or as glr__list_keep_broken() and glr_list_format() */
int list_make_anew(const char *state_dir, const char *group);
void list_look_close(struct list_look *look);

#endif

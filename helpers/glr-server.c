/* SPDX-License-Identifier: GPL-2.0-or-later */
/* glr-server: starts, opens, closes and stops the virtual NFS server of one service group. */
#include "device.h"
#include "server.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 20000

static bool for_pacemaker;

int server_fail(int code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	glr_err("%s", text);
	/* The prefix is how Pacemaker finds the reason in an agent's output. */
	fprintf(stderr, "%s%s\n", for_pacemaker ? "ocf-exit-reason:" : "glr-server: ", text);
	return code;
}

static const struct {
	const char *verb;
	int (*run)(struct server *server);
	bool locked; /* one at a time; start takes the lock itself, once there is a place for it */
	const char *description;
} verbs[] = {
	{"start", server_start, false, "namespaces, link with its gate closed, daemons, exports"},
	{"open", server_open, true, "nfsd threads, gate open, clients told to reclaim"},
	{"close", server_close, true, "gate closed, list frozen, locks dropped, no threads"},
	{"stop", server_stop, true, "daemons and namespaces gone"},
	{"status", server_status, false, "0 running, 7 nothing left, anything else: trouble"},
	{"reload", server_reload, true, "takes over changed exports or threads"},
	{"recover", server_recover, true, "close, then open with the same settings"},
	{"validate", server_validate, false, "only checks what start would be given"},
};

static void usage(FILE *out)
{
	fputs("usage: glr-server [--ocf] VERB GROUP [OPTION]...\n"
	      "       glr-server [--ocf] device start|stop|status DEVICE...\n\n",
	      out);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		fprintf(out, "  %-9s %s\n", verbs[i].verb, verbs[i].description);
	fputs("  device    proves that nobody has a device mounted\n\n"
	      "See glr-server(8).\n",
	      out);
}

enum option_id {
	OPT_OCF = 1,
	OPT_DIRECTORY,
	OPT_STATE_DIR,
	OPT_LINK,
	OPT_NIC,
	OPT_GATEWAY,
	OPT_EXPORTS,
	OPT_EXPORTS_FILE,
	OPT_GRACE,
	OPT_LEASE,
	OPT_THREADS,
	OPT_SERVER_NAMES,
	OPT_LOCK_MANAGER,
	OPT_OF,
	OPT_TIMEOUT,
	OPT_HELP,
};

static const struct option options[] = {
	{"ocf", no_argument, NULL, OPT_OCF},
	{"directory", required_argument, NULL, OPT_DIRECTORY},
	{"state-dir", required_argument, NULL, OPT_STATE_DIR},
	{"link", required_argument, NULL, OPT_LINK},
	{"nic", required_argument, NULL, OPT_NIC},
	{"gateway", required_argument, NULL, OPT_GATEWAY},
	{"exports", required_argument, NULL, OPT_EXPORTS},
	{"exports-file", required_argument, NULL, OPT_EXPORTS_FILE},
	{"grace-s", required_argument, NULL, OPT_GRACE},
	{"lease-s", required_argument, NULL, OPT_LEASE},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"server-names", required_argument, NULL, OPT_SERVER_NAMES},
	{"lock-manager", required_argument, NULL, OPT_LOCK_MANAGER},
	{"of", required_argument, NULL, OPT_OF},
	{"timeout-ms", required_argument, NULL, OPT_TIMEOUT},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static int take_number(const char *name, unsigned min, unsigned max, unsigned *value)
{
	char *end;
	unsigned long number = strtoul(optarg, &end, 10);

	if (*optarg == 0 || *end || number < min || number > max)
		return server_fail(OCF_ERR_CONFIGURED, "%s=%s is not a number from %u to %u", name, optarg,
				   min, max);
	*value = number;
	return 0;
}

static int take_text(const char *name, char *value, size_t size)
{
	/* Settings are kept one to a line. */
	if (strlen(optarg) >= size || strchr(optarg, '\n'))
		return server_fail(OCF_ERR_CONFIGURED, "%s is too long or has more than one line", name);
	strcpy(value, optarg);
	return 0;
}

static int take_option(int option, struct server *server)
{
	unsigned timeout_ms;

	switch (option) {
	case OPT_DIRECTORY:
		return take_text("directory", server->directory, sizeof(server->directory));
	case OPT_STATE_DIR:
		return take_text("state_dir", server->state_dir, sizeof(server->state_dir));
	case OPT_LINK:
		return take_text("link", server->link, sizeof(server->link));
	case OPT_NIC:
		return take_text("nic", server->nic, sizeof(server->nic));
	case OPT_GATEWAY:
		return take_text("gateway", server->gateway, sizeof(server->gateway));
	case OPT_EXPORTS:
		server->exports = optarg;
		return 0;
	case OPT_EXPORTS_FILE:
		return take_text("exports_file", server->exports_file, sizeof(server->exports_file));
	case OPT_GRACE:
		return take_number("grace_s", 10, 3600, &server->grace_s);
	case OPT_LEASE:
		return take_number("lease_s", 10, 3600, &server->lease_s);
	case OPT_THREADS:
		return take_number("threads", 1, 1024, &server->threads);
	case OPT_SERVER_NAMES:
		return take_text("server_names", server->server_names, sizeof(server->server_names));
	case OPT_LOCK_MANAGER:
		return strcmp(optarg, "kernel")
			       ? server_fail(OCF_ERR_CONFIGURED, "lock_manager=%s: only 'kernel' is known",
					     optarg)
			       : 0;
	case OPT_OF:
		server->status_of = optarg;
		return 0;
	case OPT_TIMEOUT:
		if (take_number("timeout-ms", 1, 3600000, &timeout_ms) != 0)
			return OCF_ERR_CONFIGURED;
		server->deadline_ms = glr__now_ms() + timeout_ms;
		return 0;
	case OPT_OCF:
		for_pacemaker = true;
		return 0;
	default:
		usage(option == OPT_HELP ? stdout : stderr);
		exit(option == OPT_HELP ? 0 : OCF_ERR_ARGS);
	}
}

/* For a system call that does not come back: say so before Pacemaker's own timeout. */
static void on_alarm(int signal)
{
	static const char text[] =
		"ocf-exit-reason:glr-server: not done within the operation's timeout; see the log\n";
	size_t skip = for_pacemaker ? 0 : strlen("ocf-exit-reason:");
	ssize_t written = write(STDERR_FILENO, text + skip, sizeof(text) - 1 - skip);

	/* Nothing more can be done about a message that does not get out. */
	(void)written;
	_exit(OCF_ERR_GENERIC);
}

static int run_verb(const char *verb, struct server *server)
{
	uint64_t left_ms = server->deadline_ms - glr__now_ms();
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verb, verbs[i].verb))
			continue;
		signal(SIGALRM, on_alarm);
		alarm(left_ms / 1000 + 1);
		if (verbs[i].locked) {
			/* Held until the process ends. */
			int lock = server_lock(server, server_path(server, SERVER_ACTION_LOCK, path));

			if (lock < 0 && lock != -ENOENT)
				return server_fail(OCF_ERR_GENERIC, "%s: %s", path, strerror(-lock));
		}
		return verbs[i].run(server);
	}
	usage(stderr);
	return OCF_ERR_UNIMPLEMENTED;
}

int main(int argc, char **argv)
{
	struct server server = {.link = "macvlan",
				.grace_s = 40,
				.lease_s = 30,
				.threads = 8,
				.status_of = "nfsserver",
				.deadline_ms = glr__now_ms() + TIMEOUT_MS};
	int option, code = 0;

	signal(SIGPIPE, SIG_IGN);
	while (code == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		code = take_option(option, &server);
	if (code != 0)
		return code;
	if (argc - optind < 2) {
		usage(stderr);
		return OCF_ERR_ARGS;
	}
	if (!strcmp(argv[optind], "device")) {
		glr__log_init("glr-server", NULL, false);
		return device_command(&server, argv + optind + 1);
	}
	if (strlen(argv[optind + 1]) >= sizeof(server.group))
		return server_fail(OCF_ERR_CONFIGURED,
				   "group name %s is too long: a host name label has at most 63 characters",
				   argv[optind + 1]);
	strcpy(server.group, argv[optind + 1]);
	glr__log_init("glr-server", server.group, false);
	code = run_verb(argv[optind], &server);
	glr__log_fini();
	return code;
}

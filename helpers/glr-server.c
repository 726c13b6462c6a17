/* SPDX-License-Identifier: GPL-2.0-or-later */
/* glr-server: starts, opens, closes and stops the virtual NFS server of one service group. */
#include "agent.h"
#include "device.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_MS 20000
/* Clients wait for a takeover; for the monitor actions that Pacemaker begins beside it, nobody does. */
#define TAKEOVER_NICE -10
#define LATE_MS 300 /* for a step that ends with a reason of its own */

static bool for_pacemaker;

/* The arguments that ps(1) shows, where they do not name the group. */
static struct {
	char *text;
	size_t size;
} title;

void server_show_group(const struct server *server)
{
	if (title.size == 0)
		return;
	memset(title.text, 0, title.size);
	snprintf(title.text, title.size, "glr-server: %s", server->group);
}

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
	bool apart;  /* a disk that hangs can keep the kernel in the middle of it */
	const char *description;
} verbs[] = {
	{"start", server_start, false, false, "namespaces, link with its gate closed, daemons, exports"},
	{"open", server_open, true, false, "nfsd threads, gate open, clients told to reclaim"},
	{"close", server_close, true, true, "gate closed, list frozen, locks dropped, no threads"},
	{"stop", server_stop, true, true, "daemons and namespaces gone"},
	{"status", server_status, false, false, "0 running, 7 nothing left, anything else: trouble"},
	{"reload", server_reload, true, false, "takes over changed exports, packet filter or threads"},
	{"recover", server_recover, true, true, "close, then open with the same settings"},
	{"validate", server_validate, false, false, "only checks what start would be given"},
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
	OPT_NFT_FILE,
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
	{"nft-file", required_argument, NULL, OPT_NFT_FILE},
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
	case OPT_NFT_FILE:
		return take_text("nft_file", server->nft_file, sizeof(server->nft_file));
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
		"ocf-exit-reason:glr-server: not done within the operation's timeout: something waits, "
		"perhaps for a disk; see the log\n";
	size_t skip = for_pacemaker ? 0 : strlen("ocf-exit-reason:");
	ssize_t written = write(STDERR_FILENO, text + skip, sizeof(text) - 1 - skip);

	/* Nothing more can be done about a message that does not get out. */
	(void)written;
	_exit(OCF_ERR_GENERIC);
}

/* @param report what it says on standard error, for the parent to pass on */
static _Noreturn void become_worker(int (*run)(struct server *server), struct server *server, pid_t parent,
				    int report)
{
	int null = open("/dev/null", O_RDWR), code = OCF_ERR_GENERIC;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Who reads our output must not wait for one that is left behind. */
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(report, STDERR_FILENO);
	if (getppid() == parent)
		code = run(server);
	glr__log_fini();
	_exit(code);
}

/*
 * What waits for a disk inside the kernel cannot be killed, and whoever waits for it waits as long.  It is
 * therefore a child, which this process can leave behind: Pacemaker is told in time, and fences.
 */
static int run_apart(int (*run)(struct server *server), struct server *server)
{
	pid_t parent = getpid(), pid;
	char text[1024];
	ssize_t got;
	int report[2], status;

	if (pipe2(report, O_CLOEXEC) < 0)
		return server_fail(OCF_ERR_GENERIC, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return server_fail(OCF_ERR_GENERIC, "fork: %s", strerror(errno));
	if (pid == 0)
		become_worker(run, server, parent, report[1]);
	close(report[1]);
	while ((got = read(report[0], text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)got, stderr);
	close(report[0]);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return server_fail(OCF_ERR_GENERIC, "killed by signal %d", WTERMSIG(status));
}

/* The first monitor action follows the start at once: set by both, the attribute would make the cluster plan anew
 * twice, and then no group's next action begins before those under way have ended.
 * @param run the verb's function  @param apart in a process of its own */
static int run_for_pacemaker(const char *verb, int (*run)(struct server *server), bool apart,
			     struct server *server)
{
	int code;

	if (!strcmp(verb, "close") || !strcmp(verb, "stop"))
		server_attribute_delete(server);
	code = apart ? run_apart(run, server) : run(server);
	if (code == OCF_SUCCESS && !strcmp(verb, "status") && !strcmp(server->status_of, "lockrecover"))
		server_attribute_update(server);
	return code;
}

static int run_verb(const char *verb, struct server *server)
{
	uint64_t left_ms = server->deadline_ms - glr__now_ms() + LATE_MS;
	const struct itimerval last = {
		.it_value = {(time_t)(left_ms / 1000), (suseconds_t)(left_ms % 1000 * 1000)}};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verb, verbs[i].verb))
			continue;
		signal(SIGALRM, on_alarm);
		setitimer(ITIMER_REAL, &last, NULL);
		if (verbs[i].locked) {
			/* Held until the process ends. */
			int lock = server_lock(server, server_path(server, SERVER_ACTION_LOCK, path));

			if (lock == -ETIMEDOUT)
				return server_fail(OCF_ERR_GENERIC,
						   "an earlier action on group %s has not ended yet",
						   server->group);
			if (lock < 0 && lock != -ENOENT)
				return server_fail(OCF_ERR_GENERIC, "%s: %s", path, strerror(-lock));
		}
		if (for_pacemaker)
			return run_for_pacemaker(verb, verbs[i].run, verbs[i].apart, server);
		return verbs[i].apart ? run_apart(verbs[i].run, server) : verbs[i].run(server);
	}
	usage(stderr);
	return OCF_ERR_UNIMPLEMENTED;
}

static void log_begin(const char *group)
{
	static bool begun;

	if (!begun)
		glr__log_init("glr-server", group, false);
	begun = true;
}

/* @param argc and argv become what the action asks for  @return as agent_words() */
static int become_agent(const char *name, int *argc, char ***argv)
{
	const char *action = *argc > 1 ? (*argv)[1] : NULL;
	const char *last = (*argv)[*argc - 1];
	struct agent_words words = {NULL, 0};
	int code;

	for_pacemaker = true;
	title.text = (*argv)[0];
	title.size = (size_t)(last + strlen(last) + 1 - title.text);
	prctl(PR_SET_NAME, "glr-server");
	if (action && !strcmp(action, "start"))
		setpriority(PRIO_PROCESS, 0, TAKEOVER_NICE);
	log_begin(getenv("OCF_RESKEY_group"));
	code = agent_words(name, action, &words);
	*argc = (int)words.count;
	*argv = words.list;
	return code;
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
	if (agent_is_named(program_invocation_short_name)) {
		code = become_agent(program_invocation_short_name, &argc, &argv);
		if (code != AGENT_ASKS)
			return code;
		code = 0;
	}
	while (code == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		code = take_option(option, &server);
	if (code != 0)
		return code;
	if (argc - optind < 2) {
		usage(stderr);
		return OCF_ERR_ARGS;
	}
	if (!strcmp(argv[optind], "device")) {
		log_begin(NULL);
		return device_command(&server, argv + optind + 1);
	}
	if (strlen(argv[optind + 1]) >= sizeof(server.group))
		return server_fail(OCF_ERR_CONFIGURED,
				   "group name %s is too long: a host name label has at most 63 characters",
				   argv[optind + 1]);
	strcpy(server.group, argv[optind + 1]);
	log_begin(server.group);
	code = run_verb(argv[optind], &server);
	glr__log_fini();
	return code;
}

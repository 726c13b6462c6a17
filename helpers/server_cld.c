/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of nfsd's questions about its NFSv4 clients to the status monitor.  nfsd makes a
 * pipe when its threads begin and gives up on it after a second; only root can open it.  So it
 * is opened here, as soon as it is seen, and its descriptor passed on: to a monitor that was
 * restarted, again.
 */
#include "cldmsg.h"
#include "passfd.h"
#include "server_daemons.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT_FILE "upcall" /* struct glr__cld_kept */

static int open_pipe(void)
{
	int fd = open(SERVER_CLD_PIPE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ---- the supervisor's side --------------------------------------------------------- */

int daemons_cld_open(struct daemons *daemons)
{
	struct statd_fds *fds = &daemons->fds;
	char path[PATH_MAX];

	fds->kept = open(server_path(daemons->server, KEPT_FILE, path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fds->kept < 0 || ftruncate(fds->kept, sizeof(struct glr__cld_kept)) < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds->handover) < 0)
		return -errno;
	return 0;
}

int daemons_cld_watch(struct daemons *daemons)
{
	daemons->pipe_watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (daemons->pipe_watch < 0 ||
	    inotify_add_watch(daemons->pipe_watch, SERVER_CLD_DIRECTORY, IN_CREATE) < 0)
		return -errno;
	return 0;
}

void daemons_cld_hand_over(const struct daemons *daemons)
{
	int fd = open_pipe(), result;

	if (fd == -ENOENT)
		return;
	if (fd < 0) {
		glr_err("%s: %s", SERVER_CLD_PIPE, strerror(-fd));
		return;
	}
	result = passfd_send(daemons->fds.handover[0], fd);
	if (result < 0)
		glr_err("nfsd's pipe cannot be passed on: %s", strerror(-result));
	close(fd);
}

/* ---- what became of it ----------------------------------------------------------------- */

static int read_kept(const struct server *server, struct glr__cld_kept *kept)
{
	char path[PATH_MAX];
	size_t got;
	int fd = open(server_path(server, KEPT_FILE, path), O_RDONLY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return -errno;
	result = glr__pread_all(fd, kept, sizeof(*kept), 0, &got);
	close(fd);
	return result == 0 && got != sizeof(*kept) ? -EIO : result;
}

bool server_cld_tracks_clients(const struct server *server)
{
	struct glr__cld_kept kept;
	struct stat st;

	/* Where nobody opened it within a second nfsd has removed the pipe again.  After another failure it
	 * has made a second one, which looks the same, but asks for nobody's right to reclaim
	 * (nfsd4_cld_tracking_ops_v0). */
	return stat(SERVER_CLD_PIPE, &st) == 0 && read_kept(server, &kept) == 0 && st.st_ino == kept.tracked;
}

/* ---- where there is no monitor any more ----------------------------------------------- */

static void refuse(int pipe, const uint8_t *bytes, size_t length)
{
	uint8_t message[GLR__CLD_MESSAGE_MAX];
	struct glr__cld_upcall upcall;

	glr__cld_decode(bytes, length, &upcall);
	if (upcall.version == 0)
		return;
	length = glr__cld_encode_status(&upcall, -EIO, message);
	if (write(pipe, message, length) == (ssize_t)length)
		glr_warn("nfsd's upcall %u (command %u) was refused: no status monitor", upcall.xid,
			 upcall.command);
}

/* What the monitor that is gone had read would keep a thread of nfsd waiting forever. */
static void refuse_kept(const struct server *server, int pipe)
{
	struct glr__cld_kept kept;
	struct stat st;

	if (read_kept(server, &kept) == 0 && fstat(pipe, &st) == 0 && st.st_ino == kept.pipe)
		refuse(pipe, kept.message, glr__cld_length(kept.message[0]));
}

static _Noreturn void refuse_all(const struct server *server, int pipe)
{
	struct pollfd pfd = {.fd = pipe, .events = POLLIN};
	uint8_t message[GLR__CLD_MESSAGE_MAX];
	ssize_t got;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	refuse_kept(server, pipe);
	for (;;) {
		if ((poll(&pfd, 1, -1) < 0 && errno != EINTR) || pfd.revents & (POLLHUP | POLLERR))
			_exit(0);
		got = read(pipe, message, sizeof(message));
		if (got > 0)
			refuse(pipe, message, (size_t)got);
	}
}

pid_t server_cld_stand_in(const struct server *server)
{
	int pipe = open_pipe();
	pid_t pid;

	if (pipe < 0)
		return pipe == -ENOENT ? 0 : pipe;
	pid = fork();
	if (pid == 0)
		refuse_all(server, pipe);
	close(pipe);
	return pid < 0 ? -errno : pid;
}

void server_cld_relieve(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

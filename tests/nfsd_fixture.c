/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nfsd_fixture.h"
#include "passfd.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct nfsd_fixture nfsd;

void hand_over(void)
{
	ck_assert_int_eq(passfd_send(nfsd.handover, nfsd.statd), 0);
}

void start_nfsd(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	nfsd.kernel = ends[0];
	nfsd.statd = ends[1];
	nfsd.xid = 0;
	hand_over();
}

void stop_nfsd(void)
{
	close(nfsd.kernel);
	close(nfsd.statd);
}

void fill_upcall(struct cld_msg_v2 *message, uint8_t command, const char *id)
{
	struct cld_name *name = &message->cm_u.cm_clntinfo.cc_name;

	memset(message, 0, sizeof(*message));
	message->cm_vers = 2;
	message->cm_cmd = command;
	message->cm_xid = ++nfsd.xid;
	name->cn_len = (uint16_t)strlen(id);
	memcpy(name->cn_id, id, strlen(id));
}

void upcall(uint8_t command, const char *id)
{
	struct cld_msg_v2 message;

	fill_upcall(&message, command, id);
	ck_assert_int_eq(send(nfsd.kernel, &message, sizeof(message), 0), sizeof(message));
}

/* One that was answered already, by a monitor that was killed then, may be answered again: the kernel does
 * not mind.
 * @return whether the last upcall was answered in time */
static bool answer(struct cld_msg_v2 *message, int timeout_ms)
{
	struct pollfd pfd = {.fd = nfsd.kernel, .events = POLLIN};

	do {
		if (poll(&pfd, 1, timeout_ms) != 1)
			return false;
		ck_assert_int_eq(recv(nfsd.kernel, message, sizeof(*message), 0), sizeof(*message));
		ck_assert_uint_le(message->cm_xid, nfsd.xid);
	} while (message->cm_xid != nfsd.xid);
	return true;
}

int status_of_answer(int timeout_ms)
{
	struct cld_msg_v2 message;

	return answer(&message, timeout_ms) ? message.cm_status : 1;
}

int ask(uint8_t command, const char *id)
{
	upcall(command, id);
	return status_of_answer(SOON_MS);
}

void grace_start(char names[256])
{
	struct cld_msg_v2 message;

	names[0] = '\0';
	upcall(Cld_GraceStart, "");
	for (;;) {
		ck_assert(answer(&message, SOON_MS));
		if (message.cm_status != -EINPROGRESS)
			break;
		strncat(names, (char *)message.cm_u.cm_name.cn_id, message.cm_u.cm_name.cn_len);
		strcat(names, " ");
	}
	ck_assert_int_eq(message.cm_status, 0);
}

void nfsd_make_world(void)
{
	int pair[2], kept = memfd_create("upcall", MFD_CLOEXEC);

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(ftruncate(kept, sizeof(*nfsd.kept)), 0);
	nfsd.kept = mmap(NULL, sizeof(*nfsd.kept), PROT_READ | PROT_WRITE, MAP_SHARED, kept, 0);
	ck_assert_ptr_ne(nfsd.kept, MAP_FAILED);
	nfsd.handover = pair[0];
	world_set_cld(pair[1], kept);
	world_make();
}

void nfsd_setup(void)
{
	nfsd_make_world();
	world_make_list(GLR__RUNTIME_DIR);
	world_start_statd();
	start_nfsd();
}

void nfsd_teardown(void)
{
	if (world_statd_pid())
		world_kill_statd(SIGTERM);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The clients' rpcbind and status monitors: one socket each, for all addresses. */
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "nlmstorm.h"

#define NSM_PORT 4000
#define SM_NOTIFY 6

static int rpcbind_fd, nsm_fd;

static int monitor_socket(int epoll_fd, uint16_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct epoll_event event = {.events = EPOLLIN};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), one = 1, size = 4 << 20;

	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	event.data.fd = fd;
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die("the clients' status monitors");
	return fd;
}

/* @return whether there was a call */
static bool serve(int fd)
{
	struct message call, reply;
	struct iovec iov = {call.bytes, sizeof(call.bytes)};
	struct sockaddr_in from;
	char control[64], text[32];
	struct msghdr msg = {&from, sizeof(from), &iov, 1, control, sizeof(control), 0};
	struct in_pktinfo *info;
	ssize_t got = recvmsg(fd, &msg, 0);

	if (got < 0)
		return false;
	info = (struct in_pktinfo *)(void *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
	if (got < 40)
		return true;
	begin_reply(&reply, word_at(call.bytes, 0));
	if (fd == rpcbind_fd && word_at(call.bytes, 4) == 2) {
		add_u32(&reply, NSM_PORT);
	} else if (fd == rpcbind_fd) {
		snprintf(text, sizeof(text), "%s.%d.%d", inet_ntoa(info->ipi_addr), NSM_PORT >> 8,
			 NSM_PORT & 0xff);
		add_string(&reply, text);
	}
	iov = (struct iovec){reply.bytes, reply.length};
	info->ipi_spec_dst = info->ipi_addr;
	info->ipi_ifindex = 0;
	sendmsg(fd, &msg, 0);
	if (fd == nsm_fd && word_at(call.bytes, 5) == SM_NOTIFY)
		storm_told(info->ipi_addr);
	return true;
}

void told_listen(int epoll_fd)
{
	rpcbind_fd = monitor_socket(epoll_fd, RPCBIND_PORT);
	nsm_fd = monitor_socket(epoll_fd, NSM_PORT);
}

void told_serve(int fd)
{
	for (int i = 0; i < 64 && serve(fd); i++)
		;
}

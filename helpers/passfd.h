/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors over a Unix socket. */
#ifndef GLR_PASSFD_H
#define GLR_PASSFD_H

/* @return 0 or -errno; fd stays the caller's */
int passfd_send(int socket, int fd);
/* @param fd -1: the packet brought none  @return 0, -EAGAIN, -ECONNRESET (its end), or another -errno */
int passfd_receive(int socket, int *fd);

#endif

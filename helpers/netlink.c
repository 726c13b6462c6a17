/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX 4096

struct nlmsghdr *netlink_request(char buffer[NETLINK_MESSAGE_MAX], uint16_t type, const void *fixed,
				 size_t size)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	memcpy(mnl_nlmsg_put_extra_header(request, size), fixed, size);
	return request;
}

static void take_reason(const struct nlmsghdr *answer, char error[NETLINK_ERROR_MAX])
{
	const struct nlmsgerr *verdict = mnl_nlmsg_get_payload(answer);
	const struct nlattr *attribute;

	snprintf(error, NETLINK_ERROR_MAX, "%s", strerror(-verdict->error));
	if (!(answer->nlmsg_flags & NLM_F_ACK_TLVS) || !(answer->nlmsg_flags & NLM_F_CAPPED))
		return;
	mnl_attr_for_each(attribute, answer, sizeof(*verdict))
	{
		if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			snprintf(error, NETLINK_ERROR_MAX, "%s (%s)", mnl_attr_get_str(attribute),
				 strerror(-verdict->error));
	}
}

static int ask(const struct mnl_socket *netlink, const struct nlmsghdr *request,
	       char error[NETLINK_ERROR_MAX])
{
	union {
		char bytes[ANSWER_MAX];
		struct nlmsghdr header;
	} answer;
	const struct nlmsgerr *verdict;
	ssize_t got;

	if (mnl_socket_sendto(netlink, request, request->nlmsg_len) < 0)
		return -errno;
	got = mnl_socket_recvfrom(netlink, &answer, sizeof(answer));
	if (got < 0)
		return -errno;
	if (!mnl_nlmsg_ok(&answer.header, (int)got) || answer.header.nlmsg_type != NLMSG_ERROR ||
	    mnl_nlmsg_get_payload_len(&answer.header) < sizeof(*verdict))
		return -EPROTO;
	verdict = mnl_nlmsg_get_payload(&answer.header);
	if (verdict->error)
		take_reason(&answer.header, error);
	return verdict->error;
}

int netlink_ask(struct nlmsghdr *request, char error[NETLINK_ERROR_MAX])
{
	struct mnl_socket *netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int yes = 1, result = -errno;

	*error = 0;
	if (netlink) {
		/* Only words are missing where the kernel knows none of these. */
		mnl_socket_setsockopt(netlink, NETLINK_EXT_ACK, &yes, sizeof(yes));
		mnl_socket_setsockopt(netlink, NETLINK_CAP_ACK, &yes, sizeof(yes));
		result = ask(netlink, request, error);
		mnl_socket_close(netlink);
	}
	if (result < 0 && *error == 0)
		snprintf(error, NETLINK_ERROR_MAX, "%s", strerror(-result));
	return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nfsd's questions about NFSv4 clients. */
#ifndef GLR_CLDMSG_H
#define GLR_CLDMSG_H

#include "glr_private.h"
#include "record.h"

#define GLR__CLD_MESSAGE_MAX 1067 /* struct cld_msg_v2 of <linux/nfsd/cld.h> */

struct glr__cld_upcall {
	uint8_t version; /* 1 or 2: of the answer too */
	uint8_t command; /* enum cld_command of <linux/nfsd/cld.h> */
	uint32_t xid;
	struct glr__v4_client client; /* of Create, Remove and Check */
};

/* The upcall that is being answered, in memory that outlives who answers it. */
struct glr__cld_kept {
	uint64_t pipe;	  /* st_ino: upcalls of another nfsd mean nothing */
	uint64_t tracked; /* st_ino of the pipe over which GraceStart was answered with success */
	uint8_t message[GLR__CLD_MESSAGE_MAX]; /* begins with 0: none */
};

/* @return bytes of every message of this version, 0 when there is no such version */
size_t glr__cld_length(uint8_t version);
/* @return 0, or -EBADMSG: it can be answered all the same when upcall->version is not 0 */
int glr__cld_decode(const uint8_t *bytes, size_t length, struct glr__cld_upcall *upcall);
/* The answer that ends an upcall; to GetVersion it says 2.  @param status 0 or -errno  @return its length */
size_t glr__cld_encode_status(const struct glr__cld_upcall *upcall, int status,
			      uint8_t out[GLR__CLD_MESSAGE_MAX]);
/* One of the answers to GraceStart that come before: a client that may reclaim.  @return its length */
size_t glr__cld_encode_client(const struct glr__cld_upcall *upcall, const struct glr__v4_client *client,
			      uint8_t out[GLR__CLD_MESSAGE_MAX]);

#endif

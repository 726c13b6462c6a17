/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoding RPC messages, compared with a second reader of XDR (RFC 4506) that knows words and
 * strings only.  What both take is encoded again where the project has an encoder for it.
 */
#include "fuzz.h"
#include "rpcmsg.h"

#define STRING_MAX (GLR_NAME_MAX - 1)
#define UADDR_MAX 127
#define AUTH_MAX 400
#define PRIV_BYTES 16

/* ---- the second reader ------------------------------------------------------------------ */

struct reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static const uint8_t *read_opaque(struct reader *reader, size_t length)
{
	size_t padded = (length + 3) & ~(size_t)3;
	const uint8_t *bytes = reader->at;

	if (reader->failed || padded > reader->left) {
		reader->failed = true;
		return NULL;
	}
	reader->at += padded;
	reader->left -= padded;
	return bytes;
}

static uint32_t read_word(struct reader *reader)
{
	const uint8_t *bytes = read_opaque(reader, 4);

	return bytes ? (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
			       bytes[3]
		     : 0;
}

static const uint8_t *read_counted(struct reader *reader, size_t max, size_t *length)
{
	*length = read_word(reader);
	if (*length > max)
		reader->failed = true;
	return read_opaque(reader, *length);
}

/* @param text what the code under test made of it; only compared when the reader has not failed */
static void expect_string(struct reader *reader, const char *text, size_t max)
{
	size_t length;
	const uint8_t *bytes = read_counted(reader, max, &length);

	if (bytes && memchr(bytes, '\0', length))
		reader->failed = true;
	if (!reader->failed && text)
		must(strlen(text) == length && !memcmp(text, bytes, length));
}

static void skip_auth(struct reader *reader)
{
	size_t length;

	read_word(reader);
	read_counted(reader, AUTH_MAX, &length);
}

/* ---- calls --------------------------------------------------------------------------------- */

static struct reader arguments(const struct glr__rpc_call *call)
{
	return (struct reader){.at = call->args, .left = call->args_length};
}

static void expect_my_id(struct reader *reader, const struct glr__sm_mon *args)
{
	uint32_t words[3];

	expect_string(reader, args ? args->my_name : NULL, STRING_MAX);
	for (int i = 0; i < 3; i++)
		words[i] = read_word(reader);
	if (args)
		must(args->prog == words[0] && args->vers == words[1] && args->proc == words[2]);
}

static void check_mon(const struct glr__rpc_call *call)
{
	struct reader reader = arguments(call);
	struct glr__sm_mon args;
	int rc = glr__rpc_decode_sm_mon(call, &args);
	const uint8_t *priv;

	expect_string(&reader, rc ? NULL : args.mon_name, STRING_MAX);
	expect_my_id(&reader, rc ? NULL : &args);
	priv = read_opaque(&reader, PRIV_BYTES);
	must((rc != 0) == reader.failed);
	must(rc || !memcmp(priv, args.priv, PRIV_BYTES));
}

static void check_unmon(const struct glr__rpc_call *original, uint32_t proc)
{
	struct glr__rpc_call call = *original;
	struct reader reader = arguments(&call);
	struct glr__sm_mon args;
	int rc;

	call.proc = proc;
	rc = glr__rpc_decode_sm_unmon(&call, &args);
	if (proc == GLR__SM_UNMON)
		expect_string(&reader, rc ? NULL : args.mon_name, STRING_MAX);
	expect_my_id(&reader, rc ? NULL : &args);
	must((rc != 0) == reader.failed);
}

static void check_stat(const struct glr__rpc_call *call)
{
	struct reader reader = arguments(call);
	char name[GLR_NAME_MAX];
	int rc = glr__rpc_decode_sm_stat(call, name);

	expect_string(&reader, rc ? NULL : name, STRING_MAX);
	must((rc != 0) == reader.failed);
}

static void check_notify(const struct glr__rpc_call *call)
{
	struct reader reader = arguments(call);
	uint8_t out[GLR__RPC_MESSAGE_MAX];
	struct glr__sm_notify args, again;
	int rc = glr__rpc_decode_sm_notify(call, &args);
	struct glr__rpc_call encoded;
	uint32_t state;
	ssize_t length;

	expect_string(&reader, rc ? NULL : args.mon_name, STRING_MAX);
	state = read_word(&reader);
	must((rc != 0) == reader.failed);
	if (rc)
		return;
	must(args.state == state);
	length = glr__rpc_encode_sm_notify(call->xid, args.mon_name, args.state, out, sizeof(out));
	must(length > 0 && glr__rpc_decode_call(out, (size_t)length, &encoded) == 0);
	must(encoded.xid == call->xid && encoded.prog == GLR__NSM_PROG && encoded.proc == GLR__SM_NOTIFY);
	must(encoded.args_length == call->args_length - reader.left);
	must(glr__rpc_decode_sm_notify(&encoded, &again) == 0);
	must(!strcmp(again.mon_name, args.mon_name) && again.state == args.state);
	must(glr__rpc_encode_sm_notify(call->xid, args.mon_name, args.state, out, (size_t)length - 1) < 0);
}

static void check_call(const uint8_t *bytes, size_t length)
{
	struct reader reader = {.at = bytes, .left = length, .failed = length > GLR__RPC_MESSAGE_MAX};
	struct glr__rpc_call call;
	int rc = glr__rpc_decode_call(bytes, length, &call);
	uint32_t words[6];

	for (int i = 0; i < 6; i++)
		words[i] = read_word(&reader);
	skip_auth(&reader);
	skip_auth(&reader);
	must((rc != 0) == (reader.failed || words[1] != 0 || words[2] != 2));
	if (rc)
		return;
	must(call.xid == words[0] && call.prog == words[3] && call.vers == words[4] && call.proc == words[5]);
	must(call.args == reader.at && call.args_length == reader.left);
	check_mon(&call);
	check_unmon(&call, GLR__SM_UNMON);
	check_unmon(&call, GLR__SM_UNMON_ALL);
	check_stat(&call);
	check_notify(&call);
}

/* ---- replies --------------------------------------------------------------------------------- */

static bool ends_in_port(const char *uaddr, size_t length, uint16_t port)
{
	unsigned high, low;
	size_t dots = 0, i;

	for (i = length; i > 0 && dots < 2; i--)
		dots += uaddr[i - 1] == '.';
	return dots == 2 && sscanf(uaddr + i, ".%3u.%3u", &high, &low) == 2 && high < 256 && low < 256 &&
	       port == (high << 8 | low);
}

static void check_results(const struct glr__rpc_reply *reply)
{
	struct reader reader = {.at = reply->results, .left = reply->results_length};
	char text[UADDR_MAX + 1] = "";
	uint16_t port = 0;
	const uint8_t *bytes;
	size_t length;
	uint32_t word;

	word = read_word(&reader);
	must((glr__rpc_decode_port(reply, &port) == 0) == (!reader.failed && word <= UINT16_MAX));
	must(reader.failed || word > UINT16_MAX || port == word);

	reader = (struct reader){.at = reply->results, .left = reply->results_length};
	if (glr__rpc_decode_uaddr_port(reply, &port))
		return;
	bytes = read_counted(&reader, UADDR_MAX, &length);
	must(!reader.failed);
	memcpy(text, bytes, length);
	must(length == 0 ? port == 0 : ends_in_port(text, length, port));
}

static void check_reply(const uint8_t *bytes, size_t length)
{
	struct reader reader = {.at = bytes, .left = length, .failed = length > GLR__RPC_MESSAGE_MAX};
	struct glr__rpc_reply reply;
	int rc = glr__rpc_decode_reply(bytes, length, &reply);
	uint32_t words[3], accept_stat = 0;

	for (int i = 0; i < 3; i++)
		words[i] = read_word(&reader);
	if (!words[2]) {
		skip_auth(&reader);
		accept_stat = read_word(&reader);
	}
	must((rc != 0) == (reader.failed || words[1] != 1 || words[2] > 1));
	if (rc)
		return;
	must(reply.xid == words[0] && reply.accepted == !words[2] && reply.accept_stat == accept_stat);
	must((reply.results != NULL) == (reply.accepted && !accept_stat));
	if (!reply.results)
		return;
	must(reply.results == reader.at && reply.results_length == reader.left);
	check_results(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	check_call(bytes, length);
	check_reply(bytes, length);
	return 0;
}

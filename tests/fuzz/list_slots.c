/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "list_slots.h"

struct slots written;

static void put_record(struct slot *slot, uint8_t type, const uint8_t *payload, size_t length)
{
	struct glr__record record = {
		.type = type, .sequence = ++slot->sequence, .payload = payload, .length = length};
	int frame;

	frame = glr__record_encode(slot->seed, &record, slot->records + slot->used,
				   RECORDS_BYTES - slot->used);
	if (frame > 0)
		slot->used += (size_t)frame;
}

static void put_add(struct slot *slot, struct input *input)
{
	uint8_t choice = take(input), payload[GLR__RECORD_PAYLOAD_MAX];
	struct glr__client_record client = {.address = client_address(choice), .missed = choice & 0x40};
	char text[GLR_NAME_MAX];
	int length;

	client_name(choice, text);
	if (choice & 0x80) { /* long names */
		memset(text, 'n', sizeof(text));
		text[1 + choice % NAMES * 68] = '\0';
	}
	client.name = text;
	client.name_length = strlen(text);
	length = glr__record_encode_client(&client, payload, sizeof(payload));
	put_record(slot, GLR__RECORD_ADD, payload, (size_t)length);
}

static void put_name(struct slot *slot, uint8_t type, struct input *input)
{
	char text[GLR_ADDRESS_TEXT_MAX];

	client_name(take(input), text);
	put_record(slot, type, (const uint8_t *)text, strlen(text));
}

static void put_bytes(struct slot *slot, struct input *input, bool framed)
{
	uint8_t type = framed ? take(input) : 0;
	const uint8_t *bytes;
	size_t length;

	bytes = take_bytes(input, take(input), &length);
	if (framed) {
		written.v4_forged |= type == GLR__RECORD_V4_CLIENT || type == GLR__RECORD_V4_GRACE;
		put_record(slot, type ? type : 1, bytes, length);
		return;
	}
	if (length > RECORDS_BYTES - slot->used)
		length = RECORDS_BYTES - slot->used;
	memcpy(slot->records + slot->used, bytes, length);
	slot->used += (length + 7) & ~(size_t)7;
}

static void damage(struct slot *slot, struct input *input)
{
	uint16_t where = take16(input);

	slot->records[where % RECORDS_BYTES] ^= take(input);
}

static void set_header(struct slot *slot, struct input *input)
{
	slot->header.flags = take(input);
	slot->header.generation = take(input);
	slot->header.slot_bytes = SLOT_BYTES - take(input) % 4 * 1024u + take(input) % 4 * 8;
	slot->header.nsm_state = take16(input);
	slot->seed = glr__record_seed(slot->header.salt, slot->header.generation);
}

/* @return whether there was a step */
static bool write_step(struct slot **slot, struct input *input)
{
	uint8_t step = take(input);

	(*slot)->sequence += step >> 6;
	switch (step & 0x0f) {
	case 0:
	case 1:
		put_add(*slot, input);
		break;
	case 2:
		put_name(*slot, GLR__RECORD_DEL, input);
		break;
	case 3:
		put_name(*slot, GLR__RECORD_MISSED, input);
		break;
	case 4:
	case 5:
		put_bytes(*slot, input, true);
		break;
	case 6:
		put_bytes(*slot, input, false);
		break;
	case 7:
		(*slot)->used += 8u * take(input);
		break;
	case 8:
		put_record(*slot, GLR__RECORD_END, NULL, 0);
		break;
	case 9:
		damage(*slot, input);
		break;
	case 10:
		*slot = &written.slots[*slot == &written.slots[0]];
		break;
	case 11:
		set_header(*slot, input);
		break;
	case 12:
		(*slot)->lost = true;
		break;
	default:
		return false;
	}
	if ((*slot)->used > RECORDS_BYTES)
		(*slot)->used = RECORDS_BYTES;
	return input->left > 0;
}

void write_slots(const int fds[2], struct input *input)
{
	static const uint8_t nothing[GLR__LIST_RECORDS];
	struct slot *slot = &written.slots[0];

	memset(written.slots, 0, sizeof(written.slots));
	written.v4_forged = false;
	for (unsigned i = 0; i < 2; i++) {
		written.slots[i].header = (struct glr__list_header){
			.group = GROUP, .generation = 1 - i, .salt = 7 + i, .slot_bytes = SLOT_BYTES};
		written.slots[i].seed = glr__record_seed(7 + i, 1 - i);
	}
	while (write_step(&slot, input))
		;
	for (int i = 0; i < 2; i++) {
		slots_fill(fds, i, &written.slots[i].header, written.slots[i].records);
		if (written.slots[i].lost)
			must(glr__pwrite_all(fds[i], nothing, sizeof(nothing), 0) == 0);
	}
}

const struct slot *list_slot(void)
{
	const struct slot *slots = written.slots;

	if (slots[0].lost && slots[1].lost)
		return NULL;
	if (slots[0].lost || slots[1].lost)
		return &slots[slots[0].lost];
	return &slots[slots[1].header.generation > slots[0].header.generation];
}

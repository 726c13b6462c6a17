/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the running lockd gave us, in memory as in the log. */
#include "cookies_private.h"
#include "record.h"

#include <errno.h>
#include <stdlib.h>

static bool is_unusual(const struct glr__cookie_entry *entry)
{
	char text[GLR_ADDRESS_TEXT_MAX];

	return entry->address.family != AF_UNSPEC &&
	       strcmp(glr_address_text(&entry->address, text), entry->name) != 0;
}

struct glr__cookie_entry *glr__cookies_entry_new(const struct glr__cookie *cookie, uint32_t incarnation)
{
	size_t length = strlen(cookie->name);
	struct glr__cookie_entry *entry = calloc(1, sizeof(*entry) + length + 1);

	if (!entry)
		return NULL;
	memcpy(entry->name, cookie->name, length);
	entry->node.name = entry->name;
	entry->incarnation = incarnation;
	entry->prog = cookie->prog;
	entry->vers = cookie->vers;
	entry->proc = cookie->proc;
	memcpy(entry->priv, cookie->priv, sizeof(entry->priv));
	if (glr_address_parse(entry->name, &entry->address))
		entry->address.family = AF_UNSPEC;
	return entry;
}

void glr__cookies_drop(glr__cookies_t *cookies, const char *name)
{
	struct glr__cookie_entry *entry = (struct glr__cookie_entry *)glr__table_find(&cookies->table, name);

	if (!entry)
		return;
	glr__table_remove(&cookies->table, &entry->node);
	cookies->unusual -= is_unusual(entry);
	cookies->seen -= entry->incarnation == cookies->incarnation;
	free(entry);
}

void glr__cookies_set(glr__cookies_t *cookies, struct glr__cookie_entry *entry)
{
	glr__cookies_drop(cookies, entry->name);
	glr__table_insert(&cookies->table, &entry->node);
	cookies->unusual += is_unusual(entry);
	cookies->seen += entry->incarnation == cookies->incarnation;
}

int glr__cookies_open(int fd, glr__cookies_t **result)
{
	glr__cookies_t *cookies = calloc(1, sizeof(*cookies));
	int rc;

	if (!cookies)
		return -ENOMEM;
	cookies->fd = fd;
	cookies->whole = true;
	cookies->found = malloc(sizeof(*cookies->found));
	rc = cookies->found ? glr__cookies_log_open(cookies) : -ENOMEM;
	if (rc) {
		glr__cookies_close(cookies);
		return rc;
	}
	*result = cookies;
	return 0;
}

void glr__cookies_close(glr__cookies_t *cookies)
{
	if (!cookies)
		return;
	glr__table_clear(&cookies->table);
	glr__table_clear(&cookies->acknowledged);
	free(cookies->found);
	free(cookies);
}

bool glr__cookies_whole(const glr__cookies_t *cookies)
{
	return cookies->whole;
}

static const struct glr__cookie_entry *find(const glr__cookies_t *cookies, const char *name)
{
	return (const struct glr__cookie_entry *)glr__table_find(&cookies->table, name);
}

int glr__cookies_put(glr__cookies_t *cookies, const struct glr__cookie *cookie)
{
	const struct glr__cookie_entry *known = find(cookies, cookie->name);
	uint8_t payload[GLR__RECORD_PAYLOAD_MAX];
	struct glr__cookie_entry *entry;
	int rc;

	if (cookie->name[0] == '\0' || strnlen(cookie->name, GLR_NAME_MAX) == GLR_NAME_MAX)
		return -EINVAL;
	if (known && known->incarnation == cookies->incarnation && known->prog == cookie->prog &&
	    known->vers == cookie->vers && known->proc == cookie->proc &&
	    memcmp(known->priv, cookie->priv, sizeof(known->priv)) == 0)
		return 0;
	rc = glr__table_reserve(&cookies->table);
	if (rc)
		return rc;
	entry = glr__cookies_entry_new(cookie, cookies->incarnation);
	if (!entry)
		return -ENOMEM;
	rc = glr__cookies_append(cookies, GLR__RECORD_COOKIE, payload, glr__cookies_encode(entry, payload));
	if (rc)
		free(entry);
	else
		glr__cookies_set(cookies, entry);
	return rc;
}

int glr__cookies_remove(glr__cookies_t *cookies, const char *name)
{
	int rc;

	if (!find(cookies, name))
		return -ENOENT;
	rc = glr__cookies_append(cookies, GLR__RECORD_UNCOOKIE, (const uint8_t *)name, strlen(name));
	if (!rc)
		glr__cookies_drop(cookies, name);
	return rc;
}

static const struct glr__cookie *expand(const glr__cookies_t *cookies, const struct glr__cookie_entry *entry)
{
	struct glr__cookie *found = cookies->found;

	if (!entry)
		return NULL;
	memset(found, 0, sizeof(*found));
	memcpy(found->name, entry->name, strlen(entry->name));
	found->prog = entry->prog;
	found->vers = entry->vers;
	found->proc = entry->proc;
	memcpy(found->priv, entry->priv, sizeof(found->priv));
	return found;
}

const struct glr__cookie *glr__cookies_find(const glr__cookies_t *cookies, const char *name)
{
	return expand(cookies, find(cookies, name));
}

const struct glr__cookie *glr__cookies_find_address(const glr__cookies_t *cookies,
						    const struct glr_address *address)
{
	char text[GLR_ADDRESS_TEXT_MAX];
	const struct glr__cookie_entry *entry;
	const struct glr__node *node;

	if (address->family == AF_UNSPEC)
		return NULL;
	entry = find(cookies, glr_address_text(address, text));
	if (entry || cookies->unusual == 0)
		return expand(cookies, entry);
	for (node = cookies->table.first; node; node = node->next) {
		entry = (const struct glr__cookie_entry *)node;
		if (glr_address_equal(&entry->address, address))
			return expand(cookies, entry);
	}
	return NULL;
}

bool glr__cookies_seen(const glr__cookies_t *cookies, const char *name)
{
	const struct glr__cookie_entry *entry = find(cookies, name);

	return entry && entry->incarnation == cookies->incarnation;
}

size_t glr__cookies_count(const glr__cookies_t *cookies)
{
	return cookies->table.count;
}

size_t glr__cookies_count_seen(const glr__cookies_t *cookies)
{
	return cookies->seen;
}

/* ---- who acknowledged ------------------------------------------------------- */

struct acknowledged {
	struct glr__node node;
	char name[];
};

int glr__cookies_note_acknowledged(glr__cookies_t *cookies, const char *name, size_t length)
{
	struct acknowledged *one;
	int rc = glr__table_reserve(&cookies->acknowledged);

	if (rc || glr__table_find_key(&cookies->acknowledged, name, length))
		return rc;
	one = calloc(1, sizeof(*one) + length + 1);
	if (!one)
		return -ENOMEM;
	memcpy(one->name, name, length);
	one->node.name = one->name;
	glr__table_insert(&cookies->acknowledged, &one->node);
	return 0;
}

int glr__cookies_acknowledge(glr__cookies_t *cookies, const char *name)
{
	size_t length = strnlen(name, GLR_NAME_MAX);
	int rc;

	if (length == 0 || length == GLR_NAME_MAX)
		return -EINVAL;
	if (glr__cookies_acknowledged(cookies, name))
		return 0;
	rc = glr__cookies_append(cookies, GLR__RECORD_ACKNOWLEDGED, (const uint8_t *)name, length);
	return rc ? rc : glr__cookies_note_acknowledged(cookies, name, length);
}

bool glr__cookies_acknowledged(const glr__cookies_t *cookies, const char *name)
{
	return glr__table_find(&cookies->acknowledged, name);
}

size_t glr__cookies_count_acknowledged(const glr__cookies_t *cookies)
{
	return cookies->acknowledged.count;
}

/* ---- the window ------------------------------------------------------------------ */

void glr__cookies_set_incarnation(glr__cookies_t *cookies, uint32_t incarnation)
{
	if (incarnation == cookies->incarnation)
		return;
	cookies->incarnation = incarnation;
	cookies->seen = 0;
	glr__table_clear(&cookies->acknowledged);
}

int glr__cookies_set_window(glr__cookies_t *cookies, const struct glr__window *window)
{
	uint32_t incarnation = cookies->incarnation + (window->grace_end_ms == 0);
	uint8_t payload[GLR__RECORD_PAYLOAD_MAX];
	int rc;

	rc = glr__cookies_append(cookies, GLR__RECORD_WINDOW, payload,
				 glr__cookies_encode_window(window, incarnation, payload));
	if (rc)
		return rc;
	glr__cookies_set_incarnation(cookies, incarnation);
	cookies->window = *window;
	cookies->opened = true;
	return 0;
}

const struct glr__window *glr__cookies_window(const glr__cookies_t *cookies)
{
	return cookies->opened ? &cookies->window : NULL;
}

int glr__cookies_set_frozen(glr__cookies_t *cookies, bool frozen)
{
	uint8_t payload = frozen;
	int rc;

	if (cookies->frozen == frozen)
		return 0;
	rc = glr__cookies_append(cookies, GLR__RECORD_FROZEN, &payload, sizeof(payload));
	if (!rc)
		cookies->frozen = frozen;
	return rc;
}

bool glr__cookies_frozen(const glr__cookies_t *cookies)
{
	return cookies->frozen;
}

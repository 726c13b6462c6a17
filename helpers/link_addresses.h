/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLR_LINK_ADDRESSES_H
#define GLR_LINK_ADDRESSES_H

#include <stddef.h>

/* The global addresses of the network namespace that this is called in, separated by commas.
 * @return how many, -E2BIG, or -errno */
int link_addresses(char *text, size_t size);

#endif

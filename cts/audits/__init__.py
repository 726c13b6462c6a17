# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges of what a lab did, from the outside: packets, lock tables, histories, logs."""

# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the packages on the lab's nodes."""
from . import life, newuser

ALL = {"life": life, "new-user": newuser}

# SPDX-License-Identifier: GPL-2.0-or-later
"""The scenarios: each drives a lab and has what happened judged from outside."""
from . import agents, coexist, crash, empty, many, move, moving, random

ALL = {module.__name__.rpartition(".")[2]: module for module in (crash, move, coexist, empty, agents, moving, random, many)}

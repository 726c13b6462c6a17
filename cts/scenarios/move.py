# SPDX-License-Identifier: GPL-2.0-or-later
"""Planned move of home; both nodes live on, and mail stays where it is."""
from .takeover import Takeover

GROUPS = ("home", "mail")


def run(bench):
    """Yields the takeovers of this scenario."""
    yield Takeover(bench, "move", bench.groups["home"], [bench.groups["mail"]], planned=True)

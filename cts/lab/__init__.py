# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster of real kernels on one machine: see README.md in this folder."""
from .cibxml import ServiceGroup, prefer
from .cluster import Cluster
from .lab import Lab
from .node import CommandFailed, CommandTimeout, Node, Result

__all__ = ["Lab", "Node", "Result", "CommandFailed", "CommandTimeout",
           "Cluster", "ServiceGroup", "prefer"]

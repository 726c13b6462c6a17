# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the product on one real kernel, without a cluster: each part is a module here."""
from . import agents, badinput, disks, durability, interrupted, links, recovery, release, supervision, v4
from .world import World

# The kernel without an NFS server comes first: only a fresh node is one.
PARTS = {"bad-input": badinput, "v4": v4, "supervision": supervision, "disks": disks, "recovery": recovery,
         "release": release, "links": links, "durability": durability, "agents": agents,
         "interrupted": interrupted}

# Run when they are named, or with --thorough: another test or a scenario shows most of it.
LENGTHY = (agents.whole_group, agents.reload_exports, interrupted.the_action_alone, recovery.request_under_way,
           release.recover_by_hand, supervision.rpcbind_hangs, supervision.supervisor_killed, supervision.all_killed,
           v4.power_cut_in_grace, v4.tracker_killed, v4.two_takeovers_in_a_row, v4.lease_runs_out, v4.only_open_files,
           supervision.mountd_killed, release.end_grace)


def all_tests():
    """{name: function}, in the order in which they run."""
    return {"%s/%s" % (part, function.__name__.replace("_", "-")): function
            for part, module in PARTS.items() for function in module.TESTS}


__all__ = ["LENGTHY", "PARTS", "World", "all_tests"]

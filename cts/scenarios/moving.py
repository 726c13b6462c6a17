# SPDX-License-Identifier: GPL-2.0-or-later
"""home, served by the stock agents, becomes a group of ours: the steps of group-lockrecover-moving(7)."""
import time

from audits import judge

from . import stock
from .bench import EXPORT_OPTIONS, START_TIMEOUT_S
from .takeover import Takeover

GROUPS = ("home",)
OLD = "old"                             # what the cluster calls it before
CRM_TIMEOUT_S = 120

PREPARE = """group-lockrecover config --name {name} --device {device} --directory {directory} \
	--ip {addresses} --nic vec0 --export '{export} *({options},fsid={fsid})' >/root/new.crm &&
sed -i '/^primitive {name}-nfs /,/^primitive/ s/meta /meta target-role=Stopped /' /root/new.crm"""
REPLACE = "crm configure delete {old} && crm configure load update /root/new.crm"


class MovingBench(stock.StockBench):
    """Before: what the stock agents serve has another name in the cluster than it will have."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        for group in self.groups.values():
            group.resource = OLD


BENCH = MovingBench


class Moving(Takeover):
    parts = (judge.locks, judge.grants, judge.notifications, judge.moments)

    def take_over(self):
        bench, cluster, group = self.bench, self.bench.cluster, self.group
        old, name = bench.where(group), group.name
        parts = ["%s-%s" % (OLD, suffix) for suffix, _, _ in group.service_group().resources()]
        old.run(PREPARE.format(
            name=name, device=group.device, directory=group.directory, export=group.export,
            addresses=" --ip ".join(address + "/24" for address in group.addresses),
            options=EXPORT_OPTIONS, fsid=group.number + 1))
        bench.say("moving: the old group stops")
        self.evidence.cut = time.time()
        cluster.set_role(OLD, "Stopped")
        cluster.wait_stopped(OLD, START_TIMEOUT_S)
        old.run(REPLACE.format(old=" ".join(parts)), CRM_TIMEOUT_S)
        node = self.mounted()
        told = node.run(["group-lockrecover", "import", name, "--from", group.infodir]).out
        bench.say("moving: on %s: %s" % (node, told.strip().replace("\n", "; ")))
        node.run(["crm", "resource", "start", name + "-nfs"], CRM_TIMEOUT_S)
        group.resource = name
        bench.wait_started(group, lambda _: True)
        self.evidence.new_node = bench.where(group).name
        self.evidence.operations = cluster.operations()
        bench.say("moving: %s runs on %s" % (name, self.evidence.new_node))

    def mounted(self):
        """The node on which the new group waits with its filesystem mounted."""
        cluster, filesystem = self.bench.cluster, self.group.name + "-fs"
        cluster.wait_for(lambda: cluster.resource_started_on(filesystem), START_TIMEOUT_S, filesystem)
        return self.bench.lab[cluster.resource_started_on(filesystem)]


def run(bench):
    """Yields the one takeover of this scenario."""
    yield Moving(bench, "moving", bench.groups["home"], [], planned=True)

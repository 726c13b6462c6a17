# SPDX-License-Identifier: GPL-2.0-or-later
"""ocf-tester over each of the product's agents, on a group beside the cluster's own."""
from .bench import Group

GROUPS = ()
TESTER = "ocf-tester"
AGENTS = "/usr/lib/ocf/resource.d/"
TEST_TIMEOUT_S, ACTION_TIMEOUT_S = 400, 90


def run(bench):
    """Yields the one part of this scenario."""
    yield AgentTests(bench)


class AgentTests:
    """Starts a group as the cluster would, each agent tested where its turn to start has come."""

    name = "agents"

    def __init__(self, bench):
        self.bench, self.node = bench, bench.lab.servers[0]
        self.group = Group(len(bench.lab.disks), "tester", "E", ["10.99.0.141"])

    def run(self):
        """(report, problems, text); the report has no numbers."""
        problems, started = [], []
        self.bench.prepare_disk(self.group, self.node)
        try:
            for resource in self.group.service_group().resources():
                problems += self.test(*resource)
                started.append(resource)
                self.act("start", *resource)
        finally:
            for resource in reversed(started):
                self.act("stop", *resource)
        found = self.bench.remains(self.group, self.node)
        problems += ["left behind: %s" % what for what in found["leftovers"]]
        return {}, problems, "\n".join(problems)

    @staticmethod
    def path(agent):
        return AGENTS + "/".join(agent.split(":")[1:])

    def test(self, suffix, agent, params):
        if not agent.startswith("ocf:glr:"):
            return []
        argv = [TESTER, "-n", "%s-%s" % (self.group.name, suffix)]
        for name, value in params.items():
            argv += ["-o", "%s=%s" % (name, value)]
        result = self.node.run(argv + [self.path(agent)], TEST_TIMEOUT_S, check=False)
        self.bench.say("%s %s: %s" % (TESTER, agent, "passed" if result.rc == 0 else "FAILED"))
        return ["%s:\n%s" % (agent, result.out)] if result.rc else []

    def act(self, action, suffix, agent, params):
        env = {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_PROVIDER": agent.split(":")[1],
               "OCF_RESOURCE_TYPE": agent.split(":")[2], "__OCF_ACTION": action,
               "OCF_RESOURCE_INSTANCE": "%s-%s" % (self.group.name, suffix),
               "OCF_RESKEY_CRM_meta_timeout": str(ACTION_TIMEOUT_S * 1000)}
        env.update(("OCF_RESKEY_" + name, value) for name, value in params.items())
        self.node.run(["env"] + ["%s=%s" % pair for pair in env.items()] +
                      [self.path(agent), action], ACTION_TIMEOUT_S)

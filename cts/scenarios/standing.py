# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab that is kept up over many faults: what they do to it, and what it looks like afterwards."""
import concurrent.futures
import json
import time

from audits import standstills
from lab import pcmklog
from lab.cluster import started_on

POLL_S = 0.1
STANDSTILL = "/run/lab/standstill"
SOUND_S = 120
DAEMON_S = 10
ROUNDS = 3                              # nobody need be booted more often after one fault


class Unsound(Exception):
    """The cluster could not be brought back to where all groups run and all nodes are there."""


class Standing:
    def __init__(self, bench):
        self.bench, self.lab, self.cluster, self.groups = bench, bench.lab, bench.cluster, bench.groups
        self.places, self.online, self.failed = {}, set(), []
        self.readers, self.last_operation = [], None
        self.logs = {n.name: pcmklog.Reader(self.cluster.log(n)) for n in self.lab.servers}
        self.consoles = {n.name: pcmklog.Reader(n.console) for n in self.lab.nodes.values()}
        self.fences, self.remedies = 0, []
        self.load = None                # scenarios.faultload.Load
        self.probes, self.answers = {}, {}
        self.witnesses = []             # lab.node.Handle: programs that tell when their nodes stood still

    def begin(self, load):
        """The lab is up and loaded."""
        self.load = load
        for name, group in self.groups.items():
            self.bench.watch_grace(group)
            self.probes[name] = pcmklog.Reader(self.bench.probes[name][1])
        for node in self.lab.nodes.values():
            self.witness(node)

    def witness(self, node):
        self.witnesses.append(node.spawn([STANDSTILL]))

    # looking

    def look(self):
        """Asks the cluster; whether it is sound."""
        root = self.cluster.crm_mon_xml()
        if root is None:
            return False
        self.places = {name: started_on(root, name) for name in self.groups}
        self.online = {n.get("name") for n in root.findall("./nodes/node")
                       if n.get("online") == "true" and n.get("pending") == "false" and
                       n.get("standby") == "false" and n.get("maintenance") == "false"}
        self.failed = ["%s on %s: %s %s" % (f.get("op_key"), f.get("node"), f.get("exitstatus"),
                                            f.get("exitreason")) for f in root.findall("./failures/failure")]
        return all(self.places.values()) and self.online == {n.name for n in self.lab.servers}

    def where(self, group):
        """By the last look: the cluster was sound then."""
        return self.lab[self.places[group]]

    def on(self, node):
        return [name for name, place in self.places.items() if place == node.name]

    def mark(self):
        """Operations, log lines and fencing count from here."""
        self.readers = [pcmklog.Reader(self.cluster.log(n), pcmklog.Watch.size(self.cluster.log(n)))
                        for n in self.lab.servers]
        for tail in list(self.logs.values()) + list(self.consoles.values()):
            tail.lines()
        self.fences, self.remedies = len(self.lab.events), []
        for tail in self.probes.values():
            tail.lines()
        self.answers = {name: [] for name in self.probes}

    def operations(self):
        """Of all nodes, since the mark."""
        return [op for reader in self.readers for op in reader.operations()]

    def fenced(self):
        """Names of the nodes that the cluster fenced since the mark."""
        return {text.split()[-1] for _, text in self.lab.events[self.fences:]
                if text.startswith("fence: answered: ") and text.split()[2] in ("reboot", "off")}

    def hear(self):
        """{group name: the grace probe's answers since the mark}."""
        for name, tail in self.probes.items():
            self.answers[name] += [json.loads(line) for line in tail.lines() if line.startswith("{")]
        return self.answers

    def still(self):
        """{node name: [(begin, end)] of its standstills}, of the whole run."""
        found = {}
        for witness in self.witnesses:
            found.setdefault(witness.node.name, []).extend(standstills.parse(witness.output()))
        return found

    def daemon(self, group, name):
        """Pids, as text, of one of a group's daemons."""
        if name == "glr-server":
            return self.where(group).run("cat /run/glr/%s/supervisor" % group).out.split()
        return self.where(group).run("for p in $(ip netns pids %s); do read -r name </proc/$p/comm && "
                                     "[ $name = %s ] && echo $p; done 2>/dev/null; true"
                                     % (group, name)).out.split()

    # waiting

    @staticmethod
    def sleep(seconds):
        time.sleep(seconds)

    @staticmethod
    def poll(condition, timeout_s, what):
        deadline = time.monotonic() + timeout_s
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise TimeoutError("%s: not within %g s" % (what, timeout_s))
            time.sleep(POLL_S)

    def epochs(self):
        """{group name: how often its server was opened since the mark}."""
        opened = {name: 0 for name in self.groups}
        for op in self.operations():
            group, _, part = op.resource.rpartition("-")
            if part == "lock" and op.action == "start" and op.rc == 0 and group in opened:
                opened[group] += 1
        return opened

    def epoch_end(self, group):
        """When the group's server was opened last."""
        return max(op.end for op in self.operations() if op.resource == group + "-lock" and
                   op.action == "start" and op.rc == 0)

    def wait_epochs(self, expected, timeout_s):
        def there():
            opened = self.epochs()
            return all(opened[name] >= least for name, (least, _) in expected.items())
        self.poll(there, timeout_s, "start of " + " and ".join(sorted(expected)))

    def wait_no_grace(self, since, timeout_s):
        """Until all groups say that they are not, asked after that moment."""
        def over():
            last = [answers[-1] if answers else None for answers in self.hear().values()]
            return all(a and a["status"] != "grace" and a["t_asked"] > since for a in last)
        self.poll(over, timeout_s, "an answer outside grace from all groups")

    def wait_operation(self, timeout_s, wanted):
        def there():
            self.last_operation = next((op for op in self.operations() if wanted(op)), None)
            return self.last_operation
        self.poll(there, timeout_s, "an action")

    def wait_fenced(self, nodes, timeout_s):
        """Until one of these is dead; returns it."""
        return self.poll(lambda: next((n for n in nodes if not n.alive), None), timeout_s, "fencing")

    def wait_daemon(self, group, name, old):
        """Until another process has taken its place."""
        self.poll(lambda: set(self.daemon(group, name)) - set(old), DAEMON_S, "another " + name)

    # doing

    @staticmethod
    def cut(node):
        node.kill()

    def move(self, names):
        """Each to the next server that lives; see wait_epochs() and clear_moves()."""
        for name in names:
            here = self.lab.servers.index(self.lab[self.places[name]])
            around = self.lab.servers[here + 1:] + self.lab.servers[:here]
            target = next(n for n in around if n.alive)
            self.cluster.move(name, target.name)
            self.places[name] = target.name

    def clear_moves(self, names):
        for name in names:
            self.cluster.clear(name)

    def property(self, name, value):
        self.cluster.crm("crm_attribute", "--type", "crm_config", "--name", name, "--update", value)

    @staticmethod
    def step_clock(node, seconds):
        node.channel.call("clock", advance=seconds).done.wait(10)

    def plain_routes(self):
        for node in self.lab.servers:
            if node.alive:
                node.run("ip route flush type blackhole")

    def stop_client(self, node):
        """Power cut; a client's own disk, with the list of its servers, survives one."""
        node.run("rm -rf {0} && mkdir {0} && cd /var/lib/nfs && cp -a sm state {0}".format("/run/lab/nfs." + node.name))
        node.kill()

    def start_client(self, node):
        """What a client does at boot: it tells its servers, and goes to work."""
        node.boot()
        node.run("kill $(pidof rpc.statd); cd /var/lib/nfs && cp -r /run/lab/nfs.%s/* . && "
                 "chown -R statd sm state && rpc.statd" % node.name)
        self.witness(node)
        self.load.start(node)

    # back to a sound cluster

    def make_sound(self):
        """Boots who is dead once the living have taken over, and waits until all is as it should be."""
        for _ in range(ROUNDS):
            if self.have_quorum():
                self.wait_or_clean_up()
            dead = [n for n in self.lab.servers if not n.alive]
            if not dead:
                return
            with concurrent.futures.ThreadPoolExecutor(len(dead)) as pool:
                list(pool.map(self.boot, dead))
        raise Unsound("nodes are fenced again and again")

    def wait_or_clean_up(self):
        """A resource that failed for good needs a hand, which an administrator would have to lend too."""
        try:
            self.wait_sound()
        except Unsound as error:
            self.remedies.append("the cluster needed a cleanup: %s" % error)
            self.cluster.cleanup()
            self.wait_sound()

    def have_quorum(self):
        alive, total = sum(n.alive for n in self.lab.servers), len(self.lab.servers)
        return alive * 2 > total or (total == 2 and alive)

    def boot(self, node):
        try:
            node.boot()
            self.bench.make_directories(node)
            self.witness(node)
            self.cluster.start_node(node)
        except Exception as error:
            node.kill()                 # fenced meanwhile, perhaps: the next round boots it again
            self.remedies.append("%s did not come back: %s" % (node, error))

    def wait_sound(self):
        """Of the living at least: where somebody is dead, until all groups run."""
        def sound():
            return self.look() or (all(self.places.values()) and not all(n.alive for n in self.lab.servers))
        try:
            self.cluster.wait_for(sound, SOUND_S, "a sound cluster")
        except Exception as error:
            raise Unsound("%s: %s\n%s" % (type(error).__name__, error, self.cluster.status())) from error

    def clean_up(self):
        """Fail counts and failed actions go, so that the next fault finds none."""
        if not self.failed:
            return
        self.cluster.cleanup()
        self.cluster.wait_for(lambda: self.look() and not self.failed, SOUND_S, "no failed actions")

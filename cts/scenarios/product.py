# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lab's nodes run: the product, staged as `make install` lays it out, and the workload."""
import os
import re
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORKLOAD = os.path.join(ROOT, "cts", "workload")
PROGRAMS = {"locker": ["locker.c"], "lockmix": ["lockmix.c", "lockmix_range.c"],
            "standstill": ["standstill.c"]}
CONFIGURE = ["--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var"]
STAGES = "cts-"


class BuildFailed(Exception):
    pass


def call(argv, where):
    result = subprocess.run(argv, cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if result.returncode:
        raise BuildFailed("%s: exit status %d\n%s" % (" ".join(argv), result.returncode,
                                                      result.stdout[-4000:]))


def build(directory):
    """Configures (where nobody has) and builds."""
    os.makedirs(directory, exist_ok=True)
    if not os.path.exists(os.path.join(directory, "Makefile")):
        if not os.path.exists(os.path.join(ROOT, "configure")):
            call(["autoreconf", "-fi"], ROOT)
        call([os.path.join(ROOT, "configure")] + CONFIGURE, directory)
    with open(os.path.join(directory, "Makefile")) as f:
        prefix = re.search(r"^prefix = (.*)$", f.read(), re.MULTILINE)
    if not prefix or prefix.group(1) != "/usr":
        raise BuildFailed("%s is not configured with --prefix=/usr" % directory)
    call(["make", "-s", "-j%d" % os.cpu_count()], directory)


class Stage:
    """A folder of this run's own in the build folder; use as a context manager."""

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        self.path = os.path.join(self.directory, STAGES + str(os.getpid()))
        self.root = os.path.join(self.path, "root")
        self.locker = os.path.join(self.path, "locker")

    def __enter__(self):
        build(self.directory)
        self.remove_dead()
        os.makedirs(self.root)
        try:
            call(["make", "-s", "install", "DESTDIR=" + self.root], self.directory)
            for program, sources in PROGRAMS.items():
                call(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-o", program] +
                     [os.path.join(WORKLOAD, source) for source in sources], self.path)
        except BaseException:
            self.__exit__()
            raise
        os.sync()                      # or the nodes' disks wait behind what was just built, for seconds
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def remove_dead(self):
        """Stages of runs that were killed outright."""
        for name in os.listdir(self.directory):
            match = re.fullmatch(STAGES + r"(\d+)", name)
            if match and not os.path.exists("/proc/" + match.group(1)):
                shutil.rmtree(os.path.join(self.directory, name), ignore_errors=True)

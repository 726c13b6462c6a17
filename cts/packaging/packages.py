# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian packages, and what they are installed on."""
import glob
import os
import re
from email.utils import formatdate

from scenarios import product

NAMES = ("group-lockrecover", "libglr0", "libglr-dev")
USER = "_glr"
INSTALL_TIMEOUT_S = 240
LATER = """%s (%s) unstable; urgency=medium

  * A later version.

 -- %s  %s

"""


class Packages:
    """Those of this tree, built as README says, and a later version of the same."""

    def __init__(self, build):
        product.call(["make", "-s", "packages"], build)
        self.directory = os.path.join(build, "packages")
        self.source, = (path for path in glob.glob(self.directory + "/*") if os.path.isdir(path))
        with open(self.source + "/debian/changelog") as f:
            self.changelog = f.read()
        self.version = re.match(r"\S+ \((\S+)\)", self.changelog).group(1)
        self.later = self.version + "+1"

    def build_later(self):
        """The same programs: only what dpkg sees of them is newer."""
        maintainer = re.search(r"^ -- (.*>)  ", self.changelog, re.MULTILINE).group(1)
        with open(self.source + "/debian/changelog", "w") as f:
            f.write(LATER % (NAMES[0], self.later, maintainer, formatdate()) + self.changelog)
        product.call(["dpkg-buildpackage", "-us", "-uc", "-b", "-nc"], self.source)

    def files(self, version, names=NAMES):
        paths = [path for name in names for path in
                 glob.glob("%s/%s_%s_*.deb" % (self.directory, name, version))]
        if len(paths) != len(names):
            raise product.BuildFailed("in %s: no packages %s of version %s" % (self.directory, names, version))
        return paths


def new_machine(node):
    """Where packages can be installed: /usr may be written, in memory, and nobody has made the user."""
    node.run("mkdir -p /.overlay/usr/upper /.overlay/usr/work && mount -t overlay "
             "-o lowerdir=/usr,upperdir=/.overlay/usr/upper,workdir=/.overlay/usr/work overlay /usr && "
             "sed -i /^%s:/d /etc/passwd /etc/group /etc/shadow /etc/gshadow" % USER)


def changed_files(node):
    """What has been written to a new machine's disk since it was booted."""
    return node.run("cd /.overlay && find */upper ! -type d ! -type c").out.split()


def version(node, name):
    """(state, version) of a package, as dpkg has them."""
    out = node.run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Version}", name], check=False)
    words = out.out.split() if out.rc == 0 else []
    return (words + [None, None])[0], (words + [None, None])[1]

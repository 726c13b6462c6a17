# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands in README.md: its fenced blocks that have a name behind their language, such as "sh install"."""
import re

BLOCK = re.compile(r"^```sh (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Readme:
    """values   {what the text says: what this reader has}, the longer ones first"""

    def __init__(self, path, values):
        with open(path) as f:
            found = BLOCK.findall(f.read())
        self.blocks = dict(found)
        if len(self.blocks) != len(found):
            raise ValueError("%s: two blocks have the same name" % path)
        whole = "".join(self.blocks.values())
        for word in values:
            if word not in whole:
                raise ValueError("%s never says %s" % (path, word))
        self.values, self.typed = values, set()

    def script(self, name):
        """The block as this reader types it."""
        if name not in self.blocks:
            raise ValueError("README.md has no block \"sh %s\"" % name)
        self.typed.add(name)
        return self.adapt(self.blocks[name], self.values)

    @staticmethod
    def adapt(text, values):
        for word, own in values.items():
            text = text.replace(word, own)
        return text

    def untyped(self):
        return sorted(set(self.blocks) - self.typed)

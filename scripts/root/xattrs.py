#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Print the debugfs commands that give an image the file capabilities of a
tar archive. fakeroot loses the file type of a file with extended attributes,
so mke2fs -d cannot be the one to copy them.

usage: xattrs.py ARCHIVE FOLDER   (FOLDER receives the values)
"""
import sys
import tarfile

PREFIX = "SCHILY.xattr."

with tarfile.open(sys.argv[1], errors="surrogateescape") as tar:
    n = 0
    for member in tar:
        for key, value in member.pax_headers.items():
            if key != PREFIX + "security.capability":
                continue
            path = f"{sys.argv[2]}/xattr.{n}"
            with open(path, "wb") as f:
                f.write(value.encode("utf-8", "surrogateescape"))
            name = member.name.lstrip("./")
            print(f'ea_set -f {path} "/{name}" {key[len(PREFIX):]}')
            n += 1

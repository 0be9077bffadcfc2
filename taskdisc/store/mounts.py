"""What kind of file system a folder is on: a write-ahead log needs memory that all of its users share."""

from __future__ import annotations

import os

# fmt: off
NETWORK = frozenset({
    "9p", "acfs", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "gpfs",
    "lustre", "mmfs", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs", "virtiofs", "wekafs",
})
# fmt: on
"""File systems that several machines may have mounted."""
LOCAL_FUSE = frozenset({"fuseblk", "fuse.ntfs-3g", "fuse.ext4", "fuse.fuse-overlayfs", "fuse.lxcfs"})
"""Of the others in user space most are remote (sshfs, s3fs, gcsfuse, glusterfs...)."""


def is_shared(folder: str) -> bool:
    """Say whether the folder is on a file system that other machines may have mounted too, as far as can be told."""
    try:
        with open("/proc/mounts", encoding="utf-8", errors="surrogateescape") as stream:
            mounts = stream.read()
    except OSError:
        return False
    return is_network(type_of(os.path.realpath(folder), mounts))


def is_network(kind: str) -> bool:
    """Say whether a type of file system, as the kernel calls it, is one of a network."""
    return kind in NETWORK or (kind.startswith("fuse") and kind not in LOCAL_FUSE)


def type_of(folder: str, mounts: str) -> str:
    """Return the type of the file system of an absolute path, by the text of /proc/mounts; "" where it is unknown."""
    longest, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _unescaped(fields[1]) if "\\" in fields[1] else fields[1]
        # Of two on one mount point, the later hides the earlier.
        if len(point) >= longest and (folder == point or folder.startswith(point.rstrip("/") + "/")):
            longest, kind = len(point), fields[2]
    return kind


def _unescaped(text: str) -> str:
    """The kernel writes blanks, tabs, newlines and backslashes as octal numbers."""
    head, *rest = text.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)

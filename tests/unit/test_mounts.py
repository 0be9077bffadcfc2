"""The kind of a folder's file system is read from the kernel's list."""

import pytest

from taskdisc.store.mounts import is_network, is_shared, type_of

MOUNTS = r"""/dev/vda / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
tmpfs /home/me/fast tmpfs rw 0 0
me@far:/data /mnt/far\040away fuse.sshfs rw 0 0
/dev/sdb1 /mnt/stick fuseblk rw 0 0
lustre@tcp:/scratch /scratch lustre rw 0 0
/dev/vdb /over ext4 rw 0 0
//nas/share /over cifs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("folder", "kind", "network"),
    [
        ("/", "ext4", False),
        ("/srv/project/.taskdisc", "ext4", False),
        ("/home", "nfs4", True),
        ("/home/me/project/.taskdisc", "nfs4", True),
        ("/homes/me", "ext4", False),
        ("/home/me/fast/x", "tmpfs", False),
        ("/mnt/far away/x", "fuse.sshfs", True),
        ("/mnt/stick/x", "fuseblk", False),
        ("/scratch/x", "lustre", True),
        ("/over/x", "cifs", True),
    ],
)
def test_the_innermost_mount_counts(folder, kind, network):
    assert type_of(folder, MOUNTS) == kind
    assert is_network(kind) is network


@pytest.mark.parametrize("kind", ["nfs", "9p", "ceph", "gpfs", "virtiofs", "fuse.s3fs", "beegfs", "smb3"])
def test_network_file_systems(kind):
    assert is_network(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "", "fuse.fuse-overlayfs"])
def test_local_file_systems(kind):
    assert not is_network(kind)


def test_an_empty_list_says_nothing():
    assert type_of("/x", "") == ""


def test_this_machine_is_asked(tmp_path):
    assert is_shared(str(tmp_path)) in (True, False)

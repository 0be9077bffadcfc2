import os

from taskdisc.descriptors import close_private, forget_private, keep_private


def seen_by_child(descriptor):
    child = os.fork()
    if not child:
        try:
            os.fstat(descriptor)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def test_forked_children_lose_private_descriptors():
    read, write = os.pipe()
    assert seen_by_child(read)
    keep_private(read)
    assert not seen_by_child(read)
    assert seen_by_child(write)
    os.fstat(read)
    forget_private(read)
    assert seen_by_child(read)
    os.close(read)
    os.close(write)


def test_a_closed_number_is_free_for_others():
    read, write = os.pipe()
    keep_private(read)
    close_private(read)
    again, other = os.pipe()
    assert again == read
    assert seen_by_child(again)
    for descriptor in (again, other, write):
        os.close(descriptor)

"""A file that only grows, on a disk that fails for a while."""

import errno
import os

from cmta_jax.storage import append_file


def test_what_a_failed_sync_may_have_lost_is_written_again(tmp_path, monkeypatch):
    """After a failed fsync Linux may drop the pages that it could not write, and calls them clean: here it does."""
    file = append_file.AppendFile(tmp_path / "file")
    file.append(b"safe,")
    assert file.sync()

    def lose(descriptor):
        os.ftruncate(descriptor, len(b"safe,"))
        raise OSError(errno.EIO, "Input/output error")

    file.append(b"lost,")
    with monkeypatch.context() as patch:
        patch.setattr(append_file.os, "fsync", lose)
        assert not file.sync()
    file.append(b"new,")
    assert file.sync()
    file.close()
    assert (tmp_path / "file").read_bytes() == b"safe,lost,new,"

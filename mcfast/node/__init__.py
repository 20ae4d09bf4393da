"""A DICOM node and a watched folder: images come in, wait on disk, are processed, and their reports are sent on.

`queue` keeps what is promised, `receiver` and `watch` fill it, `worker` works it off, `sender` sends; `service` is all
of them together. pynetdicom (`pip install 'mcfast[node]'`) is needed to receive and to send, not to watch.
"""

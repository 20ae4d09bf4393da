"""The receiving side: a Storage SCP for mammograms that answers success once an image is in the queue, on disk."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from mcfast.dicom.uids import uid_name
from mcfast.errors import ConfigError
from mcfast.node.connection import Discarded, guard, guarded_server, senders_choice
from mcfast.node.entry import Entry
from mcfast.node.library import pynetdicom
from mcfast.node.log import now, say
from mcfast.node.queue import Queue
from mcfast.node.served import (
    CANNOT_UNDERSTAND,
    MAMMOGRAMS,
    OUT_OF_RESOURCES,
    PROCESSING_FAILURE,
    SUCCESS,
    VERIFICATION,
    Refusal,
    check_dataset,
    check_instance,
    transfer_syntaxes,
)
from mcfast.node.title import require_title

__all__ = ["Limits", "Receiver"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What peers may use up.

    `associations` at once (more are rejected, "local limit exceeded"); `object_bytes` of one object, which is in memory
    until it is on disk; `seconds` of silence; `titles` of the peers that may send, all if empty.
    """

    associations: int = 8
    object_bytes: int = 1 << 30
    seconds: float = 60.0
    titles: tuple[str, ...] = ()


class Receiver:
    """A server that fills a queue. `start` binds the port; `stop` lets running transfers end for a moment.

    Parameters
    ----------
    queue
        Where images go.
    host, port
        Where to listen; port 0 is one that is free, see `port` after `start`.
    ae_title
        Of this node.
    limits
        What peers may use up.

    Raises
    ------
    DependencyError
        If pynetdicom is not installed.
    ConfigError
        If the AE title is none, or (by `start`) the port cannot be had.
    """

    def __init__(
        self, queue: Queue, *, host: str = "", port: int = 11112, ae_title: str = "MCFAST", limits: Limits | None = None
    ) -> None:
        self._queue, self._address, self._limits = queue, (host, port), limits or Limits()
        self._entity = pynetdicom().AE(require_title(ae_title, "--ae-title"))
        self._entity.maximum_associations = self._limits.associations
        self._entity.maximum_pdu_size = 1 << 18
        self._entity.acse_timeout = self._entity.network_timeout = self._limits.seconds
        self._entity.require_calling_aet = [require_title(one, "--accept-from") for one in self._limits.titles]
        self._entity.add_supported_context(VERIFICATION)
        for sop_class in MAMMOGRAMS:
            self._entity.add_supported_context(sop_class, transfer_syntaxes())
        self._server: Any = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to listen."""
        event = pynetdicom().evt
        handlers = [
            (event.EVT_C_STORE, self._store),
            (event.EVT_PDU_RECV, guard, [self._limits.object_bytes]),
            (event.EVT_REQUESTED, senders_choice),
            (event.EVT_ACCEPTED, _accepted),
            (event.EVT_REJECTED, _rejected),
            (event.EVT_ABORTED, _aborted),
        ]
        kind = guarded_server(self._limits.seconds, 4 * self._limits.associations)
        try:
            self._server = self._entity.make_server(self._address, evt_handlers=handlers, server_class=kind)
        except OSError as error:
            where = f"{self._address[0] or '*'}:{self._address[1]}"
            raise ConfigError(f"--port: cannot listen on {where} ({error.strerror or error}); give another") from None
        self._entity._servers.append(self._server)  # where its own `start_server` notes it, and `shutdown` looks
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="mcfast-accept", daemon=True).start()

    def stop(self, seconds: float = 3.0) -> None:
        """Accept no more, give transfers so many seconds to end, and abort the rest: their senders send them again."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.shutdown()
        deadline = time.monotonic() + seconds
        while server.active_associations and time.monotonic() < deadline:
            time.sleep(0.02)
        for association in server.active_associations:
            threading.Thread(target=association.abort, daemon=True).start()
        deadline = time.monotonic() + 2.0
        while server.active_associations and time.monotonic() < deadline:
            time.sleep(0.02)

    def _store(self, event: Any) -> Any:
        """Answer a C-STORE request."""
        request, begin = event.request, time.perf_counter()
        told: dict[str, Any] = {"sop_instance_uid": str(request.AffectedSOPInstanceUID), "origin": _peer(event)}
        try:
            entry, new = self._keep(event)
        except Refusal as refusal:
            say("refused", level=logging.WARNING, status=f"{refusal.status:04X}", reason=refusal.reason, **told)
            return _answer(refusal.status, refusal.reason)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            say("refused", level=logging.ERROR, status=f"{PROCESSING_FAILURE:04X}", reason=reason, **told)
            return _answer(PROCESSING_FAILURE, type(error).__name__)
        seconds = time.perf_counter() - begin
        syntax = uid_name(entry.transfer_syntax_uid)
        say("received" if new else "duplicate", id=entry.name, bytes=entry.size, seconds=seconds, syntax=syntax, **told)
        return SUCCESS

    def _keep(self, event: Any) -> tuple[Entry, bool]:
        request, syntax = event.request, str(event.context.transfer_syntax)
        sop_class, sop_instance = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        check_instance(sop_class, sop_instance, str(event.context.abstract_syntax))
        if request.DataSet is None:
            raise Refusal(CANNOT_UNDERSTAND, "there is no dataset")
        data = request.DataSet.getbuffer()
        if isinstance(request.DataSet, Discarded) or len(data) > self._limits.object_bytes:
            raise Refusal(OUT_OF_RESOURCES, f"the object is larger than {self._limits.object_bytes} bytes")
        check_dataset(data, syntax, sop_class, sop_instance)
        meta = b"".join((b"\0" * 128, b"DICM", pynetdicom().dsutils.encode_file_meta(event.file_meta)))
        described = Entry(
            origin=_peer(event),
            received=now(),
            sop_class_uid=sop_class,
            sop_instance_uid=sop_instance,
            transfer_syntax_uid=syntax,
        )
        try:
            return self._queue.add((meta, data), lambda identity: described)
        except OSError as error:
            raise Refusal(OUT_OF_RESOURCES, f"cannot be stored: {error.strerror or error}") from None


def _answer(status: int, comment: str) -> Any:
    """A response with a comment, in the 64 characters that it may have."""
    from pydicom.dataset import Dataset

    answer = Dataset()
    answer.Status = status
    answer.ErrorComment = comment.encode("ascii", "replace").decode().replace("\\", "/")[:64]
    return answer


def _peer(event: Any) -> str:
    """TITLE@address of the peer."""
    requestor = event.assoc.requestor
    return f"{(requestor.ae_title or '').strip()}@{requestor.address}"


def _accepted(event: Any) -> None:
    taken = {str(one.abstract_syntax) for one in event.assoc.accepted_contexts}
    refused = sorted({uid_name(str(one.abstract_syntax)) for one in event.assoc.rejected_contexts} - taken)
    if refused:  # some senders offer all that there is, to send one thing
        more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
        level = logging.INFO if taken else logging.WARNING
        say("refused", level=level, reason=f"not served: {', '.join(refused[:3])}{more}", origin=_peer(event))


def _rejected(event: Any) -> None:
    say("rejected", level=logging.WARNING, reason="too many associations, or title not known", origin=_peer(event))


def _aborted(event: Any) -> None:
    message = event.assoc.dimse.message
    data = getattr(message, "data_set", None)
    size = getattr(data, "size", None) if isinstance(data, Discarded) else data.tell() if data is not None else None
    say("aborted", level=logging.WARNING, reason="the association ended", unfinished=size, origin=_peer(event))

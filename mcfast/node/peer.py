"""The peer that reports are sent to, and one association with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcfast.dicom.strict import quiet
from mcfast.dicom.uids import EXPLICIT, IMPLICIT, uid_name
from mcfast.errors import ConfigError
from mcfast.node.library import pynetdicom
from mcfast.node.title import require_title

__all__ = ["Address", "Backoff", "Peer", "PeerDown", "Refused"]


class PeerDown(Exception):
    """The peer cannot be reached, rejects associations, or does not answer."""


class Refused(Exception):
    """The peer does not take an object; `for_good` if it did not say that it lacks resources."""

    def __init__(self, reason: str, *, for_good: bool = True) -> None:
        super().__init__(reason)
        self.for_good = for_good


@dataclass(frozen=True, slots=True)
class Address:
    """Where a peer is."""

    title: str
    host: str
    port: int

    @staticmethod
    def parse(text: str) -> Address:
        """From "AE@host:port", "AE@[::1]:port". Raises `ConfigError` if it is none."""
        title, at, rest = text.partition("@")
        host, colon, port = rest.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (at and colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
            raise ConfigError(f"--send-to: expected AE@host:port, got {text!r}")
        return Address(require_title(title, "--send-to"), host, int(port))

    def __str__(self) -> str:
        return f"{self.title}@{self.host}:{self.port}"


class Peer:
    """Opens associations with one address, as `title`."""

    def __init__(self, address: Address, title: str, *, seconds: float = 60.0) -> None:
        self.address = address
        self._entity = pynetdicom().AE(require_title(title, "--ae-title"))
        self._entity.connection_timeout = min(seconds, 10.0)
        self._entity.acse_timeout = self._entity.dimse_timeout = self._entity.network_timeout = seconds

    @contextmanager
    def association(self, files: Iterable[Path]) -> Iterator[Any]:
        """An association for the objects in files.

        Raises `PeerDown` if there is none to be had, `Refused` if the peer takes none of these kinds of objects.
        """
        contexts = [pynetdicom().build_context(*one) for one in _contexts(files)]
        if not contexts:
            raise Refused("the reports are damaged on disk")
        try:
            association = self._entity.associate(
                self.address.host, self.address.port, contexts=contexts, ae_title=self.address.title
            )
        except OSError as error:  # a name that is not known
            raise PeerDown(f"{self.address} cannot be reached: {error.strerror or error}") from None
        if not association.is_established:
            if association.rejected_contexts:
                kinds = sorted({uid_name(str(one.abstract_syntax)) for one in association.rejected_contexts})
                raise Refused(f"{self.address} takes no {', no '.join(kinds)}")
            if association.is_rejected:
                raise PeerDown(f"{self.address} rejects associations: {association.acceptor.primitive.reason_str}")
            raise PeerDown(f"{self.address} cannot be reached")
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    def send(self, association: Any, file: Path) -> None:
        """Send the object in a file. Raises `Refused` or `PeerDown`; returns when the peer has it."""
        from pydicom import dcmread

        try:
            with quiet():
                dataset = dcmread(file)
        except Exception as error:  # what pydicom raises on a damaged file is of many kinds
            raise Refused(f"{file.name} is damaged on disk ({type(error).__name__})") from None
        try:
            answer = association.send_c_store(dataset)
        except ValueError:
            kind, syntax = uid_name(str(dataset.SOPClassUID)), uid_name(str(dataset.file_meta.TransferSyntaxUID))
            raise Refused(f"{self.address} takes no {kind} in {syntax}") from None
        except RuntimeError:  # the association has ended meanwhile
            raise PeerDown(f"{self.address} ended the association") from None
        status = answer.get("Status")
        if status is None:
            raise PeerDown(f"{self.address} does not answer")
        if status != 0 and not 0xB000 <= status <= 0xBFFF:
            comment = str(answer.get("ErrorComment") or "")
            told = f"{self.address} answers {status:04X}{f' ({comment})' if comment else ''} to {file.name}"
            raise Refused(told, for_good=not 0xA700 <= status <= 0xA7FF)


def _contexts(files: Iterable[Path]) -> list[tuple[str, str]]:
    """The presentation contexts that the objects need: their own syntax, and the other that is easily made of it.

    One for each, so that a peer that takes both gets the objects as they are.
    """
    from pydicom.filereader import read_file_meta_info

    needed: dict[tuple[str, str], None] = {}
    for file in files:
        try:
            with quiet():
                meta = read_file_meta_info(file)
                sop_class, syntax = str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)
        except Exception:  # damaged: told where it is sent
            continue
        for one in (EXPLICIT, IMPLICIT) if syntax in (EXPLICIT, IMPLICIT) else (syntax,):
            needed[sop_class, one] = None
    return list(needed)


class Backoff:
    """When to try again: 1 s after the first failure, twice as long after each further one, at most `longest`.

    Kept in a file, so that a restart neither floods the peer nor forgets how long it has been down.
    """

    def __init__(self, file: Path, *, first: float = 1.0, longest: float = 300.0) -> None:
        self._file, self._first, self._longest = file, first, longest
        self.failures, self.not_before = 0, 0.0
        try:
            values = json.loads(file.read_bytes())
            self.failures, self.not_before = int(values["failures"]), float(values["not_before"])
        except (OSError, ValueError, KeyError, TypeError):  # none yet, or spoilt: it costs one attempt
            pass

    def pause(self, failures: int) -> float:
        """Seconds after so many failures."""
        return float(min(self._first * 2.0 ** min(failures - 1, 30), self._longest))

    def left(self, not_before: float, now: float) -> float:
        """Seconds until a time; never longer than the longest pause, whatever was done to the clock."""
        return min(max(0.0, not_before - now), self._longest)

    def failed(self, now: float) -> float:
        """Note a failure; the seconds to wait."""
        self.failures += 1
        pause = self.pause(self.failures)
        self.not_before = now + pause
        self._keep()
        return pause

    def succeeded(self) -> None:
        """Forget failures."""
        if self.failures:
            self.failures, self.not_before = 0, 0.0
            self._keep()

    def _keep(self) -> None:
        from mcfast.report.write import write_file

        try:
            write_file(self._file, json.dumps({"failures": self.failures, "not_before": self.not_before}).encode())
        except OSError:  # a full disk must not end the sending, which will free nothing but loses nothing either
            return

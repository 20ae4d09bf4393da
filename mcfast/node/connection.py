"""What a peer may do to our memory and threads before a handler of ours is asked, in terms of pynetdicom's server."""

from __future__ import annotations

import io
import socket
from typing import Any

from mcfast.node.library import pynetdicom

__all__ = ["Discarded", "guard", "guarded_server", "senders_choice"]

_LONGEST_PDU = 1 << 24  # bytes; what is agreed upon is less, but not every peer minds it
_PIPELINED = 2  # messages that may wait for their answer: none does, as only one at a time is agreed upon


class Discarded(io.BytesIO):
    """Stands in for a dataset that is too large: counts what is written to it, and keeps nothing."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def write(self, data: Any) -> int:
        """Count the bytes."""
        self.size += len(data)
        return len(data)


def guard(event: Any, longest: int) -> None:
    """Keep the message that an association is receiving within `longest` bytes; called with each of its PDUs.

    What is longer is received to its end, so that the peer can be answered, and not kept; without end it is aborted.
    """
    provider = event.assoc.dimse
    if provider.msg_queue.qsize() > _PIPELINED:
        event.assoc.abort()
        return
    message = provider.message
    data = getattr(message, "data_set", None)
    if data is None:
        return
    if isinstance(data, Discarded):
        if data.size > 8 * longest:
            event.assoc.abort()
    elif data.tell() > longest:
        message.data_set = Discarded(data.tell())


def senders_choice(event: Any) -> None:
    """Have a presentation context agree on the first syntax that its sender offers; called before the negotiation.

    Senders put first what they hold, or like best; pynetdicom would go by the acceptor's order.
    """
    offered = [
        str(syntax)
        for context in event.assoc.requestor.primitive.presentation_context_definition_list
        for syntax in context.transfer_syntax
    ]
    place = {syntax: number for number, syntax in reversed(list(enumerate(offered)))}
    for context in event.assoc.acceptor.supported_contexts:
        context.transfer_syntax = sorted(context.transfer_syntax, key=lambda one: place.get(str(one), len(offered)))


def guarded_server(seconds: float, connections: int) -> type[Any]:
    """A server class that closes connections beyond a number, ones that stay silent inside a PDU for so many seconds,
    and ones that announce a PDU longer than any."""
    transport = pynetdicom().transport

    class Handler(transport.RequestHandler):  # type: ignore[misc,name-defined]
        def _create_association(self) -> Any:
            association = super()._create_association()
            peer = association.dul.socket
            receive = peer.recv

            def bounded(count: int) -> bytearray:
                if count > _LONGEST_PDU:
                    raise OSError(f"a PDU of {count} bytes")
                received: bytearray = receive(count)
                return received

            end = peer._shutdown_socket

            def closed() -> None:
                connection = peer.socket
                end()
                if connection is not None:
                    connection.close()  # which is left out where the other side was first

            peer.recv, peer._shutdown_socket = bounded, closed
            return association

    class Server(transport.ThreadedAssociationServer):  # type: ignore[misc,name-defined]
        daemon_threads = True
        request_queue_size = 64

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options, request_handler=Handler)

        def get_request(self) -> tuple[socket.socket, Any]:
            connection, address = super().get_request()
            connection.settimeout(seconds)
            return connection, address

        def verify_request(self, request: Any, client_address: Any) -> bool:
            return len(self.active_associations) < connections

    return Server

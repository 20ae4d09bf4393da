"""A bounded pipeline: items are loaded ahead in threads while earlier ones are computed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, TypeVar

__all__ = ["stream"]

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Output = TypeVar("Output")


def stream(
    items: Iterable[Item],
    load: Callable[[Item], Loaded],
    compute: Callable[[Loaded], Output],
    failed: Callable[[Item, BaseException], Output],
    in_flight: int,
    ordered: bool,
) -> Generator[Output, None, None]:
    """Yield compute(load(item)) of every item, or failed(item, error) where either raises an `Exception`.

    `load` runs in threads, up to `in_flight - 1` items ahead of the one that is computed; `compute` runs in the
    consumer's thread, when the next output is asked for. So at most `in_flight` loaded items exist at any time, however
    slow the consumer is. Items are taken from the iterable one by one, in the consumer's thread; an error of the
    iterable itself is raised after the outputs of the items taken before. When the consumer stops, what is being loaded
    is finished and dropped, and no thread stays behind.

    Raises `ValueError` if `in_flight` is below 1.
    """
    if in_flight < 1:
        raise ValueError(f"stream(in_flight): expected at least 1, got {in_flight}")
    return _run(iter(items), load, compute, failed, in_flight, ordered)


def _run(
    items: Iterator[Item],
    load: Callable[[Item], Loaded],
    compute: Callable[[Loaded], Output],
    failed: Callable[[Item, BaseException], Output],
    in_flight: int,
    ordered: bool,
) -> Generator[Output, None, None]:
    with ThreadPoolExecutor(in_flight, "mcfast-load") as pool:
        pending: dict[Future[Loaded], Item] = {}
        source_error: Exception | None = None

        def refill(most: int) -> None:
            nonlocal source_error
            while source_error is None and len(pending) < most:
                try:
                    item = next(items)
                except StopIteration:
                    return
                except Exception as error:
                    source_error = error
                    return
                pending[pool.submit(load, item)] = item

        try:
            refill(in_flight)
            while pending:
                future = _next(pending, ordered)
                wait((future,))
                item = pending.pop(future)
                # The image being computed counts too: with it, `in_flight` are held.
                refill(in_flight - 1)
                yield _output(future, item, compute, failed)
                del future, item
                refill(in_flight)
            if source_error is not None:
                raise source_error
        finally:
            for future in pending:
                future.cancel()


def _next(pending: dict[Future[Any], Any], ordered: bool) -> Future[Any]:
    oldest: Future[Any] = next(islice(pending, 1))
    if ordered:
        return oldest
    done, _ = wait(pending, return_when=FIRST_COMPLETED)
    return oldest if oldest in done else done.pop()


def _output(
    future: Future[Loaded],
    item: Item,
    compute: Callable[[Loaded], Output],
    failed: Callable[[Item, BaseException], Output],
) -> Output:
    try:
        return compute(future.result())
    except Exception as error:
        return failed(item, error)

"""Ctrl-C during a training loop: what was trained is saved before KeyboardInterrupt is raised."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import Any, Callable, Iterator


@contextlib.contextmanager
def saved_on_interrupt(save: Callable[[], object]) -> Iterator[None]:
    """While inside, Ctrl-C calls `save` first, wherever in the program it arrives.

    Only in the main thread, and only where nobody has a handler of their own.
    """
    is_ours = (threading.current_thread() is threading.main_thread()
               and signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    if not is_ours:
        yield
        return

    def handle(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)   # a second one ends at once
        save()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)

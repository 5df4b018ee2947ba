"""How many of something this process has at the moment, as a metric that costs nothing until it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry.metrics import CallbackOptions, Observation, get_meter


class Count:
    """A number that goes up and down."""

    def __init__(self, name: str, description: str) -> None:
        self.now = 0
        get_meter("sijil").create_observable_up_down_counter(name, [self._observe], description=description)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one more inside the block."""
        self.now += 1
        try:
            yield
        finally:
            self.now -= 1

    def _observe(self, _options: CallbackOptions) -> list[Observation]:
        return [Observation(self.now)]


SOCKETS: Final = Count("sijil.sockets.open", "Connections that hold subscriptions open.")
UPLOADS: Final = Count("sijil.uploads.receiving", "Requests whose files are being received.")

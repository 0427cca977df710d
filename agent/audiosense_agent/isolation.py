"""Finds the measurement or event that the collector refuses, so that it alone is set aside."""

from enum import Enum, auto

_BARE_BATCHES = 20


class Remedy(Enum):
    """What to do about a refused batch."""

    RETRY = auto()
    """Make another batch at once: a smaller one, an empty one, or one without the report on the agent."""
    BURY = auto()
    """The batch holds one item, and it is the item that is refused."""
    WAIT = auto()
    """Even an empty batch is refused: nothing spooled is at fault; keep all of it."""


class Kind(Enum):
    """What a batch may hold."""

    MEASUREMENTS = auto()
    EVENTS = auto()

    @property
    def other(self) -> "Kind":
        """The other one."""
        return Kind.EVENTS if self is Kind.MEASUREMENTS else Kind.MEASUREMENTS


class _Halving:
    """Halves refused batches of one kind down to one item; an empty batch then shows whether the item is at fault."""

    def __init__(self, limit: int) -> None:
        self._most = limit
        self.limit = limit
        self.probing = False
        self._proven = False

    @property
    def is_active(self) -> bool:
        return self.limit < self._most or self.probing

    def end(self) -> None:
        self.limit, self.probing, self._proven = self._most, False, False

    def probed(self) -> None:
        self._proven, self.probing = self.probing, False

    def accepted(self) -> None:
        self._proven = False
        self.limit = min(self._most, self.limit * 2)

    def refused(self, items: int) -> Remedy:
        if items > 1 and self.limit > 1:
            self.limit = max(1, min(self.limit, items) // 2)
            return Remedy.RETRY
        self.limit = 1
        if self._proven:
            self._proven = False
            return Remedy.BURY
        self.probing = True
        return Remedy.RETRY


class Isolation:
    """Looks for a refused item, among measurements and among events apart.

    While it looks, batches hold one kind only and the kinds take turns: however many measurements wait, a refused event
    is found in a bounded number of batches, and new events go on while a refused measurement is looked for.

    ``limit`` is the most measurements that the next batch may hold, ``event_limit`` the most events. While ``probing``
    the next batch must be empty. While ``bare`` batches go without heartbeat and running models, in case these were
    refused.
    """

    def __init__(self, limit: int, event_limit: int = 1_000) -> None:
        self._searches = {Kind.MEASUREMENTS: _Halving(limit), Kind.EVENTS: _Halving(event_limit)}
        self._suspects: set[Kind] = set()
        self._turn = Kind.EVENTS
        self.bare = False
        self._bare_left = 0

    @property
    def limit(self) -> int:
        """The most measurements of the next batch."""
        return self._searches[Kind.MEASUREMENTS].limit

    @property
    def event_limit(self) -> int:
        """The most events of the next batch."""
        return self._searches[Kind.EVENTS].limit

    @property
    def probing(self) -> bool:
        """Whether the next batch must be empty."""
        return any(search.probing for search in self._searches.values())

    @property
    def is_active(self) -> bool:
        """Whether a refused item is being looked for."""
        return bool(self._suspects) or any(search.is_active for search in self._searches.values())

    @property
    def suspects_measurements(self) -> bool:
        """Whether it may be a measurement."""
        return Kind.MEASUREMENTS in self._suspects or self._searches[Kind.MEASUREMENTS].is_active

    @property
    def order(self) -> tuple[Kind, Kind]:
        """The kind whose turn is next, and the one to take where nothing of it waits."""
        return self._turn, self._turn.other

    def none_left(self, kind: Kind) -> None:
        """Note that nothing of a kind waits: there is nothing to be found among it."""
        self._suspects.discard(kind)
        if kind is Kind.EVENTS:
            self._searches[kind].end()

    def accepted(self, measurements: int, events: int = 0) -> None:
        """Note that a batch of so many items was taken."""
        if self.bare:
            self._bare_left -= 1
            self.bare = self._bare_left > 0
        counts = self._counts(measurements, events)
        for kind in counts:
            self._searches[kind].accepted()
            self._suspects.discard(kind)
            self._turn = kind.other
        if not counts:
            for search in self._searches.values():
                if search.probing:
                    search.probed()

    def refused(self, measurements: int, events: int = 0) -> Remedy:
        """Note that a batch of so many items was refused and say what to do."""
        counts = self._counts(measurements, events)
        if not counts:
            if self.bare:
                return Remedy.WAIT
            self.bare, self._bare_left = True, _BARE_BATCHES
            return Remedy.RETRY
        if len(counts) > 1:
            self._suspects, self._turn = set(counts), Kind.EVENTS
            return Remedy.RETRY
        ((kind, items),) = counts.items()
        self._suspects.discard(kind)
        search = self._searches[kind]
        remedy = search.refused(items)
        # What the empty batch proves is asked of the same item at once.
        self._turn = kind if search.probing else kind.other
        return remedy

    @staticmethod
    def _counts(measurements: int, events: int) -> dict[Kind, int]:
        return {kind: items for kind, items in ((Kind.MEASUREMENTS, measurements), (Kind.EVENTS, events)) if items > 0}

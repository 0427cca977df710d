"""The spool: what was heard, on disk until the collector has acknowledged it.

``store`` is the one door for the running agent; ``view``, ``check``, ``rescue`` and ``export`` serve commands.
"""

from audiosense_agent.spool.store import Spool

__all__ = ["Spool"]

"""How the hot path has its statements planned."""

from audiosense_collector.db.driver import Query

_ELSEWISE = ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material")
BY_KEY = Query(
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', true), "
    + ", ".join(f"set_config('enable_{way}', 'off', true)" for way in _ELSEWISE)
)
"""Planning a query on all partitions anew takes longer than running it, and how many keys there are changes nothing.

A plan is kept, though, until its tables are analysed. One that was made while they were nearly empty would go on
reading all of a sensor's rows; so what is left is to look up each row by its key.
"""

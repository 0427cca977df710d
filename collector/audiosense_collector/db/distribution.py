"""Spreading measurements and roll-ups over several database servers with the Citus extension.

Rows of a sensor stay together: what is read and written for one sensor is the work of one server. The dictionaries that
those rows refer to are copied to every server. All other tables, small and often changed, stay where they are.
"""

from collections.abc import Iterator

import psycopg
from psycopg import sql
from psycopg.errors import LockNotAvailable
from psycopg.rows import scalar_row

from audiosense_collector.db.engine import libpq_url
from audiosense_collector.errors import DatabaseError

COLUMN = "sensor_id"
DISTRIBUTED = ("measurement", "rollup_minute", "rollup_hour")
"""Tables that are distributed by sensor; the first one's shards are where those of the others are."""
REFERENCE = ("model_digest", "feature_schema")
"""Tables that every server has a copy of."""
SHARDS = 32
MIN_VERSION = 12
_LOCK_TIMEOUT = "30s"
_WHERE = "docs/scaling.md says how"

# What Citus demands of a table before it can be distributed; each query finds what breaks one rule.
_RULES = (
    """
    SELECT format('%%s: the key %%s lacks %%s; add the column to the key', c.conrelid::regclass, c.conname,
        %(column)s::text)
    FROM pg_constraint c WHERE c.conrelid = ANY(%(distributed)s::regclass[]) AND c.contype IN ('p', 'u')
      AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attname = %(column)s::text
        AND a.attnum = ANY(c.conkey))
    """,
    """
    SELECT format('%%s: the unique index %%s lacks %%s; add the column to the index', i.indrelid::regclass,
        i.indexrelid::regclass, %(column)s::text)
    FROM pg_index i WHERE i.indrelid = ANY(%(distributed)s::regclass[]) AND i.indisunique
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
      AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = %(column)s::text
        AND a.attnum = ANY(i.indkey))
    """,
    """
    SELECT format('%%s: the foreign key %%s leads to %%s, no reference table; remove it', c.conrelid::regclass,
        c.conname, c.confrelid::regclass)
    FROM pg_constraint c WHERE c.conrelid = ANY(%(distributed)s::regclass[]) AND c.contype = 'f'
      AND c.confrelid <> ALL(%(reference)s::regclass[])
    """,
    """
    SELECT format('%%s: the foreign key %%s leads to the distributed %%s; remove it', c.conrelid::regclass, c.conname,
        c.confrelid::regclass)
    FROM pg_constraint c WHERE c.confrelid = ANY(%(distributed)s::regclass[]) AND c.contype = 'f'
    """,
    """
    SELECT format('%%s: the foreign key %%s leads to %%s, no reference table; remove it', c.conrelid::regclass,
        c.conname, c.confrelid::regclass)
    FROM pg_constraint c WHERE c.conrelid = ANY(%(reference)s::regclass[]) AND c.contype = 'f'
      AND c.confrelid <> ALL(%(reference)s::regclass[])
    """,
    """
    SELECT format('%%s: the exclusion constraint %%s; remove it', c.conrelid::regclass, c.conname)
    FROM pg_constraint c WHERE c.conrelid = ANY(%(distributed)s::regclass[]) AND c.contype = 'x'
    """,
    """
    SELECT format('%%s: the trigger %%s; remove it', t.tgrelid::regclass, t.tgname)
    FROM pg_trigger t WHERE t.tgrelid = ANY(%(distributed)s::regclass[] || %(reference)s::regclass[])
      AND NOT t.tgisinternal
    """,
    """
    SELECT format('%%s: the column %%s is an identity; give it a default of a sequence', a.attrelid::regclass,
        a.attname)
    FROM pg_attribute a WHERE a.attrelid = ANY(%(distributed)s::regclass[] || %(reference)s::regclass[])
      AND a.attidentity <> ''
    """,
    """
    SELECT format('%%s: the default of %%s takes from a sequence; remove it', a.attrelid::regclass, a.attname)
    FROM pg_attribute a JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
    WHERE a.attrelid = ANY(%(distributed)s::regclass[]) AND pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%%'
    """,
    """
    SELECT format('%%s: the column %%s is missing, may be null or is no uuid', t.oid::regclass, %(column)s::text)
    FROM pg_class t WHERE t.oid = ANY(%(distributed)s::regclass[])
      AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = %(column)s::text
        AND a.attnotnull AND a.atttypid = 'uuid'::regtype)
    """,
    """
    SELECT format('%%s: its partition %%s is partitioned itself; make it one level', i.inhparent::regclass,
        t.oid::regclass)
    FROM pg_inherits i JOIN pg_class t ON t.oid = i.inhrelid
    WHERE i.inhparent = ANY(%(distributed)s::regclass[]) AND t.relkind = 'p'
    """,
    """
    SELECT format('%%s: it is a partition or inherits from another table', t.oid::regclass)
    FROM pg_class t WHERE t.oid = ANY(%(distributed)s::regclass[] || %(reference)s::regclass[])
      AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = t.oid)
    """,
    """
    SELECT format('%%s: it is partitioned by %%s; expected range or list, of a reference table nothing',
        t.oid::regclass, pg_get_partkeydef(t.oid))
    FROM pg_class t LEFT JOIN pg_partitioned_table p ON p.partrelid = t.oid
    WHERE t.oid = ANY(%(distributed)s::regclass[]) AND p.partstrat = 'h'
       OR t.oid = ANY(%(reference)s::regclass[]) AND p.partrelid IS NOT NULL
    """,
    """
    SELECT format('%%s: the rule %%s; remove it', r.ev_class::regclass, r.rulename)
    FROM pg_rewrite r WHERE r.ev_class = ANY(%(distributed)s::regclass[] || %(reference)s::regclass[])
    """,
)

# What a query that is sent to the other servers may call must be there; what writes is only ever called here.
_FUNCTIONS = """
SELECT p.oid::regprocedure::text
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = current_schema()::regnamespace AND p.prokind IN ('f', 'a') AND p.prorettype <> 'trigger'::regtype
  AND (p.provolatile <> 'v' OR p.prokind = 'a') AND p.proname NOT LIKE 'procrastinate%'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  AND NOT EXISTS (SELECT FROM pg_dist_object o WHERE o.classid = 'pg_proc'::regclass AND o.objid = p.oid)
ORDER BY p.prokind DESC, 1
"""
_LOCAL_BYTES = """
SELECT pg_relation_size(%(table)s::regclass)
    + coalesce((SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(%(table)s)), 0)
"""
_STATE = """
SELECT CASE p.partmethod WHEN 'h' THEN column_to_column_name(p.logicalrelid, p.partkey) WHEN 'n' THEN 'reference' END
FROM pg_dist_partition p WHERE p.logicalrelid = %s::regclass
"""


def find_violations(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """Return what of the schema Citus would refuse, each with what to do; empty if nothing."""
    tables = {"distributed": list(DISTRIBUTED), "reference": list(REFERENCE), "column": COLUMN}
    with connection.cursor(row_factory=scalar_row) as cursor:
        return [str(found) for rule in _RULES for found in cursor.execute(rule, tables).fetchall()]


def distribute(url: str, *, shards: int = SHARDS, dry_run: bool = False) -> Iterator[str]:
    """Distribute what is not distributed yet, and tell each step once it is done; safe to repeat.

    While a table's rows are copied it can be read but not written: agents are put off with 503 and keep what they hear.

    Args:
        url: address of the coordinator's database, migrated.
        shards: pieces that each distributed table is cut into, the most servers that can ever share it.
        dry_run: check everything, and tell what would be done.

    Raises:
        DatabaseError: Citus is missing, too old, has no workers, or others hold a table; the message says what to do.
    """
    with psycopg.connect(libpq_url(url), autocommit=True, application_name="audiosense-distribute") as connection:
        _check_extension(connection)
        _check_nodes(connection)
        violations = find_violations(connection)
        if violations:
            raise DatabaseError(f"the schema cannot be distributed: {'; '.join(violations)}")
        connection.execute(sql.SQL("SET lock_timeout = {}").format(sql.Literal(_LOCK_TIMEOUT)))
        try:
            yield from _distribute(connection, shards, dry_run=dry_run)
        except LockNotAvailable:
            raise DatabaseError(
                f"others held locks on a table for {_LOCK_TIMEOUT}; end the long query or the backup that holds them "
                "(pg_stat_activity) and run this again: what is done already is kept"
            ) from None
        except psycopg.Error as error:
            reason = " ".join(str(error).split())[:500]
            raise DatabaseError(f"Citus refused: {reason}; what is done already is kept, run this again") from None


def _check_extension(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    query = "SELECT installed_version FROM pg_available_extensions WHERE name = 'citus'"
    found = connection.execute(query).fetchone()
    if found is None:
        raise DatabaseError(
            f"this PostgreSQL has no Citus extension, and without it stays one server: install Citus {MIN_VERSION} or "
            f"newer on it and on each worker, then run this again; {_WHERE}"
        )
    if found[0] is None:
        raise DatabaseError(
            f"the Citus extension is installed but not part of this database: run CREATE EXTENSION citus in it, here "
            f"and on each worker, then run this again; {_WHERE}"
        )
    version = str(found[0])
    if int(version.partition(".")[0]) < MIN_VERSION:
        raise DatabaseError(f"the Citus extension is of version {version}, {MIN_VERSION} or newer is needed; update it")


def _check_nodes(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    group = connection.execute("SELECT groupid FROM pg_dist_local_group").fetchone()
    if group is None or group[0] != 0:
        raise DatabaseError("DATABASE_URL leads to a worker of the cluster, expected its coordinator; change it")
    query = """
    SELECT count(*) FILTER (WHERE groupid = 0), count(*) FILTER (WHERE groupid <> 0 AND shouldhaveshards)
    FROM pg_dist_node WHERE isactive AND noderole = 'primary'
    """
    coordinators, workers = connection.execute(query).fetchone() or (0, 0)
    if not coordinators:
        raise DatabaseError(f"the coordinator does not know its own address: citus_set_coordinator_host; {_WHERE}")
    if not workers:
        raise DatabaseError(f"the cluster has no workers: add them with citus_add_node; {_WHERE}")
    query = "SELECT nodename || ':' || nodeport, result FROM run_command_on_workers('SELECT 1') WHERE NOT success"
    away = connection.execute(query).fetchall()
    if away:
        told = "; ".join(f"{node}: {' '.join(str(why).split())[:200]}" for node, why in away)
        raise DatabaseError(f"workers do not answer: {told}; start them, or remove them with citus_remove_node")


def _distribute(connection: psycopg.Connection[tuple[object, ...]], shards: int, *, dry_run: bool) -> Iterator[str]:
    with connection.cursor(row_factory=scalar_row) as cursor:
        for function in cursor.execute(_FUNCTIONS).fetchall():
            if not dry_run:
                connection.execute("SELECT create_distributed_function(%s::regprocedure)", [function])
            yield f"function {function}: {_would(dry_run)}copied to every server"
    for table in REFERENCE:
        yield _refer(connection, table, dry_run=dry_run)
    for table in DISTRIBUTED:
        yield _spread(connection, table, shards, dry_run=dry_run)
    for table in (*REFERENCE, *DISTRIBUTED):
        if not dry_run and _local_bytes(connection, table):
            connection.execute("SELECT truncate_local_data_after_distributing_table(%s::regclass)", [table])
            yield f"{table}: the coordinator's copy from before is dropped"


def _refer(connection: psycopg.Connection[tuple[object, ...]], table: str, *, dry_run: bool) -> str:
    state = _state(connection, table)
    if state == "reference":
        return f"{table}: is a reference table already"
    _refuse_other(table, state)
    if not dry_run:
        connection.execute("SELECT create_reference_table(%s::regclass)", [table])
    return f"{table}: {_would(dry_run)}copied to every server"


def _spread(connection: psycopg.Connection[tuple[object, ...]], table: str, shards: int, *, dry_run: bool) -> str:
    state = _state(connection, table)
    if state == COLUMN:
        return f"{table}: is distributed by {COLUMN} already"
    _refuse_other(table, state)
    if table == DISTRIBUTED[0]:
        how = sql.SQL("colocate_with => 'none', shard_count => {}").format(sql.Literal(shards))
    else:
        how = sql.SQL("colocate_with => {}").format(sql.Literal(DISTRIBUTED[0]))
    if not dry_run:
        query = sql.SQL("SELECT create_distributed_table({}, {}, {})")
        connection.execute(query.format(sql.Literal(table), sql.Literal(COLUMN), how))
    pieces = f" in {shards} shards" if table == DISTRIBUTED[0] else f", beside {DISTRIBUTED[0]}"
    return f"{table}: {_would(dry_run)}distributed by {COLUMN}{pieces}"


def _would(dry_run: bool) -> str:  # noqa: FBT001 - of the command's option
    return "would be " if dry_run else ""


def _refuse_other(table: str, state: str | None) -> None:
    if state is not None:
        raise DatabaseError(
            f"{table} is distributed in another way already (by {state}); run "
            f"SELECT undistribute_table('{table}') and then this again"
        )


def _state(connection: psycopg.Connection[tuple[object, ...]], table: str) -> str | None:
    """Return the column that a table is distributed by, ``reference``, ``other``, or None if it is not."""
    found = connection.execute(_STATE, [table]).fetchone()
    return None if found is None else str(found[0] or "other")


def _local_bytes(connection: psycopg.Connection[tuple[object, ...]], table: str) -> int:
    found = connection.execute(_LOCAL_BYTES, {"table": table}).fetchone()
    assert found is not None
    return int(str(found[0]))

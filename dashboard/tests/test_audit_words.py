"""What the log of changes names has words: each table and column that people change, each action."""

import json
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import audiosense_collector
from audiosense_collector.auth.tables import AuditEntry
from audiosense_collector.auth.trail import UNLOGGED

DASHBOARD = Path(__file__).parents[1]
BY_NOBODY = {
    "agent_check", "agent_told", "audit_seal", "detectability", "feature_schema", "gap", "job_progress", "measurement",
    "model_digest", "model_run", "notification", "ordering_mark", "probe_set", "retention_mark", "rollup_hour",
    "rollup_minute", "rollup_rebuild", "unsigned_model",
}  # fmt: skip
"""What the collector and its agents write by themselves: nobody is at work, so nothing is logged."""
CHANGES = {"post", "put", "patch", "delete"}


def words(group: str) -> set[str]:
    """Names in a group of the English messages; that Spanish has the same, the type checker sees to."""
    text = (DASHBOARD / "src/i18n/audit.en.ts").read_text()
    found = re.search(rf"^  {group}: {{\n(.*?)^  }}", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return set(re.findall(r'^    "?([\w -]+)"?: "', found[1], re.MULTILINE))


def test_tables_and_columns_have_words():
    for module in pkgutil.walk_packages(audiosense_collector.__path__, "audiosense_collector."):
        if module.name.endswith(".tables"):
            import_module(module.name)
    tables = AuditEntry.metadata.tables
    assert set(tables) >= BY_NOBODY
    logged = {name: table for name, table in tables.items() if name not in BY_NOBODY | UNLOGGED}
    columns = {column.name for table in logged.values() for column in table.columns}
    assert set(logged) - words("subjects") == set()
    assert columns - words("columns") == set()


def test_actions_have_words():
    document = json.loads((DASHBOARD / "openapi.json").read_text())
    actions = {
        each["operationId"] for path in document["paths"].values() for method, each in path.items() if method in CHANGES
    }
    assert len(actions) > 40
    assert actions - words("actions") == set()

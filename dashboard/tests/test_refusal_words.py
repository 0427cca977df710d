"""What the collector refuses to a page has words in the reader's language: the collector's own are English."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
COLLECTOR = ROOT / "collector" / "audiosense_collector"
ENGLISH = ROOT / "dashboard" / "src" / "i18n"
REFUSALS = {"ConflictError", "ForbiddenError", "TooLargeError"}
"""What a request meets that is itself correct; that it is, the pages' forms see to."""
OTHERS = {
    "agents", "ingest", "cli", "exports", "developer", "auth/middleware.py", "auth/routes.py", "clips/upload.py",
    "protection.py",
}  # fmt: skip
"""Answered to agents and programs, or by pages in words of their own (`agents.refused`)."""
OF_AGENTS = {("clips/service.py", "NOT_ALLOWED"), ("clips/service.py", None)}


def refusals() -> set[tuple[str, str | None]]:
    """Each refusal that a page can meet: where it is raised, and the kind that it has; None where it has none."""
    found = set()
    for file in sorted(COLLECTOR.rglob("*.py")):
        place = file.relative_to(COLLECTOR).as_posix()
        if {place, place.split("/", 1)[0]} & OTHERS:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                kind = next((ast.unparse(each.value) for each in node.keywords if each.arg == "kind"), None)
                found.add((place, kind))
    return found - OF_AGENTS


def kinds_with_words() -> set[str]:
    texts = [(ENGLISH / f"{name}.en.ts").read_text() for name in ("auth", "plant")]
    blocks = [re.search(r"^  kinds: \{\n(.*?)^  \},", text, re.MULTILINE | re.DOTALL) for text in texts]
    return {name for block in blocks if block for name in re.findall(r"^    (\w+):", block[1], re.MULTILINE)}


def test_every_refusal_that_a_page_can_meet_has_words():
    """In English here; that Spanish has the same, the type checker sees to."""
    known = kinds_with_words()
    found = refusals()
    assert len(found) > 10
    missing = [
        (place, kind)
        for place, kind in sorted(found, key=str)
        if kind is None or (not kind.startswith("f'needs_") and kind.strip("'").lower() not in known)
    ]
    assert not missing, f"give them a kind, and words in auth.en.ts and auth.es.ts: {missing}"

"""How these tests look for things: in ways that stay unambiguous when a page says more, and that wait for it."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = sorted(Path(__file__).parent.glob("*.py"))
ONE_LOOK = {
    "count": "to_have_count",
    "all": "to_have_count and nth",
    "is_visible": "to_be_visible",
    "is_hidden": "to_be_hidden",
    "is_enabled": "to_be_enabled",
    "is_checked": "to_be_checked",
    "inner_text": "to_have_text",
    "text_content": "to_have_text",
    "all_inner_texts": "to_have_text",
    "all_text_contents": "to_have_text",
    "input_value": "to_have_value",
    "get_attribute": "to_have_attribute",
}
"""What looks once and does not wait, with what ``expect`` has in its place."""


def findings(source: str) -> Iterator[str]:
    """What in a test can go wrong when a page is slower, or says more than today."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and "page.url" in ast.unparse(node.test).split("span_in")[0]:
            yield f"{node.lineno}: the address is read once; use expect(page).to_have_url"
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, keywords = node.func.attr, {each.arg: each.value for each in node.keywords}
        if name in ONE_LOOK and not node.args and not isinstance(node.func.value, ast.Constant):
            yield f"{node.lineno}: {name}() does not wait; use expect(…).{ONE_LOOK[name]}"
        text = keywords.get("name") if name == "get_by_role" else node.args[0] if name == "get_by_label" else None
        if isinstance(text, ast.Constant | ast.JoinedStr) and "exact" not in keywords:
            yield f"{node.lineno}: {name} matches a part of any longer name; add exact=True, or give a pattern"
        if name == "get_by_text" and ast.unparse(node.func.value) == "page" and not keywords:
            yield f"{node.lineno}: a text anywhere on the page; look in a part of it, or add exact=True"


def test_nothing_is_looked_for_in_a_way_that_becomes_ambiguous_or_does_not_wait():
    assert Path(__file__) in TESTS
    found = [f"{file.name}:{each}" for file in TESTS for each in findings(file.read_text())]
    assert not found, "\n".join(found)


def test_the_rules_find_what_they_forbid():
    bad = [
        'page.get_by_role("link", name="Fleet").click()',
        'panel.get_by_label(f"Name of {it}").fill("x")',
        'page.get_by_text("Saved").click()',
        "assert page.locator('li').count() == 0",
        "assert page.url.endswith('/agents')",
    ]
    good = [
        'page.get_by_role("link", name="Fleet", exact=True).click()',
        'page.get_by_role("link", name=re.compile("^Fleet$")).click()',
        'page.get_by_role("alert")',
        'panel.get_by_text("Saved").click()',
        "assert 'aabb'.count('a') == 2",
    ]
    assert [len(list(findings(line))) for line in bad] == [1] * len(bad)
    assert [len(list(findings(line))) for line in good] == [0] * len(good)

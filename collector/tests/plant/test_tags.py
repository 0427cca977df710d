"""Tags are written in one way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_collector.plant.tags import MOST_CHARACTERS, MOST_TAGS, normalise


def test_tags_are_lower_case_and_each_once():
    assert normalise(["  Line  2 ", "line 2", "Cafe\u0301", "A"]) == ["a", "caf\u00e9", "line 2"]


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ([" "], "0 characters"),
        (["x" * (MOST_CHARACTERS + 1)], "41 characters"),
        ([f"t{number}" for number in range(MOST_TAGS + 1)], "21 tags"),
        (["a\x00b"], "control character"),
        (["a\u202eb"], "control character"),
    ],
    ids=["empty", "long", "many", "null", "override"],
)
def test_what_is_no_tag_says_why(tags, says):
    with pytest.raises(ValueError, match=says):
        normalise(tags)


@given(st.lists(st.text(max_size=45), max_size=25))
def test_what_was_normalised_stays(tags):
    try:
        once = normalise(tags)
    except ValueError:
        return
    assert normalise(once) == once

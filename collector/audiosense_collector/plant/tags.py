"""Tags of machines: free words, written in one way."""

import unicodedata
from collections.abc import Iterable

MOST_TAGS = 20
MOST_CHARACTERS = 40


def normalise(tags: Iterable[str]) -> list[str]:
    """Return tags in lower case (NFC, single spaces), each once, in their order.

    Raises:
        ValueError: one is empty, too long or holds a control character, or they are too many.
    """
    found = {_normalise(tag) for tag in tags}
    if len(found) > MOST_TAGS:
        raise ValueError(f"found {len(found)} tags, expected at most {MOST_TAGS}; leave some out")
    return sorted(found)


def _normalise(tag: str) -> str:
    words = " ".join(unicodedata.normalize("NFC", tag.lower()).split())
    if not 1 <= len(words) <= MOST_CHARACTERS:
        raise ValueError(f"a tag has {len(words)} characters, expected 1 to {MOST_CHARACTERS}; use a shorter word")
    if any(unicodedata.category(each).startswith("C") for each in words):
        raise ValueError("a tag holds a control character, expected letters, digits and signs; take it out")
    return words

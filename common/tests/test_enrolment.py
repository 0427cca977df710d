import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_common.enrolment import PREFIX, EnrolmentKey
from audiosense_common.errors import EnrolmentKeyError

KEY = EnrolmentKey("https://collector.example:8443", "ab" * 32, "s3cret-Ü")


def packed(fields):
    return PREFIX + base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


@given(
    host=st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    port=st.integers(1, 65_535),
    trust=st.just("system") | st.binary(min_size=32, max_size=32).map(bytes.hex),
    secret=st.text(min_size=1, max_size=80),
)
def test_a_key_comes_back_as_it_was(host, port, trust, secret):
    key = EnrolmentKey(f"https://{host}:{port}", trust, secret)
    text = key.encode()
    assert text.split() == [text]
    assert text.isascii()
    assert EnrolmentKey.decode(f"  {text}\n") == key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no enrolment key: it starts with ''"),
        ("ssh-ed25519 AAAA", "is no enrolment key: it starts with 'ssh-ed25519 '"),
        (KEY.encode()[:-9], "is damaged"),
        (PREFIX + "!!!", "is damaged"),
        (packed(["url"]), "is damaged"),
        (packed({"url": "https://a:1", "trust": "system"}), "is damaged"),
        (packed({"url": "https://a:1", "trust": "system", "secret": 5}), "a field is no text"),
        (packed({"url": "http://a:1", "trust": "system", "secret": "s"}), "expected https://HOST:PORT"),
        (packed({"url": "https://", "trust": "system", "secret": "s"}), "expected https://HOST:PORT"),
        (packed({"url": "https://a:x", "trust": "system", "secret": "s"}), "expected https://HOST:PORT"),
        (packed({"url": "https://a:70000", "trust": "system", "secret": "s"}), "expected https://HOST:PORT"),
        (packed({"url": "https://a..b:1", "trust": "system", "secret": "s"}), "expected https://HOST:PORT"),
        (packed({"url": "https://a:1", "trust": "AB" * 32, "secret": "s"}), "expected 'system' or a SHA-256"),
    ],
)
def test_what_is_no_key_is_refused_in_one_line(text, message):
    with pytest.raises(EnrolmentKeyError, match=message) as caught:
        EnrolmentKey.decode(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=200))
def test_any_other_text_is_refused_and_nothing_else_happens(body):
    for text in (body, PREFIX + body):
        with pytest.raises(EnrolmentKeyError):
            EnrolmentKey.decode(text)


def test_the_secret_is_not_told_in_messages():
    key = EnrolmentKey("http://plain:1", "system", "the-secret-itself")
    with pytest.raises(EnrolmentKeyError) as caught:
        EnrolmentKey.decode(key.encode())
    assert "the-secret-itself" not in str(caught.value)

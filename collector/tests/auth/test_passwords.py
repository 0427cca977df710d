"""Which passwords are taken, and how they are hashed."""

import asyncio

import pytest

from audiosense_collector.auth import passwords
from audiosense_collector.auth.passwords import Workers, check_password
from audiosense_collector.errors import InvalidError, UnavailableError


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "aceite cojinete 4 turno",
        "ñandú-ñandú-zorro-3",
        "пять слов подряд тут",
        "a" + "b1c2d3e4f5g6h7k8" * 15,
    ],
)
def test_long_ones_of_any_characters_are_taken(password):
    check_password(password, "anna")


@pytest.mark.parametrize(
    ("password", "words", "kind"),
    [
        ("Tr0ub4dor&3", "11 characters, expected at least 15", "password_too_short"),
        ("x" * 257, "at most 256", "password_too_long"),
        ("aaaaaaaaaaaaaaaaaaaa", "different characters", "password_too_uniform"),
        ("abababababababababab", "different characters", "password_too_uniform"),
        ("abcdefghijklmnopqrst", "row of keys", "password_guessable"),
        ("qwertyuiopasdfghjkl", "row of keys", "password_guessable"),
        ("12345678901234567890", "row of keys", "password_guessable"),
        ("audiosense-audiosense", "common word", "password_guessable"),
        ("passwordpassword1", "common word", "password_guessable"),
        ("correcthorsebatterystaple", "common word", "password_guessable"),
        ("maximilian-maximilian-1", "the name", "password_guessable"),
        ("kmz5xkmz5xkmz5xkmz5x", "repetition", "password_guessable"),
    ],
)
def test_short_and_expected_ones_are_refused_without_being_repeated(password, words, kind):
    with pytest.raises(InvalidError, match=words) as caught:
        check_password(password, "Maximilian")
    assert (caught.value.loc, caught.value.kind) == ("password", kind)
    assert password not in str(caught.value)


async def test_hashes_are_argon2id_and_the_same_word_typed_in_two_ways_is_one():
    workers = Workers()
    hashed = await workers.hash("caf\u00e9 con leche y pan")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await workers.verify("cafe\u0301 con leche y pan", hashed) == (True, None)
    assert await workers.verify("cafe con leche y pan", hashed) == (False, None)
    assert await workers.verify("nobody has this password", None) == (False, None)


async def test_a_crowd_is_sent_away_before_it_takes_the_memory(monkeypatch):
    monkeypatch.setattr(passwords, "MAX_WAITING", 3)
    workers = Workers()
    running = 0
    most = 0
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_password):
        nonlocal running, most
        running += 1
        most = max(most, running)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(30)
        running -= 1
        return "hashed"

    monkeypatch.setattr(passwords._hashing, "hash", slow)
    waiting = [asyncio.create_task(workers.hash(str(number))) for number in range(10)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0)
    refused = [task for task in waiting if task.done()]
    assert done
    assert len(refused) == 5
    assert all(isinstance(task.exception(), UnavailableError) for task in refused)
    release.set()
    await asyncio.wait(waiting)
    assert most <= passwords.AT_ONCE

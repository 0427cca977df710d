"""Every change is logged by itself, nobody can change the log, and whoever forces it is found out."""

import asyncio
import csv
import io
import json
import uuid
from dataclasses import replace

import httpx
import psycopg
import pytest
from sqlalchemy import delete, select, update

from audiosense_collector.agents.keys import create_key
from audiosense_collector.app import create_app
from audiosense_collector.auth import audit, chain, sessions
from audiosense_collector.auth.roles import Role
from audiosense_collector.auth.tables import AuditEntry, User
from audiosense_collector.auth.trail import Trail, at_work, note
from audiosense_collector.bulkhead import Bulkhead
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.db.engine import libpq_url


@pytest.fixture
async def since(runtime):
    """Gives the entries that were added since the test began, the oldest first."""
    async with runtime.sessions() as session:
        first = await session.scalar(select(AuditEntry.id).order_by(AuditEntry.id.desc()).limit(1)) or 0

    async def entries(**having):
        async with runtime.sessions() as session:
            query = select(AuditEntry).where(AuditEntry.id > first).order_by(AuditEntry.id)
            found = list(await session.scalars(query))
        return [entry for entry in found if all(getattr(entry, name) == value for name, value in having.items())]

    return entries


async def test_a_setting_is_logged_with_what_it_was_and_what_it_is(browser, make_agent, since):
    (sensor,) = (await make_agent()).sensors.values()
    for budget in (3, 5):
        answer = await browser.patch(
            f"/api/v1/sensors/{sensor}",
            json={"false_alarms_per_week": budget},
            headers={"X-Forwarded-For": "192.0.2.9"},
        )
        assert answer.status_code == 200
    first, second = await since(action="change_sensor")
    assert (first.actor, first.address, first.subject, first.subject_id) == (
        browser.user,
        "192.0.2.9",
        "sensor",
        sensor,
    )
    assert (first.before, first.after) == ({"false_alarms_per_week": None}, {"false_alarms_per_week": 3.0})
    assert (second.before, second.after) == ({"false_alarms_per_week": 3.0}, {"false_alarms_per_week": 5.0})
    page = (await browser.get("/api/v1/audit", params={"subject_id": sensor, "limit": 1})).json()
    assert [item["id"] for item in page["items"]] == [second.id]
    page = (await browser.get("/api/v1/audit", params={"subject_id": sensor, "before": page["next"]})).json()
    assert [item["id"] for item in page["items"]] == [first.id]
    assert page["next"] is None


async def test_the_log_is_asked_by_who_what_and_when_and_given_as_a_table(runtime, browser, since, monkeypatch):
    monkeypatch.setattr(audit, "MAX_LIMIT", 2)
    actor = f"cli:{uuid.uuid4().hex}"
    for number in range(5):
        async with runtime.sessions.begin() as session:
            after = {"name": '=1+1, "quoted"\n' * number}
            await note(session, f"thing-{number % 2}", "=HYPERLINK(1)", after=after, action=f"{actor} did", actor=actor)
    entries = await since(actor=actor)
    span = {"actor": actor, "from_us": entries[1].at, "to_us": entries[4].at}
    page = (await browser.get("/api/v1/audit", params=span)).json()
    assert [item["id"] for item in page["items"]] == [entries[number].id for number in (3, 2, 1)]
    terms = (await browser.get("/api/v1/audit/terms")).json()
    assert actor in terms["actors"]
    assert f"{actor} did" in terms["actions"]
    assert {"thing-0", "thing-1"} <= set(terms["subjects"])

    answer = await browser.get("/api/v1/audit/file", params=span)
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    *rows, last = csv.reader(io.StringIO(answer.text))
    assert rows[0] == list(audit.COLUMNS)
    assert [row[0] for row in rows[1:]] == [str(entries[number].id) for number in (3, 2, 1)]
    assert {row[6] for row in rows[1:]} == {"'=HYPERLINK(1)"}, "no spreadsheet takes it for a formula"
    assert [json.loads(row[8]) for row in rows[1:]] == [entries[number].after for number in (3, 2, 1)]
    assert last == ["# rows: 3"]
    nobody = await browser.get("/api/v1/audit/file", params={"actor": "nobody at all"})
    assert nobody.text.splitlines()[1:] == ["# rows: 0"]


async def test_each_change_of_an_agent_a_permission_a_user_and_a_token_is_logged(browser, make_agent, since):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    name = f"ben-{uuid.uuid4().hex[:8]}"
    user = await browser.post(
        "/api/v1/users", json={"name": name, "role": "viewer", "password": "a few words in a row"}
    )
    calls = {
        "rotate_agent": ("POST", f"/api/v1/agents/{agent.id}/rotate", None),
        "revoke_agent": ("POST", f"/api/v1/agents/{agent.id}/revoke", None),
        "accept_agent": ("POST", f"/api/v1/agents/{agent.id}/accept", {}),
        "change_clips_permission": ("PUT", f"/api/v1/sensors/{sensor}/clips-permission", {"allowed": False}),
        "change_user": ("PATCH", f"/api/v1/users/{user.json()['id']}", {"role": "operator"}),
        "create_token": ("POST", "/api/v1/tokens", {"name": str(uuid.uuid4()), "scope": "viewer"}),
        "train_sensor": ("POST", f"/api/v1/sensors/{sensor}/train", {}),
    }
    for action, (method, path, body) in calls.items():
        answer = await browser.request(method, path, json=body)
        assert answer.is_success, (action, answer.text)
    found = {entry.action: entry for entry in await since(actor=browser.user)}
    assert set(found) == {"create_user", *calls}
    assert found["create_user"].after["name"] == name
    assert found["create_user"].after["password"] == "(changed)"
    assert (found["change_user"].before, found["change_user"].after) == ({"role": "viewer"}, {"role": "operator"})
    assert found["revoke_agent"].before["state"] == "active"
    assert found["revoke_agent"].after["state"] == "revoked"
    assert found["change_clips_permission"].after == {"clips_allowed": False}
    assert found["create_token"].after["sha256"] == "(changed)"
    assert sensor in found["train_sensor"].subject_id


async def test_what_fails_changes_nothing_and_is_not_logged_and_agents_are_not_either(browser, make_agent, since):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(2)))
    assert (await browser.post(f"/api/v1/agents/{uuid.uuid4()}/revoke")).status_code == 404
    assert (await browser.get("/api/v1/fleet")).status_code == 200
    assert await since() == []


async def test_a_command_is_logged_under_who_gave_it(runtime, since):
    with at_work(Trail("cli:root", "here", "enrolment-key create")):
        async with runtime.sessions.begin() as session:
            await create_key(session, url="https://x:1", trust="0" * 64, uses=3, lifetime_us=DAY_US)
    (entry,) = await since()
    assert (entry.actor, entry.action, entry.subject) == ("cli:root", "enrolment-key create", "enrolment_key")
    assert entry.after["uses"] == 3
    assert entry.after["secret_sha256"] == "(changed)"


class TestChain:
    """On databases of their own, since they are tampered with."""

    @pytest.fixture
    def database_url(self, make_database):
        return make_database()

    async def write(self, runtime, count=1):
        for number in range(count):
            async with runtime.sessions.begin() as session:
                await note(session, "sensor", number, before={"x": None}, after={"x": "1:2-\u00e9\U0001f600\"'\\"})

    async def verify(self, runtime, **more):
        async with runtime.sessions() as session:
            return await chain.verify(session, **more)

    async def test_a_whole_log_is_found_whole_whoever_wrote_it_at_once(self, runtime, monkeypatch):
        monkeypatch.setattr(chain, "BATCH", 7)
        assert (await self.verify(runtime)).faults == ()
        await asyncio.gather(*(self.write(runtime, 5) for _ in range(8)))
        found = await self.verify(runtime)
        assert (found.entries, found.faults) == (40, ())
        await self.write(runtime)
        assert (await self.verify(runtime, expect=found.mark)).faults == ()

    async def test_an_administrator_asks_whether_it_is_whole(self, runtime, open_browser, database_url):
        browser = await open_browser(Role.ADMINISTRATOR)
        await self.write(runtime, 3)
        path = "/api/v1/audit/verification"
        found = (await browser.get(path)).json()
        assert (found["entries"], found["faults"]) == (3, [])
        again = await browser.get(path, params={"expect": found["mark"]})
        assert (again.status_code, again.json()) == (200, found)
        assert (await browser.get(path, params={"expect": "3:what"})).status_code == 422
        with psycopg.connect(libpq_url(database_url)) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("UPDATE audit_entry SET actor = 'eve' WHERE subject_id = '1'")
        found = (await browser.get(path)).json()
        (fault,) = found["faults"]
        assert (fault["kind"], fault["link"], fault["entry"]) == ("entry_changed", 2, 2)
        assert "is not what was logged" in fault["detail"]

    async def test_one_verification_runs_at_a_time_and_a_crowd_comes_back_later(
        self, runtime, sign_in_to, database_url
    ):
        await self.write(runtime, 3)
        signed_in = await sign_in_to(runtime, Role.ADMINISTRATOR)
        app = create_app(replace(runtime, verifying=Bulkhead(1, waiting=1, wait_s=60, what="verifications")))
        transport = httpx.ASGITransport(app)
        path = "/api/v1/audit/verification"
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", **signed_in) as browser:
            # One that cannot go on, another that waits for it; neither the others nor the wait take a connection.
            with psycopg.connect(libpq_url(database_url)) as connection:
                connection.execute("LOCK TABLE audit_seal IN ACCESS EXCLUSIVE MODE")
                asked = [asyncio.create_task(browser.get(path)) for _ in range(8)]
                refused, held = set(), set(asked)
                while len(refused) < 6:
                    done, held = await asyncio.wait(held, timeout=60, return_when=asyncio.FIRST_COMPLETED)
                    refused |= done
                assert runtime.engine.pool.checkedout() <= 1
            answers = [each.result() for each in refused]
            assert [answer.status_code for answer in answers] == [503] * 6
            assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
            assert [answer.json()["entries"] for answer in await asyncio.gather(*held)] == [3, 3]

    async def test_neither_log_nor_links_can_be_changed_or_taken_away(self, runtime, database_url):
        await self.write(runtime, 2)
        with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
            for table in ("audit_entry", "audit_seal"):
                for change in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"UPDATE {table} SET {self.column(table)}"):
                    with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
                        connection.execute(change)
        assert (await self.verify(runtime)).entries == 2

    def column(self, table):
        return "actor = 'x'" if table == "audit_entry" else "position = 9"

    @pytest.mark.parametrize(
        ("forced", "kind", "words"),
        [
            (
                "UPDATE audit_entry SET actor = 'eve' WHERE id = 2",
                "entry_changed",
                "entry 2 of link 2 is not what was logged",
            ),
            (
                "UPDATE audit_entry SET after = '{\"x\": 2}' WHERE id = 3",
                "entry_changed",
                "entry 3 of link 3 is not what was logged",
            ),
            (
                "UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE id = 1",
                "entry_changed",
                "entry 1 of link 1",
            ),
            ("DELETE FROM audit_entry WHERE id = 2", "entry_missing", "entry 2 of link 2 is missing"),
            (
                "DELETE FROM audit_entry WHERE id = 2; DELETE FROM audit_seal WHERE entry_id = 2",
                "link_missing",
                "link 2 is missing; the next one is 3",
            ),
            (
                "INSERT INTO audit_entry SELECT 99, now(), 'eve', '', '', '', ''",
                "entry_unsealed",
                "entry 99 has no link",
            ),
            (
                "DELETE FROM audit_entry WHERE id = 4; DELETE FROM audit_seal WHERE entry_id = 4",
                "end_missing",
                "the log ends at link 3, the mark is of link 4",
            ),
        ],
        ids=["actor", "after", "time", "entry", "link", "added", "end"],
    )
    async def test_a_superuser_who_forces_a_change_is_found_out(self, runtime, database_url, forced, kind, words):
        await self.write(runtime, 4)
        mark = (await self.verify(runtime)).mark
        with psycopg.connect(libpq_url(database_url)) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(forced)
        faults = (await self.verify(runtime, expect=mark)).faults
        assert faults
        assert (faults[0].kind, words in faults[0].detail) == (kind, True)

    async def test_with_another_owner_the_application_cannot_switch_the_rules_off(self, runtime, database_url):
        """What docs/security.md tells to do: the application's role may add and read, and nothing else."""
        role, owner = f"app_{uuid.uuid4().hex}", f"auditor_{uuid.uuid4().hex}"
        with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'p'; CREATE ROLE {owner}")
            try:
                connection.execute(
                    f"ALTER TABLE audit_entry OWNER TO {owner}; ALTER TABLE audit_seal OWNER TO {owner};"
                    f" ALTER FUNCTION seal_audit_entry() OWNER TO {owner};"
                    f" GRANT SELECT, INSERT ON audit_entry TO {role}; GRANT SELECT ON audit_seal TO {role};"
                    f" GRANT USAGE ON SEQUENCE audit_entry_id_seq TO {role}"
                )
                connection.execute(f"SET SESSION AUTHORIZATION {role}")
                connection.execute(
                    "INSERT INTO audit_entry (at, actor, address, action, subject, subject_id)"
                    " VALUES (now(), 'anna', '', 'a', 'b', 'c')"
                )
                for forced in (
                    "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
                    "DROP TABLE audit_entry",
                    "SET session_replication_role = replica",
                    "UPDATE audit_entry SET actor = 'eve'",
                    "INSERT INTO audit_seal (position, entry_id, sha256) VALUES (7, 7, '')",
                    "CREATE OR REPLACE FUNCTION seal_audit_entry() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
                ):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(forced)
            finally:
                connection.execute("RESET SESSION AUTHORIZATION")
                connection.execute(f"REASSIGN OWNED BY {owner} TO CURRENT_USER; DROP OWNED BY {role}, {owner}")
                connection.execute(f"DROP ROLE {role}; DROP ROLE {owner}")
        assert (await self.verify(runtime)).entries == 1


async def test_a_statement_for_many_rows_is_logged_row_by_row_with_what_they_were(runtime, open_browser, since):
    anna = await open_browser(Role.OPERATOR)
    for _ in range(2):
        await sign_in_again(runtime, anna.user)
    assert (await anna.delete("/api/v1/account/sessions")).status_code == 204
    ended = await since(action="sign_out_everywhere")
    assert {(entry.subject, entry.actor) for entry in ended} == {("user_session", anna.user)}
    assert len({entry.subject_id for entry in ended}) == len(ended) == 3, "the one that asks among them"
    for entry in ended:
        assert entry.before == {"ended": None}
        assert abs(entry.after["ended"] - now_us()) < DAY_US


async def test_deleted_rows_are_logged_as_they_were_without_secrets_and_past_the_orm_nothing_is(runtime, since):
    names = [f"{number}-{uuid.uuid4()}" for number in range(3)]
    async with runtime.sessions.begin() as session:
        session.add_all(User(name=name, name_key=name, role="viewer", password="hash", created=5) for name in names)
    trail = Trail("cli:tests", "here", "tidy")
    async with runtime.sessions.begin() as session:
        with at_work(trail):
            await session.execute(
                update(User).where(User.name.in_(names[:2])).values(role="operator", password="other")
            )
            third = await session.scalar(select(User).where(User.name == names[2]))
            third.created = 6
            # What changes nothing is no change, and what the session held back is its own.
            await session.execute(update(User).where(User.name == names[2]).values(role="viewer"))
            gone = await session.scalars(delete(User).where(User.name.in_(names)).returning(User.name))
            assert set(gone) == set(names)
    entries = await since(action="tidy")
    changed = [(entry.before, entry.after) for entry in entries if entry.after is not None]
    hidden = {"password": "(changed)"}
    assert changed[:2] == [({"role": "viewer"} | hidden, {"role": "operator"} | hidden)] * 2
    assert changed[2:] == [({"created": 5}, {"created": 6})]
    deleted = [entry for entry in entries if entry.after is None]
    assert {entry.before["name"] for entry in deleted} == set(names)
    assert {entry.before["password"] for entry in deleted} == {"(changed)"}
    assert all("hash" not in str(entry.before) for entry in entries)
    assert trail.told == len(entries) == 6


async def sign_in_again(runtime, name):
    async with runtime.sessions.begin() as session:
        user = await session.scalar(select(User.id).where(User.name == name))
        await sessions.start(session, runtime.settings, user, sessions.Origin("127.0.0.1", "tests"))

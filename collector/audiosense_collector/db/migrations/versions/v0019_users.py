"""Users, sessions, API tokens, throttled sign-ins, and a log of changes that is chained and only added to.

Revision ID: 0019
"""

from alembic import op

revision = "0019"
down_revision = "0018"

TABLES = """
CREATE TABLE user_account (
    id uuid NOT NULL CONSTRAINT pk_user_account PRIMARY KEY,
    name varchar NOT NULL,
    name_key varchar NOT NULL CONSTRAINT uq_user_account_name_key UNIQUE,
    role varchar NOT NULL,
    password varchar,
    created timestamptz NOT NULL,
    disabled timestamptz
);
CREATE TABLE user_session (
    id uuid NOT NULL CONSTRAINT pk_user_session PRIMARY KEY,
    sha256 bytea NOT NULL CONSTRAINT uq_user_session_sha256 UNIQUE,
    user_id uuid NOT NULL CONSTRAINT fk_user_session_user_id_user_account REFERENCES user_account (id),
    created timestamptz NOT NULL,
    last_used timestamptz NOT NULL,
    expires timestamptz NOT NULL,
    ended timestamptz,
    address varchar NOT NULL,
    browser varchar NOT NULL
);
CREATE INDEX ix_user_session_user_id_address ON user_session (user_id, address);
CREATE TABLE api_token (
    id uuid NOT NULL CONSTRAINT pk_api_token PRIMARY KEY,
    name varchar NOT NULL,
    sha256 bytea NOT NULL CONSTRAINT uq_api_token_sha256 UNIQUE,
    scope varchar NOT NULL,
    owner_id uuid CONSTRAINT fk_api_token_owner_id_user_account REFERENCES user_account (id),
    created timestamptz NOT NULL,
    expires timestamptz NOT NULL,
    last_used timestamptz,
    revoked timestamptz
);
CREATE TABLE setup_link (
    sha256 bytea NOT NULL CONSTRAINT pk_setup_link PRIMARY KEY,
    created timestamptz NOT NULL,
    expires timestamptz NOT NULL
);
CREATE TABLE sign_in_failures (
    key bytea NOT NULL CONSTRAINT pk_sign_in_failures PRIMARY KEY,
    failures integer NOT NULL,
    last timestamptz NOT NULL,
    not_before timestamptz NOT NULL
);
CREATE INDEX ix_sign_in_failures_last ON sign_in_failures (last);
CREATE TABLE audit_entry (
    id bigserial NOT NULL CONSTRAINT pk_audit_entry PRIMARY KEY,
    at timestamptz NOT NULL,
    actor varchar NOT NULL,
    address varchar NOT NULL,
    action varchar NOT NULL,
    subject varchar NOT NULL,
    subject_id varchar NOT NULL,
    before jsonb,
    after jsonb,
    request_id varchar
);
CREATE INDEX ix_audit_entry_subject_subject_id ON audit_entry (subject, subject_id);
CREATE TABLE audit_seal (
    position bigint NOT NULL CONSTRAINT pk_audit_seal PRIMARY KEY,
    entry_id bigint NOT NULL CONSTRAINT uq_audit_seal_entry_id UNIQUE,
    sha256 bytea NOT NULL
);
CREATE TRIGGER audit_entry_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_seal_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

# Each field as its length and its text, so that no two entries give the same bytes; auth/chain.py does the same.
# Sealed at the commit, under a lock that is held for no longer: the order of the chain is the order of the commits.
# The functions run with their owner's rights: see docs/security.md, "Another owner for the log".
CHAIN = """
CREATE FUNCTION audit_field(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $body$
    SELECT coalesce(octet_length(convert_to(value, 'UTF8')) || ':' || value, '-')
$body$;
CREATE FUNCTION seal_audit_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE
    head audit_seal%ROWTYPE;
    content text;
BEGIN
    PERFORM pg_advisory_xact_lock(4150771119);
    SELECT * INTO head FROM audit_seal ORDER BY position DESC LIMIT 1;
    content := audit_field(NEW.id::text) || audit_field(((extract(epoch FROM NEW.at) * 1000000)::bigint)::text)
        || audit_field(NEW.actor) || audit_field(NEW.address) || audit_field(NEW.action) || audit_field(NEW.subject)
        || audit_field(NEW.subject_id) || audit_field(NEW.before::text) || audit_field(NEW.after::text)
        || audit_field(NEW.request_id);
    INSERT INTO audit_seal (position, entry_id, sha256) VALUES (
        coalesce(head.position, 0) + 1, NEW.id,
        sha256(coalesce(head.sha256, '\\x'::bytea) || convert_to(content, 'UTF8'))
    );
    RETURN NULL;
END
$body$;
CREATE CONSTRAINT TRIGGER audit_entry_sealed AFTER INSERT ON audit_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION seal_audit_entry();
DO $body$ BEGIN
    -- Temporary tables come last, so that none can stand in for the chain.
    EXECUTE format('ALTER FUNCTION seal_audit_entry() SET search_path = %I, pg_temp', current_schema());
END $body$;
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    for script in (TABLES, CHAIN):
        cursor.execute(script)
    cursor.close()

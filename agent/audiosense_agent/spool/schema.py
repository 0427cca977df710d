"""The spool's tables: an older release goes on with a file that this one wrote, and the other way round."""

VERSION = 1
"""Grows when an older agent can no longer use the file; what it leaves alone is in the ``ADDED_…`` below."""
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE sensor (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, registration TEXT, source TEXT,
    last_time_us INTEGER, last_score REAL, last_status TEXT, model TEXT, measured INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE measurement (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, sensor INTEGER NOT NULL, time_us INTEGER NOT NULL, score REAL,
    status TEXT NOT NULL, model TEXT, level_dbfs REAL NOT NULL, dominant_hz REAL NOT NULL, schema_id TEXT NOT NULL,
    features BLOB NOT NULL, crc INTEGER NOT NULL
);
CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL);
CREATE TABLE open_event (event TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE in_flight (
    id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
    events TEXT NOT NULL
);
CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, content TEXT NOT NULL, reason TEXT NOT NULL,
    buried_us INTEGER NOT NULL
);
"""
TABLES = ("meta", "counter", "sensor", "measurement", "event", "open_event", "in_flight", "dead_letter")
"""What a spool of any release has."""
ADDED_TABLES = {
    "gap": """
CREATE TABLE gap (
    number INTEGER PRIMARY KEY AUTOINCREMENT, sensor INTEGER, reason TEXT NOT NULL, windows INTEGER,
    first_us INTEGER, last_us INTEGER, first_seq INTEGER, last_seq INTEGER,
    origin_epoch TEXT, origin_number INTEGER
)
""",
    "rescued": """
CREATE TABLE rescued (
    id INTEGER PRIMARY KEY AUTOINCREMENT, epoch TEXT NOT NULL, seq INTEGER NOT NULL, sensor INTEGER NOT NULL,
    time_us INTEGER NOT NULL, score REAL, status TEXT NOT NULL, model TEXT, level_dbfs REAL NOT NULL,
    dominant_hz REAL NOT NULL, schema_id TEXT NOT NULL, features BLOB NOT NULL, crc INTEGER NOT NULL, reasons TEXT,
    reasons_crc INTEGER, seal INTEGER, UNIQUE (epoch, seq)
)
""",
    "boot": """
CREATE TABLE boot (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, offset_us INTEGER, estimated INTEGER NOT NULL DEFAULT 0
)
""",
}
"""Tables since the first release. ``rescued`` holds rows of an earlier epoch, under their own sequence numbers."""
ADDED_COLUMNS = (
    ("measurement", "reasons", "TEXT"),
    ("measurement", "reasons_crc", "INTEGER"),
    ("measurement", "seal", "INTEGER"),
    ("measurement", "boot", "INTEGER"),
    ("sensor", "last_reasons", "TEXT"),
    ("sensor", "waiting", "INTEGER NOT NULL DEFAULT 0"),
    ("in_flight", "gaps", "INTEGER NOT NULL DEFAULT 0"),
    ("in_flight", "rescued_first", "INTEGER NOT NULL DEFAULT 0"),
    ("in_flight", "rescued", "INTEGER NOT NULL DEFAULT 0"),
    ("in_flight", "crc", "INTEGER"),
    ("in_flight", "withheld", "TEXT"),
    ("rescued", "boot", "INTEGER"),
    ("event", "crc", "INTEGER"),
    ("open_event", "crc", "INTEGER"),
)
"""Columns since the first release, null or 0 in its rows. The checksum of a row does not cover them: either release
reads the other's rows."""

"""Database: engine, sessions, embedded server, migrations."""

"""Migrations, forward only; each is safe while the previous release still runs."""

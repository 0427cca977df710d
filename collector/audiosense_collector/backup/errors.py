"""What may go wrong with a backup; printed in one line by the commands."""

from audiosense_collector.errors import StartError


class BackupError(StartError):
    """A backup cannot be made, is damaged, or cannot be restored here."""

"""The command line ``audiosense-collector``."""

import logging
import sys
from typing import NoReturn

from audiosense_collector.cli.agents import app as agents
from audiosense_collector.cli.audit import app as audit
from audiosense_collector.cli.backup import app as backup
from audiosense_collector.cli.db import app as db
from audiosense_collector.cli.evaluate import app as evaluation
from audiosense_collector.cli.keys import app as keys
from audiosense_collector.cli.models import app as models
from audiosense_collector.cli.serve import app
from audiosense_collector.cli.tokens import app as tokens
from audiosense_collector.cli.users import app as users
from audiosense_collector.cli.worker import app as worker
from audiosense_collector.developer.cli import app as developer
from audiosense_collector.logs import configure_logs
from audiosense_common.errors import AudioSenseError

app.add_typer(agents, name="agents")
app.add_typer(keys, name="enrolment-key")
app.add_typer(db, name="db")
app.add_typer(users, name="users")
app.add_typer(tokens, name="tokens")
app.add_typer(audit, name="audit")
app.add_typer(models)
app.add_typer(worker)
app.add_typer(evaluation)
app.add_typer(backup)
app.add_typer(developer)


def main() -> NoReturn:
    """Run the command line; errors that are meant for the user are one line."""
    configure_logs(logging.WARNING)
    try:
        app(prog_name="audiosense-collector")
    except AudioSenseError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)

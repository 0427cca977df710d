"""``audiosense-agent enroll``: introduces the agent to its collector."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from audiosense_agent.cli.options import ConfigOption
from audiosense_agent.config import load_settings
from audiosense_agent.enrolment import enrol, identity_path, load_identity
from audiosense_agent.errors import DamagedIdentityError, EnrolmentError


def enroll(
    key: Annotated[
        str,
        typer.Argument(
            help="What `audiosense-collector enrolment-key create` printed; - reads it from standard input, so that "
            "neither the shell's history nor the list of processes has it."
        ),
    ],
    config: ConfigOption = None,
    replace: Annotated[
        str | None, typer.Option(metavar="AGENT", help="Take over the sensors and the history of this dead agent.")
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Enrol although the agent is enrolled already.")] = False,
) -> None:
    """Trade an enrolment key for this agent's credential and register its sensors."""
    settings = load_settings(config)
    if not force and _is_enrolled(settings.state_dir):
        raise EnrolmentError(
            f"this agent is enrolled already ({identity_path(settings.state_dir)}); give --force to enrol it anew"
        )
    try:
        identity, enrolled = enrol(settings, sys.stdin.readline().strip() if key == "-" else key, replace)
    except OSError as error:
        raise EnrolmentError(f"{settings.state_dir} cannot be written: {error.strerror}; run as its owner") from None
    print(f"enrolled with {identity.url} as {settings.name} ({identity.agent}), {len(identity.sensors)} sensor(s)")
    if replace is not None:
        print(f"took over from {replace}: {', '.join(enrolled.taken_over) or 'no sensor, none has the same name'}")
        if enrolled.left_behind:
            print(f"left with {replace}, which is revoked: {', '.join(enrolled.left_behind)}")


def _is_enrolled(state_dir: Path) -> bool:
    try:
        return load_identity(state_dir) is not None
    except DamagedIdentityError:
        # It serves nobody; enrolling sets it aside.
        return False

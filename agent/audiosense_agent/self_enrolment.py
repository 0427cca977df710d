"""Enrolment by itself, with a key that systemd passes to the service as a credential."""

import os
from pathlib import Path

from audiosense_agent.config import Settings
from audiosense_agent.enrolment import Identity, enrol
from audiosense_agent.errors import EnrolmentError
from audiosense_common.errors import EnrolmentKeyError

KEY_CREDENTIAL = "audiosense.enrolment-key"
"""Name of the credential: ``LoadCredential=`` in the unit, a file of that name in ``/etc/credstore``."""


class SelfEnrolment:
    """Enrols the agent when it is called, if it was given a key; it is called again for as long as that fails.

    Args:
        settings: name, sensors and state directory.
        folder: where the credentials are; ``$CREDENTIALS_DIRECTORY`` unless given.
    """

    def __init__(self, settings: Settings, folder: Path | None = None) -> None:
        self._settings = settings
        named = os.environ.get("CREDENTIALS_DIRECTORY")
        self._folder = folder or (Path(named) if named else None)

    def __call__(self) -> Identity | None:
        """Enrol; None where there is no key.

        The sensors are registered with the first batch, which goes on without one that the collector refuses.

        Raises:
            EnrolmentError: the key cannot be read or used, or the identity cannot be kept; the message says why.
            LinkError: the collector cannot be reached.
        """
        if self._folder is None:
            return None
        path = self._folder / KEY_CREDENTIAL
        try:
            text = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise EnrolmentError(f"the credential {path} cannot be read as an enrolment key: {error}") from None
        try:
            return enrol(self._settings, text, with_sensors=False)[0]
        except (EnrolmentKeyError, EnrolmentError) as error:
            raise EnrolmentError(f"with the key of the credential {KEY_CREDENTIAL}: {error}") from None
        except OSError as error:
            folder = self._settings.state_dir
            raise EnrolmentError(f"{folder} cannot be written: {error.strerror}; free space, set its owner") from None

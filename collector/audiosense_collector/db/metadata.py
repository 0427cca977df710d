"""All tables in one place, for migrations."""

from audiosense_collector.agents import tables as _agents
from audiosense_collector.analyses import tables as _analyses
from audiosense_collector.auth import tables as _auth
from audiosense_collector.checks import tables as _checks
from audiosense_collector.clips import tables as _clips
from audiosense_collector.db.base import Table
from audiosense_collector.detectability import tables as _detectability
from audiosense_collector.developer import tables as _developer
from audiosense_collector.events import tables as _events
from audiosense_collector.exports import tables as _exports
from audiosense_collector.gaps import tables as _gaps
from audiosense_collector.ingest import tables as _ingest
from audiosense_collector.machines import tables as _machines
from audiosense_collector.model_evaluation import tables as _model_evaluation
from audiosense_collector.models import tables as _models
from audiosense_collector.notes import tables as _notes
from audiosense_collector.notifications import tables as _notifications
from audiosense_collector.policies import tables as _policies
from audiosense_collector.queue import tables as _queue
from audiosense_collector.reviews import tables as _reviews
from audiosense_collector.rollups import tables as _rollups
from audiosense_collector.storage import tables as _storage
from audiosense_collector.training import tables as _training

metadata = Table.metadata
SUBJECTS = (
    _agents,
    _analyses,
    _auth,
    _checks,
    _clips,
    _detectability,
    _developer,
    _events,
    _exports,
    _gaps,
    _ingest,
    _machines,
    _model_evaluation,
    _models,
    _notes,
    _notifications,
    _policies,
    _queue,
    _reviews,
    _rollups,
    _storage,
    _training,
)

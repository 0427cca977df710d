"""The models that sensors run: verified, staged, tested, switched to, watched on probation, and sent back if bad."""

from audiosense_agent.model_store.checks import prepare_alone
from audiosense_agent.model_store.limits import Limits
from audiosense_agent.model_store.store import ModelStore
from audiosense_agent.model_store.ward import Ward

__all__ = ["Limits", "ModelStore", "Ward", "prepare_alone"]

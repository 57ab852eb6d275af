"""The ``replay`` model: a real OpenAI-compatible server that plays a recorded conversation."""

from agentsh.llm.replay.model import ReplayModel
from agentsh.llm.replay.recorder import Recorder
from agentsh.llm.replay.recording import Recording, Turn, demo_recording, load_recording, parse_recording
from agentsh.llm.replay.server import ReplayServer

__all__ = [
    "Recorder",
    "Recording",
    "ReplayModel",
    "ReplayServer",
    "Turn",
    "demo_recording",
    "load_recording",
    "parse_recording",
]

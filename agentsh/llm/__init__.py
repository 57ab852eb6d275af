"""Models: one interface over OpenAI-compatible endpoints, and a recorded one."""

from agentsh.llm.endpoint import EndpointModel
from agentsh.llm.model import Answer, Message, Model, OnText, Sample, ToolCall, Usage
from agentsh.llm.open import KeySource, open_model
from agentsh.llm.retry import Retry

__all__ = [
    "Answer",
    "EndpointModel",
    "KeySource",
    "Message",
    "Model",
    "OnText",
    "Retry",
    "Sample",
    "ToolCall",
    "Usage",
    "open_model",
]

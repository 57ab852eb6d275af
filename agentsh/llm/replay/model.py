"""A recording as a model: its server and the client of it, opened and closed together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentsh.config import ModelProfile
from agentsh.core.secret import Secret
from agentsh.llm.endpoint import EndpointModel
from agentsh.llm.model import Answer, Message, Model, OnText
from agentsh.llm.replay.server import ReplayServer
from agentsh.llm.retry import Retry

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

    from agentsh.llm.replay.recording import Recording


class ReplayModel(Model):
    """Plays a recording through a real server, by the same code that talks to any endpoint.

    Args:
        name: what ``--model`` called it.
        recording: what to play.
    """

    def __init__(self, name: str, recording: Recording) -> None:
        self.name = name
        self.recording = recording
        self._server = ReplayServer(recording).start()
        profile = ModelProfile(name=name, model=recording.name, base_url=self._server.url, key="replay-token")
        # The server is ours and on this machine: what fails once fails again.
        self._endpoint = EndpointModel(profile, Secret("replay-token", self._server.token), retry=Retry(attempts=1))

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]],
        *,
        on_text: OnText | None = None,
        on_notice: OnText | None = None,
        stop: threading.Event | None = None,
    ) -> Answer:
        """See :meth:`Model.complete`."""
        return self._endpoint.complete(messages, tools, on_text=on_text, on_notice=on_notice, stop=stop)

    def close(self) -> None:
        """Close the connection and stop the server."""
        self._endpoint.close()
        self._server.stop()

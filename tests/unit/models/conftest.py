import pytest


@pytest.fixture(scope="session")
def base():
    """SmolLM2-135M-Instruct; skips where it is not installed."""
    pytest.importorskip("torch")
    from agentsh_models import load_base
    from agentsh_models.errors import MissingPart

    try:
        return load_base()
    except MissingPart as e:
        pytest.skip(f"{e.what} {e.next_step}")

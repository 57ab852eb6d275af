"""What ``doctor`` says about this machine and about broken ones."""

from __future__ import annotations

from typing import Any


def findings(agentsh: Any, *, code: int = 0, **environment: str) -> dict[str, tuple[str, str]]:
    value = agentsh.json("doctor", code=code, **environment)
    assert value["ok"] is (code == 0)
    return {f["name"]: (f["verdict"], f["detail"]) for f in value["findings"]}


def test_every_part_is_looked_at(agentsh: Any) -> None:
    agentsh("log")
    found = findings(agentsh)
    assert list(found) == [
        "python",
        "engine",
        "commands",
        "python in the sandbox",
        "staging",
        "store",
        "configuration",
        "models",
        "keyring",
    ]
    assert found["commands"][0] == "ok"
    assert "sound" in found["store"][1]
    assert str(agentsh.data) in found["store"][1]


def test_looking_leaves_nothing_behind(agentsh: Any) -> None:
    found = findings(agentsh)
    assert found["store"][0] == "ok"
    assert "none yet" in found["store"][1]
    assert not list(agentsh.data.glob("workspaces/*"))
    assert not list(agentsh.data.glob(".agentsh-doctor-*"))


def test_a_place_that_cannot_hold_a_store_is_a_problem_with_a_remedy(agentsh: Any) -> None:
    value = agentsh.json("doctor", code=1, AGENTSH_DATA_DIR="/proc/agentsh")
    (store,) = [f for f in value["findings"] if f["name"] == "store"]
    assert store["verdict"] == "bad"
    assert "AGENTSH_DATA_DIR" in store["remedy"]


def test_a_wrong_configuration_is_a_problem_and_the_rest_is_still_said(agentsh: Any) -> None:
    (agentsh.root.parent / "config" / "config.toml").write_text("polcy = 'review'\n")
    found = findings(agentsh, code=1)
    assert found["configuration"][0] == "bad"
    assert "polcy" in found["configuration"][1]
    assert found["engine"][0] == "ok"


def test_what_a_workspace_may_not_have_is_a_warning(agentsh: Any) -> None:
    (agentsh.root / ".agentsh.toml").write_text("policy = 'trusted'\n")
    verdict, text = findings(agentsh)["configuration"]
    assert verdict == "warn"
    assert "not stricter than your 'review': not taken" in text


def test_a_configured_model_is_named(agentsh: Any) -> None:
    (agentsh.root.parent / "config" / "config.toml").write_text(
        "default_model = 'local'\n[models.local]\nmodel = 'm'\nbase_url = 'http://localhost:1/v1'\nkey = ''\n"
    )
    assert findings(agentsh)["models"][1] == "local (m at http://localhost:1/v1); default: local"


def test_a_store_that_is_no_store_is_a_problem(agentsh: Any) -> None:
    agentsh("log")
    (store,) = agentsh.data.glob("workspaces/*/store.db")
    for file in agentsh.data.glob("workspaces/*/store.db*"):
        file.unlink()
    store.write_bytes(b"this is no database, but it is long enough to look like one\n" * 100)
    assert findings(agentsh, code=1)["store"][0] == "bad"
    assert b"damaged" in agentsh("check", code=7).stdout
    assert agentsh("status", code=7).stderr != b""


def test_prepare_says_what_it_does_on_stderr(agentsh: Any) -> None:
    done = agentsh("doctor", "--prepare")
    assert b"compiling" in done.stderr
    assert b"compiling" not in done.stdout

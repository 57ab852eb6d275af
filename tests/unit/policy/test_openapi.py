"""Pairs of calls, read off descriptions of APIs: honest ones, thin ones, and ones that mean harm."""

from __future__ import annotations

from typing import Any

import pytest

from agentsh.config import Api
from agentsh.core.errors import UsageError
from agentsh.policy.destination import parse_url
from agentsh.policy.openapi import pairs
from agentsh.policy.undo import find_undo

ITEM = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}


def answer(schema: Any, status: str = "201") -> dict[str, Any]:
    return {"responses": {status: {"description": "", "content": {"application/json": {"schema": schema}}}}}


def described(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "servers": [{"url": "https://api.example/v1"}], "paths": paths, **more}


def test_a_collection_and_its_items() -> None:
    document = described(
        {
            "/shops/{shop}/items": {"post": answer({"$ref": "#/components/schemas/New"}), "get": {}},
            "/shops/{shop}/items/{itemId}": {"delete": {}, "put": {}},
            "/mails": {"post": answer(ITEM)},
            "/notes/": {"post": answer({"properties": {"noteId": {}}}, "200")},
            "/notes/{noteId}": {"delete": {}},
        },
        components={"schemas": {"New": {"allOf": [{"$ref": "#/components/schemas/Item"}, {}]}, "Item": ITEM}},
    )
    found, left = pairs(document)
    assert found == [
        Api(
            "POST", "https://api.example/v1/shops/{shop}/items", "DELETE https://api.example/v1/shops/{shop}/items/{id}"
        ),
        Api("POST", "https://api.example/v1/notes/", "DELETE https://api.example/v1/notes/{noteId}"),
    ]
    assert left == ["POST /mails: no DELETE takes back what it makes."]
    said, undo = find_undo(found, "POST", parse_url("https://api.example/v1/shops/7/items?x=1"))
    assert said
    assert undo is not None
    assert undo.url == "https://api.example/v1/shops/7/items/{id}"
    for other in (
        "https://api.example/v1/shops/7/8/items",
        "https://api.example/v1/items",
        "http://api.example/v1/notes/",
    ):
        assert find_undo(found, "POST", parse_url(other)) == (False, None)
    assert find_undo(found, "PUT", parse_url("https://api.example/v1/notes/")) == (False, None)


def test_an_older_description_and_another_server() -> None:
    document = {
        "swagger": "2.0",
        "host": "api.example",
        "basePath": "/v2",
        "schemes": ["https"],
        "paths": {
            "/pets": {"post": {"responses": {"200": {"schema": {"$ref": "#/definitions/Pet"}}}}},
            "/pets/{petId}": {"delete": {}},
        },
        "definitions": {"Pet": ITEM},
    }
    assert pairs(document)[0][0].undo == "DELETE https://api.example/v2/pets/{id}"
    assert pairs(document, server="http://localhost:8000/")[0][0].url == "http://localhost:8000/pets"


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"paths": []},
        described({}, servers=[]),
        described({}, servers=[{"url": "/v1"}]),
        described({}, servers=[{"url": "https://{host}/"}]),
        described({}, servers=[{"url": "file:///etc"}]),
        described({}, servers=[{"url": "https://a@b.example/"}]),
        described({}, servers=[7]),
    ],
)
def test_what_is_no_description(document: Any) -> None:
    with pytest.raises(UsageError):
        pairs(document)


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/items", {}),
        ("/items", {"properties": {"other": {}}}),
        ("/items", {"$ref": "https://evil.example/schema.json"}),
        ("/items", {"$ref": "#/components/schemas/Loop"}),
        ("/{id}/items", ITEM),  # the call has an id of its own
        ("/a b", ITEM),
        ('/a"b', ITEM),
        ("/a\nb", ITEM),
        ("/a\\b", ITEM),
        ("/a?b", ITEM),
        ("/a#b", ITEM),
        ("/{a.b}/c", ITEM),
        ("/{}/c", ITEM),
        ("@evil.example/c", ITEM),
        (".evil.example/c", ITEM),
        (":1/c", ITEM),
    ],
)
def test_what_it_does_not_say_is_not_guessed(path: str, schema: Any) -> None:
    loop = {"schemas": {"Loop": {"$ref": "#/components/schemas/Loop"}}}
    document = described({path: {"post": answer(schema)}, f"{path}/{{x}}": {"delete": {}}}, components=loop)
    found, left = pairs(document)
    assert found == []
    assert len(left) == 1
    assert left[0].isprintable()

"""Small manifests, with what the pictures read of them."""

from typing import Any


def model(
    name: str, layer: str, parents: tuple[str, ...] = (), materialized: str = "table", **more: Any
) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "fqn": ["shop", layer, name],
        "description": f"What {name} holds.",
        "config": {"materialized": materialized},
        "depends_on": {"nodes": list(parents)},
        "columns": {},
    } | more


def generic_test(attached: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {
        "resource_type": "test",
        "attached_node": f"model.{attached}",
        "test_metadata": {"name": name, "kwargs": arguments},
    }


def manifest(nodes: list[dict[str, Any]], **parts: dict[str, Any]) -> dict[str, Any]:
    keyed = {f"{node['resource_type']}.{node.get('name', number)}": node for number, node in enumerate(nodes)}
    return {"metadata": {"project_name": "shop"}, "nodes": keyed, "sources": {}, "exposures": {}} | parts

"""What runs behind the wall for @capsule.function. It is sent there as text, and not imported here.

stdin brings one JSON object: the function's name, its arguments, and the sources of its module
and of this package, so that neither has to be readable inside.  Real stdout takes one JSON object
back, {"value": ...} or {"error": {...}}; what the function prints goes to stderr.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import json
import os
import sys
import traceback
from types import ModuleType
from typing import Any, Dict, Optional, Sequence


class Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports from texts that came with the call: {name: {text, file, package}}."""

    def __init__(self, modules: Dict[str, Dict[str, Any]]) -> None:
        self.modules = modules

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        entry = self.modules.get(name)
        if entry is None:
            return None
        spec = importlib.machinery.ModuleSpec(
            name, self, origin=entry["file"], is_package=entry["package"]
        )
        spec.has_location = True
        if entry["package"]:
            spec.submodule_search_locations = [os.path.dirname(entry["file"])]
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[ModuleType]:
        return None

    def exec_module(self, module: ModuleType) -> None:
        entry = self.modules[module.__name__]
        exec(compile(entry["text"], entry["file"], "exec"), module.__dict__)

    def get_source(self, name: str) -> str:
        """For tracebacks and inspect: the text that was really compiled."""
        return str(self.modules[name]["text"])


def resolve(call: Dict[str, Any]) -> Any:
    target: Any = importlib.import_module(call["module"])
    for part in call["qualname"].split("."):
        target = getattr(target, part)
    return getattr(target, "__capsule_inside__", target)


def describe(e: BaseException) -> Dict[str, Any]:
    kind = type(e)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = kind.__module__ + "." + name
    text = "".join(traceback.format_exception(kind, e, e.__traceback__))
    path = getattr(e, "filename", None)
    return {
        "type": name,
        "message": str(e),
        "traceback": text[-65536:],
        "errno": getattr(e, "errno", None) if isinstance(e, OSError) else None,
        "path": path if isinstance(path, str) else None,
    }


def answer_of(call: Dict[str, Any]) -> Dict[str, Any]:
    try:
        value = resolve(call)(*call["args"], **call["kwargs"])
        if inspect.isawaitable(value):

            async def wait(awaitable: Any) -> Any:
                return await awaitable

            value = asyncio.run(wait(value))
    except Exception as e:
        return {"error": describe(e)}
    try:
        plain(value, "result")
        return {"value": value}
    except TypeError as e:
        return {"error": {"type": "TypeError", "message": str(e), "traceback": "", "errno": None}}


def plain(value: Any, where: str) -> None:
    """Refuse what JSON would change or lose without a word."""
    if value is None or isinstance(value, (bool, int, str)):
        return
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise TypeError(f"{where} is {value}, which JSON cannot carry")
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            plain(item, f"{where}[{i}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{where} has a key of type {type(key).__name__}; JSON has only str keys")
            plain(item, f"{where}[{key!r}]")
    else:
        raise TypeError(f"{where} is a {type(value).__name__}, which JSON cannot carry")


def main(call: Dict[str, Any]) -> None:
    back = os.dup(1)
    os.dup2(2, 1)  # prints must not mix with the answer
    sys.path[:] = call["path"]
    sys.modules["capsule_inside"] = ModuleType("capsule_inside")  # how run() knows where it is
    sys.meta_path.insert(0, Sources(call["sources"]))
    answer = json.dumps(answer_of(call), ensure_ascii=True).encode() + b"\n"
    sys.stdout.flush()
    with os.fdopen(back, "wb") as f:
        f.write(answer)

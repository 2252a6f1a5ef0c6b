"""Libraries that only some commands need, the extras of pyproject.toml."""

import importlib
from types import ModuleType

from warehouse.errors import UserError


def optional_module(name: str, package: str) -> ModuleType | None:
    """Import a module of ml that stands on a library, or return None where the library cannot be imported."""
    try:
        importlib.import_module(package)
    except (ImportError, OSError):  # OSError: a system library that it loads is absent
        return None
    return importlib.import_module(name)


def required_module(name: str, package: str, command: str) -> ModuleType:
    """Import a module of ml that a command cannot do without.

    Args:
        name: The module.
        package: The library that it stands on, as it is imported.
        command: Of ml; the make target of this name installs what it needs.

    Raises:
        UserError: When the library cannot be imported.
    """
    module = optional_module(name, package)
    if module is None:
        raise UserError(f"`python -m ml {command}` needs {package}; `make {command}` installs it and runs the command")
    return module

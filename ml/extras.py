"""Libraries that only some commands need, the extras of pyproject.toml."""

import importlib
from types import ModuleType

from warehouse.errors import UserError


def installed(package: str) -> bool:
    """Say whether a library can be imported."""
    try:
        importlib.import_module(package)
    except (ImportError, OSError):  # OSError: a system library that it loads is absent
        return False
    return True


def require(package: str, command: str) -> None:
    """Refuse a command whose library is not there.

    Args:
        package: As it is imported.
        command: Of ml; the make target of this name installs what it needs.

    Raises:
        UserError: When it cannot be imported.
    """
    if not installed(package):
        raise UserError(f"`python -m ml {command}` needs {package}; `make {command}` installs it and runs the command")


def module_of(name: str, package: str) -> ModuleType | None:
    """Import a module of ml that needs a library, or return None where the library is not there."""
    return importlib.import_module(name) if installed(package) else None

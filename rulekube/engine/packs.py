"""The texts of a program: packs by name, and the files they include, each read once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from rulekube.engine import parser
from rulekube.engine.errors import Diagnostic
from rulekube.engine.syntax import Include, Module


def _read(path: Path) -> str:
    return path.read_text("utf-8")


@dataclass
class Packs:
    """Parsed modules by name. A file's name is its path as given; `_files` knows each by its real path.

    `read` gives the text of a file: an editor has its own for those that are open. It raises OSError.
    """

    _modules: dict[str, Module] = field(default_factory=dict)
    _files: dict[Path, str] = field(default_factory=dict)
    read: Callable[[Path], str] = _read

    def copy(self) -> Packs:
        """An independent copy; modules are shared, for they are frozen."""
        return Packs(dict(self._modules), dict(self._files), self.read)

    def modules(self) -> list[Module]:
        """All modules in the order in which they were added."""
        return list(self._modules.values())

    def add(self, name: str, text: str, *, reads: bool = True) -> None:
        """Add or replace a pack, with the files it includes. What cannot be read is in the modules' `slips`.

        Without `reads` no file is opened: a text that came over the network must not show the server's files.
        """
        module = parser.read_module(text, name)
        self._modules[name] = module
        self._files[Path(name).resolve()] = name
        missing = self._include(module) if reads else [_refused(module, include) for include in module.includes]
        if missing:
            self._modules[name] = replace(module, slips=(*module.slips, *missing))

    def add_file(self, path: Path) -> None:
        """Add a rule file unless it is there already."""
        if path.resolve() not in self._files:
            self.add(str(path), self.read(path))

    def exchange(self, module: Module) -> None:
        """Put a module in the place of the one of its name; what it includes is there already."""
        self._modules[module.name] = module

    def remove(self, name: str) -> None:
        """Take a pack away. What it included stays: others may use it."""
        if name not in self._modules:
            raise KeyError(f"no pack is named {name!r}; there are {', '.join(sorted(self._modules))}")
        del self._modules[name]
        self._files = {path: n for path, n in self._files.items() if n != name}

    def _include(self, module: Module) -> list[Diagnostic]:
        missing = []
        for include in module.includes:
            path = Path(module.name).parent / include.path
            if path.resolve() in self._files:
                continue
            try:
                text = self.read(path)
            except OSError as error:
                missing.append(_missing(module, include, error))
                continue
            self.add(str(path), text)
        return missing


def _missing(module: Module, include: Include, error: OSError) -> Diagnostic:
    message = f'cannot include "{include.path}": {error.strerror}'
    return Diagnostic("include", message, include.place, "the path is relative to this file", _line(module, include))


def _refused(module: Module, include: Include) -> Diagnostic:
    message = f'cannot include "{include.path}": a pack that is loaded as a text reads no files'
    hint = "leave it out: what the cluster's own rules declare is known; load what is yours as a pack of its own"
    return Diagnostic("include", message, include.place, hint, _line(module, include))


def _line(module: Module, include: Include) -> str:
    return module.source.split("\n")[include.place.line - 1]

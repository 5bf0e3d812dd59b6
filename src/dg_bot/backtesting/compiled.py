"""Plain functions over numbers and columns, turned into machine code that the next process finds on disk.

A function that is to be compiled takes and gives numbers, takes one-dimensional columns, and calls only functions of that kind:
the same source runs in plain Python, where live calls it. numba is imported only to make code that is not kept yet; what is kept
is loaded by llvmlite alone, in a fraction of the time and memory. With NUMBA_DISABLE_JIT=1 everything runs as plain Python.
"""

import ctypes
import functools
import hashlib
import inspect
import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version as version_of
from pathlib import Path
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

from dg_bot.adapters.code_cache import keep_code, kept_code
from dg_bot.errors import InvariantViolated
from dg_bot.indicators.bars import Flags, Floats, Seconds

P = ParamSpec("P")
R = TypeVar("R")

_COLUMNS: dict[Any, Any] = {Floats: np.float64, Seconds: np.int64, Flags: np.bool_}
_NUMBERS: dict[Any, Any] = {int: ctypes.c_int64, float: ctypes.c_double, None: None}


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Give `function` as machine code; it takes its arguments by keyword, and columns that lie in one piece in memory.

    Compiling takes seconds, once for each version of the sources; loading what is kept takes milliseconds.
    """
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return function
    return cast(Callable[P, R], _loaded(cast(FunctionType, function)))


@functools.cache
def _loaded(function: FunctionType) -> Callable[..., Any]:
    version = code_version(function)
    code = kept_code(version, function.__name__)
    if code is None:
        from dg_bot.backtesting.object_code import object_code  # noqa: PLC0415 - brings numba along

        code = object_code(function, tuple(reached(function)))
        keep_code(version, function.__name__, code)
    engine = _engine(code)
    kinds = inspect.get_annotations(function)
    result = kinds.pop("return")
    arguments = [ctypes.c_void_p if kind in _COLUMNS else _NUMBERS[kind] for kind in kinds.values()]
    call = ctypes.CFUNCTYPE(_NUMBERS[result], *arguments)(engine.get_function_address(function.__name__))
    converters = [(name, _address(_COLUMNS[kind]) if kind in _COLUMNS else kind) for name, kind in kinds.items()]

    @functools.wraps(function)
    def run(**given: Any) -> Any:
        return call(*[convert(given[name]) for name, convert in converters])

    run.engine = engine  # type: ignore[attr-defined] # the code lives as long as its engine
    return run


def _address(kind: type[np.generic]) -> Callable[[np.ndarray[Any, Any]], int]:
    expected = np.dtype(kind)

    def address(column: np.ndarray[Any, Any]) -> int:
        if column.dtype != expected or not column.flags.c_contiguous:
            raise InvariantViolated(f"compiled code takes columns of {expected} in one piece", f"it was given {column.dtype}")
        return place_of(column)

    return address


def place_of(column: np.ndarray[Any, Any]) -> int:
    """Give the same as `column.ctypes.data`, which takes longer than some of the code that is called with it.

    numpy's ABI has the pointer to the data follow the head that all objects have.
    """
    return ctypes.c_size_t.from_address(id(column) + object.__basicsize__).value


def code_version(function: Callable[..., Any]) -> str:
    """Hash everything that the machine code is made of and by: sources, constants, compiler, Python and processor."""
    import llvmlite.binding as llvm  # noqa: PLC0415 - large, and of no use to a bot that does not screen yet

    parts = {
        f"{version_of('llvmlite')} {version_of('numba')} {platform.python_version()} {llvm.get_host_cpu_name()} {sys.maxsize}",
        # A virtual machine may offer less than its processor's name promises, and a home may be shared by several.
        llvm.get_host_cpu_features().flatten(),
    }
    parts.add(Path(__file__).with_name("object_code.py").read_text(encoding="utf-8"))
    for part in reached(cast(FunctionType, function)):
        parts.add(f"{part.__module__}\n{_source_of(part)}")
        for name in part.__code__.co_names:
            value = part.__globals__.get(name)
            if isinstance(value, type):
                parts.add(f"{value.__module__}\n{_source_of(value)}")
            elif isinstance(value, int | float):
                parts.add(f"{part.__module__}.{name} = {value!r}")
    return hashlib.sha256("\0".join(sorted(parts)).encode()).hexdigest()


def _source_of(part: type | FunctionType) -> str:
    return Path(inspect.getfile(part)).read_text(encoding="utf-8")


def reached(function: FunctionType) -> Iterator[FunctionType]:
    """Give the function and every one that it calls, itself or by others, once each."""
    waiting, seen = [function], {function}
    while waiting:
        current = waiting.pop()
        yield current
        called = (current.__globals__.get(name) for name in current.__code__.co_names)
        fresh = {part for part in called if isinstance(part, FunctionType)} - seen
        waiting.extend(fresh)
        seen |= fresh


def _engine(code: bytes) -> Any:
    """Load object code into this process."""
    import llvmlite.binding as llvm  # noqa: PLC0415 - as above

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine

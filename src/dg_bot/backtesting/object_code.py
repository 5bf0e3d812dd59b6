"""Makes object code of plain functions with numba, for the processor of this machine."""

import functools
import inspect
from collections.abc import Sequence
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import types

from dg_bot.errors import ConfigurationError
from dg_bot.indicators.bars import Flags, Floats, Seconds

_pointer: Any = types.CPointer
_compile_part: Any = functools.partial(numba.njit, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
_KINDS: dict[Any, Any] = {
    int: types.int64,
    float: types.float64,
    None: types.void,
    Floats: _pointer(types.float64),
    Seconds: _pointer(types.int64),
    Flags: _pointer(types.uint8),
}
# The code is loaded by processes without numba: it may call what every process has, and nothing of numba's own.
_OUTSIDE = frozenset(["sqrt", "pow", "exp", "expm1", "log", "log1p", "fmod", "sin", "cos", "memset", "memcpy", "memmove"])


def object_code(function: FunctionType, parts: Sequence[FunctionType]) -> bytes:
    """Compile `function` with all `parts` that it calls, itself among them; its symbol is its name.

    Raises ConfigurationError where it does more than calculate: makes an array, raises, calls into Python.
    """
    twins = {part: _twin(part) for part in parts}
    quick = {part: _compile_part(twin) for part, twin in twins.items()}
    for part, twin in twins.items():
        known = {name: value for name, value in part.__globals__.items() if isinstance(value, FunctionType)}
        twin.__globals__.update({name: quick[value] for name, value in known.items() if value in quick})
    kinds = inspect.get_annotations(function)
    result = _KINDS[kinds.pop("return")]
    entry = numba.cfunc(result(*(_KINDS[kind] for kind in kinds.values())), error_model="numpy")(twins[function])
    module = llvm.parse_assembly(entry.inspect_llvm())
    for part in module.functions:
        if not part.is_declaration:
            part.linkage = "internal"
    module.get_function(entry.native_name).linkage = "external"
    module.get_function(entry.native_name).name = function.__name__
    machine = _machine()
    # Only now that nothing else can call or replace the parts does it show that none of them ever raises.
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    outside = {part.name for part in module.functions if part.is_declaration and not part.name.startswith("llvm.")}
    if outside - _OUTSIDE:
        problem = f"it does more than calculate: it needs {', '.join(sorted(outside - _OUTSIDE))}"
        raise ConfigurationError(function.__qualname__, problem, "fill the columns it is given, and make and raise nothing")
    code: bytes = machine.emit_object(module)
    return code


def _twin(part: FunctionType) -> FunctionType:
    """Give the same code with globals of its own, in which compiled functions stand for plain ones."""
    return FunctionType(part.__code__, dict(part.__globals__), part.__name__, part.__defaults__, part.__closure__)


def _machine() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True)

"""Fingerprints of code and settings, on which cached executions depend."""

import hashlib
import json
import platform
import re
from functools import cache
from importlib import metadata
from importlib.util import find_spec, resolve_name
from pathlib import Path

from pipeline.settings.config import Config
from pipeline.settings.custom_module import CustomModule

STACK = (
    "apache-beam",
    "cleanlab",
    "keras",
    "keras-tuner",
    "lightgbm",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "statsmodels",
    "tensorflow",
    "tensorflow-data-validation",
    "tensorflow-model-analysis",
    "tensorflow-transform",
    "tfx",
    "tfx-bsl",
)
"""Libraries whose version can change results."""

_IMPORT = re.compile(
    r"(?:^|[:;])[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n(;]+)|import[ \t]+(\w[^\n;]*))",
    re.MULTILINE,
)
"""An import statement: the module and the names of `from … import …`, or the modules of `import …`."""
_COMMENT = re.compile(r"#[^\n]*")
_ALIAS = re.compile(r"([\w.]+)(?:[ \t]+as[ \t]+\w+)?")


@cache
def stack_versions() -> dict[str, str]:
    """Maps the libraries of STACK, and Python, to their installed versions."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in STACK}}


def code_of(*modules: str) -> str:
    """Fingerprints modules, everything that they import from `components`, and the versions of the libraries in STACK.

    Args:
      modules: Dotted names, such as "components.trainer.training".

    Returns:
      SHA-256 in hexadecimal. It does not depend on files that the modules do not import, directly or indirectly.

    Raises:
      ValueError: A name is no module of `components`.
    """
    found = _closure(modules)
    if unknown := [name for name in modules if name not in found]:
        raise ValueError(f"{unknown[0]} is no module; a change of its code would not invalidate the cache")
    digests = {name: _digest(path) for name, path in sorted(found.items())}
    return _hash([digests, stack_versions()])


def code_with(own: CustomModule | None, function: str, module: str) -> str:
    """Fingerprints a module and, if a custom module replaces a function, what that imports from `components`.

    Args:
      own: The custom module; None if there is none.
      function: Name of the function, such as "run_fn".
      module: Dotted name of the module that contains the default function.

    Returns:
      As `code_of`.
    """
    used = own.components if own is not None and function in own.functions else ()
    return code_of(module, *(name for name in used if _source(name)))


def code_fingerprint(config: Config) -> str:
    """Fingerprints everything except the data that determines the trained model: code, settings, schema, libraries.

    The evaluation thresholds are left out: they do not change the model.
    """
    source = code_of(
        "components.arrow_example_gen.component",
        "components.transform.executor",
        "components.trainer.training",
    )
    settings = config.model_dump(mode="json", include={"dataset", "features", "training"})
    settings["threshold_metric"] = config.evaluation.threshold_metric
    if own := config.own_module():
        settings["own"] = own.digests
        source = _hash(
            [source, *(code_with(own, name, "components.shared.custom_module") for name in sorted(own.functions))]
        )
    if config.tune.trials:
        settings["tune"] = config.tune.model_dump(mode="json", exclude={"reuse"})
        source = _hash([source, code_of("components.tuner.component")])
    return _hash([source, settings, config.data.has_spans, _digest(config.schema_path)])


def _closure(modules: tuple[str, ...]) -> dict[str, Path]:
    """Every module of `components` reached from `modules` by import statements, with its file."""
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = _source(name)
        if path is None:
            continue
        found[name] = path
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += imported(path.read_text(encoding="utf-8"), package)
    return found


def imported(source: str, package: str) -> set[str]:
    """Names in `components` that the import statements of a module name, also those inside of functions.

    Found by a regular expression: parsing the syntax tree of 150 modules took an eighth of a cached run. A line of a
    docstring that reads like an import adds a dependency too many, which is harmless.

    Args:
      source: Text of the module.
      package: Package that relative imports start from.
    """
    found = set()
    for origin, names, modules in _IMPORT.findall(source):
        if modules:
            found |= set(_ALIAS.findall(_COMMENT.sub("", modules)))
            continue
        module = resolve_name(origin, package)
        # `from components.a import b`: b is a submodule or a name in a. A name has no source file.
        found |= {module, *(f"{module}.{alias}" for alias in _ALIAS.findall(_COMMENT.sub("", names)))}
    return {name for name in found if name.split(".")[0] == "components"}


def _source(name: str) -> Path | None:
    """File of a module of `components`, found without importing it; None if there is no such module."""
    package, *rest = name.split(".")
    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]).joinpath(*rest)
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

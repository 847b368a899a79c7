"""From what a served model is given to transformed features: by the matrices' graph, or by TFX's own transform graph.

Both take serialized examples, or columns by name, [N], in which a missing value is said as signatures.py describes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import tensorflow as tf
import tensorflow_transform as tft

from components.shared.features.dense_columns import MISSING, as_numbers, as_texts, dense, integers, numbers, texts
from components.shared.features.derived_features import SEPARATOR, sources
from components.shared.features.derived_tensors import derived
from components.shared.features.large_integers import FLOAT32, FLOAT64, as_integers
from components.shared.features.transform_matrices import Matrices, load_matrices
from components.shared.serving.served_texts import listed, moments

Tensors = Mapping[str, tf.Tensor]
Specs = Mapping[str, Any]
"""Raw column -> its feature spec."""


class RawInputs(Protocol):
    """How raw inputs become transformed ones; a tf.Module that a SavedModel takes with it."""

    def of_examples(self, examples: tf.Tensor) -> Tensors:
        """Transformed features of serialized examples, [N]; features that an example lacks are missing."""

    def of_columns(self, columns: Tensors, optional: Iterable[str]) -> Tensors:
        """Transformed features of columns, [N] or [N, 1]; one missing value of an `optional` one stands for all rows.

        Fails where a column has another number of rows.
        """

    def label(self, examples: tf.Tensor) -> tf.Tensor:
        """The label of serialized examples, as the model learns it, [N]."""

    @property
    def served_types(self) -> Mapping[str, tf.DType]:
        """Numeric and cyclical columns that are sent in another type than float32, which does not tell them apart."""


@dataclass(frozen=True)
class SentAsText:
    """Columns that are no text and yet sent as such, see served_texts.

    Attributes:
      moments: Dates and moments -> their unit.
      lists: Lists -> what is between their items.
    """

    moments: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, features: Mapping[str, Any]) -> "SentAsText":
        """Of pipeline.toml's [features], with what pipeline/settings/feature_types.py adds."""
        separators = features.get("separators", {})
        lists = {name: separators.get(name, SEPARATOR) for name in features.get("lists", {})}
        return cls(dict(features.get("moments", {})), lists)

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return frozenset((*self.moments, *self.lists))

    def read(self, name: str, texts: tf.Tensor, dtype: tf.DType) -> tf.Tensor | tf.SparseTensor:
        """One of the columns, string [N], as an example has it: int64 [N], or lists of `dtype`."""
        if name in self.moments:
            return moments(texts, self.moments[name], name)
        return listed(texts, self.lists[name], dtype)


def raw_inputs(
    transform: tft.TFTransformOutput,
    specs: Specs,
    features: Sequence[str],
    categorical: Iterable[str],
    label: str,
    texts: SentAsText | None = None,
) -> RawInputs:
    """The quicker of the two that a transform graph allows; `texts` are columns that are sent as text."""
    matrices = load_matrices(transform)
    if matrices is not None:
        return ByMatrices(matrices, specs, texts)
    return ByLayer(transform.transform_features_layer(), specs, features, categorical, label, texts)


class ByMatrices(tf.Module):
    """By the matrices' graph: as many operations for a thousand columns as for ten, but for naming the inputs."""

    def __init__(self, matrices: Matrices, specs: Specs, texts: SentAsText | None = None) -> None:
        super().__init__()
        self.matrices = matrices
        self._texts = texts or SentAsText()
        self._types = {name: spec.dtype for name, spec in specs.items()}

    def of_examples(self, examples: tf.Tensor) -> Tensors:
        """See RawInputs."""
        order = self.matrices
        names = [*order.categorical, *order.numeric, *order.cyclical, *order.large, *order.text]
        parsed = dict(_parse(examples, sources(names, self._types.__contains__), self._types))
        parsed |= derived(parsed, names)

        def picked(names: Sequence[str], convert: Any, dtype: tf.DType) -> tf.Tensor:
            columns = [parsed[name] for name in names]
            return convert(columns) if columns else tf.zeros([tf.size(examples), 0], dtype)

        return self._features(
            picked(order.categorical, texts, tf.string),
            picked(order.numeric, numbers, tf.float32),
            picked(order.cyclical, numbers, tf.float32),
            picked(order.large, integers, tf.int64),
            *([picked(order.text, texts, tf.string)] if order.takes_texts else []),
        )

    def of_columns(self, columns: Tensors, optional: Iterable[str]) -> Tensors:
        """See RawInputs."""
        order, given = self.matrices, Aligned(columns, optional)
        names = self._texts.names & columns.keys()
        raw = {name: self._texts.read(name, given.column(name), self._types[name]) for name in sorted(names)}
        made = derived(raw, [*order.numeric, *order.cyclical])
        return self._features(
            given.matrix(order.categorical, as_texts, tf.string),
            self._numbers(given, order.numeric, made),
            self._numbers(given, order.cyclical, made),
            given.matrix(order.large, as_integers, tf.int64),
            *([given.matrix(order.text, as_texts, tf.string)] if order.takes_texts else []),
        )

    @property
    def served_types(self) -> Mapping[str, tf.DType]:
        """See RawInputs."""
        return self.matrices.served_types

    def label(self, examples: tf.Tensor) -> tf.Tensor:
        """See RawInputs."""
        name = self.matrices.label
        return self.matrices.loaded.label(dense([_parse(examples, [name], self._types)[name]], self._types[name])[:, 0])

    def _features(self, *matrices: tf.Tensor) -> Tensors:
        return dict(self.matrices.loaded.features(*matrices))

    def _numbers(self, given: "Aligned", names: Sequence[str], made: Tensors) -> tf.Tensor:
        """Numbers as training saw them: those of integer columns, which are sent as floats, as integers.

        `made` are columns that were derived.
        """
        sent = [name for name in names if name not in made]
        values = given.matrix(sent, as_numbers, tf.float32)
        integers = [self._types[name].is_integer for name in sent]
        values = tf.where(tf.constant(integers, tf.bool), tf.round(values), values)
        if len(sent) == len(names):
            return values
        others = [name for name in names if name in made]
        joined = tf.concat([values, tf.stack([made[name] for name in others], axis=1)], axis=1)
        at = {name: place for place, name in enumerate((*sent, *others))}
        return tf.gather(joined, [at[name] for name in names], axis=1)


class ByLayer(tf.Module):
    """By the graph that TFX's own executor wrote, whose inputs are the raw columns: some operations for each."""

    def __init__(
        self,
        layer: Any,
        specs: Specs,
        features: Sequence[str],
        categorical: Iterable[str],
        label: str,
        texts: SentAsText | None = None,
    ) -> None:
        super().__init__()
        self.layer = layer
        self._texts = texts or SentAsText()
        self._specs = dict(specs)
        self._types = {name: spec.dtype for name, spec in specs.items()}
        self._features = tuple(features)
        self._as_they_are = frozenset(categorical) | {label} | self._texts.names
        self._served: tuple[tuple[str, tf.DType], ...] | None = None
        self._label = label

    def of_examples(self, examples: tf.Tensor) -> Tensors:
        """See RawInputs."""
        columns = {}
        for name, column in _parse(examples, self._features, self._types).items():
            columns[name] = column if name in self._texts.lists else dense([column], column.dtype)[:, 0]
        return self._transformed(columns)

    def of_columns(self, columns: Tensors, optional: Iterable[str]) -> Tensors:
        """See RawInputs."""
        given = Aligned(columns, optional).columns()
        read = {
            name: self._texts.read(name, given[name], self._types[name]) for name in self._texts.names & given.keys()
        }
        return self._transformed({**given, **read})

    def label(self, examples: tf.Tensor) -> tf.Tensor:
        """See RawInputs."""
        column = _parse(examples, [self._label], self._types)[self._label]
        return self.layer({self._label: self._raw(self._label, dense([column], column.dtype)[:, 0])})["label"]

    @property
    def served_types(self) -> Mapping[str, tf.DType]:
        """See RawInputs. The graph itself is asked: whether its train rows held values beyond what a type holds."""
        if self._served is None:
            self._served = tuple(self._asked().items())
        return dict(self._served)

    def _asked(self) -> dict[str, tf.DType]:
        bounds = tf.constant([-FLOAT32, FLOAT32, -FLOAT64, FLOAT64], tf.int64)
        columns, first = {}, sum(name in self._as_they_are for name in self._features)
        for name in self._features:
            kind = self._types[name]
            asked = kind.is_integer and name not in self._as_they_are
            columns[name] = bounds if asked else tf.fill([4], tf.constant(MISSING[kind], kind))
            if name in self._texts.lists:
                columns[name] = tf.sparse.from_dense(tf.fill([4, 1], tf.zeros([], kind) if kind != tf.string else ""))
        found = self._transformed(columns)
        if not {"numeric", "standardized"} <= found.keys():
            return {}  # a graph of one's own, whose outputs mean something else
        ranks = found["numeric"].numpy()
        names = self._features[first : first + ranks.shape[1]]
        beyond = {
            name: [rank[low] > -1 or rank[low + 1] < 1 for low in (0, 2)]
            for name, rank in zip(names, ranks.T, strict=False)  # derived columns come after those
            if name not in self._texts.names and columns[name] is bounds
        }
        return {name: tf.int64 if huge else tf.float64 for name, (large, huge) in beyond.items() if large}

    def _transformed(self, columns: Tensors) -> Tensors:
        found: Tensors = self.layer({name: self._raw(name, columns[name]) for name in self._features})
        return found

    def _raw(self, name: str, values: tf.Tensor) -> tf.Tensor | tf.SparseTensor:
        """A column with missing ones marked, as the transform graph takes it: of its type, sparse where optional."""
        if isinstance(values, tf.SparseTensor):
            return values
        spec, there = self._specs[name], present(values)
        if values.dtype != spec.dtype:
            values = as_integers(values) if spec.dtype.is_integer else as_numbers(values)
        if isinstance(spec, tf.io.FixedLenFeature):
            return tf.reshape(values, [-1, *spec.shape])
        rows = tf.where(there)
        indices = tf.concat([rows, tf.zeros_like(rows)], axis=1)
        return tf.SparseTensor(indices, tf.boolean_mask(values, there), tf.stack([tf.size(values, tf.int64), 1]))


class Aligned:
    """Columns of one request, [N] or [N, 1] each, brought to the same N and put together type by type."""

    def __init__(self, columns: Tensors, optional: Iterable[str]) -> None:
        """One missing value of an `optional` column stands for all rows: a default of the signature."""
        self._names: dict[tf.DType, list[str]] = {}
        for name, column in columns.items():
            self._names.setdefault(column.dtype, []).append(name)
        self._places = {name: (dtype, at) for dtype, names in self._names.items() for at, name in enumerate(names)}
        flat = {dtype: [tf.reshape(columns[name], [-1]) for name in names] for dtype, names in self._names.items()}
        sizes = {dtype: tf.concat(tf.shape_n(some), axis=0) for dtype, some in flat.items()}
        every = tf.concat(list(sizes.values()), axis=0)
        self.rows = tf.concat([tf.boolean_mask(every, every != 1), [1]], axis=0)[0]
        may_miss = frozenset(optional)
        self._matrices = {
            dtype: self._together(flat[dtype], sizes[dtype], names, [name in may_miss for name in names])
            for dtype, names in self._names.items()
        }

    def _together(
        self, flat: Sequence[tf.Tensor], sizes: tf.Tensor, names: Sequence[str], optional: Sequence[bool]
    ) -> tf.Tensor:
        """[N, C] of C columns of one type."""
        marked = tf.constant([MISSING[flat[0].dtype]], flat[0].dtype)  # so that an empty column, too, has a first value
        values = tf.concat([*flat, marked], axis=0)
        first = tf.cumsum(sizes, exclusive=True)
        lone = (sizes == 1) & tf.constant(optional) & ~present(tf.gather(values, first))
        wrong = tf.boolean_mask(tf.constant(names), (sizes != self.rows) & ~lone)
        said = [tf.strings.reduce_join(wrong, separator=", "), "not as many rows as the other inputs"]
        check = tf.debugging.Assert(tf.size(wrong) == 0, [tf.strings.join(said, separator=": ")])
        with tf.control_dependencies([check]):
            steps = tf.where(lone, 0, tf.range(self.rows)[:, None])
        return tf.gather(values, first + steps)

    def matrix(self, names: Sequence[str], convert: Any, dtype: tf.DType) -> tf.Tensor:
        """The named columns, [N, len(names)], each type's converted to `dtype` by `convert`."""
        wanted, parts, order = set(names), [], []
        for kind, members in self._names.items():
            if mine := [(place, name) for place, name in enumerate(members) if name in wanted]:
                parts.append(convert(tf.gather(self._matrices[kind], [place for place, _ in mine], axis=1)))
                order += [name for _, name in mine]
        if not parts:
            return tf.zeros([self.rows, 0], dtype)
        joined = parts[0] if len(parts) == 1 else tf.concat(parts, axis=1)
        if order == list(names):
            return joined
        places = {name: place for place, name in enumerate(order)}
        return tf.gather(joined, [places[name] for name in names], axis=1)

    def column(self, name: str) -> tf.Tensor:
        """One column, [N]."""
        dtype, place = self._places[name]
        return self._matrices[dtype][:, place]

    def columns(self) -> dict[str, tf.Tensor]:
        """The columns one by one, [N]."""
        return {
            name: self._matrices[dtype][:, position]
            for dtype, names in self._names.items()
            for position, name in enumerate(names)
        }


def present(values: tf.Tensor) -> tf.Tensor:
    """Whether a value is there, bool of the same shape."""
    return tf.math.is_finite(values) if values.dtype.is_floating else values != MISSING[values.dtype]


def _parse(examples: tf.Tensor, names: Iterable[str], types: Mapping[str, tf.DType]) -> dict[str, tf.SparseTensor]:
    """The named columns; also those required in training may be missing, so that no request fails."""
    parsed: dict[str, tf.SparseTensor] = tf.io.parse_example(
        examples, {name: tf.io.VarLenFeature(types[name]) for name in names}
    )
    return parsed

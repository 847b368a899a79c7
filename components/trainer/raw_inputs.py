"""Maps the inputs of a served model to transformed features, by the graph of matrices or by TFX's transform graph.

Both read serialized examples, or columns by name, [N], with missing values encoded as in signatures.py.
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
"""Raw column name -> feature spec."""


class RawInputs(Protocol):
    """Maps raw inputs to transformed features; a tf.Module that is saved as part of the SavedModel."""

    def of_examples(self, examples: tf.Tensor) -> Tensors:
        """Transforms serialized examples, string [N]; features that an example lacks are missing."""

    def of_columns(self, columns: Tensors, optional: Iterable[str]) -> Tensors:
        """Transforms columns, [N] or [N, 1] each.

        Args:
          columns: Columns by name.
          optional: Names of columns that may be missing; a single missing value of such a column stands for all rows.

        Raises:
          InvalidArgumentError: When called, if a column has another number of rows.
        """

    def label(self, examples: tf.Tensor) -> tf.Tensor:
        """Returns the labels of serialized examples, encoded as for training, [N]."""

    @property
    def served_types(self) -> Mapping[str, tf.DType]:
        """Types of the numeric and cyclical inputs that are not float32, because it cannot represent the values."""


@dataclass(frozen=True)
class SentAsText:
    """Columns that are not text in the examples but are sent as text in requests, see served_texts.py.

    Attributes:
      moments: Date and timestamp columns -> their unit.
      lists: List columns -> the separator of the items.
    """

    moments: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, features: Mapping[str, Any]) -> "SentAsText":
        """Reads them from section [features] of pipeline.toml as extended by pipeline/settings/feature_types.py."""
        separators = features.get("separators", {})
        lists = {name: separators.get(name, SEPARATOR) for name in features.get("lists", {})}
        return cls(dict(features.get("moments", {})), lists)

    @property
    def names(self) -> frozenset[str]:
        """Names of all these columns."""
        return frozenset((*self.moments, *self.lists))

    def read(self, name: str, texts: tf.Tensor, dtype: tf.DType) -> tf.Tensor | tf.SparseTensor:
        """Parses such a column, string [N], into the type of the examples: int64 [N], or lists of `dtype`."""
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
    """Returns the faster implementation that the transform graph allows.

    Args:
      transform: Output of the Transform component.
      specs: Feature spec of each raw column.
      features: Names of the features.
      categorical: Names of those that are categorical.
      label: Name of the label column.
      texts: Columns that are sent as text.
    """
    matrices = load_matrices(transform)
    if matrices is not None:
        return ByMatrices(matrices, specs, texts)
    return ByLayer(transform.transform_features_layer(), specs, features, categorical, label, texts)


class ByMatrices(tf.Module):
    """Transforms by the graph of matrices, whose number of operations hardly depends on the number of columns."""

    def __init__(self, matrices: Matrices, specs: Specs, texts: SentAsText | None = None) -> None:
        super().__init__()
        self.matrices = matrices
        self._texts = texts or SentAsText()
        self._types = {name: spec.dtype for name, spec in specs.items()}

    def of_examples(self, examples: tf.Tensor) -> Tensors:
        """See RawInputs."""
        order = self.matrices
        names = [*order.categorical, *order.numeric, *order.cyclical, *order.large, *order.encoded]
        parsed = dict(_parse(examples, sources(names, self._types.__contains__), self._types))
        parsed |= derived(parsed, names)

        def select(names: Sequence[str], convert: Any, dtype: tf.DType) -> tf.Tensor:
            columns = [parsed[name] for name in names]
            return convert(columns) if columns else tf.zeros([tf.size(examples), 0], dtype)

        return self._features(
            select(order.categorical, texts, tf.string),
            select(order.numeric, numbers, tf.float32),
            select(order.cyclical, numbers, tf.float32),
            select(order.large, integers, tf.int64),
            *([select(order.encoded, texts, tf.string)] if order.takes_texts else []),
        )

    def of_columns(self, columns: Tensors, optional: Iterable[str]) -> Tensors:
        """See RawInputs."""
        order, given = self.matrices, AlignedInputs(columns, optional)
        names = self._texts.names & columns.keys()
        raw = {name: self._texts.read(name, given.column(name), self._types[name]) for name in sorted(names)}
        made = derived(raw, [*order.numeric, *order.cyclical])
        return self._features(
            given.matrix(order.categorical, as_texts, tf.string),
            self._numbers(given, order.numeric, made),
            self._numbers(given, order.cyclical, made),
            given.matrix(order.large, as_integers, tf.int64),
            *([given.matrix(order.encoded, as_texts, tf.string)] if order.takes_texts else []),
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

    def _numbers(self, given: "AlignedInputs", names: Sequence[str], made: Tensors) -> tf.Tensor:
        """Numeric columns as in training; requests send integer columns as floats, which are rounded.

        `made` holds the derived columns.
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
    """Transforms by the graph of TFX's own executor, which has some operations for each raw column."""

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
        self._unconverted = frozenset(categorical) | {label} | self._texts.names
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
        given = AlignedInputs(columns, optional).columns()
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
        """See RawInputs. Found by probing the graph: do its quantiles extend beyond the range of a type?"""
        if self._served is None:
            self._served = tuple(self._probe().items())
        return dict(self._served)

    def _probe(self) -> dict[str, tf.DType]:
        bounds = tf.constant([-FLOAT32, FLOAT32, -FLOAT64, FLOAT64], tf.int64)
        columns, first = {}, sum(name in self._unconverted for name in self._features)
        for name in self._features:
            kind = self._types[name]
            probed = kind.is_integer and name not in self._unconverted
            columns[name] = bounds if probed else tf.fill([4], tf.constant(MISSING[kind], kind))
            if name in self._texts.lists:
                columns[name] = tf.sparse.from_dense(tf.fill([4, 1], tf.zeros([], kind) if kind != tf.string else ""))
        found = self._transformed(columns)
        if not {"numeric", "standardized"} <= found.keys():
            return {}  # the graph of a user's preprocessing_fn, whose outputs have another meaning
        ranks = found["numeric"].numpy()
        names = self._features[first : first + ranks.shape[1]]
        beyond = {
            name: [rank[low] > -1 or rank[low + 1] < 1 for low in (0, 2)]
            for name, rank in zip(names, ranks.T, strict=False)  # derived columns come after the probed ones
            if name not in self._texts.names and columns[name] is bounds
        }
        return {name: tf.int64 if huge else tf.float64 for name, (large, huge) in beyond.items() if large}

    def _transformed(self, columns: Tensors) -> Tensors:
        found: Tensors = self.layer({name: self._raw(name, columns[name]) for name in self._features})
        return found

    def _raw(self, name: str, values: tf.Tensor) -> tf.Tensor | tf.SparseTensor:
        """A column as the transform graph expects it: in its own type, sparse if it may be missing."""
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


class AlignedInputs:
    """Columns of one request, [N] or [N, 1] each, expanded to the same N and stacked by type."""

    def __init__(self, columns: Tensors, optional: Iterable[str]) -> None:
        """Stacks the columns.

        Args:
          columns: Columns by name.
          optional: Columns of which a single missing value, the default of the signature, stands for all rows.
        """
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
        """Stacks C columns of one type to [N, C]."""
        marked = tf.constant([MISSING[flat[0].dtype]], flat[0].dtype)  # gives an empty column a first value, too
        values = tf.concat([*flat, marked], axis=0)
        first = tf.cumsum(sizes, exclusive=True)
        lone = (sizes == 1) & tf.constant(optional) & ~present(tf.gather(values, first))
        wrong = tf.boolean_mask(tf.constant(names), (sizes != self.rows) & ~lone)
        message = [tf.strings.reduce_join(wrong, separator=", "), "not as many rows as the other inputs"]
        check = tf.debugging.Assert(tf.size(wrong) == 0, [tf.strings.join(message, separator=": ")])
        with tf.control_dependencies([check]):
            steps = tf.where(lone, 0, tf.range(self.rows)[:, None])
        return tf.gather(values, first + steps)

    def matrix(self, names: Sequence[str], convert: Any, dtype: tf.DType) -> tf.Tensor:
        """Returns the named columns as [N, len(names)]; `convert` maps the columns of each type to `dtype`."""
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
        """Returns one column, [N]."""
        dtype, place = self._places[name]
        return self._matrices[dtype][:, place]

    def columns(self) -> dict[str, tf.Tensor]:
        """Returns all columns by name, [N] each."""
        return {
            name: self._matrices[dtype][:, position]
            for dtype, names in self._names.items()
            for position, name in enumerate(names)
        }


def present(values: tf.Tensor) -> tf.Tensor:
    """Whether each value is not missing, bool of the same shape."""
    return tf.math.is_finite(values) if values.dtype.is_floating else values != MISSING[values.dtype]


def _parse(examples: tf.Tensor, names: Iterable[str], types: Mapping[str, tf.DType]) -> dict[str, tf.SparseTensor]:
    """Parses the named columns; a column that training requires may be missing here, so that no request fails."""
    parsed: dict[str, tf.SparseTensor] = tf.io.parse_example(
        examples, {name: tf.io.VarLenFeature(types[name]) for name in names}
    )
    return parsed

"""The TFX component LabelAudit; see audit.py for the audit."""

import json
from pathlib import Path

import numpy as np
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.artifact_utils import get_split_uri
from tfx.types.standard_artifacts import Examples

from components.label_audit.agreement import agreement
from components.label_audit.agreement_json import agreement_json
from components.label_audit.audit import audit_labels
from components.label_audit.encoding import FeatureTypes, kinds_of
from components.label_audit.image_duplicates import find_image_duplicates
from components.label_audit.settings import LabelAuditSettings
from components.label_audit.thumbnails import FILE, issue_thumbnails
from components.shared.artifacts.artifact_types import LabelReport
from components.shared.examples.example_reading import read_examples
from components.shared.features.list_items import with_items
from components.shared.files import write_json
from components.shared.images.embedding import embed_images


@component
def LabelAudit(
    examples: InputArtifact[Examples],
    labels: OutputArtifact[LabelReport],
    label: Parameter[str],
    features: Parameter[str],
    ids: Parameter[str],
    code: Parameter[str],
    task: Parameter[str] = "binary",
    kinds: Parameter[str] = "",
    settings: Parameter[str] = "",
    image: Parameter[str] = "",
    annotators: Parameter[str] = "",
    slices: Parameter[str] = "",
):
    """Audits the labels of the split `train` and writes `labels.json`, with image columns also `thumbnails.json`.

    Args:
      examples: Examples with the split `train`.
      labels: Receives `labels.json`, the fields of `audit.LabelAudit`, and `agreement` (see agreement_json.py) if
        there are annotators.
      label: The label column.
      features: JSON list of feature columns; `kinds` replaces it if given.
      ids: JSON list of id columns.
      code: Fingerprint of this component's code, part of the cache key.
      task: "binary", "multiclass" or "regression".
      kinds: JSON of {categorical, numeric, cyclical, text, image} -> columns; "" infers them from the column types.
      settings: JSON of `settings.LabelAuditSettings`; "" for the defaults.
      image: JSON of section [image] of pipeline.toml; "" for the defaults.
      annotators: JSON list of the columns with the annotators' labels; "" is none.
      slices: JSON list of columns, each with one value in a row, by which agreement is sliced; "" is none.
    """
    names, named = json.loads(features), json.loads(ids)
    annotated, sliced = json.loads(annotators or "[]"), json.loads(slices or "[]")
    split = get_split_uri([examples], "train")
    known = None
    if kinds:
        of = with_items(json.loads(kinds), split)
        known = FeatureTypes(
            tuple(of.get("categorical", ())),
            tuple(of.get("numeric", ())),
            of.get("cyclical", {}),
            tuple(of.get("text", ())),
            tuple(of.get("image", ())),
        )
        names = known.names
    images = known.image if known else ()
    wanted = [label, *(name for name in names if name not in images), *named, *annotated, *sliced]
    rows = read_examples(split, list(dict.fromkeys(wanted)))
    embedded = {name: embed_images(split, name, json.loads(image or "{}")) for name in images}
    for name, one in embedded.items():
        rows[name] = np.array(one.digests, object)
    embeddings = {name: one.numbers for name, one in embedded.items()}
    known = known or kinds_of(rows, names)
    chosen = LabelAuditSettings.from_json(settings)
    found = audit_labels(rows, label, known, named, task == "regression", chosen, embeddings).to_json()
    if annotated:
        found["agreement"] = agreement_json(agreement(rows, annotated, named, sliced, chosen.max_issues))
    for name in images:
        repeated = find_image_duplicates(split, get_split_uri([examples], "eval"), name, rows[label].tolist())
        found.setdefault("image_duplicates", {})[name] = repeated.to_json()
        found["notes"] = [*found["notes"], *repeated.notes(name)]
    write_json(Path(labels.uri) / "labels.json", found)
    if images:
        write_json(Path(labels.uri) / FILE, issue_thumbnails(split, images, found["issues"]))

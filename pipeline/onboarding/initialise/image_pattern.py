"""Folders of images with a folder for each class: derives the file pattern."""

import os
import re

from components.shared.errors import InputError
from components.table_reading.formats.image_folders import FILE_COLUMN, IMAGE_COLUMN
from components.table_reading.formats.registry import IMAGE, find_format
from components.table_reading.hive_partitions import walk
from components.table_reading.span_numbers import are_spans
from components.table_reading.spans import SPAN, open_folder


def image_pattern(data: str, label: str) -> str:
    """Derives the pattern of a folder of images.

    Args:
      data: The folder; a path or URL.
      label: Name of the column for the names of the classes' folders.

    Returns:
      `{label}/*.png` for a folder per class, `span-{span}/{label}/*.png` for spans of these; "" if the folder has no
      images in folders, or folders named `column=value`.

    Raises:
      InputError: The images are at different depths or not in folders of classes, or the label has the name of a column
        that the table of images has anyway.
    """
    filesystem, root = open_folder(data)
    paths = [path for _, path in walk(filesystem, root, data) if find_format(path) is IMAGE]
    if not paths or any("=" in folder for folder in paths[0].split("/")[:-1]):
        return ""
    depths = {path.count("/") for path in paths}
    if depths - {1, 2} or len(depths) > 1:
        first = {path.count("/"): path for path in reversed(paths)}
        found = " and ".join(first[depth] for depth in sorted(depths)[:2])
        raise InputError(
            f"{data}: images belong into a folder for each class, <class>/<image>, or <span>/<class>/<image>; found "
            f"{found}; or give a table with a column of paths"
        )
    if label in (IMAGE_COLUMN, FILE_COLUMN):
        raise InputError(f"--label {label}: is another column of a folder of images; choose another name")
    ends = {os.path.splitext(path)[1] for path in paths}
    file = f"*{ends.pop()}" if len(ends) == 1 else "*"
    classes = f"{{{label}}}/{file}"
    if depths == {1}:
        return classes
    tops = sorted({path.split("/")[0] for path in paths})
    cut = {tuple(re.split(r"(\d+(?:-\d+)*)", top)) for top in tops}
    shapes = {(parts[0], "".join(parts[2:])) for parts in cut if len(parts) > 1}
    numbers = [parts[1] for parts in cut if len(parts) > 1]
    if len(shapes) == 1 and len(numbers) == len(tops) and are_spans(sorted(numbers)):
        before, after = shapes.pop()
        return f"{before}{SPAN}{after}/{classes}"
    raise InputError(
        f"{data}: holds {', '.join(tops[:4])}{', ...' if len(tops) > 4 else ''}, each with folders of images; "
        "spans need consecutive numbers, such as span-1, span-2"
    )

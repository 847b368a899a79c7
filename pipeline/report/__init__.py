"""The report of a run: one self-contained HTML file that opens offline.

`gather` reads the artifacts of a finished run into `facts.ReportData`; the modules `*_rows`, `verdict` and
`threshold_summary` turn these into rows and sentences; `page` renders the templates; `write` writes the file. No module
imports TensorFlow or TFX.
"""

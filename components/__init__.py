"""Plumbline's own TFX components, a folder each: a pure core and a thin TFX shell (component.py)."""

"""Drift at the command line: two data sets compared, the course over the runs, thresholds that the past suggests."""

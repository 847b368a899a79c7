"""The paired bootstrap of `components.resampling`, which the evaluator judges by too, under the names used here."""

from components.judges import Binary as Binary
from components.judges import Judge as Judge
from components.judges import Means as Means
from components.judges import multiclass as multiclass
from components.judges import regression as regression
from components.resampling import LEVEL as LEVEL
from components.resampling import RESAMPLES as RESAMPLES
from components.resampling import Interval as Interval
from components.resampling import paired_intervals as paired_intervals

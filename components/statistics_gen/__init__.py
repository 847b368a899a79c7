"""StatisticsGen: TFDV statistics of the examples, computed without a Beam job where Beam would run in this process."""

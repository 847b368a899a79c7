"""Whether a root's artifacts and its metadata are as they were left, and what a run does where they are not."""

"""One suite for each seam that has a fake: the fake and the real thing keep the same contract."""

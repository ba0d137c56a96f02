"""What operators do about lanes and the quarantine, alike in every service that folds a log; see `docs/lanes.md`."""

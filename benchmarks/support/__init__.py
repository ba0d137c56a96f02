"""What benchmarks share: servers under measurement, load upon them, the cost of a process."""

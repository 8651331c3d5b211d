"""Side-by-side benchmarks: ours and a named baseline, alternately, on the same machine."""

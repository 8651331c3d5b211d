"""`sumun demo`: the main job end to end, on real files, each step checked."""

"""Builds execution environments: an ansible-builder definition in, an image and its lock out.

`definition` reads and checks, `context` makes what the engine builds from (with `host`: how this
machine reaches its mirrors), `run` takes the steps, `lock` writes down what came out and holds a
later build to it. No database here; `gantry.path.build` and `gantry.control.build_walk` have it.
"""

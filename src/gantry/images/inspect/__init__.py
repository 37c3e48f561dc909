"""Looks inside an image: what ansible, Python and the distribution have in it, and which versions.

`probe` runs in a pod without network, `pod` runs it and asks the engine for its part, `answer`
judges what came back, which is not to be trusted, `contents` is the result. `request` is what
others call to have a digest looked into; `gantry.control.inspections` then does it.
"""

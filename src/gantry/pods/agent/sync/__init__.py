"""The program of a project sync's pod, sent into it as a package: `python3 -m sync`.

Stdlib only, Python 3.9; uses the image's git, svn, ansible-galaxy, gpg and ansible-sign. Reads
/runner/env/sync.json, writes /runner/artifacts/{result.json,tree.tar.gz}, which the agent sends
back.
"""

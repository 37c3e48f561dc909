#!/bin/sh
# In the place of ansible-builder's, which knows ensurepip alone: Debian's Python has none.
PYCMD=${1:?the path of a Python}
"$PYCMD" -m pip --version && exit 0
"$PYCMD" -m ensurepip --root / && exit 0
"$PKGMGR" install -y python3-pip && "$PKGMGR" clean all && "$PYCMD" -m pip --version && exit 0
echo "gantry: $PYCMD has no pip, and neither ensurepip nor the package python3-pip gave it one" >&2
exit 1

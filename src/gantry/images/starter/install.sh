# Runs once, as root, in the image under construction; /recipe is the build context, read-only.
set -eu
umask 022
cd /recipe
rm -rf /var/cache/gantry

# This Python belongs to ansible alone: pip may install into it, here and in images built on top.
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
PIP=$(ls wheels/pip-*.whl)
python3 "$PIP/pip" install --quiet --no-index --find-links wheels --no-compile --no-cache-dir \
    --root-user-action=ignore --no-warn-script-location -r requirements.txt

mkdir -p /usr/share/ansible/collections /usr/share/ansible/roles
cp -r collections/ansible_collections /usr/share/ansible/collections/

# The root file system is read-only in a pod: without this every launch would compile it all anew.
# Unchecked: an image does not change, and the times of its files may when it is copied.
python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash \
    /usr/local/lib/python3* /usr/share/ansible || true # some modules' fixtures are no Python 3

# ssh wants an entry for whoever calls it, and ansible takes ~ from it. Group 0, as in every EE.
echo 'runner:x:1000:0:runner:/runner:/bin/bash' >>/etc/passwd
mkdir -p /runner
chown 1000:0 /runner
chmod 0775 /runner

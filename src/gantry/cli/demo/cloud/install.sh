# Runs once, as root, in the image under construction; /recipe is the build context, read-only.
set -eu
cd /recipe
python3 -m pip install --quiet --no-index --find-links wheels --no-compile --no-cache-dir \
    --root-user-action=ignore --no-warn-script-location -r requirements.txt
cd /usr/local/lib/python3*/dist-packages
python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash \
    moto/core moto/ec2 moto/moto_server moto/sts moto/moto_api moto/backends.py flask werkzeug

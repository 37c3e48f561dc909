#!/bin/sh
# Process 1 of a demo node. DEMO_USERS names those who may log in, DEMO_KEY is their public key.
set -eu
mkdir -p /run/sshd /srv/www

for user in $DEMO_USERS; do
    home=$(getent passwd "$user" | cut -d: -f6)
    install -d -m 0700 -o "$user" -g "$user" "$home/.ssh"
    echo "$DEMO_KEY" >"$home/.ssh/authorized_keys"
    chown "$user:$user" "$home/.ssh/authorized_keys"
    chmod 0600 "$home/.ssh/authorized_keys"
done

# The same files give the same commit, whenever and wherever the demo is set up.
if [ -d /seed ] && [ ! -d /srv/git/demo.git ]; then
    export HOME=/tmp/seed GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
    cp -r /seed /tmp/seed
    git -C /tmp/seed init --quiet --initial-branch=main
    git -C /tmp/seed add --all
    git -C /tmp/seed -c user.name='Gantry demo' -c user.email=demo@gantry.invalid \
        commit --quiet --message='The playbooks of the demo'
    mkdir -p /srv/git
    git clone --quiet --bare /tmp/seed /srv/git/demo.git.new
    chown -R git:git /srv/git
    mv /srv/git/demo.git.new /srv/git/demo.git
    rm -rf /tmp/seed
fi

if [ "$DEMO_USERS" != git ]; then
    setpriv --reuid=nobody --regid=nogroup --clear-groups --no-new-privs \
        python3 -m http.server 8080 --directory /srv/www >/dev/null 2>&1 &
fi
exec /usr/sbin/sshd -D -e

# Runs once, as root, in the image under construction; /recipe is the build context, read-only.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get install --yes /var/cache/gantry/*.deb >/tmp/apt 2>&1 || {
    cat /tmp/apt >&2
    exit 1
}
rm -rf /var/cache/gantry /tmp/apt /etc/ssh/ssh_host_*

useradd --create-home --shell /bin/bash deploy
useradd --create-home --shell /usr/bin/git-shell git
# Without PAM sshd takes "!" for a locked account; "*" is one without a password.
usermod --password '*' deploy
usermod --password '*' git
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy
chmod 0440 /etc/sudoers.d/deploy

cat >/etc/ssh/sshd_config.d/demo.conf <<'CONF'
HostKey /etc/ssh/demo/host_key
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PrintMotd no
UseDNS no
CONF
install -m 0755 /recipe/start.sh /usr/local/sbin/demo-node

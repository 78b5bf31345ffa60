#!/usr/bin/env bash
# Unpacks Prometheus, HAProxy and a Redis with TLS into .tools, from the packages of Debian or Ubuntu;
# nothing is installed into the system. Does nothing where they are.
set -euo pipefail
cd "$(dirname "$0")/../.."

stamp=.tools/.unpacked-$(sha256sum <tests/deploy/install.sh | cut -c1-16)
[ -e "$stamp" ] && exit 0
command -v apt-get >/dev/null || { echo "install: apt-get is needed for Prometheus, HAProxy and Redis" >&2; exit 1; }
rm -rf .tools
mkdir -p .tools/packages
cd .tools/packages
apt-get -qq -o APT::Sandbox::User=root download prometheus haproxy liblua5.3-0 libopentracing-c-wrapper0 \
    libopentracing1 redis-server redis-tools liblzf1 libjemalloc2 libatomic1
for package in *.deb; do dpkg -x "$package" ..; done
touch "../../$stamp"

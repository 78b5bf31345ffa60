#!/usr/bin/env bash
# Unpacks Prometheus, HAProxy, PostgreSQL and a Redis with TLS into .tools, from the packages of Debian or
# Ubuntu; nothing is installed into the system. Does nothing where they are.
set -euo pipefail
cd "$(dirname "$0")/../.."

stamp=.unpacked-$(sha256sum tests/deploy/install.sh | cut -c1-16)
[ -e ".tools/$stamp" ] && exit 0
command -v apt-get >/dev/null || { echo "install: apt-get is needed for the tools of tests/deploy" >&2; exit 1; }
mkdir -p .tools/packages
cd .tools/packages
server=$(apt-cache depends postgresql | grep -o 'postgresql-[0-9]*' | head -n 1)
apt-get -qq -o APT::Sandbox::User=root download prometheus haproxy liblua5.3-0 libopentracing-c-wrapper0 \
    libopentracing1 "$server" "${server/postgresql/postgresql-client}" libpq5 redis-server redis-tools \
    liblzf1 libjemalloc2 libatomic1
for package in *.deb; do dpkg -x "$package" ..; done
touch "../$stamp"

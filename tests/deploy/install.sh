#!/usr/bin/env bash
# Unpacks Prometheus, HAProxy and PostgreSQL into .tools, from the packages of Debian or Ubuntu; nothing is
# installed into the system. Does nothing where they are.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ -e .tools/.unpacked-2 ] && exit 0
command -v apt-get >/dev/null || { echo "install: apt-get is needed for Prometheus, HAProxy and PostgreSQL" >&2; exit 1; }
mkdir -p .tools/packages
cd .tools/packages
server=$(apt-cache depends postgresql | grep -o 'postgresql-[0-9]*' | head -n 1)
apt-get -qq -o APT::Sandbox::User=root download prometheus haproxy liblua5.3-0 libopentracing-c-wrapper0 \
    libopentracing1 "$server" "${server/postgresql/postgresql-client}" libpq5
for package in *.deb; do dpkg -x "$package" ..; done
touch ../.unpacked-2

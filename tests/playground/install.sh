#!/usr/bin/env bash
# Sees to a Chromium for the tests of the playground: the one of the system, or Debian's, or Playwright's own.
# Does nothing where there is one.
set -euo pipefail
cd "$(dirname "$0")/../.."

found() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

found >/dev/null && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null || true
fi
found >/dev/null || .venv/bin/python -m playwright install --with-deps chromium

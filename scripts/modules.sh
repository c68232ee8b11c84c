#!/usr/bin/env bash
# Installs the npm modules of the lock file, unless exactly those are installed.
set -euo pipefail
cd "$(dirname "$0")/.."

installed=node_modules/.parley-lock.json
if ! cmp -s package-lock.json "$installed"; then
	echo "Installing the npm modules of package-lock.json …"
	npm ci --no-audit --no-fund --loglevel=error
	cp package-lock.json "$installed"
fi

#!/usr/bin/env bash
# Makes the secrets that compose.yaml names, each from 32 random bytes. What is there stays: run it as often as you like.
set -euo pipefail
cd "$(dirname "$0")"

# The folder keeps others out. The files themselves must be readable for the user inside the containers, who has no
# name on this machine.
mkdir -p secrets
chmod 700 secrets

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
make() { [ -s "secrets/$1" ] || { printf '%s' "$2" >"secrets/$1" && chmod 444 "secrets/$1"; }; }

make db_password "$(random)"
make redis_password "$(random)"
make signing_key "$(random)"
make database_url "postgres://parley:$(cat secrets/db_password)@postgres:5432/parley?sslmode=disable"
make redis_url "redis://:$(cat secrets/redis_password)@redis:6379"

#!/usr/bin/env bash
# tests/exporters/readers.sh   fetch what the tests read exports with from npm's registry, into .venv/readers
#
# Only the packages themselves, as they were published: nothing that they depend on, no install scripts.
# Versions are pinned, archives are checked. mermaid: the newest, and an old one that wikis still draw with.
set -euo pipefail
cd "$(dirname "$0")/../.."

fetch() { # package, version, the SHA-512 of its archive, the files wanted of it
    local package=$1 version=$2 sum=$3 folder=.venv/readers/$1-$2 archive=$1-$2.tgz partial
    shift 3
    [ -d "$folder" ] && return
    partial=$(mktemp -d .venv/readers/partial.XXXXXX)
    npm pack --silent --ignore-scripts --pack-destination "$partial" "$package@$version" >/dev/null
    echo "$sum  $partial/$archive" | sha512sum --check --quiet
    tar -xzf "$partial/$archive" -C "$partial" --strip-components=1 "${@/#/package/}"
    rm "$partial/$archive"
    chmod 755 "$partial"
    mv -T "$partial" "$folder"
}

mkdir -p .venv/readers
trap 'rm -rf .venv/readers/partial.*' EXIT
fetch mermaid 10.9.3 57cd17d62b1212f01ec082f7c619b3feb566736ec25658dcb1b5b193195625663fd6441ae1738006aa43976a902c62b3a4a9ba59b4df5042889819547c5600af \
    dist/mermaid.min.js
fetch mermaid 12.3.0 e35d774dd5de2c0b0caee27bf4ea452f93bcf8b4c55e142a676eb4ac5ded8149a2340b519b852e99ed3823eeb93d137ac99ebd2787fcad56165bccd193ae5463 \
    dist/mermaid.min.js
fetch asciinema-player 3.17.0 25b8cd2660364cb21e60d68e1236be9154b35da74aa2aa48cd55667c118d8f60e676d13fbc4c410a7904f0d604729690703bd4620f0bb6dd2ead3f347eb0029b \
    dist/bundle/asciinema-player.min.js dist/bundle/asciinema-player.css

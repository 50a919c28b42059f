#!/usr/bin/env bash
# Make docs/gallery/ from recordings of real runs, made now: `make gallery` (as root, for the eBPF probe).
set -euo pipefail
cd "$(dirname "$0")/.."
iotrace=$PWD/.venv/bin/iotrace
out=docs/gallery
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
mkdir -p "$out"
export LC_ALL=C.UTF-8 # in English, but for --lang

"$iotrace" compare --models -o "$runs" >/dev/null
for demo in select_chat scale kernel_buffer; do
    "$iotrace" demo "$demo" -o "$runs/$demo.iotrace" >/dev/null
done

models=()
for demo in blocking nonblocking epoll signal_driven io_uring; do
    models+=("$runs/${demo}_echo.iotrace")
    "$iotrace" figure "$runs/${demo}_echo.iotrace" --force -o "$out/model-$demo.svg"
done
"$iotrace" figure "${models[@]}" --kind comparison --force -o "$out/comparison.svg"
"$iotrace" figure "${models[@]}" --kind comparison --theme dark --force -o "$out/comparison-dark.svg"
"$iotrace" figure "${models[@]}" --kind comparison --lang zh --force -o "$out/comparison-zh.svg"
"$iotrace" figure "$runs/select_chat.iotrace" --lang zh --theme dark --force -o "$out/model-zh-dark.png"
for kind in conversation timeline latency; do
    "$iotrace" figure "$runs/select_chat.iotrace" --kind "$kind" --force -o "$out/$kind.svg"
done
"$iotrace" figure "$runs/scale.iotrace" --kind scaling --force -o "$out/scaling.svg"
"$iotrace" figure "$runs/kernel_buffer.iotrace" --kind buffer --force -o "$out/buffer.svg"
"$iotrace" figure "$runs/select_chat.iotrace" --theme print --force -o "$out/model-print.png"

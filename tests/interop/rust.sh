#!/bin/sh
# A plugin made with the official Rust crate: loaded, sourced from, extracted with, and left to panic.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
[ -z "${TSAN_OPTIONS-}" ] || skip 'ThreadSanitizer knows nothing of the locks of Go and Rust'
HOME=$REAL_HOME
command -v cargo >/dev/null 2>&1 || skip "there is no cargo"
out=$BUILD/tests/interop/out-rust
mkdir -p "$out/src" && cp "$SRC/tests/interop/rust/Cargo.toml" "$out"/ && cp "$SRC/tests/interop/rust/src/lib.rs" "$out/src/"
(cd "$out" && timeout 500 cargo build --release >log 2>&1) || skip "the Rust plugin can't be built here: $(tail -n 1 "$out/log")"
name=interop_rust lib=$out/target/release/libinterop_rust.so f=irust panic=panic words="the batch had enough"
. "$SRC/tests/interop/interop.sh"
finish

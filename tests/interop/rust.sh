#!/bin/sh
# A plugin made with the official Rust crate: loaded, sourced from, extracted with, and left to panic.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
[ -z "${TSAN_OPTIONS-}" ] || skip 'ThreadSanitizer knows nothing of the locks of Go and Rust'
HOME=$REAL_HOME
command -v cargo >/dev/null 2>&1 || skip "there is no cargo"
out=$BUILD/tests/interop/out-rust
mkdir -p "$out/src" && cp "$SRC/tests/interop/rust/Cargo.toml" "$out"/ && cp "$SRC/tests/interop/rust/src/lib.rs" "$out/src/"
(cd "$out" && timeout 500 cargo build --release >log 2>&1) || skip "the Rust plugin can't be built here: $(tail -n 1 "$out/log")"
stunt=$PLUGINS/stunt.so
language=Rust name=interop_rust lib=$out/target/release/libinterop_rust.so f=irust panic=panic words="the batch had enough"
. "$SRC/tests/interop/interop.sh"

# All that surrounds a source: parsing, tables of the host and of its own, async events, listening.
mkdir -p "$out/whole/src" && cp "$SRC/tests/interop/rust-whole/Cargo.toml" "$out/whole"/ && cp "$SRC/tests/interop/rust-whole/src/lib.rs" "$out/whole/src/"
(cd "$out/whole" && CARGO_TARGET_DIR="$out/target" timeout 500 cargo build --release >log 2>&1) || skip "the second Rust plugin can't be built here: $(tail -n 1 "$out/whole/log")"
whole=$out/target/release/libinterop_whole.so

check "Rust: threads, their arguments and an added field, through the host's tables"
"$BUILD/tests/capture/mkcapture" trace.scap 20
run 0 "$MEWS" print -H "$whole" trace.scap -n 3 -p '%evt.num %whole.so_far %whole.of_thread %whole.comm %whole.first_arg %proc.args'
out <<'T'
1 1 1 nginx -g -g daemon off;
2 2 2 nginx -g -g daemon off;
4 4 4 nginx -g -g daemon off;
T

check "Rust: async events from a thread, counted as they are parsed; a routine while the capture is open"
run 0 "$MEWS" print -H "$PLUGINS/stunt.so" -H "$whole" -I 'stunt:count=30 batch=1 delay=2000' -p '*%evt.num %evt.type %whole.so_far'
err_has "the routine ran: true"
[ "$(grep -c whole_beat out)" -gt 1 ] || fail "no async event came from its thread"
awk '$1 != $3 { exit 1 }' out || fail "events were not parsed once each"

# An older crate, of plugin API 3.7.
mkdir -p "$out/older/src" && cp "$SRC/tests/interop/rust-older/Cargo.toml" "$out/older"/ && cp "$SRC/tests/interop/rust-older/src/lib.rs" "$out/older/src/"
(cd "$out/older" && CARGO_TARGET_DIR="$out/target" timeout 500 cargo build --release >log 2>&1) || skip "the older Rust plugin can't be built here: $(tail -n 1 "$out/older/log")"
older=$out/target/release/libinterop_older.so

check "an older crate: one type of event parsed, a field added to threads, a table with a name, async events"
run 0 "$MEWS" plugins "$older"
out_has "API 3.7.0  .EPA.  Rust"
run 0 "$MEWS" print -H "$older" trace.scap -p '%evt.num %evt.type %older.closes %older.name_of[200]' 'older.closes > 0 and evt.num < 9'
out <<'T'
6 close 1 nginx
7 write 1 nginx
8 close 2 nginx
T
run 0 "$MEWS" print -H "$stunt" -H "$older" -I 'stunt:count=2' -p '*%evt.num %evt.type %older.closes'
grep -q older_begins out || fail "its async event did not come" "$(cat out)"
finish

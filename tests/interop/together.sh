#!/bin/sh
# Plugins of several official SDKs and API minors in one session, with what comes along and the tests' own: each with its
# configuration, a source, fields, parsing, tables and async events. Runs behind the tests that build them.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
[ -z "${TSAN_OPTIONS-}" ] || skip 'ThreadSanitizer knows nothing of the locks of Go and Rust'
go=$BUILD/tests/interop/out-go/libinterop_go.so old_go=$BUILD/tests/interop/out-go/v0.7.5/libinterop_go.so
rust=$BUILD/tests/interop/out-rust/target/release
witness=$PLUGINS/witness.so
for lib in "$go" "$old_go" "$rust/libinterop_rust.so" "$rust/libinterop_whole.so" "$rust/libinterop_older.so"; do
    [ -f "$lib" ] || skip "${lib##*/} has not been built"
done
"$BUILD/tests/capture/mkcapture" trace.scap 20

check "all of them on a capture: what one adds to a thread, another reads"
run 0 "$MEWS" print -H "$go:of go" -H "$rust/libinterop_rust.so:of rust" -H "$rust/libinterop_whole.so:of whole" \
    -H "$rust/libinterop_older.so:of older" -H "$witness:tables" trace.scap \
    -p '%evt.num %whole.of_thread %older.closes %witness.tag %witness.comm %whole.comm' 'evt.num in (1, 8)'
out <<'T'
1 1 0 1 nginx nginx
8 8 2 8 nginx nginx
T

check "a source of one, parsed and added to by others, ordered and counted once each"
run 0 "$MEWS" print -H "$old_go" -H "$rust/libinterop_rust.so" -H "$rust/libinterop_whole.so" -H "$rust/libinterop_older.so" \
    -H "$witness:at-once send=2 ts=1" -I interop_go:300 -p '*%evt.num %whole.so_far %witness.count %igo.n'
awk '$1 != $2 || $1 != $3 { exit 1 }' out || fail "an event was not parsed once by each" "$(head -n 5 out)"
[ "$(awk '$4 != "<NA>"' out | wc -l)" = 300 ] || fail "events of the source are lost"

check "in one session on a screen's engine: values asked for later, one source after the other"
fed 0 "$MEWS" shell -H "$go" -H "$rust/libinterop_rust.so" -H "$rust/libinterop_whole.so" -H "$rust/libinterop_older.so" <<'T'
open interop_go:20
wait
open interop_rust:20
wait
filter igo.n = 20 or irust.n = 20
columns evt.num igo.n irust.n whole.so_far whole.first_arg
rows 5
plugins
T
[ "$(grep -c '^[0-9]* .*20' out)" -ge 2 ] || fail "an event of one is missing" "$(cat out)"
out_has "interop_older"
finish

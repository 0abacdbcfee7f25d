#!/bin/sh
# A plugin made with the official Go SDK: loaded, sourced from, extracted with, and left to panic.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
[ -z "${TSAN_OPTIONS-}" ] || skip 'ThreadSanitizer knows nothing of the locks of Go and Rust'
HOME=$REAL_HOME
command -v go >/dev/null 2>&1 || skip "there is no go"
out=$BUILD/tests/interop/out-go
mkdir -p "$out" && cp "$SRC"/tests/interop/go/* "$out"/
(cd "$out" && GOFLAGS=-mod=mod GOTOOLCHAIN=local timeout 400 go build -buildmode=c-shared -o libinterop_go.so . >log 2>&1) ||
    skip "the Go plugin can't be built here: $(tail -n 1 "$out/log")"
name=interop_go lib=$out/libinterop_go.so f=igo panic=goroutine words="a goroutine had enough"
. "$SRC/tests/interop/interop.sh"
finish

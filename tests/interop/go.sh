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
language=Go name=interop_go lib=$out/libinterop_go.so f=igo panic=goroutine words="a goroutine had enough"
. "$SRC/tests/interop/interop.sh"

# An older SDK, for plugin API 3.0, and one of a time before mews' oldest.
for version in v0.7.5 v0.6.2; do
    mkdir -p "$out/$version" && cp "$SRC/tests/interop/go/main.go" "$out/$version"/ &&
        sed "s/sdk-go v.*/sdk-go $version/" "$SRC/tests/interop/go/go.mod" >"$out/$version/go.mod"
    (cd "$out/$version" && GOFLAGS=-mod=mod GOTOOLCHAIN=local timeout 400 go build -buildmode=c-shared -o libinterop_go.so . >log 2>&1) ||
        skip "the Go plugin can't be built with SDK $version here: $(tail -n 1 "$out/$version/log")"
done
lib=$out/v0.7.5/libinterop_go.so
. "$SRC/tests/interop/interop.sh"
out_of_date=$out/v0.6.2/libinterop_go.so
check "a plugin for an API before 3.0 is refused, with what to do"
run 3 "$MEWS" print "$out_of_date" -I interop_go
err_has "requires plugin API 2.0.0, mews has 3.12.0: the major versions disagree"
err_has "build the plugin for plugin API 3, 3.0.0 to 3.12.0"
finish

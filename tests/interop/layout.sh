#!/bin/sh
# The layout of our plugin_api.h against those that the official SDKs carry.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
HOME=$REAL_HOME
layout() {
    ${CC:-cc} -DHEADER="\"$1\"" -I"$(dirname "$1")/.." "$SRC/tests/interop/layout.c" -o layout 2>log || {
        fail "it does not compile with $2" "$(head -n 5 log)"
        return
    }
    ./layout >"$2"
}
check "ours"
layout "$SRC/include/mews/plugin_api.h" ours
[ "$(wc -l <ours)" -gt 200 ] || fail "it has only $(wc -l <ours) lines"
found=
if command -v go >/dev/null 2>&1; then
    mkdir go && cp "$SRC"/tests/interop/go/go.* go/
    (cd go && GOFLAGS=-mod=mod GOTOOLCHAIN=local go mod download github.com/falcosecurity/plugin-sdk-go >log 2>&1)
    dir=$(cd go && GOFLAGS=-mod=mod GOTOOLCHAIN=local go list -m -f '{{.Dir}}' github.com/falcosecurity/plugin-sdk-go 2>/dev/null)
    [ -f "$dir/pkg/sdk/plugin_api.h" ] && found="$found $dir/pkg/sdk/plugin_api.h"
fi
for h in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/falco_plugin_api-0.5.1/plugin/plugin_api.h; do
    [ -f "$h" ] && found="$found $h"
done
[ -n "$found" ] || skip "neither SDK is here"
for h in $found; do
    check "$(basename "$(dirname "$(dirname "$h")")")"
    layout "$h" theirs
    cmp -s ours theirs || fail "the layouts differ" "$(diff theirs ours)"
    grep -q 'define PLUGIN_API_VERSION_MAJOR 3' "$h" || fail "another major version"
done
finish

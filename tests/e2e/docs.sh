#!/bin/sh
# What the documents say is what there is.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
doc=$SRC/share/doc/protocol.md

check "every method of the engine and the keeper is documented, and no other"
{
    sed -n 's/^    {"\([a-z_/]*\)", method_[a-z_]*},$/\1/p' "$SRC/src/engine/engine.c"
    grep -o '{"keeper/[a-z]*", do_' "$SRC/src/cli/requests.c" | sed 's/{"\(.*\)", do_/\1/'
} | sort >there
sed -n 's/^### `\(.*\)`$/\1/p' "$doc" | sort >documented
[ -s there ] || fail "no methods found"
cmp -s there documented || fail "they differ" "$(diff there documented)"

check "every notification is documented, and no other"
grep -rhoE '(notify\(e|keeper_tell\(k|rpc_notification\()(, *)?"[a-z/]*"' "$SRC/src/engine" "$SRC/src/cli" | grep -o '"[a-z/]*"' |
    tr -d '"' | sort -u >there
sed -n 's/^| `\([a-z/]*\)` |.*/\1/p' "$doc" | sort >documented
cmp -s there documented || fail "they differ" "$(diff there documented)"

check "every long option is in the man page"
for c in "" print top plugins fields engine; do
    # shellcheck disable=SC2086
    "$MEWS" $c --help | grep -o '^  [ -].*--[a-z-]*' | grep -o -- '--[a-z-]*' | sed 's/-/\\-/g'
done | sort -u >there
grep -v '^$' there | while read -r o; do grep -qF -e "$o" "$SRC/share/man/mews.1" || echo "$o"; done >missing
[ ! -s missing ] || fail "missing in mews.1" "$(cat missing)"
[ "$(wc -l <there)" -gt 10 ] || fail "no options found"

check "the examples of the README that need no screen"
cp "$PLUGINS/stunt_mine.so" libmine.so
"$BUILD/tests/capture/mkcapture" trace.scap 20
printf '%s\n' '- rule: r' '  desc: d' '  condition: evt.type = open' '  output: o' '  priority: info' >falco_rules.yaml
printf '2026-01-02T03:04:05Z prog[1]: ERROR it broke\n' >app.log
ln -s "$MEWS" mews && ln -s "$BUILD/build.paths" build.paths && ln -s "$BUILD/plugins" plugins
sed -n '/^## Without a screen/,/^## Installing/s/^    \(.\/mews .*[^ ]\) *#.*$/\1/p; /^## Without a screen/,/^## Installing/s/^    \(.\/mews [^#]*\)$/\1/p' \
    "$SRC/README.md" >examples
[ "$(wc -l <examples)" -ge 6 ] || fail "found only $(wc -l <examples)"
while read -r line; do
    check "README: $line"
    run 0 sh -c "$line"
    case $line in *engine*) ;; *record*) err_has "events in" ;; *) [ -s out ] || fail "it printed nothing" ;; esac
done <examples
check "README: the examples with a screen, as text"
run 0 "$MEWS" ./libmine.so -I mine:'count=3'
lines 3
run 0 "$MEWS" -H ./libmine.so:'{"limit": 5}' -I mine
run 0 "$MEWS" app.log 'log.level = error'
lines 1

check "a module uses those above it only"
run 0 sh "$SRC/tests/includes" "$SRC"

finish

#!/bin/sh
# A selection that was written as a capture opens with the values that its events had in the whole; sysdig counts it alike.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
fields='%evt.time %evt.cpu %evt.type %evt.args %evt.res %proc.name %proc.pid %proc.ppid %proc.pname %proc.cmdline %proc.exepath
%proc.cwd %thread.tid %fd.num %fd.type %fd.name %user.name %user.uid %group.name'
"$BUILD"/tests/capture/mkcapture made.scap 3000
compared=0

# selection CAPTURE FILTER: the two of them beside each other
selection() {
    run 0 "$MEWS" print --utc "$1" -p "$fields" "$2"
    [ -s out ] || return 0
    mv out whole
    run 0 "$MEWS" record -w part.scap "$1" "$2"
    run 0 "$MEWS" print --utc part.scap -p "$fields"
    cmp -s whole out || fail "$2: $(diff whole out | head -n 3)"
    if command -v sysdig >/dev/null 2>&1; then
        run 0 "$MEWS" print --raw-events part.scap -p '%evt.num'
        [ "$(wc -l <out)" = "$(sysdig -r part.scap -p '%evt.num' 2>/dev/null | wc -l)" ] || fail "$2: sysdig counts otherwise"
    fi
    rm -f part.scap
    compared=$((compared + 1))
}

for capture in made.scap "${MEWS_TEST_DATA:-/nonexistent}"/captures/*.scap; do
    [ -f "$capture" ] || continue
    check "$(basename "$capture")"
    selection "$capture" 'evt.type=close'
    selection "$capture" 'evt.type=execve'
    selection "$capture" 'evt.num > 500'
    selection "$capture" 'fd.name contains /etc'
    selection "$capture" 'fd.type = ipv4'
    selection "$capture" 'proc.name in (nginx, cat, curl, ping) and evt.type in (read, write)'
    selection "$capture" 'proc.pname exists and evt.cpu = 1'
done
[ "$compared" -gt 3 ] || fail "only $compared selections were compared"
finish

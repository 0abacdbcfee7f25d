#!/bin/sh
# Values that depend on the events before, asked for when those have passed: a process of its own reads them again.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
witness=$PLUGINS/witness.so stunt=$PLUGINS/stunt.so
"$BUILD/tests/capture/mkcapture" trace.scap 20

# A pass that has the fields from its start.
check "what a capture's events have, asked for later, is what one pass gives"
run 0 "$MEWS" print -H "$witness:tables" trace.scap -p '*%evt.num %witness.count %witness.tag %witness.comm %witness.fds %witness.made'
mv out passed
run 0 sed -n '60,63p' passed
mv out want-rows
fed 0 "$MEWS" shell -H "$witness:tables" trace.scap <<'T'
wait
columns evt.num witness.count witness.tag witness.comm witness.fds witness.made
rows 1
wait
filter witness.count >= 0 and witness.comm != nobody
wait
go 1
rows 200
T
grep -v '^evt.num\|\.\.\.$' out | tail -n +2 | sed 's/^\([0-9]*\) [^ ]* [^ ]* /\1 /; s/^[0-9]* //' >again
cmp -s again passed || fail "other values" "$(diff again passed | head)"

check "the same of a plugin's stream; those that run are no second time in their process"
fed 0 "$MEWS" shell -H "$stunt" -H "$witness" <<'T'
open stunt:count=5000 batch=100
wait
columns evt.num witness.made
filter witness.count >= 4990 and witness.made = 1
wait
rows 200
log
T
out_has "11 of 5,0"
out_has "events again, in a process of its own"
grep -q '^5000 .* 5000 1$' out || fail "the last has another value" "$(tail -n 20 out)"

check "a call that kills the process is left out, and says so; the engine goes on"
fed 0 "$MEWS" shell -H "$witness:extract-dies=148" trace.scap <<'T'
wait
columns evt.num witness.made
filter witness.made = 1
wait
clear
wait
filter evt.num >= 147
rows 10
log
T
out_has "died by SIGABRT in plugin_extract_fields of witness, witness.made, event 148"
out_has "starts anew without that call"
grep -q '^147 .* 1$' out || fail "what was known before its death is lost" "$(cat out)"
grep -q '^148 .* !reading again, the process died by SIGABRT' out || fail "the reason is not there" "$(cat out)"

check "a field that kills again and again is not asked for at all; others are"
fed 0 "$MEWS" shell -H "$witness:extract-dies=100" trace.scap <<'T'
wait
columns evt.num witness.made witness.count
filter witness.made >= 0 and witness.count = 99
wait
clear
go 140
rows 3
log
T
grep -q '^141 .* !reading again, the process died by SIGABRT.* 141$' out || fail "other values are lost" "$(cat out)"
[ "$(grep -c 'it starts anew without that call' out)" = 3 ] || fail "it was not started three times more" "$(cat out)"

check "a call of plugin_parse_event that kills it again and again ends it, with the reason"
fed 0 "$MEWS" shell -H "$witness:again-dies=7 lock=$DIR/first" trace.scap <<'T'
wait
columns evt.num witness.made
filter witness.made >= 0
wait
clear
rows 20
T
grep -q '^1 .* 1$' out || fail "what was known before is lost" "$(cat out)"
grep -q '^20 .* !the process that reads events again: died by SIGABRT in plugin_parse_event of witness, event' out ||
    fail "the reason is not there" "$(cat out)"

check "a plugin that can't be started a second time says why"
fed 0 "$MEWS" shell -H "$witness:lock=$DIR/the-lock" trace.scap <<'T'
wait
columns evt.num witness.made
filter witness.made = 1
wait
rows 3
log
T
out_has "witness can't be started a second time: the lock is taken"
out_has "0 of 144"
finish

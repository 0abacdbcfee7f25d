#!/bin/sh
# The runtime around plugins, as the commands show it: parsing, async events in their order, listening, tables.
. "${MEWS_SRCDIR:-.}/tests/e2e/lib.sh"
stunt="$PLUGINS/stunt.so" witness="$PLUGINS/witness.so"

check "every event is parsed once, before its fields are read"
run 0 "$MEWS" print -H "$stunt" -H "$witness" -I stunt:count=3 -p '%evt.num %witness.count'
out <<'T'
1 1
2 2
3 3
T

check "a filter does not keep events from being parsed"
run 0 "$MEWS" print -H "$stunt" -H "$witness" -I stunt:count=40 -p '%evt.num %witness.count' 'evt.num > 38'
out <<'T'
39 39
40 40
T

check "async events come in the order of time, with the stream's ID; what is left comes at its end"
run 0 "$MEWS" print -H "$stunt" -H "$witness:at-once send=3 ts=1577836802500000000 step=2000000000" -I stunt:count=4 \
    -p '*%evt.num %evt.rawtime.s %evt.type %evt.source %evt.is_async %witness.count'
out <<'T'
1 1577836801 pluginevent stunt false 1
2 1577836802 pluginevent stunt false 2
3 1577836802 tick stunt true 3
4 1577836803 pluginevent stunt false 4
5 1577836804 pluginevent stunt false 5
6 1577836804 tock stunt true 6
7 1577836806 tick stunt true 7
T

check "a plugin that refuses the capture, or the handler, ends it with its words"
run 3 "$MEWS" print -H "$stunt" -H "$witness:open-fails" -I stunt:count=3
err_has "no capture, please"
run 3 "$MEWS" print -H "$stunt" -H "$witness:handler-fails" -I stunt:count=3
err_has "no handler, please"

check "what is refused says why"
run 0 "$MEWS" print -H "$stunt" -H "$witness:at-once send=1 bad-name" -I stunt:count=3
err_has "does not declare “boom”"

check "listeners are told of the capture's end, and their routines run meanwhile"
run 0 "$MEWS" print -H "$stunt" -H "$witness:routine" -I "stunt:count=20 delay=3000 batch=1"
err_has "capture open"
err_has "routine ran"

check "tables: a plugin reads the host's threads, adds a field to them, and owns one"
"$BUILD/tests/capture/mkcapture" trace.scap 20
run 0 "$MEWS" print -H "$witness:tables" trace.scap -n 3 -p '%evt.num %witness.comm %witness.tag %witness.fds %proc.name'
out <<'T'
1 nginx 1 2 nginx
2 nginx 2 2 nginx
4 nginx 4 3 nginx
T
run 0 "$MEWS" print --no-replay -H "$witness:tables edits" trace.scap -n 1 -p '%proc.args %proc.cmdline'
out <<'T'
alone nginx alone
T
err <<'T'
mews: witness: args: [-g] [daemon off;]
mews: witness: witness: table args has no entry 9
mews: witness: args: [first] [daemon off;] [] [fourth]
mews: witness: args: [first] [] [fourth]
mews: witness: args: [alone]
mews: witness: cgroups: [ -> ] [memory -> /pods/x]
mews: witness: port 8080 mount 5, of the next one 0
T
run 0 "$MEWS" plugins -H "$witness"
out_has "it reads system calls by event schema 3.0.0: Falco would not start with it on a live host"
run 3 "$MEWS" plugins -H "$witness:want=nowhere"
out_has "no table “nowhere” is registered"

check "without a driver: what plugins send, beside the processes of this host"
run 0 "$MEWS" print -H "$witness:tables send=3 ts=none each=20000" -I nodriver -n 3 -p '*%evt.num %evt.type %evt.source %witness.count'
out <<'T'
1 tick syscall 1
2 tock syscall 2
3 tick syscall 3
T

check "two plugins of one event source: refused, or on demand one opened at a time"
same="${stunt%stunt.so}stunt_same_source.so"
run 3 "$MEWS" print "$stunt" "$same" -I stunt:count=1
err_has "plugin stunt provides the event source stunt already"
err_has "shared-sources"
run 0 "$MEWS" print --shared-sources "$stunt" "$same" -I same_source:count=1 -p '%evt.pluginname %evt.source'
out <<'T'
same_source stunt
T
run 0 "$MEWS" print --shared-sources "$stunt" "$same" -I stunt:count=1 -p '%evt.pluginname %evt.source'
out <<'T'
stunt stunt
T

check "an event that kills its parser is told, and named"
run 4 "$MEWS" print -H "$stunt" -H "$witness:die=3" -I stunt:count=5
err_has "plugin_parse_event"
err_has "event 3"
finish

#!/bin/sh
# State tables, rule by rule (plugin ABI, section 8): what a plugin tries, and what it is told.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
"$BUILD/tests/capture/mkcapture" trace.scap 20
# What came of each word, a line each.
try() {
    run 0 "$MEWS" print -H "$PLUGINS/prober.so:$*" trace.scap -n 1 -p '*%prober.said'
    sed -i 's/; /\n/g' out
}

check "init: what is there is found, the rest is named"
try init:list init:fields init:wrong-key init:unknown init:get-twice init:field-unknown init:field-wrong-type init:add-fixed \
    init:add-table-type init:add-twice
out <<'T'
list=threads:4
fields=3205
wrong-key=failed: table “threads” has keys of type 4, not 9
unknown=failed: no table “nowhere” is registered
get-twice=same
field-unknown=failed: field “nothing” not found in table threads
field-wrong-type=failed: field “comm” of table threads has type 9, not 8
add-fixed=failed: table threads has a field “comm” of its own
add-table-type=failed: fields of this type can't be added to table threads
add-twice=same
add-twice=failed: table threads has a field “mine” of another type already
T

check "init: read and written before there is any thread"
try init:size init:get-missing init:read-unset init:whole-life init:inside-add-field init:inside-resize init:iterate \
    init:erase-missing init:destroy-foreign init:release-unknown
out <<'T'
size=0
get-missing=failed: table threads has no entry 99999999
read-unset=empty and 0
whole-life=ok
inside-add-field=failed: fields of this type can't be added to table args
inside-resize=failed: the thread of table args is not (or no longer) there
iterate=1
erase-missing=failed: table threads has no such entry that could be erased
destroy-foreign=failed: an entry that was not created here can't be destroyed
release-unknown=ok
T

check "plugin_parse_event: all may be read and written, but for what is fixed; arrays get as long as their last place"
try parse:size parse:get-missing parse:read-unset parse:keep-unreleased parse:release-unknown parse:iterate parse:write-fixed \
    parse:write-table parse:write-comm parse:erase-missing parse:destroy-foreign parse:add-foreign parse:whole-life parse:inside-resize
out <<'T'
size=2
get-missing=failed: table threads has no entry 99999999
read-unset=empty and 0
keep-unreleased=ok
release-unknown=ok
iterate=20
write-fixed=failed: field “cwd” of table threads can't be written
write-table=failed: field “args” of table threads can't be written
write-comm=ok
erase-missing=failed: table threads has no such entry that could be erased
destroy-foreign=failed: an entry that was not created here can't be destroyed
add-foreign=failed: an entry that was not created for table threads can't be added to it
whole-life=ok
inside-resize=5
inside-resize=ok
inside-resize=4
inside-resize=failed: table args has no such entry that could be erased
inside-resize=ok
inside-resize=0
T

check "plugin_parse_event: tables and fields are found in init only"
try parse:list parse:fields parse:wrong-key parse:unknown parse:field-unknown parse:add-fixed parse:add-twice parse:inside-add-field
[ "$(grep -c "=failed: tables can't be found or given fields in this call" out)" = 8 ] || fail "something was allowed" "$(cat out)"

check "plugin_extract_fields: read only"
try extract:size extract:get-missing extract:keep-unreleased extract:iterate extract:write-comm extract:erase-missing extract:read-unset \
    extract:whole-life extract:list extract:fields
out <<'T'
size=2
get-missing=failed: table threads has no entry 99999999
keep-unreleased=ok
iterate=20
write-comm=failed: tables can't be written in this call
erase-missing=failed: tables can't be written in this call
read-unset=failed: tables can't be written in this call
whole-life=failed: tables can't be written in this call
list=failed: tables can't be found or given fields in this call
fields=failed: tables can't be found or given fields in this call
T

check "plugin_capture_open: read and written, nothing found"
run 0 "$MEWS" print -H "$PLUGINS/stunt.so" -H "$PLUGINS/prober.so:open:size open:whole-life open:read-unset open:list" -I stunt:count=1 -p '*%prober.said'
sed -i 's/; /\n/g' out
out <<'T'
size=0
whole-life=ok
read-unset=empty and 0
list=failed: tables can't be found or given fields in this call
T

check "what one plugin writes, the others read at that event, and so do fields"
run 0 "$MEWS" print -H "$PLUGINS/prober.so:parse:write-comm" -H "$PLUGINS/witness.so:tables" trace.scap -n 1 \
    -p '%prober.comm %witness.comm %proc.name'
out <<'T'
changed changed changed
T
finish

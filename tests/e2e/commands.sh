#!/bin/sh
# The commands without a screen: what they print.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
stunt=$PLUGINS/stunt.so

check "print: a line for an event"
run 0 "$MEWS" print "$stunt" -I stunt:count=3
out <<'T'
1 2020-01-01 00:00:01 [stunt] event 1 of stunt
2 2020-01-01 00:00:02 [stunt] event 2 of stunt
3 2020-01-01 00:00:03 [stunt] event 3 of stunt
T
quiet

check "print -j: JSON lines, numbers as numbers"
run 0 "$MEWS" print "$stunt" -I stunt:count=2 -j -p '%evt.num %stunt.n %stunt.even %stunt.text %stunt.list %stunt.empty'
out <<'T'
{"evt.num":1,"stunt.empty":"","stunt.even":false,"stunt.list":["a","b","1"],"stunt.n":1,"stunt.text":"number 1"}
{"evt.num":2,"stunt.empty":"","stunt.even":true,"stunt.list":["a","b","2"],"stunt.n":2,"stunt.text":"number 2"}
T

check "print -p: every type, absent values with and without the star"
run 0 "$MEWS" print "$stunt" -I stunt:count=1 -p '*%stunt.n %stunt.took %stunt.v4 %stunt.v6 %stunt.net %stunt.list %stunt.list[1] %stunt.numbers %stunt.key[k] %stunt.none|'
out <<'T'
1 1000000 10.0.0.1 2001:db8::1 <IPNET> (a,b,1) (b) (1,2) k <NA>|
T
run 0 "$MEWS" print "$stunt" -I stunt:count=1 -p '%stunt.n %stunt.none'
out </dev/null

check "print: a filter, of several words or one; -n"
run 0 "$MEWS" print "$stunt" -I stunt:count=9 -p '%evt.num' -n 2 stunt.even = true
out <<'T'
2
4
T
run 0 "$MEWS" print "$stunt" -I stunt:count=9 -p '%evt.num' 'stunt.n > 7 or stunt.n in (1, 3)'
out <<'T'
1
3
8
9
T

check "print: a log, standard input, gzip, a folder, a command"
printf 'ERROR it broke\nINFO it goes\n' >a.log
mkdir logs && gzip -c a.log >logs/a.log.gz && printf 'INFO again\n' >logs/b.log
run 0 "$MEWS" print a.log -p '%log.level %log.message' log.level = error
out <<'T'
error it broke
T
run 0 sh -c "$MEWS print - -p '%evt.num %log.line' <a.log"
out <<'T'
1 ERROR it broke
2 INFO it goes
T
run 0 "$MEWS" print logs -p '%log.line'
lines 3
out_has "ERROR it broke"
out_has "INFO again"
run 0 "$MEWS" print -I 'logs:exec:echo one; echo two' -p '%log.line'
out <<'T'
one
two
T

check "mews INPUT prints where standard output is no terminal"
run 0 "$MEWS" a.log 'log.level = info'
lines 1
out_has "it goes"

check "json comes along when a field needs it"
printf '{"a":{"b":[1,"x"]},"c":null}\n' >j.log
run 0 "$MEWS" print j.log -p '*%json.value[/a/b/1] %json.value[/c] %jevt.value[/a/b/0] %json.value[/nothing]'
out <<'T'
x null 1 <NA>
T
run 2 "$MEWS" print j.log --no-bundled -p '%json.value[/a]'

check "a closed pipe ends quietly"
sh -c "$MEWS print $stunt -I stunt:count=200000; echo \$? >code" 2>closed.err | head -n 1 >/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s code ] || sleep 0.3; done
[ ! -s closed.err ] || fail "it said something" "$(cat closed.err)"
[ "$(cat code)" = 0 ] || fail "exit code $(cat code)"

check "top: text, JSON, CSV; several fields; a filter"
run 0 "$MEWS" top stunt.even "$stunt" -I stunt:count=5
out <<'T'
         3  60.0 %  false
         2  40.0 %  true
T
run 0 "$MEWS" top stunt.even,stunt.text "$stunt" -I stunt:count=2 -j
out <<'T'
{"stunt.even":"false","stunt.text":"number 1","count":1}
{"stunt.even":"true","stunt.text":"number 2","count":1}
T
run 0 "$MEWS" top stunt.text "$stunt" -I stunt:count=9 --csv -n 1 'stunt.n = 7'
out <<'T'
count,stunt.text
1,number 7
T

check "plugins: what it can do"
run 0 "$MEWS" plugins "$stunt"
sed -i 's/size  .*/size/' out
out <<'T'
stunt 1.2.3  API 3.11.0  SE...  C
  file        BUILD/tests/plugins/stunt.so
  size
  does        Does everything right, or anything wrong
  contact     the tests
  source      stunt (ID 999)
  sourcing    yes  by plugin_open, plugin_close, plugin_next_batch
  extraction  yes  by plugin_get_fields, plugin_extract_fields
  parsing     no   needs plugin_parse_event
  async       no   needs plugin_get_async_events, plugin_set_async_event_handler
  listening   no   needs plugin_capture_open, plugin_capture_close
  fields      26
T
run 0 "$MEWS" plugins
out_has "json 0.7.4"
out_has "logs "
out_has "tour "

check "plugins: one that can't be used does not hide the others"
run 3 "$MEWS" plugins "$PLUGINS/stunt_newer_major.so" "$stunt"
out_has "requires plugin API 4.0.0"
out_has "what to do"
out_has "stunt 1.2.3"

check "plugins by name, from a folder"
run 0 "$MEWS" plugins --plugin-dir "$PLUGINS" stunt_other
out_has "other 1.2.3"

check "fields: text, JSON, markdown"
run 0 "$MEWS" fields "$stunt"
out_has "stunt.list"
run 0 "$MEWS" fields "$stunt" -j
out_has '"name": "stunt.list"'
run 0 "$MEWS" fields "$stunt" --format markdown
head -n 5 out >head5 && mv head5 out
out <<'T'
| NAME | TYPE | ARG | DESCRIPTION |
|------|------|-----|-------------|
| `stunt.n` | `uint64` | None | the event's own number |
| `stunt.even` | `bool` | None | whether it is even |
| `stunt.text` | `string` | None | number N |
T

check "the tour as text"
run 0 "$MEWS" --tour --utc
lines 4804
head -n 1 out >first && mv first out
out <<'T'
1 2026-03-14 03:00:00 [tour] system:serviceaccount:monitoring:prometheus list endpoints pay: 200
T

check "every command has its help"
for c in print top plugins fields engine; do
    run 0 "$MEWS" "$c" --help
    out_has "usage: mews $c"
done
run 0 "$MEWS" --help
out_has "mews top FIELD"
run 0 "$MEWS" --version
out_has "plugin API 3.12.0"

check "record: events into a capture, and back"
run 0 "$MEWS" record -w one.scap "$stunt" -I stunt:count=1000 'stunt.n > 990'
err_has "10 events in one.scap"
run 0 "$MEWS" print one.scap "$stunt" -p '%evt.num %stunt.n' 'stunt.even = true'
out <<'T'
2 992
4 994
6 996
8 998
10 1000
T
run 0 sh -c "'$MEWS' record -z -w - '$stunt' -I stunt:count=500 | '$MEWS' count -"
out <<'T'
500
T
run 0 "$MEWS" record -w turn -e 300 -W 3 "$stunt" -I stunt:count=1000
[ "$(echo turn*)" = "turn0 turn1 turn2" ] || fail "the files are $(echo turn*)"
run 0 "$MEWS" count turn0
out <<'T'
100
T
run 0 "$MEWS" record -M 1 -w short.scap "$stunt" -I 'stunt:count=1000000 delay=10000 batch=10'
timeout -s KILL 2 "$MEWS" record -z -w killed.scap "$stunt" -I 'stunt:count=1000000 delay=10000 batch=10'
run 0 "$MEWS" count killed.scap
[ "$(cat out)" -gt 100 ] || fail "a killed recorder leaves $(cat out) events"
run 2 "$MEWS" record "$stunt" -I stunt:count=1
err_has "-w FILE is missing"
run 1 "$MEWS" record -w /dev/null/x "$stunt" -I stunt:count=1
err_has "/dev/null/x"
finish

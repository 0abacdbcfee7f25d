#!/bin/sh
# mews shell: commands from a pipe, what each prints, exit codes.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
"$BUILD/tests/capture/mkcapture" shop.scap story

check "filters, rows, counts"
cat >a <<'T'
# comments and empty lines are nothing

filter evt.type = connect
and evt.failed = true
columns evt.type proc.name evt.res
rows 2
undo
count proc.name, evt.type
go 98
explain evt.type = connect and evt.failed = false
parts evt.type = connect and (fd.sport = 5432 or evt.failed = true) and json.value[/a] = 1
find reachable
clear
find reachable
T
fed 0 "$MEWS" shell shop.scap --utc <a
out <<'T'
9 of 160
5 of 160
evt.type = connect and evt.failed = true
evt.type proc.name evt.res
98 2023-11-14 22:13:20.162277100 connect php-fpm ECONNREFUSED
118 2023-11-14 22:13:20.202334900 connect php-fpm ECONNREFUSED
9 of 160
evt.type = connect
           9  php-fpm  connect
98 2023-11-14 22:13:20.162277100 connect php-fpm ECONNREFUSED
event 98 does not match
  no  and
  yes   evt.type = connect   is connect
  no    evt.failed = false   is true
of 160 events
           9 come through evt.type = connect   (9 alone, 0 kept out by it only)
           9 come through (fd.sport = 5432 or evt.failed = true)   (21 alone, 0 kept out by it only)
           4   by fd.sport = 5432
           5   by evt.failed = true
           0 come through json.value[/a] = 1   (0 alone, 9 kept out by it only)   its fields are always missing
no event behind this one holds it
102 2023-11-14 22:13:20.162287300 write php-fpm SUCCESS
T

check "names, rules, saving"
cat >judge.yaml <<'T'
- list: databases
  items: [5432, 3306]
- macro: refused
  condition: evt.failed = true
- rule: database gone
  desc: d
  condition: evt.type = connect and refused and not fd.sport in (databases)
  output: "%evt.num"
  priority: error
T
cat >b <<'T'
rules judge.yaml
filter evt.type = connect and refused
name lost
clear
filter lost and proc.name = php-fpm
names
save lost.scap
info
quit
nonsense
T
fed 0 "$MEWS" shell shop.scap <b
out <<'T'
         5  Error          database gone
5 of 160
5 of 160
refused               macro  evt.failed = true
lost                  saved  evt.type = connect and refused
databases             list   5432, 3306
5 events are in lost.scap
capture shop.scap: ended, 160 events
T
[ "$("$MEWS" count lost.scap)" = 5 ] || fail "the saved capture has not 5 events"
echo names | "$MEWS" shell shop.scap >names || fail "names alone"
grep -q '^lost ' names || fail "what is saved is not there the next time"

check "what is wrong"
fed 1 "$MEWS" shell shop.scap <<'T'
filter evt.type ~ open
nonsense
rows many
event
count nothing.here
help nothing
filter proc.name = nginx
T
err_has "the filter is wrong: line 1, column 10"
err_has "there is no command nonsense"
err_has "how many: 1 to 400"
err_has "no event yet"
err_has "no field is named nothing.here"
err_has "there is no command nothing"
out_has " of 160"
fed 2 "$MEWS" shell - <shop.scap
err_has "can't be an input as well"

check "a plugin's source, live"
fed 0 "$MEWS" shell -H "$PLUGINS/stunt.so" -I stunt:count=20 --utc <<'T'
wait 20
filter stunt.n > 18
rows
plugins
T
out_has "2 of 20"
grep -q '^19 ' out && grep -q '^20 ' out || fail "events 19 and 20 are not shown"
out_has "stunt "
check "what calls took, async events, the log"
fed 0 "$MEWS" shell -H "$PLUGINS/stunt.so" -I stunt:count=20 --utc <<'T'
wait 20
calls
calls nobody
async
log 50
pause
pause
T
out_has "plugin_next_batch"
out_has "no async events"
out_has "paused"
out_has "goes on"
fed 0 "$MEWS" shell -H "$PLUGINS/witness.so" -I nodriver --utc <<'T'
wait 1
tables
T
out_has "threads"

check "events that a filter must match, tests and rules made of it"
cat >alerts.json <<'T'
{"rule":"x","priority":"Error","output":"o","time":"2023-11-14T22:13:20.162277100Z"}
{"rule":"y","priority":"Error","output":"o","time":"2023-11-14T22:13:21.162277100Z"}
T
fed 0 "$MEWS" shell shop.scap --utc <<'T'
must 98 118
mustnot 102
filter evt.type=connect and evt.failed=true
columns evt.type proc.name
test made.yaml
rule rule.yaml database gone
filter evt.type=connect and evt.num < 100
mark 98 102
mark 98
marked
mark 102
alerts alerts.json
T
out <<'T'
5 of 160
2 caught, 0 missed, 0 false
evt.type proc.name
the test is in made.yaml
the rule is in rule.yaml
5 of 160
1 caught, 1 missed, 0 false
marked: 98 102
marked: 102
1 of 160
0 caught, 2 missed, 1 false
marked: none
#98         x
no event   y
1 of 2 are tied to events
T
same made.yaml <<'T'
- filter: "evt.type=connect and evt.failed=true"
  input: "shop.scap"
  must: [98, 118]
  must_not: [102]
T
same rule.yaml <<'T'
- rule: "database gone"
  desc: "database gone"
  condition: "evt.type=connect and evt.failed=true"
  output: "%evt.type %proc.name"
  priority: NOTICE
  source: syscall
  tags: []
T
run 0 "$MEWS" rules shop.scap --expect made.yaml
run 0 "$MEWS" rules shop.scap --rules rule.yaml
lines 5
fed 1 "$MEWS" shell shop.scap <<'T'
must 9999
must x
marked
test made.yaml
rule rule.yaml
alerts
alerts nowhere.json
T
err_has "there is no event 9999"
err_has "“x” is no number of an event"
err_has "no event is marked"
err_has "no filter is in force"
err_has "a file of Falco's alerts is needed"
err_has "nowhere.json"

check "the process of an event, conversations, tables at an event"
fed 0 "$MEWS" shell shop.scap --utc <<'T'
process 98
conversation 102
conversation process
T
head -n 11 out >start
same start <<'T'
USER      PID  PPID  STARTED  FOLDER  CONTAINER     COMMAND
www-data  400   380  -        /       3ad7b26ded6d  php-fpm -F
root      380     1  -        /       -             containerd-shim
root        1     0  -        /       -             systemd
FD  TYPE  PROTO  ROLE    NAME
 5  ipv4  tcp    server  10.0.0.5:50004->10.0.0.5:80
 8  ipv4  -      -       -
descriptor 8 of php-fpm (400): /var/log/php.log
#101 22:13:20.162283900 -- open
#102 22:13:20.162287300 -> write 32 B
    cart: database is not reachable
T
out_has "process 400 (php-fpm)"
out_has "#8 22:13:20.000022100 <- read 24 B"
fed 1 "$MEWS" shell shop.scap <<'T'
tables
tables threads 98
tables nothing
tables threads x
late pod
late node
conversation 98 or so
T
out_has "php-fpm"
err_has "no table has this name"
err_has "“x” is no number of an event"

check "a plugin that comes late has parsed what has passed"
"$BUILD/tests/capture/mkcapture" two.scap 300
gzip -c shop.scap >shop.gz
printf 'wait 20\ntables witnessed\ntables threads\n' >at-first
for config in tables own-only; do
    { echo "wait 20"; echo "load $PLUGINS/witness.so $config"; cat at-first; } >late
    for capture in shop.scap shop.gz "two.scap shop.scap"; do
        # shellcheck disable=SC2086
        fed 0 "$MEWS" shell -H "$PLUGINS/witness.so:$config" $capture --utc <at-first
        mv out want
        [ "$(wc -l <want)" -gt 18 ] || fail "$capture: $config: too little was witnessed"
        # shellcheck disable=SC2086
        fed 0 "$MEWS" shell $capture --utc <late
        cmp -s want out || fail "$capture: $config: $(diff want out | head -n 4)"
    done
done
printf 'wait 20\nload %s own-only\ntables witnessed\n' "$PLUGINS/witness_second.so" >late
fed 0 "$MEWS" shell -H "$PLUGINS/witness.so:light" -H "$PLUGINS/stunt.so" -I stunt:count=50 <late
out <<'T'
n  text
1  from 50
10  from 40
10  from 30
10  from 20
10  from 10
9  from 0
T

check "help lists every command, and each has words of its own"
echo help | "$MEWS" shell shop.scap >help || fail "help"
[ "$(awk '{print $1}' help | sort | uniq -d)" = "" ] || fail "two commands have one name"
[ "$(wc -l <help)" -gt 20 ] || fail "help is short"
check "filters that follow from others, columns under names, values, halves, the engine anew"
fed 0 "$MEWS" shell shop.scap --utc --rules "$DIR/rule.yaml" <<'T'
filter evt.type = connect
filter evt.type in (connect, close)
gained
filter evt.type = connect
lost
clear
firing DATABASE GONE
clear
mark 98
go 118
between
columns evt.type proc.name
layout save mine
columns evt.num
layout mine
layout
filter evt.type = connect
values proc.name
halves
halves
reload
rows 1
T
out <<'T'
         5  Notice         database gone
9 of 160
51 of 160
42 of 160
9 of 160
42 of 160
5 of 160
marked: 98
118 2023-11-14 22:13:20.202334900 php-fpm 400 connect ECONNREFUSED res=-111(ECONNREFUSED) tuple=172.17.0.2:41005->10.0.0.9:5433 fd=8(<4>) addr=10.0.0.9:5433
18 of 160
evt.type proc.name
the columns are saved as “mine”
evt.num
evt.type proc.name
mine (syscall): evt.type proc.name
9 of 160
9 of 9 events looked at have a value; 1 differ
         9  php-fpm
18 of 314
calls as the file has them: enter and exit, with sysdig's numbers
9 of 160
one row for a call
9 of 160
12 2023-11-14 22:13:20.000032300 connect php-fpm
T
fed 1 "$MEWS" shell shop.scap <<'T'
gained
lost
between
layout nosuch
layout save
values
values no.field
firing nosuch
configure
configure nosuch x
reload loudly
reload without
T
err_has "there is no filter before this one"
err_has "no event is marked"
err_has "no columns are saved as nosuch"
err_has "layout save NAME"
err_has "values of which field?"
err_has "no field is named no.field"
err_has "no rule is named nosuch"
err_has "configure PLUGIN CONFIGURATION"
err_has "no plugin is known to have died"
fed 1 "$MEWS" shell -H "$PLUGINS/stunt.so" <<'T'
open stunt:count=5
wait
close
halves
configure stunt {"a":1}
T
out_has "ended"
err_has "only captures of system calls have such events"
finish

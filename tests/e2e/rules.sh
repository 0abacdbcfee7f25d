#!/bin/sh
# Falco's rules: files with appends, overrides and exceptions; what fires, in text and JSON; what is refused, and where.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
"$BUILD/tests/capture/mkcapture" web.scap 20
"$BUILD/tests/capture/mkcapture" shop.scap story

cat >base.yaml <<'T'
# two documents, a comment, an anchor
- required_engine_version: 0.50.0
- list: shells
  items: [sh, bash, zsh]
- list: login_programs
  items: [sshd, login, shells]
- macro: exec_ok
  condition: (evt.type in (execve, execveat) and evt.rawres >= 0)
---
- macro: writes_config
  condition: evt.is_open_write = true and fd.name startswith /etc/
- rule: shell from a web server
  desc: a shell whose ancestors include a web server
  condition: exec_ok and proc.name in (shells) and proc.aname in (nginx, httpd)
  output: shell below web server | cmd=%proc.cmdline parent=%proc.pname user=%user.name
  priority: WARNING
  tags: &tags [shell, net]
  exceptions:
    - name: health_script
      fields: [proc.pname, proc.cmdline]
      comps: [=, startswith]
      values:
        - [cron, "sh /opt/check"]
    - name: quiet_users
      fields: user.name
      values: [backup, "build bot"]
- rule: config touched
  desc: something below /etc was opened for writing
  condition: writes_config and not proc.name in (login_programs)
  output: "%proc.name wrote %fd.name (%evt.arg.flags)"
  priority: notice
  enabled: false
  warn_evttypes: false
  tags: *tags
T
cat >site.yaml <<'T'
- list: shells
  items: [fish]
  override: {items: append}
- macro: writes_config
  condition: or fd.name startswith /srv/
  override: {condition: append}
- rule: config touched
  enabled: true
  priority: ERROR
  tags: [files]
  override: {enabled: replace, priority: replace, tags: append}
- rule: shell from a web server
  exceptions:
    - name: health_script
      values:
        - [systemd, "sh /usr/lib/probe"]
  override: {exceptions: append}
T

check "lists, macros, appends, overrides and exceptions become one condition"
run 0 "$MEWS" rules --rules base.yaml --rules site.yaml --list -j
quiet
out_has '"condition":"(exec_ok and proc.name in (sh, bash, zsh, fish) and proc.aname in (nginx, httpd)) and not ((proc.pname = cron and proc.cmdline startswith \"sh /opt/check\") or (proc.pname = systemd and proc.cmdline startswith \"sh /usr/lib/probe\")) and not (user.name in (backup, \"build bot\"))"'
out_has '"name":"config touched","priority":"Error","source":"syscall","enabled":true,"tags":["shell","net","files"]'
out_has '"condition":"writes_config and not proc.name in (sshd, login, sh, bash, zsh)"'
cat >captured.yaml <<'END'
- rule: kept
  desc: one with a capture
  condition: evt.type = open
  output: opened
  priority: NOTICE
  capture: true
  capture_duration: 1500
END
run 0 "$MEWS" rules --rules captured.yaml --list
out_has "kept  (Falco writes a capture of 1500 ms)"
sed -i 's/1500/1.5s/' captured.yaml
run 1 "$MEWS" rules --rules captured.yaml --check
err_has "captured.yaml:7: error: rule kept: capture_duration: a number of milliseconds is needed"
run 0 "$MEWS" rules --rules base.yaml --list
out <<'T'
Warning        syscall       shell from a web server  [shell, net]
Notice         syscall       config touched  (not enabled)  [shell, net]
T
run 0 "$MEWS" rules --rules base.yaml --rules site.yaml --check
out <<'T'
DIR/base.yaml:31: schema validation failed: config touched: priority must be one of EMERGENCY, ALERT, CRITICAL, ERROR, WARNING, NOTICE, INFORMATIONAL, INFO, DEBUG
DIR/site.yaml: schema validation passed
2 rules can be used
T

check "the schema, a note that changes nothing: types, words, capitals, what is inside"
schema() {
    cat >schema.yaml
    run "$1" "$MEWS" rules --rules schema.yaml --check
    grep -qxF "DIR/schema.yaml:$2" out || fail "another verdict" "$(cat out err)"
}
schema 0 "2: schema validation failed: l: items must be a sequence of texts" <<'T'
- list: l
  items: [[a], b]
T
schema 0 " schema validation passed" <<'T'
- macro: m
  condition: evt.num > 0
- rule: r
  desc: d
  condition: m
  output: o
  priority: INFO
  tags: [a]
  capture: true
  capture_duration: 5
  exceptions: [{name: n, fields: [evt.num], comps: [=], values: [[1]]}]
- required_plugin_versions: []
T
schema 1 "7: schema validation failed: r: tags must be a sequence of texts" <<'T'
- rule: r
  desc: d
  condition: evt.num > 0
  output: o
  priority: NOTICE
  enabled: no
  tags: a
  warn_evttypes: maybe
T
schema 1 " schema validation failed: a document must be a sequence of items" <<'T'
rule: r
T
schema 1 " schema validation failed: it is no YAML" <<'T'
- rule: [
T
run 1 "$MEWS" rules --rules schema.yaml --check --json
out_has '"schemas":[{"file":"DIR/schema.yaml","passed":false,"line":0,"text":"it is no YAML"}]'

check "what fires, as Falco prints it"
run 0 "$MEWS" rules --rules base.yaml web.scap --utc
out <<'T'
22:13:20.006168300: Warning shell below web server | cmd=sh -c cat /etc/shadow parent=nginx user=www-data
22:13:20.016413100: Warning shell below web server | cmd=sh -c cat /etc/shadow parent=nginx user=www-data
T
run 0 "$MEWS" rules --rules base.yaml web.scap --utc -j -n 1
out <<'T'
{"hostname":"web-1","output":"22:13:20.006168300: Warning shell below web server | cmd=sh -c cat /etc/shadow parent=nginx user=www-data","output_fields":{"evt.time":1700000000006168300,"proc.cmdline":"sh -c cat /etc/shadow","proc.pname":"nginx","user.name":"www-data"},"priority":"Warning","rule":"shell from a web server","source":"syscall","tags":["shell","net"],"time":"2023-11-14T22:13:20.006168300Z"}
T
run 0 "$MEWS" rules --rules base.yaml --rules site.yaml shop.scap --utc
out_has "22:13:20.160236300: Error sed wrote /srv/shop/db.conf (O_WRONLY)"
run 0 "$MEWS" rules --rules base.yaml web.scap 'evt.num < 100'
lines 1

check "the first rule that matches, or all; macros see what is above them"
cat >two.yaml <<'T'
- macro: is_open
  condition: (evt.type = open)
- macro: later
  condition: (evt.num < 0)
- rule: one
  desc: d
  condition: is_open and evt.failed = true
  output: one %evt.num
  priority: INFO
- rule: two
  desc: d
  condition: evt.type = open and evt.failed = true and fd.name contains shadow
  output: two %evt.num %proc.name
  priority: 2
T
run 0 "$MEWS" rules --rules two.yaml web.scap --utc
grep -q "two " out && fail "a second rule fires"
run 0 "$MEWS" rules --rules two.yaml --all web.scap --utc
out_has "Critical two"
out_has "Informational one"
err_has "macro later: no rule uses it"
run 0 "$MEWS" rules --rules two.yaml --priority critical web.scap --utc
out_has "Critical two"
grep -q "one " out && fail "a rule below the priority fires"
run 2 "$MEWS" rules --rules two.yaml --priority loud web.scap
err_has "--priority loud: emergency, alert,"

check "what is wrong is told with file and line, and nothing runs"
bad() { # WORDS: the rest is a file on standard input
    cat >bad.yaml
    run 1 "$MEWS" rules --rules bad.yaml web.scap
    err_has "$1"
    [ ! -s out ] || fail "something runs: $1"
}
bad "bad.yaml:3: error: rule r: its condition at line 1, column 1: no field is named proc.nam: did you mean proc.name?" <<'T'
- rule: r
  desc: d
  condition: proc.nam = x
  output: o
  priority: info
T
bad "no macro is named nowhere" <<'T'
- rule: r
  desc: d
  condition: evt.type = open and nowhere
  output: o
  priority: info
T
bad "in the macro m: the macro n is this one, or comes behind it" <<'T'
- macro: m
  condition: evt.type = open and n
- macro: n
  condition: evt.failed = true
- rule: r
  desc: d
  condition: m
  output: o
  priority: info
T
bad "in the macro m: " <<'T'
- macro: m
  condition: evt.type = open and (proc.name
- rule: r
  desc: d
  condition: m
  output: o
  priority: info
T
bad "bad.yaml:1: error: rule r: output: it is missing" <<'T'
- rule: r
  desc: d
  condition: evt.type = open
  priority: info
T
bad "its output at line 1, column 3: no field is named evt.nothing" <<'T'
- rule: r
  desc: d
  condition: evt.type = open
  output: "%evt.nothing"
  priority: info
T
bad "bad.yaml:5: error: rule r: priority: emergency, alert" <<'T'
- rule: r
  desc: d
  condition: evt.type = open
  output: o
  priority: loud
T
bad "LOAD_ERR_YAML_PARSE" <<'T'
- rule: r
  desc: [d
T
bad "a sequence of items is needed" <<'T'
rule: r
T
bad "rules engine 9.0.0 is required; this is 0.63.0" <<'T'
- required_engine_version: 9.0.0
T
bad "plugin k8saudit 0.7.0 is required, and not loaded" <<'T'
- required_plugin_versions: [{name: k8saudit, version: 0.7.0}]
T
bad "there is no earlier list of this name to append to" <<'T'
- list: l
  items: [a]
  override: {items: append}
T
bad "it is there, but not named in override" <<'T'
- rule: r
  desc: d
  condition: evt.type = open
  output: o
  priority: info
- rule: r
  desc: e
  enabled: false
  override: {desc: replace}
T
bad "as many comps as fields are needed" <<'T'
- rule: r
  desc: d
  condition: evt.type = open
  output: o
  priority: info
  exceptions: [{name: e, fields: [proc.name, fd.name], comps: [=]}]
T
bad "in the macro a: the macro a is this one, or comes behind it" <<'T'
- macro: a
  condition: evt.type = open
- rule: r
  desc: d
  condition: a
  output: o
  priority: info
- macro: a
  condition: or a
  override: {condition: append}
T

check "rules that can't be used here are skipped, and said to be"
cat >skip.yaml <<'T'
- rule: elsewhere
  desc: d
  condition: ka.verb = delete
  output: o
  priority: info
  source: k8s_audit
- rule: unknown
  desc: d
  condition: strange.field = 1
  output: o
  priority: info
  skip-if-unknown-filter: true
- list: unused
  items: [a]
- thing: x
T
run 0 "$MEWS" rules --rules skip.yaml web.scap
err_has "no plugin that is loaded has the event source k8s_audit"
err_has "LOAD_UNKNOWN_FILTER"
err_has "list unused: nothing uses it"
err_has "LOAD_UNKNOWN_ITEM"

check "rules of a plugin's source"
cat >plugin.yaml <<'T'
- required_plugin_versions: [{name: stunt, version: 1.0.0}]
- rule: even
  desc: d
  condition: stunt.even = true and evt.num > 8
  output: even %evt.num
  priority: debug
  source: stunt
T
run 0 "$MEWS" rules -H "$PLUGINS/stunt.so" -I stunt:count=10 --rules plugin.yaml --utc
out <<'T'
00:00:10.000000000: Debug even 10
T
run 2 "$MEWS" rules web.scap
err_has "needs rules"

check "what rules must match, and must not"
cat >judge.yaml <<'T'
- macro: refused
  condition: evt.failed = true
- list: databases
  items: [5432, 3306]
- rule: database gone
  desc: d
  condition: evt.type = connect and refused
  output: "%evt.num %proc.name"
  priority: error
T
cat >expect.yaml <<'T'
- rule: database gone
  input: somewhere/shop.scap
  must: [98, 118]
  must_not: [12]
- filter: evt.type = connect and fd.sport in (databases) and not refused
  must: [12]
- rule: database gone
  input: other.scap
  must: [1]
T
run 0 "$MEWS" rules shop.scap --rules judge.yaml --expect expect.yaml
out <<'T'
ok    database gone: 2 caught, 0 missed, 0 false
ok    evt.type = connect and fd.sport in (databases) and not refused: 1 caught, 0 missed, 0 false
T
err_has "1 entries are about other inputs"
cat >wrong.yaml <<'T'
- rule: database gone
  must: [12, 98, 999999]
  must_not: [118]
- rule: no such rule
  must: [1]
- filter: nothing.here = 1
  must: [1]
T
run 1 "$MEWS" rules shop.scap --rules judge.yaml --expect wrong.yaml
out <<'T'
FAIL  database gone: 1 caught, 1 missed, 1 false
    must match: 12
    must not match: 118
    there is no event: 999999
FAIL  no such rule: 0 caught, 0 missed, 0 false
    there is no rule of this name
FAIL  nothing.here = 1: 0 caught, 0 missed, 0 false
    line 1, column 1: no field is named nothing.here
T
for bad in '- must: [1]' '- {rule: a, filter: b}' '- {rule: a, must: [x]}' '- {rule: a, mast: [1]}' 'a: b'; do
    echo "$bad" >bad.yaml
    run 3 "$MEWS" rules shop.scap --rules judge.yaml --expect bad.yaml
done

check "Falco's alerts and their events"
"$MEWS" rules shop.scap --rules judge.yaml -j >alerts.json
echo 'no alert' >>alerts.json
sed -n 1p alerts.json | sed 's/"evt.num":98,//; s/T22:13:20.162277100/T22:13:21.000000000/' >>alerts.json
run 1 "$MEWS" rules shop.scap --rules judge.yaml --alerts alerts.json --utc
out_has "event 98  22:13:20.162277100: Error 98 php-fpm"
out_has "event 118  22:13:20.202334900: Error 118 php-fpm"
out_has "no event  22:13:20.162277100: Error 98 php-fpm"
err_has "1 lines are no alerts"
sed 's/and refused$/and not refused/' judge.yaml >other.yaml
run 1 "$MEWS" rules shop.scap --rules other.yaml --alerts alerts.json
out_has "here its rule does not fire"
run 1 "$MEWS" rules shop.scap --alerts nowhere.json
check "what a configuration of Falco's says of rules"
cat >opens.yaml <<'T'
- rule: connects
  desc: d
  condition: evt.type = connect
  output: "connects %evt.num"
  priority: ERROR
  enabled: false
  tags: [net]
- rule: quiet
  desc: d
  condition: evt.type = connect
  output: "quiet %evt.num"
  priority: NOTICE
T
cat >falco.yaml <<'T'
rules_files: [judge.yaml, opens.yaml, nowhere.yaml]
priority: error
rule_matching: all
rules:
  - disable: {rule: "data*gone"}
  - enable: {tag: net}
  - disable: {rule: "nothing*"}
T
run 0 "$MEWS" rules -c falco.yaml shop.scap --utc
lines 9
out_has "22:13:20.000032300: Error connects 12"
err_has "no rule is named nothing*"
sed -i 's/data.gone/*gone/' falco.yaml
run 0 "$MEWS" rules -c falco.yaml --priority notice shop.scap --utc
lines 18
out_has "Notice quiet 12"
run 0 "$MEWS" rules -c falco.yaml --list
out_has "database gone  (not enabled)"

check "what is legal and can't be meant"
cat >lint.yaml <<'T'
- rule: of any type
  desc: d
  condition: proc.name = nginx
  output: o
  priority: info
- rule: said to be meant
  desc: d
  condition: proc.name = nginx
  output: o
  priority: info
  warn_evttypes: false
- rule: few types in fact
  desc: d
  condition: fs.path.name = /etc/passwd
  output: o
  priority: info
- rule: not there
  desc: d
  condition: evt.type = open and jevt.value[/a] != <NA>
  output: o
  priority: info
T
run 0 "$MEWS" rules --rules lint.yaml --check
err_has "lint.yaml:3: warning: rule of any type: it is asked of"
err_has "rule few types in fact: it is asked of" # as Falco sees it
err_has "LOAD_UNSAFE_NA_CHECK"
grep -q "said to be meant" err && fail "a silenced warning"
finish

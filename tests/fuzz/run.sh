#!/bin/sh
# The fuzz harnesses on a few thousand changed inputs; FUZZ_COUNT sets how many of each (check-long: 200,000).
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
n=${FUZZ_COUNT:-1000}
fuzz() {
    timeout 600 "$BUILD/tests/fuzz/fuzz" "$@" >out 2>err || fail "$1: exit code $?" "$(head -n 30 err)"
}
check "captures"
"$BUILD/tests/capture/mkcapture" a.scap 12
fuzz capture -n "$n" a.scap
"$BUILD/tests/capture/mkcapture" story.scap story
fuzz capture -n "$((n / 4))" story.scap
for f in curl_google falco_cat_write single_ipv6_conn falco_psp_privileged; do
    real=${MEWS_TEST_DATA:-/nonexistent}/captures/$f.scap
    [ ! -f "$real" ] || gzip -dc "$real" | head -c 60000 >real.scap
    [ ! -f real.scap ] || fuzz capture -n "$((n / 4))" real.scap
done
check "filters"
i=0
while IFS=$(printf '\t') read -r _ _ text _; do
    i=$((i + 1))
    printf '%s' "$text" >"filter-$i"
done <"$SRC/tests/data/filter-cases.tsv"
fuzz filter -n "$((n / 10))" filter-*
check "formats"
i=0
for format in '*%evt.num %evt.outputtime %proc.name (%thread.tid) %evt.dir %evt.type %evt.info' '%fd.cip:%fd.sport %proc.aname[2] 50%% %evt.rawtime.ns' \
    '%proc.cmdline.repeat %toupper(proc.name) %evt.arg.data %evt.arg[1] %20proc.name|%7fd.name' '%user.uid %fd.net %evt.latency.human %proc.args %fd.types[3]'; do
    i=$((i + 1))
    printf '%s\nsome bytes \033[1m\377\0and more' "$format" >"format-$i"
done
fuzz format -n "$((n * 5))" format-*
check "rules"
cat >rules.yaml <<'T'
- required_engine_version: 0.50.0
- list: l
  items: [a, "b c", l]
- macro: m
  condition: (evt.type in (l, open) and evt.rawres >= 0)
- rule: &r "r 1"
  desc: d
  condition: m and proc.aname in (nginx, l)
  output: o %proc.name
  priority: WARNING
  tags: [a]
  exceptions: [{name: e, fields: [proc.name, fd.name], comps: [=, in], values: [[a, [b, c]]]}, {name: f, fields: fd.name, values: [x]}]
---
- rule: *r
  condition: or evt.num = 1
  override: {condition: append}
T
fuzz rules -n "$((n * 2))" rules.yaml
check "JSON"
printf '{"a":[1,-2.5e3,"x\\u00e9\\n",null,true],"b":{"c/d~e":{}},"":[]}' >a.json
fuzz json -n "$((n * 10))" a.json
finish

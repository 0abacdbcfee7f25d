#!/bin/sh
# Captures of system calls: the rows and values of current libraries and of sysdig 0.29.3, pipes, compression, damage.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
captures=${MEWS_TEST_DATA:-/nonexistent}/captures
[ -d "$captures/expected" ] || skip "there are no captures"
tab=$(printf '\t')

# The capture of an expected file; some are generated ones.
capture_of() {
    for f in "$captures/$1.scap" "$captures/synthetic/$1.scap"; do
        [ ! -f "$f" ] || echo "$f"
    done
}

# "a TAB b" as the format "*%a TAB %b"
format_of() {
    printf '*%%'
    head -n 1 "$1" | sed "s/$tab/$tab%/g" | tr -d '\n'
}

check "every folded row and value as current libraries have them"
for expected in "$captures"/expected/*.modern.tsv; do
    name=$(basename "$expected" .modern.tsv)
    run 0 "$MEWS" print "$(capture_of "$name")" -p "$(format_of "$expected")"
    tail -n +2 "$expected" >want
    cmp -s want out || fail "$name: $(diff want out | head -n 4 | cut -c1-300)"
done

check "raw events with the numbers, times, processors, threads, directions and types of sysdig 0.29.3"
for expected in "$captures"/expected/*.sysdig-0.29.3.tsv; do
    name=$(basename "$expected" .sysdig-0.29.3.tsv)
    run 0 "$MEWS" print --raw-events "$(capture_of "$name")" -p "*%evt.num$tab%evt.rawtime$tab%evt.cpu$tab%thread.tid$tab%evt.dir$tab%evt.type"
    # two names are newer than 0.29.3; the types that it does not know have rows here
    grep "^[0-9]*${tab}[0-9]*$tab" "$expected" | cut -f 1-6 | sed 's/<unknown>$/unknown/' | grep -v "${tab}-1$tab>${tab}container$" >want
    sed 's/rt_sigreturn$/sigreturn/; s/fadvise64$/unknown/' out | grep -v "${tab}-1$tab>${tab}container$\|useradded$" >got
    mv got out
    cmp -s want out || fail "$name: $(diff want out | head -n 4)"
done

check "the same through a pipe, decompressed, and with its fields in the filter"
f=$captures/curl_google.scap
"$MEWS" print "$f" -p '*%evt.num %fd.name' >want
for how in "cat '$f' | '$MEWS' print - -p '*%evt.num %fd.name'" "'$MEWS' print - -p '*%evt.num %fd.name' <'$f'" \
    "gzip -dc '$f' | '$MEWS' print - -p '*%evt.num %fd.name'"; do
    run 0 sh -c "$how"
    cmp -s want out || fail "$how differs"
done
run 0 "$MEWS" print "$f" -n 3 'proc.name = curl and evt.type = open and fd.name contains "/etc/"'
lines 3
out_has "/etc/ld.so.cache"
run 0 "$MEWS" top evt.type "$f" --csv
out_has ",mmap"
run 0 "$MEWS" print "$f" -n 1 -j -p '%evt.num %proc.name %evt.arg.exe'
out_has '"evt.arg.exe":"curl"'

check "values that are asked one by one are those of a whole pass"
run 0 "$MEWS" print "$f" 'evt.num = 939' -p '*%evt.num %proc.name %fd.name %evt.args'
cp out one
run 0 "$MEWS" print "$f" -p '*%evt.num %proc.name %fd.name %evt.args'
grep -qxF "$(cat one)" out || [ ! -s one ] || fail "one event alone differs"

check "damage is named with its place, and the rest is read"
gzip -dc "$f" >plain.scap
head -c 100000 plain.scap >cut.scap
run 0 "$MEWS" print cut.scap -p '%evt.num'
err_has "cut at offset"
cp plain.scap broken.scap
printf 'XXXXXXXX' | dd of=broken.scap bs=1 seek=150000 conv=notrunc 2>/dev/null
run 0 "$MEWS" print broken.scap -p '%evt.num'
err_has "damaged at offset"
[ "$(tail -n 1 out)" -gt 880 ] || fail "what is behind the damage is lost"
printf 'not a capture' >no.scap
run 3 "$MEWS" print -r missing.scap
err_has "missing.scap"
run 2 "$MEWS" print "$f" -I logs:x
err_has "one source is opened at a time"

check "events of a plugin that is not loaded are shown, with its ID"
run 0 "$MEWS" print "$captures/synthetic/plugin-min.scap"
lines 3
out_has "plugin_id=3"
out_has '{"hello":0}'
run 0 "$MEWS" print "$captures/synthetic/plugin-concat2.scap" -p '%evt.num'
[ "$(tail -n 1 out)" = 6 ] || fail "two captures in one are numbered in one sequence"

check "what a capture is made of"
run 0 "$MEWS" info --utc "$captures/single_ipv6_conn.scap"
out_has "sha256       e66b455ff012442c03140e7c8c11984bd5683fcb2863b0bd0051d178ebaff10c"
out_has "1,728  syscall"
out_has "processes v9"
out_has "damage       none"
run 0 "$MEWS" info -j broken.scap
out_has '"damage": ['
out_has 'damaged at offset'
run 0 "$MEWS" count "$f" evt.type = open
out <<'T'
48
T

check "a part of a capture stands by itself: the same values in the same order"
for pair in "curl_google|fd.name contains /etc/" "falco_psp_run_as_user_0_container|proc.name = ls" "single_ipv6_conn|evt.type in (read, write)"; do
    name=${pair%%|*} filter=${pair#*|} format='*%evt.rawtime %evt.type %proc.name %proc.cmdline %proc.cwd %fd.num %fd.name %user.name %evt.args'
    run 0 "$MEWS" record -z -w part.scap -r "$captures/$name.scap" "$filter"
    run 0 "$MEWS" print "$captures/$name.scap" -p "$format" "$filter"
    cp out want
    run 0 "$MEWS" print part.scap -p "$format"
    cmp -s want out || fail "$name, $filter: $(diff want out | head -n 4 | cut -c1-200)"
    [ -s want ] || fail "$name, $filter: nothing was selected"
done
run 0 "$MEWS" record -w whole.scap -r "$f"
if command -v sysdig >/dev/null 2>&1; then
    check "what mews writes, sysdig counts alike"
    [ "$(sysdig -r whole.scap 2>/dev/null | wc -l)" = "$(sysdig -r "$f" 2>/dev/null | wc -l)" ] ||
        fail "sysdig reads another number of events"
fi

check "files of a rotated set are one stream, in the order of their first events"
"$BUILD/tests/capture/mkcapture" late.scap 20
run 0 "$MEWS" count late.scap "$f"
out <<'T'
768
T
run 0 "$MEWS" print late.scap "$f" -n 1 -p '%proc.name'
out <<'T'
curl
T

check "captures that overlap are one stream in the order of time, each with its own state"
name=falco_psp_run_as_user_0_container format='*%evt.rawtime %evt.cpu %evt.type %proc.name %proc.cmdline %fd.name %evt.args'
for cpu in 0 1; do
    run 0 "$MEWS" record -w "cpu$cpu.scap" -r "$captures/$name.scap" "evt.cpu = $cpu and not evt.type = container"
done
run 0 "$MEWS" print "$captures/$name.scap" -p "$format" "evt.cpu in (0, 1) and not evt.type = container"
cp out want
[ "$(wc -l <want)" -gt 800 ] || fail "too little was selected"
run 0 "$MEWS" print cpu1.scap cpu0.scap -p "$format"
# of two events in the same nanosecond either may be the first
sort out >out.sorted && sort want | cmp -s out.sorted - || fail "other values: $(diff want out | head -n 4 | cut -c1-200)"
run 0 "$MEWS" print cpu1.scap cpu0.scap -p "%evt.rawtime"
sort -n -c out 2>/dev/null || fail "not in the order of time"

check "a capture that grows is followed"
"$BUILD/tests/capture/mkcapture" whole.scap 40
head -c 9000 whole.scap >growing.scap
(sleep 1; tail -c +9001 whole.scap >>growing.scap) &
run 0 "$MEWS" print -f growing.scap -n 200 -p '%evt.num'
lines 200
wait

check "events of an unknown type are rows with their parameters, and no number of their own"
"$BUILD/tests/capture/mkcapture" future.scap 1 future
run 0 "$MEWS" print future.scap -p '*%evt.num %evt.type %evt.args'
tail -n 2 out >last
grep -q '^8 <NA> 0=from the future. 1=' last || fail "the unknown one is: $(head -n 1 last)"
grep -q '^9 close' last || fail "the next one is: $(tail -n 1 last)"
finish

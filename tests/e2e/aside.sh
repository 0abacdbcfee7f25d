#!/bin/sh
# Lines that threads of their own make, while the state moves on, are those that one thread makes event by event.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
cpu=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status)
[ "$(nproc)" -ge 2 ] && taskset -c "$cpu" true || skip "there is one processor, or no taskset"

# alike COMMAND OPTION…: its output with one processor and with all; some of it
alike() {
    check "$*"
    run 0 taskset -c "$cpu" "$MEWS" "$@"
    mv out one
    run 0 "$MEWS" "$@"
    [ -s one ] || fail "there is nothing"
    cmp -s one out || fail "lines differ" "$(diff one out | head -n 6)"
}
# more state than is kept of the past
"$BUILD"/tests/capture/mkcapture many.scap 20000
"$BUILD"/tests/capture/mkcapture story.scap story
"$BUILD"/tests/capture/mkcapture crowd.scap crowd
cat story.scap crowd.scap story.scap >sections.scap
gzip -dc "$BUILD"/plugins/tour.scap.gz >tour.scap
SECONDS_MAX=200 # with a sanitizer, each event counts thousands of descriptors
format='*%evt.num|%evt.deltatime|%proc.cmdline|%proc.aname[2]|%proc.nthreads|%fd.name|%fd.types|%user.name|%evt.args|%proc.cwd|%evt.latency|%proc.fdopencount'

for capture in many.scap sections.scap; do
    alike print "$capture"
    alike print "$capture" -p "$format"
    alike print "$capture" 'evt.type != close and evt.res = SUCCESS' -p "$format"
    alike top proc.name,fd.name "$capture"
done
alike print -j story.scap
alike print --raw-events crowd.scap
alike print -x many.scap 'evt.is_io_read = true'
alike print story.scap tour.scap crowd.scap
alike print story.scap tour.scap crowd.scap -p "*%evt.num %evt.plugininfo %proc.name %evt.type"
alike print tour.scap

check "nobody reads on"
timeout 30 "$MEWS" print many.scap 2>err | head -n 3 >out
lines 3
[ "$(wc -l <one)" -gt 10 ] && quiet
finish

#!/bin/sh
# What a filter chooses is the same however much was passed over to find it: beside all events, from which awk chooses.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
format='%evt.num|%evt.type|%proc.name|%thread.tid|%fd.num|%fd.name|%proc.pname|%user.name|%evt.latency|%evt.args'
compared=0
SECONDS_MAX=200 # with a sanitizer

# all CAPTURE: every event, one by one
all() {
    run 0 "$MEWS" print "$1" -p "$format"
    mv out every
    : >asked
    : >counted
}
# asked_of CAPTURE: the same filters, and some more, of the opened capture: each twice, the second time over what is kept
asked_of() {
    for filter in 'evt.num = 7' 'evt.num > 5 and evt.num <= 1000' 'evt.num in (3, 2, 900)' 'evt.num < 1' \
        'evt.num >= 0 and proc.aname exists' 'proc.aname in (sh, bash, systemd, runc, init)' 'thread.tid > 1000' \
        'proc.sname exists and proc.duration > 0' 'fd.name exists' 'fd.name contains e and fd.name contains o' \
        'not fd.name contains e' 'proc.cmdline contains a or fd.num = 3' 'user.name = root and fd.type = file'; do
        run 0 "$MEWS" count "$1" "$filter"
        cat out >>counted
        echo "filter $filter" >>asked
    done
    sed 's/^filter /filter evt.num >= 0 and (/; s/$/)/' asked >again
    cat asked again | fed 0 "$MEWS" shell "$1"
    cat counted counted >want
    sed 's/ of .*//; s/,//g' out >found
    cmp -s want found || fail "$1, opened: $(cat asked again | paste -d'|' - want found | awk -F'|' '$2 != $3' | head -n 4)"
}
# chosen AWK-CONDITION FILTER CAPTURE: $2 is the type, $3 the process, $6 the name of the descriptor, $7 the parent
chosen() {
    awk -F'|' "$1" every >want
    run 0 "$MEWS" print "$3" -p "$format" "$2"
    cmp -s want out || fail "$3: $2: $(diff want out | head -n 4)"
    run 0 "$MEWS" count "$3" "$2" # lines lack what has no value
    cat out >>counted
    echo "filter $2" >>asked
    [ ! -s want ] || compared=$((compared + 1))
}
filters() {
    all "$1"
    chosen '$2 == "close"' 'evt.type = close' "$1"
    chosen '$2 == "read" && $1 > 1500' 'evt.type = read and evt.num > 1500' "$1"
    chosen '$2 == "execve"' 'evt.type = execve' "$1"
    chosen '$2 == "switch" || $2 == "futex"' 'evt.type in (switch, futex)' "$1"
    for name in $(cut -d'|' -f3 every | sort | uniq -c | sort -rn | awk '$2 ~ /^[a-z0-9-]+$/ { print $2 }' | sed -n '1p;3p;9p'); do
        chosen "\$3 == \"$name\"" "proc.name = $name" "$1"
        chosen "\$7 == \"$name\"" "proc.pname = $name" "$1"
        chosen "\$3 == \"$name\" && \$2 == \"read\"" "proc.name = $name and evt.type = read" "$1"
        chosen "\$3 != \"$name\" && \$3 != \"<NA>\" && \$6 ~ /lib/" "not proc.name in ($name, '<NA>') and fd.name contains lib" "$1"
    done
    chosen '$6 ~ /etc/' 'fd.name contains etc' "$1"
    chosen '$6 !~ /etc|sock/ && $6 != "<NA>" && $6 != ""' "fd.name exists and not (fd.name contains etc or fd.name contains sock) and not fd.name in ('', '<NA>')" "$1"
    chosen '$8 == "root" && $2 == "open"' 'user.name = root and evt.type = open' "$1"
    asked_of "$1"
}

# headers CAPTURE [OPTION]: what the header tells, and what the type does
headers() {
    run 0 "$MEWS" print ${2-} "$1" -p '*%evt.num|%evt.cpu|%thread.tid|%evt.rawtime|%evt.type|%evt.dir|%evt.is_io|%evt.is_wait|%evt.category|%evt.buflen|%evt.rawres|%evt.is_open_read|%container.id|%fs.path.name|%evt.io_dir|%evt.count.exit|%syslog.message|%evt.arg.name|%proc.name'
    mv out values
    first=$(head -n 1 values | cut -d'|' -f4)
    middle=$(awk -F'|' '{ t[NR] = $4 } END { print t[int((NR + 1) / 2)] }' values)
    tid=$(cut -d'|' -f3 values | sort | uniq -c | sort -rn | awk 'NR == 2 { print $2 }')
    while IFS='@' read -r condition filter; do
        awk -F'|' "$condition { print \$1 }" values >want
        run 0 "$MEWS" print ${2-} "$1" -p '%evt.num' "$filter"
        cmp -s want out || fail "$1: ${2-} $filter: $(diff want out | head -n 4)"
        wc -l <want | tr -d ' ' >>told
        echo "filter $filter" >>tellers
        [ ! -s want ] || compared=$((compared + 1))
    done <<END
\$2 == 0@evt.cpu = 0
\$2 != 0 && \$2 != 1@not evt.cpu in (0, 1)
\$2 > 0 || \$1 < 20@evt.cpu > 0 or evt.num < 20
\$1 > 100 && \$1 <= 300@evt.num > 100 and evt.num <= 300
\$1 == 7 || \$1 == 90 || \$1 == 1234@evt.num in (7, 90, 1234)
\$1 != 7 && \$3 == "$tid"@evt.num != 7 and thread.tid = ${tid:-0}
\$3 != "$tid" && \$2 == 1@not thread.tid = ${tid:-0} and evt.cpu = 1
\$4 >= "$middle"@evt.rawtime >= ${middle:-0}
\$4 > "$first" && \$4 < "$middle" && \$5 == "read"@evt.rawtime > ${first:-0} and evt.rawtime < ${middle:-0} and evt.type = read
\$6 == ">"@evt.dir = >
\$6 == "<" && \$2 == 0 && \$19 ~ /a/@evt.dir = < and evt.cpu = 0 and proc.name contains a
\$7 == "true"@evt.is_io = true
\$8 == "true" || \$1 < 50@evt.is_wait = true or evt.num < 50
\$8 == "false" && \$2 == 0@evt.is_wait = false and evt.cpu = 0
\$9 == "file"@evt.category = file
\$9 !~ /file|net|ipc|unknown|process/@not evt.category in (file, net, ipc, unknown, process)
\$10 != "<NA>" && \$10 > 100@evt.buflen > 100
\$10 == "<NA>" && \$7 == "true"@not evt.buflen exists and evt.is_io = true
\$11 != "<NA>" && \$11 < 0@evt.rawres < 0
\$11 == "<NA>"@not evt.rawres exists
\$12 == "true"@evt.is_open_read = true
\$12 == "false" && \$1 < 900@evt.is_open_read = false and evt.num < 900
\$13 != "host" && \$13 != "<NA>"@container.id != host
\$13 == "<NA>"@not container.id exists
\$14 != "<NA>"@fs.path.name exists
\$15 == "write"@evt.io_dir = write
\$16 == "1" && \$2 == 1@evt.count.exit = 1 and evt.cpu = 1
\$17 != "<NA>"@syslog.message exists
\$18 != "<NA>" && \$2 == 0@evt.arg.name exists and evt.cpu = 0
END
}
# headers_of CAPTURE: also once it is opened
headers_of() {
    : >told
    : >tellers
    headers "$1"
    fed 0 "$MEWS" shell "$1" <tellers
    sed 's/ of .*//; s/,//g' out >found
    cmp -s told found || fail "$1, opened: $(paste -d'|' told found tellers | awk -F'|' '$1 != $2' | head -n 4)"
}

"$BUILD"/tests/capture/mkcapture made.scap 30000
"$BUILD"/tests/capture/mkcapture crowd.scap crowd
"$BUILD"/tests/capture/mkcapture shop.scap story
for capture in made.scap crowd.scap shop.scap "${MEWS_TEST_DATA:-/nonexistent}"/captures/*.scap; do
    [ -f "$capture" ] || continue
    check "$(basename "$capture")"
    filters "$capture"
    headers_of "$capture"
done
check "compressed"
gzip -c made.scap >made.gz
filters made.gz
headers_of made.gz
check "as it is in the file"
headers crowd.scap --raw-events
headers shop.scap --raw-events
check "damaged in the middle, and cut"
size=$(wc -c <made.scap)
head -c $((size / 2)) made.scap >broken.scap
head -c 5000 /dev/zero >>broken.scap
tail -c +$((size / 2 + 5001)) made.scap | head -c $((size / 4 - 7)) >>broken.scap
run 0 "$MEWS" print broken.scap -p "$format"
mv out every
for filter in 'evt.type = close' 'proc.name = cat and evt.type = close' "fd.name exists and evt.type = close"; do
    awk -F'|' -v f="$filter" '$2 == "close" && (f !~ /cat/ || $3 == "cat") && (f !~ /fd/ || $6 != "<NA>")' every >want
    run 0 "$MEWS" print broken.scap -p "$format" "$filter"
    cmp -s want out || fail "$filter: $(diff want out | head -n 4)"
    err_has damaged
    err_has cut
done
[ "$compared" -gt 20 ] || fail "only $compared filters chose something"
finish

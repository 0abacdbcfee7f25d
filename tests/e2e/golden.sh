#!/bin/sh
# Every value that mews has for the events of the real captures, beside what current libraries gave: 99.5 % of each field at the
# least. What differs by more is named in tests/capture/differences.md.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
golden=${MEWS_TEST_DATA:-/nonexistent}/captures/golden
[ -d "$golden" ] || skip "there are no golden values"
"$MEWS" fields -j >fields.json || fail "the fields can't be listed"
sed -n 's/.*"name": "\([^"]*\)".*/\1/p' fields.json | sort -u >have

for file in "$golden"/*.values.gz; do
    name=$(basename "$file" .values.gz)
    capture=$golden/../$name.scap
    [ -f "$capture" ] || continue
    check "$name"
    gzip -dc "$file" | head -n 1 | tr '\037' '\n' >names
    # fields that mews has, without those whose value depends on who asked before and the like (see the differences)
    awk 'NR == FNR { have[$0]; next }
        { base = $0; sub(/\[.*/, "", base) }
        base ~ /^evt\.arg\./ { base = "evt.arg" }
        base in have && base !~ /^(evt\.(reltime|deltatime|hostname|buffer$|type\.is)|fd\.(types|container|.ip\.name)|proc\.(ppid\.duration|exe_ino\.ctime_duration_pidns_start))/ { print FNR "\t" $0 }' have names >use
    format=$(cut -f 2 use | sed 's/^/%/' | tr '\n' '\037' | sed 's/.$//')
    run 0 "$MEWS" print --utc "$capture" -p "*%evt.num$(printf '\037')$format$(printf '\036')"
    tr '\n\036' '\035\n' <out | sed 's/^\x1d//; s/\x1d/\\n/g' >ours
    gzip -dc "$file" | awk -F '\037' -v use=use -v ours=ours -v name="$name" '
        BEGIN {
            while ((getline line < use) > 0) { split(line, p, "\t"); n++; column[n] = p[1]; field[n] = p[2] }
            while ((getline line < ours) > 0) { k = index(line, "\037"); got[substr(line, 1, k - 1)] = substr(line, k + 1) }
        }
        NR == 1 { for (i = 1; i <= NF; i++) { if ($i == "evt.num") num = i; if ($i == "evt.type") type = i } next }
        $type == "procinfo" { next }
        !($num in got) { missing++; next }
        {
            split(got[$num], v, "\037")
            for (i = 1; i <= n; i++) {
                want = $(column[i])
                if (want == "<NA>" && v[i] == "<NA>") continue
                all[i]++
                if (want != v[i]) { bad[i]++; if (!(i in first)) first[i] = "event " $num ": “" v[i] "” instead of “" want "”" }
            }
        }
        END {
            if (missing) print missing " events are missing"
            for (i = 1; i <= n; i++)
                if (bad[i] * 200 > all[i]) print field[i] ": " bad[i] " of " all[i] " differ, " first[i]
        }' >differ
    [ ! -s differ ] || fail "values differ" "$(head -n 20 differ | cut -c 1-300)"
    [ "$(wc -l <use)" -ge 197 ] || fail "only $(wc -l <use) fields are compared"
    check "filters of $name"
    # records of containers at the very beginning have a number there, but no row
    rows="evt.type != container"
    gzip -dc "$file" | awk -F '\037' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "evt.type") type = i } $type == "container" { exit 1 }' ||
        rows="evt.num > 0"
    while IFS="$(printf '\t')" read -r want filter; do
        case $filter in '' | *fd.?ip.name* | *evt.hostname* | *evt.reltime* | *evt.deltatime* | *container.id*) continue ;; esac
        got=$("$MEWS" count --internal "$capture" "$rows and ($filter)" 2>filter.err) || got=ERR
        [ "$got" = "$want" ] || fail "$filter" "$got instead of $want $(head -n 3 filter.err)"
    done <"$golden/$name.filters.tsv"
done
finish

#!/bin/sh
# Values of fields, one by one, beside those of sysdig: how many may differ, and why, stands in tests/data/beside-values.tsv.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
"$BUILD"/tests/capture/mkcapture daemon.scap daemon

check "lines for the system's log"
run 0 "$MEWS" print daemon.scap 'fd.name = /dev/log and evt.is_syslog = true' -p '*%syslog.facility %syslog.facility.str %syslog.severity %syslog.severity.str %syslog.message'
out <<'T'
1 user 5 notice Nov 14 22:13:20 shop: the database is gone
23 local7 6 info reload
0 kern 0 emerg panic
10 authpriv 6 info  sshd[7]: accepted
<NA> <NA> <NA> <NA> <NA>
<NA> <NA> <NA> <NA> <NA>
<NA> <NA> <NA> <NA> <NA>
<NA> <NA> <NA> <NA> <NA>
124 <NA> 7 debug beyond
<NA> <NA> <NA> <NA> <NA>
T
run 0 "$MEWS" count daemon.scap 'syslog.severity < 6'
out <<'T'
2
T

captures=${MEWS_TEST_DATA:-/nonexistent}/captures
if [ "$failures" -gt 0 ]; then
    finish
fi
command -v sysdig >/dev/null 2>&1 || skip "the rest: sysdig is not installed"
[ -d "$captures" ] || skip "the rest: no captures to compare on"

# compared LIST: rows of both, a value a field; LIST is of fields, apart by blanks
compared() {
    format='*%evt.num'
    for field in $1; do
        format=$format$(printf '\002')%$field
    done
    format=$format$(printf '\003')
    sysdig -r "$capture" -p "$format" 2>/dev/null | tr -d '\000' >theirs
    "$MEWS" print --raw-events "$capture" -p "$format" 2>/dev/null | tr -d '\000' >ours
    LC_ALL=C awk -v fields="$1" 'BEGIN { RS = "\003"; FS = OFS = "\002"; n = split(fields, name, " ") }
        { sub(/^\n/, "", $1); gsub(/ +$/, "") }
        FNR == NR { if (NF == n + 1 && !($1 in have)) { have[$1] = 1; for (i = 1; i <= n; i++) ours[$1, i] = $(i + 1) } next }
        NF == n + 1 && !($1 in seen) {
            seen[$1] = 1
            for (i = 1; i <= n; i++) {
                mine = ours[$1, i]; other = $(i + 1)
                sub(/ +$/, "", mine); sub(/ +$/, "", other)
                if (!($1 in have) || mine != other) differ[i]++
            }
            rows++
        }
        END { for (i = 1; i <= n; i++) print name[i] "\t" rows + 0 "\t" differ[i] + 0 }' ours theirs >>tally
}

: >tally
for capture in "$captures"/*.scap; do
    case $capture in *comments*) continue ;; esac
    for group in $(grep -v '^#' "$SRC/tests/data/beside-values.tsv" | cut -f 1 | awk '{ printf "%s%s", $1, NR % 20 ? "," : "\n" }'); do
        compared "$(echo "$group" | tr ',' ' ' | sed 's/ $//')"
    done
done
check "beside sysdig"
awk -F'\t' 'FNR == NR { if ($0 !~ /^#/) most[$1] = $2; next }
    { rows[$1] += $2; differ[$1] += $3 }
    END {
        for (f in most) {
            if (rows[f] < 300) print f ": only " rows[f] + 0 " values were compared"
            else if (differ[f] * 100 > most[f] * rows[f]) printf "%s: %d of %d values differ, more than %g in a hundred\n", f, differ[f], rows[f], most[f]
        }
    }' "$SRC/tests/data/beside-values.tsv" tally | sort >wrong
[ ! -s wrong ] || fail "values differ" "$(cat wrong)"
finish

# Makes event_tables.inc from event-table.csv and syscalls.csv: awk -f gen-tables.awk EVENTS SYSCALLS
# The columns used hold no quoted commas.
BEGIN { FS = "," }
FNR == 1 { file++; next }
file == 1 {
    name[$1] = $2; enter[$1] = ($3 == "enter"); class[$1] = $4
    category[$1] = $5; flags[$1] = $8; nparams[$1] = $10; count++
    if (class[$1] != "none") names[$2] = 1
}
file == 2 && $2 != "unknown" { names[$2] = 1 }
function word(c) {
    if (c == "io_read" || c == "io_write" || c == "io_other") return c
    if (c == "ipc") return "IPC"
    return c
}
END {
    print "static const struct event_type types[EVENT_TYPES] = {"
    for (i = 0; i < count; i++) {
        if (class[i] == "none" && name[i] == "NA") continue
        printf "    [%d] = {\"%s\", \"%s\", \"%s\", %d, %d, %s},\n", i, name[i], word(category[i]), \
            class[i], flags[i], nparams[i], enter[i] ? "true" : "false"
    }
    print "};\n"
    n = 0
    for (k in names) sorted[++n] = k
    for (i = 2; i <= n; i++) {          # insertion sort: awk has none everywhere
        v = sorted[i]
        for (j = i - 1; j > 0 && sorted[j] > v; j--) sorted[j + 1] = sorted[j]
        sorted[j + 1] = v
    }
    print "static const char *const names[] = {"
    for (i = 1; i <= n; i++) printf "    \"%s\",\n", sorted[i]
    print "};"
}

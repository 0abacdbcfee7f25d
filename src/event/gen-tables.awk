# Makes event_tables.inc: awk -f gen-tables.awk EVENTS SYSCALLS FLAGS CONVERTER REGISTRY (CSV; the columns used hold no quoted commas)
BEGIN {
    FS = ","
    ntypes = split("none int8 int16 int32 int64 uint8 uint16 uint32 uint64 charbuf bytebuf errno sockaddr socktuple fd pid " \
        "fdlist fspath syscallid sigtype reltime abstime port l4proto sockfamily bool ipv4addr dyn flags8 flags16 flags32 uid " \
        "gid double sigset charbufarray charbuf_pair_array ipv4net ipv6addr ipv6net ipaddr ipnet mode fsrelpath enumflags8 " \
        "enumflags16 enumflags32 fd32 pid32", t, " ")
    for (i = 1; i <= ntypes; i++) type_code[t[i]] = i - 1
    dyn["sockopt_dynamic_param"] = 0; dyn["ptrace_dynamic_param"] = 1
    dyn["bpf_dynamic_param"] = 2; dyn["keyctl_dynamic_param"] = 3
}
FNR == 1 { file++; next }
file == 1 {
    name[$1] = $2; enter[$1] = ($3 == "enter"); class[$1] = $4
    category[$1] = $5; flags[$1] = $8; nparams[$1] = $10; fd[$1] = $11 == "" ? -1 : $11; params[$1] = $12; count++
    if (class[$1] != "none") names[$2] = 1
}
file == 2 {
    call[$1] = $2; ncalls++
    nr[$1] = $6 == "" ? -1 : $6
    if ($2 != "unknown") names[$2] = 1
}
file == 3 {
    if (!($1 in table)) { table[$1] = ntables++; table_name[table[$1]] = $1 }
    flag[$1, size[$1]++] = "{\"" $3 "\", " $4 "u}" # rows of some tables stand between those of others
}
file == 5 && $2 != "" && $7 == "" { known[nknown++] = sprintf("{%du, \"%s\", \"%s\"}", $1, $2, $3) }
file == 4 { rule[nrules++] = $1 "," $4 "," $5 "," $6 "," $7 }
function word(c) {
    if (c == "io_read" || c == "io_write" || c == "io_other") return c
    if (c == "ipc") return "IPC"
    return c
}
# "flags:flags32:HEX:file_flags"
function param(text,    p, extra) {
    split(text, p, ":")
    if (!(p[2] in type_code)) { print "gen-tables.awk: type " p[2] " is not known" > "/dev/stderr"; exit 1 }
    extra = 0
    if (p[2] == "dyn") extra = dyn[p[4]]
    else if (p[4] ~ /^dirfd=/) extra = substr(p[4], 7)
    else if (p[4] != "") extra = table[p[4]] + 1
    return sprintf("{\"%s\", %d, FMT_%s, %d, %d}", p[1], type_code[p[2]], p[3] ~ /^PADDED/ ? "PADDED" : p[3], extra, length(p[1]))
}
# "enter[0]|default" is {source, index, what stands in}
function source(text,    p, q) {
    split(text, p, "|")
    if (p[1] == "callback") return "{FROM_CALLBACK, 0, FROM_EMPTY}"
    if (p[1] == "empty") return "{FROM_EMPTY, 0, FROM_EMPTY}"
    if (p[1] == "default") return "{FROM_DEFAULT, 0, FROM_DEFAULT}"
    split(p[1], q, /[\[\]]/)
    return sprintf("{%s, %d, %s}", q[1] == "old" ? "FROM_OLD" : "FROM_ENTER", q[2], p[2] == "default" ? "FROM_DEFAULT" : "FROM_EMPTY")
}
function sort_words(n,    i, j, v) { # insertion sort: awk has none everywhere
    for (i = 2; i <= n; i++) {
        v = sorted[i]
        for (j = i - 1; j > 0 && sorted[j] > v; j--) sorted[j + 1] = sorted[j]
        sorted[j + 1] = v
    }
}
END {
    print "static const struct event_param params[] = {"
    for (i = 0; i < count; i++) {
        at[i] = np + 0
        n = split(params[i], list, ";")
        for (k = 1; k <= n; k++) { print "    " param(list[k]) ","; np++ }
    }
    print "};\n\nconst struct event_type event_types[EVENT_TYPES] = {"
    for (i = 0; i < count; i++) {
        if (class[i] == "none" && name[i] == "NA") continue
        printf "    [%d] = {\"%s\", \"%s\", \"%s\", &params[%d], %d, %d, %s, %d, %s, %s},\n", i, name[i], word(category[i]), \
            class[i], at[i], flags[i], nparams[i], enter[i] ? "true" : "false", fd[i], \
            class[i] == "syscall" ? "true" : "false", class[i] == "meta" ? "true" : "false"
    }
    print "};\n"
    n = 0
    for (k in names) sorted[++n] = k
    sort_words(n)
    print "static const char *const names[] = {"
    for (i = 1; i <= n; i++) printf "    \"%s\",\n", sorted[i]
    print "};\n\nstatic const struct flag_name flag_names[] = {"
    for (i = 0; i < ntables; i++) {
        first[i] = nflags + 0
        for (k = 0; k < size[table_name[i]]; k++) { print "    " flag[table_name[i], k] ","; nflags++ }
    }
    print "};\n\nstatic const struct flag_table flag_tables[] = {"
    for (i = 0; i < ntables; i++)
        printf "    {\"%s\", &flag_names[%d], %d},\n", table_name[i], first[i], size[table_name[i]]
    print "};\n\nstatic const struct system_call system_calls[] = {"
    for (i = 0; i < ncalls; i++) printf "    {\"%s\", %d},\n", call[i], nr[i]
    print "};\n\nstatic const struct convert_source convert_sources[] = {"
    for (i = 0; i < nrules; i++) {
        split(rule[i], r, ",")
        source_at[i] = ns + 0
        n = split(r[5], list, ";")
        for (k = 1; k <= n; k++) { print "    " source(list[k]) ","; ns++ }
        source_count[i] = n
    }
    print "};\n\nstatic const struct convert_rule convert_rules[] = {"
    for (i = 0; i < nrules; i++) {
        split(rule[i], r, ",")
        printf "    {%d, %d, CONVERT_%s, %d, %d, &convert_sources[%d]},\n", r[1], r[2], toupper(r[3]), r[4], source_count[i], \
            source_at[i] < ns ? source_at[i] : 0
    }
    print "};\n\nstatic const struct plugin_registered registered[] = {"
    for (i = 0; i < nknown; i++) print "    " known[i] ","
    print "};"
}

# What the Go and the Rust plugin must show; sourced with name, library and prefix of the fields set.
check "$name: loaded, with its words"
run 0 "$MEWS" plugins "$lib"
out_has "$name 0.4.2"
out_has "SE...  $language"
out_has "Made with the"

check "$name: events, their text, fields of every kind"
run 0 "$MEWS" print "$lib" -I "$name:25" -p "*%evt.num %evt.plugininfo %evt.time.s|%$f.n|%$f.text|%$f.list|%$f.key[x]|%$f.fails" "$f.n in (1, 25)"
lines 2
out_has "1 event 1 of"
out_has "|1|number 1|("
out_has ")|x|<NA>"
out_has "25 event 25 of"
run 0 "$MEWS" top "$f.n" "$lib" -I "$name:3" --csv
lines 4

check "$name: refused parameters and configuration, in its words"
run 3 "$MEWS" print "$lib" -I "$name:many"
err_has "the parameters start with a count"
run 3 "$MEWS" print -H "$lib:refuse" -I "$name"
err_has "this configuration is refused"

check "$name: a panic in a field"
run 4 "$MEWS" print "$lib" -I "$name:3" -p "%$f.panics"
err_has "plugin $name died by SIGABRT"
err_has "in plugin_extract_fields, field $f.panics, event 1"
err_has "had enough"

check "$name: a panic in the source keeps what came"
run 4 "$MEWS" print "$lib" -I "$name:300 $panic" -p '%evt.num'
[ "$(head -n 1 out)" = 1 ] || fail "the events before it are lost"
err_has "plugin $name died by SIGABRT"
err_has "in plugin_next_batch"
err_has "panic: $words"

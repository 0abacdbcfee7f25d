#!/bin/sh
# Bad input: one clear message that names what, where and what to do, and an exit code.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
stunt=$PLUGINS/stunt.so

check "a file that is not there"
run 3 "$MEWS" print /nowhere/x.log
err <<'T'
mews: /nowhere/x.log: No such file or directory
T
run 3 "$MEWS" print ./nothing.so
run 3 "$MEWS" print nothing.log

check "a file that may not be read"
if [ "$(id -u)" != 0 ]; then
    echo x >secret.log && chmod 0 secret.log
    run 3 "$MEWS" print secret.log
    err_has "Permission denied"
fi

check "a library that is no plugin, or was made for something else"
run 3 "$MEWS" print "$PLUGINS/stunt_newer_major.so"
err_has "requires plugin API 4.0.0, mews has 3.12.0"
run 3 "$MEWS" print "$PLUGINS/stunt_newer_minor.so"
err_has "requires plugin API 3.99.0"
run 3 "$MEWS" print "$PLUGINS/stunt_odd_api.so"
run 3 "$MEWS" print "$PLUGINS/stunt_no_version.so"
err_has "plugin_get_version"
run 3 "$MEWS" print "$PLUGINS/stunt_no_close.so"
err_has "plugin_close"
run 3 "$MEWS" print "$PLUGINS/stunt_undefined.so"
err_has "undefined symbol: surely_nobody_has_this"
run 3 "$MEWS" print "$PLUGINS/stunt_abort_on_load.so"
err_has "loading it died by signal 6"
err_has "stunt: dying while it is loaded"
run 3 "$MEWS" print "$PLUGINS/stunt_exit_on_load.so"
err_has "exit status 7"
run 3 "$MEWS" print "$PLUGINS/stunt_fields_no_json.so"
err_has "plugin_get_fields gives no valid JSON: line 1, column 2"
run 3 "$MEWS" print "$PLUGINS/stunt_fields_bad_type.so"
err_has "int128"

check "a configuration that is none, does not fit, or is refused"
run 3 "$MEWS" print -H "$stunt:{bad" -I stunt
err_has "the configuration is no JSON: line 1, column 4"
run 3 "$MEWS" print -H "$stunt:{\"limit\":0}" -I stunt
err_has "at /limit: 0 must be at least 1"
run 3 "$MEWS" print -H "$stunt:{\"init\":\"fail\"}" -I stunt
err_has "asked to fail"

check "a source that nobody has, parameters that are refused"
run 3 "$MEWS" print "$stunt" -I nobody
err_has "nobody"
run 3 "$MEWS" print "$stunt" -I 'stunt:refuse'
err_has "these parameters are refused"
run 3 "$MEWS" print -I logs:/nowhere/x.log
err_has "/nowhere/x.log"

check "nothing to print"
run 2 "$MEWS" print "$stunt"
err <<'T'
mews: nothing to print: -I stunt[:PARAMS] opens the source of the plugin
T
run 2 "$MEWS" top log.level
err_has "nothing to count"

check "filters and formats: the position of what is wrong"
run 2 "$MEWS" print "$stunt" -I stunt stunt.zzz = 1
err_has "line 1, column 1: no field is named stunt.zzz"
run 2 "$MEWS" print "$stunt" -I stunt stunt.n contains 3
err <<'T'
mews: the filter is wrong: line 1, column 9: “contains” is not for uint64: it takes <= < >= > = != intersects in exists
  stunt.n contains 3
          ^~~~~~~~
T
run 2 "$MEWS" print "$stunt" -I stunt stunt.n = three
err_has "line 1, column 11: stunt.n is a number"
run 2 "$MEWS" print "$stunt" -I stunt '(stunt.even = true'
err_has "line 1, column 19: a closing ) is needed here"
run 2 "$MEWS" print "$stunt" -I stunt -p '%evt.num %stunt.key'
err_has "line 1, column 11: stunt.key needs an argument"
run 2 "$MEWS" top stunt.zz "$stunt" -I stunt
err_has "no field is named stunt.zz"

check "a field of a plugin that is known and not loaded: which"
"$BUILD/tests/capture/mkcapture" shop.scap story
run 2 "$MEWS" print shop.scap 'ka.verb = get'
err_has "no field is named ka.verb: such fields come from the plugin k8saudit, which is not loaded"
run 2 "$MEWS" print shop.scap -p '%okta.app'
err_has "no field is named okta.app: such fields come from the plugin okta, which is not loaded"
run 2 "$MEWS" print shop.scap -p '%proc.nam'
err_has "no field is named proc.nam: did you mean proc.name?"
run 2 "$MEWS" print -H "$PLUGINS/audit.so" shop.scap 'ka.verbs = get'
err_has "no field is named ka.verbs: did you mean ka.verb?"

check "options"
run 2 "$MEWS" print -q
err_has "-q is no option here"
run 2 "$MEWS" print -n x a.log
run 2 "$MEWS" print -I
run 2 "$MEWS" top
run 2 "$MEWS" --spool-limit 3x

check "a source that fails keeps what it gave"
run 1 "$MEWS" print "$stunt" -I 'stunt:count=4 ending=failure' -p '%evt.num'
out <<'T'
1
2
3
4
T
err_has "plugin_next_batch: the well is dry"

check "a plugin that dies is named, with the call and its words"
run 4 "$MEWS" print "$stunt" -I 'stunt:count=9 batch=2 trouble=crash at=5' -p '%evt.num'
err_has "SIGSEGV"
err_has "plugin_next_batch"
err_has "stunt: here comes a crash"
run 4 "$MEWS" print "$stunt" -I 'stunt:count=9' -p '%evt.num %stunt.exit'
err_has "stunt.exit"
err_has "plugin_extract_fields"
run 4 "$MEWS" print "$stunt" -I 'stunt:count=9 batch=2 trouble=abort at=5'
err_has "SIGABRT"

check "an event that is damaged ends the source with a reason"
for t in id type length sum params null-array null-event; do
    run 1 "$MEWS" print "$stunt" -I "stunt:count=9 batch=1 trouble=$t at=3" -p '%evt.num'
    lines 2
    err_has "stunt"
done

check "a full disk for what is printed"
if [ -w /dev/full ]; then
    sh -c "timeout 30 $MEWS print $stunt -I stunt:count=9 >/dev/full 2>$DIR/err"
    [ $? = 1 ] || fail "no exit code 1"
    err_has "standard output: No space left"
    sh -c "timeout 30 $MEWS fields $stunt >/dev/full 2>$DIR/err"
    [ $? = 1 ] || fail "no exit code 1 of fields"
    err_has "No space left"
fi

check "interrupted"
timeout --preserve-status -s INT 2 "$MEWS" print "$stunt" -I 'stunt:count=1 ending=idle' >/dev/null 2>&1
[ $? = 130 ] || fail "no exit code 130"

finish

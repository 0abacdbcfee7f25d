# What the end-to-end tests share: sourced by each. A test says what it does with `check WORDS`, runs a command with
# `run CODE COMMAND…`, and compares with `out`, `err` (whole texts from standard input) or `out_has`, `err_has`.
set -u
SRC=${MEWS_SRCDIR:?} BUILD=${MEWS_BUILDDIR:?}
MEWS=$BUILD/mews PLUGINS=$BUILD/tests/plugins
DIR=$(mktemp -d) || exit 99
trap 'rm -rf "$DIR"' EXIT
cd "$DIR" || exit 99
REAL_HOME=${HOME:-}
export HOME="$DIR/home" XDG_CACHE_HOME="$DIR/cache" XDG_STATE_HOME="$DIR/state" XDG_CONFIG_HOME="$DIR/config" TZ=UTC LC_ALL=C.UTF-8
unset MEWS_PLUGIN_DIR SYSDIG_PLUGIN_DIR NO_COLOR
mkdir -p "$HOME"
failures=0 what=start

exec 3>&2 2>"$DIR/of-the-test"

check() { what=$*; }
fail() {
    failures=$((failures + 1))
    echo "FAILED: $what: $1"
    [ $# -lt 2 ] || printf '%s\n' "$2" | sed 's/^/    /'
}

# Runs a command for half a minute (SECONDS_MAX) at most; what it wrote lies in $DIR/out and $DIR/err, masked. fed: with the
# standard input that is given; run: without any.
run() { fed "$@" </dev/null; }
fed() {
    want=$1
    shift
    timeout "${SECONDS_MAX:-30}" "$@" >"$DIR/out" 2>"$DIR/err"
    got=$?
    [ "$got" = "$want" ] || fail "exit code $got instead of $want: $*" "$(head -n 20 "$DIR/err")"
    sed -i "s|$BUILD|BUILD|g; s|$DIR|DIR|g; s|$SRC|SRC|g" "$DIR/out" "$DIR/err"
}
same() {
    cat >"$DIR/want"
    cmp -s "$DIR/want" "$1" || fail "$1 is not what it should be" "$(diff "$DIR/want" "$1")"
}
out() { same "$DIR/out"; }
err() { same "$DIR/err"; }
quiet() { [ ! -s "$DIR/err" ] || fail "standard error is not empty" "$(head -n 20 "$DIR/err")"; }
out_has() { grep -qF -e "$1" "$DIR/out" || fail "standard output lacks “$1”" "$(head -n 20 "$DIR/out")"; }
err_has() { grep -qF -e "$1" "$DIR/err" || fail "standard error lacks “$1”" "$(head -n 20 "$DIR/err")"; }
lines() { [ "$(wc -l <"$DIR/out")" = "$1" ] || fail "$(wc -l <"$DIR/out") lines instead of $1"; }
# What the test itself says on standard error is a mistake in it, such as a word that is no command.
mistakes() {
    exec 2>&3
    ! grep ': not found$' "$DIR/of-the-test" || fail "the test itself is wrong"
}
skip() {
    mistakes
    echo "skipped: $*"
    exit 77
}
finish() {
    mistakes
    [ "$failures" = 0 ] && echo "all as it should be"
    exit $((failures > 0))
}

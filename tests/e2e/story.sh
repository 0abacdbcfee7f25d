#!/bin/sh
# A shop that answers with errors: what failed, why, and who did it, out of a capture; and the fields that tell.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"
"$BUILD/tests/capture/mkcapture" shop.scap story

check "what failed: the shop's container can't reach its database any more"
run 0 "$MEWS" top proc.name,container.name,evt.type,evt.res shop.scap 'evt.failed = true'
out <<'T'
         5 100.0 %  php-fpm  shop  connect  ECONNREFUSED
T
run 0 "$MEWS" top evt.arg.addr,evt.res shop.scap 'evt.type = connect'
out <<'T'
         5  55.6 %  10.0.0.9:5433  ECONNREFUSED
         4  44.4 %  10.0.0.9:5432  SUCCESS
T

check "why: its configuration names another port since somebody has written it"
run 0 "$MEWS" print shop.scap 'evt.is_open_write = true and fs.path.name endswith db.conf' \
    -p '%evt.num %fs.path.name %proc.cmdline | %proc.pcmdline | %proc.aname | %user.name %user.loginname %proc.loginshellid %proc.env[SSH_CONNECTION]'
out <<'T'
83 /srv/shop/db.conf sed -i s/5432/5433/ /srv/shop/db.conf | sh /home/dana/deploy.sh | sh bash sshd systemd | dana dana 160 10.0.0.77 52011 10.0.0.5 22
T
run 0 "$MEWS" count shop.scap 'evt.num > 83 and proc.aname = sshd'
out <<'T'
4
T
run 0 "$MEWS" count shop.scap 'proc.aname[2] = bash and evt.type = write'
out <<'T'
1
T

check "containers: what their event tells, for each of their threads"
run 0 "$MEWS" top container.id,container.image,container.image.repository,container.image.tag,container.type,container.privileged shop.scap 'container.id != host'
out_has "3ad7b26ded6d  registry/shop:1.4  registry/shop  1.4  docker  false"
run 0 "$MEWS" print shop.scap 'evt.num = 98' -p '%container.full_id %container.ip %container.mounts %container.mount.dest[/srv*] %container.mount[0] %container.label[team] %container.labels %k8s.pod.name %fd.containername %thread.cgroups %container.mount.source[/app]'
out <<'T'
3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e 172.17.0.2 /srv/shop:/app::true:rprivate /app /srv/shop:/app::true:rprivate web team:web shop-0 3ad7b26ded6d: cpu=/docker/3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e /srv/shop
T
run 0 "$MEWS" print --internal shop.scap 'evt.type = container' -p '*%evt.num %container.name %proc.name'
out <<'T'
1 shop <NA>
T
run 0 "$MEWS" print shop.scap 'evt.num in (25, 83)' -p '*%container.id %container.name %container.type %container.image'
out <<'T'
3ad7b26ded6d shop docker registry/shop:1.4
host host host <NA>
T

check "fields that stand for several values: one of them is to fit, of both ends both are to differ"
for pair in 'fd.ip = 10.0.0.9=16' 'fd.ip != 10.0.0.9=91' 'fd.port = 5432=16' 'fd.port in (5432, 80)=88' 'fd.net = 10.0.0.0/24=88' \
    'fd.snet = 10.0.0.9/32=16' 'fd.port > 50000=32' 'fd.ip exists=152' 'proc.aname = systemd=160' 'proc.aname != systemd=124' \
    'proc.apid = 150=11' 'proc.aname in (bash, nothing)=10' 'proc.aname contains ash=10' 'proc.aname exists=160' \
    'evt.rawarg.fd = 7=27' 'evt.rawarg.res < 0=5' 'evt.around[1700000000040000000] = 1=16' 'evt.type.is.connect = 1=9'; do
    run 0 "$MEWS" count shop.scap "${pair%=*}"
    [ "$(cat out)" = "${pair##*=}" ] || fail "${pair%=*}: $(cat out), not ${pair##*=}"
done
run 2 "$MEWS" count shop.scap 'evt.around[5] > 3'
err_has "is not for uint64: it takes = exists"
run 2 "$MEWS" count shop.scap 'evt.rawarg.nowhere = 3'
err_has "no event has a parameter nowhere"
run 2 "$MEWS" count shop.scap 'tolower(proc.aname) = x'
err_has "can't be used inside a function"

check "the machine at a moment: threads, descriptors, containers"
run 0 "$MEWS" state threads shop.scap --at 84 --utc
out_has "dana      501  501   500    1  2023-11-14 22:13:20  -             sed -i s/5432/5433/ /srv/shop/db.conf"
run 0 "$MEWS" state threads shop.scap --at 82 --utc
out_has "sed -i"
run 0 "$MEWS" state threads shop.scap
grep -q "sed" out && fail "a process that has ended is still there"
run 0 "$MEWS" state fds shop.scap --at 84
out <<'T'
PROCESS  PID  FD  TYPE  PROTO  ROLE  CONTAINER  NAME
sed      501   3  file  -      -     -          /srv/shop/db.conf
T
run 0 "$MEWS" state fds shop.scap --utc --at 22:13:20.040065 -j
out <<'T'
{"pid":200,"process":"nginx","fd":9,"type":"ipv4","protocol":"tcp","name":"10.0.0.21:40001->10.0.0.5:80","container":"","role":"server"}
T
run 0 "$MEWS" state tree shop.scap --at 84
out <<'T'
1  systemd  (root)
  150  sshd -D  (root)
    160  bash  (dana)
      500  sh /home/dana/deploy.sh  (dana)
        501  sed -i s/5432/5433/ /srv/shop/db.conf  (dana)
  200  nginx -g daemon off;  (www-data)
  380  containerd-shim  (root)
    400  php-fpm -F  (www-data, 3ad7b26ded6d)
T
run 0 "$MEWS" state containers shop.scap
out <<'T'
CONTAINER     TYPE    PROCESSES  NAME  IMAGE
3ad7b26ded6d  docker          1  shop  registry/shop:1.4
T
run 2 "$MEWS" state threads shop.scap --at yesterday
err_has "neither the number of an event nor a time"
run 2 "$MEWS" state processes shop.scap
err_has "threads|tree|fds|containers"
run 2 "$MEWS" state fds
err_has "one capture"
run 2 "$MEWS" state fds shop.scap 'proc.name = sed'
err_has "no filter"
check "why a filter holds, and what each of its parts lets through"
run 0 "$MEWS" explain shop.scap 'evt.type = connect and (fd.name contains 5432 or evt.failed = true) and not proc.aname = sshd'
out <<'T'
event 12 matches
  yes and
  yes   evt.type = connect   is connect
  yes   or
  yes     fd.name contains 5432   is 172.17.0.2:41000->10.0.0.9:5432
  no      evt.failed = true   is false
  yes   not
  no      proc.aname = sshd   is (containerd-shim,systemd)
of 160 events
           9 come through evt.type = connect   (9 alone, 12 kept out by it only)
           9 come through (fd.name contains 5432 or evt.failed = true)   (21 alone, 0 kept out by it only)
           4   by fd.name contains 5432
           5   by evt.failed = true
           9 come through not proc.aname = sshd   (149 alone, 0 kept out by it only)
T
run 0 "$MEWS" explain shop.scap --event 98 'container.name = shop and evt.res = SUCCESS' -j
out_has '"event":"98"'
out_has '{"depth":1,"kind":"check","text":"evt.res = SUCCESS","holds":false,"value":"ECONNREFUSED"}'
run 0 "$MEWS" explain shop.scap 'proc.name = nobody'
out <<'T'
no event matches
of 160 events
           0 come through proc.name = nobody   (0 alone, 160 kept out by it only)
T
run 2 "$MEWS" explain shop.scap
err_has "needs a filter"
run 2 "$MEWS" explain shop.scap 'proc.nam = x'
err_has "did you mean proc.name?"

check "late metadata: when what is known of a container came, and how many events went without"
"$BUILD/tests/capture/mkcapture" late.scap late
run 0 "$MEWS" metadata late.scap --utc
out <<'T'
SUBJECT       FIRST EVENT  AT                   TOLD BY       DELAY  WITHOUT  OF EVENTS
bbbbbbbbbbbb           34  2023-11-14 22:13:20        -  never told        3  3
aaaaaaaaaaaa           21  2023-11-14 22:13:20       30      250 ms        5  6
3ad7b26ded6d            4  2023-11-14 22:13:20        -   before it        0  12
T
run 0 "$MEWS" metadata -j late.scap
out_has '{"key":"aaaaaaaaaaaa","events":"6","without":"5","told":true,"first":"21","first_ts":"1700000000040059500","told_by":"30"'
run 0 "$MEWS" print late.scap 'evt.type = open' -p '%evt.num %container.id %container.name'
out_has '32 aaaaaaaaaaaa job'
grep -q 'aaaaaaaaaaaa <NA>\|^2[0-9] ' out && fail "a container has a name before it was told of"
run 0 "$MEWS" metadata --key pod late.scap
lines 1
run 2 "$MEWS" metadata late.scap --key node
err_has "container or pod"
run 2 "$MEWS" metadata
err_has "needs a capture"
check "a crowd: process IDs that come again, ends, clones and parents that are lost, a table of descriptors that is full"
"$BUILD/tests/capture/mkcapture" crowd.scap crowd
run 0 "$MEWS" print crowd.scap 'evt.type in (open, read) and proc.name startswith job' -p '%proc.name %fd.name %evt.type'
awk '{ split($2, p, "/"); if ($1 != "job" p[3]) { print; wrong++ } } END { print NR + 0, wrong + 0 }' out >jobs
same jobs <<'T'
24000 0
T
run 0 "$MEWS" count crowd.scap 'proc.name startswith job and proc.aname = sshd'
[ "$(cat out)" -gt 20000 ] || fail "only $(cat out) events have the ancestor"
run 0 "$MEWS" state fds crowd.scap
[ "$(grep -c "/many/" out)" = 4076 ] || fail "$(grep -c /many/ out) descriptors instead of 4076"
run 0 "$MEWS" state threads crowd.scap
[ "$(wc -l <out)" -lt 2600 ] || fail "$(wc -l <out) threads are left"
check "buffers in the forms of sysdig"
run 0 "$MEWS" print shop.scap -p '%evt.num %evt.arg.data' -X 'evt.num = 105'
out <<'T'
105 
	0x0000: 4854 5450 2f31 2e31 2035 3032 2042 6164  HTTP/1.1 502 Bad
	0x0010: 2047 6174 6577 6179 0d0a 0d0a             Gateway....

T
run 0 "$MEWS" print shop.scap -p '%evt.num %evt.buffer' -x 'evt.num = 105'
out_has "	0x0010: 2047 6174 6577 6179 0d0a 0d0a"
run 0 "$MEWS" print shop.scap -p '%evt.num %evt.buffer' -A 'evt.num = 105'
out <<'T'
105 
HTTP/1.1 502 Bad Gateway


T
run 0 "$MEWS" print shop.scap -p '%evt.num %evt.buffer' -b -j 'evt.num = 105'
out <<'T'
{"evt.buffer":"SFRUUC8xLjEgNTAyIEJhZCBHYXRld2F5DQoNCg==","evt.num":105}
T
run 0 "$MEWS" print shop.scap -pc --utc 'evt.num = 105'
out_has " nginx (200:200) < write res=28"
if command -v sysdig >/dev/null 2>&1; then
    for form in x X A b; do
        check "buffers as sysdig -$form shows them"
        sysdig -r shop.scap "-$form" -t r 'evt.type = write' 2>/dev/null | sed 's/ *$//' >theirs
        "$MEWS" print --raw-events shop.scap "-$form" -t r 'evt.type = write' | sed 's/ *$//' >ours
        cmp -s theirs ours || fail "sysdig -$form differs" "$(diff theirs ours | head -n 10)"
    done
fi
finish

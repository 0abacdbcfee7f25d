#!/bin/sh
# Rules built as those for Kubernetes audit events are: macros over macros, jevt.value, lists in list fields, required versions
# with alternatives, exceptions with tuples. They load whole with a stand-in for the plugin k8saudit, and nothing else.
. "${MEWS_SRCDIR:?}/tests/e2e/lib.sh"

cat >audit.yaml <<'T'
- required_engine_version: 0.15.0
- required_plugin_versions:
  - name: k8saudit
    version: 0.7.0
    alternatives:
      - name: k8saudit-eks
        version: 0.4.0
      - name: k8saudit-gke
        version: 0.1.0
  - name: json
    version: 0.7.0

# what every audit rule stands on
- macro: kevt
  condition: (jevt.value[/stage] in (k8s_audit_stages))
- macro: kevt_started
  condition: (jevt.value[/stage]=ResponseStarted)
- list: k8s_audit_stages
  items: ["ResponseComplete"]
- macro: response_successful
  condition: (ka.response.code startswith 2)
- macro: kcreate
  condition: ka.verb=create
- macro: kmodify
  condition: (ka.verb in (create,update,patch))
- macro: kdelete
  condition: ka.verb=delete
- macro: pod
  condition: ka.target.resource=pods and not ka.target.subresource exists
- macro: pod_subresource
  condition: ka.target.resource=pods and ka.target.subresource exists
- macro: configmap
  condition: ka.target.resource=configmaps
- macro: clusterrolebinding
  condition: ka.target.resource=clusterrolebindings
- macro: health_endpoint
  condition: ka.uri=/healthz or ka.uri startswith /healthz?
- macro: live_endpoint
  condition: ka.uri=/livez
- macro: never_true
  condition: (jevt.rawtime exists and ka.verb=never)
- macro: trusted_images
  condition: (ka.req.pod.containers.image in (registry.example.com/base:1) or never_true)
- list: admins
  items: ["root", "kube-admin"]
- list: sensitive_paths
  items: [/etc, /root, /var/run/docker.sock, /]
- list: quiet_users
  items: [system:kube-scheduler]

- rule: refused user
  desc: somebody who is not known at all asked for something
  condition: kevt and ka.user.name exists and not ka.user.name in (admins, quiet_users) and not ka.user.name startswith "system:"
    and not health_endpoint and not live_endpoint
  output: unknown user (user=%ka.user.name verb=%ka.verb uri=%ka.uri code=%ka.response.code)
  priority: WARNING
  source: k8s_audit
  tags: [k8s]
- rule: privileged pod
  desc: a pod with a privileged container
  condition: kevt and pod and kcreate and ka.req.pod.containers.privileged intersects (true) and not trusted_images
  output: privileged pod (user=%ka.user.name pod=%ka.target.name images=%ka.req.pod.containers.image time=%jevt.time)
  priority: WARNING
  source: k8s_audit
  tags: [k8s]
  exceptions:
    - name: users_and_images
      fields: [ka.user.name, ka.req.pod.containers.image]
      comps: [=, intersects]
      values:
        - [kube-admin, ["registry.example.com/debug:1"]]
- rule: sensitive mount
  desc: a pod that mounts a path of its host
  condition: kevt and pod and kcreate and ka.req.pod.volumes.hostpath intersects (sensitive_paths)
  output: host path (pod=%ka.target.name paths=%ka.req.pod.volumes.hostpath)
  priority: WARNING
  source: k8s_audit
- rule: credentials in a configmap
  desc: a configmap that holds what looks like a secret
  condition: kevt and configmap and kmodify and (ka.req.configmap.obj contains "aws_access_key_id" or ka.req.configmap.obj icontains "password")
  output: credentials in configmap %ka.req.configmap.name (verb=%ka.verb)
  priority: WARNING
  source: k8s_audit
- rule: attach to a pod
  desc: exec or attach
  condition: kevt_started and pod_subresource and kcreate and ka.target.subresource in (exec,attach,ephemeralcontainers)
  output: attach (user=%ka.user.name pod=%ka.target.name resource=%ka.target.resource command=%ka.uri)
  priority: NOTICE
  source: k8s_audit
- rule: admin bound
  desc: somebody becomes an administrator of the cluster
  condition: kevt and clusterrolebinding and kcreate and ka.req.binding.role=cluster-admin
  output: bound to cluster-admin (user=%ka.user.name subject=%jevt.value[/requestObject/subjects/0/name])
  priority: WARNING
  source: k8s_audit
- rule: namespace gone
  desc: a namespace is deleted
  condition: (kevt and kdelete and ka.target.resource=namespaces and response_successful)
  output: namespace %ka.target.name deleted by %ka.user.name
  priority: INFO
  source: k8s_audit
T
sed -i 's/ time=%jevt.time//' audit.yaml
cat >audit.log <<'T'
{"kind":"Event","stage":"ResponseComplete","verb":"get","requestURI":"/healthz","user":{"username":"mallory"},"responseStatus":{"code":200}}
{"kind":"Event","stage":"ResponseComplete","verb":"list","requestURI":"/api/v1/secrets","user":{"username":"mallory","groups":["x"]},"objectRef":{"resource":"secrets"},"responseStatus":{"code":403}}
{"kind":"Event","stage":"ResponseComplete","verb":"create","requestURI":"/api/v1/pods","user":{"username":"root"},"objectRef":{"resource":"pods","name":"debug"},"responseStatus":{"code":201},"requestObject":{"spec":{"containers":[{"image":"nginx","securityContext":{"privileged":false}},{"image":"evil","securityContext":{"privileged":true}}],"volumes":[{"hostPath":{"path":"/"}}]}}}
{"kind":"Event","stage":"ResponseComplete","verb":"create","requestURI":"/api/v1/pods","user":{"username":"kube-admin"},"objectRef":{"resource":"pods","name":"fixer"},"responseStatus":{"code":201},"requestObject":{"spec":{"containers":[{"image":"registry.example.com/debug:1","securityContext":{"privileged":true}}]}}}
{"kind":"Event","stage":"ResponseComplete","verb":"update","user":{"username":"root"},"objectRef":{"resource":"configmaps","name":"app"},"responseStatus":{"code":200},"requestObject":{"metadata":{"name":"app"},"data":{"db":"PassWord=secret"}}}
{"kind":"Event","stage":"ResponseStarted","verb":"create","requestURI":"/api/v1/pods/debug/exec?command=sh","user":{"username":"root"},"objectRef":{"resource":"pods","subresource":"exec","name":"debug"},"responseStatus":{"code":101}}
{"kind":"Event","stage":"ResponseComplete","verb":"create","user":{"username":"root"},"objectRef":{"resource":"clusterrolebindings","name":"b"},"responseStatus":{"code":201},"requestObject":{"roleRef":{"name":"cluster-admin"},"subjects":[{"name":"mallory"}]}}
{"kind":"Event","stage":"ResponseComplete","verb":"delete","user":{"username":"root"},"objectRef":{"resource":"namespaces","name":"shop"},"responseStatus":{"code":404}}
{"kind":"Event","stage":"ResponseComplete","verb":"delete","user":{"username":"root"},"objectRef":{"resource":"namespaces","name":"shop"},"responseStatus":{"code":200}}
T

check "they can be used, without a word"
run 0 "$MEWS" rules -H "$PLUGINS/audit.so" --rules audit.yaml --check
out <<'T'
DIR/audit.yaml: schema validation passed
7 rules can be used
T
quiet

check "what fires"
run 0 "$MEWS" rules -H "$PLUGINS/audit.so" -I "k8saudit:$DIR/audit.log" --rules audit.yaml --all --utc
sed 's/^[^ ]* //' out >fired
cat >want <<'T'
Warning unknown user (user=mallory verb=list uri=/api/v1/secrets code=403)
Warning privileged pod (user=root pod=debug images=(nginx,evil))
Warning host path (pod=debug paths=(/))
Warning credentials in configmap app (verb=update)
Notice attach (user=root pod=debug resource=pods command=/api/v1/pods/debug/exec?command=sh)
Warning bound to cluster-admin (user=root subject=mallory)
Informational namespace shop deleted by root
T
cmp -s fired want || fail "what fires differs" "$(diff want fired)"

check "without the plugin, its alternative missing too"
run 1 "$MEWS" rules --rules audit.yaml --check
err_has "k8saudit"

real=${MEWS_TEST_DATA:-/nonexistent}/data/k8s_audit.jsonl
if [ -f "$real" ]; then
    check "on a real log"
    run 0 "$MEWS" rules -H "$PLUGINS/audit.so" -I "k8saudit:$real" --rules audit.yaml --all -j
    grep -q '"rule":"privileged pod"' out || fail "no privileged pod was found"
    grep -q '"rule":"attach to a pod"' out || fail "no exec was found"
fi
finish

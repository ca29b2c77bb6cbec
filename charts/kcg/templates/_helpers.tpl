{{/* Beginning of names of Services, in which there may be no dot, as there may in a release's. */}}
{{- define "kcg.fullname" -}}
{{- $name := .Values.fullnameOverride }}
{{- if not $name }}
{{- $own := default .Chart.Name .Values.nameOverride }}
{{- $name = contains $own .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $own) }}
{{- end }}
{{- $name | replace "." "-" | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "kcg.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "kcg.selectorLabels" -}}
app.kubernetes.io/name: kcg
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "kcg.labels" -}}
{{ include "kcg.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{/*
Labels and annotations of an object: those of this chart, then its own, then commonLabels and commonAnnotations.
Of the root, or of dict "root" $ "labels" {} "annotations" {}.
*/}}
{{- define "kcg.meta" -}}
{{- $root := default . .root -}}
labels:
  {{- merge (include "kcg.labels" $root | fromYaml) (default dict .labels) (default dict $root.Values.commonLabels) | toYaml | nindent 2 }}
{{- with merge dict (default dict .annotations) (default dict $root.Values.commonAnnotations) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* An endpoint of a monitor: of dict "port" "http" "of" (values of the monitor). */}}
{{- define "kcg.endpoint" -}}
{{- $first := dict "port" .port }}
{{- with .of.interval }}
{{- $_ := set $first "interval" . }}
{{- end }}
{{- merge $first (default dict .of.endpoint) | toYaml }}
{{- end -}}

{{- define "kcg.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "kcg.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "kcg.image" -}}
{{- with .Values.image -}}
{{- with ($.Values.global).imageRegistry | default .registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Parent charts may have names in place of objects in global.imagePullSecrets. */}}
{{- define "kcg.imagePullSecrets" -}}
{{- range concat (default list .Values.imagePullSecrets) (default list (.Values.global).imagePullSecrets) }}
- name: "{{ if kindIs "map" . }}{{ .name }}{{ else }}{{ . }}{{ end }}"
{{- end }}
{{- end -}}

{{- define "kcg.subjects" -}}
- kind: ServiceAccount
  name: {{ include "kcg.serviceAccountName" . | quote }}
  namespace: {{ include "kcg.namespace" . | quote }}
{{- end -}}

{{/* What the operator does in the namespaces it looks after. */}}
{{- define "kcg.groupRules" -}}
- apiGroups: [kcg.dev]
  resources: [kinesisconsumergroups]
  verbs: [list, watch, patch]
- apiGroups: [kcg.dev]
  resources: [kinesisconsumergroups/status]
  verbs: [patch]
- apiGroups: [kcg.dev]
  resources: [kinesisoffsetresets]
  verbs: [list, watch, patch, delete]
- apiGroups: [kcg.dev]
  resources: [kinesisoffsetresets/status]
  verbs: [patch]
# To own a Deployment in a way that blocks the group's deletion, where the cluster insists on a right to that.
- apiGroups: [kcg.dev]
  resources: [kinesisconsumergroups/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  {{- /* To show them. */}}
  verbs: [create, patch{{ if .Values.dashboard.enabled }}, list{{ end }}]
{{- end -}}

{{/* What the annotations of a namespace allow its groups; its uid, which of kube-system tells clusters apart. */}}
{{- define "kcg.tenantRule" -}}
- apiGroups: [""]
  resources: [namespaces]
  {{- with . }}
  resourceNames: [{{ quote . }}]
  {{- end }}
  verbs: [get]
{{- end -}}

{{- define "kcg.viewRules" -}}
- apiGroups: [kcg.dev]
  resources: [kinesisconsumergroups, kinesisoffsetresets]
  verbs: [get, list, watch]
- apiGroups: [kcg.dev]
  resources: [kinesisconsumergroups/status, kinesisconsumergroups/scale, kinesisoffsetresets/status]
  verbs: [get]
{{- end -}}

{{- define "kcg.editRules" -}}
- apiGroups: [kcg.dev]
  resources: [kinesisconsumergroups]
  verbs: [create, update, patch, delete, deletecollection]
- apiGroups: [kcg.dev]
  resources: [kinesisconsumergroups/scale]
  verbs: [update, patch]
{{- end -}}

{{- define "kcg.resetRules" -}}
- apiGroups: [kcg.dev]
  resources: [kinesisoffsetresets]
  verbs: [get, list, watch, create, patch, delete, deletecollection]
{{- end -}}

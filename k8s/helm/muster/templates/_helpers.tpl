{{- /* The name of an object; that of a StatefulSet may have 52 characters. Takes {root, component}. */ -}}
{{- define "muster.name" -}}
{{ .root.Release.Name | trunc 40 | trimSuffix "-" }}-{{ .component }}
{{- end }}

{{- /* What every object carries. Takes {root, component}. */ -}}
{{- define "muster.labels" -}}
{{ include "muster.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- /* What the pods of a component are selected by. Takes {root, component}. */ -}}
{{- define "muster.selector" -}}
{{ include "muster.release" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- /* What the pods of all components share. */ -}}
{{- define "muster.release" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* How every pod runs: as nobody in particular, with no way to become somebody. Takes {root, component, uid}. */ -}}
{{- define "muster.pod" -}}
serviceAccountName: {{ .root.Release.Name }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .uid }}
  runAsGroup: {{ .uid }}
  fsGroup: {{ .uid }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- include "muster.placement" . }}
{{- end }}

{{- /* Where a pod may run, and before which others: as its component says, or else as all. Takes {root, component}. */ -}}
{{- define "muster.placement" -}}
{{- $own := include "muster.own" . | fromJson }}
{{- range $field := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
{{- with ternary (get $own $field) (get $.root.Values $field) (hasKey $own $field) }}
{{ $field }}: {{ toJson . }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The labels or the annotations that pods have by values: those of all, and those of the component, which count where
both have one. Takes {root, component, field}. */ -}}
{{- define "muster.pod.words" -}}
{{- $own := include "muster.own" . | fromJson }}
{{- with merge dict (get $own .field | default dict) (get .root.Values .field) }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- /* The metadata of a pod. Takes {root, component}. */ -}}
{{- define "muster.pod.metadata" -}}
labels:
  {{- include "muster.selector" . | nindent 2 }}
  {{- with include "muster.pod.words" (merge (dict "field" "podLabels") .) }}
  {{- . | nindent 2 }}
  {{- end }}
{{- with include "muster.pod.words" (merge (dict "field" "podAnnotations") .) }}
annotations:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What the values say of a component alone, as JSON. Takes {root, component}. */ -}}
{{- define "muster.own" -}}
{{- get .root.Values.services .component | default (get .root.Values .component) | default dict | toJson }}
{{- end }}

{{- /* How every container runs: with nothing that it does not need. */ -}}
{{- define "muster.container.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* The volume that a pod of a StatefulSet claims. Takes the `storage` of a component. */ -}}
{{- define "muster.claim" -}}
metadata:
  name: data
spec:
  accessModes: [ReadWriteOnce]
  {{- with .className }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: {{ .size }}
{{- end }}

{{- /* The endpoints of etcd, separated by commas; nothing without etcd. */ -}}
{{- define "muster.etcd" -}}
{{- if .Values.etcd.enabled -}}
{{ include "muster.name" (dict "root" . "component" "etcd") }}:2379
{{- else -}}
{{ join "," .Values.etcd.endpoints }}
{{- end -}}
{{- end }}

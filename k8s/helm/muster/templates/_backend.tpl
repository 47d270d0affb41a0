{{- /* What the services need of others, in the chart itself: etcd, rabbitmq, mariadb. Each is one pod with a volume. Takes
{root, component, portName, port, uid, container}; container is the name of the template of its container, which gets the
same. */ -}}
{{- define "muster.backend" -}}
{{- $name := include "muster.name" . }}
{{- $values := get .root.Values .component }}
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  labels:
    {{- include "muster.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "muster.selector" . | nindent 4 }}
  ports:
    - name: {{ .portName }}
      port: {{ .port }}
      targetPort: {{ .portName }}
      {{- with .appProtocol }}
      appProtocol: {{ . }}
      {{- end }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $name }}
  labels:
    {{- include "muster.labels" . | nindent 4 }}
spec:
  replicas: 1
  serviceName: {{ $name }}
  selector:
    matchLabels:
      {{- include "muster.selector" . | nindent 6 }}
  volumeClaimTemplates:
    - {{- include "muster.claim" $values.storage | nindent 6 }}
  template:
    metadata:
      {{- include "muster.pod.metadata" . | nindent 6 }}
    spec:
      {{- include "muster.pod" . | nindent 6 }}
      terminationGracePeriodSeconds: 60
      containers:
        - name: {{ .component }}
          image: {{ $values.image | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          securityContext:
            {{- include "muster.container.security" . | nindent 12 }}
          ports:
            - {name: {{ .portName }}, containerPort: {{ .port }}}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          {{- include .container . | nindent 10 }}
      {{- with .scratch }}
      # The root is read-only.
      volumes:
        {{- range $volume := . }}
        - {name: {{ $volume }}, emptyDir: {}}
        {{- end }}
      {{- end }}
{{- if .root.Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ $name }}
  labels:
    {{- include "muster.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "muster.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - ports: [{port: {{ .portName }}}]
      from:
        {{- include "muster.callers" . | trim | nindent 8 }}
  egress: []
{{- end }}
{{- if .root.Values.podDisruptionBudget.enabled }}
---
{{ include "muster.budget" . }}
{{- end }}
{{- end }}

{{- /* Who may call a backend: its users; etcd all services, which register there. Takes {root, component}. */ -}}
{{- define "muster.callers" -}}
{{- $backend := get (include "muster.backends" . | fromYaml) .component }}
{{- range $user, $service := .root.Values.services }}
{{- if and $service.enabled (or (not $backend) (has $user $backend.users)) }}
{{- include "muster.peer" (dict "root" $.root "component" $user) | nindent 0 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The Secret with the password of a backend: the one that is named, or the chart's own. Takes {root, component}. */ -}}
{{- define "muster.secret" -}}
{{ (get .root.Values .component).secret | default (include "muster.name" .) }}
{{- end }}

{{- /* The password of a backend, as a variable. Takes {root, component, variable}. */ -}}
{{- define "muster.password" -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef: {name: {{ include "muster.secret" . }}, key: password}
{{- end }}

{{- /* A Secret of the chart's own, unless another one is named. It is made once: what stands in the cluster is kept, and
outlives the release, because the volume does, which knows no other password. Takes {root, component}. */ -}}
{{- define "muster.secret.own" -}}
{{- if not (get .root.Values .component).secret }}
{{- $name := include "muster.name" . }}
{{- $there := lookup "v1" "Secret" .root.Release.Namespace $name }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ $name }}
  labels:
    {{- include "muster.labels" . | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
type: Opaque
data:
  password: {{ dig "data" "password" (randAlphaNum 32 | b64enc) $there }}
{{- end }}
{{- end }}

{{- /* How a service is reached: by one address that leads to any of its pods. Takes {root, component}. */ -}}
{{- define "muster.service" -}}
{{- $service := get .root.Values.services .component -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "muster.name" . }}
  labels:
    {{- include "muster.labels" . | nindent 4 }}
  {{- if .root.Values.gke.http2 }}
  annotations:
    cloud.google.com/app-protocols: '{"grpc":"HTTP2"}'
  {{- end }}
spec:
  selector:
    {{- include "muster.selector" . | nindent 4 }}
  ports:
    {{- include "muster.port.grpc" . | nindent 4 }}
    {{- with $service.web }}
    - name: web
      port: {{ . }}
      targetPort: web
      appProtocol: {{ ternary "https" "http" $.root.Values.tls.enabled }}
    {{- end }}
    - name: admin
      port: 8080
      targetPort: admin
      appProtocol: http
{{- end }}

{{- /* The same with an address for each pod, for clients that choose among them themselves. Takes {root, component}. */ -}}
{{- define "muster.service.headless" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "muster.name" . }}-headless
  labels:
    {{- include "muster.labels" . | nindent 4 }}
spec:
  clusterIP: None
  selector:
    {{- include "muster.selector" . | nindent 4 }}
  ports:
    {{- include "muster.port.grpc" . | nindent 4 }}
{{- end }}

{{- /* The port of a Service that speaks gRPC: HTTP/2 in the clear, or in TLS. Takes {root, component}. */ -}}
{{- define "muster.port.grpc" -}}
- name: grpc
  port: {{ (get .root.Values.services .component).port }}
  targetPort: grpc
  appProtocol: {{ ternary "https" "kubernetes.io/h2c" .root.Values.tls.enabled }}
{{- end }}

{{- /* The image of a service. Takes {root, component}. */ -}}
{{- define "muster.image" -}}
{{- with .root.Values.image }}
{{- $digest := get .digests $.component }}
{{- $at := ternary "" (printf "@%s" $digest) (empty $digest) }}
{{- printf "%s-%s:%s%s" .repository $.component (.tag | default $.root.Chart.AppVersion) $at | quote }}
{{- end }}
{{- end }}

{{- /* The settings of a service, as variables; what refers to another comes after it. Takes {root, component}. */ -}}
{{- define "muster.env" -}}
{{- $service := get .root.Values.services .component -}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
- {name: MUSTER_LISTEN, value: ":{{ $service.port }}"}
- {name: MUSTER_ADMIN, value: ":8080"}
{{- with $service.web }}
- {name: MUSTER_WEB, value: ":{{ . }}"}
{{- end }}
- {name: MUSTER_ADVERTISE, value: "[$(POD_IP)]:{{ $service.port }}"}
- {name: MUSTER_DRAIN, value: "{{ .root.Values.drainSeconds }}s"}
- {name: MUSTER_INSECURE, value: "{{ and .root.Values.insecure (not (include "muster.tls.callers" .)) }}"}
{{- include "muster.tls.env" . }}
{{- with include "muster.etcd" .root }}
- {name: MUSTER_ETCD, value: {{ . | quote }}}
{{- end }}
{{- with include "muster.backends.env" . | trim }}
{{ . }}
{{- end }}
{{- include "muster.telemetry.env" .root }}
{{- range $variable, $value := $service.env }}
- {name: {{ $variable }}, value: {{ $value | quote }}}
{{- end }}
{{- range $variable, $secret := $service.secrets }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef: {name: {{ $secret.name }}, key: {{ $secret.key }}}
{{- end }}
{{- end }}

{{- /* Where traces go, as the variables of OpenTelemetry. Takes the root. */ -}}
{{- define "muster.telemetry.env" -}}
{{- with .Values.telemetry.otlp }}
{{- if .endpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .endpoint | quote }}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- {name: OTEL_RESOURCE_ATTRIBUTES, value: "k8s.namespace.name={{ $.Release.Namespace }},k8s.pod.name=$(POD_NAME)"}
{{- with .sampler }}
- {name: OTEL_TRACES_SAMPLER, value: {{ . | quote }}}
{{- end }}
{{- if ne (toString .samplerArg) "" }}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .samplerArg | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* How a pod is asked whether it is alive: at the admin port, which is never within TLS and counts its callers by
itself. By the kubelet, or by the binary under the name of the probe. Takes {root}. */ -}}
{{- define "muster.probe.alive" -}}
{{- if .root.Values.probes.exec -}}
exec: {command: [/bin/grpc-health-probe, "-addr=:8080", -service=liveness]}
{{- else -}}
grpc: {port: 8080, service: liveness}
{{- end }}
{{- end }}

{{- /* How it is asked whether it is ready: where its callers come. The kubelet itself speaks no TLS. Takes {root,
component}. */ -}}
{{- define "muster.probe.ready" -}}
{{- $port := (get .root.Values.services .component).port -}}
{{- if or .root.Values.probes.exec .root.Values.tls.enabled -}}
exec:
  command:
    {{- include "muster.probe.command" (merge (dict "addr" (printf ":%v" $port)) .) | nindent 4 }}
{{- else -}}
grpc: {port: {{ $port }}}
{{- end }}
{{- end }}

{{- /* The command that asks a service whether it is ready. Takes {root, component, addr}. */ -}}
{{- define "muster.probe.command" -}}
- /bin/grpc-health-probe
- -addr={{ .addr }}
{{- if .root.Values.tls.enabled }}
- -tls
- -tls-ca-cert=/tls/ca.crt
- -tls-server-name={{ .component }}
{{- if include "muster.tls.callers" . }}
- -tls-client-cert=/tls/tls.crt
- -tls-client-key=/tls/tls.key
{{- end }}
{{- end }}
{{- end }}

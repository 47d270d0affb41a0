{{- /* The backends with a password: the port, the services that use it, their setting with its URL, the variable with the
password, and what the URL is made of. */ -}}
{{- define "muster.backends" -}}
rabbitmq: {port: 5672, users: [tasks, gateway], setting: MUSTER_BUS, variable: RABBITMQ_PASSWORD, scheme: amqp, path: ""}
mariadb: {port: 3306, users: [tasks], setting: MUSTER_STORE, variable: MARIADB_PASSWORD, scheme: mysql, path: /muster}
{{- end }}

{{- /* Where the users of a backend find it: `own` in the chart, `external` by the URL of a Secret; nothing where it is
nowhere, or where none of its users is enabled. Takes {root, component}. */ -}}
{{- define "muster.source" -}}
{{- $root := .root }}
{{- $values := get $root.Values .component }}
{{- $used := false }}
{{- range $user := (get (include "muster.backends" . | fromYaml) .component).users }}
{{- $used = or $used (get $root.Values.services $user).enabled }}
{{- end }}
{{- if and $used $values.enabled }}own{{ else if and $used $values.url }}external{{ end -}}
{{- end }}

{{- /* The settings by which a service finds its backends. Takes {root, component}. */ -}}
{{- define "muster.backends.env" -}}
{{- $user := . }}
{{- range $component, $backend := include "muster.backends" . | fromYaml }}
{{- if has $user.component $backend.users }}
{{- $of := merge (dict "root" $user.root "component" $component) $backend }}
{{- $source := include "muster.source" $of }}
{{- if eq $source "own" }}
{{ include "muster.password" $of }}
- name: {{ $backend.setting }}
  value: "{{ $backend.scheme }}://muster:$({{ $backend.variable }})@{{ include "muster.name" $of }}:{{ $backend.port }}{{ $backend.path }}"
{{- else if eq $source "external" }}
{{- with (get $user.root.Values $component).url }}
- name: {{ $backend.setting }}
  valueFrom:
    secretKeyRef: {name: {{ .name }}, key: {{ .key }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The ways from a service to its backends, as rules of a NetworkPolicy. Takes {root, component}. */ -}}
{{- define "muster.backends.egress" -}}
{{- $user := . }}
{{- range $component, $backend := include "muster.backends" . | fromYaml }}
{{- if has $user.component $backend.users }}
{{- $of := dict "root" $user.root "component" $component }}
{{- $source := include "muster.source" $of }}
{{- if eq $source "own" }}
- ports: [{port: {{ $backend.port }}}]
  to:
    {{- include "muster.peer" $of | nindent 4 }}
{{- else if eq $source "external" }}
- ports: [{port: {{ (get $user.root.Values $component).url.port | default $backend.port }}}]
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Whether a service keeps what it keeps in a volume of its own. Takes {root, component}. */ -}}
{{- define "muster.stored" -}}
{{- $service := get .root.Values.services .component }}
{{- $elsewhere := and (eq .component "tasks") (include "muster.source" (dict "root" .root "component" "mariadb")) }}
{{- if and (hasKey $service "storage") (not $elsewhere) }}yes{{ end -}}
{{- end }}

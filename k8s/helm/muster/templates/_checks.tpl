{{- /* Refuses what would be installed and never work. Takes {root, component}. */ -}}
{{- define "muster.check" -}}
{{- $static := include "muster.given" (merge (dict "settings" (list "MUSTER_STATIC")) .) }}
{{- if and $static (include "muster.etcd" .root) }}
{{- fail (printf "services.%s.env.MUSTER_STATIC: instead of etcd (etcd.enabled and etcd.endpoints), not beside it: the service takes one of both" .component) }}
{{- end }}
{{- if eq .component "presence" }}
{{- include "muster.check.presence" . }}
{{- else if eq .component "gateway" }}
{{- include "muster.check.gateway" . }}
{{- end }}
{{- end }}

{{- /* Replicas that do not know of each other would each tell half of the truth. Takes {root, component}. */ -}}
{{- define "muster.check.presence" -}}
{{- $several := gt (int .root.Values.services.presence.replicas) 1 }}
{{- $static := include "muster.given" (merge (dict "settings" (list "MUSTER_STATIC")) .) }}
{{- if and $several (not (include "muster.etcd" .root)) (not $static) }}
{{- fail "services.presence.replicas: several need etcd (etcd.enabled or etcd.endpoints) or services.presence.env.MUSTER_STATIC to find each other" }}
{{- end }}
{{- end }}

{{- /* The gateway is ready once it follows the events of an activity. In an etcd of the chart's own there are services of
the chart alone. Takes {root, component}. */ -}}
{{- define "muster.check.gateway" -}}
{{- $values := .root.Values }}
{{- $gateway := $values.services.gateway }}
{{- $named := regexMatch "(^|,)\\s*activity\\s*=" (get $gateway.env "MUSTER_STATIC" | toString) }}
{{- if and $values.etcd.enabled (not $values.services.activity.enabled) }}
{{- fail "services.gateway.enabled: the gateway is never ready without services.activity.enabled, or another activity that it finds by etcd.endpoints or services.gateway.env.MUSTER_STATIC (with etcd.enabled: false)" }}
{{- else if not (or (include "muster.etcd" .root) $named (hasKey $gateway.secrets "MUSTER_STATIC")) }}
{{- fail "services.gateway.enabled: the gateway is never ready without an activity, which it finds by etcd (etcd.enabled or etcd.endpoints) or services.gateway.env.MUSTER_STATIC (activity=host:port)" }}
{{- end }}
{{- end }}

{{- /* Whether a service is given one of some settings, by `env` or by `secrets`. Takes {root, component, settings}. */ -}}
{{- define "muster.given" -}}
{{- $service := get .root.Values.services .component }}
{{- range $setting := .settings }}
{{- if or (hasKey $service.env $setting) (hasKey $service.secrets $setting) }}yes{{ end }}
{{- end }}
{{- end }}

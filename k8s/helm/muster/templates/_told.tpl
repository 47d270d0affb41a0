{{- /* What whoever installs has to know, each a paragraph of NOTES.txt, or nothing. All take the root. */ -}}

{{- /* Services that do not find each other. */ -}}
{{- define "muster.told.peers" -}}
{{- $services := .Values.services }}
{{- $static := include "muster.given" (dict "root" . "component" "users" "settings" (list "MUSTER_STATIC")) }}
{{- $waits := "welcome mails wait in its database, and beyond 100,000 of them it takes no more users." }}
{{- if and $services.users.enabled (not (include "muster.etcd" .)) (not $static) }}
users has neither etcd nor MUSTER_STATIC to find a notificator by: {{ $waits }}
{{- else if and $services.users.enabled .Values.etcd.enabled (not $services.notificator.enabled) }}
users finds no notificator (services.notificator.enabled): {{ $waits }}
{{- end }}
{{- if and $services.gateway.enabled .Values.etcd.endpoints (not $services.activity.enabled) }}

The gateway is ready once an activity from elsewhere is registered in etcd (services.activity.enabled is false).
{{- end }}
{{- end }}

{{- /* Completed tasks that go nowhere. */ -}}
{{- define "muster.told.tasks" -}}
{{- if .Values.services.tasks.enabled }}
{{- if not (include "muster.source" (dict "root" . "component" "rabbitmq")) }}
There is no RabbitMQ (rabbitmq.enabled or rabbitmq.url): completed tasks wait in the database of tasks, and nobody is told. Once 100,000 wait, no more tasks can be completed.
{{- else if not .Values.services.gateway.enabled }}
services.gateway.enabled is false: what tasks tells stays in the queue muster.gateway of RabbitMQ until a gateway from elsewhere reads it. Without one its disk fills up, and once 100,000 completed tasks wait, no more can be completed.
{{- end }}
{{- end }}
{{- end }}

{{- /* Mail that reaches nobody. */ -}}
{{- define "muster.told.mail" -}}
{{- $of := dict "root" . "component" "notificator" }}
{{- $smtp := include "muster.given" (merge (dict "settings" (list "MUSTER_SMTP" "MUSTER_SMTP_FILE")) $of) }}
{{- $from := include "muster.given" (merge (dict "settings" (list "MUSTER_MAIL_FROM")) $of) }}
{{- with .Values.services.notificator }}
{{- $sent := and $smtp (not (hasPrefix "file:" (get .env "MUSTER_SMTP" | toString))) }}
{{- if and .enabled (not $smtp) }}
Nobody gets mail: notificator writes it to the folder mail of its volume. To have it sent, put the URL of an SMTP server into a Secret, and name it, the way to it, and whom mails are from:

  kubectl -n {{ $.Release.Namespace }} create secret generic smtp --from-literal=url='smtp://user:password@mail.example.org:587?tls=required'

  services:
    notificator:
      secrets: {MUSTER_SMTP: {name: smtp, key: url}}
      egress: [{ports: [{port: 587}]}]
      env: {MUSTER_MAIL_FROM: muster@example.org}
{{- else if and .enabled $sent (not $from) }}
Mails are from muster@localhost, which hardly any server takes: services.notificator.env.MUSTER_MAIL_FROM names another sender.
{{- end }}
{{- if and .enabled $sent $.Values.networkPolicy.enabled (not .egress) }}

The NetworkPolicy of notificator lets it reach no SMTP server: services.notificator.egress names the way, as in [{ports: [{port: 587}]}].
{{- end }}
{{- end }}
{{- end }}

{{- /* Ways in that end at a NetworkPolicy. */ -}}
{{- define "muster.told.outside" -}}
{{- with .Values.networkPolicy }}
{{- if and .enabled (or $.Values.gatewayApi.parents $.Values.ingress.enabled) (not (include "muster.elsewhere" .callers)) }}
The NetworkPolicies let in no callers of other namespaces: a Gateway or an Ingress controller elsewhere gets no answer. Where it is in the namespace gateways:

  networkPolicy:
    callers:
      - podSelector: {}
      - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: gateways}}
{{- end }}
{{- end }}
{{- end }}

{{- /* Services that anybody may call from outside. */ -}}
{{- define "muster.told.routes" -}}
{{- $open := list }}
{{- range $component := .Values.gatewayApi.services }}
{{- $callers := include "muster.tls.callers" (dict "root" $ "component" $component) }}
{{- if and (ne $component "gateway") (get $.Values.services $component).enabled (not $callers) }}
{{- $open = append $open $component }}
{{- end }}
{{- end }}
{{- if and .Values.gatewayApi.parents $open }}
WARNING: routes lead from outside to {{ join ", " $open }} (gatewayApi.services), and nothing authenticates callers: whoever reaches the Gateway may call everything there{{ if has "notificator" $open }}, and send mail to anybody{{ end }}.
{{- end }}
{{- end }}

{{- /* Metrics that nobody reads. */ -}}
{{- define "muster.told.metrics" -}}
{{- with .Values.networkPolicy }}
{{- if and .enabled $.Values.monitoring.podMonitor.enabled (not (include "muster.elsewhere" .monitoring)) }}
The NetworkPolicies let nobody of other namespaces read metrics: a Prometheus elsewhere finds every pod down. Where it is in the namespace monitoring:

  networkPolicy:
    monitoring: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]
{{- end }}
{{- end }}
{{- end }}

{{- /* Services that do not know who calls. */ -}}
{{- define "muster.told.callers" -}}
{{- $open := list }}
{{- range $component, $service := .Values.services }}
{{- if and $service.enabled (not (include "muster.tls.callers" (dict "root" $ "component" $component))) }}
{{- $open = append $open $component }}
{{- end }}
{{- end }}
{{- with $open }}
Nothing authenticates callers of {{ join ", " . }}: whoever {{ ternary "the NetworkPolicy lets in" "can reach a pod" $.Values.networkPolicy.enabled }} may call everything there.
{{- end }}
{{- end }}

{{- /* Whether peers of a NetworkPolicy are of other namespaces, too. */ -}}
{{- define "muster.elsewhere" -}}
{{- range $peer := . }}
{{- if or (hasKey $peer "namespaceSelector") (hasKey $peer "ipBlock") }}yes{{ end }}
{{- end }}
{{- end }}

{{- /* Whether callers of a service have to show a certificate; nothing where they need not. Takes {root, component}. */ -}}
{{- define "muster.tls.callers" -}}
{{- with .root.Values.tls }}
{{- if and .enabled .clientAuth (or (ne $.component "gateway") .gatewayClientAuth) }}yes{{ end }}
{{- end }}
{{- end }}

{{- /* The settings of TLS, as variables. Takes {root, component}. */ -}}
{{- define "muster.tls.env" -}}
{{- if .root.Values.tls.enabled }}
- {name: MUSTER_TLS_CERT, value: /tls/tls.crt}
- {name: MUSTER_TLS_KEY, value: /tls/tls.key}
- {name: MUSTER_TLS_CA, value: /tls/ca.crt}
{{- if include "muster.tls.callers" . }}
- {name: MUSTER_TLS_CLIENT_CA, value: /tls/ca.crt}
{{- end }}
{{- end }}
{{- end }}

{{- /* The Secret with the certificate, the key and the CA. Takes the root. */ -}}
{{- define "muster.tls.secret" -}}
{{ .Values.tls.existingSecret | default (include "muster.name" (dict "root" . "component" "tls")) }}
{{- end }}

{{- /* A whole folder, because a single file would never change in the container. Takes the root. */ -}}
{{- define "muster.tls.mount" -}}
{{- if .Values.tls.enabled -}}
- {name: tls, mountPath: /tls, readOnly: true}
{{- end }}
{{- end }}

{{- /* The volumes of a pod that has that folder. Takes the root. */ -}}
{{- define "muster.tls.volumes" -}}
{{- if .Values.tls.enabled }}
volumes:
  - name: tls
    # For the group of the pod, and nobody else.
    secret: {secretName: {{ include "muster.tls.secret" . }}, defaultMode: 0440}
{{- end }}
{{- end }}

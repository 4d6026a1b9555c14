{{- define "daily-operator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "daily-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "daily-operator.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "daily-operator.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "daily-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "daily-operator.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "daily-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "daily-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "daily-operator.labels" -}}
{{ include "daily-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "daily-operator.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* The subject of every binding. */}}
{{- define "daily-operator.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "daily-operator.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end }}

{{/* NAMESPACE/NAME of the default key's Secret, with /KEY unless the key is api-key. */}}
{{- define "daily-operator.defaultKey" -}}
{{- with .Values.daily.apiKey.existingSecret -}}
{{ $.Release.Namespace }}/{{ .name }}{{ if ne .key "api-key" }}/{{ .key }}{{ end }}
{{- end }}
{{- end }}

{{/* What the operator needs in every namespace it serves, whether by ClusterRole or by Roles. */}}
{{- define "daily-operator.rules" -}}
- apiGroups: [daily-operator.io]
  resources: [dailyrooms, pindialinnumbers]
  verbs: [get, list, watch, patch]
- apiGroups: [daily-operator.io]
  resources: [dailyrooms/status, pindialinnumbers/status]
  verbs: [patch]
# API keys are read by name. list and watch are used for the metadata of Secrets
# with the operator's own label only; RBAC cannot say that.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

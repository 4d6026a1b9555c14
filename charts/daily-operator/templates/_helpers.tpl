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

{{- define "daily-operator.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{/* Start of the names of cluster-scoped objects. A release that serves only some namespaces may have
a namesake in another namespace. */}}
{{- define "daily-operator.clusterName" -}}
{{- include "daily-operator.fullname" . }}
{{- if .Values.watchNamespaces }}-{{ include "daily-operator.namespace" . }}{{ end }}
{{- end }}

{{- define "daily-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "daily-operator.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/* A value of a label or annotation as text. Helm reads the integers of a values file as floats,
which would otherwise be printed as 2.0261125e+07. */}}
{{- define "daily-operator.text" -}}
{{- if kindIs "float64" . }}{{ printf "%.0f" . }}{{ else }}{{ toString . }}{{ end }}
{{- end }}

{{- define "daily-operator.texts" -}}
{{- $texts := dict }}
{{- range $key, $value := . }}
{{- $_ := set $texts $key (include "daily-operator.text" $value) }}
{{- end }}
{{- toYaml $texts }}
{{- end }}

{{- define "daily-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "daily-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: controller
{{- end }}

{{/* Labels of every object. The labels of the users never replace those of the selectors. */}}
{{- define "daily-operator.labels" -}}
{{- $own := include "daily-operator.selectorLabels" . | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion }}
{{- $_ := set $own "app.kubernetes.io/part-of" .Chart.Name }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- $common := include "daily-operator.texts" .Values.commonLabels | fromYaml }}
{{- $global := include "daily-operator.texts" .Values.global.commonLabels | fromYaml }}
{{- toYaml (merge $own $common $global) }}
{{- end }}

{{- define "daily-operator.podLabels" -}}
{{- $own := include "daily-operator.labels" . | fromYaml }}
{{- toYaml (merge $own (include "daily-operator.texts" .Values.podLabels | fromYaml)) }}
{{- end }}

{{- define "daily-operator.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "daily-operator.imagePullSecrets" -}}
{{- with concat (.Values.global.imagePullSecrets | default list) (.Values.imagePullSecrets | default list) }}
imagePullSecrets:
  {{- range . }}
  - name: {{ if kindIs "string" . }}{{ . | quote }}{{ else }}{{ .name | quote }}{{ end }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The subject of every binding. */}}
{{- define "daily-operator.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "daily-operator.serviceAccountName" . | quote }}
    namespace: {{ include "daily-operator.namespace" . | quote }}
{{- end }}

{{/* Name of the Secret with the default key; empty if there is no default key. */}}
{{- define "daily-operator.keySecretName" -}}
{{- if .Values.daily.apiKey.value -}}
{{ include "daily-operator.fullname" . }}-api-key
{{- else -}}
{{ .Values.daily.apiKey.existingSecret.name }}
{{- end }}
{{- end }}

{{- define "daily-operator.keySecretKey" -}}
{{- if .Values.daily.apiKey.value }}api-key{{ else }}{{ .Values.daily.apiKey.existingSecret.key }}{{ end }}
{{- end }}

{{- define "daily-operator.hasCaBundle" -}}
{{- if or .Values.daily.caBundle.configMapName .Values.daily.caBundle.secretName }}true{{ end }}
{{- end }}

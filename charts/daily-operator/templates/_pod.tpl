{{/* What the Deployment and the pod of `helm test` have in common: the second checks the first only if
both run with the same flags, environment, files and rights. */}}

{{- define "daily-operator.args" -}}
- {{ printf "--daily-base-url=%s" .Values.daily.baseUrl | quote }}
{{- if include "daily-operator.hasCaBundle" . }}
- {{ printf "--daily-ca-file=/etc/daily-operator/ca/%s" .Values.daily.caBundle.key | quote }}
{{- end }}
{{- with .Values.daily.proxy }}
- {{ printf "--daily-proxy=%s" . | quote }}
{{- end }}
{{- with include "daily-operator.keySecretName" . }}
{{- $key := include "daily-operator.keySecretKey" $ }}
- {{ printf "--default-api-key-secret=%s/%s%s" (include "daily-operator.namespace" $) . (eq $key "api-key" | ternary "" (printf "/%s" $key)) | quote }}
{{- if kindIs "map" $.Values.daily.apiKey.namespaces }}
- {{ printf "--default-api-key-namespaces=%s" (toJson $.Values.daily.apiKey.namespaces) | quote }}
{{- end }}
{{- if kindIs "map" $.Values.daily.apiKey.numberNamespaces }}
- {{ printf "--default-api-key-number-namespaces=%s" (toJson $.Values.daily.apiKey.numberNamespaces) | quote }}
{{- end }}
{{- if $.Values.daily.apiKey.allowAdoption }}
- --allow-adoption-with-default-key=true
{{- end }}
{{- end }}
{{- with .Values.daily.apiKey.allowRoomProperties }}
- {{ printf "--allow-room-properties=%s" (join "," .) | quote }}
{{- end }}
{{- with .Values.daily.globalNumbers }}
- {{ printf "--global-numbers=%s" (join "," .) | quote }}
{{- end }}
{{- with .Values.watchNamespaces }}
- {{ printf "--watch-namespaces=%s" (join "," .) | quote }}
{{- end }}
{{- with .Values.clusterId }}
- {{ printf "--cluster-id=%s" . | quote }}
{{- end }}
{{- with .Values.previousClusterIds }}
- {{ printf "--previous-cluster-ids=%s" (join "," .) | quote }}
{{- end }}
{{- with .Values.installationId }}
- {{ printf "--installation-id=%s" . | quote }}
{{- end }}
{{- with .Values.takeOverInstallationIds }}
- {{ printf "--take-over-installation-ids=%s" (join "," .) | quote }}
{{- end }}
{{- with .Values.driftInterval }}
- {{ printf "--drift-interval=%s" . | quote }}
{{- end }}
{{- with .Values.quietPeriod }}
- {{ printf "--quiet-period=%s" . | quote }}
{{- end }}
{{- with .Values.orphans.age }}
- {{ printf "--orphan-age=%s" . | quote }}
{{- end }}
{{- if eq .Values.orphans.policy "Delete" }}
- --orphan-policy=delete
{{- end }}
{{- if eq .Values.codeInStatus "omit" }}
- --code-in-status=omit
{{- end }}
- {{ printf "--number-api=%s" (kebabcase .Values.numberApi) | quote }}
- {{ printf "--writes=%s" .Values.writes | quote }}
- {{ printf "--log-format=%s" .Values.log.format | quote }}
- --listen=:8080
- {{ printf "--lease-namespace=%s" (include "daily-operator.namespace" .) | quote }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{- define "daily-operator.env" -}}
{{- $env := list }}
{{- $given := list }}
{{- range .Values.extraEnv }}
{{- $given = append $given .name }}
{{- end }}
{{- if and .Values.log.level (not (has "DAILY_OPERATOR_LOG" $given)) }}
{{- $env = append $env (dict "name" "DAILY_OPERATOR_LOG" "value" .Values.log.level) }}
{{- end }}
{{- with concat $env (.Values.extraEnv | default list) }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "daily-operator.volumeMounts" -}}
{{- $own := list }}
{{- if include "daily-operator.hasCaBundle" . }}
{{- /* A whole folder: a file by subPath would not follow changes of the ConfigMap or Secret. */}}
{{- $own = append $own (dict "name" "daily-ca" "mountPath" "/etc/daily-operator/ca" "readOnly" true) }}
{{- end }}
{{- with concat $own (.Values.extraVolumeMounts | default list) }}
volumeMounts:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "daily-operator.volumes" -}}
{{- $own := list }}
{{- with .Values.daily.caBundle.configMapName }}
{{- $own = append $own (dict "name" "daily-ca" "configMap" (dict "name" .)) }}
{{- end }}
{{- with .Values.daily.caBundle.secretName }}
{{- $own = append $own (dict "name" "daily-ca" "secret" (dict "secretName" .)) }}
{{- end }}
{{- with concat $own (.Values.extraVolumes | default list) }}
volumes:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "daily-operator.topologySpreadConstraints" -}}
{{- if .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml .Values.topologySpreadConstraints | nindent 2 }}
{{- else if gt (int .Values.replicaCount) 1 }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "daily-operator.selectorLabels" . | nindent 8 }}
    # A rolling update counts only its new pods.
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{/* Which nodes a pod runs on, and what it may do there. */}}
{{- define "daily-operator.placement" -}}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- include "daily-operator.texts" . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

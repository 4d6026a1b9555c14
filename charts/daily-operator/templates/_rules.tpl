{{/* What the operator needs in every namespace that it serves, by ClusterRole or by Roles. */}}
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
  verbs: [get, list, watch, create, update, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

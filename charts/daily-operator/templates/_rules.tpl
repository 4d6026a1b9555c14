{{/* What the operator needs of its own kinds. In all namespaces, also if it serves only some: a Role
goes with its namespace before the finalizers are removed, and then the namespace is never deleted. */}}
{{- define "daily-operator.kindRules" -}}
- apiGroups: [daily-operator.io]
  resources: [dailyrooms, pindialinnumbers]
  verbs: [get, list, watch, patch]
- apiGroups: [daily-operator.io]
  resources: [dailyrooms/status, pindialinnumbers/status]
  verbs: [patch]
{{- end }}

{{/* What else the operator needs in every namespace that it serves, by ClusterRole or by Roles. */}}
{{- define "daily-operator.servedRules" -}}
# For spec.ttlAfterExpired.
- apiGroups: [daily-operator.io]
  resources: [dailyrooms]
  verbs: [delete]
# API keys are read by name. list and watch are used for the metadata of Secrets
# with the operator's own label only; RBAC cannot say that.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, update, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

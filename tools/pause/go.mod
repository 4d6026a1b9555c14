// The first process of a pod, and of the node itself: it waits and collects ended children.
module daily-operator.io/tools/pause

go 1.26.0

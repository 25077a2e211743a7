// Package e2e tests Fixpoint as its users run it: the controller that main
// starts, a real API server (bin/localcluster), real Git servers. Tests use
// what users see: Kubernetes objects, events, metrics, the binary.
package e2e

// Package demo shows Fixpoint at work: a Kubernetes API server, a Git server
// with the examples, the controller, one Argo CD app and one Flux app. Where it
// runs for people, a second cluster and sample apps join, for the web UI to show:
// they are declared, left to the controller, and told of once.
//
// It only does what a user would do: it pushes with git and writes and watches
// Kubernetes objects through the API server. What it prints is what it has seen
// there. It never looks into the controller, which it is given as a function.
//
// In its folder are cluster/ and cluster-staging/ (the control planes), git/ (the
// repositories), clone/ and clone-samples/ (its own clones), controller/ (the
// controller's data) and controller.log.
package demo

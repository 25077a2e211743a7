// Package demo shows Fixpoint at work: a Kubernetes API server, a Git server
// with the examples, the controller, one Argo CD app and one Flux app.
//
// It only does what a user would do: it pushes with git and writes and watches
// Kubernetes objects through the API server. What it prints is what it has seen
// there. It never looks into the controller, which it is given as a function.
//
// In its folder are cluster/ (the control plane), git/ (the repositories),
// clone/ (its own clone), controller/ (the controller's data) and
// controller.log.
package demo

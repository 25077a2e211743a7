// Package argo is the front end for Argo CD's manifests: Application
// (argoproj.io/v1alpha1) and the Secrets and ConfigMaps by which Argo CD is
// told of repositories and clusters.
//
// Adapt turns an Application into the model's words and Status turns a report of
// the engine into Argo CD's status fields; both are pure. Reconciler watches,
// hands over, and writes status and events.
//
// Applications are read unstructured, so that a field that is not known is seen
// and can be warned about.
//
// status holds Argo CD's own fields. Three types of conditions are ours, each a
// warning to everything that shows conditions: UnsupportedFieldWarning (a field
// that is set and not honoured), RenderWarning and PruneWarning.
//
// What Argo CD does otherwise: the refresh annotation goes when the refresh has
// been handed over, not when it has been done; an operation that asks for another
// source than spec.source is refused; while objects are being deleted, what is
// waited for is the message of status.health.
//
// status is not a subresource, so each status write raises metadata.generation
// and comes back as an event. Nothing follows from such an event: what is handed
// to the engine is compared with what was handed over before.
package argo

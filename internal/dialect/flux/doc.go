// Package flux is the front end for Flux's manifests: GitRepository
// (source.toolkit.fluxcd.io/v1) and Kustomization
// (kustomize.toolkit.fluxcd.io/v1).
//
// The adapters turn an object into the model's words, and the status functions
// turn a report of the engine into Flux's own status fields; both are pure. The
// controllers watch the objects, hand what they declare to the engine and the
// source store, and write status and events.
//
// Objects are read unstructured: one that a typed client can't decode (a
// duration that overflows passes the CRD's pattern) is then an error of that
// object alone and not of the whole watch, and fields of a newer version are
// seen, so that they can be warned of.
//
// What is written to status beyond Flux's own conditions: UnsupportedFields
// lists the fields that are set and not honoured, Warnings lists everything
// else a user should know. Both are present only while there is something to
// tell.
//
// There is no artifact server. status.artifact of a GitRepository names the
// revision; its url is empty, its path is "gitrepository/<ns>/<name>/<commit>"
// and its digest is the SHA-256 of the commit id, which changes when and only
// when the revision does.
package flux

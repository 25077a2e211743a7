// Package flux is the front end for Flux's manifests: the sources of
// source.toolkit.fluxcd.io/v1, Kustomization
// (kustomize.toolkit.fluxcd.io/v1), HelmRelease (helm.toolkit.fluxcd.io/v2) and
// Receiver (notification.toolkit.fluxcd.io/v1).
//
// The adapters turn an object, and what was read of the objects that it refers
// to, into the model's words; the status functions turn what the engine and the
// source store report into Flux's own status fields. Both are pure. The
// reconcilers watch the objects, hand what they declare to the engine and the
// source store, and write status and events.
//
// Objects are read unstructured: one that a typed client can't decode (a
// duration that overflows passes the CRD's pattern) is then an error of that
// object alone and not of the whole watch, and fields of a newer version are
// seen, so that they can be warned of.
//
// Secrets, ConfigMaps and ServiceAccounts that objects refer to are read from
// the API server when the object or they themselves change. Of all of them only
// the metadata is watched, and of that only the versions of those that were read
// are kept. What they hold stays in the app and the source that are made of it.
//
// A HelmRelease with a template gets a HelmChart, as Flux makes it, so that
// everything that Flux's users do with that works. A chart of an OCIRepository is
// a subscription of the HelmRelease itself, "flux/HelmRelease/<ns>/<name>"; all
// others are those of source objects, "flux/<kind>/<ns>/<name>". A chart in a
// directory of a GitRepository or Bucket has none: it is read where it lies.
//
// What is written to status beyond Flux's own conditions: UnsupportedFields
// lists the fields that are set and not honoured, Warnings lists everything
// else a user should know. Both are present only while there is something to
// tell. lastAttemptedConfigDigest of a HelmRelease is the digest of its spec, its
// values and its chart's source; Flux has that of the values there.
//
// There is no artifact server. status.artifact of a source names the revision;
// its url is empty, its path is "<kind>/<ns>/<name>/<revision>", and its digest
// that of what was fetched, of a GitRepository the SHA-256 of the commit id, which
// changes when and only when the revision does.
package flux

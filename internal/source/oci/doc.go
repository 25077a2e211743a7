// Package oci gets artifacts and Helm charts from OCI registries: what flux push
// artifact, oras push and helm push have put there. Of an artifact it takes one
// layer, the first or the one with the media type that is asked for; of an index
// the manifest without a platform, or that for linux/amd64.
//
// A look costs a HEAD of the tag when nothing has changed, and a list of the tags
// before it where a range of versions is asked for; none where a digest is.
// Manifests and layers are fetched by digest and must have it.
package oci

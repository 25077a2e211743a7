// Package bucket gets the objects of an S3-compatible bucket: Amazon's, Google's
// through its interoperability API, MinIO's and others'. Azure's is none.
//
// A look lists the bucket, a request for each 1,000 objects; objects whose ETag is
// the one that they had are not fetched again. The revision is the SHA-256 of the
// sorted lines "key etag", as Flux computes it. What the rules of the source, and
// a file with rules at the bucket's root, leave out is neither fetched nor part
// of the revision; nor is that file itself.
//
// Keys become paths. One that is absolute or has a .. or a backslash in it makes
// the whole bucket an error. Keys that end in a slash are passed over.
package bucket

// Package target is the seam to a cluster: the connection, what kinds it
// serves, the mirror of the objects that apps manage, and the writes.
//
// The mirror keeps, for every object that bears an app's mark or that an app
// claims, a small record: identity, a digest of the fields that our field
// manager owns, health, owner. The API server takes a field out of that set
// when anybody else changes or removes it, so the digest tells drift without a
// read. Everything else that a watch delivers is dropped on arrival.
//
// The package does not decide anything: it says what is and does what it is
// told.
package target

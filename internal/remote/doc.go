// Package remote gives renders what lies outside of their app's sources: remote
// bases, chart dependencies and files by their URLs, as far as the operator
// allows them. It says which URLs those are, keeps what was fetched, and tells
// which apps have to be rendered again when it changes.
//
// It knows no credentials: who fetches for it adds them.
package remote

// Package helm renders charts as `helm template --include-crds` of Helm v4 does,
// with Helm's own engine, and without Helm's access to disk and network: every
// file comes from input.Files, every download and every remote chart from
// input.Inputs.
//
// What differs from the command on purpose: keys and values return their lists
// sorted, so that two renders of the same inputs are alike; schemas are checked
// without fetching what they refer to; functions whose result grows with a
// number are bounded; and no error repeats a value.
package helm

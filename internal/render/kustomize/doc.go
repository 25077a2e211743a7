// Package kustomize builds kustomizations as `kustomize build` does, with the
// parts of Kustomize's library: its resources, transformers and generators.
//
// What the library does around them is done here anew, for three reasons. Its
// loader reads the disk, asks the network and starts git and helm; here every
// file comes from input.Files, every remote base and chart from input.Inputs,
// and no other code is reached. It keeps the OpenAPI schema once for the
// process; here only a build that sets a schema runs alone, all others run side
// by side. And it tries everything on every object; here what can't apply is
// left out first.
//
// The outcome is the library's, object by object: package oracle compares with
// the command, and the tests of this package with the library.
package kustomize

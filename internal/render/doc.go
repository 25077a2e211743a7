// Package render turns the files of a source into objects, whatever tool they
// are for. A Renderer remembers, waits and limits; package job does one render,
// here or in a confined process of package worker, with the tool's package:
// plain, kustomize, helm, cue, plugin.
//
// A render is a function of what it read and of model.Render, and is remembered
// as such: every path that was read, listed or looked for is noted with its
// content hash, every download with its digest, and what was asked of the
// target. A later render with the same settings for which all of them are the
// same is answered from memory. A commit elsewhere in a repository therefore
// renders nothing.
//
// YAML is read as kubectl reads it (YAML 1.1: an unquoted yes is true), with
// two exceptions that are errors here and silent there: a key that is given
// twice, and text after the end of a JSON object. Inside a kustomization the
// YAML is Kustomize's (an unquoted yes is the string "yes"), so that the
// outcome is that of `kustomize build`.
//
// What comes out is what the files declare: no namespace is defaulted, nothing
// is removed, objects that are declared twice are there twice.
//
// Input is not trusted. Sizes are checked before anything is read, the
// expansion of aliases, nesting and the number of bases are bounded, and every
// read goes through package input: to the app's sources, and to what the
// operator allows elsewhere. The package does no policy: which objects may be
// managed is decided later.
package render

// Package render turns the files of a source into objects: directories of YAML
// and JSON, and Kustomize, both in the process and without a file on disk.
//
// A render is a function of the files that it read and of model.Render, and is
// remembered as such: every path that was read, listed or looked for is noted
// with its content hash, and a later render of another tree in which all of
// them are the same is answered from memory. A commit elsewhere in a
// repository therefore renders nothing.
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
// expansion of aliases, nesting and the number of bases are bounded, and
// nothing but the tree is ever read: no disk, no network, no program is run.
// The package does no policy: which objects may be managed is decided later.
package render

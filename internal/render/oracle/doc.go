// Package oracle holds the tests that compare renders with the stock commands,
// which are built at the pinned versions of hack/stock. It has no code of its
// own.
//
// A case is a txtar file in testdata/TOOL. Its part cmd is the stock command,
// kustomize or helm, with its arguments; of several, on a line each, the last
// one's output counts. Its part render.yaml is the model.Render that has to make
// the same objects, and world.yaml, if it is there, what is around the render.
// The other parts are the files that both see; one called "a -> b" is a symbolic
// link. A "!" before the last command says that both have to fail.
package oracle

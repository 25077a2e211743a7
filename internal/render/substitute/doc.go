// Package substitute replaces ${variables} in rendered objects, in the grammar
// of Flux's postBuild and with its quirks: an object is printed as YAML, as
// kustomize prints it, the variables are replaced in that text, and the text is
// read again. So a value that replaces a whole string becomes a number or a
// boolean if it looks like one, unless it brings its own quotes.
//
// It does not find the variables: they come with model.Substitute.
package substitute

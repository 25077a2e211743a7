// Package manifest turns the text of manifests into objects, reading YAML as
// kubectl does, and guards against text that becomes more than it is.
package manifest

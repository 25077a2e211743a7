// Package archtest holds the project's architecture as a failing test: which
// folder may import which, how many packages the binary links, and who may
// start processes. It has no code of its own.
//
// The arrows are the table in arrows_test.go. A change of that table is a
// change of the design: docs/architecture.md changes with it.
package archtest

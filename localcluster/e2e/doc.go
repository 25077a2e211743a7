// Package e2e holds the tests of the built localcluster binary. They execute it
// and import nothing of it, so that they link in a second.
package e2e

// Package action knows what can be done with objects besides declaring them:
// restart, scale, pause, resume and the like, for the kinds that have it. It is
// pure: what an action does is a list of changes, which the caller writes. A
// change touches what its action says and nothing else.
//
// The table of kinds is in table.go; docs/actions.md is written from it.
package action

// Package viewtest is an installation for tests of pages and APIs: a view.Backend with
// a sample of apps in all the states that there are, and a view.Desk over any backend.
//
// Nothing of it moves by itself: time stands at Now, and what changes is what a test
// changes. The queries of apps are those of package board, as in the real thing.
package viewtest

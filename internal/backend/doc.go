// Package backend is what the web pages and the APIs ask: it puts together, of what
// the engine, the source store, the dialects' objects and the history know, the
// values of package view, and turns what people ask for into what they would write
// into the objects of the dialects themselves.
//
// It keeps a line per app on the board, current by the engine's reports and the
// watches that there are in any case, so that nothing is asked of anybody while
// people look at lists. Nobody's rights are checked here: see package guard.
package backend

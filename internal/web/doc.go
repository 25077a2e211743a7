// Package web has the pages: HTML that is made on the server from view's values, its
// style, its icons, and the little script that keeps open pages current.
//
// A page is a struct that embeds Frame and a function that fills it from the reader's
// view.Desk. The same function serves three requests: the whole page, the parts of it
// that a change of its address has changed, and the stream of its live regions. What a
// region is, and how a page is added, is said at Frame.
//
// Pages work without the script: links and forms are links and forms. Nothing in a page
// is inline script or style, so that the strictest Content-Security-Policy holds.
//
// The package knows neither who signs in nor who may do what: both come with the desk.
package web

// Package front is the front door: every request of a person or a program comes in
// here, and nothing behind it is reached without a desk.
//
// It says who asks, where from, and whether the request may be answered at all: it
// refuses other sites' requests, bodies and headers without end, more streams than are
// good for all. What a reader may see and do is none of its business; that is checked
// at the desk that it puts into the request's context (view.DeskOf).
//
// What is behind the door sees the address of the client as the request's RemoteAddr,
// with port 0.
package front

// Package apply acts on what has been decided: it writes and deletes, stage after
// stage, in parallel within one, and says what came of it. It decides nothing and
// waits for nothing: what takes its time, such as an object with a finalizer, is
// reported as running.
//
// Its pure part makes objects of hooks: their names, the mark of their operation
// and the finalizer that holds them until their outcome is known.
package apply

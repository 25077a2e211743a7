// Package sequence says what comes next in a sync or in an app's deletion: a pure
// function of the plan, of what is live, and of what has happened so far. It
// holds no state and no clock: an operation that was cut off at any point goes on
// from what is in the cluster and in the operation's results.
//
// Nothing is waited for by time: where something has to become healthy, finished or
// gone first, the answer says so, and the caller asks again when that changes.
package sequence

// Package sequence says what comes next in a sync or in an app's deletion: a pure
// function of the plan, of what is live, and of what has happened so far. It
// holds no state and no clock: an operation that was cut off at any point goes on
// from what is in the cluster and in the operation's results.
//
// Nothing is waited for by time: where something has to become healthy, finished or
// gone first, the answer says so, and the caller asks again when that changes.
//
// The order is that of phases, then of waves. Objects and hooks of one wave go
// together; a wave is finished when its objects are healthy, its hooks have succeeded
// and what goes in it is gone. In the last one, if it has no hooks, nothing but
// deletions is waited for. A Namespace and a CustomResourceDefinition come with the
// first that needs them.
//
// What goes, goes from its highest wave down, each wave gone before the next. It
// begins once the highest of these waves is written, so that of what replaces it as
// much as possible is there. What is gone leaves no trace that tells where it was, and
// so the order may not depend on it: here it does not, wherever a restart comes in.
//
// What exists with the mark of the operation and a phase is the run of that hook.
// Nothing takes the last trace of a run away before its outcome is recorded.
package sequence

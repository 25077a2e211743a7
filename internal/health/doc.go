// Package health judges live objects: by a rule of its own for each built-in
// kind that has something to wait for, by the common status conditions for
// every other kind. The verdicts are Argo CD's, so that an app that moves here
// keeps its health.
//
// It is pure: objects come in as the maps that JSON decodes to, verdicts go
// out; it reads no cluster and no clock. What a status means for an app that
// waits (is Suspended good enough?) is not decided here.
package health

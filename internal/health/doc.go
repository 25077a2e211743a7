// Package health judges live objects: the built-in kinds that have something to
// wait for by code, the kinds that GitOps users run besides them by a table of
// rules (rules/README.md), every other kind by the common status conditions. The
// verdicts are Argo CD's, so that an app that moves here keeps its health.
//
// It is pure: objects come in as the maps that JSON decodes to, verdicts go
// out; it reads no cluster and no clock. What a status means for an app that
// waits (is Suspended good enough?) is not decided here.
package health

// Package argoapi answers as the REST API of Argo CD's server does: the same addresses,
// parameters, field names and errors, for dashboards, portals and scripts that know that
// API. It shows Applications only; Flux's kinds are in Fixpoint's own API.
//
// Everything comes from the request's view.Desk, which enforces rights and masks secrets.
// What Argo CD's API can do to other declarations than Applications' is refused with what
// to do instead. docs/argo-cd-api.md is the table of what is answered.
package argoapi

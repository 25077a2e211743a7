// Package webhook reads the calls by which Git hosts and registries say that
// something was pushed: whether they are genuine, and which repositories and
// refs they name. Nothing else is taken from a call, no URL in it is ever asked:
// a forged one costs a look at a repository that is known anyway.
//
// Two kinds of paths exist: the one that all senders use, as Argo CD's
// /api/webhook, where the headers say who it is; and those of Flux's Receivers,
// where the path does.
package webhook

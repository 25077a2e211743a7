package view

import "context"

// SignIn is what the page for signing in shows.
type SignIn struct {
	// Local: names and passwords are taken. SSO is the name of the provider that can be
	// gone to, "" if there is none.
	Local bool
	SSO   string
	// Failed is one of the Failed… constants, "" at first: never a text of a request.
	Failed string
	// Name is what was typed, ReturnTo the local path to go on with.
	Name, ReturnTo string
}

// Why signing in failed.
const (
	FailedPassword = "password" // wrong name or password, whichever
	FailedBusy     = "busy"     // too many attempts
	FailedSSO      = "sso"      // the provider's answer is no good
	FailedDeclined = "declined" // the provider says no, or whoever is there does
	FailedAway     = "away"     // the provider does not answer
	FailedStale    = "stale"    // its answer is to nothing that was begun here, or too late
	FailedExpired  = "expired"  // the session has ended
	FailedHost     = "host"     // nobody is let in without signing in at this host name
)

type deskKey struct{}

// WithDesk gives the handlers of a request their desk.
func WithDesk(ctx context.Context, desk Desk) context.Context {
	return context.WithValue(ctx, deskKey{}, desk)
}

// DeskOf is the desk of a request. Every request that reaches a page or an API has
// one.
func DeskOf(ctx context.Context) Desk {
	desk, _ := ctx.Value(deskKey{}).(Desk)
	return desk
}

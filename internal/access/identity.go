package access

import "time"

// Identity is who asks, as its token says. The zero Identity may nothing.
type Identity struct {
	// Subject is what policies name: an account such as "admin", a project's role as
	// "proj:team:ci", or what an identity provider calls somebody.
	Subject string
	// Title is for people: a mail address, a display name, or Subject.
	Title string
	// Local: Subject is an account or a project's role, and whoever has issued the
	// Identity vouches for it. Without it Subject is what an identity provider says, and
	// never an account, a role or a project's role of the same name.
	Local bool
	// Groups are those that the identity provider says.
	Groups []string
	// Anonymous: nobody has signed in, and the installation lets such readers in.
	Anonymous bool
	// TokenID names the token that was shown, for revoking it. It is no secret; what it
	// is made of is the business of who has issued the Identity.
	TokenID string
	// Issued and Expires are the token's; Expires is zero of one that never does.
	Issued, Expires time.Time
}

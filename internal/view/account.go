package view

import (
	"context"
	"errors"
	"time"
)

// Account is what a reader may know of itself.
type Account struct {
	Who
	// Means is how it has signed in, one of the Means… constants; "" of an anonymous one.
	// Provider is the name of the identity provider, if that was it.
	Means, Provider string
	// Since and Until are when it has signed in and when that ends; zero is never.
	Since, Until time.Time
	// Roles are those that it has, Rights the lines of policies about it and them.
	Roles  []string
	Rights []Right
	// HasPassword: it is a local account that can change its password.
	HasPassword bool
	// HasTokens: it is a local account that may have API tokens, which are Tokens.
	HasTokens bool
	Tokens    []AccountToken
}

// Means of signing in.
const (
	MeansPassword = "password"
	MeansSSO      = "sso"
	MeansToken    = "token"
)

// Right is a line of a policy: who may what, or may not.
type Right struct {
	Subject, Resource, Action, Object string
	Deny                              bool
}

// AccountToken is an API token of an account, as it is listed.
type AccountToken struct {
	ID string
	// Expires is zero of a token that never ends.
	Issued, Expires time.Time
	// Ended: it is not taken any more, as its time is over or the password has changed
	// since.
	Ended bool
}

// LocalAccount is an account that argocd-cm declares.
type LocalAccount struct {
	Name    string
	Enabled bool
	// Capabilities are login and apiKey.
	Capabilities []string
	Tokens       []AccountToken
}

// ErrTooMany says that there were too many attempts, and nothing was compared.
var ErrTooMany = errors.New("too many attempts")

// PasswordChange asks for another password of an account.
type PasswordChange struct {
	Account string
	// Current is the password of whoever asks: nobody changes one who has only found an
	// open session.
	Current, New string
}

// Session is one that was opened.
type Session struct {
	Token   string
	Expires time.Time
	// Device makes a browser known that the account has signed in with.
	Device string
}

// Accounts are what a desk does with accounts: the reader's own, and those of others
// that it has the right "update" of.
type Accounts interface {
	// Account is the reader.
	Account(context.Context) (Account, error)
	// LocalAccounts are the reader's own and those that it has the right "get" of, by name.
	LocalAccounts(context.Context) ([]LocalAccount, error)
	// UpdatePassword ends all sessions and API tokens of the account. If it is the
	// reader's own, there is a new session for it.
	UpdatePassword(context.Context, PasswordChange) (Session, error)
	// IssueToken makes an API token, which nobody can see again. It ends after lasts, 0
	// is never; an id of "" is a random one.
	IssueToken(ctx context.Context, account, id string, lasts time.Duration) (token string, err error)
	DeleteToken(ctx context.Context, account, id string) error
}

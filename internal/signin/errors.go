package signin

import (
	"errors"
	"fmt"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Why somebody is not let in.
var (
	// ErrRefused: the request shows no token, or none that is good.
	ErrRefused = errors.New("not signed in")
	// ErrExpired: the token was good once. It is ErrRefused as well.
	ErrExpired = fmt.Errorf("%w: the session has ended", ErrRefused)
	// ErrPassword: no such account, another password, or the account may not sign in;
	// nobody learns which. It is ErrRefused as well.
	ErrPassword = model.As(ErrRefused, errors.New("wrong name or password"))
	// ErrBusy: too many attempts; see Busy.
	ErrBusy = errors.New("too many attempts to sign in")
	// ErrSSO: the identity provider refused, can't be reached, or its answer is no good.
	ErrSSO = errors.New("the identity provider did not confirm who you are")
	// ErrDeclined: the provider says that it won't, or its user does. ErrStale: the
	// answer is to nothing that the browser has begun, or it comes too late. Both are
	// ErrSSO as well.
	ErrDeclined = fmt.Errorf("%w: it has declined", ErrSSO)
	ErrStale    = fmt.Errorf("%w: its answer is to nothing that the browser has begun", ErrSSO)
)

// Busy says when another attempt may be made. It is ErrBusy.
type Busy struct{ After time.Duration }

func (b Busy) Error() string {
	return fmt.Sprintf("%v: try again in %s", ErrBusy, max(b.After.Round(time.Second), time.Second))
}

func (b Busy) Unwrap() error { return ErrBusy }

// refused is ErrRefused with the reason, which holds nothing that the request says.
func refused(reason string) error { return fmt.Errorf("%w: %s", ErrRefused, reason) }

package model

import (
	"errors"
	"fmt"
)

// Kinds of errors. An error has the kind K if errors.Is(err, K) holds; the
// first of them that it has decides what is done about it.
var (
	// ErrInvalid: what the user wrote is wrong; trying again changes nothing.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound: something that was named does not exist (yet).
	ErrNotFound = errors.New("not found")
	// ErrDenied: not permitted.
	ErrDenied = errors.New("denied")
	// ErrTransient: likely to pass; try again with back-off.
	ErrTransient = errors.New("transient")
	// ErrElsewhere: it depends on something that nobody watches, such as a server
	// that a render asks; try again after some minutes. Such an error is of another
	// kind as well.
	ErrElsewhere = errors.New("elsewhere")
	// ErrImmutable: a field that can't change would have to; deleting and creating
	// the object anew would help. Such an error is ErrInvalid as well.
	ErrImmutable = errors.New("immutable")
	// ErrUnverified: content bears no good signature where one is demanded. Such
	// an error is ErrDenied as well.
	ErrUnverified = errors.New("unverified")
	// ErrIncludeUnavailable: another source that is a part of this one has no
	// content (yet). Such an error is ErrTransient or ErrInvalid as well.
	ErrIncludeUnavailable = errors.New("include unavailable")
)

// kindError gives an error a kind without changing its text.
type kindError struct {
	err  error
	kind error
}

func (e *kindError) Error() string   { return e.err.Error() }
func (e *kindError) Unwrap() []error { return []error{e.err, e.kind} }

// As gives err the kind; nil stays nil.
func As(kind, err error) error {
	if err == nil {
		return nil
	}
	return &kindError{err: err, kind: kind}
}

// Invalidf is fmt.Errorf of the kind ErrInvalid.
func Invalidf(format string, args ...any) error {
	return As(ErrInvalid, fmt.Errorf(format, args...))
}

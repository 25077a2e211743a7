package signin

import (
	"context"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
)

// lasting are those who are let in for longer than a request.
type lasting struct {
	mu   sync.Mutex
	open map[*stay]struct{} // guarded by mu
}

// stay is one of them.
type stay struct {
	// ticket is what has let it in; anonymous: nothing has.
	ticket    ticket
	anonymous bool
	end       context.CancelCauseFunc
}

// While is ctx for as long as what has let id in holds, as far as is known here: it ends
// at once, with the reason as its cause, when somebody signs out of the session here, a
// token is deleted, or an account may not go on. What ends at another replica is for
// Valid to find out.
func (s *Service) While(ctx context.Context, id access.Identity) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	t, _ := ticketOf(id)
	one := &stay{ticket: t, anonymous: id.Anonymous, end: end}
	s.lasting.enter(one)
	// It may have ended since the request was let in, before anybody could tell it.
	if err := one.admit(s.settings.Load(), time.Now()); err != nil {
		end(err)
	} else if ended, _ := s.revoked.recall(t.tokenID()); ended {
		end(ErrExpired)
	}
	return ctx, func() {
		s.lasting.leave(one)
		end(context.Canceled)
	}
}

// admit says whether the settings let it go on.
func (o *stay) admit(set *Settings, now time.Time) error {
	switch {
	case !o.anonymous:
		return set.admit(o.ticket, now)
	case !set.Anonymous:
		return refused("readers have to sign in now")
	}
	return nil
}

func (l *lasting) enter(o *stay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[*stay]struct{}{}
	}
	l.open[o] = struct{}{}
}

func (l *lasting) leave(o *stay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, o)
}

// review ends those that the settings don't let in any more.
func (l *lasting) review(set *Settings) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for o := range l.open {
		if err := o.admit(set, now); err != nil {
			o.end(err)
		}
	}
}

// ended ends those of a token that was revoked.
func (l *lasting) ended(tokenID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for o := range l.open {
		if !o.anonymous && o.ticket.tokenID() == tokenID {
			o.end(ErrExpired)
		}
	}
}

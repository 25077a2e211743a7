package script

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// trust keeps scripts that go beyond their limits out of the way of the others.
// A script that is not known to end, because it is new or has just not ended, has
// one place at a time, and all such scripts together leave a place to the others.
// A question that a script could not answer is not asked again for a while.
type trust struct {
	rest time.Duration
	// doubtful are the places of scripts that are not known to end.
	doubtful chan struct{}

	mu      sync.Mutex
	scripts *cache[model.Digest, *known]
	// failed are questions that went beyond a limit.
	failed *cache[model.Digest, failure]
}

// known is what is known of a script. Its fields but place need trust.mu.
type known struct {
	// place is that of a script that is not known to end.
	place chan struct{}
	// ends: its last run ended by itself. worked: one ever did.
	ends, worked bool
	// strikes is how many runs in a row did not.
	strikes int
	last    failure
}

// failure is the error of a run that went beyond a limit, and until when it is
// that of the next one, too.
type failure struct {
	err   error
	until time.Time
}

// turn is a run that may begin.
type turn struct {
	script   *known
	question model.Digest
	doubtful bool
}

// What trust remembers at most.
const (
	maxScripts = 4096
	maxFailed  = 4096
)

func newTrust(places int, rest time.Duration) *trust {
	return &trust{
		rest: rest, doubtful: make(chan struct{}, places),
		scripts: newCache[model.Digest, *known](maxScripts), failed: newCache[model.Digest, failure](maxFailed),
	}
}

// digest is that of a script, whatever the object.
func (q question) digest() model.Digest {
	libs := "safe"
	if q.OpenLibs {
		libs = "open"
	}
	return model.DigestOf([]byte(q.Task), []byte(libs), []byte(q.Source), []byte(strings.Join(q.Expressions, "\x00")))
}

// begin waits until the script may run, or returns the error that it would end with.
func (t *trust) begin(ctx context.Context, q question, object []byte) (turn, error) {
	script := q.digest()
	out := turn{question: model.DigestOf(script[:], object)}
	t.mu.Lock()
	out.script = t.scripts.get(script)
	if out.script == nil {
		out.script = &known{place: make(chan struct{}, 1)}
		t.scripts.put(script, out.script)
	}
	t.mu.Unlock()
	ends, err := t.verdict(out)
	if ends || err != nil {
		return out, err
	}
	if err := take(ctx, out.script.place); err != nil {
		return out, err
	}
	if ends, err = t.verdict(out); ends || err != nil {
		<-out.script.place
		return out, err
	}
	if err := take(ctx, t.doubtful); err != nil {
		<-out.script.place
		return out, err
	}
	out.doubtful = true
	return out, nil
}

func take(ctx context.Context, place chan struct{}) error {
	select {
	case place <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// verdict says whether the script is known to end, or what its run ends with.
func (t *trust) verdict(n turn) (ends bool, err error) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.failed.get(n.question); f.err != nil && now.Before(f.until) {
		return false, f.err
	}
	if s := n.script; !s.worked && s.last.err != nil && now.Before(s.last.until) {
		return false, s.last.err
	}
	return n.script.ends, nil
}

// end notes how a run ended, and gives its places back.
func (t *trust) end(n turn, err error) {
	if n.doubtful {
		defer func() { <-t.doubtful; <-n.script.place }()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var over *overrun
	switch s := n.script; {
	case errors.As(err, &over):
		s.ends = false
		s.last = failure{err, time.Now().Add(t.rest * time.Duration(min(30, 1<<min(s.strikes, 5))))}
		s.strikes++
		t.failed.put(n.question, s.last)
	case err == nil || errors.Is(err, model.ErrInvalid):
		s.ends, s.worked, s.strikes = true, true, 0
	}
}

package guard

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// The outcomes of records.
const (
	outcomeAllowed = "allowed"
	outcomeDenied  = "denied"
	outcomeFailed  = "failed"
)

// How often the same is written: what was seen, and what was refused.
const (
	seenEvery    = 10 * time.Minute
	refusedEvery = time.Minute
)

// How much is written of what was refused in a minute, whatever it was: of one reader,
// and of all. What is beyond is counted.
const (
	maxRefusals    = 60
	maxAllRefusals = 600
	// maxKept is how many records are known as written.
	maxKept = 20_000
)

// trail writes records.
type trail struct {
	to  func(context.Context, view.Audit) error
	now func() time.Time
	log *slog.Logger

	mu   sync.Mutex
	kept map[view.Audit]*kept // guarded by mu, as all below
	// minute is when the counts of refusals began.
	minute   time.Time
	refusals map[string]int
	all      int
	lists    listCounts
	swept    time.Time
}

// kept is what was written, and how often it was asked for since.
type kept struct {
	until   time.Time
	repeats int
}

func newTrail(to func(context.Context, view.Audit) error, now func() time.Time, log *slog.Logger) *trail {
	return &trail{to: to, now: now, log: log, kept: map[view.Audit]*kept{}, refusals: map[string]int{}}
}

// record is the beginning of a record of the reader.
func (d *desk) record(action, object string) view.Audit {
	who := d.reader.Identity.Subject
	if d.reader.Identity.Anonymous {
		who = "anonymous"
	}
	return view.Audit{Who: who, From: d.reader.From, Via: d.reader.Via, Action: action, Object: object}
}

// write writes a record; where that can't be done it is an error. Whoever hangs up has
// done it nevertheless.
func (t *trail) write(ctx context.Context, a view.Audit) error {
	return t.store(context.WithoutCancel(ctx), a)
}

// store is write for as long as ctx lasts.
func (t *trail) store(ctx context.Context, a view.Audit) error {
	if t.to == nil {
		return model.As(model.ErrTransient, fmt.Errorf("there is no audit trail, so that nothing is done: give Fixpoint a history store"))
	}
	a = tidy(a)
	a.At = t.now()
	if err := t.to(ctx, a); err != nil {
		t.log.Error("the audit trail can't be written", "action", a.Action, "object", a.Object, "error", err)
		return model.As(model.ErrTransient, fmt.Errorf("the audit trail can't be written, so that nothing was done: look at the store of the history, then try again"))
	}
	return nil
}

// failed notes that what was allowed has failed.
func (t *trail) failed(ctx context.Context, a view.Audit) { _ = t.write(ctx, a) } // it is logged

// seen notes that something was looked at, once in a while.
func (t *trail) seen(ctx context.Context, a view.Audit) {
	if t.to != nil {
		_ = t.sometimes(context.WithoutCancel(ctx), a, seenEvery) // it is logged, and a look changes nothing
	}
}

// once is write for what is not worth a record each time.
func (t *trail) once(ctx context.Context, a view.Audit) error {
	return t.sometimes(context.WithoutCancel(ctx), a, refusedEvery)
}

// refused notes that something was refused.
func (t *trail) refused(ctx context.Context, a view.Audit) {
	if t.to == nil {
		return
	}
	// Of a flood nothing is kept but that it was one.
	const flood = "more was refused than is written down"
	switch t.count(a) {
	case floodOfOne:
		a = view.Audit{Who: a.Who, From: a.From, Via: a.Via, Action: "many", Outcome: outcomeDenied, Detail: flood}
	case floodOfAll:
		a = view.Audit{Action: "many", Outcome: outcomeDenied, Detail: flood}
	case noFlood:
	}
	_ = t.sometimes(context.WithoutCancel(ctx), a, refusedEvery) // it is logged, and it was refused
}

// flood says whose refusals are more than are written.
type flood int

const (
	noFlood flood = iota
	floodOfOne
	floodOfAll
)

// count counts a refusal, unless it is a repetition.
func (t *trail) count(a view.Audit) flood {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if k := t.kept[tidy(a)]; k != nil && now.Before(k.until) {
		return noFlood
	}
	if now.Sub(t.minute) >= refusedEvery {
		t.minute, t.all = now, 0
		clear(t.refusals)
	}
	who := a.Who + "\x00" + a.From
	switch {
	case t.refusals[who] >= maxRefusals:
		return floodOfOne
	case t.all >= maxAllRefusals:
		return floodOfAll
	}
	t.refusals[who]++
	t.all++
	return noFlood
}

// sometimes writes a record, for as long as ctx lasts, unless the same was written less
// than every ago; then it is counted.
func (t *trail) sometimes(ctx context.Context, a view.Audit, every time.Duration) error {
	a = tidy(a)
	for _, due := range t.sweep(false) {
		_ = t.store(ctx, due) // it is logged
	}
	t.mu.Lock()
	now := t.now()
	if k := t.kept[a]; k != nil && now.Before(k.until) {
		k.repeats++
		t.mu.Unlock()
		return nil
	}
	for old := range t.kept {
		if len(t.kept) < maxKept {
			break
		}
		delete(t.kept, old) // any: what is asked for again is soon known again
	}
	t.kept[a] = &kept{until: now.Add(every)}
	t.mu.Unlock()
	err := t.store(ctx, a)
	if err != nil {
		t.mu.Lock()
		delete(t.kept, a)
		t.mu.Unlock()
	}
	return err
}

// sweep forgets what is old, or all, and returns the records that say how often it was
// repeated. Looks are not counted.
func (t *trail) sweep(all bool) []view.Audit {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if !all && now.Sub(t.swept) < refusedEvery/4 {
		return nil
	}
	t.swept = now
	var due []view.Audit
	for a, k := range t.kept {
		if !all && now.Before(k.until) {
			continue
		}
		delete(t.kept, a)
		if k.repeats > 0 && (a.Outcome == outcomeDenied || a.Action == "refresh") {
			a.Detail = strings.TrimSpace(fmt.Sprintf("%d more times within a minute; %s", k.repeats, a.Detail))
			due = append(due, a)
		}
	}
	return due
}

// flush writes all that is counted only.
func (t *trail) flush(ctx context.Context) {
	for _, due := range t.sweep(true) {
		_ = t.write(ctx, due) // it is logged
	}
}

// tidy makes a record fit to be kept: short, in one line, without credentials.
func tidy(a view.Audit) view.Audit {
	for _, field := range []struct {
		text *string
		max  int
	}{
		{&a.Who, 200}, {&a.From, 100}, {&a.Via, 20}, {&a.Action, 200}, {&a.Object, 500},
		{&a.Target, 500}, {&a.Revision, 200}, {&a.Outcome, 20}, {&a.Detail, 500},
	} {
		*field.text = clean(scrub(*field.text), field.max)
	}
	return a
}

// clean is a text in one line of at most n bytes, without characters that are not seen.
func clean(text string, n int) string {
	text = strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, text[:min(len(text), 4*n)])
	if len(text) <= n {
		return text
	}
	cut := n - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// credentials are those in an address.
var credentials = regexp.MustCompile(`://[^/\s]*@`)

// scrub takes credentials out of addresses in a text.
func scrub(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	return credentials.ReplaceAllString(text, "://")
}

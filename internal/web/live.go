package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// pace is how often a live page may be made anew, and has to be: what the reader may
// see is checked then, too. Of a reader with many streams each is slower. All streams keep
// to the same beats of the clock, so that those of the same page are made together.
type pace struct{ shortest, longest, write time.Duration }

var usualPace = pace{shortest: 250 * time.Millisecond, longest: 25 * time.Second, write: 15 * time.Second}

// live streams the regions of the page that the parameter page names, whenever they
// have become different from those that the parameter have lists. Its events are
//
//	region: the first line of its data is the region's name and hash, the rest its HTML
//	item: the first line is the id of an item of a region, the rest its HTML
//	hash: the name of a region, and its hash with the items that were sent
//	signed-out: the reader may not see the page any more; the stream ends
//	gone: the same, with the HTML that takes its place, if there is one
//	done: with the parameter once, that was all; the stream ends
//
// and comments, so that a dead connection is noticed.
func (w *Web) live(rw http.ResponseWriter, r *http.Request) {
	target, err := url.ParseRequestURI(local(r.URL.Query().Get("page")))
	if err != nil {
		w.fail(rw, r, model.Invalidf("the parameter page has to be the path of a page"))
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	looked := r.Clone(ctx)
	looked.URL, looked.RequestURI = target, target.RequestURI()
	first, err := w.sight(looked)
	if end := endOf(looked, err); end != nil && r.URL.Query().Get("have") != "" {
		s := &stream{web: w, out: rw, ctl: http.NewResponseController(rw)}
		s.open()
		_ = s.write(w.farewell(end)) // it ends anyway
		return
	}
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	signals, ended, err := watch(ctx, &wg, view.DeskOf(ctx), first.topics)
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	s := &stream{web: w, out: rw, ctl: http.NewResponseController(rw), sent: had(r.URL.Query().Get("have")), gone: first.gone, items: map[string]items{}}
	s.open()
	if r.URL.Query().Get("once") != "" {
		if s.send(first) {
			_ = s.write("event: done\ndata:\n\n") // it ends anyway
		}
		return
	}
	s.run(ctx, looked, signals, ended)
	s.bye(ctx)
}

// watch merges the signals of topics; its goroutines end with ctx. What comes from
// ended says that a topic has no more signals: the reader may not watch it any more.
func watch(ctx context.Context, wg *sync.WaitGroup, desk view.Desk, topics []view.Topic) (signals, ended <-chan struct{}, err error) {
	merged, over := make(chan struct{}, 1), make(chan struct{}, len(topics))
	for _, t := range topics {
		c, err := desk.Watch(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case _, ok := <-c:
					if !ok {
						over <- struct{}{}
						return
					}
					select {
					case merged <- struct{}{}:
					default: // one is waiting
					}
				}
			}
		})
	}
	return merged, over, nil
}

// stream is one reader's connection.
type stream struct {
	web  *Web
	out  http.ResponseWriter
	ctl  *http.ResponseController
	sent map[string]string // hashes by region
	// gone takes the page's place at last.
	gone *gone
	// items are those of the regions as they were sent.
	items map[string]items
}

func (s *stream) open() {
	h := s.out.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	s.out.WriteHeader(http.StatusOK)
}

// bye tells the reader of a stream whose session has ended that it has. A stream that
// ends for any other reason is one to begin anew.
func (s *stream) bye(ctx context.Context) {
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.Canceled) {
		_ = s.write("event: signed-out\ndata:\n\n") // it ends anyway
	}
}

// run looks at the page again at each signal, and now and then without one. Once a topic
// has ended it says why, if the page can't be made any more, and ends.
func (s *stream) run(ctx context.Context, r *http.Request, signals, ended <-chan struct{}) {
	for {
		if !s.update(r) {
			return
		}
		if !sleep(ctx, untilBeat(view.Pause(ctx, s.web.pace.shortest))) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ended:
			s.update(r)
			return
		case <-signals:
		case <-time.After(untilBeat(s.web.pace.longest)):
		}
	}
}

// untilBeat is the time until the clock shows a multiple of d again.
func untilBeat(d time.Duration) time.Duration {
	now := time.Now()
	return now.Truncate(d).Add(d).Sub(now)
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// update sends what has become different; it reports whether to go on.
func (s *stream) update(r *http.Request) bool {
	seen, err := s.web.sight(r)
	switch {
	case errors.Is(err, view.ErrUnauthenticated):
		_ = s.write("event: signed-out\ndata:\n\n") // it ends anyway
		return false
	case errors.Is(err, model.ErrNotFound), errors.Is(err, model.ErrDenied):
		_ = s.write(s.web.farewell(s.gone)) // it ends anyway
		return false
	case err != nil:
		return s.write(": not now\n\n") == nil
	}
	s.gone = seen.gone
	return s.send(seen)
}

// send sends what of a page has become different; it reports whether to go on.
func (s *stream) send(seen *sight) bool {
	var b strings.Builder
	for _, region := range seen.regions {
		s.add(&b, region)
	}
	if b.Len() == 0 {
		b.WriteString(": still here\n\n")
	}
	return s.write(b.String()) == nil
}

// endOf is what takes the place of an app's page that has gone before its stream could
// begin; nil for all others. Whether there ever was such an app is not told.
func endOf(r *http.Request, err error) *gone {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !errors.Is(err, model.ErrNotFound) || len(parts) < 4 || parts[0] != "apps" || len(parts) == 5 && parts[4] != "history" && parts[4] != "declaration" || len(parts) > 5 {
		return nil
	}
	dialect, known := appDialects[parts[1]]
	if !known {
		return nil
	}
	return goneOf(model.AppKey{Dialect: dialect, Namespace: parts[2], Name: parts[3]}, false)
}

// farewell is the event of a page that is gone.
func (w *Web) farewell(last *gone) string {
	if last == nil {
		return "event: gone\ndata:\n\n"
	}
	var b, html strings.Builder
	if err := w.templates.ExecuteTemplate(&html, "gone", last); err != nil {
		w.log.Error("A page could not be rendered", "page", "gone", "err", err)
	}
	event(&b, "gone", "", html.String())
	return b.String()
}

// add writes the events for a region, if it has become different: for a few of its items,
// or for all of it.
func (s *stream) add(b *strings.Builder, r liveRegion) {
	before, known := s.items[r.Name]
	s.items[r.Name] = r.items
	if s.sent[r.Name] == r.Hash {
		return
	}
	s.sent[r.Name] = r.Hash
	indexes, ok := r.items.changed(before)
	if !known || !ok {
		event(b, "region", r.Name+" "+r.Hash, string(r.HTML))
		return
	}
	for _, i := range indexes {
		event(b, "item", r.items.ids[i], r.html[i])
	}
	event(b, "hash", r.Name+" "+r.Hash, "")
}

var lines = strings.NewReplacer("\r", "", "\n", "\ndata: ")

// event writes an event whose data are a line and more.
func event(b *strings.Builder, name, line, more string) {
	fmt.Fprintf(b, "event: %s\ndata: %s\n", name, line)
	if more != "" {
		b.WriteString("data: ")
		_, _ = lines.WriteString(b, more) // a Builder takes everything
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}

func (s *stream) write(text string) error {
	_ = s.ctl.SetWriteDeadline(time.Now().Add(s.web.pace.write)) // not all connections have one
	if _, err := s.out.Write([]byte(text)); err != nil {
		return err
	}
	return s.ctl.Flush()
}

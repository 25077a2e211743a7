package live

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

const (
	// MaxStreams is how many containers are read at a time for one reader.
	MaxStreams = 20
	// defaultTail is view.LogQuery's.
	defaultTail = 500
	// followPatience and readPatience are how long lines wait for earlier ones of
	// containers that are slower.
	followPatience = 200 * time.Millisecond
	readPatience   = 2 * time.Second
)

// Logs calls emit with the lines of the pods of q.Object, from one goroutine, in the
// order of their times as far as they come together. Of several containers each gives
// its own tail; beyond MaxStreams containers the others are left out, which a note says.
// It reads no faster than emit takes the lines.
//
// It returns when all is read, when ctx ends or emit fails, with their error. Following
// it returns only if q.Object is a pod that has ended: of others, pods that appear are
// joined, and containers that start again. An object without pods, and a pod or
// container that is not there, is model.ErrNotFound; a container that has not started,
// model.ErrTransient. Where several are read, notes say so instead.
func (s *Service) Logs(ctx context.Context, c *Cluster, q view.LogQuery, emit func(view.LogLine) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(c.ctx, cancel)()
	follow, patience := q.Follow && !q.Previous, readPatience
	if follow {
		patience = followPatience
	}
	r := &reading{c: c, q: q, merger: newMerger(patience), keep: searching(q.Search)}
	read := r.once
	if follow {
		read = (&following{
			reading: r, service: s, known: map[containerID]*followed{}, said: map[containerID]string{},
		}).run
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { r.merger.end(read(ctx)) })
	return r.merger.run(ctx, emit)
}

// reading reads logs for one reader.
type reading struct {
	c      *Cluster
	q      view.LogQuery
	merger *merger
	keep   func(string) bool
}

// once reads what there is of the containers that are asked for.
func (r *reading) once(ctx context.Context) error {
	pods, err := r.c.pods(ctx, model.ObjectRef{ObjectKey: r.q.Object})
	if err != nil {
		return err
	}
	chosen, err := choose(pods, r.q)
	if err != nil {
		return err
	}
	if len(chosen) > MaxStreams {
		r.leaveOut(chosen[MaxStreams:])
		chosen = chosen[:MaxStreams]
	}
	errs := make([]error, len(chosen))
	heads := make([]*head, len(chosen))
	for n := range chosen {
		heads[n] = r.merger.open()
	}
	var wg sync.WaitGroup
	for n, of := range chosen {
		wg.Go(func() {
			defer r.merger.close(heads[n])
			errs[n] = r.read(ctx, of, r.q.Since, heads[n], nil)
		})
	}
	wg.Wait()
	if len(chosen) == 1 {
		return errs[0]
	}
	for n, err := range errs {
		if err != nil {
			r.note(chosen[n].containerID, sentence(err))
		}
	}
	return nil
}

// read reads the log of one container; seen, if it is set, hears the time of each line.
func (r *reading) read(ctx context.Context, of container, since time.Time, h *head, seen func(time.Time)) error {
	body, err := r.c.openLog(ctx, of.containerID, r.q, since)
	if err != nil {
		return of.explain(err, r.q.Previous)
	}
	defer func() { _ = body.Close() }()
	err = readLines(body, func(text string) error {
		at, text := timed(text)
		if !since.IsZero() && !at.IsZero() && at.Before(since) {
			return nil
		}
		if seen != nil {
			seen(at)
		}
		if !r.keep(text) {
			return nil
		}
		return r.merger.put(ctx, h, view.LogLine{Pod: of.pod, Container: of.name, At: at, Text: text})
	})
	if err != nil && ctx.Err() == nil {
		return explain("reading the log of "+of.title(), err)
	}
	return err
}

func (r *reading) note(of containerID, text string) {
	r.merger.note(view.LogLine{Pod: of.pod, Container: of.name, Text: text, Note: true})
}

func (r *reading) leaveOut(left []container) {
	r.note(containerID{}, fmt.Sprintf(
		"The logs of %d more containers are left out: at most %d are read together. Choose a pod or a container.",
		len(left), MaxStreams))
}

// searching is which lines a search keeps.
func searching(search string) func(string) bool {
	text, without := strings.CutPrefix(search, "!")
	if text == "" {
		return func(string) bool { return true }
	}
	text = strings.ToLower(text)
	return func(line string) bool { return strings.Contains(strings.ToLower(line), text) != without }
}

func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

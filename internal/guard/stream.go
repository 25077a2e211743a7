package guard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// recheck is how long a stream goes on, at most, with rights that were checked before.
const recheck = time.Second

// lasting checks again and again what a stream was permitted by.
type lasting struct {
	now   func() time.Time
	last  time.Time
	check func() error
}

// ok is an error once the stream may not go on; it is to be asked before each message.
func (l *lasting) ok() error {
	now := l.now()
	if now.Sub(l.last) < recheck {
		return nil
	}
	l.last = now
	return l.check()
}

func (d *desk) Logs(ctx context.Context, key model.AppKey, q view.LogQuery, emit func(view.LogLine) error) error {
	check := func() error { return d.mayLogs(ctx, key, q) }
	if err := check(); err != nil || emit == nil {
		return err
	}
	read := func() error { return nil }
	if !plain(q.Object) {
		read = func() error { _, err := noObject[struct{}](q.Object)(); return err }
	}
	rec := view.Audit{Action: readLogs, Target: q.Object.String()}
	// It is in the trail before it begins: it may last for hours.
	if _, err := look(ctx, d, key, rec, func() (struct{}, error) { return struct{}{}, read() }); err != nil {
		return err
	}
	stream := &lasting{now: d.Now, last: d.Now(), check: check}
	err := d.Backend.Logs(ctx, key, q, func(line view.LogLine) error {
		if err := stream.ok(); err != nil {
			return err
		}
		return emit(line)
	})
	if errors.Is(err, model.ErrNotFound) {
		rec = d.record(readLogs, resourceOf(key)+"/"+key.Namespace+"/"+key.Name)
		rec.Target, rec.Outcome, rec.Detail = q.Object.String(), outcomeDenied, "there is no such thing in the app"
		d.saw(ctx, rec)
	}
	return err
}

// mayLogs refuses a reader that may not read the logs of an app.
func (d *desk) mayLogs(ctx context.Context, key model.AppKey, q view.LogQuery) error {
	app, err := d.find(ctx, key, readLogs)
	if err != nil {
		return err
	}
	if r, lacks := d.lacks(d.needs(view.VerbLogs, &app)); lacks {
		rec := d.record(readLogs, d.trailName(&app))
		rec.Target, rec.Outcome, rec.Detail = q.Object.String(), outcomeDenied, "without "+r.String()
		d.saw(ctx, rec)
		return denied(r)
	}
	return nil
}

func (d *desk) Watch(ctx context.Context, topic view.Topic) (<-chan struct{}, error) {
	check := func() error { return d.mayWatch(ctx, topic) }
	if err := check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	from := d.Backend.Watch(ctx, topic)
	to := make(chan struct{}, 1)
	stream := &lasting{now: d.Now, last: d.Now(), check: check}
	go func() {
		defer cancel()
		defer close(to)
		pass(ctx, from, to, stream)
	}()
	return to, nil
}

// pass passes signals on until ctx ends, or the stream may not go on.
func pass(ctx context.Context, from <-chan struct{}, to chan<- struct{}, stream *lasting) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-from:
			if !ok || stream.ok() != nil {
				return
			}
			select {
			case to <- struct{}{}:
			default: // there is one that nobody has taken yet
			}
		}
	}
}

// mayWatch refuses topics of apps that the reader may not see.
func (d *desk) mayWatch(ctx context.Context, topic view.Topic) error {
	kind, rest, _ := strings.Cut(string(topic), ":")
	if kind == "app" || kind == "tree" {
		parts := strings.SplitN(rest, "/", 3)
		if len(parts) != 3 {
			return model.Invalidf("there is no topic %s: watch an app", clean(string(topic), 100))
		}
		_, err := d.find(ctx, model.AppKey{Dialect: parts[0], Namespace: parts[1], Name: parts[2]}, "watch")
		return err
	}
	switch topic {
	case view.TopicApps, view.TopicActivity, view.TopicClusters, view.TopicRepositories, view.TopicProjects, view.TopicFeeders:
		return d.valid(ctx)
	}
	return model.As(model.ErrNotFound, fmt.Errorf("there is no topic %s: watch an app or a list", clean(string(topic), 100)))
}

// mayAudit is the right to read the trail.
var mayAudit = right{access.Audit, "get", "*"}

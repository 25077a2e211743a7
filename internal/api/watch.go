package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// watchApps tells of the apps that a query finds.
func watchApps(c *call) (any, error) {
	q, err := view.ParseQuery(c.query)
	if err != nil {
		return nil, err
	}
	q.Limit = view.MaxLimit
	signals, err := c.desk.Watch(c.r.Context(), view.TopicApps)
	if err != nil {
		return nil, err
	}
	now, err := c.found(q)
	if err != nil {
		return nil, err
	}
	e, ok := c.stream()
	if !ok {
		return nil, nil
	}
	defer e.close()
	err = e.begin(c.r.Header.Get("Last-Event-ID"), now)
	for known := now.versions(); err == nil; known = now.versions() {
		if err = e.flush(); err != nil {
			return nil, nil
		}
		if _, more := e.next(c.r.Context(), signals); !more {
			return nil, nil
		}
		if now, err = c.found(q); err == nil {
			err = e.tell(known, now)
		}
	}
	e.fail(err)
	return nil, nil
}

// found is all that a query finds at a time.
type found struct {
	apps []view.App
	// version is that of the newest change that the reader may see.
	version uint64
	run     string
}

// found asks for page after page, and anew if something changes meanwhile. What
// changes all the time is told with the next signal.
func (c *call) found(q view.Query) (found, error) {
	for try := 0; ; try++ {
		out := found{run: c.run}
		steady := true
		for q.Offset = 0; ; q.Offset += view.MaxLimit {
			page, err := c.desk.Apps(c.r.Context(), q)
			if err != nil {
				return out, err
			}
			steady = steady && (q.Offset == 0 || page.Version == out.version)
			out.version = page.Version
			out.apps = append(out.apps, page.Apps...)
			if len(out.apps) >= page.Total || len(page.Apps) == 0 {
				break
			}
		}
		if steady || try == 3 {
			return out, nil
		}
	}
}

func (f found) versions() map[model.AppKey]uint64 {
	out := make(map[model.AppKey]uint64, len(f.apps))
	for _, a := range f.apps {
		out[a.Key] = a.Version
	}
	return out
}

// id names what was found: this process, the newest change, and which apps.
func (f found) id() string { return fmt.Sprintf("%s-%x-%x", f.run, f.version, f.members()) }

// members tells sets of apps apart.
func (f found) members() uint64 {
	sum := uint64(len(f.apps))
	for _, a := range f.apps {
		h := fnv.New64a()
		_, _ = h.Write([]byte(a.Key.String()))
		sum ^= h.Sum64()
	}
	return sum
}

// since is the version up to which a client with that id knows the same apps; false
// if it may know others.
func (f found) since(id string) (uint64, bool) {
	var version, members uint64
	var run string
	if len(id) < 9 {
		return 0, false
	}
	run, id = id[:8], id[8:]
	if n, err := fmt.Sscanf(id, "-%x-%x", &version, &members); err != nil || n != 2 {
		return 0, false
	}
	return version, run == f.run && members == f.members() && version <= f.version
}

// begin tells a client that was here before what has changed, any other everything.
func (e *events) begin(lastID string, now found) error {
	name := "changed"
	version, ok := now.since(lastID)
	if !ok {
		name = "added"
		if err := e.send("reset", "", map[string]int{"total": len(now.apps)}); err != nil {
			return err
		}
	}
	for _, a := range now.apps {
		if ok && a.Version <= version {
			continue
		}
		if err := e.send(name, "", app(a)); err != nil {
			return err
		}
	}
	return e.current(now)
}

// current ends what is told of a change; whoever comes back names its id.
func (e *events) current(now found) error {
	return e.send("current", now.id(), map[string]any{"total": len(now.apps), "version": now.version})
}

// tell tells what is another than known.
func (e *events) tell(known map[model.AppKey]uint64, now found) error {
	news := false
	for _, a := range now.apps {
		version, there := known[a.Key]
		delete(known, a.Key)
		name := "changed"
		switch {
		case !there:
			name = "added"
		case version == a.Version:
			continue
		}
		news = true
		if err := e.send(name, "", app(a)); err != nil {
			return err
		}
	}
	for key := range known {
		news = true
		if err := e.send("removed", "", appName(key)); err != nil {
			return err
		}
	}
	if !news {
		return nil
	}
	return e.current(now)
}

// watchApp tells of one app, and of its tree if that is asked for.
func watchApp(c *call) (any, error) {
	ctx := c.r.Context()
	signals, err := c.watchTopics(ctx)
	if err != nil {
		return nil, err
	}
	d, err := c.desk.App(ctx, c.app)
	if err != nil {
		return nil, err
	}
	e, ok := c.stream()
	if !ok {
		return nil, nil
	}
	defer e.close()
	w := appWatch{events: e, told: c.r.Header.Get("Last-Event-ID")}
	err = w.app(d)
	if err == nil && len(signals) > 1 {
		err = w.tree(ctx)
	}
	for err == nil {
		if err = e.flush(); err != nil {
			return nil, nil
		}
		which, more := e.next(ctx, signals...)
		switch {
		case !more:
			return nil, nil
		case which == 1:
			err = w.tree(ctx)
		default:
			if d, err = c.desk.App(ctx, c.app); err == nil {
				err = w.app(d)
			}
		}
	}
	if errors.Is(err, model.ErrNotFound) {
		if e.send("removed", "", appName(c.app)) == nil {
			_ = e.flush()
		}
		return nil, nil
	}
	e.fail(err)
	return nil, nil
}

func (c *call) watchTopics(ctx context.Context) ([]<-chan struct{}, error) {
	topics := []view.Topic{view.TopicApp(c.app)}
	if c.flag("tree") {
		topics = append(topics, view.TopicTree(c.app))
	}
	var out []<-chan struct{}
	for _, topic := range topics {
		signals, err := c.desk.Watch(ctx, topic)
		if err != nil {
			return nil, err
		}
		out = append(out, signals)
	}
	return out, nil
}

// appWatch is a stream about one app.
type appWatch struct {
	*events
	// told is the id of what was told of the app, drawn that of its tree.
	told, drawn string
}

func (w *appWatch) app(d view.Detail) error {
	out := w.c.detail(d)
	id, err := digest(out)
	if err != nil || id == w.told {
		return err
	}
	w.told = id
	return w.send("app", id, out)
}

// tree tells of the tree.
func (w *appWatch) tree(ctx context.Context) error {
	t, err := w.c.desk.Tree(ctx, w.c.app)
	if err != nil {
		return err
	}
	out := tree(t)
	id, err := digest(out)
	if err != nil || id == w.drawn {
		return err
	}
	w.drawn = id
	return w.send("tree", "", out)
}

// digest names a value by what it is in JSON.
func digest(v any) (string, error) {
	raw, err := encode(v)
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(sum[:12]), err
}

package live

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

const (
	// MaxEvents is how many events are returned at most.
	MaxEvents = 500
	// maxEventsRead is how many events of a namespace are looked through.
	maxEventsRead = 20_000
	// maxEventText bounds an event's message.
	maxEventText = 2048
)

// Subject is an object that events are about.
type Subject struct {
	Ref model.ObjectRef
	// UID tells it from others that had its name; "" is all of them.
	UID string
}

// Events are those of the subjects, the newest MaxEvents, newest first. It costs one
// list for each namespace.
func (s *Service) Events(ctx context.Context, c *Cluster, subjects []Subject) ([]view.Event, error) {
	ctx, cancel := c.reading(ctx)
	defer cancel()
	byNamespace := map[string][]Subject{}
	for _, o := range subjects {
		namespace := o.Ref.Namespace
		if namespace == "" {
			namespace = metav1.NamespaceDefault // where those of cluster-scoped objects are
		}
		byNamespace[namespace] = append(byNamespace[namespace], o)
	}
	found := make([][]view.Event, len(byNamespace))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, namespace := range slices.Sorted(maps.Keys(byNamespace)) {
		g.Go(func() (err error) {
			found[n], err = c.events(ctx, namespace, byNamespace[namespace])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return newest(slices.Concat(found...)), nil
}

// events are those of subjects in one namespace.
func (c *Cluster) events(ctx context.Context, namespace string, of []Subject) ([]view.Event, error) {
	if err := checkNames(namespace); err != nil {
		return nil, err
	}
	uids, keys := map[string]bool{}, map[model.ObjectKey]bool{}
	for _, o := range of {
		if o.UID != "" {
			uids[o.UID] = true
		} else {
			keys[o.Ref.ObjectKey] = true
		}
	}
	selector := ""
	if len(of) == 1 {
		selector = of[0].selector()
	}
	var out []view.Event
	read := 0
	o := metav1.ListOptions{Limit: pageSize}
	for {
		meta, err := c.stream(ctx, "/api/v1/namespaces/"+namespace+"/events", acceptWhole, selector, o, func(content map[string]any) {
			read++
			e, uid := event(content)
			if uids[uid] || keys[e.Ref.ObjectKey] {
				out = append(out, e)
			}
			if len(out) >= 2*MaxEvents {
				out = newest(out)
			}
		})
		if err != nil {
			return nil, explain("listing the events of namespace "+namespace, err)
		}
		if meta.Continue == "" || read >= maxEventsRead {
			return out, nil
		}
		o.Continue = meta.Continue
	}
}

func (s Subject) selector() string {
	set := fields.Set{"involvedObject.kind": s.Ref.Kind, "involvedObject.name": s.Ref.Name}
	if s.UID != "" {
		set = fields.Set{"involvedObject.uid": s.UID}
	}
	return set.AsSelector().String()
}

func newest(events []view.Event) []view.Event {
	slices.SortStableFunc(events, func(a, b view.Event) int { return b.Last.Compare(a.Last) })
	return events[:min(len(events), MaxEvents)]
}

// event reads an event, and the UID of what it is about.
func event(content map[string]any) (view.Event, string) {
	o := object(content)
	of := o.child("involvedObject")
	gv, _ := schema.ParseGroupVersion(of.text("apiVersion"))
	ref := model.ObjectRef{
		ObjectKey: model.ObjectKey{Group: gv.Group, Kind: of.text("kind"), Namespace: of.text("namespace"), Name: of.text("name")},
		Version:   gv.Version,
	}
	e := view.Event{
		Ref: ref, Type: o.text("type"), Reason: o.text("reason"), Message: shorten(o.text("message"), maxEventText),
		Source: first(o.text("source", "component"), o.text("reportingComponent"), o.text("reportingController")),
		Count:  int(max(o.number("count"), o.number("series", "count"), 1)),
	}
	for _, at := range []time.Time{
		o.time("firstTimestamp"), o.time("eventTime"), o.time("metadata", "creationTimestamp"),
	} {
		if e.First.IsZero() {
			e.First = at
		}
	}
	e.Last = e.First
	for _, at := range []time.Time{o.time("lastTimestamp"), o.time("series", "lastObservedTime")} {
		if at.After(e.Last) {
			e.Last = at
		}
	}
	return e, of.text("uid")
}

// shorten cuts a text at most bytes, between characters.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + " …"
}

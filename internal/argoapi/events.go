package argoapi

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// listEvents are the events of the Application itself, or of the object that is named.
func listEvents(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	named, uid := c.query.Get("resourceName"), c.query.Get("resourceUID")
	key := model.ObjectKey{}
	if named != "" || uid != "" {
		if key, err = c.subject(app, named, uid); err != nil {
			return nil, err
		}
	} else {
		uid = app.UID
	}
	events, err := c.desk.Events(c.r.Context(), app.Key, key)
	if err != nil {
		return nil, err
	}
	out := corev1.EventList{Items: []corev1.Event{}}
	for _, e := range events {
		if key == (model.ObjectKey{}) || e.Ref.ObjectKey == key {
			out.Items = append(out.Items, eventOf(e, uid))
		}
	}
	return out, nil
}

// subject finds an object by its UID, name and namespace.
func (c *call) subject(app view.App, named, uid string) (model.ObjectKey, error) {
	t, err := c.desk.Tree(c.r.Context(), app.Key)
	if err != nil {
		return model.ObjectKey{}, err
	}
	for _, n := range t.Nodes {
		if n.UID != "" && n.UID == uid && n.Ref.Name == named && n.Ref.Namespace == c.query.Get("resourceNamespace") {
			return n.Ref.ObjectKey, nil
		}
	}
	return model.ObjectKey{}, invalid("%.253s not found as part of application %s", named, app.Key.Name)
}

func eventOf(e view.Event, uid string) corev1.Event {
	return corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: e.Ref.Namespace},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: e.Ref.APIVersion(), Kind: e.Ref.Kind, Namespace: e.Ref.Namespace, Name: e.Ref.Name, UID: types.UID(uid),
		},
		Type: e.Type, Reason: e.Reason, Message: e.Message, Source: corev1.EventSource{Component: e.Source}, Count: int32(min(e.Count, 1<<31-1)),
		FirstTimestamp: at(e.First), LastTimestamp: at(e.Last),
	}
}

func at(t time.Time) metav1.Time {
	if t.IsZero() {
		return metav1.Time{}
	}
	return metav1.NewTime(t.UTC())
}

package argo

import (
	"fmt"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Clusters are those that the cluster Secrets declare, as last read.
func (r *Reconciler) Clusters() []Cluster { return r.Settings().Clusters() }

// Settings are Argo CD's as last read; as long as nothing has been, those of an
// Argo CD that nobody has configured.
func (r *Reconciler) Settings() *Settings {
	if s := r.known(); s != nil {
		return s
	}
	return &Settings{}
}

// Excluded says why objects of a kind are not managed where the app is applied, as
// Settings.Excluded.
func (r *Reconciler) Excluded(app model.App) func(group, kind string) string {
	s := r.Settings()
	return func(group, kind string) string { return s.Excluded(app.Target, group, kind) }
}

// Permit says why an app may not write objects, as Settings.Permit.
func (r *Reconciler) Permit(app model.App, objects []model.ObjectRef) error {
	return r.Settings().Permit(app, objects)
}

// Webhooks are what senders of webhooks prove themselves by, as last read; false
// as long as nothing has been.
func (r *Reconciler) Webhooks() (Webhooks, bool) {
	s := r.known()
	if s == nil {
		return Webhooks{}, false
	}
	return s.webhooks, true
}

// Remote completes a source that a render of an app asks for; see
// Settings.Remote. model.ErrNotFound also if the app is not known.
func (r *Reconciler) Remote(app model.AppKey, src model.Source) (model.Source, error) {
	r.mu.Lock()
	s, e := r.settings, r.apps[app]
	project := ""
	if e != nil {
		project = e.project
	}
	r.mu.Unlock()
	if s == nil || project == "" {
		return model.Source{}, model.As(model.ErrNotFound, fmt.Errorf("application %s is not known", app))
	}
	return s.Remote(project, src)
}

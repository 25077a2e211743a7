package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

const most = view.MaxLimit

func (w *Web) syncMany(r *http.Request) (Outcome, error) {
	req := view.SyncRequest{Prune: r.PostFormValue("prune") == "true", DryRun: r.PostFormValue("dry") == "true"}
	return each(r, "sync", func(ctx context.Context, desk view.Desk, app model.AppKey) error {
		return desk.Sync(ctx, app, req)
	})
}

func (w *Web) refreshMany(r *http.Request) (Outcome, error) {
	hard := r.PostFormValue("hard") == "true"
	return each(r, "refresh", func(ctx context.Context, desk view.Desk, app model.AppKey) error {
		return desk.Refresh(ctx, app, hard)
	})
}

// each does a deed, done by its code in notices, with all apps that the form names; what is refused of one app does
// not stop the others.
func each(r *http.Request, done string, do func(context.Context, view.Desk, model.AppKey) error) (Outcome, error) {
	if err := r.ParseForm(); err != nil {
		return Outcome{}, model.Invalidf("the form can't be read: %v", err)
	}
	names := r.PostForm["app"]
	switch {
	case len(names) == 0:
		return Outcome{}, model.Invalidf("select at least one app first")
	case len(names) > most:
		return Outcome{}, model.Invalidf("at most %d apps at once", most)
	}
	desk := view.DeskOf(r.Context())
	out := Outcome{Title: notices[done], Done: done}
	for _, name := range names {
		key, ok := parseKey(name)
		if !ok {
			return Outcome{}, model.Invalidf("an app is named dialect/namespace/name")
		}
		result := Result{Name: key.Namespace + "/" + key.Name, Link: AppPath(key)}
		if err := do(r.Context(), desk, key); err != nil {
			result.Failed, result.Text = true, errorOf(err).Text
		}
		out.Results = append(out.Results, result)
	}
	if out.Failed() == len(out.Results) {
		out.Title = "Nothing was done"
	}
	return out, nil
}

// parseKey reads what model.AppKey's String has written.
func parseKey(s string) (model.AppKey, bool) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 || parts[0] == "" || parts[2] == "" {
		return model.AppKey{}, false
	}
	return model.AppKey{Dialect: parts[0], Namespace: parts[1], Name: parts[2]}, true
}

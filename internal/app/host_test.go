package app

import (
	"context"
	"errors"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/remote"
)

// noted is a source store that notes what it is asked to fetch.
type noted struct{ set []model.Source }

func (n *noted) Set(_ model.SourceKey, s model.Source) { n.set = append(n.set, s) }
func (n *noted) Remove(model.SourceKey)                {}
func (n *noted) States([]model.SourceKey) ([]model.SourceState, bool) {
	return []model.SourceState{{Snapshot: &model.Snapshot{Revision: "1"}}}, true
}

// TestRemotePolicy: what a repository names is fetched if the operator has given
// credentials for it, or allows it. That its host is known is neither.
func TestRemotePolicy(t *testing.T) {
	login := model.Auth{Username: "u", Password: "p"}
	for name, c := range map[string]struct {
		allow []string
		url   string
		auth  model.Auth
		ok    bool
	}{
		"allowed":                  {remote.DefaultAllow(), "https://192.0.2.1/a", model.Auth{}, true},
		"of this machine":          {remote.DefaultAllow(), "https://127.0.0.1/a", model.Auth{}, false},
		"not encrypted":            {remote.DefaultAllow(), "http://192.0.2.1/a", model.Auth{}, false},
		"nothing is allowed":       {[]string{remote.None}, "https://192.0.2.1/a", model.Auth{}, false},
		"with credentials":         {[]string{remote.None}, "https://192.0.2.1/a", login, true},
		"with a known host":        {[]string{remote.None}, "ssh://git@192.0.2.1/a", model.Auth{KnownHosts: "x"}, false},
		"known, of this machine":   {remote.DefaultAllow(), "git@127.0.0.1:a", model.Auth{KnownHosts: "x"}, false},
		"with a CA":                {[]string{remote.None}, "https://192.0.2.1/a", model.Auth{CA: "x"}, false},
		"with any certificate":     {[]string{remote.None}, "https://192.0.2.1/a", model.Auth{Insecure: true}, false},
		"with passing credentials": {[]string{remote.None}, "https://192.0.2.1/a", model.Auth{PassCredentials: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			policy, err := remote.NewPolicy(c.allow)
			if err != nil {
				t.Fatal(err)
			}
			store := &noted{}
			h := host{&hosts{
				policy: policy, uses: remote.NewUses(store, func(model.AppKey) {}),
				complete: map[string]func(model.AppKey, model.Source) (model.Source, error){
					"x": func(_ model.AppKey, s model.Source) (model.Source, error) { s.Auth = c.auth; return s, nil },
				},
			}, model.AppKey{Dialect: "x"}, ""}
			_, err = h.Remote(context.Background(), model.Source{URL: c.url})
			if c.ok != (err == nil) || err != nil && !errors.Is(err, model.ErrDenied) {
				t.Errorf("error %v", err)
			}
			if len(store.set) == 1 && store.set[0].Foreign != c.auth.Anonymous() {
				t.Error("it is not marked as what a repository names")
			}
			if c.ok != (len(store.set) == 1) {
				t.Errorf("%d sources are fetched", len(store.set))
			}
		})
	}
}

package app

import (
	"context"
	"errors"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/remote"
)

// nothing is a source store that has nothing.
type nothing struct{}

func (nothing) Set(model.SourceKey, model.Source) {}
func (nothing) Remove(model.SourceKey)            {}
func (nothing) States(keys []model.SourceKey) ([]model.SourceState, bool) {
	return []model.SourceState{{Err: errAsked}}, true
}

var errAsked = errors.New("the repository was asked")

// TestRemotePolicy: credentials are what makes a repository a declared one, and
// not the keys by which its host is known.
func TestRemotePolicy(t *testing.T) {
	policy, err := remote.NewPolicy([]string{remote.None})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		auth model.Auth
		want error
	}{
		"nothing is known":    {model.Auth{}, model.ErrDenied},
		"the host's SSH keys": {model.Auth{KnownHosts: "git.example.com ssh-ed25519 AAAA"}, model.ErrDenied},
		"the host's CA":       {model.Auth{CA: "-----BEGIN CERTIFICATE-----"}, model.ErrDenied},
		"an SSH key":          {model.Auth{KnownHosts: "git.example.com ssh-ed25519 AAAA", SSHKey: "key"}, errAsked},
		"a password":          {model.Auth{Username: "u", Password: "p"}, errAsked},
	} {
		h := &hosts{
			policy: policy, uses: remote.NewUses(nothing{}, func(model.AppKey) {}),
			complete: map[string]func(model.AppKey, model.Source) (model.Source, error){
				"argo": func(_ model.AppKey, src model.Source) (model.Source, error) {
					src.Auth = c.auth
					return src, nil
				},
			},
		}
		app := model.App{Key: model.AppKey{Dialect: "argo", Name: "a"}}
		_, err := h.of(app).Remote(context.Background(), model.Source{URL: "ssh://git@git.example.com/a"})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

// maxRedirects is how often a server may send us on.
const maxRedirects = 5

// refsPath is what git asks a server for first.
const refsPath = "/info/refs"

// redirected is where a repository has moved to. git follows no redirect itself:
// it would take our headers along, to hosts that nobody has checked.
func (a *access) redirected(ctx context.Context, base remote) (remote, error) {
	client, err := a.settings(a.auth).Client(base.host)
	if err != nil {
		return remote{}, err
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	at := strings.TrimRight(base.String(), "/") + refsPath + "?service=git-upload-pack"
	for range maxRedirects {
		to, err := a.hop(ctx, client, base, at)
		if err != nil {
			return remote{}, err
		}
		if to != "" {
			at = to
			continue
		}
		at, _, _ = strings.Cut(at, "?")
		place, ok := strings.CutSuffix(at, refsPath)
		if !ok {
			return remote{}, model.Invalidf("it leads to %s, which is no repository", withoutUserinfo(at))
		}
		r, user, err := parseURL(place, false)
		if err == nil && user != nil {
			err = model.Invalidf("it leads to a URL with credentials")
		}
		return r, err
	}
	return remote{}, model.Invalidf("there are more than %d redirects", maxRedirects)
}

// hop asks for one URL, and returns the one that it redirects to, if any.
func (a *access) hop(ctx context.Context, client *http.Client, base remote, at string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return "", model.Invalidf("it leads to something that is no URL")
	}
	here, _, err := parseURL(strings.TrimSuffix(strings.Split(at, "?")[0], refsPath), false)
	if err != nil {
		return "", err
	}
	auth, err := a.login(ctx, redirectAuth(authAt(a.auth, a.orig, base), base, here), base)
	if err != nil {
		return "", err
	}
	setLogin(r, auth)
	resp, err := client.Do(r)
	if err != nil {
		return "", a.settings(auth).Error("asking where it leads to", err)
	}
	_ = resp.Body.Close()
	location := resp.Header.Get("Location")
	if resp.StatusCode < 300 || resp.StatusCode > 399 || location == "" {
		return "", nil
	}
	to, err := r.URL.Parse(location)
	switch {
	case err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https":
		return "", model.Invalidf("it leads to something that is no http:// or https:// URL")
	case to.Scheme == "http" && r.URL.Scheme == "https":
		return "", errors.Join(model.Invalidf("it leads from https to http"))
	}
	return to.String(), nil
}

// redirectAuth is what may be sent to a place that a base redirects to: all if
// that is the same host, by the same or a safer way.
func redirectAuth(auth model.Auth, base, to remote) model.Auth {
	upgrade := base.scheme == "http" && to.scheme == "https"
	if base.host == to.host && (base.scheme == to.scheme || upgrade) {
		return auth
	}
	return withoutLogin(auth)
}

// setLogin puts credentials on a request.
func setLogin(r *http.Request, auth model.Auth) {
	switch {
	case auth.BearerToken != "":
		r.Header.Set("Authorization", "Bearer "+auth.BearerToken)
	case auth.Username != "" || auth.Password != "":
		user := auth.Username
		if user == "" {
			user = "git"
		}
		r.SetBasicAuth(user, auth.Password)
	}
}

// settings are how to speak HTTP with these credentials.
func (a *access) settings(auth model.Auth) fetch.Settings {
	return fetch.Settings{Auth: auth, Proxy: a.proxy, Hosts: a.policy}
}

// movedTo is where a base is known to redirect to.
func (m *mirror) movedTo(base remote) (remote, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.places[base.key()]; ok {
		return at, true
	}
	return base, false
}

func (m *mirror) moved(base, at remote) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.places, base.key())
	if at != base {
		m.places[base.key()] = at
	}
}

// login gives a GitHub App the token of its installation.
func (a *access) login(ctx context.Context, auth model.Auth, at remote) (model.Auth, error) {
	if auth.GitHub == (model.GitHubApp{}) || at.scheme != "http" && at.scheme != "https" {
		return auth, nil
	}
	client, err := a.settings(withoutLogin(auth)).Client("")
	if err != nil {
		return auth, err
	}
	defer client.CloseIdleConnections()
	owner, _, _ := strings.Cut(strings.TrimPrefix(a.orig.path, "/"), "/")
	if owner, err = url.PathUnescape(owner); err != nil {
		return auth, fmt.Errorf("reading the owner: %w", err)
	}
	token, err := a.store.tokens.Get(ctx, client, auth.GitHub, owner)
	if err != nil {
		return auth, err
	}
	auth.GitHub = model.GitHubApp{}
	auth.Username, auth.Password = "x-access-token", token
	return auth, nil
}

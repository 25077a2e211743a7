package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// flowLasts is how long somebody may take at the provider.
const flowLasts = 10 * time.Minute

const flowSeal = "sso"

// flow is what the browser keeps, sealed, while it is at the provider.
type flow struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Callback string    `json:"c"`
	ReturnTo string    `json:"r"`
	Until    time.Time `json:"u"`
}

// Begin sends the browser to the identity provider; afterwards it is to come to
// returnTo, a local path. An error is ErrSSO, and nothing is written then.
func (s *Service) Begin(w http.ResponseWriter, r *http.Request, returnTo string) error {
	set, p := s.settings.Load(), s.provider.Load()
	if set.OIDC == nil || p == nil {
		return fmt.Errorf("%w: there is none", ErrSSO)
	}
	found, err := p.discover(r.Context())
	if err != nil {
		return err
	}
	f := flow{
		State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(),
		Callback: s.base(r) + "/auth/callback", ReturnTo: localPath(returnTo), Until: time.Now().Add(flowLasts),
	}
	sealed, err := set.seal(flowSeal, f)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSSO, err)
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	if len(p.conf.Claims) > 0 {
		asked, _ := json.Marshal(map[string]any{"id_token": p.conf.Claims})
		options = append(options, oauth2.SetAuthURLParam("claims", string(asked)))
	}
	if p.conf.DomainHint != "" {
		options = append(options, oauth2.SetAuthURLParam("domain_hint", p.conf.DomainHint))
	}
	http.SetCookie(w, cookie(s.cookieName(r, flowCookie), sealed, f.Until))
	http.Redirect(w, r, p.oauth(found, f.Callback).AuthCodeURL(f.State, options...), http.StatusSeeOther)
	return nil
}

// Callback takes the provider's answer, gives the browser a session and says where it is
// to go on, also where the answer lets nobody in. The session ends with the ID token or
// after users.session.duration, whichever is first. An error is ErrSSO, one of a
// provider that does not answer model.ErrTransient as well: its text is for the log and
// holds no token.
func (s *Service) Callback(w http.ResponseWriter, r *http.Request) (returnTo string, err error) {
	set, p := s.settings.Load(), s.provider.Load()
	if set.OIDC == nil || p == nil {
		return "", fmt.Errorf("%w: there is none", ErrSSO)
	}
	f, err := s.flowOf(w, r, set)
	if err != nil {
		return f.ReturnTo, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(r.Context(), p.client), 2*answerWithin)
	defer cancel()
	person, err := s.personOf(ctx, p, f, r)
	if err != nil {
		return f.ReturnTo, err
	}
	if person.unsaid(set) {
		s.log.Warn("rights by the mail address don't count: the identity provider does not say email_verified; if it vouches for all addresses, set "+trustEmails+" in argocd-cm", "issuer", set.OIDC.Issuer)
	}
	session, err := set.welcome(person)
	if err != nil {
		return f.ReturnTo, err
	}
	return f.ReturnTo, s.SetCookie(w, r, session)
}

// byProvider is for whom attempts by the provider count; no account can be called so.
const byProvider = "\x00"

// personOf is who comes back from the provider. Answers that it does not take count as
// failed attempts: each asks it, and strangers can make up as many as they like.
func (s *Service) personOf(ctx context.Context, p *provider, f flow, r *http.Request) (person, error) {
	attempt, err := s.throttle.enter(ctx, visitor{account: byProvider, address: network(r.RemoteAddr)})
	if err != nil {
		return person{}, err
	}
	defer attempt.leave()
	found, err := p.discover(ctx)
	var who person
	if err == nil {
		who, err = p.exchange(ctx, found, f, r.URL.Query().Get("code"))
	}
	switch {
	case err == nil:
		attempt.succeed()
	case errors.Is(err, model.ErrTransient) || ctx.Err() != nil:
		attempt.refund()
	}
	return who, err
}

// flowOf is what the browser has kept, with an error unless the answer is to it, and a
// good one.
func (s *Service) flowOf(w http.ResponseWriter, r *http.Request, set *Settings) (flow, error) {
	var f flow
	query := r.URL.Query()
	err := set.open(flowSeal, s.read(r, flowCookie), &f)
	forget(w, s.cookieName(r, flowCookie))
	switch {
	case err != nil || time.Now().After(f.Until):
		return flow{}, fmt.Errorf("%w, or it was too long ago", ErrStale)
	case !equal(f.State, query.Get("state")):
		return flow{}, fmt.Errorf("%w (state)", ErrStale)
	case query.Get("error") != "":
		return f, refusal(query.Get("error"))
	case query.Has("iss") && query.Get("iss") != set.OIDC.Issuer:
		return f, fmt.Errorf("%w: the answer is another provider's (iss)", ErrSSO)
	}
	return f, nil
}

// refusal is the error of an answer that is one, by its code (RFC 6749, 4.1.2.1; OpenID
// Connect Core, 3.1.2.6).
func refusal(code string) error {
	switch code {
	case "access_denied", "consent_required", "interaction_required", "login_required", "account_selection_required":
		return fmt.Errorf("%w: it says %q", ErrDeclined, code)
	case "temporarily_unavailable", "server_error":
		return model.As(model.ErrTransient, fmt.Errorf("%w: it says %q", ErrSSO, code))
	}
	return fmt.Errorf("%w: it says %q", ErrSSO, errorCode(code))
}

func (p *provider) oauth(found *discovered, callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.conf.ClientID, ClientSecret: p.conf.ClientSecret, RedirectURL: callback,
		Endpoint: found.oidc.Endpoint(), Scopes: p.conf.Scopes,
	}
}

// exchange asks for the tokens that a code stands for, and says whose they are.
func (p *provider) exchange(ctx context.Context, found *discovered, f flow, code string) (person, error) {
	conf := p.oauth(found, f.Callback)
	token, err := conf.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return person{}, exchangeError(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return person{}, fmt.Errorf("%w: its answer has no ID token", ErrSSO)
	}
	who, err := p.verify(ctx, found, raw)
	if err != nil {
		return person{}, err
	}
	if !equal(who.nonce, f.Nonce) {
		return person{}, fmt.Errorf("%w: the ID token is to something else (nonce)", ErrSSO)
	}
	if p.conf.UserInfo {
		if err := p.ask4Groups(ctx, found, conf.TokenSource(ctx, token), &who); err != nil {
			return person{}, err
		}
	}
	return who, nil
}

// exchangeError says what the provider did not like; not what it said in full, which may
// be a page.
func exchangeError(err error) error {
	if refused := new(oauth2.RetrieveError); errors.As(err, &refused) {
		status := 0
		if refused.Response != nil {
			status = refused.Response.StatusCode
		}
		err = fmt.Errorf("%w: it does not take the code: status %d, %q", ErrSSO, status, errorCode(refused.ErrorCode))
		if status >= http.StatusInternalServerError {
			err = model.As(model.ErrTransient, err)
		}
		return err
	}
	return model.As(model.ErrTransient, fmt.Errorf("%w: asking it for tokens: %.300q", ErrSSO, err.Error()))
}

// errorCode is a code of OAuth; "unknown" for what is none.
func errorCode(code string) string {
	for _, c := range code {
		if (c < 'a' || c > 'z') && c != '_' {
			return "unknown"
		}
	}
	if code == "" || len(code) > 64 {
		return "unknown"
	}
	return code
}

// base is the address that the browser has come by, without a slash at its end.
func (s *Service) base(r *http.Request) string {
	if base := s.settings.Load().base(r); base != "" {
		return base
	}
	if s.secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// base is that of the declared addresses that has the request's host, or else the first;
// "" if none is declared.
func (set *Settings) base(r *http.Request) string {
	for _, base := range append([]string{set.URL}, set.MoreURLs...) {
		if u, err := url.Parse(base); err == nil && base != "" && strings.EqualFold(u.Host, r.Host) {
			return base
		}
	}
	return set.URL
}

// localPath is the path of a page here; "/" instead of anything else.
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\t\r\n") || len(to) > 1000 {
		return "/"
	}
	return to
}

package signin

import (
	"context"
	"net/http"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/access"
)

// Authenticate says who makes a request, by its header Authorization or its cookies. A
// request without any token is anonymous where that is allowed; one with a token that is
// no good never is. Errors are ErrRefused (ErrExpired among them), or model.ErrTransient
// where it can't be found out now.
func (s *Service) Authenticate(r *http.Request) (access.Identity, error) {
	token, shown := s.tokenOf(r)
	if shown {
		return s.identify(r.Context(), token)
	}
	if s.settings.Load().Anonymous {
		return access.Identity{Anonymous: true}, nil
	}
	return access.Identity{}, refused("the request has no token")
}

// identify says whose token it is.
func (s *Service) identify(ctx context.Context, token string) (access.Identity, error) {
	set := s.settings.Load()
	issuer := issuerOf(token)
	if issuer != issuerLocal && issuer != issuerSSO {
		return s.identifyForeign(ctx, set, token, issuer)
	}
	t, c, err := set.parse(token, issuer)
	if err != nil {
		return access.Identity{}, err
	}
	if err := s.admit(ctx, set, t); err != nil {
		return access.Identity{}, err
	}
	if t.kind != kindSSO {
		return t.identity("", nil), nil
	}
	return t.identity(c.Title, c.Groups), nil
}

// tokenOf is the token that a request shows; false if it shows none.
func (s *Service) tokenOf(r *http.Request) (string, bool) {
	for _, header := range r.Header.Values("Authorization") {
		scheme, token, _ := strings.Cut(header, " ")
		if strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(token), true
		}
	}
	token := s.read(r, sessionCookie)
	if token == "" && strings.HasPrefix(r.URL.Path, "/api/") {
		token = joined(r, argoCookie) // pages don't take it: any site of the domain can set it
	}
	return token, token != ""
}

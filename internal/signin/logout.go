package signin

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/access"
)

// The cookie of the ID token goes to signing out alone, where the provider wants to see
// it again.
const (
	idTokenCookie = "fixpoint-id"
	idTokenPath   = "/auth/logout"
	idTokenSeal   = "id token"
)

// setIDToken gives the browser the session's ID token, sealed, or takes it away.
func (s *Service) setIDToken(w http.ResponseWriter, r *http.Request, session Session) {
	name := idTokenCookie
	if s.secure(r) {
		name = "__Secure-" + idTokenCookie
	}
	c := cookie(name, "", session.Expires) //nolint:gosec // as cookie says
	c.Path, c.MaxAge = idTokenPath, -1
	if session.idToken != "" {
		sealed, err := s.settings.Load().seal(idTokenSeal, session.idToken)
		if err == nil && len(sealed) <= cookiePart {
			c.Value, c.MaxAge = sealed, 0
		}
	}
	http.SetCookie(w, c)
}

// idTokenOf is the ID token that the browser was given; "" if none.
func (s *Service) idTokenOf(r *http.Request) string {
	name := idTokenCookie
	if s.secure(r) {
		name = "__Secure-" + idTokenCookie
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	var token string
	if s.settings.Load().open(idTokenSeal, c.Value, &token) != nil {
		return ""
	}
	return token
}

// LogoutURL is where a browser goes that signs out of the session of that identity: the
// provider's page for it, which leads back to the page for signing in. It is "" where
// there is nothing to do but here. The request is the one for signing out, at
// /auth/logout.
func (s *Service) LogoutURL(r *http.Request, id access.Identity) string {
	t, ok := ticketOf(id)
	set, p := s.settings.Load(), s.provider.Load()
	if !ok || t.kind != kindSSO || set.OIDC == nil || p == nil {
		return ""
	}
	token, back := s.idTokenOf(r), s.base(r)+"/auth/login"
	if set.OIDC.LogoutURL != "" {
		return strings.NewReplacer("{{token}}", url.QueryEscape(token),
			"{{logoutRedirectURL}}", url.QueryEscape(back)).Replace(set.OIDC.LogoutURL)
	}
	known := p.known()
	if known == nil || known.ends == "" {
		return ""
	}
	ends, err := url.Parse(known.ends)
	if err != nil || ends.Scheme != "https" && ends.Scheme != "http" {
		return ""
	}
	query := ends.Query()
	query.Set("client_id", set.OIDC.ClientID)
	query.Set("post_logout_redirect_uri", back)
	if token != "" {
		query.Set("id_token_hint", token)
	}
	ends.RawQuery = query.Encode()
	return ends.String()
}

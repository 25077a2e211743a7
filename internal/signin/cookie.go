package signin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The names of cookies; over TLS they begin with "__Host-", which keeps other hosts and
// plain HTTP from setting them.
const (
	sessionCookie = "fixpoint"
	deviceCookie  = "fixpoint-device"
	flowCookie    = "fixpoint-sso"
	hostPrefix    = "__Host-"
	// argoCookie is Argo CD's.
	argoCookie = "argocd.token"
)

const (
	// cookiePart is how much one cookie holds: browsers take 4096 bytes of name and
	// value. cookieParts is how many of them a session may need.
	cookiePart  = 3800
	cookieParts = 6
)

// Session is what signing in gives.
type Session struct {
	// Token is for a cookie, or a header "Authorization: Bearer".
	Token   string
	Expires time.Time
	// Device makes the browser known, so that others who fail to sign in to the account
	// don't slow it down; "" of those who came by the provider.
	Device string

	idToken string
}

// SetCookie gives the browser the session. It is an error if the session is larger than
// browsers take, as it is of somebody in very many groups.
func (s *Service) SetCookie(w http.ResponseWriter, r *http.Request, session Session) error {
	if len(session.Token) > cookiePart*cookieParts {
		return fmt.Errorf("%w: the session is too large for a browser: have the provider name fewer groups", ErrSSO)
	}
	name := s.cookieName(r, sessionCookie)
	set := map[string]bool{}
	for i := 0; i*cookiePart < len(session.Token); i++ {
		part := session.Token[i*cookiePart : min((i+1)*cookiePart, len(session.Token))]
		set[partName(name, i)] = true
		http.SetCookie(w, cookie(partName(name, i), part, session.Expires))
	}
	clearSessions(w, r, set)
	if session.Device != "" {
		http.SetCookie(w, cookie(s.cookieName(r, deviceCookie), session.Device, time.Now().Add(deviceLasts)))
	}
	s.setIDToken(w, r, session)
	return nil
}

// ClearCookie takes the session from the browser, Argo CD's as well.
func (s *Service) ClearCookie(w http.ResponseWriter, r *http.Request) {
	clearSessions(w, r, nil)
	s.setIDToken(w, r, Session{})
}

// clearSessions clears the cookies of sessions that the browser shows, but those.
func clearSessions(w http.ResponseWriter, r *http.Request, but map[string]bool) {
	for _, c := range r.Cookies() {
		base, number, _ := strings.Cut(strings.TrimPrefix(c.Name, hostPrefix), "-")
		if i, err := strconv.Atoi(number); number != "" && (err != nil || i < 1) || but[c.Name] {
			continue
		}
		if base == sessionCookie || base == argoCookie {
			forget(w, c.Name)
		}
	}
}

func forget(w http.ResponseWriter, name string) {
	gone := cookie(name, "", time.Time{}) //nolint:gosec // it takes a cookie away
	gone.MaxAge = -1
	http.SetCookie(w, gone)
}

// cookie is one that scripts can't read and that other sites' forms don't send; expires
// zero is the end of the browser's session.
func cookie(name, value string, expires time.Time) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // it is not secure where there is no TLS, as on a laptop
		Name: name, Value: value, Path: "/", Expires: expires,
		HttpOnly: true, Secure: strings.HasPrefix(name, "__"), SameSite: http.SameSiteLaxMode,
	}
}

// secure reports whether the browser came by TLS. A proxy that ends it says so, or the
// installation's address does; who lies about it deceives nobody but itself.
func (s *Service) secure(r *http.Request) bool {
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return true
	}
	base := s.settings.Load().base(r)
	return r.Header.Get("X-Forwarded-Proto") == "" && base == "https://"+r.Host
}

func (s *Service) cookieName(r *http.Request, name string) string {
	if s.secure(r) {
		return hostPrefix + name
	}
	return name
}

// read is the value of a cookie of ours; "" if there is none. A browser that came by TLS
// is believed only what no other host can have set.
func (s *Service) read(r *http.Request, name string) string {
	value := joined(r, hostPrefix+name)
	if value == "" && !s.secure(r) {
		value = joined(r, name)
	}
	return value
}

func partName(name string, i int) string {
	if i == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, i)
}

// joined is a value that is spread over cookies; Argo CD says before it of how many.
func joined(r *http.Request, name string) string {
	var all strings.Builder
	for i := range cookieParts {
		c, err := r.Cookie(partName(name, i))
		if err != nil {
			break
		}
		all.WriteString(c.Value)
	}
	value := all.String()
	if count, rest, ok := strings.Cut(value, ":"); ok && len(count) == 1 {
		return rest
	}
	return value
}

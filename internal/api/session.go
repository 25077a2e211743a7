package api

import (
	"errors"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Busy is the error of a Login that has seen too many attempts.
type Busy struct{ After time.Duration }

func (b Busy) Error() string { return "too many attempts to sign in" }

// Login asks for a session.
type Login struct {
	Username string `json:"username" doc:"that of a local account"`
	Password string `json:"password"`
}

// Session is what signing in gives.
type Session struct {
	Token   string    `json:"token" doc:"for the header \"Authorization: Bearer …\""`
	Expires time.Time `json:"expires,omitzero"`
}

func sessionRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/session", id: "signIn", tag: "installation", title: "Sign in",
			doc: "A token for the name and password of a local account. Programs that run by themselves use a token of an account " +
				"(fixpoint account generate-token) instead.",
			body: Login{}, example: `{"username": "alice", "password": "…"}`, open: true, result: Session{}, do: signIn,
		}, {
			method: http.MethodDelete, path: "/session", id: "signOut", tag: "installation", title: "Sign out",
			doc:    "The token that the request shows is not taken any more. Tokens that an account or a project's role has for programs are deleted where they are declared.",
			result: Nothing{}, do: signOut,
		},
	}
}

func signIn(c *call) (any, error) {
	var b Login
	if err := c.body(&b); err != nil {
		return nil, err
	}
	if c.login == nil {
		return nil, refusal{"not-found", "nobody signs in here by name and password"}
	}
	from, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		from = c.r.RemoteAddr
	}
	out, err := c.login(c.r.Context(), b.Username, b.Password, from)
	busy := Busy{}
	switch {
	case errors.As(err, &busy):
		c.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(busy.After.Seconds())))))
		return nil, refusal{"too-many", busy.Error()}
	case errors.Is(err, view.ErrUnauthenticated):
		return nil, refusal{"unauthenticated", "wrong name or password"}
	case err != nil:
		return nil, err
	}
	out.Expires = out.Expires.UTC()
	c.w.Header().Set("Cache-Control", "no-store")
	return out, nil
}

func signOut(c *call) (any, error) {
	if c.logout == nil {
		return nil, refusal{"not-found", "there are no sessions here"}
	}
	return Nothing{}, c.logout(c.r)
}

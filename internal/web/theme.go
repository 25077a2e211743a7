package web

import (
	"net/http"
	"strings"
)

const themeCookie = "fixpoint_theme"

// themeOf is the reader's choice: "light", "dark", or "" for that of the system.
func themeOf(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// theme remembers a choice and goes back to where it was made.
func (w *Web) theme(rw http.ResponseWriter, r *http.Request) {
	c := &http.Cookie{ //nolint:gosec // it is no secret, and has to work without TLS as well
		Name: themeCookie, Value: r.PostFormValue("theme"), Path: "/",
		MaxAge: 365 * 24 * 3600, SameSite: http.SameSiteLaxMode, HttpOnly: true, Secure: r.TLS != nil,
	}
	if c.Value != "light" && c.Value != "dark" {
		c.Value, c.MaxAge = "", -1
	}
	http.SetCookie(rw, c)
	http.Redirect(rw, r, local(r.PostFormValue("back")), http.StatusSeeOther) //nolint:gosec // local sees to it
}

// local is a path of this server, and "/" instead of anything that may lead elsewhere.
func local(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}

package web

import (
	"bytes"
	"net/http"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

type signInPage struct {
	view.SignIn
	Theme string
	// Why is why it did not work before; nil at first.
	Why *State
}

// whySignIn has all texts that the page may show: none comes from a request.
var whySignIn = map[string]State{
	view.FailedPassword: {"The name or the password is wrong.", "warning", "bad"},
	view.FailedBusy:     {"There were too many attempts. Wait a minute, then try again.", "clock", "warn"},
	view.FailedSSO:      {"Your provider has answered, but Fixpoint could not tell who you are. Try again, or ask who runs Fixpoint to look into its log.", "warning", "bad"},
	view.FailedDeclined: {"Your provider said no: you declined, or it does not let you use Fixpoint. Try again, or ask who runs the provider for access.", "lock", "warn"},
	view.FailedAway:     {"Your provider does not answer at the moment. Try again in a minute.", "offline", "warn"},
	view.FailedStale:    {"That took too long, or was begun in another window. Start again here.", "clock", "warn"},
	view.FailedExpired:  {"Your session has ended. Sign in again to go on.", "clock", "calm"},
	view.FailedHost:     {"Without signing in, Fixpoint shows itself at its own address only, and this is another name for it. Use that address, or sign in.", "lock", "calm"},
}

// SignIn answers with the page for signing in; with status 401, 429 or 503 where it
// failed.
func (w *Web) SignIn(rw http.ResponseWriter, r *http.Request, s view.SignIn) {
	p := signInPage{SignIn: s, Theme: themeOf(r)}
	p.ReturnTo = local(s.ReturnTo)
	status := http.StatusOK
	if why, ok := whySignIn[s.Failed]; ok {
		p.Why, status = &why, http.StatusUnauthorized
	}
	switch s.Failed {
	case view.FailedBusy:
		status = http.StatusTooManyRequests
	case view.FailedAway:
		status = http.StatusServiceUnavailable
	}
	var b bytes.Buffer
	if err := w.templates.ExecuteTemplate(&b, "sign-in", p); err != nil {
		w.log.Error("A page could not be rendered", "page", "sign-in", "err", err)
		w.plainError(rw, http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	_, _ = rw.Write(b.Bytes()) // the reader may have gone
}

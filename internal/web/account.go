package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// accountRoutes registers the page about the reader, and what it does.
func (w *Web) accountRoutes() {
	w.page("/account", w.account)
	w.accountDeed("/account/password", w.changePassword)
	w.accountDeed("/account/tokens", w.issueToken)
	w.accountDeed("/account/tokens/delete", w.deleteToken)
}

// accountPage is about the reader.
type accountPage struct {
	Frame
	Account view.Account
	// Failed is the form that was not accepted, "password", "token" or "tokens", Why why.
	Failed, Why string
	// Issued is a token that was made just now, by the name ID: it is shown this once.
	Issued, ID string
	// Asked is the id that was typed.
	Asked string
}

func (w *Web) account(r *http.Request) (Page, error) {
	return w.accountOf(r)
}

func (w *Web) accountOf(r *http.Request) (*accountPage, error) {
	p := &accountPage{Frame: Frame{Title: "Your account", Nav: "account", Template: "account"}}
	var err error
	p.Account, err = view.DeskOf(r.Context()).Account(r.Context())
	return p, err
}

// form is one that was sent, with what it says of the page that is shown then.
type form struct {
	w       http.ResponseWriter
	r       *http.Request
	account string
	// done is a code of notices; "" shows the page at once.
	done string
	page *accountPage
}

// accountDeed registers what a form of the page does. What it is refused for is told in
// the page, at the form.
func (w *Web) accountDeed(path string, do func(*form) error) {
	w.pages.HandleFunc("POST "+path, func(rw http.ResponseWriter, r *http.Request) {
		p, err := w.accountOf(r)
		if err != nil {
			w.fail(rw, r, err)
			return
		}
		f := &form{w: rw, r: r, account: p.Account.Name, page: p}
		err = do(f)
		switch {
		case err == nil && f.done != "":
			goOn(rw, r, "/account", f.done)
			return
		case errors.Is(err, model.ErrInvalid):
			p.Why, p.Status = err.Error(), http.StatusUnprocessableEntity
		case errors.Is(err, view.ErrTooMany):
			p.Why, p.Status = err.Error(), http.StatusTooManyRequests
		case err != nil:
			w.fail(rw, r, err)
			return
		}
		p.Address = "/account"
		w.fill(p, r)
		w.send(rw, r, p)
	})
}

func (w *Web) changePassword(f *form) error {
	f.page.Failed, f.done = "password", "password"
	chosen := f.r.PostFormValue("new")
	if chosen != f.r.PostFormValue("again") {
		return model.Invalidf("the two new passwords differ: type the same twice")
	}
	session, err := view.DeskOf(f.r.Context()).UpdatePassword(f.r.Context(), view.PasswordChange{
		Account: f.account, Current: f.r.PostFormValue("current"), New: chosen,
	})
	if err != nil || w.renew == nil {
		return err
	}
	return w.renew(f.w, f.r, session)
}

// lasts are how long a token may be good for, by what the form sends; 0 is for ever.
var lasts = map[string]time.Duration{"30": 30 * 24 * time.Hour, "90": 90 * 24 * time.Hour, "365": 365 * 24 * time.Hour, "": 0}

// issueToken shows the token in its answer, and nowhere else.
func (w *Web) issueToken(f *form) error {
	f.page.Failed, f.page.Asked = "token", strings.TrimSpace(f.r.PostFormValue("id"))
	length, ok := lasts[f.r.PostFormValue("days")]
	if !ok {
		return model.Invalidf("choose how long the token is good for")
	}
	desk := view.DeskOf(f.r.Context())
	token, err := desk.IssueToken(f.r.Context(), f.account, f.page.Asked, length)
	if err != nil {
		return err
	}
	f.page.Failed, f.page.Asked, f.page.Issued, f.page.ID = "", "", token, f.page.Asked
	f.page.Account, err = desk.Account(f.r.Context())
	return err
}

func (w *Web) deleteToken(f *form) error {
	f.page.Failed, f.done = "tokens", "revoked"
	err := view.DeskOf(f.r.Context()).DeleteToken(f.r.Context(), f.account, f.r.PostFormValue("id"))
	if errors.Is(err, model.ErrNotFound) {
		return nil // somebody was faster
	}
	return err
}

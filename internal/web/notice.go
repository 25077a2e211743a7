package web

import (
	"context"
	"net/http"
	"net/url"
)

// notices are what a page says of the deed that led to it, by the codes in addresses:
// nothing that an address says is shown.
var notices = map[string]string{
	"sync":         "Sync requested",
	"rollback":     "Rollback requested",
	"rollback-off": "Automated sync is off, and a rollback is requested",
	"refresh":      "Refresh requested",
	"hard":         "Hard refresh requested: all is rendered anew",
	"terminate":    "The sync is being ended",
	"suspend":      "Suspended: nothing is done until somebody resumes it",
	"resume":       "Resumed",
	"action":       "The action was done",
	"delete":       "The object was deleted",
	"password":     "Your password is changed: all other sessions and your API tokens have ended",
	"revoked":      "The token is revoked",

	"autosync-on":  "Automated sync is on",
	"autosync-off": "Automated sync is off",
	"delete-app":   "Deletion requested",
}

const doneParam = "done"

// after is the address of a page that says what was done.
func after(address, code string) string {
	u, err := url.Parse(local(address))
	if err != nil {
		return "/apps"
	}
	if u.Path == "/" {
		u.Path = "/apps"
	}
	q := u.Query()
	q.Set(doneParam, code)
	u.RawQuery = q.Encode()
	return u.String()
}

// goOn leads from a deed to the page that shows what comes of it.
func goOn(rw http.ResponseWriter, r *http.Request, address, code string) {
	http.Redirect(rw, r, after(address, code), http.StatusSeeOther) //nolint:gosec // after sees to it
}

type noticeKey struct{}

// takeNotice moves the code of a deed from the address, which is that of the page
// again, into the request's context.
func takeNotice(r *http.Request) *http.Request {
	q := r.URL.Query()
	if !q.Has(doneParam) {
		return r
	}
	text := notices[q.Get(doneParam)]
	q.Del(doneParam)
	r = r.WithContext(context.WithValue(r.Context(), noticeKey{}, text))
	u := *r.URL
	u.RawQuery = q.Encode()
	r.URL = &u
	return r
}

func noticeOf(r *http.Request) string {
	text, _ := r.Context().Value(noticeKey{}).(string)
	return text
}

package front

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// sameOrigin refuses what another site makes a browser send: whatever changes
// something, and streams, whose beginning alone would tell something; also what Argo CD's
// clients ask for by reading. There is no way
// to let another site in: no answer has a header of CORS.
func (d *door) sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.here(r) {
			refuse(w, r, crossOrigin)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (d *door) here(r *http.Request) bool {
	probe := r
	if isStream(r) || r.URL.Query().Has("refresh") {
		probe = &http.Request{Method: http.MethodPost, Header: r.Header, Host: r.Host, URL: r.URL}
	}
	if d.cross.Check(probe) == nil {
		return true
	}
	// A proxy may give the request another host than the browser has asked for. Where
	// the browser itself says where the request comes from, that counts.
	return r.Header.Get("Sec-Fetch-Site") == "" && origin(d.URL()) != "" && r.Header.Get("Origin") == origin(d.URL())
}

// origin is scheme and host of an address.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// json refuses what a form of another site could send: whatever changes something
// and is not declared as JSON. A token in a header is proof enough: browsers add none
// by themselves.
func (d *door) json(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
		if !safe && !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") && !declaredJSON(r) {
			refuse(w, r, notJSON)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func declaredJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// bounded bounds the body of a request.
func (d *door) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > d.MaxBody {
			w.Header().Set("Connection", "close")
			refuse(w, r, tooLarge)
			return
		}
		if r.Body != nil {
			r.Body = http.MaxBytesReader(w, r.Body, d.MaxBody)
		}
		next.ServeHTTP(w, r)
	})
}

package front

import (
	"net/http"
	"strings"
)

// policy lets pages load what this site serves and nothing else, run no script that
// is written in a page, and be framed by nobody.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers sets what every answer has. Referrers stay within this site, where browsers
// need them to say where a form comes from.
func (d *door) headers(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if d.secure(r) {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if !strings.HasPrefix(r.URL.Path, "/assets/") {
		h.Set("Cache-Control", "no-store")
	}
}

// secure reports whether clients speak TLS, with us or with a proxy. Browsers take no
// notice of the header where they don't.
func (d *door) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(d.URL(), "https://") ||
		d.trusted(peer(r)) && r.Header.Get("X-Forwarded-Proto") == "https"
}
